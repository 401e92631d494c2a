/* Reloading while serving: on SIGHUP whatever the options name is read again, keys are opened and tried as at the
 * start, a whole new configuration is built, and new connections get it. Whatever is wrong, the old one stays.
 *
 * All of it happens on a thread of its own, so that a token that hangs holds up neither connections nor the end. The
 * same thread looks at the files of --ocsp from time to time, or with --isolate when the supervisor has sent them. */
#ifndef HANDFAST_APPS_RELOAD_H
#define HANDFAST_APPS_RELOAD_H

#include <stdbool.h>

#include "loop.h"
#include "serve_options.h"

#define HF_RELOAD_STOP_S 3 /* how long the end waits for a reload that is inside of a token */
#define HF_RELOAD_FAILED_TEXT "reload failed, the old configuration stays: " /* before what is wrong */
#define HF_RELOAD_RETIRED_MAX 8 /* sets of keys that were replaced and may still sign for handshakes that had begun */

typedef struct hf_reload hf_reload;

/* Starts the thread, after everything else that hf_tls_setup did; server and options are borrowed until hf_reload_stop.
 * NULL after saying why. */
hf_reload *hf_reload_start(hf_server *server, const hf_serve_options *options);
/* How long keys that were replaced are held: until no handshake that began with them can be going on. Milliseconds. */
uint64_t hf_reload_retire_ms(const hf_serve_options *options);
/* Asks for a reload. One that is asked for while another runs follows it; several of those are one. number: with
 * --isolate the supervisor's (control.h), else 0. Any thread. */
void hf_reload_ask(hf_reload *reload, uint32_t number);
/* With --isolate: OCSP responses came along under this number of the supervisor's. Any thread. */
void hf_reload_staples(hf_reload *reload, uint32_t number);
/* After the last connection. True: the thread has ended, and no reload happens any more. False: it is inside of
 * a token that does not answer; then nothing that it may touch can be freed, and the process has to _exit. NULL is
 * allowed. */
bool hf_reload_stop(hf_reload *reload);

#endif
