/* The SHA-256 compression function, FIPS 180-4 section 6.2.2. */
#include "ct.h"
#include "md.h"

/* Cube roots of the first 64 primes, first 32 bits of the fraction (section 4.2.2). */
const uint32_t hf_sha256_round_constants[64] = {
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

/* The message schedule goes on by one word in place (step 1); t counts modulo 16. */
static inline void schedule(uint32_t w[16], unsigned t)
{
    uint32_t a = w[(t + 1) & 15];
    uint32_t e = w[(t + 14) & 15];
    uint32_t small0 = rotr(a, 7) ^ rotr(a, 18) ^ a >> 3;
    uint32_t small1 = rotr(e, 17) ^ rotr(e, 19) ^ e >> 10;

    w[t] += small0 + w[(t + 9) & 15] + small1;
}

/* One round (step 3); the caller rotates the names. input: K_t + W_t. */
static inline void one_round(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f, uint32_t g,
                             uint32_t *h, uint32_t input)
{
    uint32_t t1 = *h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + (g ^ (e & (f ^ g))) + input;

    *d += t1;
    *h = t1 + (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) | (c & (a | b)));
}

static void compress_one(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[16];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

    for (unsigned t = 0; t < 16; t++)
        w[t] = hf_load32_be(block + (size_t)4 * t);
    for (const uint32_t *k = hf_sha256_round_constants; k < hf_sha256_round_constants + 64; k += 16) {
        if (k > hf_sha256_round_constants)
            for (unsigned t = 0; t < 16; t++)
                schedule(w, t);
        for (unsigned t = 0; t < 16; t += 8) {
            one_round(a, b, c, &d, e, f, g, &h, k[t] + w[t]);
            one_round(h, a, b, &c, d, e, f, &g, k[t + 1] + w[t + 1]);
            one_round(g, h, a, &b, c, d, e, &f, k[t + 2] + w[t + 2]);
            one_round(f, g, h, &a, b, c, d, &e, k[t + 3] + w[t + 3]);
            one_round(e, f, g, &h, a, b, c, &d, k[t + 4] + w[t + 4]);
            one_round(d, e, f, &g, h, a, b, &c, k[t + 5] + w[t + 5]);
            one_round(c, d, e, &f, g, h, a, &b, k[t + 6] + w[t + 6]);
            one_round(b, c, d, &e, f, g, h, &a, k[t + 7] + w[t + 7]);
        }
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
    hf_wipe(w, sizeof w);
}

void hf_sha256_compress(hf_md_chain *chain, const uint8_t *blocks, size_t n)
{
    for (; n > 0; n--, blocks += 64)
        compress_one(chain->w32, blocks);
}
