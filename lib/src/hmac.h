/* HMAC (RFC 2104) over a provider's hash, keyed once and used many times. */
#ifndef HF_HMAC_H
#define HF_HMAC_H

#include <stdalign.h>

#include "handfast/provider.h"
#include "handfast/secret.h"

/* Room for the state of any provider's hash. */
typedef struct hf_hash_state {
    alignas(16) uint8_t bytes[HF_HASH_STATE_MAX];
} hf_hash_state;

typedef struct hf_hmac {
    const hf_hash *hash;
    hf_hash_state inner, outer; /* after the padded key */
} hf_hmac;

/* key_len of any size. On error nothing needs cleaning. */
hf_status hf_hmac_init(hf_hmac *hmac, const hf_hash *hash, const uint8_t *key, size_t key_len) HF_MUST_CHECK;
/* One MAC over two parts (either may be empty); the key stays. out: hash->size bytes. */
hf_status hf_hmac_run(const hf_hmac *hmac, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                      uint8_t *out) HF_MUST_CHECK;
void hf_hmac_cleanup(hf_hmac *hmac);
/* One MAC under a key that is used for nothing else. */
hf_status hf_hmac_once(const hf_hash *hash, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len,
                       uint8_t *out) HF_MUST_CHECK;

/* The digest of one buffer. */
hf_status hf_hash_once(const hf_hash *hash, const uint8_t *data, size_t len, uint8_t *out) HF_MUST_CHECK;

#endif
