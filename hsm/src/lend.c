/* Room `pool`: a session on loan. Who opens a key in a token all of whose sessions are ours already (a reload, a second
 * key) uses that of a thread for a while. The thread waits for it, and counts as one that hangs when that lasts. */
#include "key.h"

static bool has_lendable(const hf_worker_thread *w)
{
    return w->open && !w->suspect && w->generation == w->pool->generation;
}

bool hf_worker_may_lend(const hf_worker_thread *w)
{
    return w->pool->borrowers > 0 && !w->pool->lender && has_lendable(w);
}

void hf_worker_lend(hf_worker_thread *w)
{
    hf_pool *pool = w->pool;

    pool->lender = w;
    w->busy = true;
    w->since_us = hf_now_us();
    hf_priority_watch(pool, w->since_us);
    w->limit_us = w->since_us + (uint64_t)HF_POOL_LEND_MAX_MS * 1000;
    pthread_cond_broadcast(&pool->connected);
    while (pool->lender == w && (pool->lent || pool->borrowers > 0))
        hf_hub_wait(&pool->connected, 0);
    if (pool->lender == w) /* whoever wanted it has gone */
        pool->lender = NULL;
    w->busy = false;
    w->used_us = hf_now_us();
}

bool hf_pool_is_full(hf_pool *pool)
{
    unsigned open = 0;

    hf_hub_lock();
    for (const hf_worker_thread *w = pool->workers; w; w = w->next)
        open += w->open;
    bool full = open > 0 && pool->sessions_limit && open >= pool->sessions_limit;
    hf_hub_unlock();
    return full;
}

bool hf_pool_borrow(hf_pool *pool, hf_p11_session *out, uint64_t *out_generation)
{
    uint64_t until = hf_now_us() + (uint64_t)HF_POOL_PROBE_MAX_MS * 1000;

    hf_hub_lock();
    pool->borrowers++;
    hf_bell_ring_all(&pool->work);
    while ((!pool->lender || pool->lent) && hf_now_us() < until)
        hf_hub_wait(&pool->connected, until);
    pool->borrowers--;
    bool got = pool->lender && !pool->lent;
    if (got) {
        pool->lent = true;
        *out = pool->lender->session;
        *out_generation = pool->lender->generation;
    }
    pthread_cond_broadcast(&pool->connected); /* nobody waits for it any more, or the next one does */
    hf_hub_unlock();
    return got;
}

void hf_pool_return(hf_pool *pool)
{
    hf_hub_lock();
    pool->lender = NULL;
    pool->lent = false;
    if (pool->borrowers > 0)
        hf_bell_ring_all(&pool->work);
    pthread_cond_broadcast(&pool->connected);
    hf_hub_unlock();
}
