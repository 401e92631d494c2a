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

/* No register keeps a key, keystream or plaintext. */
HF_IFMA_INLINE void vec_forget(void)
{
    __asm__ volatile("vzeroall\n\t"
                     "vpxord %%zmm16, %%zmm16, %%zmm16\n\t"
                     "vpxord %%zmm17, %%zmm17, %%zmm17\n\t"
                     "vpxord %%zmm18, %%zmm18, %%zmm18\n\t"
                     "vpxord %%zmm19, %%zmm19, %%zmm19\n\t"
                     "vpxord %%zmm20, %%zmm20, %%zmm20\n\t"
                     "vpxord %%zmm21, %%zmm21, %%zmm21\n\t"
                     "vpxord %%zmm22, %%zmm22, %%zmm22\n\t"
                     "vpxord %%zmm23, %%zmm23, %%zmm23\n\t"
                     "vpxord %%zmm24, %%zmm24, %%zmm24\n\t"
                     "vpxord %%zmm25, %%zmm25, %%zmm25\n\t"
                     "vpxord %%zmm26, %%zmm26, %%zmm26\n\t"
                     "vpxord %%zmm27, %%zmm27, %%zmm27\n\t"
                     "vpxord %%zmm28, %%zmm28, %%zmm28\n\t"
                     "vpxord %%zmm29, %%zmm29, %%zmm29\n\t"
                     "vpxord %%zmm30, %%zmm30, %%zmm30\n\t"
                     "vpxord %%zmm31, %%zmm31, %%zmm31" ::
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                           "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20",
                           "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30",
                           "xmm31");
}

#endif
