/* One product of GHASH in 128-bit registers, for the making of keys. The kernels do the same on wider ones (ghash.h),
 * where the reduction is explained. Internal to `providers`. */
#ifndef HANDFAST_VAES_GHASH_REDUCE_H
#define HANDFAST_VAES_GHASH_REDUCE_H

#include <immintrin.h>

/* a b modulo the polynomial; one factor carries the extra x of key.c, and the product does, if both do. */
static inline __m128i hf_vaes_multiply(__m128i a, __m128i b)
{
    const __m128i polynomial = _mm_set_epi64x(0, (long long)0xc200000000000000ULL);
    __m128i low = _mm_clmulepi64_si128(a, b, 0x00);
    __m128i high = _mm_clmulepi64_si128(a, b, 0x11);
    __m128i middle = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10));

    middle = _mm_xor_si128(middle, _mm_shuffle_epi32(low, 0x4e));
    middle = _mm_xor_si128(middle, _mm_clmulepi64_si128(low, polynomial, 0x00));
    high = _mm_xor_si128(high, _mm_shuffle_epi32(middle, 0x4e));
    return _mm_xor_si128(high, _mm_clmulepi64_si128(middle, polynomial, 0x00));
}

#endif
