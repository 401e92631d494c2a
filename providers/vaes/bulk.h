/* Long records: groups of BULK_GROUP vectors, the AES rounds of one group stitched with the products of another, so
 * that both units always have work.
 *
 * When sealing, GHASH is one group behind AES, since it takes what AES made; it reads the ciphertext back from where it
 * was written. When opening, both work on the same group. Within a group each vector has powers of its own and all
 * products are reduced together; what the group sums up to goes into the first block of the next (Horner's rule). The
 * row's last vectors, one to BULK_GROUP, are a group of their own that ends the record. */
#ifndef HANDFAST_VAES_BULK_H
#define HANDFAST_VAES_BULK_H

/* BULK_GROUP and BULK_KEYS are the width's: vectors of a group, and round keys that stay in registers. */

typedef struct bulk {
    text row;
    vec base; /* AES's first state, but for the counter */
    vec sum;  /* GHASH so far, in the first lane */
    vec keys[BULK_KEYS + 1];
    __m128i mask;                                               /* J0 encrypted */
    uint8_t begin[VEC_SIZE] __attribute__((aligned(VEC_SIZE))); /* additional data and ciphertext of the first vector */
} bulk;

/* The base for the group that begins at vector `at`. */
HF_VAES_INLINE vec bulk_base(const bulk *b, size_t at)
{
    uint32_t counter = __builtin_bswap32((uint32_t)(VEC_LANES * at));

    return vec_xor(b->base, vec_all(_mm_set_epi32((int)counter, 0, 0, 0)));
}

HF_VAES_INLINE vec bulk_key(const bulk *b, unsigned round)
{
    return round <= BULK_KEYS ? b->keys[round - 1] : vec_all(_mm_load_si128(&b->row.key->round_keys[round - 1]));
}

/* Vector `at` of the row as GHASH takes it. A row's first vector was kept when it was sealed: a load with a mask would
 * have to wait for the store that it reads from. */
HF_VAES_INLINE vec bulk_hashed(const bulk *b, size_t at, bool seal)
{
    if (seal)
        return text_reversed(vec_load(at == 0 ? b->begin : text_out(&b->row, at)));
    if (at == 0)
        return vec_put(text_reversed(vec_edge_load(vec_edge_of(TEXT_START, VEC_SIZE), text_in(&b->row, 0))), 1,
                       b->row.r->aad);
    return text_reversed(vec_load(text_in(&b->row, at)));
}

/* A quarter of a product, added to the sum, so that the others come between other instructions. */
HF_VAES_INLINE void bulk_quarter(ghash_sum *sum, vec *held, vec hashed, vec powers, unsigned quarter, bool begin)
{
    switch (quarter) {
    case 0:
        sum->low = begin ? vec_multiply(hashed, powers, 0x00) : vec_xor(sum->low, vec_multiply(hashed, powers, 0x00));
        break;
    case 1:
        *held = vec_multiply(hashed, powers, 0x01);
        break;
    case 2:
        sum->middle = begin ? vec_xor(*held, vec_multiply(hashed, powers, 0x10))
                            : vec_xor3(sum->middle, *held, vec_multiply(hashed, powers, 0x10));
        break;
    default:
        sum->high = begin ? vec_multiply(hashed, powers, 0x11) : vec_xor(sum->high, vec_multiply(hashed, powers, 0x11));
        break;
    }
}

/* AES over n vectors, from the first state to the keystream, and GHASH over the group that begins at `hash_at`.
 * hash, n, rounds and seal are constants. */
HF_VAES_INLINE void bulk_rounds(bulk *b, vec *state, size_t n, unsigned rounds, bool hash, size_t hash_at, bool seal)
{
    ghash_sum sum = {.low = vec_zero()};
    vec held = vec_zero(), hashed = vec_zero(), powers = vec_zero();

#pragma GCC unroll 16
    for (unsigned round = 1; round <= rounds; round++) {
        vec key = bulk_key(b, round);
        bool multiply = hash && round <= BULK_GROUP;
        if (multiply) {
            hashed = bulk_hashed(b, hash_at + round - 1, seal);
            if (round == 1)
                hashed = vec_xor(hashed, b->sum);
            powers = ghash_powers(b->row.key, BULK_GROUP - round, VEC_LANES);
        }
#pragma GCC unroll 8
        for (size_t v = 0; v < BULK_GROUP; v++) {
            if (v < n)
                state[v] = round < rounds ? vec_aes(state[v], key) : vec_aes_last(state[v], key);
            if (multiply && v % (BULK_GROUP / 4) == 0)
                bulk_quarter(&sum, &held, hashed, powers, (unsigned)(v / (BULK_GROUP / 4)), round == 1);
        }
        if (hash && round == BULK_GROUP + 1)
            b->sum = vec_first(vec_fold(ghash_reduce(&sum)));
    }
}

/* The group at vector `at`; `begins`: it is the first, and a constant. */
HF_VAES_INLINE void bulk_group(bulk *b, size_t at, unsigned rounds, bool seal, bool begins)
{
    vec base = bulk_base(b, at);
    vec state[BULK_GROUP];

#pragma GCC unroll 8
    for (size_t v = 0; v < BULK_GROUP; v++)
        state[v] = text_state(base, v);
    if (seal)
        bulk_rounds(b, state, BULK_GROUP, rounds, !begins, at - BULK_GROUP, true);
    else
        bulk_rounds(b, state, BULK_GROUP, rounds, true, at, false);
    if (begins)
        b->mask = vec_second(state[0]);
#pragma GCC unroll 8
    for (size_t v = 0; v < BULK_GROUP; v++) {
        if (begins && v == 0)
            vec_store(b->begin, text_reversed(text_outer(&b->row, 0, state[0], seal, true, false)));
        else
            (void)text_inner(&b->row, at + v, state[v], seal);
    }
}

/* The last n vectors, and the tag. */
HF_VAES_INLINE __m128i bulk_end(bulk *b, size_t at, size_t n, unsigned rounds, bool seal)
{
    vec base = bulk_base(b, at);
    vec state[BULK_GROUP];
    ghash_sum sum;

#pragma GCC unroll 8
    for (size_t v = 0; v < n; v++)
        state[v] = text_state(base, v);
    bulk_rounds(b, state, n, rounds, seal, at - BULK_GROUP, seal);
#pragma GCC unroll 8
    for (size_t v = 0; v < n; v++) {
        vec hashed = v == n - 1 ? text_outer(&b->row, at + v, state[v], seal, false, true)
                                : text_inner(&b->row, at + v, state[v], seal);
        text_hash(&b->row, &sum, v == 0 ? vec_xor(hashed, b->sum) : hashed, n - 1 - v, v == 0);
    }
    text_hash_lengths(&b->row, &sum);
    return finish_tag(&sum, b->mask);
}

HF_VAES_INLINE void bulk_record(const hf_vaes_record *r, size_t vectors, unsigned rounds, bool seal)
{
    size_t at = BULK_GROUP;
    bulk b;

    b.row = text_of(r, vectors);
    b.base = text_base(&b.row);
    b.sum = vec_zero();
#pragma GCC unroll 16
    for (unsigned round = 1; round <= BULK_KEYS; round++)
        b.keys[round - 1] = vec_all(_mm_load_si128(&r->key->round_keys[round - 1]));
    bulk_group(&b, 0, rounds, seal, true);
    for (; at + BULK_GROUP < vectors; at += BULK_GROUP)
        bulk_group(&b, at, rounds, seal, false);
    switch (vectors - at) {
    case 1:
        finish_record(r, bulk_end(&b, at, 1, rounds, seal), seal);
        break;
    case 2:
        finish_record(r, bulk_end(&b, at, 2, rounds, seal), seal);
        break;
    case 3:
        finish_record(r, bulk_end(&b, at, 3, rounds, seal), seal);
        break;
#if BULK_GROUP > 4
    case 4:
        finish_record(r, bulk_end(&b, at, 4, rounds, seal), seal);
        break;
    case 5:
        finish_record(r, bulk_end(&b, at, 5, rounds, seal), seal);
        break;
    case 6:
        finish_record(r, bulk_end(&b, at, 6, rounds, seal), seal);
        break;
    case 7:
        finish_record(r, bulk_end(&b, at, 7, rounds, seal), seal);
        break;
#endif
    default:
        finish_record(r, bulk_end(&b, at, BULK_GROUP, rounds, seal), seal);
        break;
    }
}

#endif
