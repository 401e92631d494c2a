/* The vectors of the narrow kernel: 256 bits, two blocks. What the functions do is said in vec512.h.
 *
 * AVX2 has no masks for bytes. But a row ends with the lengths and begins with J0, so of two lanes at most one is text
 * there: edges are one block, whole or partial, and partial blocks go through a buffer. Internal to `providers`. */
#ifndef HANDFAST_VAES_VEC256_H
#define HANDFAST_VAES_VEC256_H

#include <string.h>

#include "vaes.h"

#define VEC_LANES 2
#define VEC_SIZE 32

typedef __m256i vec;
typedef struct vec_edge {
    size_t from, to;
} vec_edge;

HF_VAES_INLINE vec vec_load(const void *p)
{
    return _mm256_loadu_si256(p);
}

HF_VAES_INLINE void vec_store(void *p, vec v)
{
    _mm256_storeu_si256(p, v);
}

HF_VAES_INLINE vec vec_zero(void)
{
    return _mm256_setzero_si256();
}

HF_VAES_INLINE vec vec_all(__m128i block)
{
    return _mm256_broadcastsi128_si256(block);
}

HF_VAES_INLINE vec vec_xor(vec a, vec b)
{
    return _mm256_xor_si256(a, b);
}

HF_VAES_INLINE vec vec_xor3(vec a, vec b, vec c)
{
    return _mm256_xor_si256(_mm256_xor_si256(a, b), c);
}

HF_VAES_INLINE vec vec_add32(vec a, vec b)
{
    return _mm256_add_epi32(a, b);
}

HF_VAES_INLINE vec vec_bytes(vec v, vec order)
{
    return _mm256_shuffle_epi8(v, order);
}

HF_VAES_INLINE vec vec_swap(vec v)
{
    return _mm256_shuffle_epi32(v, 0x4e);
}

HF_VAES_INLINE vec vec_aes(vec state, vec round_key)
{
    return _mm256_aesenc_epi128(state, round_key);
}

HF_VAES_INLINE vec vec_aes_last(vec state, vec round_key)
{
    return _mm256_aesenclast_epi128(state, round_key);
}

#define vec_multiply(a, b, words) _mm256_clmulepi64_epi128(a, b, words)

HF_VAES_INLINE vec_edge vec_edge_of(size_t from, size_t to)
{
    return (vec_edge){from, to};
}

/* Copies some of the bytes of a vector, and no other. Out of line: lengths that are known there confuse the compiler's
 * checks of bounds, and a call is little beside the copy. */
static __attribute__((noinline)) void edge_copy(uint8_t *to, const uint8_t *from, size_t begin, size_t end)
{
    memcpy(to + begin, from + begin, end - begin);
}

HF_VAES_INLINE vec vec_edge_load(vec_edge edge, const uint8_t *p)
{
    _Alignas(VEC_SIZE) uint8_t bytes[VEC_SIZE];

    if (edge.to == edge.from)
        return vec_zero();
    if (edge.to - edge.from == VEC_SIZE)
        return vec_load(p);
    vec_store(bytes, vec_zero());
    edge_copy(bytes, p, edge.from, edge.to);
    vec v = vec_load(bytes);
    vec_store(bytes, vec_zero());
    __asm__ volatile("" : : "r"(bytes) : "memory"); /* or the compiler would leave the zeros out */
    return v;
}

HF_VAES_INLINE void vec_edge_store(vec_edge edge, uint8_t *p, vec v)
{
    _Alignas(VEC_SIZE) uint8_t bytes[VEC_SIZE];

    if (edge.to == edge.from)
        return;
    vec_store(bytes, v);
    edge_copy(p, bytes, edge.from, edge.to);
    vec_store(bytes, vec_zero());
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

HF_VAES_INLINE vec vec_indices(void)
{
    return _mm256_set_epi8(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8,
                           7, 6, 5, 4, 3, 2, 1, 0);
}

HF_VAES_INLINE vec vec_edge_keep(vec_edge edge, vec v)
{
    vec below = _mm256_cmpgt_epi8(_mm256_set1_epi8((char)edge.from), vec_indices());
    vec inside = _mm256_cmpgt_epi8(_mm256_set1_epi8((char)edge.to), vec_indices());

    return _mm256_and_si256(v, _mm256_andnot_si256(below, inside));
}

HF_VAES_INLINE vec vec_put_between(vec v, vec_edge less, vec_edge more, uint8_t byte)
{
    vec here = _mm256_cmpeq_epi8(_mm256_set1_epi8(less.to < more.to ? (char)less.to : -1), vec_indices());

    return _mm256_blendv_epi8(v, _mm256_set1_epi8((char)byte), here);
}

HF_VAES_INLINE vec vec_put(vec v, unsigned lane, __m128i block)
{
    if (lane == 0)
        return _mm256_inserti128_si256(v, block, 0);
    return lane == 1 ? _mm256_inserti128_si256(v, block, 1) : v;
}

HF_VAES_INLINE __m128i vec_second(vec v)
{
    return _mm256_extracti128_si256(v, 1);
}

HF_VAES_INLINE vec vec_first(__m128i block)
{
    return _mm256_zextsi128_si256(block);
}

HF_VAES_INLINE __m128i vec_fold(vec v)
{
    return _mm_xor_si128(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

/* The first vector of a row has no text. */
HF_VAES_INLINE vec vec_upper_load(const uint8_t *p)
{
    (void)p;
    return vec_zero();
}

HF_VAES_INLINE void vec_upper_store(uint8_t *p, vec v)
{
    (void)p;
    (void)v;
}

HF_VAES_INLINE vec vec_upper(vec v)
{
    (void)v;
    return vec_zero();
}

HF_VAES_INLINE vec vec_of_blocks(const __m128i *a, const __m128i *b, const __m128i *c, const __m128i *d)
{
    (void)c;
    (void)d;
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_load_si128(a)), _mm_load_si128(b), 1);
}

HF_VAES_INLINE void vec_turn(vec v[VEC_LANES])
{
    vec a = _mm256_permute2x128_si256(v[0], v[1], 0x20);

    v[1] = _mm256_permute2x128_si256(v[0], v[1], 0x31);
    v[0] = a;
}

HF_VAES_INLINE vec vec_add_lanes(const vec v[VEC_LANES])
{
    return vec_xor(_mm256_permute2x128_si256(v[0], v[1], 0x20), _mm256_permute2x128_si256(v[0], v[1], 0x31));
}

HF_VAES_INLINE __m128i vec_lane(vec v, size_t lane)
{
    return lane == 0 ? _mm256_castsi256_si128(v) : _mm256_extracti128_si256(v, 1);
}

HF_VAES_INLINE void vec_forget(void)
{
    __asm__ volatile("vzeroall" ::
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                           "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

#endif
