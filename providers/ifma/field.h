/* The field of X25519, integers modulo p = 2^255 - 19, one number in each lane (RFC 7748 section 4.1).
 *
 * A number is five limbs of 51 bits. IFMA multiplies 52 bits by 52 and takes no more: what is multiplied or squared
 * must be "tight", with limbs below 2^51 + 2^15, as fe_carry leaves them. A sum of two tight numbers is too large
 * already. A product is "open", with limbs below 127 * 2^52 < 2^59, until it is carried; sums and differences may be
 * taken before. Internal to `providers`. */
#ifndef HANDFAST_IFMA_FIELD_H
#define HANDFAST_IFMA_FIELD_H

#include <stdbool.h>

#include "lanes52.h"

#define FE_LIMBS 5
#define FE_BITS 51
#define FE_MASK ((UINT64_C(1) << FE_BITS) - 1)
/* Limbs of 2p: added before a subtraction, since each is above any tight limb. */
#define FE_TWICE_P(i) ((i) == 0 ? 2 * FE_MASK - 36 : 2 * FE_MASK)

typedef struct fe {
    lanes limb[FE_LIMBS];
} fe;

LANES_INLINE lanes fe_times19(lanes x)
{
    return (x << 4) + (x << 1) + x;
}

/* Every carry moves one limb on, all at once; that is enough to be tight when limbs are below 2^61, and so carries
 * below 2^10. */
LANES_INLINE fe fe_carry(fe a)
{
    lanes carry[FE_LIMBS];
    fe out;

    for (size_t i = 0; i < FE_LIMBS; i++)
        carry[i] = a.limb[i] >> FE_BITS;
    out.limb[0] = lanes_add_low(a.limb[0] & LANES_ALL(FE_MASK), carry[4], LANES_ALL(19));
    for (size_t i = 1; i < FE_LIMBS; i++)
        out.limb[i] = (a.limb[i] & LANES_ALL(FE_MASK)) + carry[i - 1];
    return out;
}

/* Sums and differences of tight numbers, not carried. */
LANES_INLINE fe fe_plus(fe a, fe b)
{
    for (size_t i = 0; i < FE_LIMBS; i++)
        a.limb[i] += b.limb[i];
    return a;
}

LANES_INLINE fe fe_minus(fe a, fe b)
{
    for (size_t i = 0; i < FE_LIMBS; i++)
        a.limb[i] += LANES_ALL(FE_TWICE_P(i)) - b.limb[i];
    return a;
}

LANES_INLINE fe fe_add(fe a, fe b)
{
    return fe_carry(fe_plus(a, b));
}

LANES_INLINE fe fe_subtract(fe a, fe b)
{
    return fe_carry(fe_minus(a, b));
}

/* once + 2 twice + 19 high: columns 5 to 9 come back times 19, as 2^255 is 19. A low half of a product of tight limbs
 * is below 2^52, a high one below 2^50 + 2^16. Limb 0 has one low half, and 19 times four low and twice five high ones,
 * which is below 127 * 2^52; no other limb has as much. The order is that in which the terms are known. */
LANES_INLINE fe fe_fold(const lanes once[2 * FE_LIMBS], const lanes twice[2 * FE_LIMBS], const lanes high[FE_LIMBS])
{
    fe out;

    for (size_t i = 0; i < FE_LIMBS; i++)
        out.limb[i] = once[i] + (((twice[i] + twice[i]) + (high[i] << 4)) + (high[i] + (high[i] << 1)));
    return out;
}

/* Adds the product of two limbs, of the weight 2^(51 k): the low half to low[k], the high half, whose weight is
 * 2^(51 k + 52), twice that of the next column, to high[k + 1]. Only where the column is one of the upper five, or else
 * of the lower. The upper ones are taken first, since they have further to go; a step of the ladder waits for nothing
 * else. */
LANES_INLINE void fe_product(bool upper, lanes *low, lanes *high, size_t k, lanes x, lanes y)
{
    if ((k + 1 >= FE_LIMBS) == upper)
        high[k + 1] = lanes_add_high(high[k + 1], x, y);
    if ((k >= FE_LIMBS) == upper)
        low[k] = lanes_add_low(low[k], x, y);
}

/* sum + a b, open if sum is 0. */
LANES_INLINE fe fe_multiply_add(fe sum, fe a, fe b)
{
    lanes once[2 * FE_LIMBS], twice[2 * FE_LIMBS], high[FE_LIMBS];

    for (size_t k = 0; k < 2 * FE_LIMBS; k++) {
        once[k] = k < FE_LIMBS ? sum.limb[k] : LANES_ALL(0);
        twice[k] = LANES_ALL(0);
    }
    for (size_t i = FE_LIMBS; i-- > 0;)
        for (size_t j = 0; j < FE_LIMBS; j++)
            fe_product(true, once, twice, i + j, a.limb[i], b.limb[j]);
    for (size_t k = 0; k < FE_LIMBS; k++)
        high[k] = once[k + FE_LIMBS] + (twice[k + FE_LIMBS] + twice[k + FE_LIMBS]);
    for (size_t i = FE_LIMBS; i-- > 0;)
        for (size_t j = 0; j < FE_LIMBS; j++)
            fe_product(false, once, twice, i + j, a.limb[i], b.limb[j]);
    return fe_fold(once, twice, high);
}

LANES_INLINE fe fe_multiply_open(fe a, fe b)
{
    const fe zero = {{LANES_ALL(0), LANES_ALL(0), LANES_ALL(0), LANES_ALL(0), LANES_ALL(0)}};

    return fe_multiply_add(zero, a, b);
}

LANES_INLINE fe fe_multiply(fe a, fe b)
{
    return fe_carry(fe_multiply_open(a, b));
}

/* Products of two different limbs count twice. */
LANES_INLINE fe fe_square_open(fe a)
{
    lanes once[2 * FE_LIMBS], twice[2 * FE_LIMBS], four[2 * FE_LIMBS], high[FE_LIMBS];

    for (size_t k = 0; k < 2 * FE_LIMBS; k++)
        once[k] = twice[k] = four[k] = LANES_ALL(0);
    for (size_t i = 0; i < FE_LIMBS; i++) {
        fe_product(true, once, twice, 2 * i, a.limb[i], a.limb[i]);
        for (size_t j = i + 1; j < FE_LIMBS; j++)
            fe_product(true, twice, four, i + j, a.limb[i], a.limb[j]);
    }
    for (size_t k = 0; k < FE_LIMBS; k++) {
        lanes two = twice[k + FE_LIMBS] + (four[k + FE_LIMBS] + four[k + FE_LIMBS]);
        high[k] = once[k + FE_LIMBS] + (two + two);
    }
    for (size_t i = 0; i < FE_LIMBS; i++) {
        fe_product(false, once, twice, 2 * i, a.limb[i], a.limb[i]);
        for (size_t j = i + 1; j < FE_LIMBS; j++)
            fe_product(false, twice, four, i + j, a.limb[i], a.limb[j]);
    }
    for (size_t k = 0; k < FE_LIMBS; k++)
        twice[k] += four[k] + four[k];
    return fe_fold(once, twice, high);
}

LANES_INLINE fe fe_square(fe a)
{
    return fe_carry(fe_square_open(a));
}

static inline fe fe_square_times(fe a, size_t n)
{
    for (; n > 0; n--)
        a = fe_square(a);
    return a;
}

/* a^(p - 2), which is 1/a, and 0 for 0. The exponent is 2^255 - 21; x_n stands for a^(2^n - 1). */
static inline fe fe_invert(fe a)
{
    fe a2 = fe_square(a);
    fe a9 = fe_multiply(fe_square_times(a2, 2), a);
    fe a11 = fe_multiply(a9, a2);
    fe x5 = fe_multiply(fe_square(a11), a9);
    fe x10 = fe_multiply(fe_square_times(x5, 5), x5);
    fe x20 = fe_multiply(fe_square_times(x10, 10), x10);
    fe x40 = fe_multiply(fe_square_times(x20, 20), x20);
    fe x50 = fe_multiply(fe_square_times(x40, 10), x10);
    fe x100 = fe_multiply(fe_square_times(x50, 50), x50);
    fe x200 = fe_multiply(fe_square_times(x100, 100), x100);
    fe x250 = fe_multiply(fe_square_times(x200, 50), x50);

    return fe_multiply(fe_square_times(x250, 5), a11);
}

/* From four 64-bit words, least significant first; bit 255 is dropped (RFC 7748 section 5). */
LANES_INLINE fe fe_from_words(const lanes word[4])
{
    const lanes mask = LANES_ALL(FE_MASK);

    return (fe){{word[0] & mask, (word[0] >> 51 | word[1] << 13) & mask, (word[1] >> 38 | word[2] << 26) & mask,
                 (word[2] >> 25 | word[3] << 39) & mask, word[3] >> 12 & mask}};
}

/* To four words, the smallest of all numbers that are the same modulo p. */
LANES_INLINE void fe_to_words(fe a, lanes word[4])
{
    const lanes mask = LANES_ALL(FE_MASK);
    lanes over = LANES_ALL(19);

    /* Twice along the limbs: every limb has 51 bits then, and the number is below 2^255. */
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < FE_LIMBS - 1; i++) {
            a.limb[i + 1] += a.limb[i] >> FE_BITS;
            a.limb[i] &= mask;
        }
        a.limb[0] += fe_times19(a.limb[4] >> FE_BITS);
        a.limb[4] &= mask;
    }
    /* a + 19 reaches 2^255 exactly when a is not below p; then a - p is a + 19 without bit 255. */
    for (size_t i = 0; i < FE_LIMBS; i++)
        over = (a.limb[i] + over) >> FE_BITS;
    a.limb[0] += fe_times19(over);
    for (size_t i = 0; i < FE_LIMBS - 1; i++) {
        a.limb[i + 1] += a.limb[i] >> FE_BITS;
        a.limb[i] &= mask;
    }
    a.limb[4] &= mask;
    word[0] = a.limb[0] | a.limb[1] << 51;
    word[1] = a.limb[1] >> 13 | a.limb[2] << 38;
    word[2] = a.limb[2] >> 26 | a.limb[3] << 25;
    word[3] = a.limb[3] >> 39 | a.limb[4] << 12;
}

#endif
