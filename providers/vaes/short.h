/* Short records: up to SHORT_VECTORS vectors, the whole row in registers, `n` records of different keys side by side.
 *
 * One record of 64 bytes has two vectors: two chains of AES rounds, each waiting for its own last round most of the
 * time. Four records have eight, and keep the unit busy. The row is hashed with one power for each block and reduced
 * once. */
#ifndef HANDFAST_VAES_SHORT_H
#define HANDFAST_VAES_SHORT_H

#define SHORT_VECTORS BATCH_SHORT_MAX
#define SHORT_SIDE_BY_SIDE 4
#define SHORT_STATES 12 /* vectors at once: SHORT_SIDE_BY_SIDE records of three, or fewer of more */

/* Keystream of n rows of `vectors` vectors each; all three are constants. */
HF_VAES_INLINE void short_keystream(const text *rows, vec (*state)[SHORT_VECTORS], size_t n, size_t vectors,
                                    unsigned rounds)
{
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++) {
        vec base = text_base(&rows[i]);
#pragma GCC unroll 8
        for (size_t v = 0; v < vectors; v++)
            state[i][v] = text_state(base, v);
    }
#pragma GCC unroll 16
    for (unsigned round = 1; round <= rounds; round++)
#pragma GCC unroll 4
        for (size_t i = 0; i < n; i++) {
            vec key = vec_all(_mm_load_si128(&rows[i].key->round_keys[round - 1]));
#pragma GCC unroll 8
            for (size_t v = 0; v < vectors; v++)
                state[i][v] = round < rounds ? vec_aes(state[i][v], key) : vec_aes_last(state[i][v], key);
        }
}

/* Text of one row; gives its tag. */
HF_VAES_INLINE __m128i short_text(const text *row, const vec *keystream, size_t vectors, bool seal)
{
    ghash_sum sum;

#pragma GCC unroll 8
    for (size_t v = 0; v < vectors; v++) {
        bool first = v == 0, last = v == vectors - 1;
        vec hashed = first || last ? text_outer(row, v, keystream[v], seal, first, last)
                                   : text_inner(row, v, keystream[v], seal);
        text_hash(row, &sum, hashed, vectors - 1 - v, first);
    }
    text_hash_lengths(row, &sum);
    return finish_tag(&sum, vec_second(keystream[0]));
}

HF_VAES_INLINE void short_records(const hf_vaes_record *const *r, size_t n, size_t vectors, unsigned rounds, bool seal)
{
    text rows[SHORT_SIDE_BY_SIDE];
    vec state[SHORT_SIDE_BY_SIDE][SHORT_VECTORS];

#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++)
        rows[i] = text_of(r[i], vectors);
    short_keystream(rows, state, n, vectors, rounds);
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++)
        finish_record(r[i], short_text(&rows[i], state[i], vectors, seal), seal);
}

#endif
