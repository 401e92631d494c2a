/* Arithmetic modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1, the field of P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3).
 *
 * NOT constant time as a whole, on purpose: it only ever sees public data (see p256.h).
 *
 * Elements are four limbs of 64 bits, least significant first, always below p, and in Montgomery's form: x stands for
 * x / 2^256. Because p is -1 modulo 2^64, the factor of each step of the reduction is the limb itself, and its multiple
 * of p is two shifts and one multiplication. Everything here is inline: a point addition is ten multiplications. */
#ifndef HANDFAST_P256_FIELD_H
#define HANDFAST_P256_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "chain.h"

#define HF_P256_LIMBS 4
#define HF_P256_BYTES 32

typedef struct hf_fe {
    uint64_t l[HF_P256_LIMBS];
} hf_fe;

#define HF_FE_P0 UINT64_C(0xffffffffffffffff)
#define HF_FE_P1 UINT64_C(0x00000000ffffffff)
#define HF_FE_P3 UINT64_C(0xffffffff00000001) /* the third limb, P2, is zero */

extern const uint64_t hf_fe_modulus[HF_P256_LIMBS];
extern const hf_fe hf_fe_one; /* 2^256 mod p */

static inline bool hf_fe_is_zero(const hf_fe *a)
{
    return (a->l[0] | a->l[1] | a->l[2] | a->l[3]) == 0;
}

static inline bool hf_fe_equal(const hf_fe *a, const hf_fe *b)
{
    return ((a->l[0] ^ b->l[0]) | (a->l[1] ^ b->l[1]) | (a->l[2] ^ b->l[2]) | (a->l[3] ^ b->l[3])) == 0;
}

/* t + 2^256 * top, which is below 2p, less p if it is not below p. By choice, not by branch: a branch would often be
 * guessed wrong. */
static inline void hf_fe_settle(hf_fe *out, uint64_t t0, uint64_t t1, uint64_t t2, uint64_t t3, uint64_t top)
{
    uint64_t s0 = t0, s1 = t1, s2 = t2, s3 = t3;

    hf_chain_sub5(&s0, &s1, &s2, &s3, &top, HF_FE_P0, HF_FE_P1, 0, HF_FE_P3);
    out->l[0] = top ? t0 : s0;
    out->l[1] = top ? t1 : s1;
    out->l[2] = top ? t2 : s2;
    out->l[3] = top ? t3 : s3;
}

static inline void hf_fe_add(hf_fe *out, const hf_fe *a, const hf_fe *b)
{
    uint64_t t0 = a->l[0], t1 = a->l[1], t2 = a->l[2], t3 = a->l[3], top = 0;

    hf_chain_add5(&t0, &t1, &t2, &t3, &top, b->l[0], b->l[1], b->l[2], b->l[3]);
    hf_fe_settle(out, t0, t1, t2, t3, top);
}

static inline void hf_fe_sub(hf_fe *out, const hf_fe *a, const hf_fe *b)
{
    uint64_t t0 = a->l[0], t1 = a->l[1], t2 = a->l[2], t3 = a->l[3], below = 0;

    hf_chain_sub5(&t0, &t1, &t2, &t3, &below, b->l[0], b->l[1], b->l[2], b->l[3]);
    hf_chain_add4(&t0, &t1, &t2, &t3, below, below & HF_FE_P1, 0, below & HF_FE_P3); /* p comes back */
    *out = (hf_fe){{t0, t1, t2, t3}};
}

/* A step of Montgomery's reduction: what is added to the limbs above *t0 makes (t + t0 * p) / 2^64 of them. The limb
 * above all of them is new, and stands where *t0 was. No carry leaves it: the sum stays below 2^192 + p. */
static inline void hf_fe_reduce_limb(uint64_t *t0, uint64_t *t1, uint64_t *t2, uint64_t *t3)
{
    uint64_t m = *t0;
    hf_u128 high = (hf_u128)m * HF_FE_P3;

    *t0 = 0;
    hf_chain_add4(t1, t2, t3, t0, m << 32, m >> 32, hf_low(high), hf_high(high));
}

/* A product, below p^2, over 2^256. The lower half is reduced by itself: it need not wait for the upper half. */
static inline void hf_fe_reduce(hf_fe *out, const uint64_t t[8])
{
    uint64_t t0 = t[0], t1 = t[1], t2 = t[2], t3 = t[3], top = 0;

    hf_fe_reduce_limb(&t0, &t1, &t2, &t3);
    hf_fe_reduce_limb(&t1, &t2, &t3, &t0);
    hf_fe_reduce_limb(&t2, &t3, &t0, &t1);
    hf_fe_reduce_limb(&t3, &t0, &t1, &t2);
    hf_chain_add5(&t0, &t1, &t2, &t3, &top, t[4], t[5], t[6], t[7]);
    hf_fe_settle(out, t0, t1, t2, t3, top);
}

/* a * b / 2^256 */
static inline void hf_fe_mul(hf_fe *out, const hf_fe *a, const hf_fe *b)
{
    uint64_t t[8];

    hf_chain_mul(t, a->l, b->l);
    hf_fe_reduce(out, t);
}

/* a * a / 2^256. The multiplications that could be spared cost as much again in shifts and carries. */
static inline void hf_fe_sqr(hf_fe *out, const hf_fe *a)
{
    hf_fe_mul(out, a, a);
}

/* p - a, or 0 */
static inline void hf_fe_negate(hf_fe *out, const hf_fe *a)
{
    const hf_fe zero = {{0}};

    hf_fe_sub(out, &zero, a);
}

/* 1 / a; of 0 it is 0. */
void hf_fe_invert(hf_fe *out, const hf_fe *a);

/* Into Montgomery's form from 32 bytes, most significant first; false when the number is not below p. */
bool hf_fe_from_bytes(hf_fe *out, const uint8_t in[HF_P256_BYTES]);
/* The same of limbs that are known to be below p. */
void hf_fe_from_limbs(hf_fe *out, const uint64_t in[HF_P256_LIMBS]);
/* And back. */
void hf_fe_to_bytes(uint8_t out[HF_P256_BYTES], const hf_fe *a);

#endif
