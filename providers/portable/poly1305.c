/* Poly1305, RFC 8439 section 2.5, in 44-bit limbs with 128-bit products, or in 26-bit limbs with 64-bit products.
 * The multipliers of the CPUs in question take the same time for all values. */
#include "poly1305.h"

#include "ct.h"

#if HF_POLY1305_LIMBS == 3

__extension__ typedef unsigned __int128 wide;

#define M44 (((uint64_t)1 << 44) - 1)
#define M42 (((uint64_t)1 << 42) - 1)

static void split(uint64_t lo, uint64_t hi, uint64_t out[3])
{
    out[0] = lo & M44;
    out[1] = (lo >> 44 | hi << 20) & M44;
    out[2] = hi >> 24;
}

static void set_r(hf_poly1305 *poly, const uint8_t key[16])
{
    split(hf_load64_le(key) & 0x0ffffffc0fffffff, hf_load64_le(key + 8) & 0x0ffffffc0ffffffc, poly->r);
}

static void blocks(hf_poly1305 *poly, const uint8_t *data, size_t n)
{
    const uint64_t r0 = poly->r[0], r1 = poly->r[1], r2 = poly->r[2];
    const uint64_t s1 = r1 * 20, s2 = r2 * 20; /* 2^132 = 20 mod 2^130 - 5 */
    uint64_t h0 = poly->h[0], h1 = poly->h[1], h2 = poly->h[2];

    for (; n > 0; n--, data += 16) {
        uint64_t m[3];
        split(hf_load64_le(data), hf_load64_le(data + 8), m);
        h0 += m[0];
        h1 += m[1];
        h2 += m[2] | (uint64_t)1 << 40;
        wide d0 = (wide)h0 * r0 + (wide)h1 * s2 + (wide)h2 * s1;
        wide d1 = (wide)h0 * r1 + (wide)h1 * r0 + (wide)h2 * s2;
        wide d2 = (wide)h0 * r2 + (wide)h1 * r1 + (wide)h2 * r0;
        h0 = (uint64_t)d0 & M44;
        d1 += (uint64_t)(d0 >> 44);
        h1 = (uint64_t)d1 & M44;
        d2 += (uint64_t)(d1 >> 44);
        h2 = (uint64_t)d2 & M42;
        h0 += (uint64_t)(d2 >> 42) * 5;
        h1 += h0 >> 44;
        h0 &= M44;
    }
    poly->h[0] = h0;
    poly->h[1] = h1;
    poly->h[2] = h2;
}

/* The number h mod 2^130 - 5, low 128 bits, as four words. */
static void reduced(const hf_poly1305 *poly, uint32_t out[4])
{
    uint64_t h0 = poly->h[0], h1 = poly->h[1], h2 = poly->h[2];

    for (unsigned i = 0; i < 2; i++) {
        h2 += h1 >> 44;
        h1 &= M44;
        h0 += (h2 >> 42) * 5;
        h2 &= M42;
        h1 += h0 >> 44;
        h0 &= M44;
    }
    h2 += h1 >> 44;
    h1 &= M44;
    /* g = h - p = h + 5 - 2^130; take it when it is not negative. */
    uint64_t g0 = h0 + 5;
    uint64_t g1 = h1 + (g0 >> 44);
    uint64_t g2 = h2 + (g1 >> 44);
    uint64_t mask = (uint64_t)0 - (uint64_t)hf_ct_barrier((uint32_t)(g2 >> 42));
    h0 ^= mask & (h0 ^ (g0 & M44));
    h1 ^= mask & (h1 ^ (g1 & M44));
    h2 ^= mask & (h2 ^ (g2 & M42));
    uint64_t lo = h0 | h1 << 44;
    uint64_t hi = h1 >> 20 | h2 << 24;
    out[0] = (uint32_t)lo;
    out[1] = (uint32_t)(lo >> 32);
    out[2] = (uint32_t)hi;
    out[3] = (uint32_t)(hi >> 32);
}

#else

#define M26 0x3ffffffU

static void split(const uint8_t *p, uint32_t out[5])
{
    uint32_t w0 = hf_load32_le(p), w1 = hf_load32_le(p + 4), w2 = hf_load32_le(p + 8), w3 = hf_load32_le(p + 12);

    out[0] = w0 & M26;
    out[1] = (w0 >> 26 | w1 << 6) & M26;
    out[2] = (w1 >> 20 | w2 << 12) & M26;
    out[3] = (w2 >> 14 | w3 << 18) & M26;
    out[4] = w3 >> 8;
}

static void set_r(hf_poly1305 *poly, const uint8_t key[16])
{
    uint8_t clamped[16];

    memcpy(clamped, key, 16);
    for (unsigned i = 3; i < 16; i += 4)
        clamped[i] &= 0x0f;
    for (unsigned i = 4; i < 16; i += 4)
        clamped[i] &= 0xfc;
    split(clamped, poly->r);
    hf_wipe(clamped, sizeof clamped);
}

static void blocks(hf_poly1305 *poly, const uint8_t *data, size_t n)
{
    const uint32_t *r = poly->r;
    uint32_t *h = poly->h;

    for (; n > 0; n--, data += 16) {
        uint32_t m[5];
        uint64_t d[5] = {0};
        split(data, m);
        m[4] |= 1U << 24;
        for (unsigned i = 0; i < 5; i++)
            h[i] += m[i];
        for (unsigned i = 0; i < 5; i++)
            for (unsigned j = 0; j < 5; j++)
                d[(i + j) % 5] += (uint64_t)h[i] * (i + j < 5 ? r[j] : r[j] * 5); /* 2^130 = 5 */
        for (unsigned i = 0; i < 4; i++)
            d[i + 1] += d[i] >> 26;
        for (unsigned i = 0; i < 5; i++)
            h[i] = (uint32_t)d[i] & M26;
        uint64_t top = h[0] + (d[4] >> 26) * 5;
        h[0] = (uint32_t)top & M26;
        h[1] += (uint32_t)(top >> 26);
    }
}

static void reduced(const hf_poly1305 *poly, uint32_t out[4])
{
    uint32_t h[5], g[5];

    memcpy(h, poly->h, sizeof h);
    for (unsigned pass = 0; pass < 3; pass++) {
        for (unsigned i = 0; i < 4; i++) {
            h[i + 1] += h[i] >> 26;
            h[i] &= M26;
        }
        h[0] += (h[4] >> 26) * 5;
        h[4] &= M26;
    }
    /* g = h - p = h + 5 - 2^130; take it when it is not negative. */
    uint32_t carry = 5;
    for (unsigned i = 0; i < 5; i++) {
        g[i] = h[i] + carry;
        carry = g[i] >> 26;
        g[i] &= M26;
    }
    for (unsigned i = 0; i < 5; i++)
        h[i] = hf_ct_select(hf_ct_is_nonzero(carry), g[i], h[i]);
    out[0] = h[0] | h[1] << 26;
    out[1] = h[1] >> 6 | h[2] << 20;
    out[2] = h[2] >> 12 | h[3] << 14;
    out[3] = h[3] >> 18 | h[4] << 8;
}

#endif

void hf_poly1305_init(hf_poly1305 *poly, const uint8_t key[32])
{
    memset(poly, 0, sizeof *poly);
    set_r(poly, key);
    memcpy(poly->s, key + 16, 16);
}

void hf_poly1305_update_padded(hf_poly1305 *poly, const uint8_t *data, size_t len)
{
    uint8_t last[16] = {0};

    blocks(poly, data, len / 16);
    if (len % 16 > 0) {
        memcpy(last, data + len / 16 * 16, len % 16);
        blocks(poly, last, 1);
    }
}

void hf_poly1305_final(hf_poly1305 *poly, uint8_t tag[16])
{
    uint32_t h[4];
    uint64_t carry = 0;

    reduced(poly, h);
    for (size_t i = 0; i < 4; i++) {
        carry += (uint64_t)h[i] + hf_load32_le(poly->s + 4 * i);
        hf_store32_le(tag + 4 * i, (uint32_t)carry);
        carry >>= 32;
    }
    hf_wipe(h, sizeof h);
    hf_wipe(poly, sizeof *poly);
}
