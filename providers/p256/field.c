/* The part of the field that is not inline: see field.h. NOT constant time, for public data only. */
#include "field.h"

#include "invert.h"
#include "limbs.h"

const uint64_t hf_fe_modulus[HF_P256_LIMBS] = {HF_FE_P0, HF_FE_P1, 0, HF_FE_P3};

const hf_fe hf_fe_one = {{1, UINT64_C(0xffffffff00000000), UINT64_C(0xffffffffffffffff), UINT64_C(0x00000000fffffffe)}};

/* 2^512 mod p: a factor of it brings a number into Montgomery's form. */
static const hf_fe into_form = {{3, UINT64_C(0xfffffffbffffffff), UINT64_C(0xfffffffffffffffe), UINT64_C(0x4fffffffd)}};

/* 2^768 mod p: the inverse of a number in Montgomery's form lacks two factors of 2^256, and a product takes one away.
 */
static const hf_fe inverse_into_form = {{UINT64_C(0xfffffffd0000000a), UINT64_C(0xffffffedfffffff7),
                                         UINT64_C(0x00000005fffffffc), UINT64_C(0x0000001800000001)}};

static const hf_modulus modulus = {
    {INT64_C(0x3fffffffffffffff), INT64_C(0x3ffffffff), 0, INT64_C(0x3fffffc000000040), 0xff},
    UINT64_C(0x3fffffffffffffff)};

void hf_fe_invert(hf_fe *out, const hf_fe *a)
{
    hf_fe inverse;

    hf_p256_invert(inverse.l, a->l, &modulus);
    hf_fe_mul(out, &inverse, &inverse_into_form);
}

void hf_fe_from_limbs(hf_fe *out, const uint64_t in[HF_P256_LIMBS])
{
    const hf_fe plain = {{in[0], in[1], in[2], in[3]}};

    hf_fe_mul(out, &plain, &into_form);
}

bool hf_fe_from_bytes(hf_fe *out, const uint8_t in[HF_P256_BYTES])
{
    uint64_t limbs[HF_P256_LIMBS];

    hf_p256_limbs_read(limbs, in);
    if (!hf_p256_limbs_below(limbs, hf_fe_modulus))
        return false;
    hf_fe_from_limbs(out, limbs);
    return true;
}

void hf_fe_to_bytes(uint8_t out[HF_P256_BYTES], const hf_fe *a)
{
    const hf_fe plain_one = {{1, 0, 0, 0}};
    hf_fe plain;

    hf_fe_mul(&plain, a, &plain_one);
    hf_p256_limbs_write(out, plain.l);
}
