/* Long records: groups of BULK_GROUP vectors, and a last one of one to BULK_GROUP.
 *
 * A group goes through AES first. Its text, XORed and hashed, stands between the AES rounds of the next group, so that
 * both units always have work close by: the CPU's schedulers hold only some tens of instructions. What comes before the
 * XOR is keystream in registers; nothing is written to be read back.
 *
 * Within a group each vector has powers of its own and all products are reduced together; what the group sums up to
 * goes into the first block of the next (Horner's rule). */
#ifndef HANDFAST_VAES_BULK_H
#define HANDFAST_VAES_BULK_H

/* BULK_GROUP and BULK_KEYS are the width's: vectors of a group, and round keys that stay in registers. */

typedef struct bulk {
    const hf_vaes_record *r;
    vec keys[BULK_KEYS + 1];
    vec keystream[BULK_GROUP]; /* of the group whose text is still to be done */
    __m128i mask;              /* J0 encrypted */
    __m128i hash;              /* GHASH of what came before that group */
} bulk;

HF_VAES_INLINE vec bulk_key(const bulk *b, unsigned round)
{
    return round <= BULK_KEYS ? b->keys[round - 1] : vec_all(_mm_load_si128(&b->r->key->round_keys[round - 1]));
}

/* The vector of the group at `was` whose turn is beside AES round `round`: text and product. The first comes last,
 * since it has to wait for the hash of the group before. */
HF_VAES_INLINE void bulk_turn(const bulk *b, ghash_sum *sum, size_t was, unsigned round, bool seal)
{
    size_t v = round % BULK_GROUP;
    vec hashed =
        v == 0 && was == 0 ? text_first(b->r, b->keystream[0], seal) : text_inner(b->r, was + v, b->keystream[v], seal);
    vec powers = ghash_powers(b->r->key, BULK_GROUP - 1 - v, VEC_LANES);

    if (round == 1)
        ghash_begin(sum, hashed, powers);
    else
        ghash_add(sum, v == 0 ? vec_xor(hashed, vec_first(b->hash)) : hashed, powers);
}

/* AES over n vectors of the row from `at` on, beside the text of the group before. n and rounds are constants. */
HF_VAES_INLINE void bulk_rounds(bulk *b, vec *state, size_t at, size_t n, unsigned rounds, bool seal)
{
    vec base = text_base(b->r, at);
    ghash_sum sum;

#pragma GCC unroll 8
    for (size_t v = 0; v < n; v++)
        state[v] = text_state(base, v);
#pragma GCC unroll 16
    for (unsigned round = 1; round <= rounds; round++) {
        vec key = bulk_key(b, round);
#pragma GCC unroll 8
        for (size_t v = 0; v < n; v++)
            state[v] = round < rounds ? vec_aes(state[v], key) : vec_aes_last(state[v], key);
        if (round <= BULK_GROUP)
            bulk_turn(b, &sum, at - BULK_GROUP, round, seal);
        if (round == BULK_GROUP)
            b->hash = vec_fold(ghash_reduce(&sum));
    }
}

/* The first group: nothing stands beside it. */
HF_VAES_INLINE void bulk_begin(bulk *b, const hf_vaes_record *r, unsigned rounds)
{
    vec base = text_base(r, 0);

    b->r = r;
    b->hash = _mm_setzero_si128();
#pragma GCC unroll 16
    for (unsigned round = 1; round <= BULK_KEYS; round++)
        b->keys[round - 1] = vec_all(_mm_load_si128(&r->key->round_keys[round - 1]));
#pragma GCC unroll 8
    for (size_t v = 0; v < BULK_GROUP; v++)
        b->keystream[v] = text_state(base, v);
#pragma GCC unroll 16
    for (unsigned round = 1; round <= rounds; round++) {
        vec key = bulk_key(b, round);
#pragma GCC unroll 8
        for (size_t v = 0; v < BULK_GROUP; v++)
            b->keystream[v] = round < rounds ? vec_aes(b->keystream[v], key) : vec_aes_last(b->keystream[v], key);
    }
    b->mask = vec_second(b->keystream[0]);
}

/* The last n vectors, and the tag. n is a constant. */
HF_VAES_INLINE void bulk_end(bulk *b, size_t at, size_t n, unsigned rounds, bool seal)
{
    row end;

    bulk_rounds(b, end.keystream, at, n, rounds, seal);
    row_begin(&end, b->r, at, n, b->mask, b->hash);
    row_end(&end, seal);
}

HF_VAES_INLINE void bulk_record(const hf_vaes_record *r, unsigned rounds, bool seal)
{
    size_t vectors = text_vectors(r->len), at = BULK_GROUP;
    bulk b;

    bulk_begin(&b, r, rounds);
    for (; at + BULK_GROUP < vectors; at += BULK_GROUP) {
        vec state[BULK_GROUP];
        bulk_rounds(&b, state, at, BULK_GROUP, rounds, seal);
#pragma GCC unroll 8
        for (size_t v = 0; v < BULK_GROUP; v++)
            b.keystream[v] = state[v];
    }
    switch (vectors - at) {
#define BULK_END(n)                                                                                                    \
    case n:                                                                                                            \
        bulk_end(&b, at, n, rounds, seal);                                                                             \
        break
        BULK_END(1);
        BULK_END(2);
        BULK_END(3);
#if BULK_GROUP > 4
        BULK_END(4);
        BULK_END(5);
        BULK_END(6);
        BULK_END(7);
#endif
#undef BULK_END
    default:
        bulk_end(&b, at, BULK_GROUP, rounds, seal);
        break;
    }
}

#endif
