/* Rows of few vectors: all of it in registers, hashed with one power for each block and reduced once.
 *
 * Nothing is stitched by hand here: the CPU begins the next record beside the end of this one. */
#ifndef HANDFAST_VAES_SHORT_H
#define HANDFAST_VAES_SHORT_H

/* The last n vectors of a row: text, hash and tag. hash: GHASH of what came before; mask: J0 encrypted. n is a
 * constant; `at` is one where the row has no other vectors. */
HF_VAES_INLINE void row_end(const hf_vaes_record *r, size_t at, size_t n, const vec *keystream, __m128i hash,
                            __m128i mask, bool seal)
{
    size_t behind = text_used(r, at + n - 1) + 1;
    ghash_sum sum;

#pragma GCC unroll 8
    for (size_t v = 0; v < n; v++) {
        vec hashed = v == n - 1          ? text_last(r, at + v, keystream[v], seal, at + v == 0)
                     : v == 0 && at == 0 ? text_first(r, keystream[0], seal)
                                         : text_inner(r, at + v, keystream[v], seal);
        vec powers = ghash_powers(r->key, n - 1 - v, behind);
        if (v == 0)
            ghash_begin(&sum, at == 0 ? hashed : vec_xor(hashed, vec_first(hash)), powers);
        else
            ghash_add(&sum, hashed, powers);
    }
    if (behind > VEC_LANES) /* lengths for which no lane was left */
        ghash_add(&sum, vec_first(r->lengths), ghash_powers(r->key, 0, 1));
    finish_record(r, finish_tag(vec_fold(ghash_reduce(&sum)), mask), seal);
}

/* vectors is a constant. */
HF_VAES_INLINE void short_record(const hf_vaes_record *r, size_t vectors, unsigned rounds, bool seal)
{
    vec base = text_base(r, 0);
    vec state[BULK_GROUP];

#pragma GCC unroll 8
    for (size_t v = 0; v < vectors; v++)
        state[v] = text_state(base, v);
#pragma GCC unroll 16
    for (unsigned round = 1; round <= rounds; round++) {
        vec key = vec_all(_mm_load_si128(&r->key->round_keys[round - 1]));
#pragma GCC unroll 8
        for (size_t v = 0; v < vectors; v++)
            state[v] = round < rounds ? vec_aes(state[v], key) : vec_aes_last(state[v], key);
    }
    row_end(r, 0, vectors, state, _mm_setzero_si128(), vec_second(state[0]), seal);
}

#endif
