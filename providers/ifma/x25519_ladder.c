/* One shared secret: the ladder of RFC 7748 section 5, with the multiplications of a step side by side.
 *
 * A vector holds (x2, x3, z2, z3). RFC 7748's names: A = x2 + z2, B = x2 - z2, C = x3 + z3, D = x3 - z3, E = AA - BB.
 * Our x2 and z2 are four times the RFC's: 4 AA BB is (AA + BB)^2 - EE, so that the second level of a step is squares.
 * Products stay open (field.h) until sums and differences of them were taken. */
#define LANES 4
#include <string.h>

#include "field.h"
#include "handfast/secret.h"
#include "x25519.h"
#include "x25519_invert.h"
#if !defined(HF_IFMA_PLAIN)
#include "../x86/forget512.h"
#endif

#define SHUFFLE(a, b, c, d, v) __builtin_shufflevector(v, v, a, b, c, d)
#define TOP_BIT 254
/* Limb i of n p: added before a subtraction, if it is above any limb that is subtracted. */
#define TIMES_P(n, i) ((i) == 0 ? (FE_MASK - 18) * (n) : FE_MASK * (n))
#define ALL_ONES (~UINT64_C(0))

/* (x2, x3, z2, z3), or (x3, x2, z3, z2) where swap is 1, not 0. Secret, so it is an index of lanes in registers. */
LANES_INLINE fe swap_if(fe v, uint64_t swap)
{
    for (size_t i = 0; i < FE_LIMBS; i++)
        v.limb[i] = lanes_pick(v.limb[i], (lanes){0, 1, 2, 3} ^ LANES_ALL(swap));
    return v;
}

/* (A, D, B, C), after a swap. Limbs of v are below 2^59 + 2^53, and 512 p has from 2^60 - 2^14 to 2^60: all is positive
 * and below 2^61. */
LANES_INLINE fe first_sums(fe v, uint64_t swap)
{
    const lanes x = (lanes){0, 1, 0, 1} ^ LANES_ALL(swap), z = (lanes){2, 3, 2, 3} ^ LANES_ALL(swap);
    const lanes minus = {0, ALL_ONES, ALL_ONES, 0}; /* -z is ~z + 1 */

    for (size_t i = 0; i < FE_LIMBS; i++) {
        const lanes bias = {0, TIMES_P(512, i) + 1, TIMES_P(512, i) + 1, 0};
        v.limb[i] = (lanes_pick(v.limb[i], x) + bias) + (lanes_pick(v.limb[i], z) ^ minus);
    }
    return fe_carry(v);
}

/* (AA + BB, DA + CB, E, DA - CB) of (AA, DA, BB, CB). */
LANES_INLINE fe second_sums(fe v)
{
    const lanes minus = {0, 0, ALL_ONES, ALL_ONES};

    for (size_t i = 0; i < FE_LIMBS; i++) {
        const lanes bias = {0, 0, TIMES_P(512, i) + 1, TIMES_P(512, i) + 1};
        v.limb[i] = SHUFFLE(2, 3, 0, 1, v.limb[i]) + ((v.limb[i] ^ minus) + bias);
    }
    return fe_carry(v);
}

/* 4 (BB + 121666 E), which is 4 (AA + a24 E), in lane 2, where `e` has E and `products` BB. Four times an open limb is
 * below 4 * 127 * 2^52, which leaves 2^54 for the rest. */
LANES_INLINE fe times_a24(fe e, fe products)
{
    const lanes factor = LANES_ALL(4 * 121666);
    lanes high[FE_LIMBS];
    fe out;

    for (size_t i = 0; i < FE_LIMBS; i++) {
        out.limb[i] = lanes_add_low(products.limb[i] << 2, e.limb[i], factor);
        high[i] = lanes_add_high(LANES_ALL(0), e.limb[i], factor);
    }
    out.limb[0] += fe_times19(high[4] + high[4]);
    for (size_t i = 1; i < FE_LIMBS; i++)
        out.limb[i] += high[i - 1] + high[i - 1];
    return fe_carry(out);
}

/* One step, from (x2, x3, z2, z3), swapped before if swap is 1, to the next. unit: (1, 1, 1, x1). */
LANES_INLINE fe step(fe v, uint64_t swap, const fe *unit)
{
    fe left = first_sums(v, swap), right; /* A, D, B, C */
    for (size_t i = 0; i < FE_LIMBS; i++)
        right.limb[i] = SHUFFLE(0, 4, 2, 6, left.limb[i]); /* A, A, B, B; in two halves, each of them one instruction */
    fe products = fe_multiply_open(left, right);
    fe sums = second_sums(products); /* AA + BB, DA + CB, E, DA - CB */
    fe squares = fe_square_open(sums), factor = times_a24(sums, products), minus_ee;

    left = fe_carry(squares);
    for (size_t i = 0; i < FE_LIMBS; i++) {
        /* Limbs of 256 p are from 2^59 - 2^13 to 2^59, above any open one. */
        const lanes bias = {TIMES_P(256, i), 0, 0, 0}, lane0 = {ALL_ONES, 0, 0, 0};
        minus_ee.limb[i] = bias - (SHUFFLE(2, 3, 0, 1, squares.limb[i]) & lane0);
        left.limb[i] = __builtin_shufflevector(left.limb[i], sums.limb[i], 0, 1, 6, 3);
        right.limb[i] = __builtin_shufflevector(unit->limb[i], factor.limb[i], 0, 1, 6, 3);
    }
    /* (AA + BB)^2 * 1 - EE, x3 * 1, E * 4 (AA + a24 E), (DA - CB)^2 * x1. Lane 0 adds no more than 2^53 to minus_ee. */
    return fe_multiply_add(minus_ee, left, right);
}

static void clamp(const uint8_t scalar[HF_X25519_SIZE], uint64_t out[4])
{
    memcpy(out, scalar, HF_X25519_SIZE); /* little-endian, as this machine is */
    out[0] &= ~UINT64_C(7);
    out[3] = (out[3] & ~UINT64_C(0) >> 1) | UINT64_C(1) << 62;
}

/* 1 / z2 in all lanes. */
static fe inverse_of_z(fe v)
{
#if defined(HF_X25519_INVERTS)
    uint64_t z[4];
    lanes words[4];

    fe_to_words(v, words);
    for (size_t i = 0; i < 4; i++)
        z[i] = words[i][2];
    hf_x25519_invert(z, z);
    for (size_t i = 0; i < 4; i++)
        words[i] = LANES_ALL(z[i]);
    v = fe_from_words(words);
    hf_wipe(z, sizeof z);
    hf_wipe(words, sizeof words);
    return v;
#else
    for (size_t i = 0; i < FE_LIMBS; i++)
        v.limb[i] = SHUFFLE(2, 2, 2, 2, v.limb[i]);
    return fe_invert(v);
#endif
}

void hf_x25519(const uint8_t scalar[HF_X25519_SIZE], const uint8_t u[HF_X25519_SIZE], uint8_t out[HF_X25519_SIZE])
{
    uint64_t k[4], x1[4], swap = 0;
    lanes words[4], other[4];

    clamp(scalar, k);
    memcpy(x1, u, sizeof x1);
    for (size_t i = 0; i < 4; i++) {
        words[i] = (lanes){i == 0, x1[i], 0, i == 0}; /* 1, x1, 0, 1 */
        other[i] = (lanes){i == 0, i == 0, i == 0, x1[i]};
    }
    fe v = fe_from_words(words), unit = fe_from_words(other);
    for (int t = TOP_BIT; t >= 0; t--) {
        uint64_t bit = k[t / 64] >> (t % 64) & 1;
        v = step(v, swap ^ bit, &unit);
        swap = bit;
    }
    v = fe_carry(swap_if(v, swap));
    fe z = inverse_of_z(v);
    fe_to_words(fe_multiply(v, z), words);
    for (size_t i = 0; i < 4; i++)
        x1[i] = words[i][0];
    memcpy(out, x1, HF_X25519_SIZE);
    hf_wipe(k, sizeof k);
    hf_wipe(x1, sizeof x1);
    hf_wipe(words, sizeof words);
    hf_wipe(&v, sizeof v);
    hf_wipe(&z, sizeof z);
#if !defined(HF_IFMA_PLAIN)
    hf_forget_512();
#endif
}
