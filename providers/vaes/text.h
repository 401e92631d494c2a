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

HF_VAES_INLINE size_t text_vectors(size_t len)
{
    return (len + TEXT_START + VEC_SIZE - 1) / VEC_SIZE;
}

/* Lanes of the last vector, `at`, before the lengths: 1 to VEC_LANES. */
HF_VAES_INLINE size_t text_used(const hf_vaes_record *r, size_t at)
{
    return (r->len + TEXT_START + HF_VAES_BLOCK - 1) / HF_VAES_BLOCK - VEC_LANES * at;
}

/* Where vector `at` of the row is read and written; of the first two blocks there is nothing in memory. */
HF_VAES_INLINE const uint8_t *text_in(const hf_vaes_record *r, size_t at)
{
    return (const uint8_t *)((uintptr_t)r->in + VEC_SIZE * at - TEXT_START);
}

HF_VAES_INLINE uint8_t *text_out(const hf_vaes_record *r, size_t at)
{
    return (uint8_t *)((uintptr_t)r->out + VEC_SIZE * at - TEXT_START);
}

/* Counters as they stand at the end of a block, highest byte first. */
#define COUNTER(n)                                                                                                     \
    {                                                                                                                  \
        0, (long long)((uint64_t)(n) << 56)                                                                            \
    }
#define COUNTERS_8(n)                                                                                                  \
    COUNTER(n), COUNTER(n + 1), COUNTER(n + 2), COUNTER(n + 3), COUNTER(n + 4), COUNTER(n + 5), COUNTER(n + 6),        \
        COUNTER(n + 7)
#define TEXT_COUNTERS 32
static const _Alignas(64) long long counters[TEXT_COUNTERS + 8][2] = {COUNTERS_8(0), COUNTERS_8(8), COUNTERS_8(16),
                                                                      COUNTERS_8(24), COUNTERS_8(32)};
#undef COUNTERS_8
#undef COUNTER

/* IV, nonce, round key 0 and the counter of vector `at` in every lane; `at` is a multiple of
 * TEXT_COUNTERS / VEC_LANES. */
HF_VAES_INLINE vec text_base(const hf_vaes_record *r, size_t at)
{
    uint32_t counter = __builtin_bswap32((uint32_t)(VEC_LANES * at));
    __m128i base = _mm_xor_si128(r->key->base, r->variable);

    return vec_all(_mm_xor_si128(base, _mm_set_epi32((int)counter, 0, 0, 0)));
}

/* What AES begins with at vector `at`, as many behind that of the base as are less than TEXT_COUNTERS blocks. */
HF_VAES_INLINE vec text_state(vec base, size_t at)
{
    return vec_xor(base, vec_load(counters[VEC_LANES * at]));
}

HF_VAES_INLINE vec text_reversed(vec v)
{
    return vec_bytes(v, vec_all(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
}

/* XORs keystream over a vector that is all text; returns the ciphertext as GHASH takes it. */
HF_VAES_INLINE vec text_inner(const hf_vaes_record *r, size_t at, vec keystream, bool seal)
{
    vec in = vec_load(text_in(r, at));
    vec out = vec_xor(in, keystream);

    vec_store(text_out(r, at), out);
    return text_reversed(seal ? out : in);
}

/* The same for the first vector of several. What text it has is whole, so no mask is needed: one that covers bytes
 * before the record costs tens of cycles. */
HF_VAES_INLINE vec text_first(const hf_vaes_record *r, vec keystream, bool seal)
{
    vec in = vec_upper_load(text_in(r, 0));
    vec out = vec_xor(in, keystream);

    vec_upper_store(text_out(r, 0), out);
    return vec_put(text_reversed(seal ? vec_upper(out) : in), 1, r->aad);
}

/* The same for the last vector, which is the first too where the row has no other. */
HF_VAES_INLINE vec text_last(const hf_vaes_record *r, size_t at, vec keystream, bool seal, bool only)
{
    size_t from = !only ? 0 : TEXT_START < VEC_SIZE ? TEXT_START : VEC_SIZE;
    vec_edge edge = vec_edge_of(from, r->len + TEXT_START - VEC_SIZE * at);
    vec in, out, hashed;

    if (seal && r->have < r->len) { /* TLS 1.3's content type is not in memory */
        vec_edge there = vec_edge_of(from, r->have + TEXT_START - VEC_SIZE * at);
        in = vec_put_between(vec_edge_load(there, text_in(r, at)), there, edge, r->type);
    } else {
        in = vec_edge_load(edge, text_in(r, at));
    }
    out = vec_xor(in, keystream);
    vec_edge_store(edge, text_out(r, at), out);
    hashed = text_reversed(seal ? vec_edge_keep(edge, out) : in);
    if (only)
        hashed = vec_put(hashed, 1, r->aad);
    return vec_put(hashed, (unsigned)text_used(r, at), r->lengths);
}

#endif
