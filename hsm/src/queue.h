/* What waits for a token, by deadline: a binary heap, first come first served among equals. A pure data structure: no
 * lock, no allocation after init. */
#ifndef HANDFAST_HSM_QUEUE_H
#define HANDFAST_HSM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_QUEUE_OUT SIZE_MAX

/* Embedded in what waits. */
typedef struct hf_queue_item {
    uint64_t deadline_us; /* set before the push */
    uint64_t order;       /* the queue's */
    size_t at;            /* the queue's; HF_QUEUE_OUT when it is in none: set so before the first push */
} hf_queue_item;

typedef struct hf_queue {
    hf_queue_item **heap;
    size_t n, max;
    uint64_t pushed;
} hf_queue;

/* False when out of memory. */
bool hf_queue_init(hf_queue *q, size_t max);
void hf_queue_cleanup(hf_queue *q);
/* False when it is full. */
bool hf_queue_push(hf_queue *q, hf_queue_item *item);
/* The earliest deadline, taken out; NULL when empty. */
hf_queue_item *hf_queue_pop(hf_queue *q);
/* Takes out an item that is in this queue. */
void hf_queue_remove(hf_queue *q, hf_queue_item *item);

#endif
