/* The SHA-256 compression function (FIPS 180-4 section 6.2.2) with the SHA extensions (Intel SDM volume 2, SHA256RNDS2,
 * SHA256MSG1, SHA256MSG2). The time of these instructions does not depend on data.
 *
 * The instructions want the state as two vectors, highest lane first: a, b, e, f and c, d, g, h. After two rounds the
 * old a, b, e, f are the new c, d, g, h, so each call writes only one of the two, in turn. Words of the message stand
 * with the first one in the lowest lane. */
#include <immintrin.h>

#include "x86.h"

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

typedef struct state {
    __m128i abef, cdgh;
} state;

static inline TARGET __m128i load_words(const uint8_t *p)
{
    const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);

    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), order);
}

/* Rounds t..t+3 over the words w. */
static inline TARGET void rounds4(state *s, __m128i w, size_t t)
{
    __m128i input = _mm_add_epi32(w, _mm_loadu_si128((const __m128i *)(const void *)(hf_sha256_round_constants + t)));

    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, input);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(input, 0x0e));
}

/* The next four words of the schedule from the sixteen before them: w0 is W_t-16.., w3 is W_t-4... */
static inline TARGET __m128i next_words(__m128i w0, __m128i w1, __m128i w2, __m128i w3)
{
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4)); /* W_t-7.. */

    return _mm_sha256msg2_epu32(sum, w3);
}

static inline TARGET void compress_one(state *s, const uint8_t *block)
{
    __m128i w0 = load_words(block), w1 = load_words(block + 16);
    __m128i w2 = load_words(block + 32), w3 = load_words(block + 48);
    const state in = *s;

    rounds4(s, w0, 0);
    rounds4(s, w1, 4);
    rounds4(s, w2, 8);
    rounds4(s, w3, 12);
    for (size_t t = 16; t < 64; t += 16) {
        w0 = next_words(w0, w1, w2, w3);
        rounds4(s, w0, t);
        w1 = next_words(w1, w2, w3, w0);
        rounds4(s, w1, t + 4);
        w2 = next_words(w2, w3, w0, w1);
        rounds4(s, w2, t + 8);
        w3 = next_words(w3, w0, w1, w2);
        rounds4(s, w3, t + 12);
    }
    s->abef = _mm_add_epi32(s->abef, in.abef);
    s->cdgh = _mm_add_epi32(s->cdgh, in.cdgh);
}

TARGET void hf_x86_sha256_compress(hf_md_chain *chain, const uint8_t *blocks, size_t n)
{
    __m128i *words = (__m128i *)(void *)chain->w32;
    /* Lowest lane first: b a d c, and f e h g. */
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);
    __m128i fehg = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0xb1);
    state s = {_mm_unpacklo_epi64(fehg, badc), _mm_unpackhi_epi64(fehg, badc)};

    for (; n > 0; n--, blocks += 64)
        compress_one(&s, blocks);
    badc = _mm_unpackhi_epi64(s.abef, s.cdgh);
    fehg = _mm_unpacklo_epi64(s.abef, s.cdgh);
    _mm_storeu_si128(words, _mm_shuffle_epi32(badc, 0xb1));
    _mm_storeu_si128(words + 1, _mm_shuffle_epi32(fehg, 0xb1));
}
