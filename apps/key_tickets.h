/* The key process's part of --ticket-key: the ticket secret of an hour, derived in the token, for the network process.
 *
 * What may be asked for is an hour, and only one that a server needs at this time by this process's own clock: those
 * whose tickets may still come, that of now, and the next one when it is near. Each hour is derived once and remembered
 * until it leaves that window; so the token is used once an hour, whatever is asked. The token is waited for on a
 * thread of its own. */
#ifndef HANDFAST_APPS_KEY_TICKETS_H
#define HANDFAST_APPS_KEY_TICKETS_H

#include "handfast/hsm.h"
#include "key_service.h"

#define HF_KEY_TICKETS_MAX (HF_LIMIT_SESSION_LIFETIME / HF_DEFAULT_TICKET_PERIOD + 4) /* hours that are remembered */
#define HF_KEY_TICKETS_PAUSE_MS 1000 /* after a failure the token is not asked again so long */

typedef struct hf_key_tickets hf_key_tickets;

/* Derives the secret of an hour, with the arg given below; blocks. On failure `out` is unchanged. */
typedef hf_status hf_key_tickets_fn(void *arg, uint64_t hour, uint8_t out[HF_HSM_SECRET_SIZE]);

/* Starts the thread. service: borrowed, answers go there. lifetime_s: of tickets. NULL after saying why. */
hf_key_tickets *hf_key_tickets_start(hf_key_service *service, hf_key_tickets_fn *derive, void *arg,
                                     uint32_t lifetime_s);
/* Any thread. The network process asks for that hour (hours since 1970) at unix_time, the time of now in seconds. It is
 * answered now or later. */
void hf_key_tickets_ask(hf_key_tickets *tickets, uint64_t hour, int64_t unix_time);
/* Stops the thread and wipes what there is. False: it is inside of a token that does not answer; the process has to
 * _exit. NULL is allowed. */
bool hf_key_tickets_stop(hf_key_tickets *tickets);

#endif
