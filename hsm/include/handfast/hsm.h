/* Keys in PKCS#11 tokens: load a module, find a key, use it. Library: handfast-hsm (p11-kit, libcrypto for DER).
 *
 * Errors: a status, and one line for the operator in `why` (why_max bytes, always terminated): what failed, why, and
 * what to do. PINs never appear in it. After HF_OK of hf_hsm_key_open it is empty, or says what the token advertises
 * and yet does not do (and which is therefore not offered): worth a line in the log.
 */
#ifndef HANDFAST_HSM_H
#define HANDFAST_HSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/key.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_HSM_PIN_MAX 256  /* bytes of a PIN */
#define HF_HSM_URI_MAX 2048 /* bytes of a PKCS#11 URI, RFC 7512 */
#define HF_HSM_THREADS_MAX 64
#define HF_HSM_QUEUE_MAX 4096 /* operations waiting for one key */

typedef struct hf_hsm_options {
    const char *module; /* path of a PKCS#11 module; NULL: module-path of the URI, else p11-kit's configured modules */
    const char *pin_source; /* file with the PIN (first line); NULL: pin-source of the URI, else the systemd credential
                             * "handfast-pin" ($CREDENTIALS_DIRECTORY), else the terminal when prompt is set */
    bool prompt;            /* may ask on /dev/tty */
    bool allow_extractable; /* accept a key that is extractable or not sensitive */
    unsigned threads; /* worker threads, one session each, 1..HF_HSM_THREADS_MAX; 0: one for each CPU, at most 8 */
} hf_hsm_options;

/* Finds exactly one private key by its URI, logs in once, checks its attributes, reads its public half, probes its
 * mechanisms and starts the worker threads. The hf_key's release stops them, logs out, and closes its sessions.
 * Errors: HF_ERR_INVALID (URI), HF_ERR_MODULE, HF_ERR_TOKEN_ABSENT, HF_ERR_PIN_SOURCE, HF_ERR_PIN_INCORRECT,
 * HF_ERR_PIN_LOCKED, HF_ERR_NOT_FOUND and HF_ERR_AMBIGUOUS (why lists candidates), HF_ERR_KEY_UNSAFE,
 * HF_ERR_KEY_UNUSABLE, HF_ERR_TOKEN, HF_ERR_LIMIT, HF_ERR_NO_MEMORY. Never fork afterwards: PKCS#11 does not survive
 * it. */
HF_API hf_status hf_hsm_key_open(const hf_hsm_options *options, const char *uri, hf_key **out, char *why,
                                 size_t why_max) HF_MUST_CHECK;

/* Certificates that stand beside the key in its token (same CKA_ID), own certificate first, then issuers found in the
 * token. `each` is called with DER, borrowed. HF_ERR_NOT_FOUND when there is none. */
HF_API hf_status hf_hsm_key_certs(hf_key *key, hf_status (*each)(void *arg, const uint8_t *der, size_t len),
                                  void *arg) HF_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
