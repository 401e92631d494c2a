/* Records of some vectors, four at a time (as many as a vector has lanes): the text of each lies in vectors of its own,
 * and what a record has besides stands side by side, that of the i-th in lane i.
 *
 * A record of 256 bytes is four vectors of text and three blocks more: J0, additional data, lengths. As a row (text.h)
 * that is a fifth vector. Here four records share the products of the additional data and those of the lengths, the
 * reduction, and the adding up of lanes; J0 alone, a register of 128 bits, costs half of what a vector does.
 *
 * A record goes through AES first. Its text, XORed and hashed, stands between the AES rounds of the next. */
#ifndef HANDFAST_VAES_FOURS_H
#define HANDFAST_VAES_FOURS_H

#define FOURS_VECTORS BULK_GROUP /* of text, at most */

/* A record that has been through AES: n vectors, the last of them ragged; n is a constant. What the record says is
 * copied, since the compiler cannot know that the stores of text do not change it. */
typedef struct fours_text {
    const hf_vaes_record *r;
    const uint8_t *in;
    uint8_t *out;
    const __m128i *powers; /* of the first vector */
    size_t last, have;     /* bytes of the last vector, and those that are at `in` */
    uint8_t type;
    vec keystream[FOURS_VECTORS];
    __m128i mask; /* J0 encrypted */
} fours_text;

typedef struct fours {
    size_t n; /* records whose texts have been hashed */
    const hf_vaes_record *r[VEC_LANES];
    ghash_sum sums[VEC_LANES]; /* of their texts */
    __m128i masks[VEC_LANES];
} fours;

HF_VAES_INLINE size_t fours_vectors(const hf_vaes_record *r)
{
    return (r->len + VEC_SIZE - 1) / VEC_SIZE;
}

/* The power that a record's first block of text is multiplied with; that of the additional data is before it. */
HF_VAES_INLINE const __m128i *fours_powers(const hf_vaes_record *r)
{
    return r->key->powers + (HF_VAES_POWERS - 1) - (r->len + HF_VAES_BLOCK - 1) / HF_VAES_BLOCK;
}

HF_VAES_INLINE void fours_begin(fours_text *t, const hf_vaes_record *r, const vec *keystream, __m128i mask, size_t n)
{
    t->r = r;
    t->in = r->in;
    t->out = r->out;
    t->powers = fours_powers(r);
    t->last = r->len - VEC_SIZE * (n - 1);
    t->have = r->have - VEC_SIZE * (n - 1);
    t->type = r->type;
    t->mask = mask;
#pragma GCC unroll 8
    for (size_t v = 0; v < n; v++)
        t->keystream[v] = keystream[v];
}

/* XORs keystream over the last vector; returns the ciphertext with zeros behind it. */
HF_VAES_INLINE vec fours_last(const fours_text *t, size_t n, bool seal)
{
    const uint8_t *from = t->in + VEC_SIZE * (n - 1);
    vec_edge edge = vec_edge_of(0, t->last);
    vec in, out;

    if (seal && t->have < t->last) { /* TLS 1.3's content type is not in memory */
        vec_edge there = vec_edge_of(0, t->have);
        in = vec_put_between(vec_edge_load(there, from), there, edge, t->type);
    } else {
        in = vec_edge_load(edge, from);
    }
    out = vec_xor(in, t->keystream[n - 1]);
    vec_edge_store(edge, t->out + VEC_SIZE * (n - 1), out);
    return seal ? vec_edge_keep(edge, out) : in;
}

/* Vector v of the n: text and product. */
HF_VAES_INLINE void fours_turn(const fours_text *t, ghash_sum *sum, size_t v, size_t n, bool seal)
{
    vec powers = vec_load(t->powers + VEC_LANES * v);
    vec cipher;

    if (v == n - 1) {
        cipher = fours_last(t, n, seal);
    } else {
        vec in = vec_load(t->in + VEC_SIZE * v);
        vec out = vec_xor(in, t->keystream[v]);
        vec_store(t->out + VEC_SIZE * v, out);
        cipher = seal ? out : in;
    }
    if (v == 0)
        ghash_begin(sum, text_reversed(cipher), powers);
    else
        ghash_add(sum, text_reversed(cipher), powers);
}

/* AES for a record of n vectors, beside the text of the one before (NULL: there is none), whose sum it makes. Returns
 * J0 encrypted. n and rounds are constants. */
HF_VAES_INLINE __m128i fours_rounds(const hf_vaes_record *r, vec *state, size_t n, const fours_text *before,
                                    ghash_sum *sum, unsigned rounds, bool seal)
{
    const hf_vaes_key *key = r->key;
    __m128i base = _mm_xor_si128(key->base, r->variable);
    __m128i mask = _mm_xor_si128(base, _mm_load_si128((const __m128i *)(const void *)counters[1]));
    vec bases = vec_all(base);

#pragma GCC unroll 8
    for (size_t v = 0; v < n; v++)
        state[v] = vec_xor(bases, vec_load(counters[VEC_LANES * v + 2]));
#pragma GCC unroll 16
    for (unsigned round = 1; round <= rounds; round++) {
        __m128i one = _mm_load_si128(&key->round_keys[round - 1]);
        vec all = vec_all(one);
#pragma GCC unroll 8
        for (size_t v = 0; v < n; v++)
            state[v] = round < rounds ? vec_aes(state[v], all) : vec_aes_last(state[v], all);
        mask = round < rounds ? _mm_aesenc_si128(mask, one) : _mm_aesenclast_si128(mask, one);
        if (!before)
            continue;
#pragma GCC unroll 8
        for (size_t v = 0; v < n; v++) /* evenly, over all rounds */
            if (v * rounds / n + 1 == round)
                fours_turn(before, sum, v, n, seal);
    }
    return mask;
}

/* All texts have been hashed: the other blocks, and the tags. Lanes without a record repeat the last. */
HF_VAES_INLINE void fours_end(fours *f, bool seal)
{
    const hf_vaes_record *const *r = f->r;
    vec low[VEC_LANES], middle[VEC_LANES], high[VEC_LANES];

#pragma GCC unroll 4
    for (size_t i = 0; i < VEC_LANES; i++) {
        low[i] = f->sums[i].low;
        middle[i] = f->sums[i].middle;
        high[i] = f->sums[i].high;
    }
    ghash_sum sum = {.low = vec_add_lanes(low), .middle = vec_add_lanes(middle), .high = vec_add_lanes(high)};
    ghash_add(&sum, lanes_of_record(f, aad),
              vec_of_blocks(fours_powers(r[0]) - 1, fours_powers(r[1]) - 1, fours_powers(r[VEC_LANES - 2]) - 1,
                            fours_powers(r[VEC_LANES - 1]) - 1));
    ghash_add(&sum, lanes_of_record(f, lengths), lanes_power(f, 1));
    vec tags = vec_xor(text_reversed(ghash_reduce(&sum)), vec_load(f->masks));
#pragma GCC unroll 4
    for (size_t i = 0; i < VEC_LANES; i++)
        finish_record(r[i], vec_lane(tags, i), seal);
    f->n = 0;
}

/* A text has been hashed. */
HF_VAES_INLINE void fours_add(fours *f, const fours_text *t, const ghash_sum *sum, bool seal)
{
    f->r[f->n] = t->r;
    f->masks[f->n] = t->mask;
    f->sums[f->n] = *sum;
    f->n++;
    if (f->n == VEC_LANES)
        fours_end(f, seal);
}

/* The last record's text, and what is left of the four. */
HF_VAES_INLINE void fours_rest(fours *f, const fours_text *t, size_t n, bool seal)
{
    ghash_sum sum;

#pragma GCC unroll 8
    for (size_t v = 0; v < n; v++)
        fours_turn(t, &sum, v, n, seal);
    fours_add(f, t, &sum, seal);
    if (f->n == 0)
        return;
    for (size_t i = f->n; i < VEC_LANES; i++) {
        f->r[i] = t->r;
        f->masks[i] = t->mask;
        f->sums[i] = sum;
    }
    fours_end(f, seal);
}

/* With what is in here and the tags, which are public, somebody could compute the hash keys. */
HF_VAES_INLINE void fours_forget(fours *f)
{
#pragma GCC unroll 4
    for (size_t i = 0; i < VEC_LANES; i++) {
        f->sums[i] = (ghash_sum){.low = vec_zero(), .middle = vec_zero(), .high = vec_zero()};
        f->masks[i] = _mm_setzero_si128();
    }
    __asm__ volatile("" : : "r"(f) : "memory"); /* the stores are not left out */
}

#endif
