/* The SHA-256 compression function, FIPS 180-4 section 6.2.2. */
#include "ct.h"
#include "md.h"

/* Cube roots of the first 64 primes, first 32 bits of the fraction (section 4.2.2). */
static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static inline uint32_t rotr(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static inline uint32_t schedule(uint32_t w[16], unsigned t)
{
    uint32_t a = w[(t + 1) & 15];
    uint32_t e = w[(t + 14) & 15];
    uint32_t small0 = rotr(a, 7) ^ rotr(a, 18) ^ a >> 3;
    uint32_t small1 = rotr(e, 17) ^ rotr(e, 19) ^ e >> 10;

    return w[t & 15] += small0 + w[(t + 9) & 15] + small1;
}

static void compress_one(uint32_t h[8], const uint8_t *block)
{
    uint32_t w[16];
    uint32_t s[8];

    for (unsigned t = 0; t < 16; t++)
        w[t] = hf_load32_be(block + (size_t)4 * t);
    memcpy(s, h, sizeof s);
    /* Eight rounds in a row let the names rotate instead of the words. */
    for (unsigned t0 = 0; t0 < 64; t0 += 8) {
        for (unsigned i = 0; i < 8; i++) {
            uint32_t word = t0 < 16 ? w[t0 + i] : schedule(w, t0 + i);
            uint32_t *a = &s[(8 - i) & 7], *b = &s[(9 - i) & 7], *c = &s[(10 - i) & 7], *d = &s[(11 - i) & 7];
            uint32_t *e = &s[(12 - i) & 7], *f = &s[(13 - i) & 7], *g = &s[(14 - i) & 7], *k = &s[(15 - i) & 7];
            uint32_t t1 = *k + (rotr(*e, 6) ^ rotr(*e, 11) ^ rotr(*e, 25)) + (*g ^ (*e & (*f ^ *g))) +
                          round_constants[t0 + i] + word;
            *d += t1;
            *k = t1 + (rotr(*a, 2) ^ rotr(*a, 13) ^ rotr(*a, 22)) + ((*a & *b) | (*c & (*a | *b)));
        }
    }
    for (unsigned i = 0; i < 8; i++)
        h[i] += s[i];
    hf_wipe(w, sizeof w);
}

void hf_sha256_compress(hf_md_chain *chain, const uint8_t *blocks, size_t n)
{
    for (; n > 0; n--, blocks += 64)
        compress_one(chain->w32, blocks);
}
