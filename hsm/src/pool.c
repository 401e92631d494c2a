/* Room `pool`: one token: its queue, its threads, its breaker; and the list of all. */
#include "pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "key.h"

static hf_pool *pools; /* hub */

/* ---- Making and finding ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The URI without its object and its PIN: what names the token. */
static P11KitUri *token_part(P11KitUri *uri)
{
    char *text = NULL;
    P11KitUri *out = p11_kit_uri_new();

    if (!out || p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, &text) != P11_KIT_URI_OK ||
        p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, out) != P11_KIT_URI_OK) {
        p11_kit_uri_free(out);
        out = NULL;
    } else {
        p11_kit_uri_clear_attributes(out);
        p11_kit_uri_set_pin_source(out, NULL);
    }
    free(text);
    return out;
}

static char *copy_text(const char *text, bool *good)
{
    char *copy = text ? strdup(text) : NULL;

    *good = *good && (!text || copy);
    return copy;
}

static void free_memory(hf_pool *pool)
{
    hf_queue_cleanup(&pool->queue);
    p11_kit_uri_free(pool->uri);
    free(pool->uri_text);
    free(pool->module);
    free(pool->module_args);
    free(pool->pin_file);
    free(pool->pin_uri_file);
    free(pool);
}

static unsigned count_cpus(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    return cpus < 1 ? 1 : cpus > HF_HSM_THREADS_MAX ? HF_HSM_THREADS_MAX : (unsigned)cpus;
}

static unsigned near_threads(unsigned wanted, unsigned cpus)
{
    if (wanted)
        return wanted;
    return cpus > HF_POOL_THREADS_NEAR ? HF_POOL_THREADS_NEAR : cpus;
}

static hf_pool *make(const hf_hsm_options *options, P11KitUri *uri)
{
    hf_pool *pool = calloc(1, sizeof *pool);
    bool good = true;

    if (!pool)
        return NULL;
    pool->uri = token_part(uri);
    pool->module = copy_text(options->module ? options->module : p11_kit_uri_get_module_path(uri), &good);
    pool->module_args = copy_text(options->module_args, &good);
    pool->pin_file = copy_text(options->pin_source, &good);
    pool->pin_uri_file = copy_text(p11_kit_uri_get_pin_source(uri), &good);
    if (!good || !pool->uri || !hf_queue_init(&pool->queue, HF_HSM_QUEUE_MAX) ||
        p11_kit_uri_format(pool->uri, P11_KIT_URI_FOR_ANY, &pool->uri_text) != P11_KIT_URI_OK) {
        free_memory(pool);
        return NULL;
    }
    pool->threads_max = options->threads;
    pool->session_max = options->session_max;
    pool->cpus = count_cpus();
    pool->nice = getpriority(PRIO_PROCESS, 0);
    pool->near = near_threads(options->threads, pool->cpus);
    pool->last_status = HF_ERR_TOKEN_ABSENT;
    const CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(pool->uri);
    hf_uri_padded(info->label, sizeof info->label, pool->label, sizeof pool->label);
    hf_hub_cond_init(&pool->connected);
    return pool;
}

static void destroy(hf_pool *pool)
{
    pthread_cond_destroy(&pool->connected);
    free_memory(pool);
}

hf_pool *hf_pool_get(const hf_hsm_options *options, P11KitUri *uri)
{
    hf_pool *mine = make(options, uri);
    hf_pool *pool;

    if (!mine)
        return NULL;
    hf_hub_lock();
    for (pool = pools; pool; pool = pool->next)
        if (strcmp(pool->uri_text, mine->uri_text) == 0 && same_text(pool->module, mine->module) &&
            same_text(pool->module_args, mine->module_args) && same_text(pool->pin_file, mine->pin_file) &&
            same_text(pool->pin_uri_file, mine->pin_uri_file) && pool->threads_max == mine->threads_max &&
            pool->session_max == mine->session_max)
            break;
    if (!pool) {
        pool = mine;
        pool->next = pools;
        pools = pool;
        mine = NULL;
    }
    pool->refs++;
    hf_hub_unlock();
    if (mine)
        destroy(mine);
    return pool;
}

/* ---- Threads ---- */

static unsigned threads_limit(const hf_pool *pool)
{
    unsigned limit = pool->threads_max ? pool->threads_max : HF_POOL_THREADS_FAR;

    return pool->sessions_limit && pool->sessions_limit < limit ? pool->sessions_limit : limit;
}

static CK_RV open_more(hf_pool *pool, hf_p11_session *out)
{
    hf_token token = hf_pool_token(pool, &(hf_p11_session){.handle = CK_INVALID_HANDLE});

    return hf_token_session(&token, false, out);
}

static bool start_one(hf_pool *pool, const hf_p11_session *session, uint64_t generation)
{
    hf_hub_lock();
    bool started = hf_worker_start(pool, session, generation);
    hf_hub_unlock();
    if (!started && session)
        (void)session->fn->C_CloseSession(session->handle);
    return started;
}

hf_status hf_pool_start(hf_pool *pool, hf_p11_session *session, uint64_t generation, const hf_why *why)
{
    bool there = session->handle != CK_INVALID_HANDLE;
    hf_status status = HF_OK;
    unsigned n = 0;

    hf_hub_lock();
    unsigned have = pool->workers_n;
    unsigned wanted = threads_limit(pool) < pool->near ? threads_limit(pool) : pool->near;
    if (!there && !have)
        (void)hf_breaker_bad(&pool->breaker, true, hf_now_us());
    hf_hub_unlock();
    if (have && there)
        (void)session->fn->C_CloseSession(session->handle);
    for (n = 0; !have && n < (there ? wanted : 1) && status == HF_OK; n++) {
        hf_p11_session next = *session;
        CK_RV rv = n == 0 ? CKR_OK : open_more(pool, &next);
        if (rv == CKR_SESSION_COUNT) {
            hf_hub_lock();
            pool->sessions_limit = n;
            hf_hub_unlock();
            break;
        }
        if (rv != CKR_OK)
            status = hf_why_set(why, hf_rv_status(rv), "C_OpenSession says %s: check the token", hf_rv_name(rv));
        else if (!start_one(pool, there ? &next : NULL, generation))
            status = hf_why_set(why, HF_ERR_LIMIT, "no thread can be started: raise the limit on processes");
    }
    if (status == HF_OK && !have && there && n < pool->near)
        hf_why_add(why, "%sthe token has only %u sessions for us: as many threads serve it",
                   why->text && why->text[0] ? "; " : "", n);
    session->handle = CK_INVALID_HANDLE;
    return status;
}

void hf_worker_let_go(hf_worker_thread *w)
{
    hf_hsm_key *key = w->holding;

    w->holding = NULL;
    if (key && --key->active == 0)
        pthread_cond_broadcast(&key->calm);
}

static void unlist(hf_worker_thread *w)
{
    hf_worker_thread **at = &w->pool->workers;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    w->pool->workers_n--;
}

/* Whoever stops the pool joins and closes the others. */
void hf_worker_end(hf_worker_thread *w)
{
    hf_pool *pool = w->pool;
    bool abandoned = w->abandoned;
    bool alone = abandoned || !pool->stopping;
    bool alive = w->session.handle != CK_INVALID_HANDLE && w->generation >= pool->void_below;

    w->ended = true;
    if (abandoned) {
        pool->stats.hung_now--;
    } else if (alone) {
        unlist(w);
        pool->refs++; /* as for one that hangs: nobody closes the module while we close our session */
    }
    pthread_cond_broadcast(&pool->connected);
    hf_hub_unlock();
    if (!alone)
        return;
    hf_thread_alone();
    if (alive)
        (void)w->session.fn->C_CloseSession(w->session.handle);
    free(w);
    hf_pool_put(pool);
}

void hf_pool_abandon(hf_pool *pool, hf_worker_thread *w)
{
    unlist(w);
    w->abandoned = true;
    pool->refs++; /* until it comes back */
    pool->stats.hung++;
    pool->stats.hung_now++;
    if (pool->connecting == &w->session) {
        pool->connecting = NULL;
        pthread_cond_broadcast(&pool->connected);
    }
    if (w->probing)
        hf_breaker_probed(&pool->breaker, false, hf_now_us());
    hf_pool_remind(pool);
    if (w->current) {
        pool->stats.results[HF_HSM_RESULT_TIMEOUT]++;
        w->current->member = NULL;
        w->current->running = false;
        w->current = NULL;
    }
    hf_worker_let_go(w);
    if (!pool->stopping && pool->stats.hung_now < HF_POOL_HUNG_MAX)
        (void)hf_worker_start(pool, NULL, 0);
}

/* ---- Operations ---- */

bool hf_pool_queue(hf_pool *pool, hf_try *t)
{
    if (!hf_queue_push(&pool->queue, &t->item))
        return false;
    if (pool->idle > 0)
        hf_bell_ring(&pool->work);
    /* Those that were woken for what came before may not have run yet, and count as idle still. */
    if (pool->idle < pool->queue.n && pool->latency_us > HF_POOL_FAR_US && pool->workers_n < threads_limit(pool))
        (void)hf_worker_start(pool, NULL, 0); /* they wait for the wire, not for our CPUs */
    return true;
}

uint64_t hf_pool_wait_us(const hf_pool *pool, uint64_t now_us)
{
    uint64_t each = pool->latency_us ? pool->latency_us : HF_POOL_UNKNOWN_US;

    for (const hf_worker_thread *w = pool->workers; w; w = w->next)
        if (w->current && now_us > w->since_us && now_us - w->since_us > each)
            each = now_us - w->since_us; /* it is slower now than it was */
    return each * (pool->queue.n + 1) / (pool->workers_n ? pool->workers_n : 1);
}

void hf_pool_remind(hf_pool *pool)
{
    for (hf_member *m = pool->members; m; m = m->next) {
        if (pool->breaker.state == HF_HSM_BREAKER_OPEN)
            hf_keeper_by(m->key, pool->breaker.probe_us);
        if (pool->recheck_us)
            hf_keeper_by(m->key, pool->recheck_us);
    }
}

bool hf_pool_fail(hf_pool *pool, hf_status status, bool gone, hf_job **list)
{
    hf_queue_item *item;

    if (!hf_breaker_bad(&pool->breaker, gone, hf_now_us()))
        return false;
    pool->last_status = status;
    pool->stats.breaker_opened++;
    while ((item = hf_queue_pop(&pool->queue))) {
        hf_try *t = (hf_try *)(void *)item;
        pool->stats.results[hf_result_of(status)]++;
        t->member = NULL;
        (void)hf_job_move(t->job, status, list);
    }
    hf_pool_remind(pool);
    return true;
}

void hf_pool_add_member(hf_pool *pool, hf_member *member)
{
    member->next = pool->members;
    pool->members = member;
}

void hf_pool_remove_member(hf_pool *pool, hf_member *member)
{
    hf_member **at = &pool->members;

    while (*at != member)
        at = &(*at)->next;
    *at = member->next;
}

/* ---- What is due ---- */

uint64_t hf_pool_tick(hf_pool *pool, uint64_t now_us, hf_job **list)
{
    uint64_t next = now_us + (uint64_t)HF_POOL_PROBE_MAX_MS * 1000;
    hf_worker_thread *after;

    for (hf_worker_thread *w = pool->workers; w; w = after) {
        after = w->next;
        if (w->busy && !w->current && w->limit_us && w->limit_us <= now_us) {
            hf_pool_abandon(pool, w);
            (void)hf_pool_fail(pool, HF_ERR_TIMEOUT, true, list);
        }
    }
    if (pool->workers_n == 0 && !pool->stopping && pool->stats.hung_now < HF_POOL_HUNG_MAX)
        (void)hf_worker_start(pool, NULL, 0);
    if (hf_breaker_probe(&pool->breaker, now_us) ||
        (pool->breaker.state == HF_HSM_BREAKER_CLOSED && pool->recheck_us && pool->recheck_us <= now_us)) {
        pool->recheck_us = 0;
        pool->probe_now = true;
        hf_bell_ring(&pool->work);
    }
    if (pool->breaker.state == HF_HSM_BREAKER_OPEN && pool->breaker.probe_us < next)
        next = pool->breaker.probe_us;
    if (pool->recheck_us && pool->recheck_us < next)
        next = pool->recheck_us;
    uint64_t look = hf_priority_tick(pool, now_us);
    return look < next ? look : next;
}

void hf_pool_snapshot(const hf_pool *pool, hf_hsm_token_stats *out)
{
    const CK_TOKEN_INFO *info = pool->slot.fn ? &pool->slot.info : p11_kit_uri_get_token_info(pool->uri);

    *out = pool->stats;
    memcpy(out->token, pool->label, sizeof out->token);
    hf_uri_padded(info->serialNumber, sizeof info->serialNumber, out->serial, sizeof out->serial);
    out->breaker = pool->breaker.state;
    for (const hf_worker_thread *w = pool->workers; w; w = w->next) {
        out->sessions += w->open;
        out->running += w->current != NULL;
    }
    out->threads = pool->workers_n;
    out->threads_limit = out->sessions_limit = threads_limit(pool);
    out->queued = (unsigned)pool->queue.n;
}

void hf_pool_tell(hf_pool *pool, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    hf_hub_lock();
    hf_hsm_key *key = NULL;
    for (const hf_member *m = pool->members; m && !key; m = m->next)
        key = m->key->on_notice ? m->key : NULL;
    if (key)
        key->active++; /* its release waits for us */
    hf_hub_unlock();
    if (!key)
        return;
    key->on_notice(key->arg, text);
    hf_hsm_key_leave(key);
}

/* ---- The end ---- */

/* Waits for the threads; those that do not come are given up. With the lock held at both ends. */
static void stop_threads(hf_pool *pool)
{
    uint64_t until = hf_now_us() + (uint64_t)HF_POOL_PROBE_MAX_MS * 1000;
    hf_worker_thread *w;

    pool->stopping = true;
    hf_bell_ring_all(&pool->work);
    for (;;) {
        for (w = pool->workers; w && w->ended; w = w->next)
            ;
        if (!w)
            return;
        if (hf_now_us() < until)
            hf_hub_wait(&pool->connected, until);
        else
            hf_pool_abandon(pool, w);
    }
}

static void close_all(hf_pool *pool)
{
    hf_p11_session any = pool->spare;

    for (hf_worker_thread *w = pool->workers; w; w = w->next) {
        (void)pthread_join(w->thread, NULL);
        if (w->session.handle != CK_INVALID_HANDLE && w->generation >= pool->void_below)
            any = w->session;
    }
    hf_login_release(pool->login, &any);
    if (pool->spare.handle != CK_INVALID_HANDLE)
        (void)pool->spare.fn->C_CloseSession(pool->spare.handle);
    while (pool->workers) {
        hf_worker_thread *w = pool->workers;
        pool->workers = w->next;
        if (w->session.handle != CK_INVALID_HANDLE && w->generation >= pool->void_below)
            (void)w->session.fn->C_CloseSession(w->session.handle);
        free(w);
    }
    if (pool->modules.list && !pool->modules.configured)
        pool->modules.list = pool->modules.single;
    hf_modules_close(&pool->modules);
    destroy(pool);
}

void hf_pool_put(hf_pool *pool)
{
    hf_hub_lock();
    if (pool->refs == 1 && !pool->stopping) {
        hf_pool **at = &pools;
        while (*at != pool)
            at = &(*at)->next;
        *at = pool->next;
        stop_threads(pool);
    }
    bool last = --pool->refs == 0; /* else threads that hang: the last one that comes back closes it */
    hf_hub_unlock();
    if (last)
        close_all(pool);
}
