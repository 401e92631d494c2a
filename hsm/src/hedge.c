/* Room `failover`: the hedge. An operation that takes longer than most of late is given to a second token as well; the
 * first answer counts and the other one is thrown away (Dean, Barroso: The Tail at Scale, 2013).
 *
 * Hedges are bounded by a credit that operations earn, so that a slow hour does not double the load. A decryption is
 * hedged only where the padding is checked by us: a token that removes it itself is not asked twice. */
#include <string.h>

#include "key.h"

#define SAMPLES_MIN 50   /* operations before the percentile means anything */
#define SAMPLES_MAX 1000 /* then all counts are halved: the past fades */
#define CREDIT_ONE 100
#define CREDIT_MAX (10 * CREDIT_ONE)

void hf_hedge_learn(hf_hsm_key *k, uint64_t us)
{
    if (!k->hedge_percentile)
        return;
    k->recent[hf_latency_bucket(us)]++;
    if (++k->recent_n >= SAMPLES_MAX) {
        k->recent_n = 0;
        for (size_t i = 0; i < HF_HSM_LATENCY_BUCKETS; i++)
            k->recent_n += k->recent[i] /= 2;
    }
    k->hedge_credit += 2 * (100 - k->hedge_percentile);
    if (k->hedge_credit > CREDIT_MAX)
        k->hedge_credit = CREDIT_MAX;
}

uint64_t hf_hedge_delay_us(const hf_hsm_key *k)
{
    uint64_t below = 0;

    if (!k->hedge_percentile || k->n < 2 || k->recent_n < SAMPLES_MIN)
        return 0;
    for (size_t i = 0; i < HF_HSM_LATENCY_BUCKETS - 1; i++) {
        below += k->recent[i];
        if (below * 100 >= (uint64_t)k->recent_n * k->hedge_percentile)
            return hf_hsm_latency_bound_us(i);
    }
    return 0;
}

static bool may_hedge(const hf_job *job)
{
    const hf_hsm_key *k = job->key;

    if (job->kind == HF_KEY_OP_SIGN)
        return true;
    for (size_t i = 0; i < k->n; i++)
        if (k->members[i].ready && k->members[i].usable.decrypt != HF_DECRYPT_RAW)
            return false;
    return true;
}

static void hedge(hf_job *job)
{
    hf_hsm_key *k = job->key;
    hf_status ignored;

    job->hedge_us = 0;
    if (job->hedged || job->moved || k->hedge_credit < CREDIT_ONE || !may_hedge(job))
        return;
    hf_try *t = hf_job_place(job, &ignored);
    if (!t)
        return;
    job->hedged = true;
    k->hedge_credit -= CREDIT_ONE;
    t->member->pool->stats.hedges++;
}

uint64_t hf_hedge_due(hf_hsm_key *k, uint64_t now_us)
{
    uint64_t next = UINT64_MAX;

    for (hf_job *job = k->hedge_percentile ? k->first : NULL; job; job = job->after) {
        if (job->hedge_us && job->hedge_us <= now_us)
            hedge(job);
        if (job->hedge_us && job->hedge_us < next)
            next = job->hedge_us;
    }
    return next;
}
