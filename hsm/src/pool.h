/* Tokens, keys and operations at run time: what the rooms pool, worker, recover, job, failover and keeper share.
 *
 *   key (hf_hsm_key)  one private key; one member for each token that holds it; a keeper thread for deadlines
 *   member            the key in one token: how to find it again, its handle, what it can do there
 *   pool              one token: module, sessions with a thread each, a queue, a breaker; shared by the keys in it
 *   job               one operation; at most two tries of it are queued or running at once
 *
 * One lock (hf_hub_lock) guards all of their changing fields, marked "hub" below. It is held for some hundred
 * instructions at a time and never across a call into a module, a callback, or a wait for a thread. */
#ifndef HANDFAST_HSM_POOL_H
#define HANDFAST_HSM_POOL_H

#include <pthread.h>

#include "bell.h"
#include "breaker.h"
#include "certs.h"
#include "queue.h"
#include "stats.h"
#include "token_key.h"

#define HF_POOL_THREADS_NEAR 8     /* default most threads of a token, at most one for each CPU */
#define HF_POOL_THREADS_FAR 32     /* default most threads of a token that answers slower than HF_POOL_FAR_US */
#define HF_POOL_FAR_US 2000        /* from here on the time goes on the way, not into our CPUs */
#define HF_POOL_UNKNOWN_US 1000    /* an operation takes so long until one was seen */
#define HF_POOL_NICE_NEAR 5        /* a token's threads have so much less priority than who opened the first key */
#define HF_POOL_NICE_FAR 19        /* the same once there were more than CPUs: they should wait for the wire */
#define HF_POOL_STARVED_MS 100     /* so long in a call and still waiting for a CPU: such a priority may give way */
#define HF_POOL_CALM_MS 10000      /* until nothing was starved for so long */
#define HF_POOL_HUNG_MAX 16        /* threads of a token that hang in a call and were replaced, at once */
#define HF_POOL_KEEPALIVE_MS 30000 /* an idle session is asked for its state */
#define HF_POOL_PROBE_MAX_MS 5000  /* a probe or reconnection that takes longer counts as hung */
#define HF_POOL_LEND_MAX_MS 30000  /* the same of a key that is opened on a thread's session, with all its trials */

typedef struct hf_hsm_key hf_hsm_key;
typedef struct hf_pool hf_pool;
typedef struct hf_job hf_job;

/* ---- hub ---- */

void hf_hub_lock(void);
/* False when somebody has it. For who must not wait: see errand.c. */
bool hf_hub_try_lock(void);
void hf_hub_unlock(void);
/* A condition for hf_hub_wait. */
void hf_hub_cond_init(pthread_cond_t *cond);
/* Waits until a signal or hf_now_us() >= until_us (0: for ever), with the lock held. */
void hf_hub_wait(pthread_cond_t *cond, uint64_t until_us);
/* Starts a thread of ours, without signals. Somebody joins it, unless it says hf_thread_alone. */
bool hf_thread_start(pthread_t *out, void *(*run)(void *), void *arg);
/* The calling thread, one of ours, is joined by nobody here: its end is looked after (see hub.c). */
void hf_thread_alone(void);
/* Whether the calling thread is one of ours: then it must not wait for itself. */
bool hf_thread_is_ours(void);
/* Marks the calling thread as such for a while; what it was before. */
bool hf_thread_mark(bool mark);

/* ---- member ---- */

typedef struct hf_member {
    hf_hsm_key *key;
    size_t index;
    uint64_t id; /* unique in the process */
    hf_pool *pool;
    P11KitUri *uri;
    struct hf_member *next; /* hub: in the pool's list */
    bool ready;             /* hub: it was found and tried; what follows is constant from then on */
    hf_usable usable;
    hf_key_facts facts;
    hf_decrypt_key decrypt;
    hf_key_auth auth;
    bool lost;               /* hub: not there, or another key stands there: not used until a probe finds it */
    hf_status lost_status;   /* hub */
    CK_OBJECT_HANDLE handle; /* hub */
    uint64_t generation;     /* hub: of the pool, when the handle was found; 0: to be found again */
} hf_member;

/* ---- job ---- */

/* One try of a job at one token. */
typedef struct hf_try {
    hf_queue_item item; /* first */
    hf_job *job;
    hf_member *member; /* NULL: this slot is free */
    uint64_t queued_us;
    bool running;
    bool again; /* it failed once here and the token was connected anew */
} hf_try;

/* What a caller leaves for whoever has the lock. */
typedef enum hf_errand_kind { HF_ERRAND_SUBMIT, HF_ERRAND_CANCEL, HF_ERRAND_RETURNED } hf_errand_kind;
typedef struct hf_errand {
    struct hf_errand *next;
    hf_errand_kind kind;
    hf_job *job;          /* not of HF_ERRAND_CANCEL */
    hf_key_done_fn *done; /* HF_ERRAND_CANCEL: what it was submitted with */
    void *arg;
} hf_errand;

struct hf_job {
    hf_hsm_key *key; /* held */
    hf_errand errand;
    hf_key_op *op; /* hub: NULL once it was handed back */
    hf_key_done_fn *done;
    void *arg;
    hf_key_op_kind kind;
    uint16_t scheme, client_version;
    uint64_t id, conn_id;
    uint64_t submitted_us, deadline_us;
    hf_job *before, *after; /* hub: in the key's list of live ones, in order of deadline */
    hf_job *next_done;      /* on its way to `done` */
    unsigned refs;          /* hub */
    bool finished;          /* hub: its status is settled */
    bool moved;             /* hub: it was given to another token after a failure */
    bool hedged;            /* hub */
    uint64_t hedge_us;      /* hub: when to give it to a second token, too; 0: never */
    unsigned asked;         /* hub: bits of the members that were asked */
    hf_status status;
    hf_try tries[2]; /* hub */
    uint8_t fallback[HF_PREMASTER_SIZE];
    size_t input_len;
    uint8_t input[]; /* a copy: a thread that hangs may look at it after the operation is gone */
};

/* NULL when out of memory. */
hf_job *hf_job_new(hf_hsm_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg, uint64_t timeout_us);
/* Under the lock: settles a live job, takes it off the lists and queues, and puts it before *list. The result (may be
 * NULL) is copied. False when it was settled before. */
bool hf_job_finish(hf_job *job, hf_status status, const uint8_t *result, size_t result_len, hf_job **list);
/* Without the lock: hands the finished ones back. Waits for the lock. */
void hf_jobs_deliver(hf_job *list);
/* The same in two steps, for who must not wait: without the lock, to `done`; then, under it, off the key's account. */
void hf_job_give(hf_job *job);
void hf_job_returned(hf_job *job);
/* Frees the memory of jobs that are over. */
void hf_jobs_free_spent(hf_hsm_key *key);
/* Under the lock: a reference less. */
void hf_job_unref(hf_job *job);

/* ---- pool ---- */

/* One thread with one session. */
typedef struct hf_worker_thread {
    hf_pool *pool;
    struct hf_worker_thread *next; /* hub */
    pthread_t thread;
    hf_p11_session session; /* the thread's own */
    uint64_t generation;    /* the thread's own: of the pool, when the session was opened */
    CK_OBJECT_HANDLE spare; /* the thread's own: see hf_decrypter; of the member spare_of */
    uint64_t spare_of;
    pid_t tid;           /* hub */
    int nice;            /* hub: the priority that it has */
    bool relieved;       /* hub: another thread waits for this one to leave, and goes on in its place */
    pthread_t before;    /* hub: the thread that is relieved */
    bool open;           /* hub: has a session */
    bool busy;           /* hub */
    hf_try *current;     /* hub: what it runs */
    uint64_t since_us;   /* hub: busy since */
    uint64_t limit_us;   /* hub: busy with something of the pool's own (a probe) that must end by then; 0: with a try */
    uint64_t used_us;    /* hub: last answer of the token */
    bool ended;          /* hub: has left its loop */
    bool abandoned;      /* hub: hangs; others do its work; it frees itself when it comes back */
    bool suspect;        /* the thread's own: the session may be lost, a new one is opened first */
    bool probing;        /* hub: at a probe of the open breaker */
    hf_hsm_key *holding; /* hub: the key that it counts in `active` of */
} hf_worker_thread;

struct hf_pool {
    hf_pool *next; /* hub: in the list of all */
    unsigned refs; /* hub: keys, threads that hang, threads that end by themselves */
    /* What makes two keys share it; constant. */
    char *module, *module_args, *uri_text, *pin_file, *pin_uri_file;
    P11KitUri *uri;
    unsigned threads_max; /* what was asked for; 0: by distance */
    unsigned session_max;

    /* The connection; changed only by who holds `connecting`. */
    const void *connecting; /* hub: who is at it */
    uint64_t connecting_us; /* hub: since when */
    pthread_cond_t connected;
    hf_modules modules;
    hf_slot slot;                  /* hub to read and to change */
    hf_login *login;               /* NULL: none needed, or not yet */
    uint64_t generation;           /* hub: 0: never; grows when sessions and handles of before mean nothing any more */
    uint64_t void_below;           /* hub: sessions of generations below it died with their token */
    char label[HF_HSM_LABEL_SIZE]; /* hub */

    hf_bell work;              /* under the lock or not */
    hf_queue queue;            /* hub */
    hf_worker_thread *workers; /* hub */
    unsigned workers_n, idle;  /* hub */
    unsigned sessions_limit;   /* hub: 0: unknown */
    unsigned near;             /* threads to begin with */
    unsigned cpus;             /* of this machine */
    int nice;                  /* of the thread that opened the first key */
    bool crowded;              /* hub: it has had more threads than CPUs */
    bool gives_way;            /* hub: crowded, but starved: the priority of a pool that is not, until calm_us */
    uint64_t calm_us;          /* hub */
    uint64_t late_us;          /* hub: a thread was seen to wait for a CPU for too long, then; 0: none lately */
    uint64_t late_cpu_us;      /* hub: what the process had computed by then */
    bool stopping;             /* hub */
    hf_p11_session spare;      /* of a key that could not be opened: for the logout */
    unsigned borrowers;        /* hub: who wait for a session that a thread lends */
    hf_worker_thread *lender;  /* hub: it lends its own and waits; NULL: none */
    bool lent;                 /* hub: and somebody has it */
    hf_member *members;        /* hub */
    hf_breaker breaker;        /* hub */
    hf_status last_status;     /* hub: why it is open */
    bool probe_now;            /* hub */
    uint64_t recheck_us;       /* hub: closed, but a member is lost: when to look for it; 0: never */
    uint64_t latency_us;       /* hub: moving average */
    hf_hsm_token_stats stats;  /* hub: the counters */
};

/* The pool of the token that the URI names, made when there is none; a reference. NULL when out of memory. */
hf_pool *hf_pool_get(const hf_hsm_options *options, P11KitUri *uri);
/* The last one stops the threads, logs out, closes. May wait. */
void hf_pool_put(hf_pool *pool);
/* Under the lock. */
void hf_pool_add_member(hf_pool *pool, hf_member *member);
void hf_pool_remove_member(hf_pool *pool, hf_member *member);
/* Starts the threads that the pool begins with, unless it has some. `session` goes to the first, or is closed; without
 * one (CK_INVALID_HANDLE) the breaker is open. A token with fewer sessions gives fewer threads; said in why. */
hf_status hf_pool_start(hf_pool *pool, hf_p11_session *session, uint64_t generation, const hf_why *why);
/* Under the lock: queues a try. False when the queue is full. */
bool hf_pool_queue(hf_pool *pool, hf_try *t);
/* Under the lock: the queue, as a time: what a new operation would wait. */
uint64_t hf_pool_wait_us(const hf_pool *pool, uint64_t now_us);
/* Under the lock: the token failed; when that opens the breaker (true), what waits is moved or finished. */
bool hf_pool_fail(hf_pool *pool, hf_status status, bool gone, hf_job **list);
/* Under the lock: the keepers look when the next probe is due. */
void hf_pool_remind(hf_pool *pool);
/* Under the lock: gives up a thread that hangs, and starts another. */
void hf_pool_abandon(hf_pool *pool, hf_worker_thread *w);
/* Under the lock: what is due now (probes, hung probes, missing threads). The next time something will be. */
uint64_t hf_pool_tick(hf_pool *pool, uint64_t now_us, hf_job **list);
void hf_pool_snapshot(const hf_pool *pool, hf_hsm_token_stats *out);
/* Without the lock: one line to the operator, through the first key that wants it. */
void hf_pool_tell(hf_pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- worker ---- */

/* Under the lock: one more thread, which opens its session itself unless it is given one. */
bool hf_worker_start(hf_pool *pool, const hf_p11_session *session, uint64_t generation);
/* Under the lock, which it unlocks: the thread's end. */
void hf_worker_end(hf_worker_thread *w);
/* Under the lock: it works for no key any more. */
void hf_worker_let_go(hf_worker_thread *w);
/* Under the lock: a new thread, with the priority of the calling one, takes the place of this one as soon as it is back
 * from what it does, with its session and all. */
bool hf_worker_relieve(hf_worker_thread *w);

/* ---- lend ---- */

/* Under the lock: whether somebody wants this thread's session, which it then lends, waiting until it is given back. */
bool hf_worker_may_lend(const hf_worker_thread *w);
void hf_worker_lend(hf_worker_thread *w);
/* Without the lock: whether all sessions that the token gives are our threads' own. */
bool hf_pool_is_full(hf_pool *pool);
/* Without the lock: a thread's session, to be returned and not to be closed. False when none was to be had in time. */
bool hf_pool_borrow(hf_pool *pool, hf_p11_session *out, uint64_t *out_generation);
void hf_pool_return(hf_pool *pool);

/* ---- priority ---- */

/* All but the last two under the lock. The calling thread is w's, and new. */
void hf_priority_begin(hf_worker_thread *w);
/* The calling thread, w's, stands back as far as it should. */
void hf_priority_lower(hf_worker_thread *w);
/* A thread of the pool is busy from now on: somebody will look whether it gets on. */
void hf_priority_watch(hf_pool *pool, uint64_t since_us);
/* By a keeper: whether the pool's threads get on, and what follows from it. The next time to look; UINT64_MAX: never.
 */
uint64_t hf_priority_tick(hf_pool *pool, uint64_t now_us);
/* Whether a thread of this process computes or waits for a CPU, rather than for anything else. True when nobody knows.
 */
bool hf_thread_wants_cpu(pid_t tid);
/* Whether a process that may use so many CPUs, and used so much of their time, was short of them. */
bool hf_cpus_are_others(uint64_t used_us, uint64_t wall_us, unsigned cpus);

/* ---- recover ---- */

/* Opens a session on the token: the module, the slot and the login anew where they were lost. `session` is closed
 * before, if it is open. prompt: the PIN may be asked on the terminal. */
hf_status hf_connect(hf_pool *pool, hf_p11_session *session, uint64_t *generation, bool prompt, const hf_why *why);
/* A view of the pool's token with this session, for the rooms that look for keys. */
hf_token hf_pool_token(hf_pool *pool, const hf_p11_session *session);
/* Finds the member's key again and makes sure that it is the same. Sets handle and generation, or lost. */
hf_status hf_member_find(hf_member *member, const hf_p11_session *session, uint64_t generation, const hf_why *why);
/* The first time: also the checks of hf_hsm_key_open. */
hf_status hf_member_open(hf_member *member, const hf_p11_session *session, uint64_t generation, const hf_why *why);

/* ---- failover ---- */

/* Under the lock: a new job goes to a token, or is finished. */
void hf_job_begin(hf_job *job, hf_job **list);
/* Under the lock: see hf_key_ops. */
void hf_job_cancel(hf_hsm_key *k, hf_key_done_fn *done, const void *arg, hf_job **list);
/* Under the lock: whether the key admits operations now (hf_key_ops). */
void hf_job_weigh(hf_hsm_key *k);
/* Under the lock: gives a live job to the best member that was not asked yet. NULL when there is none. */
hf_try *hf_job_place(hf_job *job, hf_status *out_status);
/* Under the lock: whether another member could take it. */
bool hf_job_can_move(const hf_job *job);
/* Under the lock: a try ended badly for the token's reason: elsewhere, or finished with status unless another try is
 * under way. True when it was placed. */
bool hf_job_move(hf_job *job, hf_status status, hf_job **list);

#endif
