/* The command line of `handfast token`, read once for all actions. */
#ifndef HANDFAST_APPS_TOKEN_ARGS_H
#define HANDFAST_APPS_TOKEN_ARGS_H

#include "handfast/provision.h"

enum { TOKEN_DONE = 0, TOKEN_FAILED = 1, TOKEN_USAGE = 2 };

#define TOKEN_WHY_MAX 4096
#define TOKEN_FILE_MAX 1048576 /* bytes of a PEM file */

typedef struct hf_token_args {
    hf_hsm_options hsm;
    const char *token; /* --token */
    const char *label; /* --label */
    uint8_t id[HF_HSM_ID_MAX];
    size_t id_len; /* 0: no --id */
    const char *so_pin_source;
    const char *subject;
    const char *sans[HF_HSM_SANS_MAX];
    size_t sans_n;
    unsigned days;
    bool ca;
    const char *out_file;
    const char *cert_file;
    const char *key_file;
    const char *positional; /* a URI, or the algorithm of keygen; NULL */
    unsigned load;          /* check --load: operations at once; 0: no load */
    bool help;
    char token_uri[HF_HSM_URI_MAX + 1]; /* of --token, or the positional URI */
    char key_uri[HF_HSM_URI_MAX + 1];   /* of --token, --label and --id, or the positional URI */
} hf_token_args;

/* argv[0] is the action. False after a line on stderr: wrong usage. */
bool hf_token_args_read(int argc, char **argv, hf_token_args *out);

/* The whole of a file, malloc'ed, wiped by the caller when it is a secret; NULL after a line on stderr. */
char *hf_token_read_file(const char *path, size_t *out_len);

#endif
