/* Long records: groups of BULK_GROUP vectors, the AES rounds of one group stitched with the products of the group
 * before, so that both units always have work.
 *
 * GHASH runs lane by lane (Horner's rule with the stride of a group): the reduced sum so far and the vectors of a group
 * are multiplied by one power for all lanes each, added, reduced. Only the last group takes the powers that differ from
 * lane to lane, and only then the lanes are added. So powers up to H^20 serve records of any length. */
#ifndef HANDFAST_VAES_BULK_H
#define HANDFAST_VAES_BULK_H

#define BULK_GROUP 4

typedef struct bulk {
    text row;
    vec base, counter, sum;
    vec pending[BULK_GROUP]; /* the group before, as GHASH takes it */
    size_t at;               /* vectors done */
} bulk;

HF_VAES_INLINE vec bulk_next_counter(bulk *b)
{
    const vec order = vec_all(_mm_set_epi8(12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
    vec state = vec_xor(b->base, vec_bytes(b->counter, order));

    b->counter = vec_add32(b->counter, vec_all(_mm_set_epi32(VEC_LANES, 0, 0, 0)));
    return state;
}

/* Begins a record; `first` vectors, 1 to BULK_GROUP, that make the rest whole groups. They stand at the end of the
 * pending group, behind zeros, which do not count. */
HF_VAES_INLINE __m128i bulk_begin(bulk *b, const hf_vaes_record *r, size_t vectors, size_t first, unsigned rounds,
                                  bool seal)
{
    vec state[BULK_GROUP];

    b->row = text_of(r, vectors);
    b->base = text_base(&b->row);
    /* The same counters as short records, but lowest byte first, which can be added to. */
    b->counter = vec_bytes(text_counters(&b->row, 0),
                           vec_all(_mm_set_epi8(12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1)));
    b->sum = vec_zero();
#pragma GCC unroll 8
    for (size_t v = 0; v < first; v++)
        state[v] = bulk_next_counter(b);
#pragma GCC unroll 16
    for (unsigned round = 1; round <= rounds; round++) {
        vec key = vec_all(_mm_load_si128(&r->key->round_keys[round - 1]));
#pragma GCC unroll 8
        for (size_t v = 0; v < first; v++)
            state[v] = round < rounds ? vec_aes(state[v], key) : vec_aes_last(state[v], key);
    }
#pragma GCC unroll 8
    for (size_t v = 0; v < BULK_GROUP; v++)
        if (v < BULK_GROUP - first)
            b->pending[v] = vec_zero();
        else {
            size_t at = v - (BULK_GROUP - first);
            b->pending[v] = at == 0 ? text_outer(&b->row, 0, state[0], seal, true, false)
                                    : text_inner(&b->row, at, state[at], seal);
        }
    b->at = first;
    return vec_get(state[0], b->row.lead);
}

/* One group; the last one holds the record's end. */
HF_VAES_INLINE void bulk_group(bulk *b, unsigned rounds, bool seal, bool last)
{
    const hf_vaes_key *key = b->row.r->key;
    vec state[BULK_GROUP];
    ghash_sum sum;

#pragma GCC unroll 8
    for (size_t v = 0; v < BULK_GROUP; v++)
        state[v] = bulk_next_counter(b);
#pragma GCC unroll 16
    for (unsigned round = 1; round < rounds; round++) {
        vec round_key = vec_all(_mm_load_si128(&key->round_keys[round - 1]));
#pragma GCC unroll 8
        for (size_t v = 0; v < BULK_GROUP; v++)
            state[v] = vec_aes(state[v], round_key);
        if (round == 1)
            ghash_begin(&sum, b->sum, ghash_stride(key, BULK_GROUP));
        else if (round <= BULK_GROUP)
            ghash_add(&sum, b->pending[round - 2], ghash_stride(key, BULK_GROUP + 1 - round));
        else if (round == BULK_GROUP + 1)
            b->sum = vec_xor(ghash_reduce(&sum), b->pending[BULK_GROUP - 1]);
    }
    vec round_key = vec_all(_mm_load_si128(&key->round_keys[rounds - 1]));
#pragma GCC unroll 8
    for (size_t v = 0; v < BULK_GROUP; v++) {
        vec keystream = vec_aes_last(state[v], round_key);
        b->pending[v] = last && v == BULK_GROUP - 1 ? text_outer(&b->row, b->at + v, keystream, seal, false, true)
                                                    : text_inner(&b->row, b->at + v, keystream, seal);
    }
    b->at += BULK_GROUP;
}

/* The last products, with the powers that differ by lane. */
HF_VAES_INLINE __m128i bulk_end(const bulk *b, __m128i mask)
{
    const hf_vaes_key *key = b->row.r->key;
    ghash_sum sum;

    ghash_begin(&sum, b->sum, ghash_powers(key, BULK_GROUP));
#pragma GCC unroll 8
    for (unsigned v = 0; v < BULK_GROUP; v++)
        ghash_add(&sum, b->pending[v], ghash_powers(key, BULK_GROUP - 1 - v));
    return finish_tag(&sum, mask);
}

HF_VAES_INLINE void bulk_record(const hf_vaes_record *r, size_t vectors, unsigned rounds, bool seal)
{
    bulk b;
    __m128i mask;

    switch (vectors % BULK_GROUP) {
    case 1:
        mask = bulk_begin(&b, r, vectors, 1, rounds, seal);
        break;
    case 2:
        mask = bulk_begin(&b, r, vectors, 2, rounds, seal);
        break;
    case 3:
        mask = bulk_begin(&b, r, vectors, 3, rounds, seal);
        break;
    default:
        mask = bulk_begin(&b, r, vectors, 4, rounds, seal);
        break;
    }
    while (b.at + BULK_GROUP < vectors)
        bulk_group(&b, rounds, seal, false);
    bulk_group(&b, rounds, seal, true);
    finish_record(r, bulk_end(&b, mask), seal);
}

#endif
