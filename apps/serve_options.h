/* The command line of `handfast serve`. */
#ifndef HANDFAST_APPS_SERVE_OPTIONS_H
#define HANDFAST_APPS_SERVE_OPTIONS_H

#include "app.h"
#include "audit.h"
#include "cli.h"
#include "confine.h"
#include "tls_options.h"

typedef struct hf_serve_options {
    hf_tls_options tls;
    hf_host_port listen;
    const hf_app *app;
    const char *root;         /* with hf_app_static */
    hf_host_port backend;     /* with hf_app_backend */
    const char *backend_name; /* as it was given */
    unsigned threads;
    unsigned ocsp_check;                      /* seconds */
    unsigned handshake_timeout, idle_timeout; /* seconds */
    unsigned long max_connections;
    size_t record_size;   /* 0: auto */
    const char *pid_file; /* NULL: none */
    hf_user user;         /* --user: who the network process becomes */
    hf_user key_user;     /* --key-user: who the key process becomes */
    bool isolate;
    pid_t supervisor; /* with isolate, once it has begun (isolate.h) */
    hf_sandbox key_sandbox;
    unsigned key_rate; /* operations per second; 0: no limit */
    const char *audit; /* NULL: none */
    hf_audit_full audit_full;
    hf_host_port metrics; /* no port: none */
    bool help;            /* --help: it was printed */
} hf_serve_options;

/* HF_EXIT_DONE, or HF_EXIT_USAGE after saying why. Text is borrowed from argv. */
int hf_serve_options_parse(hf_serve_options *options, int argc, char **argv);

#endif
