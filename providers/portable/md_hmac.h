/* HMAC (RFC 2104) with precomputed inner and outer states, as the CBC record ciphers use it.
 * Internal to `providers`; shared by the providers that check CBC records themselves. */
#ifndef HANDFAST_PORTABLE_MD_HMAC_H
#define HANDFAST_PORTABLE_MD_HMAC_H

#include <stddef.h>
#include <stdint.h>

#include "handfast/provider.h"

#include "md.h"

/* An HMAC key: the states after the block key^ipad and after the block key^opad, and the implementation of the hash
 * that whoever made the key chose. Plain data: copy it, wipe it. */
typedef struct hf_md_hmac_key {
    const hf_md_ops *ops;
    hf_md_chain inner;
    hf_md_chain outer;
} hf_md_hmac_key;

/* A MAC under way. Wipe it with hf_wipe when it is given up before hf_md_hmac_final. */
typedef struct hf_md_hmac {
    const hf_md_hmac_key *key; /* borrowed */
    hf_md md;
} hf_md_hmac;

/* ops: NULL gives HF_ERR_UNSUPPORTED, so that a look-up by id needs no check of its own. key_len: any; public. */
hf_status hf_md_hmac_key_init(hf_md_hmac_key *key, const hf_md_ops *ops, const uint8_t *mac_key,
                              size_t key_len) HF_MUST_CHECK;

/* Digest bytes of the key's hash: 20, 32, 48 or 64. */
size_t hf_md_hmac_size(const hf_md_hmac_key *key);

void hf_md_hmac_start(hf_md_hmac *mac, const hf_md_hmac_key *key);
void hf_md_hmac_update(hf_md_hmac *mac, const void *data, size_t len);
void hf_md_hmac_final(hf_md_hmac *mac, uint8_t *out); /* hf_md_hmac_size bytes; wipes mac */

/* MAC of a record whose length is public (RFC 5246 section 6.2.3.1, version 0x0303; RFC 7366: `data` is then IV and
 * ciphertext): sequence, type, version, length, data. out: hf_md_hmac_size bytes. */
void hf_md_hmac_record(const hf_md_hmac_key *key, uint64_t sequence, uint8_t content_type, const uint8_t *data,
                       size_t len, uint8_t *out);

#endif
