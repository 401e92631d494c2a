/* The SHA-1 compression function, FIPS 180-4 section 6.1.2: for HMAC-SHA1 suites and old certificates only. */
#include "ct.h"
#include "md.h"

static inline uint32_t rotl(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

/* The message schedule goes on by one word in place; t counts modulo 16. */
static inline uint32_t word(uint32_t w[16], unsigned t)
{
    if (t >= 16)
        w[t & 15] = rotl(w[(t + 13) & 15] ^ w[(t + 8) & 15] ^ w[(t + 2) & 15] ^ w[t & 15], 1);
    return w[t & 15];
}

/* f_t + K_t of sections 4.1.1 and 4.2.1; t is public. */
static inline uint32_t mix(unsigned t, uint32_t b, uint32_t c, uint32_t d)
{
    if (t < 20)
        return (d ^ (b & (c ^ d))) + 0x5a827999;
    if (t < 40)
        return (b ^ c ^ d) + 0x6ed9eba1;
    if (t < 60)
        return ((b & c) | (d & (b | c))) + 0x8f1bbcdc;
    return (b ^ c ^ d) + 0xca62c1d6;
}

/* One round (step 3); the caller rotates the names. */
static inline void one_round(unsigned t, uint32_t w[16], uint32_t a, uint32_t *b, uint32_t c, uint32_t d, uint32_t *e)
{
    *e += rotl(a, 5) + mix(t, *b, c, d) + word(w, t);
    *b = rotl(*b, 30);
}

/* Twenty rounds of one function: the limits are constants once this is inlined. */
static inline __attribute__((always_inline)) void rounds20(unsigned t0, uint32_t w[16], uint32_t s[5])
{
    uint32_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4];

    for (unsigned t = t0; t < t0 + 20; t += 5) {
        one_round(t, w, a, &b, c, d, &e);
        one_round(t + 1, w, e, &a, b, c, &d);
        one_round(t + 2, w, d, &e, a, b, &c);
        one_round(t + 3, w, c, &d, e, a, &b);
        one_round(t + 4, w, b, &c, d, e, &a);
    }
    s[0] = a;
    s[1] = b;
    s[2] = c;
    s[3] = d;
    s[4] = e;
}

static void compress_one(uint32_t h[5], const uint8_t *block)
{
    uint32_t w[16];
    uint32_t s[5];

    for (unsigned t = 0; t < 16; t++)
        w[t] = hf_load32_be(block + (size_t)4 * t);
    memcpy(s, h, sizeof s);
    rounds20(0, w, s);
    rounds20(20, w, s);
    rounds20(40, w, s);
    rounds20(60, w, s);
    for (unsigned i = 0; i < 5; i++)
        h[i] += s[i];
    hf_wipe(w, sizeof w);
}

void hf_sha1_compress(hf_md_chain *chain, const uint8_t *blocks, size_t n)
{
    for (; n > 0; n--, blocks += 64)
        compress_one(chain->w32, blocks);
}
