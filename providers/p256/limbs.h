/* Numbers of 256 bits as four limbs, least significant first; as bytes the most significant one comes first, as in
 * SEC 1 section 2.3. For public data only (see p256.h). */
#ifndef HANDFAST_P256_LIMBS_H
#define HANDFAST_P256_LIMBS_H

#include "field.h"

static inline void hf_p256_limbs_read(uint64_t out[HF_P256_LIMBS], const uint8_t in[HF_P256_BYTES])
{
    for (int i = 0; i < HF_P256_LIMBS; i++) {
        out[i] = 0;
        for (int j = 0; j < 8; j++)
            out[i] = out[i] << 8 | in[24 - 8 * i + j];
    }
}

static inline void hf_p256_limbs_write(uint8_t out[HF_P256_BYTES], const uint64_t in[HF_P256_LIMBS])
{
    for (int i = 0; i < HF_P256_BYTES; i++)
        out[i] = (uint8_t)(in[3 - i / 8] >> (56 - 8 * (i % 8)));
}

/* out = a - b; whether it borrowed, so whether a was below b. */
static inline bool hf_p256_limbs_sub(uint64_t out[HF_P256_LIMBS], const uint64_t a[HF_P256_LIMBS],
                                     const uint64_t b[HF_P256_LIMBS])
{
    uint64_t borrow = 0;

    for (int i = 0; i < HF_P256_LIMBS; i++)
        out[i] = hf_sub_borrow(a[i], b[i], &borrow);
    return borrow;
}

/* out = a + b; whether it carried. */
static inline bool hf_p256_limbs_add(uint64_t out[HF_P256_LIMBS], const uint64_t a[HF_P256_LIMBS],
                                     const uint64_t b[HF_P256_LIMBS])
{
    uint64_t carry = 0;

    for (int i = 0; i < HF_P256_LIMBS; i++)
        out[i] = hf_add_carry(a[i], b[i], &carry);
    return carry;
}

static inline bool hf_p256_limbs_below(const uint64_t a[HF_P256_LIMBS], const uint64_t b[HF_P256_LIMBS])
{
    uint64_t unused[HF_P256_LIMBS];

    return hf_p256_limbs_sub(unused, a, b);
}

static inline bool hf_p256_limbs_zero(const uint64_t a[HF_P256_LIMBS])
{
    return (a[0] | a[1] | a[2] | a[3]) == 0;
}

#endif
