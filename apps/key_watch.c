/* A key whose uses are written down. See key_watch.h.
 *
 * A token's uses are told by hsm, one line for each try; a key in a file has nobody to tell of it, so that is done
 * here. The operation's way back passes by here, because a result may leave only when its line is written.
 *
 * Who submits or cancels, mostly an event loop, takes the key's lock. Who brings a result back takes it only at the
 * key's end, and frees nothing: that is a token's thread, of low priority, and a loop that waited for one which was
 * interrupted with the lock would serve nobody for so long (docs/architecture.md, "Tokens at run time"). */
#include "key_watch.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "now.h"

typedef struct passage { /* one operation on its way */
    struct watched_key *key;
    hf_key_done_fn *done;
    void *arg;
    uint64_t since_us;
    struct passage *next, *previous; /* among those that are out; guarded by the key's lock, like what follows */
    unsigned held;                   /* calls of cancel that look at it */
    bool over;                       /* it came back, and is not out any more */
    struct passage *next_over;       /* among those that came back */
} passage;

#define ENDING ((size_t)1 << (8 * sizeof(size_t) - 1)) /* beside the number in `running`: release waits for it */

typedef struct watched_key {
    hf_key face; /* first */
    hf_key *inner;
    hf_audit *audit;
    bool tells; /* the key below tells its uses itself */
    uint8_t fingerprint[32];
    atomic_size_t references;
    atomic_size_t running;   /* operations whose `done` has not returned */
    _Atomic(passage *) over; /* came back and are still listed; the last one first */
    pthread_mutex_t lock;    /* guards what follows */
    pthread_cond_t quiet;    /* ENDING: an operation is over */
    passage *first;
} watched_key;

/* The key whose completion this thread is in, and how deep: its last reference may go there. */
static _Thread_local struct {
    watched_key *key;
    size_t depth;
} completing;

void hf_key_watch_use(void *arg, const hf_hsm_use *use)
{
    const hf_key_watch *watch = arg;
    if (watch->audit)
        hf_audit_use(watch->audit, use);
}

void hf_key_watch_notice(void *arg, const char *line)
{
    (void)arg;
    hf_cli_warn("%s", line); /* rare, and not to be lost among lines about peers */
}

static void refuse(hf_key_op *op)
{
    hf_wipe(op->result, sizeof op->result);
    op->result_len = 0;
    op->status = HF_ERR_IO;
}

static void tell(watched_key *key, const hf_key_op *op, uint64_t since_us)
{
    hf_hsm_use use = {.time_us = hf_time_us(CLOCK_REALTIME),
                      .conn_id = op->conn_id,
                      .op_id = op->id,
                      .key = key->face.label,
                      .spki_sha256 = key->fingerprint,
                      .kind = op->kind,
                      .scheme = op->scheme,
                      .scheme_name = op->kind == HF_KEY_OP_SIGN ? hf_scheme_name(op->scheme) : "",
                      .mechanism = "",
                      .token = "",
                      .latency_us = hf_time_us(CLOCK_MONOTONIC) - since_us,
                      .status = op->status,
                      .rv = ""};
    hf_audit_use(key->audit, &use);
}

static void leave_over(watched_key *key, passage *way)
{
    way->next_over = atomic_load(&key->over);
    while (!atomic_compare_exchange_weak(&key->over, &way->next_over, way))
        ;
}

/* With the lock held: those that came back go, except for those that cancel looks at. */
static void sweep(watched_key *key)
{
    passage *way = atomic_exchange(&key->over, NULL);
    while (way) {
        passage *next = way->next_over;
        if (way->next)
            way->next->previous = way->previous;
        *(way->previous ? &way->previous->next : &key->first) = way->next;
        way->over = true;
        if (way->held == 0)
            free(way);
        way = next;
    }
}

/* An operation's `done` has returned. Unless the key is ending it may be gone as soon as the number is down. */
static void one_less(watched_key *key)
{
    size_t n = atomic_load(&key->running);
    while (!(n & ENDING))
        if (atomic_compare_exchange_weak(&key->running, &n, n - 1))
            return;
    pthread_mutex_lock(&key->lock); /* nobody submits any more */
    atomic_fetch_sub(&key->running, 1);
    pthread_cond_broadcast(&key->quiet);
    pthread_mutex_unlock(&key->lock);
}

static void came_back(void *arg, hf_key_op *op)
{
    passage *way = arg;
    watched_key *key = way->key;
    hf_key_done_fn *done = way->done;
    void *done_arg = way->arg;
    uint64_t since_us = way->since_us;
    leave_over(key, way);
    if (!key->tells)
        tell(key, op, since_us);
    if (hf_audit_withholds(key->audit))
        refuse(op);
    watched_key *outer = completing.key;
    size_t outer_depth = completing.depth;
    completing.depth = outer == key ? outer_depth + 1 : 1;
    completing.key = key;
    done(done_arg, op);
    if (completing.key == key) { /* else it was the end of the key */
        one_less(key);
        completing.key = outer;
        completing.depth = outer_depth;
    }
}

static void submit(hf_key *face, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    watched_key *key = (watched_key *)face;
    passage *way = hf_audit_ready(key->audit) ? calloc(1, sizeof *way) : NULL;
    if (!way) {
        refuse(op);
        done(arg, op);
        return;
    }
    *way = (passage){.key = key, .done = done, .arg = arg, .since_us = hf_time_us(CLOCK_MONOTONIC)};
    atomic_fetch_add(&key->running, 1);
    pthread_mutex_lock(&key->lock);
    sweep(key);
    way->next = key->first;
    if (way->next)
        way->next->previous = way;
    key->first = way;
    pthread_mutex_unlock(&key->lock);
    key->inner->ops->submit(key->inner, op, came_back, way);
}

static void retain(hf_key *face)
{
    atomic_fetch_add_explicit(&((watched_key *)face)->references, 1, memory_order_relaxed);
}

static void release(hf_key *face)
{
    watched_key *key = (watched_key *)face;
    if (atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) != 1)
        return;
    /* The watch holds the key below too, so that one's release need not wait for what is running. */
    size_t mine = completing.key == key ? completing.depth : 0;
    pthread_mutex_lock(&key->lock);
    (void)atomic_fetch_or(&key->running, ENDING);
    while ((atomic_load(&key->running) & ~ENDING) > mine)
        pthread_cond_wait(&key->quiet, &key->lock);
    sweep(key);
    pthread_mutex_unlock(&key->lock);
    if (mine)
        completing.key = NULL;
    key->inner->ops->release(key->inner);
    pthread_cond_destroy(&key->quiet);
    pthread_mutex_destroy(&key->lock);
    free(key);
}

/* What is found may come back meanwhile. It is freed afterwards then, so that no other operation gets its address
 * and is canceled in its place. */
static void cancel(hf_key *face, hf_key_done_fn *done, void *arg)
{
    watched_key *key = (watched_key *)face;
    if (!key->inner->ops->cancel)
        return;
    pthread_mutex_lock(&key->lock);
    sweep(key);
    passage *way = key->first;
    while (way && (way->done != done || way->arg != arg))
        way = way->next;
    if (way)
        way->held++;
    pthread_mutex_unlock(&key->lock);
    if (!way)
        return;
    retain(face); /* its end may be the key's */
    key->inner->ops->cancel(key->inner, came_back, way);
    pthread_mutex_lock(&key->lock);
    sweep(key);
    if (--way->held == 0 && way->over)
        free(way);
    pthread_mutex_unlock(&key->lock);
    release(face);
}

static bool admits(const hf_key *face)
{
    const watched_key *key = (const watched_key *)face;
    /* A file that failed is tried again here: whoever is refused early never comes to submit. */
    return hf_audit_ready(key->audit) && (!key->inner->ops->admits || key->inner->ops->admits(key->inner));
}

static const hf_key_ops ops = {
    .submit = submit, .retain = retain, .release = release, .cancel = cancel, .admits = admits};

hf_key *hf_key_watch_inner(hf_key *key)
{
    return key->ops == &ops ? ((watched_key *)key)->inner : key;
}

static hf_key *wrap(hf_key *inner, hf_audit *audit)
{
    hf_hsm_stats *stats = calloc(1, sizeof *stats);
    watched_key *key = stats ? calloc(1, sizeof *key) : NULL;
    if (key && EVP_Digest(inner->spki, inner->spki_len, key->fingerprint, NULL, EVP_sha256(), NULL) == 1) {
        key->face = *inner;
        key->face.ops = &ops;
        key->inner = inner;
        key->audit = audit;
        key->tells = hf_hsm_key_stats(inner, stats) == HF_OK;
        atomic_init(&key->references, 1);
        atomic_init(&key->running, 0);
        atomic_init(&key->over, NULL);
        pthread_mutex_init(&key->lock, NULL);
        pthread_cond_init(&key->quiet, NULL);
        free(stats);
        return &key->face;
    }
    free(stats);
    free(key);
    inner->ops->release(inner);
    return NULL;
}

hf_key *hf_key_watch_add(hf_key_watch *watch, hf_key *key)
{
    if (!watch)
        return key;
    pthread_mutex_lock(&watch->lock);
    hf_key **list = watch->reloading ? watch->fresh : watch->keys;
    size_t *n = watch->reloading ? &watch->n_fresh : &watch->n;
    if (*n < HF_LIMIT_CREDENTIALS) {
        key->ops->retain(key);
        list[(*n)++] = key;
    }
    pthread_mutex_unlock(&watch->lock);
    return watch->audit ? wrap(key, watch->audit) : key;
}

void hf_key_watch_end(hf_key_watch *watch)
{
    for (size_t i = 0; i < watch->n; i++)
        hf_hsm_key_retire(watch->keys[i], HF_KEY_WATCH_END_MS);
}

void hf_key_watch_reload(hf_key_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    watch->reloading = true;
    pthread_mutex_unlock(&watch->lock);
}

uint64_t hf_key_watch_refused(hf_key_watch *watch)
{
    hf_hsm_stats *one = calloc(1, sizeof *one);
    pthread_mutex_lock(&watch->lock);
    uint64_t refused = watch->refused_before;
    for (size_t i = 0; one && i < watch->n; i++)
        if (hf_hsm_key_stats(watch->keys[i], one) == HF_OK)
            refused += one->refused;
    pthread_mutex_unlock(&watch->lock);
    free(one);
    return refused;
}

void hf_key_watch_settle(hf_key_watch *watch, bool adopt)
{
    hf_key *old[HF_LIMIT_CREDENTIALS];
    uint64_t refused = adopt ? hf_key_watch_refused(watch) : 0;
    pthread_mutex_lock(&watch->lock);
    size_t n = adopt ? watch->n : watch->n_fresh;
    memcpy(old, adopt ? watch->keys : watch->fresh, sizeof old);
    if (adopt) {
        memcpy(watch->keys, watch->fresh, sizeof watch->keys);
        watch->n = watch->n_fresh;
        watch->refused_before = refused; /* counters only grow */
    }
    watch->n_fresh = 0;
    watch->reloading = false;
    pthread_mutex_unlock(&watch->lock);
    for (size_t i = 0; i < n; i++) /* without the lock: the last reference waits for what runs */
        old[i]->ops->release(old[i]);
}

void hf_key_watch_cleanup(hf_key_watch *watch)
{
    hf_key_watch_settle(watch, false);
    hf_key_watch_end(watch);
    for (size_t i = 0; i < watch->n; i++)
        watch->keys[i]->ops->release(watch->keys[i]);
    watch->n = 0;
    hf_audit_close(watch->audit);
    watch->audit = NULL;
}
