/* Numbers modulo n: see scalar.h. NOT constant time, for public data only. */
#include "scalar.h"

#include <string.h>

#include "invert.h"

const uint64_t hf_scalar_order[HF_P256_LIMBS] = {UINT64_C(0xf3b9cac2fc632551), UINT64_C(0xbce6faada7179e84),
                                                 UINT64_C(0xffffffffffffffff), UINT64_C(0xffffffff00000000)};
#define NEGATIVE_INVERSE UINT64_C(0xccd1c8aaee00bc4f) /* -1 / n modulo 2^64 */

/* 2^512 mod n */
static const hf_scalar into_form = {{UINT64_C(0x83244c95be79eea2), UINT64_C(0x4699799c49bd6fa6),
                                     UINT64_C(0x2845b2392b6bec59), UINT64_C(0x66e12d94f3d95620)}};

static const hf_modulus modulus = {{INT64_C(0x33b9cac2fc632551), INT64_C(0x339beab69c5e7a13),
                                    INT64_C(0x3ffffffffffffffb), INT64_C(0x3fffffc00000003f), 0xff},
                                   UINT64_C(0x332e375511ff43b1)};

bool hf_scalar_from_bytes(hf_scalar *out, const uint8_t in[HF_P256_BYTES])
{
    hf_p256_limbs_read(out->l, in);
    return hf_p256_limbs_below(out->l, hf_scalar_order) && !hf_p256_limbs_zero(out->l);
}

/* t + 2^256 * top, which is below 2n, less n if it is not below n. */
static void settle(hf_scalar *out, const uint64_t t[HF_P256_LIMBS], uint64_t top)
{
    uint64_t less[HF_P256_LIMBS];
    bool below = hf_p256_limbs_sub(less, t, hf_scalar_order) && top == 0;

    memcpy(out->l, below ? t : less, sizeof out->l);
}

void hf_scalar_from_digest(hf_scalar *out, const uint8_t *digest, size_t len)
{
    uint8_t left[HF_P256_BYTES] = {0};
    uint64_t limbs[HF_P256_LIMBS];
    size_t used = len < sizeof left ? len : sizeof left;

    memcpy(left + sizeof left - used, digest, used);
    hf_p256_limbs_read(limbs, left);
    settle(out, limbs, 0); /* n is above 2^255 */
}

void hf_scalar_mul(hf_scalar *out, const hf_scalar *a, const hf_scalar *b)
{
    uint64_t t[8], low[8] = {0}, top = 0;

    hf_chain_mul(t, a->l, b->l);
    memcpy(low, t, 4 * sizeof low[0]);
    /* Each step makes the lowest limb zero; what is left stays below 2^192 + n, so nothing is carried out of it. */
    for (int i = 0; i < HF_P256_LIMBS; i++)
        hf_chain_mul_limb(low + i, hf_scalar_order, low[i] * NEGATIVE_INVERSE);
    hf_chain_add5(&low[4], &low[5], &low[6], &low[7], &top, t[4], t[5], t[6], t[7]);
    settle(out, low + 4, top);
}

void hf_scalar_divisor(hf_scalar *out, const hf_scalar *a)
{
    hf_scalar inverse;

    hf_p256_invert(inverse.l, a->l, &modulus);
    hf_scalar_mul(out, &inverse, &into_form);
}
