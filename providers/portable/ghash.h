/* GHASH keys (SP 800-38D section 6.4): powers of H, from which each record makes its bit planes. */
#ifndef HANDFAST_PORTABLE_GHASH_H
#define HANDFAST_PORTABLE_GHASH_H

#include <stddef.h>
#include <stdint.h>

/* Blocks of a strip, which the kernels multiply at once, and strips of a group, which share one reduction. */
#define HF_GHASH_STRIP 16
#ifndef HF_GHASH_STRIPS
#define HF_GHASH_STRIPS 3
#endif
#define HF_GHASH_POWERS (HF_GHASH_STRIP * HF_GHASH_STRIPS)

/* power[i] is H^(i+1): word 0 has the last 8 bytes of the block, word 1 the first 8, as big-endian numbers. */
typedef struct hf_ghash_key {
    uint64_t power[HF_GHASH_POWERS][2];
} hf_ghash_key;

/* h: the 16 bytes of H = E_K(0). Constant time. */
void hf_ghash_key_init(hf_ghash_key *key, const uint8_t h[16]);

/* Product of two 64-bit halves' polynomials summed to 256 bits (words from the low end), reduced to a block. */
void hf_ghash_reduce(const uint64_t product[4], uint64_t out[2]);

#endif
