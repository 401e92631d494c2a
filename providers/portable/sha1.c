/* The SHA-1 compression function, FIPS 180-4 section 6.1.2: for HMAC-SHA1 suites and old certificates only. */
#include "ct.h"
#include "md.h"

static inline uint32_t rotl(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static inline uint32_t schedule(uint32_t w[16], unsigned t)
{
    return w[t & 15] = rotl(w[(t + 13) & 15] ^ w[(t + 8) & 15] ^ w[(t + 2) & 15] ^ w[t & 15], 1);
}

/* f_t and K_t of section 4.1.1 and 4.2.1; t is public. */
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

static void compress_one(uint32_t h[5], const uint8_t *block)
{
    uint32_t w[16];
    uint32_t s[5];

    for (unsigned t = 0; t < 16; t++)
        w[t] = hf_load32_be(block + (size_t)4 * t);
    memcpy(s, h, sizeof s);
    /* Five rounds in a row let the names rotate instead of the words. */
    for (unsigned t0 = 0; t0 < 80; t0 += 5) {
        for (unsigned i = 0; i < 5; i++) {
            uint32_t word = t0 + i < 16 ? w[t0 + i] : schedule(w, t0 + i);
            uint32_t *a = &s[(5 - i) % 5], *b = &s[(6 - i) % 5], *c = &s[(7 - i) % 5], *d = &s[(8 - i) % 5];
            uint32_t *e = &s[(9 - i) % 5];
            *e += rotl(*a, 5) + mix(t0 + i, *b, *c, *d) + word;
            *b = rotl(*b, 30);
        }
    }
    for (unsigned i = 0; i < 5; i++)
        h[i] += s[i];
    hf_wipe(w, sizeof w);
}

void hf_sha1_compress(hf_md_chain *chain, const uint8_t *blocks, size_t n)
{
    for (; n > 0; n--, blocks += 64)
        compress_one(chain->w32, blocks);
}
