/* Room `failover`: the keeper of a key, a thread that never calls a module: so deadlines end operations even while
 * every other thread hangs. It also sets off hedges, and probes of the key's tokens. */
#define _GNU_SOURCE /* ppoll */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "key.h"

/* The thread that is longest in a call of this key; NULL: none is in one. The operation may be over: a hedge's other
 * token has answered. */
static hf_worker_thread *most_urgent(const hf_hsm_key *k)
{
    hf_worker_thread *found = NULL;

    for (size_t i = 0; i < k->n; i++)
        for (hf_worker_thread *w = k->members[i].pool->workers; w; w = w->next)
            if (w->current && w->current->job->key == k &&
                (!found || w->current->job->deadline_us < found->current->job->deadline_us))
                found = w;
    return found;
}

/* With the lock held at both ends; gives up a thread whose time is over, and tells it, because the token was asked.
 * True: something was done, look again. */
static bool give_up_one(hf_hsm_key *k, uint64_t now_us)
{
    hf_worker_thread *w = most_urgent(k);
    hf_job *list = NULL;
    char label[HF_HSM_LABEL_SIZE];

    if (!w || w->current->job->deadline_us > now_us)
        return false;
    hf_pool *pool = w->pool;
    hf_job *job = w->current->job;
    const hf_member *member = w->current->member;
    const hf_use_facts facts = {.wait_us = w->since_us - w->current->queued_us,
                                .latency_us = now_us - w->since_us,
                                .status = HF_ERR_TIMEOUT,
                                .rv = ""};
    memcpy(label, pool->label, sizeof label);
    job->refs++;
    k->active++; /* the key's end waits until it is told */
    hf_pool_abandon(pool, w);
    bool opened = hf_pool_fail(pool, HF_ERR_TIMEOUT, false, &list);
    if (opened)
        pool->refs++;
    hf_hub_unlock();
    hf_use_tell(job, member, label, &facts);
    if (opened) {
        hf_pool_tell(pool, "token \"%s\" does not answer and is not used until it does", label);
        hf_pool_put(pool);
    }
    hf_jobs_deliver(list);
    hf_hub_lock();
    hf_job_unref(job);
    if (--k->active == 0)
        pthread_cond_broadcast(&k->calm);
    return true;
}

/* With the lock held at both ends; ends an operation that is late and does not run any more. True: look again. */
static bool expire_one(hf_hsm_key *k, uint64_t now_us)
{
    hf_job *list = NULL;

    if (!k->first || k->first->deadline_us > now_us)
        return false;
    (void)hf_job_finish(k->first, HF_ERR_TIMEOUT, NULL, 0, &list);
    hf_hub_unlock();
    hf_jobs_deliver(list);
    hf_hub_lock();
    return true;
}

static uint64_t look(hf_hsm_key *k, hf_job **list)
{
    uint64_t now = hf_now_us();
    uint64_t next = hf_hedge_due(k, now);

    for (size_t i = 0; i < k->n; i++) {
        uint64_t its = hf_pool_tick(k->members[i].pool, now, list);
        next = its < next ? its : next;
    }
    if (k->first && k->first->deadline_us < next)
        next = k->first->deadline_us;
    const hf_worker_thread *w = most_urgent(k);
    if (w && w->current->job->deadline_us < next)
        next = w->current->job->deadline_us;
    return next;
}

/* Until then, or until somebody calls. */
static void sleep_until(const hf_hsm_key *k, uint64_t until_us)
{
    struct pollfd called = {.fd = k->wake_fd, .events = POLLIN};
    uint64_t now = hf_now_us(), left = until_us > now ? until_us - now : 0, n;
    struct timespec limit = {.tv_sec = (time_t)(left / 1000000), .tv_nsec = (long)(left % 1000000) * 1000};

    if (ppoll(&called, 1, &limit, NULL) > 0 && read(k->wake_fd, &n, sizeof n) < 0) { /* EAGAIN: it looks once more */
    }
}

static void *keep(void *arg)
{
    hf_hsm_key *k = arg;

    hf_hub_lock();
    while (!k->keeper_ends) {
        hf_job *list = NULL;
        hf_errands_run(k, &list);
        while (give_up_one(k, hf_now_us()) || expire_one(k, hf_now_us()))
            ;
        uint64_t next = look(k, &list);
        if (list) {
            hf_hub_unlock();
            hf_jobs_deliver(list);
            hf_hub_lock();
            continue;
        }
        if (k->keeper_ends)
            break;
        k->sleeps_us = next;
        hf_hub_unlock();
        sleep_until(k, next);
        hf_hub_lock();
        k->sleeps_us = 0;
    }
    hf_hub_unlock();
    return NULL;
}

void hf_keeper_call(hf_hsm_key *k)
{
    uint64_t one = 1;

    if (write(k->wake_fd, &one, sizeof one) < 0) { /* the counter is full: it is called already */
    }
}

void hf_keeper_by(hf_hsm_key *k, uint64_t us)
{
    if (us >= k->sleeps_us)
        return;
    k->sleeps_us = us;
    hf_keeper_call(k);
}

hf_status hf_keeper_start(hf_hsm_key *k, const hf_why *why)
{
    if (k->wake_fd < 0)
        return hf_why_set(why, HF_ERR_LIMIT, "no descriptor is left: raise the limit on open files (ulimit -n)");
    k->kept = hf_thread_start(&k->keeper, keep, k);
    return k->kept ? HF_OK : hf_why_set(why, HF_ERR_LIMIT, "no thread can be started: raise the limit on processes");
}

void hf_keeper_stop(hf_hsm_key *k)
{
    if (!k->kept)
        return;
    hf_hub_lock();
    k->keeper_ends = true;
    hf_hub_unlock();
    hf_keeper_call(k);
    (void)pthread_join(k->keeper, NULL);
    k->kept = false;
}
