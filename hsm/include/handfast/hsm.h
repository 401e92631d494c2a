/* Keys in PKCS#11 tokens: load a module, find a key, use it. Library: handfast-hsm (p11-kit, libcrypto for DER).
 *
 * Errors: a status, and one line for the operator in `why` (why_max bytes, always terminated): what failed, why, and
 * what to do. PINs never appear in it. After HF_OK of hf_hsm_key_open it is empty, or says what the token advertises
 * and yet does not do (and which is therefore not offered): worth a line in the log.
 */
#ifndef HANDFAST_HSM_H
#define HANDFAST_HSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/key.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_HSM_PIN_MAX 256  /* bytes of a PIN */
#define HF_HSM_URI_MAX 2048 /* bytes of a PKCS#11 URI, RFC 7512 */
#define HF_HSM_THREADS_MAX 64
#define HF_HSM_QUEUE_MAX 4096                  /* operations waiting for one token */
#define HF_HSM_TOKENS_MAX 8                    /* tokens that hold the same key */
#define HF_HSM_LABEL_SIZE 65                   /* bytes of a token's label, with its end */
#define HF_HSM_SERIAL_SIZE 17                  /* the same of its serial number */
#define HF_HSM_OPERATION_TIMEOUT_MS 10000      /* default deadline of one operation, from submit to done */
#define HF_HSM_OPERATION_TIMEOUT_MAX_MS 600000 /* the longest that may be chosen */

/* One use of a private key: what an audit line tells. All pointers valid during the call only, never a secret. */
typedef struct hf_hsm_use {
    uint64_t time_us;           /* wall clock when the token answered, microseconds since 1970-01-01 UTC */
    uint64_t conn_id;           /* hf_key_op.conn_id: the connection that asked */
    uint64_t op_id;             /* hf_key_op.id: the same for every try of one operation */
    const char *key;            /* URI of the key, hf_key.label */
    const uint8_t *spki_sha256; /* 32 bytes: SHA-256 of the SubjectPublicKeyInfo, the key's fingerprint */
    hf_key_op_kind kind;
    uint16_t scheme;         /* SIGN: SignatureScheme; else 0 */
    const char *scheme_name; /* SIGN: as RFC 8446 writes it; else "" */
    const char *mechanism;   /* "CKM_RSA_PKCS_PSS" */
    const char *token;       /* label of the token that was asked */
    uint64_t wait_us;        /* microseconds in the queue before */
    uint64_t latency_us;     /* microseconds in the token */
    hf_status status;        /* what came of it; HF_ERR_TIMEOUT: the token has not answered by the deadline */
    const char *rv;          /* the token's code, "CKR_OK"; of a decryption never one that depends on the ciphertext;
                              * "" when the token has not answered */
} hf_hsm_use;

/* Called after each use of a key in a token, before the operation's `done`: on one of the library's threads, several at
 * once. Must not block for long (the thread is one of those that ask the token) and must not release the key. */
typedef void hf_hsm_use_fn(void *arg, const hf_hsm_use *use);

/* Called with one line for the operator when something happens by itself: a token is lost, is back, is not used any
 * more. Threads and rules as above. */
typedef void hf_hsm_notice_fn(void *arg, const char *line);

typedef struct hf_hsm_options {
    const char *module; /* path of a PKCS#11 module; NULL: module-path of the URI, else p11-kit's configured modules */
    const char *module_args; /* what that module is to get as pReserved of C_Initialize, e.g. NSS's softokn; NULL:
                              * nothing. The first one in a process decides; HF_ERR_INVALID without a module's path */
    const char *pin_source;  /* file with the PIN (first line); NULL: pin-source of the URI, else the systemd credential
                              * "handfast-pin" ($CREDENTIALS_DIRECTORY), else the terminal when prompt is set */
    bool prompt;             /* may ask on /dev/tty, when the key is opened; never later */
    bool allow_extractable;  /* accept a key that is extractable or not sensitive */
    unsigned threads;     /* worker threads of a token, one session each, 1..HF_HSM_THREADS_MAX; 0: one for each CPU, at
                           * most 8, and more when the token is far away (slow, while our CPUs idle) */
    unsigned session_max; /* sessions that this process opens in one token at most, 2..; 0: what the token allows */
    unsigned operation_timeout_ms; /* deadline of each operation, 1..HF_HSM_OPERATION_TIMEOUT_MAX_MS milliseconds;
                                    * 0: HF_HSM_OPERATION_TIMEOUT_MS */
    unsigned hedge_percentile;   /* several tokens: an operation that takes longer than this percentage of the last ones
                                  * is also given to another token, and the first answer counts; 50..99; 0: never */
    hf_hsm_use_fn *on_use;       /* NULL: none */
    hf_hsm_notice_fn *on_notice; /* NULL: none */
    void *arg;                   /* for both; must outlive the key, or hf_hsm_key_retire */
} hf_hsm_options;

/* Finds exactly one private key by its URI, logs in once, checks its attributes, reads its public half, probes its
 * mechanisms and starts the worker threads. The hf_key's release stops them, logs out, and closes its sessions.
 * Errors: HF_ERR_INVALID (URI, options), HF_ERR_MODULE, HF_ERR_TOKEN_ABSENT, HF_ERR_PIN_SOURCE, HF_ERR_PIN_INCORRECT,
 * HF_ERR_PIN_LOCKED, HF_ERR_NOT_FOUND and HF_ERR_AMBIGUOUS (why lists candidates), HF_ERR_KEY_UNSAFE,
 * HF_ERR_KEY_UNUSABLE, HF_ERR_TOKEN, HF_ERR_LIMIT, HF_ERR_NO_MEMORY. Never fork afterwards: PKCS#11 does not survive
 * it. */
HF_API hf_status hf_hsm_key_open(const hf_hsm_options *options, const char *uri, hf_key **out, char *why,
                                 size_t why_max) HF_MUST_CHECK;

/* The same key in n tokens (1..HF_HSM_TOKENS_MAX), as one hf_key: an operation goes to the least busy token that works,
 * and to another one when that fails. Tokens that cannot be opened now are tried again in the background as long as one
 * works (`why` then says which). Errors: as above, of the first token when none works; HF_ERR_KEY_MISMATCH when two
 * tokens hold different keys (why names both). */
HF_API hf_status hf_hsm_key_open_any(const hf_hsm_options *options, const char *const *uris, size_t n, hf_key **out,
                                     char *why, size_t why_max) HF_MUST_CHECK;

/* Ends the use of a key while others still hold references to it: what waits is canceled, what runs has within_ms
 * milliseconds left (its own deadline, when that is sooner) and ends with HF_ERR_TIMEOUT then, whatever the token does,
 * and what is submitted from now on is canceled. From its return on no operation is out, and nothing more is told of
 * the key: `arg` of its options may go. Waits. Not on a thread of this library, not inside `done`, on_use or on_notice.
 * A key of another kind is left alone. */
HF_API void hf_hsm_key_retire(hf_key *key, unsigned within_ms);

/* ---- What the tokens do, for metrics ---- */

/* How an operation ended. */
typedef enum hf_hsm_result {
    HF_HSM_RESULT_OK,
    HF_HSM_RESULT_BUSY,     /* the queue was full */
    HF_HSM_RESULT_TIMEOUT,  /* the deadline passed, in the queue or in the token */
    HF_HSM_RESULT_CANCELED, /* given up while it waited, or answered by another token first */
    HF_HSM_RESULT_ABSENT,   /* the token is gone */
    HF_HSM_RESULT_TOKEN,    /* the token answered with an error */
    HF_HSM_RESULT_LOGIN,    /* the token wants a login that cannot be given */
    HF_HSM_RESULT_MISMATCH, /* the token holds another key now */
    HF_HSM_RESULT_OTHER,
    HF_HSM_RESULTS
} hf_hsm_result;
/* "ok", "busy", ...; static storage. */
HF_API const char *hf_hsm_result_name(hf_hsm_result result);

/* The circuit breaker of a token. */
typedef enum hf_hsm_breaker {
    HF_HSM_BREAKER_CLOSED,   /* in use */
    HF_HSM_BREAKER_OPEN,     /* failed: gets no operations */
    HF_HSM_BREAKER_HALF_OPEN /* being tried */
} hf_hsm_breaker;
/* "closed", "open", "half_open"; static storage. */
HF_API const char *hf_hsm_breaker_name(hf_hsm_breaker state);

/* The latency buckets: microseconds up to which bucket i counts, ascending; UINT64_MAX for the last one
 * (i >= HF_HSM_LATENCY_BUCKETS - 1), which holds what is slower. */
#define HF_HSM_LATENCY_BUCKETS 19
HF_API uint64_t hf_hsm_latency_bound_us(size_t i);

/* One token. Counters run from the moment the token was first opened; they are of the token, whatever key was used. */
typedef struct hf_hsm_token_stats {
    char token[HF_HSM_LABEL_SIZE];   /* label; the URI's when the token was never seen */
    char serial[HF_HSM_SERIAL_SIZE]; /* likewise; tokens may have the same label */
    hf_hsm_breaker breaker;
    unsigned sessions, sessions_limit; /* open now; the most we open (what the token allows, as far as it is known) */
    unsigned threads, threads_limit;
    unsigned queued, running; /* operations now */
    uint64_t results[HF_HSM_RESULTS];
    uint64_t latency[HF_HSM_LATENCY_BUCKETS]; /* operations by time in the token; not cumulated */
    uint64_t latency_sum_us;
    uint64_t reconnects;     /* sessions opened again after one was lost */
    uint64_t logins;         /* C_Login that succeeded */
    uint64_t hung;           /* threads given up and replaced because a call did not return */
    unsigned hung_now;       /* of these, how many have not come back */
    uint64_t breaker_opened; /* how often */
    uint64_t retries;        /* operations that were given to this token after a failure elsewhere or here */
    uint64_t hedges;         /* operations that were also given to this token because another was slow */
} hf_hsm_token_stats;

typedef struct hf_hsm_stats {
    uint64_t refused; /* times that hf_key_ops.admits said no */
    size_t n;
    hf_hsm_token_stats tokens[HF_HSM_TOKENS_MAX];
} hf_hsm_stats;

/* A snapshot. HF_ERR_INVALID: not a key of this library. Any thread. */
HF_API hf_status hf_hsm_key_stats(hf_key *key, hf_hsm_stats *out) HF_MUST_CHECK;

/* Certificates that stand beside the key in its token (same CKA_ID), own certificate first, then issuers found in the
 * token. `each` is called with DER, borrowed. HF_ERR_NOT_FOUND when there is none. */
HF_API hf_status hf_hsm_key_certs(hf_key *key, hf_status (*each)(void *arg, const uint8_t *der, size_t len),
                                  void *arg) HF_MUST_CHECK;

/* ---- Secrets derived from a symmetric key in a token ---- */

#define HF_HSM_SECRET_SIZE 32 /* bytes */

/* A secret key (AES, or generic or HMAC) that never leaves its token, and what is derived from it: the same on every
 * machine that reaches the key. One thread at a time. */
typedef struct hf_hsm_secret hf_hsm_secret;

/* Finds exactly one secret key by its URI and logs in. options as for hf_hsm_key_open; its texts must outlive the
 * result; the PIN may be asked for on the terminal now, never later. Errors as there; HF_ERR_KEY_UNUSABLE: a key of
 * another kind. */
HF_API hf_status hf_hsm_secret_open(const hf_hsm_options *options, const char *uri, hf_hsm_secret **out, char *why,
                                    size_t why_max) HF_MUST_CHECK;
/* 32 bytes from the key and a label of 1..128 bytes, with one use of an HMAC key (CKM_SHA256_HMAC) or two of an AES key
 * (CKM_AES_CMAC); nobody without the key can tell them from random ones. Blocks on the token. A token that was away is
 * opened again. On failure `out` is unchanged. */
HF_API hf_status hf_hsm_secret_derive(hf_hsm_secret *secret, const uint8_t *label, size_t len,
                                      uint8_t out[HF_HSM_SECRET_SIZE], char *why, size_t why_max) HF_MUST_CHECK;
/* NULL is allowed. */
HF_API void hf_hsm_secret_close(hf_hsm_secret *secret);

/* Threads of this library that still run though every key may be released: those that hang inside of a module, and
 * those that let go a key whose last reference went in a completion. While there are any, a program must end with
 * _exit(2), not with exit(3), whose handlers take away what the module below them uses. Those that have done their work
 * are waited for, so that 0 means that none is left in any library's code; a program that never asks leaves one of them
 * unjoined. Not on a thread of this library. */
HF_API unsigned hf_hsm_threads_running(void);

#ifdef __cplusplus
}
#endif

#endif
