/* The hf_key of tokens: what stands behind the public face. */
#ifndef HANDFAST_HSM_KEY_H
#define HANDFAST_HSM_KEY_H

#include <stdatomic.h>

#include "pool.h"

struct hf_hsm_key {
    hf_key face; /* first: the pointer that the engine holds */
    atomic_uint refs;
    /* Constant once it is open. */
    hf_member members[HF_HSM_TOKENS_MAX];
    size_t n;
    hf_pubkey pub;
    uint8_t spki_sha256[32];
    hf_usable usable;   /* what every token that was there can do */
    hf_key_facts facts; /* of the first */
    hf_token_certs certs;
    char *label;
    bool allow_extractable;
    uint64_t timeout_us;
    unsigned hedge_percentile;
    hf_hsm_use_fn *on_use;
    hf_hsm_notice_fn *on_notice;
    void *arg;

    unsigned holds;       /* hub: who may still look at this memory */
    hf_job *first, *last; /* hub: live jobs by deadline */
    unsigned active;      /* hub: jobs not yet handed back, threads that work for it */
    bool closing;         /* hub */
    bool listed;          /* hub: the members stand in their pools' lists */
    pthread_cond_t calm;  /* active has become 0 */
    pthread_t keeper;
    bool kept;                    /* the keeper runs */
    bool keeper_ends;             /* hub */
    int wake_fd;                  /* of the keeper: an eventfd */
    uint64_t sleeps_us;           /* hub: until when the keeper sleeps */
    _Atomic(hf_errand *) errands; /* the last one first */
    _Atomic(hf_job *) spent;      /* memory to be freed */
    atomic_uint inside;           /* callers in submit, cancel, admits */
    atomic_bool admits;           /* the last answer */
    atomic_ullong refused;
    uint32_t recent[HF_HSM_LATENCY_BUCKETS]; /* hub: how long the last operations took, in the queue and the token */
    uint32_t recent_n;                       /* hub */
    unsigned hedge_credit;                   /* hub: hundredths of a hedge that may be spent */
};

/* The implementation of a key that hf_hsm_key_open made; NULL for any other. */
hf_hsm_key *hf_hsm_key_of(hf_key *key);

/* Under the lock: the memory goes with the last hold and the last user. */
void hf_hsm_key_unhold(hf_hsm_key *k);

/* Without the lock: between the two the key's end waits. False: it has ended or is about to. */
bool hf_hsm_key_enter(hf_hsm_key *k);
void hf_hsm_key_leave(hf_hsm_key *k);

/* ---- errand.c: the operations of the face; none waits for the lock ---- */

void hf_hsm_submit(hf_hsm_key *k, hf_key_op *op, hf_key_done_fn *done, void *arg);
void hf_hsm_cancel(hf_hsm_key *k, hf_key_done_fn *done, void *arg);
bool hf_hsm_admits(hf_hsm_key *k);
/* Under the lock: does what was left. */
void hf_errands_run(hf_hsm_key *k, hf_job **list);

/* ---- failover.c ---- */

/* Under the lock: every job that does not run, with this status. */
void hf_hsm_cancel_waiting(hf_hsm_key *k, hf_job **list);

/* ---- hedge.c ---- */

/* Under the lock: an operation took so long. */
void hf_hedge_learn(hf_hsm_key *k, uint64_t us);
/* Under the lock: how long a new operation may take before it is hedged; 0: no hedging. */
uint64_t hf_hedge_delay_us(const hf_hsm_key *k);
/* Under the lock: hedges what is due; the next time, or UINT64_MAX. */
uint64_t hf_hedge_due(hf_hsm_key *k, uint64_t now_us);

/* ---- keeper.c ---- */

hf_status hf_keeper_start(hf_hsm_key *k, const hf_why *why);
void hf_keeper_stop(hf_hsm_key *k);
/* Under the lock: the keeper looks again when it would sleep longer. */
void hf_keeper_by(hf_hsm_key *k, uint64_t us);
/* The keeper runs the errands. Any thread, with or without the lock. */
void hf_keeper_call(hf_hsm_key *k);

/* ---- use.c ---- */

/* What is told of one use. */
typedef struct hf_use_facts {
    uint64_t wait_us, latency_us;
    hf_status status;
    const char *rv;
} hf_use_facts;
/* Without the lock. `label` of the token. */
void hf_use_tell(const hf_job *job, const hf_member *member, const char *label, const hf_use_facts *facts);

/* For provisioning: a session of one's own on the first token that works, and the key's handle there. */
hf_status hf_hsm_key_borrow(hf_hsm_key *k, bool write, hf_token *out, CK_OBJECT_HANDLE *out_handle, const hf_why *why);
void hf_hsm_key_give_back(hf_token *token);

#endif
