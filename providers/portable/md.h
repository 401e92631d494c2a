/* Merkle-Damgard hashing over the compression functions of FIPS 180-4: SHA-1, SHA-256, SHA-384, SHA-512. The common
 * ground of the hash descriptors, of HMAC and of the constant-time record check. Internal to `providers`. */
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

/* Initialisers of operations, for every implementation of a compression function (sections 5.3.1 and 5.3.3). */
#define HF_MD_OPS_SHA1(compress_)                                                                                      \
    {                                                                                                                  \
        .size = 20, .block_size = 64, .length_size = 8, .word_size = 4,                                                \
        .initial.w32 = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, .compress = (compress_)           \
    }
#define HF_MD_OPS_SHA256(compress_)                                                                                    \
    {                                                                                                                  \
        .size = 32, .block_size = 64, .length_size = 8,                                                                \
        .word_size = 4, .initial.w32 = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,                                \
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19},                               \
        .compress = (compress_)                                                                                        \
    }

/* The operations in plain C. NULL for an unknown id. Static storage. */
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

extern const uint32_t hf_sha256_round_constants[64]; /* section 4.2.2 */

#endif
