/* Tags. Poly1305 is a chain: every block waits for the product of the one before. Two ways out of that:
 *
 *   side by side  eight records, one in a lane, each with its own key. For short records.
 *   stripes       one record, block i in lane i mod 8, all multiplied by r^8; at the end each lane by the power that it
 *                 is behind, r^8 to r, and added up. For long records and lonely ones.
 *
 * Both take two blocks of a lane a turn, (h + m1) f^2 + m2 f, so that the units need not wait for the carries. */
#ifndef HANDFAST_IFMA_HASH_H
#define HANDFAST_IFMA_HASH_H

#include "poly.h"
#include "rows.h"

typedef struct hash_tag {
    uint64_t words[2];
} hash_tag;

/* RFC 8439 section 2.5: r without the bits that must be zero. */
HF_IFMA_INLINE poly hash_clamp(vec low, vec high)
{
    return poly_number(_mm512_and_si512(low, _mm512_set1_epi64(0x0ffffffc0fffffff)),
                       _mm512_and_si512(high, _mm512_set1_epi64(0x0ffffffc0ffffffc)));
}

/* (h + a) f1 + b f2 */
HF_IFMA_INLINE poly hash_two(poly h, const poly *a, const poly_factor *f1, const poly *b, const poly_factor *f2)
{
    poly_sum sum = poly_nothing();

    h = poly_add(h, *a);
    poly_multiply_add(&sum, b, f2);
    poly_multiply_add(&sum, &h, f1);
    return poly_carry(&sum);
}

/* ---- Side by side ---- */

/* Eight vectors of eight words turned over: word w of vector i becomes word i of vector w. */
HF_IFMA_INLINE void hash_turn(const vec in[8], vec out[8])
{
    vec even[4], odd[4], turned[4];

#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        even[i] = _mm512_unpacklo_epi64(in[2 * i], in[2 * i + 1]);
        odd[i] = _mm512_unpackhi_epi64(in[2 * i], in[2 * i + 1]);
    }
    vec_quarters(even, turned);
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        out[2 * i] = turned[i];
    vec_quarters(odd, turned);
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        out[2 * i + 1] = turned[i];
}

/* Four blocks of every row, from block `first` on. inner: all of them are whole text. */
HF_IFMA_INLINE poly hash_four(poly h, const row rows[POLY_LANES], size_t first, vec nothing, bool inner,
                              const poly_factor *r, const poly_factor *square)
{
    vec in[8], words[8];
    poly m[4];

#pragma GCC unroll 8
    for (size_t i = 0; i < POLY_LANES; i++)
        in[i] = inner ? row_inner(&rows[i], ROW_BLOCK * first) : row_outer(&rows[i], ROW_BLOCK * first);
    hash_turn(in, words);
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) {
        vec block = _mm512_set1_epi64((long long)(first + k));
        m[k] = poly_block(words[2 * k], words[2 * k + 1], inner ? 0xff : _mm512_cmple_epu64_mask(nothing, block));
    }
    h = hash_two(h, &m[0], square, &m[1], r);
    return hash_two(h, &m[2], square, &m[3], r);
}

/* The tags of n records (1 to 8); one_time: the first block of each; blocks: of the longest. */
HF_IFMA_OUTLINE void hash_side_by_side(const hf_ifma_record *const *records, const vec *const *one_time, size_t n,
                                       size_t blocks, hash_tag *const *tags)
{
    _Alignas(64) uint64_t nothing[POLY_LANES], low[POLY_LANES], high[POLY_LANES];
    vec in[8], words[8], tag_low, tag_high;
    row rows[POLY_LANES];
    poly h = {{_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()}};
    size_t most = 0;

    blocks = (blocks + 3) / 4 * 4;
    for (size_t i = 0; i < POLY_LANES; i++) {
        size_t which = i < n ? i : 0; /* a lane that nobody needs does what the first does */
        rows[i] = row_of(records[which], blocks);
        in[i] = *one_time[which];
        nothing[i] = rows[i].nothing;
        most = rows[i].nothing > most ? rows[i].nothing : most;
    }
    hash_turn(in, words);
    poly key = hash_clamp(words[0], words[1]);
    poly_factor r = poly_factor_of(key);
    poly_factor square = poly_factor_of(poly_multiply(key, &r));
    vec begins = _mm512_load_si512(nothing);
    size_t at = 0;
    for (; at <= most && at + 4 < blocks; at += 4)
        h = hash_four(h, rows, at, begins, false, &r, &square);
    for (; at + 4 < blocks; at += 4)
        h = hash_four(h, rows, at, begins, true, &r, &square);
    h = hash_four(h, rows, at, begins, false, &r, &square);
    poly_tag(h, words[2], words[3], &tag_low, &tag_high);
    _mm512_store_si512(low, tag_low);
    _mm512_store_si512(high, tag_high);
    for (size_t i = 0; i < n; i++)
        *tags[i] = (hash_tag){{low[i], high[i]}};
}

/* ---- Stripes ---- */

#define HASH_STRIPE (POLY_LANES * ROW_BLOCK) /* bytes that all lanes take at once */

/* The powers of r. `last` has those that the lanes are behind at the end: the lanes hold blocks 0, 4, 1, 5, 2, 6, 3, 7
 * of eight, as unpacking leaves them. */
typedef struct hash_powers {
    poly_factor eight, sixteen, last;
} hash_powers;

HF_IFMA_INLINE hash_powers hash_powers_of(poly r, bool many)
{
    const __mmask8 one_more = 0x33, two_more = 0x0f, four_more = 0x55;
    poly_factor f1 = poly_factor_of(r);
    poly two = poly_multiply(r, &f1);
    poly_factor f2 = poly_factor_of(two);
    poly four = poly_multiply(two, &f2);
    poly_factor f4 = poly_factor_of(four);
    poly last = poly_select(one_more, two, r);
    hash_powers p;

    last = poly_select(two_more, poly_multiply(last, &f2), last);
    last = poly_select(four_more, poly_multiply(last, &f4), last);
    p.last = poly_factor_of(last);
    if (many) {
        poly eight = poly_multiply(four, &f4);
        p.eight = poly_factor_of(eight);
        p.sixteen = poly_factor_of(poly_multiply(eight, &p.eight));
    }
    return p;
}

HF_IFMA_INLINE poly hash_stripe_inner(const row *w, size_t at)
{
    vec a = row_inner(w, at), b = row_inner(w, at + ROW_VECTOR);

    return poly_block(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b), 0xff);
}

/* The first stripe, where the row may begin with nothing, or another that is not all text. */
HF_IFMA_INLINE poly hash_stripe_outer(const row *w, size_t at)
{
    const vec order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    vec a = row_outer(w, at), b = row_outer(w, at + ROW_VECTOR);
    vec blocks = _mm512_add_epi64(order, _mm512_set1_epi64((long long)(at / ROW_BLOCK)));

    return poly_block(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b),
                      _mm512_cmpge_epu64_mask(blocks, _mm512_set1_epi64((long long)w->nothing)));
}

HF_IFMA_OUTLINE void hash_stripes(const hf_ifma_record *record, const vec *one_time, hash_tag *tag)
{
    size_t stripes = (row_blocks(record) + POLY_LANES - 1) / POLY_LANES, at = HASH_STRIPE;
    row w = row_of(record, stripes * POLY_LANES);
    vec low, high, key[4];
    __m128i words = _mm512_castsi512_si128(*one_time);
    __m128i s = _mm256_extracti128_si256(_mm512_castsi512_si256(*one_time), 1);

    key[0] = _mm512_broadcastq_epi64(words);
    key[1] = _mm512_broadcastq_epi64(_mm_unpackhi_epi64(words, words));
    key[2] = _mm512_broadcastq_epi64(s);
    key[3] = _mm512_broadcastq_epi64(_mm_unpackhi_epi64(s, s));
    hash_powers p = hash_powers_of(hash_clamp(key[0], key[1]), stripes > 1);
    poly h = hash_stripe_outer(&w, 0);
    if (stripes > 1 && stripes % 2 == 0) {
        poly m = stripes == 2 ? hash_stripe_outer(&w, at) : hash_stripe_inner(&w, at);
        h = poly_add(poly_multiply(h, &p.eight), m);
        at += HASH_STRIPE;
    }
    while (at < w.size) {
        poly a = hash_stripe_inner(&w, at);
        at += HASH_STRIPE;
        poly b = at + HASH_STRIPE < w.size ? hash_stripe_inner(&w, at) : hash_stripe_outer(&w, at);
        at += HASH_STRIPE;
        poly_sum sum = poly_nothing();
        poly_multiply_add(&sum, &a, &p.eight);
        poly_multiply_add(&sum, &h, &p.sixteen);
        h = poly_add(poly_carry(&sum), b);
    }
    poly_tag(poly_fold(poly_multiply(h, &p.last)), key[2], key[3], &low, &high);
    tag->words[0] = (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(low));
    tag->words[1] = (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(high));
}

#endif
