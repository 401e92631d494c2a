/* Options to a built configuration. */
#ifndef HANDFAST_APPS_TLS_SETUP_H
#define HANDFAST_APPS_TLS_SETUP_H

#include "handfast/handfast.h"
#include "keylog.h"
#include "resumption.h"
#include "tls_options.h"

typedef struct hf_tls {
    hf_resumption_keys *resumption; /* server; NULL: none */
    hf_crypto crypto;
    hf_config *config;
    hf_keylog keylog;
    hf_export export; /* what --export asks for */
} hf_tls;

/* Composes the cryptography, opens keys, builds the configuration. HF_EXIT_*, after saying what is wrong; then
 * nothing is left to clean. */
int hf_tls_setup(hf_tls *tls, const hf_tls_options *options, hf_role role);
/* After the last connection and worker: lets go of the keys. */
void hf_tls_cleanup(hf_tls *tls);

#endif
