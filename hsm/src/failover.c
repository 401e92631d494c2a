/* Room `failover`: which token gets an operation, and what becomes of it when that fails.
 *
 * Least busy first, of those that work. A failure for the token's reason moves the operation once to another token;
 * with none left it is answered at once. */
#include <string.h>

#include "key.h"

static bool can(const hf_member *m, const hf_job *job)
{
    if (job->kind != HF_KEY_OP_SIGN)
        return m->usable.decrypt != HF_DECRYPT_NONE;
    for (size_t i = 0; m->usable.schemes[i]; i++)
        if (m->usable.schemes[i] == job->scheme)
            return true;
    return false;
}

static bool works(const hf_member *m)
{
    return m->ready && !m->lost && m->pool->breaker.state == HF_HSM_BREAKER_CLOSED;
}

/* What an operation would wait there; threads that are idle count for nothing. */
static uint64_t load(const hf_member *m, uint64_t now_us)
{
    return m->pool->idle > m->pool->queue.n ? 0 : hf_pool_wait_us(m->pool, now_us) + 1;
}

static hf_member *choose(const hf_job *job)
{
    hf_hsm_key *k = job->key;
    uint64_t now = hf_now_us();
    uint64_t least = UINT64_MAX;
    hf_member *best = NULL;

    for (size_t i = 0; i < k->n; i++) {
        hf_member *m = &k->members[i];
        if ((job->asked >> i & 1) || !works(m) || !can(m, job))
            continue;
        uint64_t its = load(m, now);
        if (its < least) {
            least = its;
            best = m;
        }
    }
    return best;
}

/* Why no token takes it. */
static hf_status why_not(const hf_job *job)
{
    const hf_hsm_key *k = job->key;
    hf_status status = HF_ERR_UNSUPPORTED;

    for (size_t i = 0; i < k->n; i++) {
        const hf_member *m = &k->members[i];
        if (works(m))
            continue;
        status = m->lost ? m->lost_status : m->pool->last_status;
        break;
    }
    return status;
}

hf_try *hf_job_place(hf_job *job, hf_status *out_status)
{
    hf_try *t = !job->tries[0].member ? &job->tries[0] : &job->tries[1];
    hf_member *m;

    *out_status = HF_OK;
    while (!t->member && (m = choose(job))) {
        *t = (hf_try){.item = {.deadline_us = job->deadline_us, .at = HF_QUEUE_OUT}, .job = job, .member = m};
        job->asked |= 1u << m->index;
        t->queued_us = hf_now_us();
        if (hf_pool_queue(m->pool, t))
            return t;
        t->member = NULL;
        m->pool->stats.results[HF_HSM_RESULT_BUSY]++;
        *out_status = HF_ERR_BUSY;
    }
    if (*out_status == HF_OK)
        *out_status = why_not(job);
    return NULL;
}

bool hf_job_can_move(const hf_job *job)
{
    return !job->finished && !job->moved && !job->key->closing && choose(job) != NULL;
}

bool hf_job_move(hf_job *job, hf_status status, hf_job **list)
{
    hf_status ignored;

    if (job->finished)
        return false;
    hf_try *t = hf_job_can_move(job) ? hf_job_place(job, &ignored) : NULL;
    if (t) {
        job->moved = true;
        t->member->pool->stats.retries++;
        return true;
    }
    if (!job->tries[0].member && !job->tries[1].member)
        (void)hf_job_finish(job, status, NULL, 0, list);
    return false;
}

/* ---- Beginning and giving up ---- */

static void append(hf_hsm_key *k, hf_job *job)
{
    job->before = k->last;
    *(k->last ? &k->last->after : &k->first) = job;
    k->last = job;
    k->active++;
    k->holds++;
}

void hf_job_begin(hf_job *job, hf_job **list)
{
    hf_hsm_key *k = job->key;
    hf_status status = HF_ERR_CANCELED;

    append(k, job);
    if (k->closing || !hf_job_place(job, &status)) {
        (void)hf_job_finish(job, status, NULL, 0, list);
        return;
    }
    uint64_t delay = hf_hedge_delay_us(k);
    job->hedge_us = delay ? job->submitted_us + delay : 0;
    hf_keeper_by(k, job->hedge_us ? job->hedge_us : job->deadline_us);
    hf_job_weigh(k);
}

static bool is_running(const hf_job *job)
{
    return job->tries[0].running || job->tries[1].running;
}

void hf_job_cancel(hf_hsm_key *k, hf_key_done_fn *done, const void *arg, hf_job **list)
{
    hf_job *after;

    for (hf_job *job = k->first; job; job = after) {
        after = job->after;
        if (job->arg == arg && job->done == done && !is_running(job))
            (void)hf_job_finish(job, HF_ERR_CANCELED, NULL, 0, list);
    }
}

void hf_hsm_cancel_waiting(hf_hsm_key *k, hf_job **list)
{
    hf_job *after;

    for (hf_job *job = k->first; job; job = after) {
        after = job->after;
        if (!is_running(job))
            (void)hf_job_finish(job, HF_ERR_CANCELED, NULL, 0, list);
    }
}

void hf_job_weigh(hf_hsm_key *k)
{
    uint64_t now = hf_now_us();
    bool good = false;

    for (size_t i = 0; i < k->n && !good; i++) {
        const hf_member *m = &k->members[i];
        good = works(m) && m->pool->queue.n < m->pool->queue.max && load(m, now) <= k->timeout_us;
    }
    atomic_store(&k->admits, good);
}
