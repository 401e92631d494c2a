/* Merkle-Damgard hashing over the compression functions of FIPS 180-4: SHA-1, SHA-256, SHA-384, SHA-512. The common
 * ground of the hash descriptors, of HMAC and of the constant-time record check. Internal to `portable`. */
#ifndef HANDFAST_PORTABLE_MD_H
#define HANDFAST_PORTABLE_MD_H

#include <stddef.h>
#include <stdint.h>

#include "handfast/provider.h"

/* Chaining value: eight 32-bit words (SHA-1 uses five) or eight 64-bit words. */
typedef union hf_md_chain {
    uint32_t w32[8];
    uint64_t w64[8];
} hf_md_chain;

/* A hash function by its public numbers and its compression function. */
typedef struct hf_md_ops {
    uint8_t size;        /* digest, bytes */
    uint8_t block_size;  /* bytes */
    uint8_t length_size; /* bytes of the length field that ends the padding: 8 or 16 */
    uint8_t word_size;   /* bytes of a chaining word: 4 or 8 */
    hf_md_chain initial;
    void (*compress)(hf_md_chain *chain, const uint8_t *blocks, size_t n); /* n whole blocks */
} hf_md_ops;

/* NULL for an unknown id. Static storage. */
const hf_md_ops *hf_md_ops_of(hf_hash_id id);

/* Writes a chaining value as a digest: the first ops->size bytes, big-endian words. */
void hf_md_digest(const hf_md_ops *ops, const hf_md_chain *chain, uint8_t *out);

/* A hash under way. Plain data: copy it, wipe it. */
typedef struct hf_md {
    const hf_md_ops *ops;
    hf_md_chain chain;
    uint8_t block[HF_HASH_BLOCK_MAX];
    size_t fill;
    uint64_t total; /* bytes so far */
} hf_md;

void hf_md_start(hf_md *md, const hf_md_ops *ops);
void hf_md_update(hf_md *md, const void *data, size_t len);
void hf_md_final(hf_md *md, uint8_t *out); /* leaves secrets in md: the owner wipes */

void hf_sha1_compress(hf_md_chain *chain, const uint8_t *blocks, size_t n);
void hf_sha256_compress(hf_md_chain *chain, const uint8_t *blocks, size_t n);
void hf_sha512_compress(hf_md_chain *chain, const uint8_t *blocks, size_t n);

#endif
