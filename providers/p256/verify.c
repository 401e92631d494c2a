/* Prepared keys and their verification: see p256.h. NOT constant time, for public data only. */
#include <pthread.h>
#include <string.h>

#include "lanes.h"
#include "p256.h"
#include "signature.h"

/* Constant after `once`. */
static hf_p256_table base_table;
static bool lanes;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_base_table(void)
{
    hf_p256_table_fill(&base_table, &hf_p256_base);
    lanes = hf_p256_lanes_can();
}

const hf_p256_table *hf_p256_base_table(void)
{
    (void)pthread_once(&once, fill_base_table);
    return &base_table;
}

/* SubjectPublicKeyInfo of an uncompressed point (RFC 5480 section 2): id-ecPublicKey, prime256v1, BIT STRING with 04
 * and the coordinates behind it. It has one encoding, so all before the coordinates is constant. */
static const uint8_t spki_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

hf_status hf_p256_prepare(void *state, const uint8_t *spki, size_t spki_len)
{
    const uint8_t *x = spki + sizeof spki_head;
    hf_affine key;

    if (spki_len != sizeof spki_head + 2 * HF_P256_BYTES || memcmp(spki, spki_head, sizeof spki_head) != 0)
        return HF_ERR_UNSUPPORTED;
    if (!hf_affine_from_bytes(&key, x, x + HF_P256_BYTES))
        return HF_ERR_DECODE;
    (void)hf_p256_base_table(); /* not in the first handshake */
    hf_p256_table_fill(state, &key);
    return HF_OK;
}

/* The x of u1 G + u2 Q as X / ZZ; false when it is infinity. */
static bool sum_of(hf_fe *x, hf_fe *zz, const hf_p256_table *key, const hf_scalar *u1, const hf_scalar *u2)
{
    const hf_p256_table *base = hf_p256_base_table();
    hf_p256_digits digits1, digits2;
    hf_sum sum;

    hf_p256_digits_of(&digits1, u1);
    hf_p256_digits_of(&digits2, u2);
#if defined(HF_P256_LANES)
    if (lanes && hf_p256_lanes_sum(x, zz, base, &digits1, key, &digits2))
        return true;
#endif
    hf_p256_table_fetch(base, &digits1);
    hf_p256_table_fetch(key, &digits2);
    hf_sum_clear(&sum);
    hf_p256_table_add(&sum, base, &digits1);
    hf_p256_table_add(&sum, key, &digits2);
    *x = sum.x;
    *zz = sum.zz;
    return !hf_sum_is_infinity(&sum);
}

/* Whether the sum's x, modulo n, is r. x is below p, which is a little above n: it is r or r + n. Instead of dividing X
 * by ZZ, both are multiplied by it. */
static bool x_is(const hf_fe *sum_x, const hf_fe *zz, const hf_scalar *r)
{
    uint64_t r_plus_n[HF_P256_LIMBS];
    hf_fe x;

    hf_fe_from_limbs(&x, r->l);
    hf_fe_mul(&x, &x, zz);
    if (hf_fe_equal(&x, sum_x))
        return true;
    if (hf_p256_limbs_add(r_plus_n, r->l, hf_scalar_order) || !hf_p256_limbs_below(r_plus_n, hf_fe_modulus))
        return false;
    hf_fe_from_limbs(&x, r_plus_n);
    hf_fe_mul(&x, &x, zz);
    return hf_fe_equal(&x, sum_x);
}

hf_status hf_p256_verify(const void *state, const uint8_t *digest, size_t digest_len, const uint8_t *sig,
                         size_t sig_len)
{
    hf_scalar r, s, u1, u2, divisor;
    hf_fe x, zz;

    if (digest_len == 0 || digest_len > HF_HASH_SIZE_MAX)
        return HF_ERR_INVALID;
    if (!hf_p256_signature_read(sig, sig_len, &r, &s))
        return HF_ERR_VERIFY;
    hf_scalar_from_digest(&u1, digest, digest_len);
    hf_scalar_divisor(&divisor, &s);
    hf_scalar_mul(&u1, &u1, &divisor);
    hf_scalar_mul(&u2, &r, &divisor);
    return sum_of(&x, &zz, state, &u1, &u2) && x_is(&x, &zz, &r) ? HF_OK : HF_ERR_VERIFY;
}
