/* The instructions of the SHA extensions in plain C, as Intel's SDM volume 2 describes them: for the check of constant
 * time, since valgrind knows none of them. They take the place of the intrinsics when HF_SHANI_PLAIN is defined. */
#ifndef HANDFAST_SHANI_PLAIN_H
#define HANDFAST_SHANI_PLAIN_H

#include <immintrin.h>
#include <stdint.h>

typedef union plain_words {
    __m128i v;
    uint32_t w[4];
} plain_words;

static inline uint32_t plain_rol(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static inline __m128i plain_sha1_next_e(__m128i a, __m128i b)
{
    plain_words x = {a}, r = {b};

    r.w[3] += plain_rol(x.w[3], 30);
    return r.v;
}

static inline uint32_t plain_sha1_f(uint32_t b, uint32_t c, uint32_t d, int f)
{
    switch (f) {
    case 0:
        return ((b & c) ^ (~b & d)) + 0x5a827999;
    case 1:
        return (b ^ c ^ d) + 0x6ed9eba1;
    case 2:
        return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
    default:
        return (b ^ c ^ d) + 0xca62c1d6;
    }
}

static inline __m128i plain_sha1_rounds4(__m128i abcd, __m128i words, int f)
{
    plain_words s = {abcd}, w = {words};
    uint32_t a = s.w[3], b = s.w[2], c = s.w[1], d = s.w[0], e = 0;

    for (int i = 3; i >= 0; i--) {
        uint32_t next = plain_sha1_f(b, c, d, f) + plain_rol(a, 5) + w.w[i] + e;
        e = d;
        d = c;
        c = plain_rol(b, 30);
        b = a;
        a = next;
    }
    plain_words r = {.w = {d, c, b, a}};
    return r.v;
}

static inline __m128i plain_sha1_message1(__m128i a, __m128i b)
{
    plain_words x = {a}, y = {b};
    plain_words r = {.w = {y.w[2] ^ x.w[0], y.w[3] ^ x.w[1], x.w[0] ^ x.w[2], x.w[1] ^ x.w[3]}};

    return r.v;
}

static inline __m128i plain_sha1_message2(__m128i a, __m128i b)
{
    plain_words x = {a}, y = {b}, r;

    r.w[3] = plain_rol(x.w[3] ^ y.w[2], 1);
    r.w[2] = plain_rol(x.w[2] ^ y.w[1], 1);
    r.w[1] = plain_rol(x.w[1] ^ y.w[0], 1);
    r.w[0] = plain_rol(x.w[0] ^ r.w[3], 1);
    return r.v;
}

static inline uint32_t plain_sha256_sigma(uint32_t x, unsigned a, unsigned b, unsigned shift)
{
    return plain_rol(x, 32 - a) ^ plain_rol(x, 32 - b) ^ x >> shift;
}

static inline __m128i plain_sha256_message1(__m128i a, __m128i b)
{
    plain_words x = {a}, y = {b};
    uint32_t next[4] = {x.w[1], x.w[2], x.w[3], y.w[0]};

    for (int i = 0; i < 4; i++)
        x.w[i] += plain_sha256_sigma(next[i], 7, 18, 3);
    return x.v;
}

static inline __m128i plain_sha256_message2(__m128i a, __m128i b)
{
    plain_words x = {a}, y = {b};

    x.w[0] += plain_sha256_sigma(y.w[2], 17, 19, 10);
    x.w[1] += plain_sha256_sigma(y.w[3], 17, 19, 10);
    x.w[2] += plain_sha256_sigma(x.w[0], 17, 19, 10);
    x.w[3] += plain_sha256_sigma(x.w[1], 17, 19, 10);
    return x.v;
}

static inline uint32_t plain_sha256_sum(uint32_t x, unsigned a, unsigned b, unsigned c)
{
    return plain_rol(x, 32 - a) ^ plain_rol(x, 32 - b) ^ plain_rol(x, 32 - c);
}

static inline __m128i plain_sha256_rounds2(__m128i cdgh, __m128i abef, __m128i words)
{
    plain_words x = {cdgh}, y = {abef}, k = {words};
    uint32_t c = x.w[3], d = x.w[2], g = x.w[1], h = x.w[0], a = y.w[3], b = y.w[2], e = y.w[1], f = y.w[0];

    for (int i = 0; i < 2; i++) {
        uint32_t t1 = h + plain_sha256_sum(e, 6, 11, 25) + ((e & f) ^ (~e & g)) + k.w[i];
        uint32_t t2 = plain_sha256_sum(a, 2, 13, 22) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    plain_words r = {.w = {f, e, b, a}};
    return r.v;
}

#define _mm_sha1nexte_epu32 plain_sha1_next_e
#define _mm_sha1rnds4_epu32 plain_sha1_rounds4
#define _mm_sha1msg1_epu32 plain_sha1_message1
#define _mm_sha1msg2_epu32 plain_sha1_message2
#define _mm_sha256msg1_epu32 plain_sha256_message1
#define _mm_sha256msg2_epu32 plain_sha256_message2
#define _mm_sha256rnds2_epu32 plain_sha256_rounds2

#endif
