/* Numbers modulo p in eight lanes, one number in each: what lanes.c adds points with. NOT constant time as a whole:
 * public data only (see p256.h).
 *
 * A number is five limbs of 52 bits in Montgomery's form of 2^260, so that a product is a * b / 2^260. It is below
 * 2^258, not below p: four bits are spare, and so products of such numbers are below 2^257. p is -1 modulo 2^52, as it
 * is modulo 2^64: the factor of a step of the reduction is the limb itself.
 *
 * Products come as "columns", whose carries still stand in them. Sums and differences of columns and numbers are taken
 * limb by limb, and may be negative; settle makes a number of them. */
#ifndef HANDFAST_P256_FIELD_LANES_H
#define HANDFAST_P256_FIELD_LANES_H

#define LANES 8
#include "lanes52.h"

#define FE8_LIMBS 5
#define FE8_BITS 52
#define FE8_MASK ((UINT64_C(1) << FE8_BITS) - 1)
#define FE8_TOP 48 /* bits of the uppermost limb that are below 2^256 */

typedef struct fe8 {
    lanes limb[FE8_LIMBS];
} fe8;

typedef int64_t signed_lanes __attribute__((vector_size(8 * LANES)));

/* x / 2^bits, rounded down, of lanes that may be negative. */
LANES_INLINE lanes fe8_shift(lanes x, int bits)
{
    return (lanes)((signed_lanes)x >> bits);
}

/* Every carry to its place. What is in the uppermost limb stays there. */
LANES_INLINE fe8 fe8_carry(fe8 a)
{
    for (size_t i = 0; i < FE8_LIMBS - 1; i++) {
        a.limb[i + 1] += fe8_shift(a.limb[i], FE8_BITS);
        a.limb[i] &= LANES_ALL(FE8_MASK);
    }
    return a;
}

/* a - times * p, for times of a few bits and either sign: p is 2^256 - 2^224 + 2^192 + 2^96 - 1. */
LANES_INLINE fe8 fe8_less(fe8 a, lanes times)
{
    a.limb[0] += times;
    a.limb[1] -= times << (96 - 52);
    a.limb[3] -= times << (192 - 156);
    a.limb[4] += (times << (224 - 208)) - (times << FE8_TOP);
    return fe8_carry(a);
}

/* A number of any limbs below 2^60 in magnitude. What is above 2^256 goes, but for one p, which covers whatever the
 * limbs below take: the outcome is between 2^255 and 2^258. */
LANES_INLINE fe8 fe8_settle(fe8 a)
{
    return fe8_less(a, fe8_shift(a.limb[4], FE8_TOP) - LANES_ALL(1));
}

/* The same number, less than 2p. */
LANES_INLINE fe8 fe8_below_2p(fe8 a)
{
    return fe8_less(a, a.limb[4] >> FE8_TOP);
}

LANES_INLINE fe8 fe8_plus(fe8 a, fe8 b)
{
    for (size_t i = 0; i < FE8_LIMBS; i++)
        a.limb[i] += b.limb[i];
    return a;
}

LANES_INLINE fe8 fe8_minus(fe8 a, fe8 b)
{
    for (size_t i = 0; i < FE8_LIMBS; i++)
        a.limb[i] -= b.limb[i];
    return a;
}

/* -a in the lanes of `negative` that are all ones, a in those that are 0. */
LANES_INLINE fe8 fe8_negate_if(fe8 a, lanes negative)
{
    for (size_t i = 0; i < FE8_LIMBS; i++)
        a.limb[i] = (a.limb[i] ^ negative) - negative;
    return a;
}

/* a in the lanes of `first` that are all ones, b in those that are 0. */
LANES_INLINE fe8 fe8_choose(lanes first, fe8 a, fe8 b)
{
    for (size_t i = 0; i < FE8_LIMBS; i++)
        a.limb[i] = (a.limb[i] & first) | (b.limb[i] & ~first);
    return a;
}

LANES_INLINE fe8 fe8_shift_left(fe8 a, int bits)
{
    for (size_t i = 0; i < FE8_LIMBS; i++)
        a.limb[i] <<= bits;
    return a;
}

LANES_INLINE fe8 fe8_pick(fe8 a, lanes index)
{
    for (size_t i = 0; i < FE8_LIMBS; i++)
        a.limb[i] = lanes_pick(a.limb[i], index);
    return a;
}

/* A product of ten columns; each is a sum of at most ten 52-bit numbers. */
typedef struct product8 {
    lanes column[2 * FE8_LIMBS];
} product8;

/* Adds a * b. */
LANES_INLINE void product8_add(product8 *sum, const fe8 *a, const fe8 *b)
{
    for (size_t i = 0; i < FE8_LIMBS; i++)
        for (size_t j = 0; j < FE8_LIMBS; j++) {
            sum->column[i + j] = lanes_add_low(sum->column[i + j], a->limb[i], b->limb[j]);
            sum->column[i + j + 1] = lanes_add_high(sum->column[i + j + 1], a->limb[i], b->limb[j]);
        }
}

/* a * a: products of two different limbs count twice. */
LANES_INLINE product8 product8_square(const fe8 *a)
{
    product8 twice = {{{0}}};

    for (size_t i = 0; i < FE8_LIMBS; i++)
        for (size_t j = i + 1; j < FE8_LIMBS; j++) {
            twice.column[i + j] = lanes_add_low(twice.column[i + j], a->limb[i], a->limb[j]);
            twice.column[i + j + 1] = lanes_add_high(twice.column[i + j + 1], a->limb[i], a->limb[j]);
        }
    for (size_t k = 0; k < 2 * FE8_LIMBS; k++)
        twice.column[k] += twice.column[k];
    for (size_t i = 0; i < FE8_LIMBS; i++) {
        twice.column[2 * i] = lanes_add_low(twice.column[2 * i], a->limb[i], a->limb[i]);
        twice.column[2 * i + 1] = lanes_add_high(twice.column[2 * i + 1], a->limb[i], a->limb[i]);
    }
    return twice;
}

/* product / 2^260, in columns below 2^58. A step adds m * p, where m is the low 52 bits of its column: 2^96, 2^192 and
 * 2^256 - 2^224 times m, and m once in the next column, which is what m alone and -m make there of 2^52 - 1 and of
 * 2^44 - 1, the lowest limbs of p. */
LANES_INLINE fe8 fe8_reduce(product8 p)
{
    const lanes limb1 = LANES_ALL(UINT64_C(1) << 44), limb3 = LANES_ALL(UINT64_C(1) << 36),
                limb4 = LANES_ALL((UINT64_C(1) << 48) - (UINT64_C(1) << 16));
    lanes *c = p.column;
    fe8 out;

    for (size_t i = 0; i < FE8_LIMBS; i++) {
        lanes m = c[i]; /* the multiplications take 52 bits of it */
        c[i + 1] = lanes_add_low(c[i + 1] + (m >> FE8_BITS), m, limb1);
        c[i + 2] = lanes_add_high(c[i + 2], m, limb1);
        c[i + 3] = lanes_add_low(c[i + 3], m, limb3);
        c[i + 4] = lanes_add_high(lanes_add_low(c[i + 4], m, limb4), m, limb3);
        c[i + 5] = lanes_add_high(c[i + 5], m, limb4);
    }
    for (size_t i = 0; i < FE8_LIMBS; i++)
        out.limb[i] = c[i + FE8_LIMBS];
    return out;
}

/* Products and squares in columns: for sums and differences, or to be carried. */
LANES_INLINE fe8 fe8_mul(const fe8 *a, const fe8 *b)
{
    product8 p = {{{0}}};

    product8_add(&p, a, b);
    return fe8_reduce(p);
}

LANES_INLINE fe8 fe8_sqr(const fe8 *a)
{
    return fe8_reduce(product8_square(a));
}

#endif
