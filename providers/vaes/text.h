/* A record as a row of vectors, and the vectors at its two ends (NIST SP 800-38D section 7; RFC 5246 section 6.2.3.3,
 * RFC 8446 section 5.2). Internal to `providers`.
 *
 * AES and GHASH each need one block before the text: J0, whose encryption masks the tag, and the additional data; GHASH
 * needs one after it, the lengths. So one row serves both:
 *
 *     block     (empty) | J0 / additional data | text 1 | ... | text n | lengths
 *     counter   0       | 1                    | 2      |     | n + 1  | (none)
 *
 * The empty block in front makes every vector's counters a multiple of its width and more, so that a counter block is
 * an XOR away from a constant. The row's vectors are those that AES has to do with. The lengths stand in the last of
 * them where a lane is left; else they are multiplied by themselves. Every vector but the first and the last is all
 * text. */
#ifndef HANDFAST_VAES_TEXT_H
#define HANDFAST_VAES_TEXT_H

#define TEXT_START (2 * HF_VAES_BLOCK) /* bytes of the row before the text */

typedef struct text {
    const hf_vaes_record *r;
    const hf_vaes_key *key;
    const uint8_t *in; /* where the row would begin; never followed outside of the text */
    uint8_t *out;
    size_t len;     /* bytes of the row up to the end of the text */
    size_t vectors; /* of the row */
    size_t used;    /* lanes of the last vector before the lengths: 1 to VEC_LANES */
} text;

HF_VAES_INLINE size_t text_vectors(size_t len)
{
    return (len + TEXT_START + VEC_SIZE - 1) / VEC_SIZE;
}

/* vectors: text_vectors(r->len), which the caller knows, maybe as a constant. */
HF_VAES_INLINE text text_of(const hf_vaes_record *r, size_t vectors)
{
    size_t len = r->len + TEXT_START;

    return (text){.r = r,
                  .key = r->key,
                  .in = (const uint8_t *)((uintptr_t)r->in - TEXT_START),
                  .out = (uint8_t *)((uintptr_t)r->out - TEXT_START),
                  .len = len,
                  .vectors = vectors,
                  .used = (len + HF_VAES_BLOCK - 1) / HF_VAES_BLOCK - VEC_LANES * (vectors - 1)};
}

HF_VAES_INLINE const uint8_t *text_in(const text *t, size_t at)
{
    return (const uint8_t *)((uintptr_t)t->in + VEC_SIZE * at);
}

HF_VAES_INLINE uint8_t *text_out(const text *t, size_t at)
{
    return (uint8_t *)((uintptr_t)t->out + VEC_SIZE * at);
}

/* Counters 0 to 31 as they stand at the end of a block, highest byte first. */
#define COUNTER(n)                                                                                                     \
    {                                                                                                                  \
        0, (long long)((uint64_t)(n) << 56)                                                                            \
    }
static const _Alignas(64) long long counters[32][2] = {
    COUNTER(0),  COUNTER(1),  COUNTER(2),  COUNTER(3),  COUNTER(4),  COUNTER(5),  COUNTER(6),  COUNTER(7),
    COUNTER(8),  COUNTER(9),  COUNTER(10), COUNTER(11), COUNTER(12), COUNTER(13), COUNTER(14), COUNTER(15),
    COUNTER(16), COUNTER(17), COUNTER(18), COUNTER(19), COUNTER(20), COUNTER(21), COUNTER(22), COUNTER(23),
    COUNTER(24), COUNTER(25), COUNTER(26), COUNTER(27), COUNTER(28), COUNTER(29), COUNTER(30), COUNTER(31)};
#undef COUNTER

/* What AES begins with at vector `at` (0 to 32 / VEC_LANES - 1): base is that of vector 0. */
HF_VAES_INLINE vec text_state(vec base, size_t at)
{
    return vec_xor(base, vec_load(counters[VEC_LANES * at]));
}

/* IV, nonce and round key 0 in every lane, counter 0. */
HF_VAES_INLINE vec text_base(const text *t)
{
    return vec_all(_mm_xor_si128(t->key->base, t->r->variable));
}

HF_VAES_INLINE vec text_reversed(vec v)
{
    return vec_bytes(v, vec_all(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
}

/* XORs keystream over a vector that is all text; returns the ciphertext as GHASH takes it. */
HF_VAES_INLINE vec text_inner(const text *t, size_t at, vec keystream, bool seal)
{
    vec in = vec_load(text_in(t, at));
    vec out = vec_xor(in, keystream);

    vec_store(text_out(t, at), out);
    return text_reversed(seal ? out : in);
}

/* The same for the first vector, the last, or the only one; first and last are constants. */
HF_VAES_INLINE vec text_outer(const text *t, size_t at, vec keystream, bool seal, bool first, bool last)
{
    const hf_vaes_record *r = t->r;
    size_t from = !first ? 0 : TEXT_START < VEC_SIZE ? TEXT_START : VEC_SIZE;
    vec_edge edge = vec_edge_of(from, last ? t->len - VEC_SIZE * at : VEC_SIZE);
    vec in, out, hashed;

    if (seal && last) { /* TLS 1.3's content type is not in memory */
        vec_edge there = vec_edge_of(from, r->have + TEXT_START - VEC_SIZE * at);
        in = vec_put_between(vec_edge_load(there, text_in(t, at)), there, edge, r->type);
    } else {
        in = vec_edge_load(edge, text_in(t, at));
    }
    out = vec_xor(in, keystream);
    vec_edge_store(edge, text_out(t, at), out);
    hashed = text_reversed(seal ? vec_edge_keep(edge, out) : in);
    if (first)
        hashed = vec_put(hashed, 1, r->aad);
    if (last)
        hashed = vec_put(hashed, (unsigned)t->used, r->lengths);
    return hashed;
}

/* Adds the product of the last vectors but `behind` to the sum. */
HF_VAES_INLINE void text_hash(const text *t, ghash_sum *sum, vec hashed, size_t behind, bool begin)
{
    vec powers = ghash_powers(t->key, behind, t->used + 1);

    if (begin)
        ghash_begin(sum, hashed, powers);
    else
        ghash_add(sum, hashed, powers);
}

/* The end of the sum: lengths for which no lane was left. */
HF_VAES_INLINE void text_hash_lengths(const text *t, ghash_sum *sum)
{
    if (t->used == VEC_LANES)
        ghash_add(sum, vec_first(t->r->lengths), ghash_powers(t->key, 0, 1));
}

#endif
