/* The oracle behind p256_oracle.h. */
#include "p256_oracle.h"

#include <criterion/criterion.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/x509.h>
#include <string.h>

const oracle *the_oracle(void)
{
    static oracle o;

    if (o.group)
        return &o;
    o.ctx = BN_CTX_new();
    o.p = BN_new();
    o.n = BN_new();
    o.group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    cr_assert(o.group && o.ctx && o.p && o.n && EC_GROUP_get_curve(o.group, o.p, NULL, NULL, o.ctx) &&
              EC_GROUP_get_order(o.group, o.n, o.ctx));
    return &o;
}

BIGNUM *oracle_bn(const uint8_t bytes[32])
{
    BIGNUM *number = BN_bin2bn(bytes, 32, NULL);
    cr_assert_not_null(number);
    return number;
}

void oracle_bytes(uint8_t out[32], const BIGNUM *number)
{
    cr_assert_eq(BN_bn2binpad(number, out, 32), 32);
}

void oracle_random(uint8_t *out, size_t len)
{
    static uint64_t state = 0x9e3779b97f4a7c15; /* xorshift64*: repeatable, and good enough to hit carries */

    for (size_t i = 0; i < len; i++) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        out[i] = (uint8_t)((state * 0x2545f4914f6cdd1d) >> 56);
    }
}

/* 2^bits + more, or that of p or n where they are named. */
static const struct {
    enum { POWER, OF_P, OF_N } of;
    int bits, more;
} edges[ORACLE_EDGES] = {
    {POWER, 0, -1},   {POWER, 0, 0},    {POWER, 0, 1},   {POWER, 0, 2},    {POWER, 6, 0},   {POWER, 7, -1},
    {POWER, 7, 0},    {POWER, 32, -1},  {POWER, 32, 0},  {POWER, 64, -1},  {POWER, 64, 0},  {POWER, 96, -1},
    {POWER, 96, 0},   {POWER, 128, -1}, {POWER, 128, 0}, {POWER, 192, 0},  {POWER, 224, 0}, {POWER, 252, 0},
    {POWER, 255, -1}, {POWER, 255, 0},  {OF_P, 0, -2},   {OF_P, 0, -1},    {OF_N, 0, -2},   {OF_N, 0, -1},
    {OF_P, 0, 0},     {OF_N, 0, 0},     {OF_N, 0, 1},    {POWER, 256, -1},
};

void oracle_number(uint8_t out[32], size_t at)
{
    const oracle *o = the_oracle();

    if (at >= ORACLE_EDGES) {
        oracle_random(out, 32);
        if (at % 4 == 0) /* with long runs of ones or zeros, where carries go far */
            memset(out + at % 24, at % 8 ? 0xff : 0, 8);
        return;
    }
    BIGNUM *number = BN_new();
    cr_assert(number && (edges[at].of == POWER ? BN_set_bit(number, edges[at].bits)
                                               : BN_copy(number, edges[at].of == OF_P ? o->p : o->n) != NULL));
    cr_assert(edges[at].more < 0 ? BN_sub_word(number, (BN_ULONG)-edges[at].more)
                                 : BN_add_word(number, (BN_ULONG)edges[at].more));
    oracle_bytes(out, number);
    BN_free(number);
}

EC_POINT *oracle_sum(const BIGNUM *a, const EC_POINT *q, const BIGNUM *b)
{
    const oracle *o = the_oracle();
    EC_POINT *sum = EC_POINT_new(o->group);

    cr_assert(sum && EC_POINT_mul(o->group, sum, a, q, b, o->ctx));
    return sum;
}

void oracle_spki(uint8_t out[ORACLE_SPKI], const EC_POINT *point)
{
    static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                   0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
    const oracle *o = the_oracle();

    memcpy(out, head, sizeof head);
    cr_assert_eq(EC_POINT_point2oct(o->group, point, POINT_CONVERSION_UNCOMPRESSED, out + sizeof head, 65, o->ctx), 65);
}

void oracle_coordinates(const EC_POINT *point, uint8_t x[32], uint8_t y[32])
{
    uint8_t spki[ORACLE_SPKI];

    oracle_spki(spki, point);
    memcpy(x, spki + ORACLE_SPKI - 64, 32);
    memcpy(y, spki + ORACLE_SPKI - 32, 32);
}

size_t oracle_encode(uint8_t out[ORACLE_SIGNATURE_MAX], const BIGNUM *r, const BIGNUM *s)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    uint8_t *end = out;

    cr_assert(sig && ECDSA_SIG_set0(sig, BN_dup(r), BN_dup(s)));
    cr_assert_leq(i2d_ECDSA_SIG(sig, NULL), ORACLE_SIGNATURE_MAX);
    int len = i2d_ECDSA_SIG(sig, &end);
    cr_assert_gt(len, 0);
    ECDSA_SIG_free(sig);
    return (size_t)len;
}

bool oracle_verify(const uint8_t spki[ORACLE_SPKI], const uint8_t *digest, size_t digest_len, const uint8_t *sig,
                   size_t sig_len)
{
    const uint8_t *from = spki;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &from, ORACLE_SPKI);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

    cr_assert(key && ctx && EVP_PKEY_verify_init(ctx) == 1);
    bool good = EVP_PKEY_verify(ctx, sig, sig_len, digest, digest_len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return good;
}

BIGNUM *oracle_digest(const uint8_t *digest, size_t len)
{
    BIGNUM *number = BN_bin2bn(digest, len < 32 ? (int)len : 32, NULL);
    cr_assert_not_null(number);
    return number;
}

void oracle_sign(const BIGNUM *d, const BIGNUM *k, const uint8_t *digest, size_t digest_len, BIGNUM **out_r,
                 BIGNUM **out_s)
{
    const oracle *o = the_oracle();
    EC_POINT *point = oracle_sum(k, NULL, NULL);
    BIGNUM *e = oracle_digest(digest, digest_len), *r = BN_new(), *s = BN_new(), *inverse = BN_new();

    cr_assert(r && s && inverse && EC_POINT_get_affine_coordinates(o->group, point, r, NULL, o->ctx));
    cr_assert(BN_nnmod(r, r, o->n, o->ctx) && BN_mod_mul(s, r, d, o->n, o->ctx) && BN_mod_add(s, s, e, o->n, o->ctx) &&
              BN_mod_inverse(inverse, k, o->n, o->ctx) && BN_mod_mul(s, s, inverse, o->n, o->ctx));
    EC_POINT_free(point);
    BN_free(e);
    BN_free(inverse);
    *out_r = r;
    *out_s = s;
}
