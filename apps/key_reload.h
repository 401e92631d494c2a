/* The key process's part of a reload: on the supervisor's word the keys that the command line names are opened anew and
 * shown to the network process; they serve beside those of before, which go when no handshake can want them any more.
 *
 * It happens on a thread of its own, so that a token that hangs holds up no operation. The network process says only
 * whether it uses what it was shown; it can neither ask for a reload nor say what is opened. */
#ifndef HANDFAST_APPS_KEY_RELOAD_H
#define HANDFAST_APPS_KEY_RELOAD_H

#include "key_service.h"
#include "serve_options.h"

typedef struct hf_key_reload hf_key_reload;

/* Opens what the options name as set 0 of the service, on this thread, before it serves. prompt: the PIN may be asked
 * on the terminal. HF_OK and *out, or what went wrong, which was told. Everything is borrowed. */
hf_status hf_key_reload_new(hf_key_service *service, const hf_serve_options *options, hf_key_certs_fn *certs,
                            bool prompt, hf_key_reload **out);
/* Starts the thread. False after saying why. */
bool hf_key_reload_start(hf_key_reload *reload);
/* Any thread. The reload of that number (1 for the first) is wanted; of several while one runs, the last one is done.
 */
void hf_key_reload_ask(hf_key_reload *reload, uint32_t number);
/* Any thread. What the network process says of that reload; what does not fit is ignored. */
void hf_key_reload_settle(hf_key_reload *reload, uint32_t number, bool adopt);
/* After the service has ended: stops the thread. False: it is inside of a token that does not answer; the process has
 * to _exit. NULL is allowed. */
bool hf_key_reload_stop(hf_key_reload *reload);
/* Lets go of all keys; those of before first wait for what runs, the last ones when they are released. NULL is allowed.
 */
void hf_key_reload_free(hf_key_reload *reload);

#endif
