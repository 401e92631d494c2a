/* Room `errand`: what callers of a key leave for whoever has the lock, so that they never wait for it.
 *
 * A token's thread has a low priority. When it is interrupted with the lock, and its token computes on our CPUs, it may
 * come to run again only after dozens of others: an event loop that waited for the lock would serve nobody for so long.
 * So a caller leaves what it wants in a list and does it itself only when the lock is free; else the keeper, which has
 * time, does it. Errands of a key are run in the order in which they were left. A submission's stands in its job; a
 * cancellation that finds the lock free needs none. */
#include <stdlib.h>

#include "key.h"

static void leave(hf_hsm_key *k, hf_errand *errand)
{
    errand->next = atomic_load(&k->errands);
    while (!atomic_compare_exchange_weak(&k->errands, &errand->next, errand))
        ;
}

/* All that were left, the first one first. */
static hf_errand *take_all(hf_hsm_key *k)
{
    hf_errand *last = atomic_exchange(&k->errands, NULL), *list = NULL;

    while (last) {
        hf_errand *before = last->next;
        last->next = list;
        list = last;
        last = before;
    }
    return list;
}

void hf_errands_run(hf_hsm_key *k, hf_job **list)
{
    hf_errand *next;

    for (hf_errand *e = take_all(k); e; e = next) {
        next = e->next; /* it may be gone afterwards */
        switch (e->kind) {
        case HF_ERRAND_SUBMIT:
            hf_job_begin(e->job, list);
            break;
        case HF_ERRAND_CANCEL:
            hf_job_cancel(k, e->done, e->arg, list);
            free(e);
            break;
        case HF_ERRAND_RETURNED:
            hf_job_returned(e->job);
            break;
        }
    }
}

/* Runs what was left unless somebody else has the lock: then the keeper does. */
static hf_job *run_or_call(hf_hsm_key *k)
{
    hf_job *list = NULL;

    if (hf_hub_try_lock()) {
        hf_errands_run(k, &list);
        hf_hub_unlock();
    } else {
        hf_keeper_call(k);
    }
    return list;
}

/* Hands back what that ended, and goes on while there is more. */
static void hand_back(hf_hsm_key *k, hf_job *list)
{
    while (list) {
        hf_job *next;
        for (hf_job *job = list; job; job = next) {
            next = job->next_done;
            hf_job_give(job);
            job->errand.kind = HF_ERRAND_RETURNED;
            leave(k, &job->errand);
        }
        list = run_or_call(k);
    }
}

/* From here until the end of a call the key's memory stays, whatever its operations do. */
static void enter(hf_hsm_key *k)
{
    atomic_fetch_add(&k->inside, 1);
}

static void go(hf_hsm_key *k)
{
    atomic_fetch_sub(&k->inside, 1);
}

/* ---- The operations of the key ---- */

void hf_hsm_submit(hf_hsm_key *k, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    hf_job *job = hf_job_new(k, op, done, arg, k->timeout_us);

    if (!job) {
        op->status = HF_ERR_NO_MEMORY;
        done(arg, op);
        return;
    }
    enter(k);
    job->errand = (hf_errand){.kind = HF_ERRAND_SUBMIT, .job = job};
    leave(k, &job->errand);
    hand_back(k, run_or_call(k));
    go(k);
}

void hf_hsm_cancel(hf_hsm_key *k, hf_key_done_fn *done, void *arg)
{
    hf_errand *errand = NULL;
    hf_job *list = NULL;

    enter(k);
    bool mine = hf_hub_try_lock();
    if (!mine && !(errand = malloc(sizeof *errand))) {
        hf_hub_lock(); /* out of memory: the one wait, rather than an operation that nobody wants */
        mine = true;
    }
    if (mine) {
        hf_errands_run(k, &list);
        hf_job_cancel(k, done, arg, &list);
        hf_hub_unlock();
    } else {
        *errand = (hf_errand){.kind = HF_ERRAND_CANCEL, .done = done, .arg = arg};
        leave(k, errand);
        list = run_or_call(k);
    }
    hand_back(k, list);
    go(k);
}

/* The answer of a moment ago when somebody has the lock: it is made anew whenever an operation begins or ends. */
bool hf_hsm_admits(hf_hsm_key *k)
{
    hf_job *list = NULL;

    enter(k);
    if (hf_hub_try_lock()) {
        hf_errands_run(k, &list);
        hf_job_weigh(k);
        hf_hub_unlock();
        hand_back(k, list);
    }
    bool good = atomic_load(&k->admits);
    if (!good)
        atomic_fetch_add(&k->refused, 1);
    go(k);
    return good;
}
