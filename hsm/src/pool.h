/* Sessions and threads: a bounded queue of key operations, served by workers with one session each. */
#ifndef HANDFAST_HSM_POOL_H
#define HANDFAST_HSM_POOL_H

#include "stats.h"
#include "token_key.h"

typedef struct hf_token_pool hf_token_pool;

/* Who is told of every use. */
typedef struct hf_pool_watch {
    hf_hsm_use_fn *on_use;
    void *arg;
    const char *key;
    const uint8_t *spki_sha256;
    char token[HF_HSM_LABEL_SIZE];
} hf_pool_watch;

/* Opens up to `threads` sessions (a token that has fewer gives fewer, at least one) and starts as many threads. Borrows
 * token and pub. Errors: HF_ERR_TOKEN, HF_ERR_NO_MEMORY, ... */
hf_status hf_token_pool_new(const hf_token *token, CK_OBJECT_HANDLE key, const hf_pubkey *pub, hf_decrypt_how decrypt,
                            unsigned threads, const hf_pool_watch *watch, hf_token_pool **out, const hf_why *why);
void hf_token_pool_stats(hf_token_pool *pool, hf_hsm_token_stats *out);
/* Queues op; `done` gets it on a worker thread, or at once on this one with HF_ERR_BUSY or HF_ERR_CANCELED. */
void hf_token_pool_submit(hf_token_pool *pool, hf_key_op *op, hf_key_done_fn *done, void *arg);
/* Whether the calling thread is one of the workers. */
bool hf_token_pool_is_worker(const hf_token_pool *pool);
/* Cancels what is queued, waits for what runs, joins, closes the sessions. Not on a worker. NULL is allowed. */
void hf_token_pool_free(hf_token_pool *pool);

#endif
