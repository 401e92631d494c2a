/* The compression functions of SHA-1 and SHA-256 (FIPS 180-4 sections 6.1.2 and 6.2.2) with the SHA extensions, of one
 * message or of several side by side: each instruction waits for the one before, so the unit has room for a second
 * chain. x86/sha1.c and x86/sha256.c explain the order of words; the time of the instructions does not depend on data.
 *
 * `mac` is the hash (HF_SHANI_SHA1, HF_SHANI_SHA256), `n` the number of chains: constants, like everything that
 * decides here. */
#ifndef HANDFAST_SHANI_SHA_H
#define HANDFAST_SHANI_SHA_H

#include "../portable/md.h"
#include "shani.h"

#ifdef HF_SHANI_PLAIN
#include "plain.h"
#endif

#define SHA_BLOCK 64
#define SHA_CHAINS 2 /* side by side at most */

/* A chaining value. SHA-1: (d c b a) and (0 0 0 e), lowest word first; SHA-256: (f e b a) and (h g d c). */
typedef struct sha_chain {
    __m128i a, b;
} sha_chain;

/* A block of a message, in the words' order. */
typedef struct sha_words {
    __m128i w[4];
} sha_words;

#define SHA_EACH for (size_t l = 0; l < n; l++)

/* Sixteen bytes of a message to four words, and back: each instruction set of words has its own order. */
HF_SHANI_INLINE __m128i sha_turn(__m128i bytes, size_t mac)
{
    const __m128i reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m128i words = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);

    return _mm_shuffle_epi8(bytes, mac == HF_SHANI_SHA1 ? reverse : words);
}

/* Four rounds of the function f over the words i; then the same over the next words, which take the place of i's. */
#define SHA1_ROUNDS(i, f)                                                                                              \
    SHA_EACH                                                                                                           \
    {                                                                                                                  \
        __m128i input = _mm_sha1nexte_epu32(before[l], m[l].w[i]);                                                     \
        before[l] = s[l];                                                                                              \
        s[l] = _mm_sha1rnds4_epu32(s[l], input, f);                                                                    \
    }
#define SHA1_NEXT(i, f)                                                                                                \
    SHA_EACH                                                                                                           \
    {                                                                                                                  \
        __m128i sum = _mm_xor_si128(_mm_sha1msg1_epu32(m[l].w[i], m[l].w[((i) + 1) % 4]), m[l].w[((i) + 2) % 4]);      \
        m[l].w[i] = _mm_sha1msg2_epu32(sum, m[l].w[((i) + 3) % 4]);                                                    \
    }                                                                                                                  \
    SHA1_ROUNDS(i, f)

HF_SHANI_INLINE void sha1_block(sha_chain *c, sha_words *m, size_t n)
{
    __m128i s[SHA_CHAINS], before[SHA_CHAINS];

    SHA_EACH
    {
        before[l] = c[l].a;
        s[l] = _mm_sha1rnds4_epu32(c[l].a, _mm_add_epi32(c[l].b, m[l].w[0]), 0);
    }
    SHA1_ROUNDS(1, 0)
    SHA1_ROUNDS(2, 0)
    SHA1_ROUNDS(3, 0)
    SHA1_NEXT(0, 0)
    SHA1_NEXT(1, 1)
    SHA1_NEXT(2, 1)
    SHA1_NEXT(3, 1)
    SHA1_NEXT(0, 1)
    SHA1_NEXT(1, 1)
    SHA1_NEXT(2, 2)
    SHA1_NEXT(3, 2)
    SHA1_NEXT(0, 2)
    SHA1_NEXT(1, 2)
    SHA1_NEXT(2, 2)
    SHA1_NEXT(3, 3)
    SHA1_NEXT(0, 3)
    SHA1_NEXT(1, 3)
    SHA1_NEXT(2, 3)
    SHA1_NEXT(3, 3)
    SHA_EACH
    {
        c[l].b = _mm_sha1nexte_epu32(before[l], c[l].b);
        c[l].a = _mm_add_epi32(c[l].a, s[l]);
    }
}

/* Rounds t..t+3 over the words i; then over the next words. */
#define SHA256_ROUNDS(i, t)                                                                                            \
    SHA_EACH                                                                                                           \
    {                                                                                                                  \
        const __m128i *constants = (const __m128i *)(const void *)(hf_sha256_round_constants + (t));                   \
        __m128i input = _mm_add_epi32(m[l].w[i], _mm_loadu_si128(constants));                                          \
        cdgh[l] = _mm_sha256rnds2_epu32(cdgh[l], abef[l], input);                                                      \
        abef[l] = _mm_sha256rnds2_epu32(abef[l], cdgh[l], _mm_shuffle_epi32(input, 0x0e));                             \
    }
#define SHA256_NEXT(i, t)                                                                                              \
    SHA_EACH                                                                                                           \
    {                                                                                                                  \
        __m128i old = _mm_alignr_epi8(m[l].w[((i) + 3) % 4], m[l].w[((i) + 2) % 4], 4);                                \
        __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(m[l].w[i], m[l].w[((i) + 1) % 4]), old);                      \
        m[l].w[i] = _mm_sha256msg2_epu32(sum, m[l].w[((i) + 3) % 4]);                                                  \
    }                                                                                                                  \
    SHA256_ROUNDS(i, t)

HF_SHANI_INLINE void sha256_block(sha_chain *c, sha_words *m, size_t n)
{
    __m128i abef[SHA_CHAINS], cdgh[SHA_CHAINS];

    SHA_EACH
    {
        abef[l] = c[l].a;
        cdgh[l] = c[l].b;
    }
    SHA256_ROUNDS(0, 0)
    SHA256_ROUNDS(1, 4)
    SHA256_ROUNDS(2, 8)
    SHA256_ROUNDS(3, 12)
    SHA256_NEXT(0, 16)
    SHA256_NEXT(1, 20)
    SHA256_NEXT(2, 24)
    SHA256_NEXT(3, 28)
    SHA256_NEXT(0, 32)
    SHA256_NEXT(1, 36)
    SHA256_NEXT(2, 40)
    SHA256_NEXT(3, 44)
    SHA256_NEXT(0, 48)
    SHA256_NEXT(1, 52)
    SHA256_NEXT(2, 56)
    SHA256_NEXT(3, 60)
    SHA_EACH
    {
        c[l].a = _mm_add_epi32(c[l].a, abef[l]);
        c[l].b = _mm_add_epi32(c[l].b, cdgh[l]);
    }
}

/* One block of each of n chains; the words are used up. */
HF_SHANI_INLINE void sha_block(sha_chain *c, sha_words *m, size_t n, size_t mac)
{
    if (mac == HF_SHANI_SHA1)
        sha1_block(c, m, n);
    else
        sha256_block(c, m, n);
}

/* The words of a vector whose last one is the low half of a length in bits. */
HF_SHANI_INLINE __m128i sha_length(uint32_t bits, size_t mac)
{
    return mac == HF_SHANI_SHA1 ? _mm_set_epi32(0, 0, 0, (int)bits) : _mm_set_epi32((int)bits, 0, 0, 0);
}

/* A digest as the padded block that follows key^opad. */
HF_SHANI_INLINE sha_words sha_digest_block(sha_chain c, size_t mac)
{
    const int mark = (int)0x80000000;
    sha_words m;

    if (mac == HF_SHANI_SHA1) {
        m.w[0] = c.a;
        m.w[1] = _mm_or_si128(c.b, _mm_set_epi32(0, mark, 0, 0));
        m.w[2] = _mm_setzero_si128();
    } else {
        m.w[0] = _mm_shuffle_epi32(_mm_unpackhi_epi64(c.a, c.b), 0xb1);
        m.w[1] = _mm_shuffle_epi32(_mm_unpacklo_epi64(c.a, c.b), 0xb1);
        m.w[2] = _mm_set_epi32(0, 0, 0, mark);
    }
    m.w[3] = sha_length((uint32_t)(SHA_BLOCK + mac) * 8, mac);
    return m;
}

/* The digest's bytes; of SHA-1, twelve zeros stand behind them. */
HF_SHANI_INLINE void sha_digest(sha_chain c, __m128i out[2], size_t mac)
{
    sha_words m = sha_digest_block(c, mac);

    out[0] = sha_turn(m.w[0], mac);
    out[1] = sha_turn(mac == HF_SHANI_SHA1 ? c.b : m.w[1], mac);
}

#endif
