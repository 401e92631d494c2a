/* The inside of a key client, shared by its parts: key_client_ops.c (operations), key_client_reload.c (sets of keys)
 * and key_client.c (the key process, reports, the thread). */
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
    bool ready; /* the key process of now has shown its keys; the client's thread only, like what follows */
    hf_client_faces coming;
    uint32_t started_after; /* the last reload before it was started; 0: none */
    bool alone;             /* the supervisor has gone */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t reported;
    int fd;         /* the key process; -1: none */
    bool connected; /* it has introduced itself */
    bool given_up, stopping;
    hf_client_faces faces, fresh;         /* those that are used; those of a reload that is not settled */
    uint32_t fresh_number;                /* of that reload */
    bool fresh_told;                      /* the key process is to be told what becomes of them */
    bool fresh_tried;                     /* the reloading thread is at them */
    uint32_t reload_asked, reload_done;   /* the supervisor's last word; what the reloading thread is through with */
    uint32_t same_number, refused_number; /* up to there the keys of now are those; the last that had none */
    bool left;                            /* nobody waits for a reload any more */
    pthread_cond_t reloaded;              /* one of these is another one */
    uint32_t staples_asked;               /* the supervisor's last word of that */
    hf_key_client_reload_fn *on_reload;
    void *on_reload_arg;
    pthread_cond_t ticketed; /* ticket_waits is false */
    bool ticket_waits;
    uint64_t ticket_hour;
    hf_status ticket_status;
    uint8_t ticket_secret[HF_KEY_CLIENT_TICKET_SIZE];
    hf_wire_type note; /* ADOPT or DROP that is still to be sent; 0: none */
    uint32_t note_number;
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
/* Before the client's thread runs: waits for something to happen and does it. False: out of memory. */
bool hf_client_turn(hf_key_client *client);

void hf_client_take_ticket(hf_key_client *client, uint64_t hour, const hf_wire_body *body);
/* With the lock held: the key process has gone, and with it the answer. */
void hf_client_lose_ticket(hf_key_client *client);

/* On the client's thread, without the lock. The key process has shown all its keys (`coming`) for the first time:
 * whether it is used, as the one of the next number. */
bool hf_client_take_introduction(hf_key_client *client);
/* RELOADED of that number; false: it does not belong here. */
bool hf_client_take_reloaded(hf_key_client *client, uint64_t id, const hf_wire_body *body);
void hf_client_take_reload(hf_key_client *client, uint32_t number, bool staples); /* of the supervisor */

/* With the lock held: no slot is in use. */
void hf_client_slots_init(hf_key_client *client);
/* With the lock held: sends what waits, as far as the socket takes it. */
void hf_client_send_waiting(hf_key_client *client);
/* With the lock held: a message without a body, when a key process is there to get it. */
void hf_client_send_empty(hf_key_client *client, hf_wire_type type, uint64_t id);
/* With the lock held: sends it now or as soon as the socket takes it. */
void hf_client_send_note(hf_key_client *client, hf_wire_type type, uint32_t number);

/* Without the lock: these call back. */
void hf_client_take_result(hf_key_client *client, uint64_t id, const hf_wire_body *body);
/* The key process has gone: ends what it was asked and has not answered. */
void hf_client_end_sent(hf_key_client *client);
/* Ends what has waited since before that time. */
void hf_client_end_waiting(hf_key_client *client, uint64_t before_ms, hf_status status);

#endif
