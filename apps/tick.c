/* One pass of a loop over its ready connections. See tick.h.
 *
 * Connections go through the phases side by side, HF_TICK_LINKS of them, so that the records of all are opened in one
 * call of the provider for each cipher and sealed in another, while what they touch still fits the cache.
 *
 * A handshake takes its step alone, after them: its public-key cryptography costs as much as hundreds of records, so in
 * one pass only one has a step, or some that are short, however many are ready, and whoever is connected already does
 * not wait for a storm of them. */
#include "tick.h"

#include <stdlib.h>

#include "loop.h"

/* ---- Who is ready ---- */

static void stay_awake(uv_idle_t *idle)
{
    (void)idle;
}

void hf_tick_ready(hf_link *link)
{
    hf_tick *tick = &link->loop->tick;
    hf_tick_queue *queue = link->state == HF_LINK_OPEN ? &tick->open : &tick->others;

    if (link->queue)
        return;
    link->queue = queue;
    link->ready_prev = queue->last;
    link->ready_next = NULL;
    if (queue->last)
        queue->last->ready_next = link;
    else
        queue->first = link;
    queue->last = link;
    if (!uv_is_active((uv_handle_t *)&tick->busy))
        uv_idle_start(&tick->busy, stay_awake);
}

void hf_tick_forget(hf_link *link)
{
    hf_tick_queue *queue = link->queue;

    if (!queue)
        return;
    link->queue = NULL;
    if (link->ready_prev)
        link->ready_prev->ready_next = link->ready_next;
    else
        queue->first = link->ready_next;
    if (link->ready_next)
        link->ready_next->ready_prev = link->ready_prev;
    else
        queue->last = link->ready_prev;
}

/* ---- Writes on their way ---- */

/* Runs what waits and sends what that made, while it is in the cache. */
static void flush(hf_loop *loop)
{
    hf_tick *tick = &loop->tick;

    if (hf_batch_len(tick->batch) > 0)
        hf_batch_run(tick->batch, loop->worker);
    for (size_t i = 0; i < tick->n_writers; i++)
        hf_link_send(tick->writers[i]);
    tick->n_writers = tick->pool_used = 0;
}

uint8_t *hf_tick_room(hf_loop *loop)
{
    hf_tick *tick = &loop->tick;

    if (HF_TICK_POOL - tick->pool_used < HF_LINK_BATCH)
        flush(loop);
    return tick->pool + tick->pool_used;
}

void hf_tick_keep(hf_link *link, const uint8_t *data, size_t len)
{
    hf_tick *tick = &link->loop->tick;

    if (data == tick->pool + tick->pool_used)
        tick->pool_used += (len + HF_TICK_POOL_ALIGN - 1) / HF_TICK_POOL_ALIGN * HF_TICK_POOL_ALIGN;
    if (!link->writing)
        tick->writers[tick->n_writers++] = link;
    link->writing = true;
}

/* ---- The pass ---- */

static void receive(hf_loop *loop, hf_link **links, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!hf_link_receive(links[i])) { /* the batch is full */
            flush(loop);
            hf_link_receive(links[i]);
        }
    flush(loop);
}

/* Moves the connections as far as they go, all one round before each the next. */
static void move(hf_loop *loop, hf_link **links, size_t n)
{
    for (unsigned round = 0; round < HF_LINK_ROUNDS && n > 0; round++) {
        size_t moving = 0;
        for (size_t i = 0; i < n; i++)
            if (hf_link_begin_round(links[i]))
                links[moving++] = links[i];
        n = moving;
        receive(loop, links, n);
        for (size_t i = 0; i < n; i++)
            hf_link_answer(links[i]);
        flush(loop);
        for (size_t i = 0; i < n; i++)
            hf_link_send(links[i]);
    }
}

/* Whoever is ready again within this pass waits for the next, so that the sockets are looked at between. */
static void pass(hf_loop *loop, hf_tick_queue *queue, size_t most)
{
    hf_link *links[HF_TICK_LINKS], *moving[HF_TICK_LINKS], *end = queue->last;

    for (bool more = queue->first != NULL; more && most > 0;) {
        size_t n = 0;
        while (more && n < HF_TICK_LINKS && n < most) {
            hf_link *link = queue->first;
            more = link != end && link->ready_next;
            hf_tick_forget(link);
            link->moved = true;
            links[n] = moving[n] = link;
            n++;
        }
        most -= n;
        move(loop, moving, n);
        for (size_t i = 0; i < n; i++)
            hf_link_settle(links[i]);
    }
}

static void passed(uv_check_t *check)
{
    hf_loop *loop = check->data;
    hf_tick *tick = &loop->tick;

    uint64_t start = uv_hrtime();
    pass(loop, &tick->open, SIZE_MAX);
    uint64_t middle = uv_hrtime(), had = middle - start;
    uint64_t end = middle + (had > HF_TICK_HANDSHAKES_NS ? had : HF_TICK_HANDSHAKES_NS);
    do /* at least as long as the others had, who starve nobody either */
        pass(loop, &tick->others, HF_TICK_HANDSHAKES);
    while (tick->others.first && uv_hrtime() < end);
    if (!tick->open.first && !tick->others.first)
        uv_idle_stop(&tick->busy);
}

/* ---- Life ---- */

bool hf_tick_init(hf_loop *loop)
{
    hf_tick *tick = &loop->tick;

    tick->pool = malloc(HF_TICK_POOL);
    if (!tick->pool || hf_batch_new(hf_env_system(), HF_TICK_JOBS, &tick->batch) != HF_OK)
        return false;
    uv_check_init(&loop->uv, &tick->after_poll);
    uv_idle_init(&loop->uv, &tick->busy);
    tick->after_poll.data = loop;
    return uv_check_start(&tick->after_poll, passed) == 0;
}

void hf_tick_close(hf_loop *loop)
{
    uv_close((uv_handle_t *)&loop->tick.after_poll, NULL);
    uv_close((uv_handle_t *)&loop->tick.busy, NULL);
}

void hf_tick_cleanup(hf_loop *loop)
{
    hf_batch_free(loop->tick.batch);
    if (loop->tick.pool)
        hf_wipe(loop->tick.pool, HF_TICK_POOL);
    free(loop->tick.pool);
}
