/* Multiplication in GHASH's field, one bit at a time: for key set-up only. */
#include "ghash.h"

#include "ct.h"

/* In GHASH the first bit of a block is the coefficient of x^0. Read as a big-endian number, a block is that polynomial
 * mirrored, so the 255-bit product of two blocks stands one bit too low, and x^128 = x^7 + x^2 + x + 1 folds the low
 * half into the high one by right shifts. */
void hf_ghash_reduce(const uint64_t product[4], uint64_t out[2])
{
    uint64_t w3 = product[3] << 1 | product[2] >> 63;
    uint64_t w2 = product[2] << 1 | product[1] >> 63;
    uint64_t w1 = product[1] << 1 | product[0] >> 63;
    uint64_t w0 = product[0] << 1;

    w2 ^= w0 ^ w0 >> 1 ^ w0 >> 2 ^ w0 >> 7;
    w1 ^= w0 << 63 ^ w0 << 62 ^ w0 << 57;
    w3 ^= w1 ^ w1 >> 1 ^ w1 >> 2 ^ w1 >> 7;
    w2 ^= w1 << 63 ^ w1 << 62 ^ w1 << 57;
    out[0] = w2;
    out[1] = w3;
}

static uint64_t barrier(uint64_t x)
{
#if defined(__GNUC__)
    __asm__("" : "+r"(x));
#endif
    return x;
}

static void multiply(const uint64_t a[2], const uint64_t b[2], uint64_t out[2])
{
    uint64_t product[4] = {0};

    for (unsigned i = 0; i < 128; i++) {
        /* From the top bit of a: shift what is there, add b. */
        uint64_t mask = (uint64_t)0 - barrier(a[1 - i / 64] >> (63 - i % 64) & 1);
        product[3] = product[3] << 1 | product[2] >> 63;
        product[2] = product[2] << 1 | product[1] >> 63;
        product[1] = product[1] << 1 | product[0] >> 63;
        product[0] <<= 1;
        product[0] ^= b[0] & mask;
        product[1] ^= b[1] & mask;
    }
    hf_ghash_reduce(product, out);
    hf_wipe(product, sizeof product);
}

void hf_ghash_key_init(hf_ghash_key *key, const uint8_t h[16])
{
    key->power[0][0] = hf_load64_be(h + 8);
    key->power[0][1] = hf_load64_be(h);
    for (size_t i = 1; i < HF_GHASH_POWERS; i++)
        multiply(key->power[i - 1], key->power[0], key->power[i]);
}
