/* One pass of a loop over the connections that have something to do: read, open together, let the applications answer,
 * seal together, send. Nobody is held back to wait for company: a pass starts as soon as the loop has looked at its
 * sockets, with whoever is ready then. */
#ifndef HANDFAST_APPS_TICK_H
#define HANDFAST_APPS_TICK_H

#include "handfast/batch.h"
#include "link.h"

#define HF_TICK_LINKS 64            /* connections that go together */
#define HF_TICK_HANDSHAKES 1        /* connections that have a step of their handshake (or end) in one pass ... */
#define HF_TICK_HANDSHAKES_NS 40000 /* ... and more of them until so long has passed: many steps are short */
#define HF_TICK_JOBS 256            /* records that wait at once */
#define HF_TICK_POOL 262144         /* bytes that applications may have on their way: as much as four full writes */
#define HF_TICK_POOL_ALIGN 64       /* where a write starts in it: a cache line */

typedef struct hf_tick_queue {
    hf_link *first, *last;
} hf_tick_queue;

typedef struct hf_tick {
    uv_check_t after_poll;
    uv_idle_t busy;             /* active while somebody is ready, so that the loop does not sleep */
    hf_tick_queue open, others; /* connected; in their handshake or at their end */
    hf_batch *batch;
    hf_link *writers[HF_TICK_LINKS]; /* whose data is in the batch */
    size_t n_writers;
    uint8_t *pool;
    size_t pool_used;
} hf_tick;

/* False: no memory. */
bool hf_tick_init(hf_loop *loop);
/* The handles go; the loop's thread. */
void hf_tick_close(hf_loop *loop);
/* After the loop has ended. */
void hf_tick_cleanup(hf_loop *loop);

/* The connection has its turn in the next pass. Idempotent. */
void hf_tick_ready(hf_link *link);
/* It is going to be freed. */
void hf_tick_forget(hf_link *link);

/* HF_LINK_BATCH bytes that stay as they are until what was written from them is sealed. Valid for one write. */
uint8_t *hf_tick_room(hf_loop *loop);
/* The connection has a write of len bytes at data in the batch; when they are of the room, it is taken. */
void hf_tick_keep(hf_link *link, const uint8_t *data, size_t len);

#endif
