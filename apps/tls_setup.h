/* Options to a built configuration. */
#ifndef HANDFAST_APPS_TLS_SETUP_H
#define HANDFAST_APPS_TLS_SETUP_H

#include <pthread.h>

#include "credentials.h"
#include "handfast/handfast.h"
#include "keylog.h"
#include "resumption.h"
#include "tls_options.h"

typedef struct hf_tls {
    hf_resumption_keys *resumption; /* server; NULL: none */
    hf_crypto crypto;
    hf_credentials *held; /* what the configuration of now was built of; of whoever sets up and reloads */
    pthread_mutex_t lock; /* guards what follows */
    hf_config *config;    /* for new connections */
    hf_keylog keylog;     /* from here on constant */
    hf_export export;     /* what --export asks for */
} hf_tls;

/* Composes the cryptography, opens keys, builds the configuration. HF_EXIT_*, after saying what is wrong; then
 * nothing is left to clean. */
int hf_tls_setup(hf_tls *tls, const hf_tls_options *options, hf_role role);
/* After the last connection and worker: lets go of the keys. */
void hf_tls_cleanup(hf_tls *tls);

/* Any thread, while nobody sets up or cleans: the configuration for a new connection, retained for the caller. */
hf_config *hf_tls_config(hf_tls *tls);

/* For a reload, after hf_tls_setup (reload.c): reads and opens what the options name; builds a configuration of it,
 * with the session tickets of before. NULL after saying why. */
hf_credentials *hf_tls_load(const hf_tls *tls, const hf_tls_options *options, bool prompt);
hf_config *hf_tls_build(const hf_tls *tls, const hf_tls_options *options, hf_role role, const hf_credentials *held);
/* New connections get this configuration (taken over). The one before lives as long as its connections. */
void hf_tls_swap(hf_tls *tls, hf_config *config);

#endif
