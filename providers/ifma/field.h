/* The field of X25519, integers modulo p = 2^255 - 19, one number in each lane (RFC 7748 section 4.1).
 *
 * A number is five limbs of 51 bits. IFMA multiplies 52 bits by 52 and takes no more: an input of fe_multiply and
 * fe_square must have limbs below 2^52. What fe_carry, fe_multiply and fe_square give is "tight", below 2^51 + 2^14; a
 * sum of two tight numbers is too large already, and must be carried. Internal to `providers`. */
#ifndef HANDFAST_IFMA_FIELD_H
#define HANDFAST_IFMA_FIELD_H

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

/* Limbs of any 64 bits but the top two. Every carry moves one limb on, all at once; that is enough to be tight when
 * limbs are below 2^61. */
LANES_INLINE fe fe_carry(fe a)
{
    lanes carry[FE_LIMBS];
    fe out;

    for (size_t i = 0; i < FE_LIMBS; i++)
        carry[i] = a.limb[i] >> FE_BITS;
    out.limb[0] = (a.limb[0] & LANES_ALL(FE_MASK)) + fe_times19(carry[4]);
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

/* Ten columns to five limbs: 2^255 is 19. A column is below 15 * 2^52, so no limb reaches 2^61. */
LANES_INLINE fe fe_fold(const lanes column[2 * FE_LIMBS])
{
    fe out;

    for (size_t i = 0; i < FE_LIMBS; i++)
        out.limb[i] = column[i] + fe_times19(column[i + FE_LIMBS]);
    return fe_carry(out);
}

/* The high half of a product of limbs i and j has the weight 2^(51 (i + j) + 52): twice that of the next column. */
LANES_INLINE fe fe_multiply(fe a, fe b)
{
    lanes once[2 * FE_LIMBS], twice[2 * FE_LIMBS];

    for (size_t k = 0; k < 2 * FE_LIMBS; k++)
        once[k] = twice[k] = LANES_ALL(0);
    for (size_t i = 0; i < FE_LIMBS; i++)
        for (size_t j = 0; j < FE_LIMBS; j++) {
            once[i + j] = lanes_add_low(once[i + j], a.limb[i], b.limb[j]);
            twice[i + j + 1] = lanes_add_high(twice[i + j + 1], a.limb[i], b.limb[j]);
        }
    for (size_t k = 0; k < 2 * FE_LIMBS; k++)
        once[k] += twice[k] + twice[k];
    return fe_fold(once);
}

/* Products of two different limbs count twice. */
LANES_INLINE fe fe_square(fe a)
{
    lanes once[2 * FE_LIMBS], twice[2 * FE_LIMBS], four[2 * FE_LIMBS];

    for (size_t k = 0; k < 2 * FE_LIMBS; k++)
        once[k] = twice[k] = four[k] = LANES_ALL(0);
    for (size_t i = 0; i < FE_LIMBS; i++) {
        once[2 * i] = lanes_add_low(once[2 * i], a.limb[i], a.limb[i]);
        twice[2 * i + 1] = lanes_add_high(twice[2 * i + 1], a.limb[i], a.limb[i]);
        for (size_t j = i + 1; j < FE_LIMBS; j++) {
            twice[i + j] = lanes_add_low(twice[i + j], a.limb[i], a.limb[j]);
            four[i + j + 1] = lanes_add_high(four[i + j + 1], a.limb[i], a.limb[j]);
        }
    }
    for (size_t k = 0; k < 2 * FE_LIMBS; k++) {
        twice[k] += four[k] + four[k];
        once[k] += twice[k] + twice[k];
    }
    return fe_fold(once);
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
