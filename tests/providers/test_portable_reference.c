/* See test_portable_reference.h. Clarity only: nothing here is constant-time or fast. */
#include "test_portable_reference.h"

#include <stdlib.h>
#include <string.h>

void ref_fill(uint8_t *out, size_t len, uint32_t seed)
{
    uint32_t x = seed * 2654435761U + 1;
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525U + 1013904223U;
        out[i] = (uint8_t)(x >> 24);
    }
}

size_t ref_hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (; text[0] && text[1]; text += 2) {
        char pair[3] = {text[0], text[1], 0};
        out[n++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

/* ---- AES, FIPS 197 ---- */

static uint8_t multiply(uint8_t a, uint8_t b)
{
    uint8_t product = 0;
    for (; b; b >>= 1) {
        if (b & 1)
            product ^= a;
        a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1b : 0));
    }
    return product;
}

static uint8_t sub(uint8_t x)
{
    uint8_t inverse = 0;
    for (unsigned y = 1; y < 256; y++)
        if (multiply(x, (uint8_t)y) == 1)
            inverse = (uint8_t)y;
    uint8_t out = 0x63;
    for (unsigned i = 0; i < 5; i++)
        out ^= (uint8_t)(inverse << i | inverse >> (8 - i));
    return out;
}

static const uint8_t *sbox(void)
{
    static uint8_t table[256];
    if (table[0] == 0)
        for (unsigned x = 0; x < 256; x++)
            table[x] = sub((uint8_t)x);
    return table;
}

void ref_aes_block(const uint8_t *key, size_t key_len, const uint8_t in[16], uint8_t out[16])
{
    const uint8_t *s = sbox();
    size_t nk = key_len / 4, rounds = nk + 6;
    uint8_t w[15 * 16], state[16], next[16], constant = 1;

    memcpy(w, key, key_len);
    for (size_t i = nk; i < 4 * (rounds + 1); i++) {
        uint8_t t[4];
        memcpy(t, w + 4 * i - 4, 4);
        if (i % nk == 0) {
            uint8_t u[4] = {(uint8_t)(s[t[1]] ^ constant), s[t[2]], s[t[3]], s[t[0]]};
            memcpy(t, u, 4);
            constant = multiply(constant, 2);
        } else if (nk == 8 && i % 8 == 4) {
            for (int j = 0; j < 4; j++)
                t[j] = s[t[j]];
        }
        for (int j = 0; j < 4; j++)
            w[4 * i + (size_t)j] = w[4 * (i - nk) + (size_t)j] ^ t[j];
    }
    for (size_t i = 0; i < 16; i++)
        state[i] = in[i] ^ w[i];
    for (size_t r = 1; r <= rounds; r++) {
        for (size_t c = 0; c < 4; c++)
            for (size_t row = 0; row < 4; row++)
                next[4 * c + row] = s[state[4 * ((c + row) % 4) + row]];
        for (size_t c = 0; c < 4; c++)
            for (size_t row = 0; row < 4; row++) {
                const uint8_t *a = next + 4 * c;
                uint8_t mixed = (uint8_t)(multiply(a[row], 2) ^ multiply(a[(row + 1) % 4], 3) ^ a[(row + 2) % 4] ^
                                          a[(row + 3) % 4]);
                state[4 * c + row] = (r < rounds ? mixed : a[row]) ^ w[16 * r + 4 * c + row];
            }
    }
    memcpy(out, state, 16);
}

/* XORs the keystream that begins at `counter` (last `counter_size` bytes of the block). */
static void counter_mode(const uint8_t *key, size_t key_len, uint8_t block[16], uint32_t counter, const uint8_t *in,
                         size_t len, uint8_t *out)
{
    uint8_t stream[16];
    for (size_t i = 0; i < len; i++) {
        if (i % 16 == 0) {
            block[15] = (uint8_t)counter;
            block[14] = (uint8_t)(counter >> 8);
            block[13] = (uint8_t)(counter >> 16);
            counter++;
            ref_aes_block(key, key_len, block, stream);
        }
        out[i] = in[i] ^ stream[i % 16];
    }
}

/* ---- GCM, SP 800-38D ---- */

/* y = (y ^ block) * h, algorithm 1. */
static void ghash_block(uint8_t y[16], const uint8_t h[16], const uint8_t *block, size_t len)
{
    uint8_t z[16] = {0}, v[16];

    for (size_t i = 0; i < len; i++)
        y[i] ^= block[i];
    memcpy(v, h, 16);
    for (unsigned i = 0; i < 128; i++) {
        if (y[i / 8] >> (7 - i % 8) & 1)
            for (int j = 0; j < 16; j++)
                z[j] ^= v[j];
        uint8_t low = v[15] & 1;
        for (int j = 15; j > 0; j--)
            v[j] = (uint8_t)(v[j] >> 1 | v[j - 1] << 7);
        v[0] = (uint8_t)(v[0] >> 1 ^ (low ? 0xe1 : 0));
    }
    memcpy(y, z, 16);
}

static void ghash_padded(uint8_t y[16], const uint8_t h[16], const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i += 16)
        ghash_block(y, h, p + i, len - i < 16 ? len - i : 16);
}

static void lengths_be(uint8_t out[16], uint64_t aad_len, uint64_t len)
{
    for (unsigned i = 0; i < 8; i++) {
        out[7 - i] = (uint8_t)(aad_len * 8 >> (8 * i));
        out[15 - i] = (uint8_t)(len * 8 >> (8 * i));
    }
}

void ref_gcm_seal(const uint8_t *key, size_t key_len, const uint8_t nonce[12], const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[16])
{
    static const uint8_t zero[16];
    uint8_t h[16], block[16] = {0}, lengths[16], y[16] = {0};

    ref_aes_block(key, key_len, zero, h);
    memcpy(block, nonce, 12);
    counter_mode(key, key_len, block, 2, in, len, out);
    ghash_padded(y, h, aad, aad_len);
    ghash_padded(y, h, out, len);
    lengths_be(lengths, aad_len, len);
    ghash_block(y, h, lengths, 16);
    counter_mode(key, key_len, block, 1, y, 16, tag);
}

/* ---- CCM, RFC 3610 ---- */

static void mac_blocks(const uint8_t *key, size_t key_len, uint8_t mac[16], const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i += 16) {
        for (size_t j = 0; j < 16 && i + j < len; j++)
            mac[j] ^= p[i + j];
        ref_aes_block(key, key_len, mac, mac);
    }
}

void ref_ccm_seal(const uint8_t *key, size_t key_len, const uint8_t nonce[12], const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[16])
{
    uint8_t mac[16] = {0}, block[16] = {0};
    uint8_t *header = calloc(1, aad_len + 2);

    block[0] = (uint8_t)((aad_len ? 64 : 0) + 8 * ((16 - 2) / 2) + 2);
    memcpy(block + 1, nonce, 12);
    block[13] = (uint8_t)(len >> 16);
    block[14] = (uint8_t)(len >> 8);
    block[15] = (uint8_t)len;
    mac_blocks(key, key_len, mac, block, 16);
    header[0] = (uint8_t)(aad_len >> 8);
    header[1] = (uint8_t)aad_len;
    if (aad_len > 0) {
        memcpy(header + 2, aad, aad_len);
        mac_blocks(key, key_len, mac, header, aad_len + 2);
    }
    mac_blocks(key, key_len, mac, in, len);
    memset(block, 0, 16);
    block[0] = 2;
    memcpy(block + 1, nonce, 12);
    counter_mode(key, key_len, block, 1, in, len, out);
    counter_mode(key, key_len, block, 0, mac, 16, tag);
    free(header);
}

/* ---- ChaCha20-Poly1305, RFC 8439 ---- */

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void step(uint32_t *a, const uint32_t *b, uint32_t *c, unsigned n)
{
    *a += *b;
    *c ^= *a;
    *c = *c << n | *c >> (32 - n);
}

static void chacha_block(const uint8_t key[32], const uint8_t nonce[12], uint32_t counter, uint8_t out[64])
{
    static const uint8_t order[8][4] = {{0, 4, 8, 12},  {1, 5, 9, 13},  {2, 6, 10, 14}, {3, 7, 11, 15},
                                        {0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13},  {3, 4, 9, 14}};
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, x[16];

    for (unsigned i = 0; i < 8; i++)
        start[4 + i] = word(key + 4 * i);
    start[12] = counter;
    for (unsigned i = 0; i < 3; i++)
        start[13 + i] = word(nonce + 4 * i);
    memcpy(x, start, sizeof x);
    for (unsigned i = 0; i < 80; i++) {
        const uint8_t *q = order[i % 8];
        step(&x[q[0]], &x[q[1]], &x[q[3]], 16);
        step(&x[q[2]], &x[q[3]], &x[q[1]], 12);
        step(&x[q[0]], &x[q[1]], &x[q[3]], 8);
        step(&x[q[2]], &x[q[3]], &x[q[1]], 7);
    }
    for (unsigned i = 0; i < 64; i++)
        out[i] = (uint8_t)((x[i / 4] + start[i / 4]) >> (8 * (i % 4)));
}

/* Numbers of 17 bytes and their products, byte by byte. */
static void poly_multiply(uint32_t h[17], const uint32_t r[17])
{
    uint32_t product[17] = {0};

    for (unsigned i = 0; i < 17; i++)
        for (unsigned j = 0; j < 17; j++)
            product[(i + j) % 17] += h[i] * r[j] * (i + j < 17 ? 1 : 320); /* 2^136 = 64 * 5 */
    for (unsigned pass = 0; pass < 3; pass++) {
        for (unsigned i = 0; i < 16; i++) {
            product[i + 1] += product[i] >> 8;
            product[i] &= 255;
        }
        product[0] += 5 * (product[16] >> 2);
        product[16] &= 3;
    }
    memcpy(h, product, sizeof product);
}

static void poly_carry(uint32_t h[17])
{
    for (unsigned i = 0; i < 16; i++) {
        h[i + 1] += h[i] >> 8;
        h[i] &= 255;
    }
}

void ref_poly1305(const uint8_t key[32], const uint8_t *msg, size_t len, uint8_t tag[16])
{
    uint32_t h[17] = {0}, r[17] = {0}, minus[17];

    for (unsigned i = 0; i < 16; i++)
        r[i] = key[i] & (i % 4 == 3 ? 15 : i % 4 == 0 && i > 0 ? 252 : 255);
    for (size_t at = 0; at < len; at += 16) {
        size_t n = len - at < 16 ? len - at : 16;
        for (size_t i = 0; i < n; i++)
            h[i] += msg[at + i];
        h[n] += 1;
        poly_carry(h);
        poly_multiply(h, r);
    }
    poly_carry(h);
    memcpy(minus, h, sizeof h);
    minus[0] += 5;
    poly_carry(minus);
    if (minus[16] >= 4) /* h >= 2^130 - 5 */
        memcpy(h, minus, sizeof h);
    uint32_t carry = 0;
    for (unsigned i = 0; i < 16; i++) {
        carry += h[i] + key[16 + i];
        tag[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

void ref_chapoly_seal(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *aad, size_t aad_len,
                      const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[16])
{
    uint8_t one_time[64], stream[64];
    size_t aad_end = (aad_len + 15) / 16 * 16, end = aad_end + (len + 15) / 16 * 16;
    uint8_t *msg = calloc(1, end + 16);

    chacha_block(key, nonce, 0, one_time);
    for (size_t i = 0; i < len; i++) {
        if (i % 64 == 0)
            chacha_block(key, nonce, (uint32_t)(1 + i / 64), stream);
        out[i] = in[i] ^ stream[i % 64];
    }
    if (aad_len > 0)
        memcpy(msg, aad, aad_len);
    if (len > 0)
        memcpy(msg + aad_end, out, len);
    for (unsigned i = 0; i < 8; i++) {
        msg[end + i] = (uint8_t)((uint64_t)aad_len >> (8 * i));
        msg[end + 8 + i] = (uint8_t)((uint64_t)len >> (8 * i));
    }
    ref_poly1305(one_time, msg, end + 16, tag);
    free(msg);
}
