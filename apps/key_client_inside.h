/* The inside of a key client, shared by its two halves: key_client_ops.c (operations) and key_client.c (the key
 * process, reports, the thread). */
#ifndef HANDFAST_APPS_KEY_CLIENT_INSIDE_H
#define HANDFAST_APPS_KEY_CLIENT_INSIDE_H

#include <pthread.h>

#include "key_client_face.h"
#include "key_wire.h"

#define HF_SLOT_NONE UINT32_MAX /* the end of a list of slots */

typedef struct hf_slot {
    hf_key_op *op; /* NULL: free */
    hf_key_done_fn *done;
    void *arg;
    uint32_t generation, next; /* next: in the list of free or of waiting slots */
    bool sent;
    uint64_t since_ms;
} hf_slot;

struct hf_key_client {
    int control, wake;
    pthread_t thread;
    bool started;
    hf_client_faces faces; /* constant after hf_key_client_wait */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t reported;
    int fd;         /* the key process; -1: none */
    bool connected; /* it has introduced itself */
    bool given_up, stopping;
    size_t introduced; /* keys that the process of now has shown */
    hf_slot slots[HF_KEY_CLIENT_PENDING_MAX];
    uint32_t free, first, last; /* free slots; slots whose operation waits to be sent, oldest first */
    size_t pending;
    unsigned long processes, lost, refused;
    uint64_t reluctant_until_ms; /* the key process admits no more operations */
    uint64_t report_id;          /* 0: nobody waits */
    char *report;
    size_t report_max, report_len;
    unsigned report_serving;
};

void hf_client_wake(hf_key_client *client);

/* With the lock held: no slot is in use. */
void hf_client_slots_init(hf_key_client *client);
/* With the lock held: sends what waits, as far as the socket takes it. */
void hf_client_send_waiting(hf_key_client *client);
/* With the lock held: a message without a body, when a key process is there to get it. */
void hf_client_send_empty(hf_key_client *client, hf_wire_type type, uint64_t id);

/* Without the lock: these call back. */
void hf_client_take_result(hf_key_client *client, uint64_t id, const hf_wire_body *body);
/* The key process has gone: ends what it was asked and has not answered. */
void hf_client_end_sent(hf_key_client *client);
/* Ends what has waited since before that time. */
void hf_client_end_waiting(hf_key_client *client, uint64_t before_ms, hf_status status);

#endif
