/* HMAC (RFC 2104) with precomputed inner and outer states, as the CBC record ciphers use it.
 * Internal to `providers`; shared by the providers that check CBC records themselves. */
#ifndef HANDFAST_PORTABLE_HMAC_H
#define HANDFAST_PORTABLE_HMAC_H

#include <stddef.h>
#include <stdint.h>

#include "handfast/provider.h"

#include "md.h"

/* An HMAC key: the states after the block key^ipad and after the block key^opad. Plain data: copy it, wipe it. */
typedef struct hf_hmac_key {
    hf_hash_id hash;
    hf_md_chain inner;
    hf_md_chain outer;
} hf_hmac_key;

/* A MAC under way. Wipe it with hf_wipe when it is given up before hf_hmac_final. */
typedef struct hf_hmac {
    const hf_hmac_key *key; /* borrowed */
    hf_md md;
} hf_hmac;

/* key_len: any; public. HF_ERR_UNSUPPORTED for an unknown hash. */
hf_status hf_hmac_key_init(hf_hmac_key *key, hf_hash_id hash, const uint8_t *mac_key, size_t key_len) HF_MUST_CHECK;

/* Digest bytes of the key's hash: 20, 32, 48 or 64. */
size_t hf_hmac_size(const hf_hmac_key *key);

void hf_hmac_start(hf_hmac *mac, const hf_hmac_key *key);
void hf_hmac_update(hf_hmac *mac, const void *data, size_t len);
void hf_hmac_final(hf_hmac *mac, uint8_t *out); /* hf_hmac_size bytes; wipes mac */

/* MAC of a record whose length is public (RFC 5246 section 6.2.3.1, version 0x0303; RFC 7366: `data` is then IV and
 * ciphertext): sequence, type, version, length, data. out: hf_hmac_size bytes. */
void hf_hmac_record(const hf_hmac_key *key, uint64_t sequence, uint8_t content_type, const uint8_t *data, size_t len,
                    uint8_t *out);

#endif
