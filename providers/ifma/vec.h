/* What ChaCha20 and Poly1305 both need of 512-bit vectors: quarters turned over, bytes masked, registers cleared.
 * Internal to `providers`. */
#ifndef HANDFAST_IFMA_VEC_H
#define HANDFAST_IFMA_VEC_H

#include "ifma.h"

/* Four vectors of four quarters (128 bits) turned over: quarter i of vector j becomes quarter j of vector i. */
HF_IFMA_INLINE void vec_quarters(const vec in[4], vec out[4])
{
    vec even_low = _mm512_shuffle_i32x4(in[0], in[1], 0x88), odd_low = _mm512_shuffle_i32x4(in[0], in[1], 0xdd);
    vec even_high = _mm512_shuffle_i32x4(in[2], in[3], 0x88), odd_high = _mm512_shuffle_i32x4(in[2], in[3], 0xdd);

    out[0] = _mm512_shuffle_i32x4(even_low, even_high, 0x88);
    out[1] = _mm512_shuffle_i32x4(odd_low, odd_high, 0x88);
    out[2] = _mm512_shuffle_i32x4(even_low, even_high, 0xdd);
    out[3] = _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd);
}

/* Within every quarter, four vectors of four words turned over. in and out may be the same. */
HF_IFMA_INLINE void vec_words(const vec in[4], vec out[4])
{
    vec low01 = _mm512_unpacklo_epi32(in[0], in[1]), high01 = _mm512_unpackhi_epi32(in[0], in[1]);
    vec low23 = _mm512_unpacklo_epi32(in[2], in[3]), high23 = _mm512_unpackhi_epi32(in[2], in[3]);

    out[0] = _mm512_unpacklo_epi64(low01, low23);
    out[1] = _mm512_unpackhi_epi64(low01, low23);
    out[2] = _mm512_unpacklo_epi64(high01, high23);
    out[3] = _mm512_unpackhi_epi64(high01, high23);
}

/* The first n bytes of a vector; n >= 64: all of them, n <= 0: none. */
HF_IFMA_INLINE uint64_t vec_first(ptrdiff_t n)
{
    return _bzhi_u64(~(uint64_t)0, (unsigned)(n < 0 ? 0 : n > 64 ? 64 : n));
}

#endif
