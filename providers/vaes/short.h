/* Rows of few vectors: all of it in registers, hashed with one power for each block and reduced once.
 *
 * This is for a record that has no like beside it (fours.h has those that do), and for the end of a long one. */
#ifndef HANDFAST_VAES_SHORT_H
#define HANDFAST_VAES_SHORT_H

/* The end of a row, n vectors of it from `at` on, that have been through AES. n is a constant; `at` is one where the
 * row has no other vectors. */
typedef struct row {
    const hf_vaes_record *r;
    size_t at, n;
    size_t behind; /* blocks of the last vector, and the lengths */
    vec keystream[BULK_GROUP];
    __m128i mask; /* J0 encrypted */
    __m128i hash; /* GHASH of what came before */
    ghash_sum sum;
} row;

HF_VAES_INLINE void row_begin(row *w, const hf_vaes_record *r, size_t at, size_t n, __m128i mask, __m128i hash)
{
    w->r = r;
    w->at = at;
    w->n = n;
    w->behind = text_used(r, at + n - 1) + 1;
    w->mask = mask;
    w->hash = hash;
}

/* Vector v of the n: text and product. */
HF_VAES_INLINE void row_turn(row *w, size_t v, bool seal)
{
    vec powers = ghash_powers(w->r->key, w->n - 1 - v, w->behind);
    vec hashed;

    if (v == w->n - 1)
        hashed = text_last(w->r, w->at + v, w->keystream[v], seal, w->at + v == 0);
    else if (w->at + v == 0)
        hashed = text_first(w->r, w->keystream[0], seal);
    else
        hashed = text_inner(w->r, w->at + v, w->keystream[v], seal);
    if (v == 0)
        ghash_begin(&w->sum, w->at == 0 ? hashed : vec_xor(hashed, vec_first(w->hash)), powers);
    else
        ghash_add(&w->sum, hashed, powers);
}

/* After all turns. */
HF_VAES_INLINE void row_tag(row *w, bool seal)
{
    if (w->behind > VEC_LANES) /* lengths for which no lane was left */
        ghash_add(&w->sum, vec_first(w->r->lengths), ghash_powers(w->r->key, 0, 1));
    finish_record(w->r, finish_tag(vec_fold(ghash_reduce(&w->sum)), w->mask), seal);
}

HF_VAES_INLINE void row_end(row *w, bool seal)
{
#pragma GCC unroll 8
    for (size_t v = 0; v < w->n; v++)
        row_turn(w, v, seal);
    row_tag(w, seal);
}

/* A record of n vectors. n and rounds are constants. */
HF_VAES_INLINE void short_record(const hf_vaes_record *r, size_t n, unsigned rounds, bool seal)
{
    vec base = text_base(r, 0);
    row w;

#pragma GCC unroll 8
    for (size_t v = 0; v < n; v++)
        w.keystream[v] = text_state(base, v);
#pragma GCC unroll 16
    for (unsigned round = 1; round <= rounds; round++) {
        vec key = vec_all(_mm_load_si128(&r->key->round_keys[round - 1]));
#pragma GCC unroll 8
        for (size_t v = 0; v < n; v++)
            w.keystream[v] = round < rounds ? vec_aes(w.keystream[v], key) : vec_aes_last(w.keystream[v], key);
    }
    row_begin(&w, r, 0, n, vec_second(w.keystream[0]), _mm_setzero_si128());
    row_end(&w, seal);
}

#endif
