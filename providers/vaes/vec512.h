/* The vectors of the wide kernel: 512 bits, four blocks. What both widths offer is described here; vec256.h is the same
 * for two blocks. Internal to `providers`. */
#ifndef HANDFAST_VAES_VEC512_H
#define HANDFAST_VAES_VEC512_H

#include "../x86/forget512.h"
#include "vaes.h"

#define VEC_LANES 4 /* blocks in a vector */
#define VEC_SIZE 64 /* bytes in a vector */

typedef __m512i vec;
typedef __mmask64 vec_edge; /* which bytes of a vector belong to the text */

HF_VAES_INLINE vec vec_load(const void *p)
{
    return _mm512_loadu_si512(p);
}

HF_VAES_INLINE void vec_store(void *p, vec v)
{
    _mm512_storeu_si512(p, v);
}

HF_VAES_INLINE vec vec_zero(void)
{
    return _mm512_setzero_si512();
}

/* One block in all lanes. */
HF_VAES_INLINE vec vec_all(__m128i block)
{
    return _mm512_broadcast_i32x4(block);
}

HF_VAES_INLINE vec vec_xor(vec a, vec b)
{
    return _mm512_xor_si512(a, b);
}

HF_VAES_INLINE vec vec_xor3(vec a, vec b, vec c)
{
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

HF_VAES_INLINE vec vec_add32(vec a, vec b)
{
    return _mm512_add_epi32(a, b);
}

/* Bytes of each lane rearranged as `order` says. */
HF_VAES_INLINE vec vec_bytes(vec v, vec order)
{
    return _mm512_shuffle_epi8(v, order);
}

/* The two words of each lane exchanged. */
HF_VAES_INLINE vec vec_swap(vec v)
{
    return _mm512_shuffle_epi32(v, (_MM_PERM_ENUM)0x4e);
}

HF_VAES_INLINE vec vec_aes(vec state, vec round_key)
{
    return _mm512_aesenc_epi128(state, round_key);
}

HF_VAES_INLINE vec vec_aes_last(vec state, vec round_key)
{
    return _mm512_aesenclast_epi128(state, round_key);
}

#define vec_multiply(a, b, words) _mm512_clmulepi64_epi128(a, b, words)

/* The bytes from..to-1 of a vector; 0 <= from <= to <= VEC_SIZE, from < VEC_SIZE. */
HF_VAES_INLINE vec_edge vec_edge_of(size_t from, size_t to)
{
    return _cvtu64_mask64(_bzhi_u64(~(uint64_t)0 << from, (unsigned)to));
}

/* Only the bytes of the edge are read, the others are zero. */
HF_VAES_INLINE vec vec_edge_load(vec_edge edge, const uint8_t *p)
{
    return _mm512_maskz_loadu_epi8(edge, p);
}

HF_VAES_INLINE void vec_edge_store(vec_edge edge, uint8_t *p, vec v)
{
    _mm512_mask_storeu_epi8(p, edge, v);
}

/* The upper half of a vector: two lanes, behind the two of which the first vector of a row has no text. */
HF_VAES_INLINE vec vec_upper_load(const uint8_t *p)
{
    return _mm512_inserti64x4(vec_zero(), _mm256_loadu_si256((const __m256i *)(const void *)(p + VEC_SIZE / 2)), 1);
}

HF_VAES_INLINE void vec_upper_store(uint8_t *p, vec v)
{
    _mm256_storeu_si256((__m256i *)(void *)(p + VEC_SIZE / 2), _mm512_extracti64x4_epi64(v, 1));
}

/* v with zeros in the lower half. */
HF_VAES_INLINE vec vec_upper(vec v)
{
    return _mm512_maskz_mov_epi64(0xf0, v);
}

/* v with zeros outside of the edge. */
HF_VAES_INLINE vec vec_edge_keep(vec_edge edge, vec v)
{
    return _mm512_maskz_mov_epi8(edge, v);
}

/* v with `byte` where `more` reaches beyond `less`. */
HF_VAES_INLINE vec vec_put_between(vec v, vec_edge less, vec_edge more, uint8_t byte)
{
    return _mm512_mask_mov_epi8(v, _kxor_mask64(less, more), _mm512_set1_epi8((char)byte));
}

/* v with `block` in a lane; unchanged where there is no such lane. */
HF_VAES_INLINE vec vec_put(vec v, unsigned lane, __m128i block)
{
    return _mm512_mask_mov_epi64(v, (__mmask8)(3u << 2 * lane), _mm512_broadcast_i32x4(block));
}

/* The second lane. */
HF_VAES_INLINE __m128i vec_second(vec v)
{
    return _mm256_extracti128_si256(_mm512_castsi512_si256(v), 1);
}

/* `block` in the first lane, zeros in the others. */
HF_VAES_INLINE vec vec_first(__m128i block)
{
    return _mm512_zextsi128_si512(block);
}

/* The XOR of all lanes. */
HF_VAES_INLINE __m128i vec_fold(vec v)
{
    __m256i half = _mm256_xor_si256(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/* Four blocks as the lanes of a vector. */
HF_VAES_INLINE vec vec_of_blocks(const __m128i *a, const __m128i *b, const __m128i *c, const __m128i *d)
{
    __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_load_si128(a)), _mm_load_si128(b), 1);
    __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_load_si128(c)), _mm_load_si128(d), 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* Rows become columns: lane j of vector i goes to lane i of vector j. */
HF_VAES_INLINE void vec_turn(vec v[VEC_LANES])
{
    vec a = _mm512_shuffle_i64x2(v[0], v[1], 0x44), b = _mm512_shuffle_i64x2(v[0], v[1], 0xee);
    vec c = _mm512_shuffle_i64x2(v[2], v[3], 0x44), d = _mm512_shuffle_i64x2(v[2], v[3], 0xee);

    v[0] = _mm512_shuffle_i64x2(a, c, 0x88);
    v[1] = _mm512_shuffle_i64x2(a, c, 0xdd);
    v[2] = _mm512_shuffle_i64x2(b, d, 0x88);
    v[3] = _mm512_shuffle_i64x2(b, d, 0xdd);
}

/* Lane i: the XOR of all lanes of vector i. */
HF_VAES_INLINE vec vec_add_lanes(const vec v[VEC_LANES])
{
    vec ab = vec_xor(_mm512_shuffle_i64x2(v[0], v[1], 0x44), _mm512_shuffle_i64x2(v[0], v[1], 0xee));
    vec cd = vec_xor(_mm512_shuffle_i64x2(v[2], v[3], 0x44), _mm512_shuffle_i64x2(v[2], v[3], 0xee));

    return vec_xor(_mm512_shuffle_i64x2(ab, cd, 0x88), _mm512_shuffle_i64x2(ab, cd, 0xdd));
}

HF_VAES_INLINE __m128i vec_lane(vec v, size_t lane)
{
    switch (lane) {
    case 0:
        return _mm512_castsi512_si128(v);
    case 1:
        return _mm512_extracti32x4_epi32(v, 1);
    case 2:
        return _mm512_extracti32x4_epi32(v, 2);
    default:
        return _mm512_extracti32x4_epi32(v, 3);
    }
}

/* No register keeps a key, keystream or plaintext. */
HF_VAES_INLINE void vec_forget(void)
{
    hf_forget_512();
}

#endif
