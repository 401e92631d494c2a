/* The command line of `handfast connect`. */
#ifndef HANDFAST_APPS_CONNECT_OPTIONS_H
#define HANDFAST_APPS_CONNECT_OPTIONS_H

#include "cli.h"
#include "tls_options.h"

typedef struct hf_connect_options {
    hf_tls_options tls;
    hf_host_port to;
    const char *name;     /* to verify and send as SNI; default: the host */
    const char *get_path; /* NULL: standard input and output */
    unsigned timeout;     /* seconds */
    unsigned resume;      /* further connections, each with the session of the one before */
    bool quiet, help;
} hf_connect_options;

/* HF_EXIT_DONE, or HF_EXIT_USAGE after saying why. Text is borrowed from argv. */
int hf_connect_options_parse(hf_connect_options *options, int argc, char **argv);

#endif
