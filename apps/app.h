/* The applications of `handfast serve`. */
#ifndef HANDFAST_APPS_APP_H
#define HANDFAST_APPS_APP_H

#include "link.h"

extern const hf_app hf_app_echo;    /* --echo: sends back what it gets */
extern const hf_app hf_app_static;  /* --root: files of a folder, HTTP/1.1 */
extern const hf_app hf_app_backend; /* --backend: forwards to a TCP service */

/* Whether the server is stopping: whoever has nothing in progress finishes. */
bool hf_loop_draining(const hf_loop *loop);

#endif
