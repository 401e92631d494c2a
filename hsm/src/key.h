/* The hf_key of a token: what stands behind the public face. */
#ifndef HANDFAST_HSM_KEY_H
#define HANDFAST_HSM_KEY_H

#include <stdatomic.h>

#include "certs.h"
#include "pool.h"

typedef struct hf_hsm_key {
    hf_key face; /* first: the pointer that the engine holds */
    atomic_uint refs;
    hf_token token;
    CK_OBJECT_HANDLE handle;
    hf_pubkey pub;
    hf_usable usable;
    hf_token_certs certs;
    hf_token_pool *pool;
    char *label;
    uint8_t spki_sha256[32];
} hf_hsm_key;

/* The implementation of a key that hf_hsm_key_open made; NULL for any other. */
hf_hsm_key *hf_hsm_key_of(hf_key *key);

#endif
