/* A record as a row of vectors, and the vectors at its two ends (NIST SP 800-38D section 7; RFC 5246 6.2.3.3, RFC 8446
 * 5.2). Internal to `providers`.
 *
 * AES and GHASH each need one block before the text: J0, whose encryption masks the tag, and the additional data; GHASH
 * needs one after it, the lengths. So one row serves both:
 *
 *     block     .. .. | J0 / additional data | text 1 | ... | text n | lengths
 *     counter         | 1                    | 2      |     | n + 1  | (unused)
 *
 * The row ends with a vector, and what it lacks to whole vectors stands in front, `lead` empty blocks: zeros before the
 * first block do not change GHASH, and with a fixed end every record uses its powers in the same alignment, the lengths
 * stand always in the last lane, and every vector but the first and the last is all text. */
#ifndef HANDFAST_VAES_TEXT_H
#define HANDFAST_VAES_TEXT_H

/* Blocks of the row without the empty ones, and vectors of it. */
HF_VAES_INLINE size_t text_vectors(size_t len)
{
    return ((len + HF_VAES_BLOCK - 1) / HF_VAES_BLOCK + 2 + VEC_LANES - 1) / VEC_LANES;
}

typedef struct text {
    const hf_vaes_record *r;
    ptrdiff_t start; /* where the row's first byte would be in the text: not above zero */
    size_t vectors;
    unsigned lead;
} text;

HF_VAES_INLINE text text_of(const hf_vaes_record *r, size_t vectors)
{
    size_t blocks = (r->len + HF_VAES_BLOCK - 1) / HF_VAES_BLOCK + 2;
    unsigned lead = (unsigned)(VEC_LANES * vectors - blocks);

    return (text){.r = r, .start = -(ptrdiff_t)HF_VAES_BLOCK * (1 + (ptrdiff_t)lead), .vectors = vectors, .lead = lead};
}

/* Where vector `at` of the row begins. Never followed outside of what an edge allows. */
HF_VAES_INLINE const uint8_t *text_in(const text *t, size_t at)
{
    return (const uint8_t *)((uintptr_t)t->r->in + (uintptr_t)(t->start + (ptrdiff_t)(VEC_SIZE * at)));
}

HF_VAES_INLINE uint8_t *text_out(const text *t, size_t at)
{
    return (uint8_t *)((uintptr_t)t->r->out + (uintptr_t)(t->start + (ptrdiff_t)(VEC_SIZE * at)));
}

/* Counter blocks 1 - (VEC_LANES_MAX - 1) onwards as they stand in memory: 32 bits at the end, highest byte first. */
#define COUNTER(n)                                                                                                     \
    {                                                                                                                  \
        0, (long long)((uint64_t)__builtin_bswap32((uint32_t)(n)) << 32)                                               \
    }
static const _Alignas(64) long long counters[24][2] = {
    COUNTER(-2), COUNTER(-1), COUNTER(0),  COUNTER(1),  COUNTER(2),  COUNTER(3),  COUNTER(4),  COUNTER(5),
    COUNTER(6),  COUNTER(7),  COUNTER(8),  COUNTER(9),  COUNTER(10), COUNTER(11), COUNTER(12), COUNTER(13),
    COUNTER(14), COUNTER(15), COUNTER(16), COUNTER(17), COUNTER(18), COUNTER(19), COUNTER(20), COUNTER(21)};
#undef COUNTER

/* The counters of vector `at` (0 to 4), as text_of laid the row out. */
HF_VAES_INLINE vec text_counters(const text *t, size_t at)
{
    return vec_load(counters[3 - t->lead + VEC_LANES * at]);
}

/* What AES begins with, but for the counter: IV, nonce and round key 0. */
HF_VAES_INLINE vec text_base(const text *t)
{
    return vec_all(_mm_xor_si128(t->r->key->base, t->r->variable));
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
    ptrdiff_t offset = t->start + (ptrdiff_t)(VEC_SIZE * at);
    size_t from = first ? HF_VAES_BLOCK * (1 + (size_t)t->lead) : 0;
    size_t to = last ? (size_t)((ptrdiff_t)r->len - offset) : VEC_SIZE;
    vec_edge edge = vec_edge_of(from, to);
    vec in, out, hashed;

    if (seal && last) { /* TLS 1.3's content type is not in memory */
        size_t have = (size_t)((ptrdiff_t)r->have - offset);
        in = vec_edge_load(vec_edge_of(from, have), text_in(t, at));
        in = vec_put_byte(in, have, r->type, have < to);
    } else {
        in = vec_edge_load(edge, text_in(t, at));
    }
    out = vec_xor(in, keystream);
    vec_edge_store(edge, text_out(t, at), out);
    hashed = text_reversed(seal ? vec_edge_keep(edge, out) : in);
    if (first)
        hashed = vec_put(hashed, t->lead, r->aad);
    if (last)
        hashed = vec_put(hashed, VEC_LANES - 1, r->lengths);
    return hashed;
}

#endif
