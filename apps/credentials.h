/* Files and tokens to credentials. */
#ifndef HANDFAST_APPS_CREDENTIALS_H
#define HANDFAST_APPS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/handfast.h"
#include "tls_options.h"

#define HF_KEY_FILE_MAX 65536      /* bytes of a private-key file */
#define HF_CERT_FILE_MAX 1048576   /* bytes of a certificate-chain file */
#define HF_TRUST_FILE_MAX 16777216 /* bytes of a file with trust anchors */

/* Reads a regular file of at most `limit` bytes into memory (hf_file_free wipes it). False after saying why;
 * `what` names the file's purpose. The buffer ends with a NUL that is not counted. */
bool hf_file_read(const char *path, const char *what, size_t limit, uint8_t **out, size_t *out_len);
void hf_file_free(uint8_t *data, size_t len); /* data NULL is allowed */

/* Opens the i-th key of the options, or takes it from the key process. Errors are told; the caller releases the key. */
hf_status hf_credentials_open_key(const hf_tls_options *options, size_t i, bool prompt, hf_key **out);

/* Adds every credential of the options. False after saying why. prompt: the PIN may be asked on the terminal. */
bool hf_credentials_add(hf_config *config, const hf_pki *pki, const hf_tls_options *options, bool prompt);

/* Trust anchors from a PEM file, or the system's when path is NULL. False after saying why. */
bool hf_trust_load(const hf_pki *pki, const char *path, hf_trust **out);

#endif
