/* ChaCha20 (RFC 8439 section 2.3) in sixteen lanes of 32 bits: vector i holds word i of the states of sixteen blocks,
 * each of any record. So a quarter round is twelve instructions for sixteen blocks, and nothing moves between lanes
 * until the end, when vectors of words are turned over to become blocks. */
#ifndef HANDFAST_IFMA_CHACHA_H
#define HANDFAST_IFMA_CHACHA_H

#include "vec.h"

#define CHACHA_LANES 16

/* One block of a record: 0 makes the key of Poly1305, the others the keystream of the text. */
typedef struct chacha_lane {
    const hf_ifma_record *r;
    uint32_t counter;
} chacha_lane;

HF_IFMA_INLINE void chacha_constants(vec state[16])
{
    state[0] = _mm512_set1_epi32(0x61707865);
    state[1] = _mm512_set1_epi32(0x3320646e);
    state[2] = _mm512_set1_epi32(0x79622d32);
    state[3] = _mm512_set1_epi32(0x6b206574);
}

/* 16 bytes of four places, one a quarter. */
HF_IFMA_INLINE vec chacha_row(const void *a, const void *b, const void *c, const void *d)
{
    vec v = _mm512_broadcast_i32x4(_mm_load_si128(a));

    v = _mm512_mask_broadcast_i32x4(v, 0x00f0, _mm_load_si128(b));
    v = _mm512_mask_broadcast_i32x4(v, 0x0f00, _mm_load_si128(c));
    return _mm512_mask_broadcast_i32x4(v, 0xf000, _mm_load_si128(d));
}

/* Any sixteen blocks. */
HF_IFMA_INLINE void chacha_mixed(vec state[16], const chacha_lane lanes[CHACHA_LANES])
{
    _Alignas(64) uint32_t counters[CHACHA_LANES];

    chacha_constants(state);
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++) {
        const hf_ifma_record *a = lanes[j].r, *b = lanes[4 + j].r, *c = lanes[8 + j].r, *d = lanes[12 + j].r;
        state[4 + j] = chacha_row(a->key->key, b->key->key, c->key->key, d->key->key);
        state[8 + j] = chacha_row(a->key->key + 4, b->key->key + 4, c->key->key + 4, d->key->key + 4);
        state[12 + j] = chacha_row(&a->nonce, &b->nonce, &c->nonce, &d->nonce);
    }
    vec_words(state + 4, state + 4);
    vec_words(state + 8, state + 8);
    vec_words(state + 12, state + 12);
#pragma GCC unroll 16
    for (size_t i = 0; i < CHACHA_LANES; i++)
        counters[i] = lanes[i].counter;
    state[12] = _mm512_load_si512(counters);
}

/* Sixteen blocks of one record, from `counter` on. */
HF_IFMA_INLINE void chacha_row_of(vec state[16], const hf_ifma_record *r, uint32_t counter)
{
    const uint32_t *nonce = (const uint32_t *)(const void *)&r->nonce;

    chacha_constants(state);
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; i++)
        state[4 + i] = _mm512_set1_epi32((int)r->key->key[i]);
    state[12] = _mm512_add_epi32(_mm512_set1_epi32((int)counter),
                                 _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
#pragma GCC unroll 3
    for (size_t i = 1; i < 4; i++)
        state[12 + i] = _mm512_set1_epi32((int)nonce[i]);
}

#define CHACHA_STEP(a, b, d, bits)                                                                                     \
    do {                                                                                                               \
        v[a] = _mm512_add_epi32(v[a], v[b]);                                                                           \
        v[d] = _mm512_rol_epi32(_mm512_xor_si512(v[d], v[a]), bits);                                                   \
    } while (0)
/* The same step of four quarter rounds, so that no instruction waits for the one before. */
#define CHACHA_STEPS(a, b, d, b1, d1, b2, d2, b3, d3, bits)                                                            \
    do {                                                                                                               \
        CHACHA_STEP(a, b, d, bits);                                                                                    \
        CHACHA_STEP((a) + 1, b1, d1, bits);                                                                            \
        CHACHA_STEP((a) + 2, b2, d2, bits);                                                                            \
        CHACHA_STEP((a) + 3, b3, d3, bits);                                                                            \
    } while (0)

/* Twenty rounds, in pairs: columns, then diagonals. */
HF_IFMA_INLINE void chacha_rounds(vec v[16])
{
#pragma GCC unroll 10
    for (unsigned pair = 0; pair < 10; pair++) {
        CHACHA_STEPS(0, 4, 12, 5, 13, 6, 14, 7, 15, 16);
        CHACHA_STEPS(8, 12, 4, 13, 5, 14, 6, 15, 7, 12);
        CHACHA_STEPS(0, 4, 12, 5, 13, 6, 14, 7, 15, 8);
        CHACHA_STEPS(8, 12, 4, 13, 5, 14, 6, 15, 7, 7);

        CHACHA_STEPS(0, 5, 15, 6, 12, 7, 13, 4, 14, 16);
        CHACHA_STEP(10, 15, 5, 12);
        CHACHA_STEP(11, 12, 6, 12);
        CHACHA_STEP(8, 13, 7, 12);
        CHACHA_STEP(9, 14, 4, 12);
        CHACHA_STEPS(0, 5, 15, 6, 12, 7, 13, 4, 14, 8);
        CHACHA_STEP(10, 15, 5, 7);
        CHACHA_STEP(11, 12, 6, 7);
        CHACHA_STEP(8, 13, 7, 7);
        CHACHA_STEP(9, 14, 4, 7);
    }
}

#undef CHACHA_STEP
#undef CHACHA_STEPS

/* ---- A few blocks ---- */

/* The other way round: a vector holds one row of the states of two blocks, so a quarter round is done on all columns at
 * once, and rows are turned to make diagonals of columns. It takes more instructions for a block, and fewer for a few
 * blocks. What decides here is how long a result takes; vectors of 256 bits, up to four sets of them side by side,
 * make better use of the units meanwhile than fewer of 512. */
typedef __m256i half;
#define CHACHA_SETS_MAX 4

typedef struct chacha_set {
    half row[4];
} chacha_set;

#define CHACHA_FEW_STEP(a, b, d, bits)                                                                                 \
    do {                                                                                                               \
        _Pragma("GCC unroll 4") for (size_t s = 0; s < sets; s++)                                                      \
        {                                                                                                              \
            v[s].row[a] = _mm256_add_epi32(v[s].row[a], v[s].row[b]);                                                  \
            v[s].row[d] = _mm256_rol_epi32(_mm256_xor_si256(v[s].row[d], v[s].row[a]), bits);                          \
        }                                                                                                              \
    } while (0)

HF_IFMA_INLINE void chacha_few_round(chacha_set *v, size_t sets)
{
    CHACHA_FEW_STEP(0, 1, 3, 16);
    CHACHA_FEW_STEP(2, 3, 1, 12);
    CHACHA_FEW_STEP(0, 1, 3, 8);
    CHACHA_FEW_STEP(2, 3, 1, 7);
}

#undef CHACHA_FEW_STEP

/* Turns row i by i words, to the left or back. */
HF_IFMA_INLINE void chacha_few_turn(chacha_set *v, size_t sets, bool left)
{
#pragma GCC unroll 4
    for (size_t s = 0; s < sets; s++) {
        half *r = v[s].row;
        r[1] = left ? _mm256_shuffle_epi32(r[1], 0x39) : _mm256_shuffle_epi32(r[1], 0x93);
        r[2] = _mm256_shuffle_epi32(r[2], 0x4e);
        r[3] = left ? _mm256_shuffle_epi32(r[3], 0x93) : _mm256_shuffle_epi32(r[3], 0x39);
    }
}

HF_IFMA_INLINE half chacha_halves(const void *low, const void *high)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_load_si128(low)), _mm_load_si128(high), 1);
}

HF_IFMA_INLINE chacha_set chacha_set_of(const chacha_lane *l)
{
    const half constants = _mm256_broadcastsi128_si256(_mm_set_epi32(0x6b206574, 0x79622d32, 0x3320646e, 0x61707865));
    const half counters = _mm256_setr_epi32((int)l[0].counter, 0, 0, 0, (int)l[1].counter, 0, 0, 0);
    const hf_ifma_record *a = l[0].r, *b = l[1].r;

    return (chacha_set){{constants, chacha_halves(a->key->key, b->key->key),
                         chacha_halves(a->key->key + 4, b->key->key + 4),
                         _mm256_or_si256(chacha_halves(&a->nonce, &b->nonce), counters)}};
}

/* Half of the rows' places in each of two blocks. */
HF_IFMA_INLINE vec chacha_join(const chacha_set *v, bool second)
{
    half low = second ? _mm256_permute2x128_si256(v->row[0], v->row[1], 0x31)
                      : _mm256_permute2x128_si256(v->row[0], v->row[1], 0x20);
    half high = second ? _mm256_permute2x128_si256(v->row[2], v->row[3], 0x31)
                       : _mm256_permute2x128_si256(v->row[2], v->row[3], 0x20);

    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* The blocks of the first 2 * sets lanes; sets: 1 to 4, a constant. `first` is the caller's, who wipes it. */
HF_IFMA_INLINE void chacha_few(chacha_set first[CHACHA_SETS_MAX], const chacha_lane *lanes, size_t sets, vec *blocks)
{
    chacha_set v[CHACHA_SETS_MAX];

#pragma GCC unroll 4
    for (size_t s = 0; s < sets; s++)
        v[s] = first[s] = chacha_set_of(&lanes[2 * s]);
#pragma GCC unroll 10
    for (unsigned pair = 0; pair < 10; pair++) {
        chacha_few_round(v, sets);
        chacha_few_turn(v, sets, true);
        chacha_few_round(v, sets);
        chacha_few_turn(v, sets, false);
    }
#pragma GCC unroll 4
    for (size_t s = 0; s < sets; s++) {
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++)
            v[s].row[i] = _mm256_add_epi32(v[s].row[i], first[s].row[i]);
        blocks[2 * s] = chacha_join(&v[s], false);
        blocks[2 * s + 1] = chacha_join(&v[s], true);
    }
}

/* ---- Sixteen blocks ---- */

/* From the first states to blocks: blocks[i] is that of lane i. `first` is the caller's, who wipes it. */
HF_IFMA_INLINE void chacha_blocks(const vec first[16], vec blocks[CHACHA_LANES])
{
    vec v[16], column[4], turned[4];

#pragma GCC unroll 16
    for (size_t i = 0; i < 16; i++)
        v[i] = first[i];
    chacha_rounds(v);
#pragma GCC unroll 16
    for (size_t i = 0; i < 16; i++)
        v[i] = _mm512_add_epi32(v[i], first[i]);
#pragma GCC unroll 4
    for (size_t i = 0; i < 16; i += 4)
        vec_words(v + i, v + i);
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++) {
        for (size_t i = 0; i < 4; i++)
            column[i] = v[4 * i + j];
        vec_quarters(column, turned);
        for (size_t q = 0; q < 4; q++)
            blocks[4 * q + j] = turned[q];
    }
}

#endif
