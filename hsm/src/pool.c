/* Room `pool`. The lock guards the queue only: no call into the module and no `done` is made under it. */
#include "pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handfast/secret.h"

typedef struct item {
    hf_key_op *op;
    hf_key_done_fn *done;
    void *arg;
    uint64_t since;
} item;

typedef struct worker {
    hf_token_pool *pool;
    pthread_t thread;
    hf_p11_session session;
    hf_decrypter decrypter;
    bool started;
} worker;

struct hf_token_pool {
    CK_OBJECT_HANDLE key;
    const hf_pubkey *pub;
    worker *workers;
    size_t workers_n;

    hf_pool_watch watch;

    pthread_mutex_t lock;
    pthread_cond_t work;
    hf_hsm_token_stats stats;
    bool stopping;
    size_t head; /* index of the oldest item */
    size_t waiting;
    item queue[HF_HSM_QUEUE_MAX];
};

static _Thread_local const hf_token_pool *serves; /* the pool whose worker this thread is */

static void finish(item *it, hf_status status)
{
    if (status != HF_OK) {
        hf_wipe(it->op->result, sizeof it->op->result);
        it->op->result_len = 0;
    }
    it->op->status = status;
    it->done(it->arg, it->op); /* op is no longer ours */
}

static hf_status run_sign(worker *w, hf_key_op *op, CK_RV *out_rv)
{
    const hf_scheme *scheme = hf_scheme_find(op->scheme);

    if (!scheme)
        return HF_ERR_UNSUPPORTED;
    return hf_scheme_sign(scheme, &w->session, w->pool->key, w->pool->pub, op->input, op->input_len, op->result,
                          &op->result_len, out_rv);
}

static hf_status run_decrypt(worker *w, hf_key_op *op, CK_RV *out_rv)
{
    op->result_len = HF_PREMASTER_SIZE;
    return hf_decrypter_run(&w->decrypter, op->input, op->input_len, op->client_version, op->fallback, op->result,
                            out_rv);
}

static bool take(hf_token_pool *pool, item *out)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->waiting == 0 && !pool->stopping)
        pthread_cond_wait(&pool->work, &pool->lock);
    bool got = !pool->stopping;
    if (got) {
        *out = pool->queue[pool->head];
        pool->head = (pool->head + 1) % HF_HSM_QUEUE_MAX;
        pool->waiting--;
        pool->stats.running++;
    }
    pthread_mutex_unlock(&pool->lock);
    return got;
}

static void tell_use(const worker *w, const hf_key_op *op, uint64_t wait, uint64_t latency, hf_status status, CK_RV rv)
{
    const hf_pool_watch *watch = &w->pool->watch;
    const hf_scheme *scheme = hf_scheme_find(op->scheme);
    struct timespec now;

    if (!watch->on_use)
        return;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    const hf_hsm_use use = {.time_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000,
                            .conn_id = op->conn_id,
                            .op_id = op->id,
                            .key = watch->key,
                            .spki_sha256 = watch->spki_sha256,
                            .kind = op->kind,
                            .scheme = op->scheme,
                            .scheme_name = scheme ? scheme->name : "",
                            .mechanism = hf_mechanism_name(scheme                               ? scheme->mechanism
                                                           : w->decrypter.how == HF_DECRYPT_RAW ? CKM_RSA_X_509
                                                                                                : CKM_RSA_PKCS),
                            .token = watch->token,
                            .wait_us = wait,
                            .latency_us = latency,
                            .status = status,
                            .rv = hf_rv_name(rv)};
    watch->on_use(watch->arg, &use);
}

static void run(worker *w, item *it)
{
    uint64_t start = hf_now_us();
    CK_RV rv = CKR_OK;
    hf_status status = it->op->kind == HF_KEY_OP_SIGN ? run_sign(w, it->op, &rv) : run_decrypt(w, it->op, &rv);
    uint64_t latency = hf_now_us() - start;

    pthread_mutex_lock(&w->pool->lock);
    w->pool->stats.running--;
    w->pool->stats.results[hf_result_of(status)]++;
    hf_stats_add_latency(&w->pool->stats, latency);
    pthread_mutex_unlock(&w->pool->lock);
    tell_use(w, it->op, start - it->since, latency, status, rv);
    finish(it, status);
}

static void *work(void *arg)
{
    worker *w = arg;
    item it;

    serves = w->pool;
    while (take(w->pool, &it)) {
        run(w, &it);
        hf_decrypter_refresh(&w->decrypter);
    }
    return NULL;
}

void hf_token_pool_submit(hf_token_pool *pool, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    item it = {.op = op, .done = done, .arg = arg, .since = hf_now_us()};
    hf_status status = HF_OK;

    pthread_mutex_lock(&pool->lock);
    if (pool->stopping) {
        status = HF_ERR_CANCELED;
    } else if (pool->waiting == HF_HSM_QUEUE_MAX) {
        status = HF_ERR_BUSY;
        pool->stats.results[HF_HSM_RESULT_BUSY]++;
    } else {
        pool->queue[(pool->head + pool->waiting++) % HF_HSM_QUEUE_MAX] = it;
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
    if (status != HF_OK)
        finish(&it, status);
}

void hf_token_pool_stats(hf_token_pool *pool, hf_hsm_token_stats *out)
{
    pthread_mutex_lock(&pool->lock);
    *out = pool->stats;
    out->queued = (unsigned)pool->waiting;
    pthread_mutex_unlock(&pool->lock);
    memcpy(out->token, pool->watch.token, sizeof out->token);
    out->sessions = out->sessions_limit = (unsigned)pool->workers_n + 1;
    out->threads = out->threads_limit = (unsigned)pool->workers_n;
}

bool hf_token_pool_is_worker(const hf_token_pool *pool)
{
    return serves == pool;
}

/* Signals are the program's business: our threads take none. */
static bool start_thread(worker *w)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return false;
    w->started = pthread_create(&w->thread, NULL, work, w) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return w->started;
}

/* HF_OK without a worker more when the token has no session left and one is open already. */
static hf_status open_workers(hf_token_pool *pool, const hf_token *token, hf_decrypt_how decrypt, unsigned threads,
                              const hf_why *why)
{
    while (pool->workers_n < threads) {
        worker *w = &pool->workers[pool->workers_n];
        w->pool = pool;
        CK_RV rv = hf_token_session(token, false, &w->session);
        if (rv == CKR_SESSION_COUNT && pool->workers_n > 0) {
            hf_why_add(why, "%sthe token has only %zu free sessions: as many threads serve it",
                       why->text && why->text[0] ? "; " : "", pool->workers_n);
            return HF_OK;
        }
        if (rv != CKR_OK)
            return hf_why_set(why, hf_rv_status(rv), "C_OpenSession says %s: check the token", hf_rv_name(rv));
        pool->workers_n++;
        hf_status status = hf_decrypter_init(&w->decrypter, &w->session, pool->key, pool->pub, decrypt);
        if (status != HF_OK)
            return hf_why_set(why, status, "libcrypto cannot encrypt with the public half");
    }
    return HF_OK;
}

hf_status hf_token_pool_new(const hf_token *token, CK_OBJECT_HANDLE key, const hf_pubkey *pub, hf_decrypt_how decrypt,
                            unsigned threads, const hf_pool_watch *watch, hf_token_pool **out, const hf_why *why)
{
    hf_token_pool *pool = calloc(1, sizeof *pool);

    if (!pool || !(pool->workers = calloc(threads, sizeof *pool->workers))) {
        free(pool);
        return hf_why_set(why, HF_ERR_NO_MEMORY, "out of memory");
    }
    pool->key = key;
    pool->pub = pub;
    pool->watch = *watch;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    hf_status status = open_workers(pool, token, decrypt, threads, why);
    for (size_t i = 0; i < pool->workers_n && status == HF_OK; i++)
        if (!start_thread(&pool->workers[i]))
            status = hf_why_set(why, HF_ERR_LIMIT, "no thread can be started: raise the limit on processes");
    if (status != HF_OK) {
        hf_token_pool_free(pool);
        return status;
    }
    *out = pool;
    return HF_OK;
}

void hf_token_pool_free(hf_token_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->workers_n; i++)
        if (pool->workers[i].started)
            (void)pthread_join(pool->workers[i].thread, NULL);
    /* Nobody else is left: what waits is given back without the lock. */
    for (; pool->waiting > 0; pool->waiting--) {
        item it = pool->queue[pool->head];
        pool->head = (pool->head + 1) % HF_HSM_QUEUE_MAX;
        finish(&it, HF_ERR_CANCELED);
    }
    for (size_t i = 0; i < pool->workers_n; i++) {
        hf_decrypter_cleanup(&pool->workers[i].decrypter);
        (void)pool->workers[i].session.fn->C_CloseSession(pool->workers[i].session.handle);
    }
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool);
}
