/* From a connection's thread to whoever holds the private key, and back.
 *
 * An operation that was submitted may come back on any thread, at any time, even after its connection is gone or
 * the loop has ended. Each one has a ticket: what came back waits in a list until the loop's thread collects it. */
#ifndef HANDFAST_APPS_KEY_BRIDGE_H
#define HANDFAST_APPS_KEY_BRIDGE_H

#include "handfast/handfast.h"

typedef struct hf_key_bridge hf_key_bridge;
typedef struct hf_key_ticket hf_key_ticket;

/* Belongs to the calling thread. wake(arg) is called on any thread when something is there to collect, never after
 * hf_key_bridge_close; under no lock, because whoever it wakes may run at once, before its caller runs again. NULL when
 * out of memory. */
hf_key_bridge *hf_key_bridge_new(void (*wake)(void *arg), void *arg);

/* Hands op to its key. Returns op when it is finished already (then *out_ticket is NULL); otherwise NULL, and the
 * ticket is held by *out_ticket until the operation is collected or forgotten. */
hf_key_op *hf_key_bridge_submit(hf_key_bridge *bridge, hf_key_op *op, void *owner, hf_key_ticket **out_ticket);

/* The owner is gone: what still waits for its key is cancelled, what comes back is freed. The ticket lives on until it
 * is collected. NULL is allowed. */
void hf_key_ticket_forget(hf_key_ticket *ticket);

/* Calls deliver(owner, op) for all that came back; op and the ticket's end are then the owner's affair: it must
 * clear its pointer to the ticket. */
void hf_key_bridge_collect(hf_key_bridge *bridge, void (*deliver)(void *owner, hf_key_op *op));

/* Waits for wake calls that are under way; there are no more after it returns; operations still out free themselves as
 * they come back. NULL is allowed. */
void hf_key_bridge_close(hf_key_bridge *bridge);

#endif
