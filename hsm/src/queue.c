/* Room `queue`: a binary heap whose items know their place, so that one can leave from the middle. */
#include "queue.h"

#include <stdlib.h>

bool hf_queue_init(hf_queue *q, size_t max)
{
    *q = (hf_queue){.heap = calloc(max, sizeof *q->heap), .max = max};
    return q->heap != NULL;
}

void hf_queue_cleanup(hf_queue *q)
{
    free(q->heap);
    *q = (hf_queue){.heap = NULL};
}

static bool is_before(const hf_queue_item *a, const hf_queue_item *b)
{
    return a->deadline_us != b->deadline_us ? a->deadline_us < b->deadline_us : a->order < b->order;
}

static void put(hf_queue *q, size_t at, hf_queue_item *item)
{
    q->heap[at] = item;
    item->at = at;
}

static void rise(hf_queue *q, hf_queue_item *item)
{
    size_t at = item->at;

    while (at > 0 && is_before(item, q->heap[(at - 1) / 2])) {
        put(q, at, q->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(q, at, item);
}

static void sink(hf_queue *q, hf_queue_item *item)
{
    size_t at = item->at;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < q->n && is_before(q->heap[child + 1], q->heap[child]))
            child++;
        if (child >= q->n || !is_before(q->heap[child], item))
            break;
        put(q, at, q->heap[child]);
        at = child;
    }
    put(q, at, item);
}

bool hf_queue_push(hf_queue *q, hf_queue_item *item)
{
    if (q->n == q->max)
        return false;
    item->order = q->pushed++;
    put(q, q->n++, item);
    rise(q, item);
    return true;
}

void hf_queue_remove(hf_queue *q, hf_queue_item *item)
{
    hf_queue_item *last = q->heap[--q->n];

    if (last != item) {
        put(q, item->at, last);
        rise(q, last);
        sink(q, last);
    }
    item->at = HF_QUEUE_OUT;
}

hf_queue_item *hf_queue_pop(hf_queue *q)
{
    hf_queue_item *first = q->n ? q->heap[0] : NULL;

    if (first)
        hf_queue_remove(q, first);
    return first;
}
