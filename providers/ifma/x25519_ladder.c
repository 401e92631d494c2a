/* One shared secret: the ladder of RFC 7748 section 5, with the four multiplications of a step side by side.
 *
 * A vector holds (x2, z2, x3, z3). RFC 7748's names: A = x2 + z2, B = x2 - z2, C = x3 + z3, D = x3 - z3, E = AA - BB.
 */
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

/* In each pair of lanes (a, b): (a + b, a - b). */
LANES_INLINE fe sums_and_differences(fe v)
{
    const lanes negative = {0, ~UINT64_C(0), 0, ~UINT64_C(0)}; /* -b is ~b + 1 */

    for (size_t i = 0; i < FE_LIMBS; i++) {
        const lanes bias = {0, FE_TWICE_P(i) + 1, 0, FE_TWICE_P(i) + 1};
        v.limb[i] = SHUFFLE(1, 0, 3, 2, v.limb[i]) + ((v.limb[i] ^ negative) + bias);
    }
    return fe_carry(v);
}

LANES_INLINE fe shuffle0110(fe v)
{
    for (size_t i = 0; i < FE_LIMBS; i++)
        v.limb[i] = SHUFFLE(0, 1, 1, 0, v.limb[i]);
    return v;
}

/* BB + 121666 E, which is AA + a24 E, in lane 1, where `e` has E and `squares` has BB. */
LANES_INLINE fe times_a24(fe e, fe squares)
{
    const lanes factor = LANES_ALL(121666);
    lanes high[FE_LIMBS];
    fe out;

    for (size_t i = 0; i < FE_LIMBS; i++) {
        out.limb[i] = lanes_add_low(squares.limb[i], e.limb[i], factor);
        high[i] = lanes_add_high(LANES_ALL(0), e.limb[i], factor);
    }
    out.limb[0] += fe_times19(high[4] + high[4]);
    for (size_t i = 1; i < FE_LIMBS; i++)
        out.limb[i] += high[i - 1] + high[i - 1];
    return fe_carry(out);
}

/* One step, from (x2, z2, x3, z3) to the next. unit: (1, 1, 1, x1). */
LANES_INLINE fe step(fe v, const fe *unit)
{
    fe sums = sums_and_differences(v);                 /* A, B, C, D */
    fe squares = fe_multiply(sums, shuffle0110(sums)); /* AA, BB, CB, DA */
    fe second = sums_and_differences(squares);         /* -, E, CB + DA, CB - DA */
    fe factor = times_a24(second, squares), left, right;

    for (size_t i = 0; i < FE_LIMBS; i++) {
        left.limb[i] = __builtin_shufflevector(second.limb[i], squares.limb[i], 4, 1, 2, 3);  /* AA, E, +, - */
        right.limb[i] = __builtin_shufflevector(second.limb[i], squares.limb[i], 5, 1, 2, 3); /* BB, E, +, - */
    }
    fe products = fe_multiply(left, right); /* x2, EE, x3, (DA - CB)^2 */
    for (size_t i = 0; i < FE_LIMBS; i++) {
        left.limb[i] = __builtin_shufflevector(products.limb[i], second.limb[i], 0, 5, 2, 3);
        right.limb[i] = __builtin_shufflevector(unit->limb[i], factor.limb[i], 0, 5, 2, 3);
    }
    return fe_multiply(left, right); /* x2 * 1, E * (AA + a24 E), x3 * 1, (DA - CB)^2 * x1 */
}

/* Pairs exchanged where swap is 1, not where it is 0. */
LANES_INLINE fe swap_if(fe v, uint64_t swap)
{
    const lanes index = (lanes){0, 1, 2, 3} ^ LANES_ALL(swap << 1);

    for (size_t i = 0; i < FE_LIMBS; i++)
        v.limb[i] = lanes_pick(v.limb[i], index);
    return v;
}

static void clamp(const uint8_t scalar[HF_X25519_SIZE], uint64_t out[4])
{
    memcpy(out, scalar, HF_X25519_SIZE); /* little-endian, as this machine is */
    out[0] &= ~UINT64_C(7);
    out[3] = (out[3] & ~UINT64_C(0) >> 1) | UINT64_C(1) << 62;
}

/* 1 / z in all lanes, where z stands in lane 1. */
static fe inverse_of_z(fe v)
{
#if defined(HF_X25519_INVERTS)
    uint64_t z[4];
    lanes words[4];

    fe_to_words(v, words);
    for (size_t i = 0; i < 4; i++)
        z[i] = words[i][1];
    hf_x25519_invert(z, z);
    for (size_t i = 0; i < 4; i++)
        words[i] = LANES_ALL(z[i]);
    v = fe_from_words(words);
    hf_wipe(z, sizeof z);
    hf_wipe(words, sizeof words);
    return v;
#else
    for (size_t i = 0; i < FE_LIMBS; i++)
        v.limb[i] = SHUFFLE(1, 1, 1, 1, v.limb[i]);
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
        words[i] = (lanes){i == 0, 0, x1[i], i == 0}; /* 1, 0, x1, 1 */
        other[i] = (lanes){i == 0, i == 0, i == 0, x1[i]};
    }
    fe v = fe_from_words(words), unit = fe_from_words(other);
    for (int t = TOP_BIT; t >= 0; t--) {
        uint64_t bit = k[t / 64] >> (t % 64) & 1;
        v = step(swap_if(v, swap ^ bit), &unit);
        swap = bit;
    }
    v = swap_if(v, swap);
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
