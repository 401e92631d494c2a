/* Vectors of 64-bit lanes for numbers in limbs of 52 bits (X25519 of `ifma`, sums of points of `p256`): eight lanes of
 * 512 bits, or four of 256 (LANES, set before this file is included). Addition, shifts and masks are the compiler's own
 * vector operations; here is what C has no operator for. With HF_IFMA_PLAIN all of it is plain C, slow, for the tests
 * that run these kernels under valgrind and on any CPU. Internal to `providers`. */
#ifndef HANDFAST_LANES52_H
#define HANDFAST_LANES52_H

#include <stddef.h>
#include <stdint.h>
#if !defined(HF_IFMA_PLAIN)
#include <immintrin.h>
#endif

#define LANES_INLINE static inline __attribute__((always_inline))

typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

#if LANES == 8
#define LANES_ALL(x)                                                                                                   \
    (lanes)                                                                                                            \
    {                                                                                                                  \
        x, x, x, x, x, x, x, x                                                                                         \
    }
#else
#define LANES_ALL(x)                                                                                                   \
    (lanes)                                                                                                            \
    {                                                                                                                  \
        x, x, x, x                                                                                                     \
    }
#endif

/* sum + the low or the high 52 bits of a * b, of whose lanes only 52 bits count; table[index], lane by lane. */
#if defined(HF_IFMA_PLAIN)

#define LANES_52 ((UINT64_C(1) << 52) - 1)

__extension__ typedef unsigned __int128 lanes_product;

LANES_INLINE lanes lanes_add_low(lanes sum, lanes a, lanes b)
{
    for (size_t i = 0; i < LANES; i++)
        sum[i] += (uint64_t)((lanes_product)(a[i] & LANES_52) * (b[i] & LANES_52)) & LANES_52;
    return sum;
}

LANES_INLINE lanes lanes_add_high(lanes sum, lanes a, lanes b)
{
    for (size_t i = 0; i < LANES; i++)
        sum[i] += (uint64_t)((lanes_product)(a[i] & LANES_52) * (b[i] & LANES_52) >> 52);
    return sum;
}

LANES_INLINE lanes lanes_pick(lanes table, lanes index)
{
    lanes out = LANES_ALL(0);

    for (size_t k = 0; k < LANES; k++) {
        lanes other = index ^ LANES_ALL(k);
        out |= LANES_ALL(table[k]) & (((other | -other) >> 63) - LANES_ALL(1));
    }
    return out;
}

#elif LANES == 8

LANES_INLINE lanes lanes_add_low(lanes sum, lanes a, lanes b)
{
    return (lanes)_mm512_madd52lo_epu64((__m512i)sum, (__m512i)a, (__m512i)b);
}

LANES_INLINE lanes lanes_add_high(lanes sum, lanes a, lanes b)
{
    return (lanes)_mm512_madd52hi_epu64((__m512i)sum, (__m512i)a, (__m512i)b);
}

LANES_INLINE lanes lanes_pick(lanes table, lanes index)
{
    return (lanes)_mm512_permutexvar_epi64((__m512i)index, (__m512i)table);
}

#else

LANES_INLINE lanes lanes_add_low(lanes sum, lanes a, lanes b)
{
    return (lanes)_mm256_madd52lo_epu64((__m256i)sum, (__m256i)a, (__m256i)b);
}

LANES_INLINE lanes lanes_add_high(lanes sum, lanes a, lanes b)
{
    return (lanes)_mm256_madd52hi_epu64((__m256i)sum, (__m256i)a, (__m256i)b);
}

LANES_INLINE lanes lanes_pick(lanes table, lanes index)
{
    return (lanes)_mm256_permutexvar_epi64((__m256i)index, (__m256i)table);
}

#endif
#endif
