/* From a connection's thread to whoever holds the private key, and back. See key_bridge.h, handfast/key.h.
 *
 * There is no lock: a token's thread has a low priority, and the loop would wait for one that was interrupted with it.
 */
#include "key_bridge.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct hf_key_ticket {
    hf_key_bridge *bridge;
    hf_key *key;         /* held by the operation as long as the ticket lives */
    void *owner;         /* the loop's thread only; NULL: forgotten */
    hf_key_op *at_once;  /* the loop's thread only: came back inside submit */
    hf_key_op *op;       /* came back later */
    hf_key_ticket *next; /* among those that came back */
};

struct hf_key_bridge {
    void (*wake)(void *arg);
    void *arg;
    pthread_t thread;                 /* the loop's */
    const hf_key_ticket *submitting;  /* the loop's thread only: inside submit with this ticket */
    atomic_uint waking;               /* threads that bring one back, until they have woken the loop */
    _Atomic(hf_key_ticket *) arrived; /* what came back, the last one first; &closed: nobody collects any more */
    atomic_size_t references;         /* the loop, and each ticket */
};

static hf_key_ticket closed;

hf_key_bridge *hf_key_bridge_new(void (*wake)(void *arg), void *arg)
{
    hf_key_bridge *bridge = calloc(1, sizeof *bridge);
    if (!bridge)
        return NULL;
    bridge->wake = wake;
    bridge->arg = arg;
    bridge->thread = pthread_self();
    atomic_init(&bridge->waking, 0);
    atomic_init(&bridge->arrived, NULL);
    atomic_init(&bridge->references, 1);
    return bridge;
}

static void drop_reference(hf_key_bridge *bridge)
{
    if (atomic_fetch_sub(&bridge->references, 1) == 1)
        free(bridge);
}

static void ticket_free(hf_key_ticket *ticket)
{
    hf_key_bridge *bridge = ticket->bridge;
    free(ticket);
    drop_reference(bridge);
}

/* False: nobody collects any more. */
static bool bring_back(hf_key_ticket *ticket)
{
    hf_key_bridge *bridge = ticket->bridge;
    hf_key_ticket *first = atomic_load(&bridge->arrived);
    do {
        if (first == &closed)
            return false;
        ticket->next = first;
    } while (!atomic_compare_exchange_weak(&bridge->arrived, &first, ticket));
    return true;
}

/* hf_key_done_fn: any thread. */
static void came_back(void *arg, hf_key_op *op)
{
    hf_key_ticket *ticket = arg;
    hf_key_bridge *bridge = ticket->bridge;
    if (pthread_equal(pthread_self(), bridge->thread) && bridge->submitting == ticket) {
        ticket->at_once = op; /* no need to go through the list */
        return;
    }
    ticket->op = op;
    atomic_fetch_add(&bridge->waking, 1); /* first: once it is in the list, ticket and bridge may go */
    bool there = bring_back(ticket);
    if (there)
        bridge->wake(bridge->arg);
    atomic_fetch_sub(&bridge->waking, 1);
    if (!there) {
        hf_key_op_free(op);
        ticket_free(ticket);
    }
}

hf_key_op *hf_key_bridge_submit(hf_key_bridge *bridge, hf_key_op *op, void *owner, hf_key_ticket **out_ticket)
{
    *out_ticket = NULL;
    hf_key_ticket *ticket = calloc(1, sizeof *ticket);
    if (!ticket) {
        op->status = HF_ERR_NO_MEMORY;
        return op;
    }
    ticket->bridge = bridge;
    ticket->owner = owner;
    atomic_fetch_add(&bridge->references, 1);

    ticket->key = op->key;
    bridge->submitting = ticket;
    op->key->ops->submit(op->key, op, came_back, ticket);
    bridge->submitting = NULL;
    hf_key_op *done = ticket->at_once;
    if (done) {
        ticket_free(ticket);
        return done;
    }
    *out_ticket = ticket;
    return NULL;
}

void hf_key_ticket_forget(hf_key_ticket *ticket)
{
    if (!ticket)
        return;
    ticket->owner = NULL;
    if (ticket->key->ops->cancel) /* while it waits it has cost the token nothing */
        ticket->key->ops->cancel(ticket->key, came_back, ticket);
}

/* All that came back, in order; and nothing more is taken once it is closed. */
static hf_key_ticket *take_list(hf_key_bridge *bridge, bool close)
{
    hf_key_ticket *last = atomic_exchange(&bridge->arrived, close ? &closed : NULL), *list = NULL;
    while (last) {
        hf_key_ticket *before = last->next;
        last->next = list;
        list = last;
        last = before;
    }
    return list;
}

void hf_key_bridge_collect(hf_key_bridge *bridge, void (*deliver)(void *owner, hf_key_op *op))
{
    for (hf_key_ticket *ticket = take_list(bridge, false); ticket;) {
        hf_key_ticket *next = ticket->next;
        if (ticket->owner)
            deliver(ticket->owner, ticket->op);
        else
            hf_key_op_free(ticket->op);
        ticket_free(ticket);
        ticket = next;
    }
}

void hf_key_bridge_close(hf_key_bridge *bridge)
{
    const struct timespec moment = {.tv_nsec = 100 * 1000};

    if (!bridge)
        return;
    hf_key_ticket *list = take_list(bridge, true);
    while (atomic_load(&bridge->waking) > 0)
        (void)nanosleep(&moment, NULL);
    for (hf_key_ticket *ticket = list; ticket;) {
        hf_key_ticket *next = ticket->next;
        hf_key_op_free(ticket->op);
        ticket_free(ticket);
        ticket = next;
    }
    drop_reference(bridge);
}
