/* The SHA-1 compression function (FIPS 180-4 section 6.1.2) with the SHA extensions (Intel SDM volume 2, SHA1RNDS4,
 * SHA1NEXTE, SHA1MSG1, SHA1MSG2). The time of these instructions does not depend on data.
 *
 * Vectors hold the first of four words in their highest lane: a, b, c, d, and W_t, W_t+1, W_t+2, W_t+3. The word e
 * lives in the highest lane of a vector of its own. It is never computed by itself: e after four rounds is a before
 * them, turned by 30 bits, so it is made from the a of a step ago when the next words are added. */
#include <immintrin.h>

#include "x86.h"

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

/* Four rounds of the function f (0..3, a constant in the instruction) over the words w. */
#define ROUNDS(w, f)                                                                                                   \
    do {                                                                                                               \
        __m128i input = _mm_sha1nexte_epu32(before, w);                                                                \
        before = abcd;                                                                                                 \
        abcd = _mm_sha1rnds4_epu32(abcd, input, f);                                                                    \
    } while (0)

/* The same over the next four words, which take the place of the oldest: w0 is W_t-16.., w3 is W_t-4... */
#define NEXT_ROUNDS(w0, w1, w2, w3, f)                                                                                 \
    do {                                                                                                               \
        w0 = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(w0, w1), w2), w3);                                    \
        ROUNDS(w0, f);                                                                                                 \
    } while (0)

/* Sixteen big-endian bytes, the first word highest: all bytes turned round. */
static inline TARGET __m128i load_words(const uint8_t *p)
{
    const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), order);
}

TARGET void hf_x86_sha1_compress(hf_md_chain *chain, const uint8_t *blocks, size_t n)
{
    __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)chain->w32), 0x1b);
    __m128i e = _mm_set_epi32((int)chain->w32[4], 0, 0, 0);

    for (; n > 0; n--, blocks += 64) {
        const __m128i abcd_in = abcd;
        __m128i w0 = load_words(blocks), w1 = load_words(blocks + 16);
        __m128i w2 = load_words(blocks + 32), w3 = load_words(blocks + 48);
        __m128i before = abcd;

        abcd = _mm_sha1rnds4_epu32(abcd, _mm_add_epi32(e, w0), 0); /* here e is a word, not an a of before */
        ROUNDS(w1, 0);
        ROUNDS(w2, 0);
        ROUNDS(w3, 0);
        NEXT_ROUNDS(w0, w1, w2, w3, 0);

        NEXT_ROUNDS(w1, w2, w3, w0, 1);
        NEXT_ROUNDS(w2, w3, w0, w1, 1);
        NEXT_ROUNDS(w3, w0, w1, w2, 1);
        NEXT_ROUNDS(w0, w1, w2, w3, 1);
        NEXT_ROUNDS(w1, w2, w3, w0, 1);

        NEXT_ROUNDS(w2, w3, w0, w1, 2);
        NEXT_ROUNDS(w3, w0, w1, w2, 2);
        NEXT_ROUNDS(w0, w1, w2, w3, 2);
        NEXT_ROUNDS(w1, w2, w3, w0, 2);
        NEXT_ROUNDS(w2, w3, w0, w1, 2);

        NEXT_ROUNDS(w3, w0, w1, w2, 3);
        NEXT_ROUNDS(w0, w1, w2, w3, 3);
        NEXT_ROUNDS(w1, w2, w3, w0, 3);
        NEXT_ROUNDS(w2, w3, w0, w1, 3);
        NEXT_ROUNDS(w3, w0, w1, w2, 3);

        e = _mm_sha1nexte_epu32(before, e);
        abcd = _mm_add_epi32(abcd, abcd_in);
    }
    _mm_storeu_si128((__m128i *)(void *)chain->w32, _mm_shuffle_epi32(abcd, 0x1b));
    chain->w32[4] = (uint32_t)_mm_extract_epi32(e, 3);
}
