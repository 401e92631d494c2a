/* Files and tokens to credentials. */
#ifndef HANDFAST_APPS_CREDENTIALS_H
#define HANDFAST_APPS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>
#include <time.h>

#include "file_id.h"
#include "handfast/handfast.h"
#include "tls_options.h"

#define HF_KEY_FILE_MAX 65536      /* bytes of a private-key file */
#define HF_CERT_FILE_MAX 1048576   /* bytes of a certificate-chain file */
#define HF_TRUST_FILE_MAX 16777216 /* bytes of a file with trust anchors */

/* Reads a regular file of at most `limit` bytes into memory (hf_file_free wipes it). False after saying why;
 * `what` names the file's purpose. The buffer ends with a NUL that is not counted. */
bool hf_file_read(const char *path, const char *what, size_t limit, uint8_t **out, size_t *out_len);
void hf_file_free(uint8_t *data, size_t len); /* data NULL is allowed */

/* Of the file that stands there now; false: there is none that may be opened. */
bool hf_file_id_get(const char *path, hf_file_id *out);
/* As hf_file_read, and which file it was. */
bool hf_file_read_id(const char *path, const char *what, size_t limit, uint8_t **out, size_t *out_len,
                     hf_file_id *out_id);

typedef struct hf_held_chain {
    uint8_t *certs[HF_CHAIN_MAX]; /* DER, own certificate first */
    size_t lens[HF_CHAIN_MAX];
    size_t n;
} hf_held_chain;

/* The file of --ocsp, as it was read last (staple_file.c). */
typedef struct hf_staple_file {
    const char *path;  /* NULL: none; borrowed from the options */
    uint8_t *response; /* NULL: none that is good */
    size_t len;
    hf_file_id id;
    int64_t until; /* seconds since 1970 */
    bool told;     /* that it has expired, or cannot be read */
} hf_staple_file;

/* Reads it and checks it for the chain. One that is not good is told and left out. False: it cannot be read at all,
 * which was told; then it stays as it was. */
bool hf_staple_file_read(hf_staple_file *file, const hf_pki *pki, const hf_held_chain *chain);
/* Reads it again if it changed. Whether there is another response now, or none any more. What cannot be read, and what
 * has expired, is told once. */
bool hf_staple_file_look(hf_staple_file *file, const hf_pki *pki, const hf_held_chain *chain);
/* The same without looking at the file: only whether what there is has expired. */
void hf_staple_file_age(hf_staple_file *file);
/* Gives the response, if there is one, to the credential that was added last. */
bool hf_staple_file_apply(const hf_staple_file *file, hf_config *config);
void hf_staple_file_cleanup(hf_staple_file *file);

/* What the files and tokens of the options hold: from it configurations are built, as often as one likes. */
typedef struct hf_held_credential {
    hf_key *key; /* a reference */
    hf_held_chain chain;
    const char *cert_name; /* for people */
    hf_staple_file staple;
} hf_held_credential;

typedef struct hf_credentials {
    hf_held_credential list[HF_LIMIT_CREDENTIALS];
    size_t n;
    uint8_t *trust; /* PEM; NULL: the system's, or none */
    size_t trust_len;
} hf_credentials;

/* Opens the i-th key of the options, or takes it from the key process. Errors are told; the caller releases the key. */
hf_status hf_credentials_open_key(const hf_tls_options *options, size_t i, bool prompt, hf_key **out);

/* Reads and opens every credential of the options. NULL after saying why. prompt: the PIN may be asked on the terminal.
 */
hf_credentials *hf_credentials_load(const hf_pki *pki, const hf_tls_options *options, bool prompt);
/* NULL is allowed. Configurations that were built of them live on. */
void hf_credentials_free(hf_credentials *all);
/* Adds them to a configuration. False after saying why. */
bool hf_credentials_add(hf_config *config, const hf_credentials *all);

/* Reads the PEM file of trust anchors, once. False after saying why. */
bool hf_credentials_load_trust(hf_credentials *all, const char *path);
/* The anchors that were read, or the system's when there was no file. False after saying why; path is for that. */
bool hf_trust_parse(const hf_pki *pki, const hf_credentials *all, const char *path, hf_trust **out);

#endif
