/* Poly1305's numbers (RFC 8439 section 2.5) in eight lanes: modulo 2^130 - 5, in limbs of 44, 44 and 42 bits.
 *
 * IFMA multiplies the low 52 bits of two words and adds the low or the high 52 bits of the product to a third. Limb i
 * weighs 2^(44 i), so the high half of a product of weight 2^(44 k) weighs 2^(44 (k + 1) + 8). Limb 3 would weigh
 * 2^132, which is 20 modulo 2^130 - 5.
 *
 * Bounds: what goes into a product has limbs below 2^46, factors limbs below 2^45 (times 20: 2^50); low halves of two
 * products make sums below 6 * 2^52, high halves below 6 * 2^44. */
#ifndef HANDFAST_IFMA_POLY_H
#define HANDFAST_IFMA_POLY_H

#include "vec.h"

#define POLY_LANES 8

typedef struct poly {
    vec limb[3];
} poly;

/* What numbers are multiplied by: limbs, and limbs 1 and 2 times 20. */
typedef struct poly_factor {
    vec limb[3];
    vec times20[3];
} poly_factor;

/* Sums of halves of products. */
typedef struct poly_sum {
    vec low[3], high[3];
} poly_sum;

HF_IFMA_INLINE vec poly_mask(unsigned bits)
{
    return _mm512_set1_epi64((long long)(((uint64_t)1 << bits) - 1));
}

HF_IFMA_INLINE vec poly_times(vec v, unsigned factor) /* 5 or 20 */
{
    vec four = _mm512_slli_epi64(v, 2);

    return factor == 5 ? _mm512_add_epi64(four, v) : _mm512_add_epi64(four, _mm512_slli_epi64(v, 4));
}

/* Sixteen bytes of each lane as a number below 2^128. */
HF_IFMA_INLINE poly poly_number(vec low, vec high)
{
    vec middle = _mm512_or_si512(_mm512_srli_epi64(low, 44), _mm512_slli_epi64(high, 20));

    return (poly){
        {_mm512_and_si512(low, poly_mask(44)), _mm512_and_si512(middle, poly_mask(44)), _mm512_srli_epi64(high, 24)}};
}

/* A block: its number and a one behind its last byte, in the lanes of `there`; the others must be zero. */
HF_IFMA_INLINE poly poly_block(vec low, vec high, __mmask8 there)
{
    const vec one = _mm512_set1_epi64((long long)1 << 40);
    poly m = poly_number(low, high);

    m.limb[2] = _mm512_mask_or_epi64(m.limb[2], there, m.limb[2], one);
    return m;
}

HF_IFMA_INLINE poly poly_add(poly a, poly b)
{
    return (poly){{_mm512_add_epi64(a.limb[0], b.limb[0]), _mm512_add_epi64(a.limb[1], b.limb[1]),
                   _mm512_add_epi64(a.limb[2], b.limb[2])}};
}

/* `a` where the mask has a bit, else b. */
HF_IFMA_INLINE poly poly_select(__mmask8 mask, poly a, poly b)
{
    return (poly){{_mm512_mask_mov_epi64(b.limb[0], mask, a.limb[0]), _mm512_mask_mov_epi64(b.limb[1], mask, a.limb[1]),
                   _mm512_mask_mov_epi64(b.limb[2], mask, a.limb[2])}};
}

HF_IFMA_INLINE poly_factor poly_factor_of(poly a)
{
    return (poly_factor){{a.limb[0], a.limb[1], a.limb[2]},
                         {_mm512_setzero_si512(), poly_times(a.limb[1], 20), poly_times(a.limb[2], 20)}};
}

HF_IFMA_INLINE poly_sum poly_nothing(void)
{
    vec zero = _mm512_setzero_si512();

    return (poly_sum){{zero, zero, zero}, {zero, zero, zero}};
}

HF_IFMA_INLINE void poly_multiply_add(poly_sum *sum, const poly *a, const poly_factor *f)
{
#pragma GCC unroll 3
    for (size_t i = 0; i < 3; i++)
#pragma GCC unroll 3
        for (size_t k = 0; k < 3; k++) {
            vec by = k >= i ? f->limb[k - i] : f->times20[3 + k - i];
            sum->low[k] = _mm512_madd52lo_epu64(sum->low[k], a->limb[i], by);
            sum->high[k] = _mm512_madd52hi_epu64(sum->high[k], a->limb[i], by);
        }
}

/* The number that the sum stands for: limbs below 2^44, 2^44 + 2^11 and 2^42. */
HF_IFMA_INLINE poly poly_carry(const poly_sum *sum)
{
    vec h0 = _mm512_and_si512(sum->low[0], poly_mask(44));
    vec t1 = _mm512_add_epi64(sum->low[1], _mm512_slli_epi64(sum->high[0], 8));
    vec t2 = _mm512_add_epi64(sum->low[2], _mm512_slli_epi64(sum->high[1], 8));
    vec top = poly_times(_mm512_slli_epi64(sum->high[2], 10), 5); /* 2^140 is 2^10 * 2^130 */

    t1 = _mm512_add_epi64(t1, _mm512_srli_epi64(sum->low[0], 44));
    t2 = _mm512_add_epi64(t2, _mm512_srli_epi64(t1, 44));
    h0 = _mm512_add_epi64(_mm512_add_epi64(h0, top), poly_times(_mm512_srli_epi64(t2, 42), 5));
    vec h1 = _mm512_add_epi64(_mm512_and_si512(t1, poly_mask(44)), _mm512_srli_epi64(h0, 44));
    return (poly){{_mm512_and_si512(h0, poly_mask(44)), h1, _mm512_and_si512(t2, poly_mask(42))}};
}

HF_IFMA_INLINE poly poly_multiply(poly a, const poly_factor *f)
{
    poly_sum sum = poly_nothing();

    poly_multiply_add(&sum, &a, f);
    return poly_carry(&sum);
}

/* The sum of all lanes, in every lane; limbs grow by three bits. */
HF_IFMA_INLINE poly poly_fold(poly a)
{
#pragma GCC unroll 3
    for (size_t i = 0; i < 3; i++)
        a.limb[i] = _mm512_set1_epi64(_mm512_reduce_add_epi64(a.limb[i]));
    return a;
}

/* Carries once around: limbs below 2^44 + 2^10, 2^44 and 2^42. */
HF_IFMA_INLINE poly poly_carry_once(poly a)
{
    vec h1 = _mm512_add_epi64(a.limb[1], _mm512_srli_epi64(a.limb[0], 44));
    vec h2 = _mm512_add_epi64(a.limb[2], _mm512_srli_epi64(h1, 44));
    vec h0 = _mm512_add_epi64(_mm512_and_si512(a.limb[0], poly_mask(44)), poly_times(_mm512_srli_epi64(h2, 42), 5));

    return (poly){{h0, _mm512_and_si512(h1, poly_mask(44)), _mm512_and_si512(h2, poly_mask(42))}};
}

/* The tag: the number modulo 2^130 - 5, plus s modulo 2^128 (RFC 8439 section 2.5.1). */
HF_IFMA_INLINE void poly_tag(poly a, vec s_low, vec s_high, vec *out_low, vec *out_high)
{
    const vec one = _mm512_set1_epi64(1);

    a = poly_carry_once(poly_carry_once(a)); /* limbs as wide as they should be: below 2^130 */
    /* a + 5 - 2^130, which is taken when it is not negative */
    poly less = a;
    less.limb[0] = _mm512_add_epi64(a.limb[0], _mm512_set1_epi64(5));
    less.limb[1] = _mm512_add_epi64(a.limb[1], _mm512_srli_epi64(less.limb[0], 44));
    less.limb[2] = _mm512_add_epi64(a.limb[2], _mm512_srli_epi64(less.limb[1], 44));
    less.limb[0] = _mm512_and_si512(less.limb[0], poly_mask(44));
    less.limb[1] = _mm512_and_si512(less.limb[1], poly_mask(44));
    __mmask8 enough = _mm512_test_epi64_mask(less.limb[2], _mm512_slli_epi64(one, 42));
    a = poly_select(enough, less, a);

    vec low = _mm512_or_si512(a.limb[0], _mm512_slli_epi64(a.limb[1], 44));
    vec high = _mm512_or_si512(_mm512_srli_epi64(a.limb[1], 20), _mm512_slli_epi64(a.limb[2], 24));
    *out_low = _mm512_add_epi64(low, s_low);
    __mmask8 carry = _mm512_cmplt_epu64_mask(*out_low, low);
    high = _mm512_add_epi64(high, s_high);
    *out_high = _mm512_mask_add_epi64(high, carry, high, one);
}

#endif
