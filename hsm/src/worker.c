/* Room `worker`: one thread with one session. It takes the most urgent operation, connects anew where that is needed,
 * runs it, and says what came of it. Between operations it probes a token whose breaker is open, and keeps its session
 * alive.
 *
 * A thread may be given up at any moment (hf_pool_abandon) while it is in a call: what it was doing is settled without
 * it then, and when it comes back it looks at nothing but `abandoned` and itself. */
#include <stdlib.h>
#include <string.h>

#include "handfast/secret.h"
#include "key.h"

/* What one run gave. */
typedef struct outcome {
    hf_status status;
    bool lost;    /* for the token's reason: another token, or this one connected anew, may do better */
    bool reached; /* the key was used; what follows is about that */
    uint64_t latency_us;
    CK_RV rv;
    size_t len;
    uint8_t result[HF_KEY_RESULT_MAX];
} outcome;

/* What the lock guards, taken along into a run. */
typedef struct ticket {
    hf_job *job;
    hf_member *member;
    uint64_t queued_us;
    CK_OBJECT_HANDLE handle;
    bool connect, find;
    char label[HF_HSM_LABEL_SIZE];
} ticket;

/* ---- One operation, without the lock ---- */

static void run_decrypt(hf_worker_thread *w, const ticket *k, outcome *o)
{
    hf_decrypter d = {.k = &k->member->decrypt, .session = &w->session, .key = k->handle, .spare = w->spare};

    if (w->spare_of != k->member->id) {
        hf_decrypter_cleanup(&d);
        w->spare_of = k->member->id;
    }
    o->len = HF_PREMASTER_SIZE;
    o->status = hf_decrypter_run(&d, k->job->input, k->job->input_len, k->job->client_version, k->job->fallback,
                                 o->result, &o->rv);
    w->spare = d.spare;
}

static void run_sign(hf_worker_thread *w, const ticket *k, outcome *o)
{
    const hf_scheme *scheme = hf_scheme_find(k->job->scheme);

    if (!scheme) {
        o->status = HF_ERR_UNSUPPORTED;
        return;
    }
    o->status = hf_scheme_sign(scheme, &w->session, k->handle, &k->job->key->pub, k->job->input, k->job->input_len,
                               o->result, &o->len, &o->rv);
}

/* Whether a code is the token's affair. Of a decryption only codes come here that do not depend on the ciphertext
 * (decrypt.c folds all others into the fallback), so that neither a retry nor the breaker tells anything of it. A PIN
 * that was refused is not the token's fault, and no session or other token is tried for it. */
static bool is_lost(const outcome *o)
{
    if (o->status == HF_OK || hf_rv_status(o->rv) == HF_ERR_PIN_INCORRECT || hf_rv_status(o->rv) == HF_ERR_PIN_LOCKED)
        return false;
    return o->rv != CKR_OK || o->status == HF_ERR_TOKEN;
}

/* The session may be the first one on a token that has started anew: then what is known of the key is of before. */
static bool is_unknown(const hf_worker_thread *w, const hf_member *member)
{
    hf_hub_lock();
    bool unknown = member->generation != w->generation;
    hf_hub_unlock();
    return unknown;
}

static void perform(hf_worker_thread *w, ticket *k, outcome *o)
{
    char text[512] = "";
    const hf_why why = {text, sizeof text};

    *o = (outcome){.status = HF_OK};
    if (k->connect) {
        w->spare = CK_INVALID_HANDLE; /* went with its session */
        o->status = hf_connect(w->pool, &w->session, &w->generation, false, &why);
    }
    if (o->status == HF_OK && (k->find || (k->connect && is_unknown(w, k->member)))) {
        o->status = hf_member_find(k->member, &w->session, w->generation, &why);
        hf_hub_lock();
        k->handle = k->member->handle;
        hf_hub_unlock();
    }
    if (o->status != HF_OK) {
        o->lost = true;
        return;
    }
    w->session.auth = k->member->facts.always_authenticate ? &k->member->auth : NULL;
    uint64_t start = hf_now_us();
    if (k->job->kind == HF_KEY_OP_SIGN)
        run_sign(w, k, o);
    else
        run_decrypt(w, k, o);
    o->latency_us = hf_now_us() - start;
    o->reached = true;
    o->lost = is_lost(o);
    w->session.auth = NULL;
}

static void tell(const ticket *k, const outcome *o)
{
    uint64_t now = hf_now_us();
    const hf_use_facts facts = {.wait_us = now - o->latency_us - k->queued_us,
                                .latency_us = o->latency_us,
                                .status = o->status,
                                .rv = hf_rv_name(o->rv)};

    if (o->reached)
        hf_use_tell(k->job, k->member, k->label, &facts);
}

/* ---- Around it, with the lock ---- */

static void fill_ticket(const hf_worker_thread *w, const hf_try *t, bool anew, ticket *k)
{
    const hf_pool *pool = w->pool;

    k->job = t->job;
    k->member = t->member;
    k->queued_us = t->queued_us;
    k->handle = t->member->handle;
    k->connect = anew || !w->open || w->generation != pool->generation;
    k->find = anew || t->member->generation != pool->generation;
    memcpy(k->label, pool->label, sizeof k->label);
}

static void count(hf_pool *pool, const outcome *o)
{
    pool->stats.results[hf_result_of(o->status)]++;
    if (!o->reached)
        return;
    hf_stats_add_latency(&pool->stats, o->latency_us);
    if (o->status == HF_OK)
        pool->latency_us = pool->latency_us ? (7 * pool->latency_us + o->latency_us) / 8 : o->latency_us;
}

static bool all_lost(const hf_pool *pool)
{
    for (const hf_member *m = pool->members; m; m = m->next)
        if (!m->lost)
            return false;
    return pool->members != NULL;
}

/* The token has no session for this thread, and others have one. */
static bool is_crowded(const hf_worker_thread *w)
{
    const hf_pool *pool = w->pool;
    unsigned open = 0;

    for (const hf_worker_thread *other = pool->workers; other; other = other->next)
        open += other->open;
    return !w->open && open > 0 && pool->sessions_limit && open >= pool->sessions_limit;
}

/* A try failed for the token's reason. True: it is to be run once more, on this thread. */
static bool try_again(hf_worker_thread *w, hf_try *t, const outcome *o, hf_job **list, bool *out_opened)
{
    hf_pool *pool = w->pool;
    hf_job *job = t->job;
    bool member_lost = t->member->lost;
    hf_status status = o->status;

    if (!o->reached && is_crowded(w)) { /* others have sessions: it waits for them, and this thread goes */
        t->running = false;
        t->queued_us = hf_now_us();
        if (!job->finished && hf_pool_queue(pool, t))
            return false;
    } else if (!member_lost || all_lost(pool)) {
        /* What failed on a session that was good until now, first time: the session is the likely reason. */
        bool gone = !o->reached || (t->again && status == HF_ERR_TOKEN_ABSENT) || member_lost;
        if (gone || t->again)
            *out_opened = hf_pool_fail(pool, status, gone, list);
    } else {
        pool->recheck_us = hf_now_us() + HF_BREAKER_PROBE_MAX_US;
        hf_pool_remind(pool);
    }
    if (job->finished)
        return false;
    if (!job->moved && hf_job_can_move(job)) {
        t->member = NULL;
        t->running = false;
        (void)hf_job_move(job, status, list);
        return false;
    }
    if (!t->again && o->reached && !pool->stopping && pool->breaker.state == HF_HSM_BREAKER_CLOSED &&
        hf_now_us() < job->deadline_us) {
        t->again = true;
        pool->stats.retries++;
        return true;
    }
    t->member = NULL;
    t->running = false;
    (void)hf_job_move(job, status, list);
    return false;
}

/* The thread is back from a run, and was not given up. True: once more. */
static bool settle(hf_worker_thread *w, hf_try *t, const outcome *o, hf_job **list, bool *out_opened)
{
    hf_pool *pool = w->pool;
    hf_job *job = t->job;
    uint64_t now = hf_now_us();

    w->open = w->session.handle != CK_INVALID_HANDLE;
    w->used_us = now;
    count(pool, o);
    if (o->lost) {
        bool again = try_again(w, t, o, list, out_opened);
        if (o->reached && !again && w->open)
            w->suspect = true; /* the next one starts with a new session */
        return again;
    }
    w->suspect = false;
    if (o->status == HF_OK) {
        hf_breaker_good(&pool->breaker);
        hf_hedge_learn(job->key, now - job->submitted_us);
    }
    t->member = NULL;
    t->running = false;
    (void)hf_job_finish(job, o->status, o->result, o->len, list);
    return false;
}

static void expire(hf_try *t, hf_job **list)
{
    hf_job *job = t->job;

    t->member->pool->stats.results[HF_HSM_RESULT_TIMEOUT]++;
    t->member = NULL;
    (void)hf_job_finish(job, HF_ERR_TIMEOUT, NULL, 0, list);
}

/* Keeps for its next operation what a failed unwrap used up; the answer is on its way already. */
static void refresh(hf_worker_thread *w, const ticket *k)
{
    hf_decrypter d = {.k = &k->member->decrypt, .session = &w->session, .key = k->handle, .spare = w->spare};

    if (k->job->kind != HF_KEY_OP_DECRYPT || !w->open || w->spare_of != k->member->id)
        return;
    hf_decrypter_refresh(&d);
    w->spare = d.spare;
}

/* With the lock held at both ends. */
static void run(hf_worker_thread *w, hf_try *t)
{
    hf_hsm_key *key = t->job->key;
    hf_job *list = NULL;
    hf_job *job = t->job;
    bool opened = false;
    bool again = false;
    ticket k;
    outcome o;

    w->since_us = hf_now_us();
    if (w->since_us >= job->deadline_us) {
        expire(t, &list);
        hf_hub_unlock();
        hf_jobs_deliver(list);
        hf_hub_lock();
        return;
    }
    t->running = true;
    w->busy = true;
    hf_priority_watch(w->pool, w->since_us);
    w->current = t;
    w->limit_us = 0;
    w->holding = key;
    job->refs++;
    key->active++;
    do {
        fill_ticket(w, t, again || w->suspect, &k);
        hf_hub_unlock();
        perform(w, &k, &o);
        hf_hub_lock();
        if (w->abandoned)
            break;
        again = settle(w, t, &o, &list, &opened);
        if (again) { /* each use is told, and this one before the next begins */
            hf_hub_unlock();
            tell(&k, &o);
            hf_hub_lock();
        }
    } while (again && !w->abandoned);
    bool abandoned = w->abandoned;
    w->current = NULL;
    w->limit_us = hf_now_us() + (uint64_t)HF_POOL_PROBE_MAX_MS * 1000;
    hf_hub_unlock();
    if (!abandoned) {
        tell(&k, &o);
        hf_jobs_deliver(list);
        refresh(w, &k);
        if (opened)
            hf_pool_tell(w->pool, "token \"%s\" is not used until it works again: %s", k.label,
                         o.reached && o.rv != CKR_OK ? hf_rv_name(o.rv) : hf_status_text(o.status));
    }
    hf_wipe(&o, sizeof o);
    hf_hub_lock();
    w->busy = false;
    hf_worker_let_go(w);
    hf_job_unref(job);
}

/* ---- Probes ---- */

/* The next member to look at, held, and whether it was found before; NULL: none. */
static hf_member *visit_next(hf_worker_thread *w, hf_member *before, bool *out_ready)
{
    hf_hub_lock();
    hf_worker_let_go(w);
    /* The list may have changed: what comes after the last id is next. */
    hf_member *next = NULL;
    for (hf_member *m = w->abandoned ? NULL : w->pool->members; m; m = m->next)
        if (!m->key->closing && (!before || m->id > before->id) && (!next || m->id < next->id))
            next = m;
    if (next) {
        w->holding = next->key;
        next->key->active++;
        next->key->holds++;
        *out_ready = next->ready;
    }
    if (before)
        hf_hsm_key_unhold(before->key);
    hf_hub_unlock();
    return next;
}

/* Without the lock: session, login, every key. The first failure is told; good as soon as one key is. */
static hf_status probe_all(hf_worker_thread *w, bool connect, const hf_why *why)
{
    hf_status worst = HF_OK;
    bool any = false;
    bool none = true;
    bool ready = false;

    if (connect) {
        w->spare = CK_INVALID_HANDLE;
        hf_status status = hf_connect(w->pool, &w->session, &w->generation, false, why);
        if (status != HF_OK)
            return status;
    }
    for (hf_member *m = visit_next(w, NULL, &ready); m; m = visit_next(w, m, &ready)) {
        char text[512] = "";
        const hf_why mine = {text, sizeof text};
        hf_status status = ready ? hf_member_find(m, &w->session, w->generation, &mine)
                                 : hf_member_open(m, &w->session, w->generation, &mine);
        none = false;
        any = any || status == HF_OK;
        if (status != HF_OK && worst == HF_OK)
            worst = hf_why_set(why, status, "%s", text);
    }
    return any || none ? HF_OK : worst;
}

/* Under the lock: keys that are lost get no operations, so nothing but a probe finds them again. */
static void plan_recheck(hf_pool *pool, uint64_t now_us)
{
    for (const hf_member *m = pool->members; m && !pool->recheck_us; m = m->next)
        if (m->lost || !m->ready)
            pool->recheck_us = now_us + HF_BREAKER_PROBE_MAX_US;
    hf_pool_remind(pool);
}

/* With the lock held at both ends. */
static void probe(hf_worker_thread *w)
{
    hf_pool *pool = w->pool;
    char text[512] = "";
    char label[HF_HSM_LABEL_SIZE];
    const hf_why why = {text, sizeof text};
    uint64_t now = hf_now_us();
    bool opened = pool->breaker.state != HF_HSM_BREAKER_CLOSED;

    w->busy = true;
    w->probing = opened;
    w->since_us = now;
    hf_priority_watch(pool, now);
    w->limit_us = now + (uint64_t)HF_POOL_PROBE_MAX_MS * 1000;
    hf_hub_unlock();
    hf_status status = probe_all(w, opened || w->session.handle == CK_INVALID_HANDLE, &why);
    hf_hub_lock();
    if (w->abandoned)
        return;
    now = hf_now_us();
    w->busy = w->probing = false;
    w->open = w->session.handle != CK_INVALID_HANDLE;
    w->suspect = status != HF_OK;
    w->used_us = now;
    pool->recheck_us = 0;
    memcpy(label, pool->label, sizeof label);
    bool changed = opened && status != pool->last_status;
    if (opened) {
        hf_breaker_probed(&pool->breaker, status == HF_OK, now);
        pool->last_status = status;
    }
    plan_recheck(pool, now);
    hf_hub_unlock();
    if (opened && status == HF_OK)
        hf_pool_tell(pool, "token \"%s\" is back and in use", label);
    else if (changed)
        hf_pool_tell(pool, "token \"%s\" is not used: %s", label, text[0] ? text : hf_status_text(status));
    hf_hub_lock();
}

/* ---- The thread ---- */

/* Without the lock: an idle session is asked for its state; one on which an operation just failed is opened anew, and
 * the keys are tried. */
static hf_status look_after(hf_worker_thread *w, bool connect)
{
    CK_SESSION_INFO info;

    if (w->suspect)
        return probe_all(w, true, NULL);
    if (!connect)
        connect = w->session.fn->C_GetSessionInfo(w->session.handle, &info) != CKR_OK;
    return connect ? hf_connect(w->pool, &w->session, &w->generation, false, NULL) : HF_OK;
}

/* So a loss is found out before the next operation needs the session. With the lock held at both ends. */
static void keep_alive(hf_worker_thread *w)
{
    w->busy = true;
    w->since_us = hf_now_us();
    hf_priority_watch(w->pool, w->since_us);
    w->limit_us = w->since_us + (uint64_t)HF_POOL_PROBE_MAX_MS * 1000;
    bool connect = !w->open || w->generation != w->pool->generation;
    hf_hub_unlock();
    hf_status status = look_after(w, connect);
    hf_hub_lock();
    if (w->abandoned)
        return;
    hf_job *list = NULL;
    w->busy = false;
    w->used_us = hf_now_us();
    w->open = w->session.handle != CK_INVALID_HANDLE;
    w->suspect = false;
    plan_recheck(w->pool, w->used_us);
    bool opened = status != HF_OK && !is_crowded(w) && hf_pool_fail(w->pool, status, true, &list);
    char label[HF_HSM_LABEL_SIZE];
    memcpy(label, w->pool->label, sizeof label);
    hf_hub_unlock();
    if (opened)
        hf_pool_tell(w->pool, "token \"%s\" is not used until it works again: %s", label, hf_status_text(status));
    hf_jobs_deliver(list);
    hf_hub_lock();
}

/* The token has no session for this thread: it goes, as long as there are others. */
static bool is_surplus(const hf_worker_thread *w)
{
    const hf_pool *pool = w->pool;

    return !w->open && pool->sessions_limit && pool->workers_n > pool->sessions_limit;
}

/* With the lock held, which it unlocks. */
static void serve(hf_worker_thread *w)
{
    hf_pool *pool = w->pool;

    hf_priority_begin(w);
    while (!w->abandoned && !w->relieved && !pool->stopping && !is_surplus(w)) {
        hf_priority_lower(w);
        uint64_t next = w->used_us + (uint64_t)HF_POOL_KEEPALIVE_MS * 1000;
        bool closed = pool->breaker.state == HF_HSM_BREAKER_CLOSED;
        hf_queue_item *item;
        if (hf_worker_may_lend(w)) {
            hf_worker_lend(w);
        } else if (pool->probe_now) {
            pool->probe_now = false;
            probe(w);
        } else if ((item = hf_queue_pop(&pool->queue))) {
            run(w, (hf_try *)(void *)item);
        } else if (closed && (w->suspect || hf_now_us() >= next)) {
            keep_alive(w);
        } else {
            unsigned look = hf_bell_look(&pool->work);
            pool->idle++;
            hf_hub_unlock();
            hf_bell_wait(&pool->work, look, closed ? next : hf_now_us() + (uint64_t)HF_POOL_KEEPALIVE_MS * 1000);
            hf_hub_lock();
            pool->idle--;
        }
    }
    if (pool->probe_now || pool->queue.n > 0 ||
        pool->borrowers > 0) /* it may have been woken for that, and leaves it to another one */
        hf_bell_ring(&pool->work);
    if (w->relieved) /* all else, its end too, is the affair of who comes after it */
        hf_hub_unlock();
    else
        hf_worker_end(w);
}

static void *work(void *arg)
{
    hf_hub_lock();
    serve(arg);
    return NULL;
}

/* A thread that comes after another one. */
static void *work_on(void *arg)
{
    hf_worker_thread *w = arg;

    hf_hub_lock();
    pthread_t before = w->before;
    hf_hub_unlock();
    (void)pthread_join(before, NULL);
    hf_hub_lock();
    w->relieved = false;
    serve(w);
    return NULL;
}

bool hf_worker_relieve(hf_worker_thread *w)
{
    w->before = w->thread;
    w->relieved = hf_thread_start(&w->thread, work_on, w);
    if (!w->relieved)
        w->thread = w->before; /* pthread_create leaves it undefined */
    return w->relieved;
}

bool hf_worker_start(hf_pool *pool, const hf_p11_session *session, uint64_t generation)
{
    hf_worker_thread *w = calloc(1, sizeof *w);

    if (!w)
        return false;
    w->pool = pool;
    w->used_us = hf_now_us();
    w->generation = generation;
    if (session)
        w->session = *session;
    w->open = session != NULL;
    if (!hf_thread_start(&w->thread, work, w)) {
        free(w);
        return false;
    }
    w->next = pool->workers;
    pool->workers = w;
    pool->workers_n++;
    pool->crowded = pool->crowded || pool->workers_n > pool->cpus;
    return true;
}
