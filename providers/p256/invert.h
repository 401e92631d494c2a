/* 1 / x modulo a prime of 256 bits, in variable time: of public data only (see p256.h). */
#ifndef HANDFAST_P256_INVERT_H
#define HANDFAST_P256_INVERT_H

#include "limbs.h"

#define HF_INVERT_LIMBS 5
#define HF_INVERT_BITS 62 /* of a limb */

/* The modulus as the inversion wants it. */
typedef struct hf_modulus {
    int64_t limbs[HF_INVERT_LIMBS]; /* of 62 bits, least significant first */
    uint64_t inverse;               /* 1 / modulus, modulo 2^62 */
} hf_modulus;

/* out = 1 / x modulo the modulus, for x below it; of 0 it is 0. */
void hf_p256_invert(uint64_t out[HF_P256_LIMBS], const uint64_t x[HF_P256_LIMBS], const hf_modulus *modulus);

#endif
