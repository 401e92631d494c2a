/* Keys that live in the key process: the network process's hf_key over the socket pair.
 *
 * submit sends a message or keeps the operation until the socket takes it; results come on a thread of the client's
 * own. When the key process dies, operations that it had end with HF_ERR_TOKEN, and those not yet sent wait for the
 * next one that the supervisor starts, at most HF_KEY_CLIENT_HOLD_MS. */
#ifndef HANDFAST_APPS_KEY_CLIENT_H
#define HANDFAST_APPS_KEY_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "handfast/handfast.h"

#define HF_KEY_CLIENT_PENDING_MAX 4096 /* operations at once; more end with HF_ERR_BUSY */
#define HF_KEY_CLIENT_HOLD_MS 5000     /* how long an operation waits for a key process */
#define HF_KEY_CLIENT_RELUCTANT_MS 500 /* how long "no more for now" of the key process counts */
#define HF_KEY_CLIENT_TICKET_MS 4000   /* how long a ticket secret is waited for: less than the end waits for that */
#define HF_KEY_CLIENT_TICKET_SIZE 32   /* bytes of one */
#define HF_KEY_CLIENT_REPORT_MS 1000   /* how long a report is waited for */

typedef struct hf_key_client hf_key_client;

typedef struct hf_key_client_state {
    bool connected;         /* a key process serves */
    bool given_up;          /* there will be no other one */
    unsigned long restarts; /* key processes after the first */
    size_t pending;         /* operations out or waiting */
    unsigned long lost;     /* operations that a dying key process took along */
    unsigned long refused;  /* times that admits said no */
} hf_key_client_state;

/* control: the socket to the supervisor (isolate.h), borrowed until the client is freed. NULL: out of memory or
 * descriptors. */
hf_key_client *hf_key_client_new(int control);
/* Waits for the first key process to open its keys. False when it gave up; it or the supervisor said why. */
bool hf_key_client_wait(hf_key_client *client);
/* Starts the thread that moves results; from then on operations may be submitted. */
bool hf_key_client_start(hf_key_client *client);
/* After the last connection and configuration. NULL is allowed. */
void hf_key_client_free(hf_key_client *client);

/* How many keys there are: between hf_key_client_reload and hf_key_client_settle those of the reload, else those of
 * now.
 */
size_t hf_key_client_count(hf_key_client *client);
/* The i-th of them, retained for the caller; NULL: there are not so many. */
hf_key *hf_key_client_key(hf_key_client *client, size_t i);
/* As hf_hsm_key_certs; HF_ERR_INVALID for a key that is none of a client. */
hf_status hf_key_client_certs(hf_key *key, hf_status (*each)(void *arg, const uint8_t *der, size_t len), void *arg);

/* Any thread. */
void hf_key_client_get_state(hf_key_client *client, hf_key_client_state *out);
/* Asks the key process for its metrics; at most max bytes to out. Length; 0 and no key serving when it does not answer
 * in time. Waits. One thread at a time. */
size_t hf_key_client_report(hf_key_client *client, char *out, size_t max, unsigned *out_serving);
/* The ticket secret of an hour since 1970, from the key process's --ticket-key (key_tickets.h). Waits. One thread at a
 * time; also before hf_key_client_start, on the thread of hf_key_client_wait. On failure `out` is unchanged. */
hf_status hf_key_client_ticket(hf_key_client *client, uint64_t hour, uint8_t out[HF_KEY_CLIENT_TICKET_SIZE]);

/* Reloads, when the supervisor says so: on_reload (any thread, may not call the client) hears of the last one that was
 * asked for, and apart from that, with `staples`, of the last OCSP responses that came alone; also when that was before
 * this call. NULL: no more, and whoever waits in hf_key_client_reload comes back. */
typedef void hf_key_client_reload_fn(void *arg, uint32_t number, bool staples);
void hf_key_client_on_reload(hf_key_client *client, hf_key_client_reload_fn *on_reload, void *arg);
typedef enum hf_key_client_answer {
    HF_KEY_CLIENT_KEYS,       /* they are those of hf_key_client_key, until hf_key_client_settle */
    HF_KEY_CLIENT_NO_KEYS,    /* they could not be opened, which was told; or nobody is to wait any more */
    HF_KEY_CLIENT_NO_PROCESS, /* and there will be none; told */
    HF_KEY_CLIENT_LATER       /* a later reload is on its way and takes the place of this one */
} hf_key_client_answer;

/* On one thread, with growing numbers: waits until the key process has opened the keys of that reload, or another one
 * has come, which has opened them. */
hf_key_client_answer hf_key_client_reload(hf_key_client *client, uint32_t number);
/* After each but LATER: what that has brought (it may have been nothing new) is used from now on, or is not wanted. */
void hf_key_client_settle(hf_key_client *client, uint32_t number, bool adopt);

#endif
