/* Arithmetic modulo n, the order of P-256 (SP 800-186 section 3.2.1.3): what a verification needs of it.
 * NOT constant time: public data only (see p256.h). */
#ifndef HANDFAST_P256_SCALAR_H
#define HANDFAST_P256_SCALAR_H

#include <stddef.h>

#include "limbs.h"

typedef struct hf_scalar {
    uint64_t l[HF_P256_LIMBS]; /* below n */
} hf_scalar;

extern const uint64_t hf_scalar_order[HF_P256_LIMBS];

/* 32 bytes, most significant first; false when the number is not in 1..n-1. */
bool hf_scalar_from_bytes(hf_scalar *out, const uint8_t in[HF_P256_BYTES]);

/* A digest as ECDSA takes it (FIPS 186-5 section 6.4.2, SEC 1 section 4.1.4): its leftmost 256 bits as a number modulo
 * n; a shorter one is the number that it is. len: 1..HF_HASH_SIZE_MAX bytes. */
void hf_scalar_from_digest(hf_scalar *out, const uint8_t *digest, size_t len);

/* Montgomery's product: a * b / 2^256. */
void hf_scalar_mul(hf_scalar *out, const hf_scalar *a, const hf_scalar *b);

/* 2^256 / a: a factor for hf_scalar_mul that divides by a. a is not 0. */
void hf_scalar_divisor(hf_scalar *out, const hf_scalar *a);

#endif
