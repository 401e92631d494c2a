/* providers/p256 against libcrypto: numbers modulo p and n, inverses, digits of scalars, the parser of signatures. */
#include <criterion/criterion.h>
#include <openssl/ecdsa.h>
#include <string.h>

#include "field.h"
#include "invert.h"
#include "p256_oracle.h"
#include "scalar.h"
#include "signature.h"
#include "table.h"

TestSuite(p256_numbers, .timeout = 300);

#define NUMBERS 160 /* each with each */

typedef int operation(BIGNUM *out, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, BN_CTX *ctx);

/* What bytes hold is what libcrypto computes of a and b modulo m. */
static void same(const uint8_t got[32], operation *op, const uint8_t a[32], const uint8_t b[32], const BIGNUM *m,
                 const char *what)
{
    BIGNUM *x = oracle_bn(a), *y = oracle_bn(b), *result = BN_new();
    uint8_t want[32];

    cr_assert(result && op(result, x, y, m, the_oracle()->ctx));
    oracle_bytes(want, result);
    cr_assert_arr_eq(got, want, 32, "%s", what);
    BN_free(x);
    BN_free(y);
    BN_free(result);
}

static int inverse_or_zero(BIGNUM *out, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, BN_CTX *ctx)
{
    (void)b;
    if (BN_is_zero(a))
        return BN_set_word(out, 0);
    return BN_mod_inverse(out, a, m, ctx) != NULL;
}

static bool is_below(const uint8_t number[32], const BIGNUM *m)
{
    BIGNUM *x = oracle_bn(number);
    bool below = BN_cmp(x, m) < 0;
    BN_free(x);
    return below;
}

Test(p256_numbers, field)
{
    const BIGNUM *p = the_oracle()->p;
    uint8_t numbers[NUMBERS][32], got[32];
    unsigned pairs = 0, refused = 0;

    for (size_t i = 0; i < NUMBERS; i++)
        oracle_number(numbers[i], i);
    for (size_t i = 0; i < NUMBERS; i++) {
        hf_fe a, b, c;
        bool below = is_below(numbers[i], p);
        cr_assert_eq(hf_fe_from_bytes(&a, numbers[i]), below, "%zu", i);
        refused += !below;
        if (!below)
            continue;
        hf_fe_to_bytes(got, &a);
        cr_assert_arr_eq(got, numbers[i], 32);
        hf_fe_sqr(&c, &a);
        hf_fe_to_bytes(got, &c);
        same(got, BN_mod_mul, numbers[i], numbers[i], p, "square");
        hf_fe_invert(&c, &a);
        hf_fe_to_bytes(got, &c);
        same(got, inverse_or_zero, numbers[i], numbers[i], p, "inverse");
        hf_fe_negate(&c, &a);
        hf_fe_add(&c, &c, &a);
        cr_assert(hf_fe_is_zero(&c));
        for (size_t j = 0; j < NUMBERS; j++) {
            if (!hf_fe_from_bytes(&b, numbers[j]))
                continue;
            hf_fe_mul(&c, &a, &b);
            hf_fe_to_bytes(got, &c);
            same(got, BN_mod_mul, numbers[i], numbers[j], p, "product");
            hf_fe_add(&c, &a, &b);
            hf_fe_to_bytes(got, &c);
            same(got, BN_mod_add, numbers[i], numbers[j], p, "sum");
            hf_fe_sub(&c, &a, &b);
            hf_fe_to_bytes(got, &c);
            same(got, BN_mod_sub, numbers[i], numbers[j], p, "difference");
            cr_assert_eq(hf_fe_equal(&a, &b), memcmp(numbers[i], numbers[j], 32) == 0);
            pairs++;
        }
    }
    cr_assert_geq(refused, 2);
    cr_assert_gt(pairs, 20000);
}

/* Results may stand where an operand stands. */
Test(p256_numbers, field_in_place)
{
    for (size_t i = 0; i < 2000; i++) {
        uint8_t x[32], y[32];
        hf_fe a, b, want, got;
        oracle_number(x, i);
        oracle_number(y, i + 7);
        if (!hf_fe_from_bytes(&a, x) || !hf_fe_from_bytes(&b, y))
            continue;
        hf_fe_mul(&want, &a, &b);
        got = a;
        hf_fe_mul(&got, &got, &b);
        cr_assert(hf_fe_equal(&got, &want));
        hf_fe_sub(&want, &a, &b);
        got = b;
        hf_fe_sub(&got, &a, &got);
        cr_assert(hf_fe_equal(&got, &want));
        hf_fe_add(&want, &a, &a);
        got = a;
        hf_fe_add(&got, &got, &got);
        cr_assert(hf_fe_equal(&got, &want));
    }
}

static void scalar_bytes(uint8_t out[32], const hf_scalar *a)
{
    hf_p256_limbs_write(out, a->l);
}

Test(p256_numbers, scalars)
{
    const oracle *o = the_oracle();
    uint8_t numbers[NUMBERS][32], got[32], shifted[32];
    BIGNUM *form = BN_new();
    unsigned pairs = 0, refused = 0;

    cr_assert(form && BN_set_bit(form, 256));
    for (size_t i = 0; i < NUMBERS; i++)
        oracle_number(numbers[i], i);
    for (size_t i = 0; i < NUMBERS; i++) {
        hf_scalar a, b, c;
        const uint8_t zero[32] = {0};
        bool in_range = is_below(numbers[i], o->n) && memcmp(numbers[i], zero, 32) != 0;
        cr_assert_eq(hf_scalar_from_bytes(&a, numbers[i]), in_range, "%zu", i);
        refused += !in_range;
        if (!in_range)
            continue;
        for (size_t j = 0; j < NUMBERS; j++) {
            if (!hf_scalar_from_bytes(&b, numbers[j]))
                continue;
            hf_scalar_divisor(&c, &b); /* c = 2^256 / b, and a * c / 2^256 = a / b */
            hf_scalar_mul(&c, &a, &c);
            BIGNUM *y = oracle_bn(numbers[j]);
            cr_assert(BN_mod_inverse(y, y, o->n, o->ctx));
            oracle_bytes(shifted, y);
            scalar_bytes(got, &c);
            same(got, BN_mod_mul, numbers[i], shifted, o->n, "quotient");
            BN_free(y);
            pairs++;
        }
    }
    BN_free(form);
    cr_assert_geq(refused, 5); /* 0, n, n + 1, p and those above */
    cr_assert_gt(pairs, 20000);
}

Test(p256_numbers, digests)
{
    const oracle *o = the_oracle();
    uint8_t digest[64], got[32], want[32];

    for (size_t at = 0; at < 200; at++)
        for (size_t len = 1; len <= sizeof digest; len++) {
            hf_scalar a;
            oracle_number(digest, at);
            oracle_random(digest + 32, 32);
            hf_scalar_from_digest(&a, digest, len);
            scalar_bytes(got, &a);
            BIGNUM *number = oracle_digest(digest, len);
            cr_assert(BN_nnmod(number, number, o->n, o->ctx));
            oracle_bytes(want, number);
            cr_assert_arr_eq(got, want, 32, "%zu, %zu bytes", at, len);
            BN_free(number);
        }
}

/* The digits are within the table, and their sum is the scalar. */
Test(p256_numbers, digits)
{
    const oracle *o = the_oracle();
    unsigned extreme = 0, scalars = 0;

    for (size_t at = 0; at < 3000; at++) {
        uint8_t bytes[32];
        hf_scalar a;
        hf_p256_digits digits;
        oracle_number(bytes, at);
        if (!hf_scalar_from_bytes(&a, bytes))
            continue;
        hf_p256_digits_of(&digits, &a);
        BIGNUM *sum = BN_new(), *want = oracle_bn(bytes);
        cr_assert_not_null(sum);
        for (int i = HF_P256_ROWS - 1; i >= 0; i--) {
            int d = digits.d[i];
            cr_assert(d >= -HF_P256_MULTIPLES && d <= HF_P256_MULTIPLES);
            extreme += d == HF_P256_MULTIPLES;
            cr_assert(BN_lshift(sum, sum, HF_P256_WINDOW));
            cr_assert(d < 0 ? BN_sub_word(sum, (BN_ULONG)-d) : BN_add_word(sum, (BN_ULONG)d));
        }
        cr_assert_eq(BN_cmp(sum, want), 0, "%zu", at);
        BN_free(sum);
        BN_free(want);
        scalars++;
    }
    (void)o;
    cr_assert_gt(extreme, 10);
    cr_assert_gt(scalars, 2900);
}

/* ---- Signatures ---- */

/* What libcrypto parses, encodes in the same way again, and has in range. */
static bool is_strict(const uint8_t *sig, size_t len, uint8_t r[32], uint8_t s[32])
{
    const oracle *o = the_oracle();
    const uint8_t *from = sig;
    uint8_t again[2 * ORACLE_SIGNATURE_MAX], *end = again;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &from, (long)len);
    bool good = parsed && from == sig + len && i2d_ECDSA_SIG(parsed, NULL) == (int)len;

    if (good) {
        const BIGNUM *numbers[] = {ECDSA_SIG_get0_r(parsed), ECDSA_SIG_get0_s(parsed)};
        for (int i = 0; i < 2; i++)
            good = good && !BN_is_negative(numbers[i]) && !BN_is_zero(numbers[i]) && BN_cmp(numbers[i], o->n) < 0;
        good = good && i2d_ECDSA_SIG(parsed, &end) == (int)len && memcmp(again, sig, len) == 0;
        if (good) {
            oracle_bytes(r, numbers[0]);
            oracle_bytes(s, numbers[1]);
        }
    }
    ECDSA_SIG_free(parsed);
    return good;
}

static bool parses_as_libcrypto(const uint8_t *sig, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1), want[2][32], got[32];
    hf_scalar r, s;

    cr_assert_not_null(exact);
    memcpy(exact, sig, len); /* exactly as long, so that a sanitizer sees a step too far */
    bool strict = is_strict(sig, len, want[0], want[1]);
    cr_assert_eq(hf_p256_signature_read(exact, len, &r, &s), strict, "%zu bytes", len);
    free(exact);
    if (strict) {
        scalar_bytes(got, &r);
        cr_assert_arr_eq(got, want[0], 32);
        scalar_bytes(got, &s);
        cr_assert_arr_eq(got, want[1], 32);
    }
    return strict;
}

/* Numbers of every length, and each byte of the encoding changed to what may mean something; cut and lengthened. */
Test(p256_numbers, signatures_are_strict_der)
{
    static const uint8_t values[] = {0,    1,    2,    3,    0x1f, 0x20, 0x21, 0x22, 0x30, 0x31,
                                     0x44, 0x45, 0x46, 0x47, 0x7f, 0x80, 0x81, 0x82, 0xff};
    unsigned taken = 0, refused = 0;

    for (size_t at = 0; at < 120; at++) {
        uint8_t bytes[2][32], sig[ORACLE_SIGNATURE_MAX + 4] = {0};
        oracle_number(bytes[0], at);
        oracle_number(bytes[1], (at * 7) % 120);
        memset(bytes[0], 0, at % 5 == 0 ? at % 32 : 0);
        memset(bytes[1], 0, at % 7 == 0 ? at % 32 : 0);
        BIGNUM *r = oracle_bn(bytes[0]), *s = oracle_bn(bytes[1]);
        size_t len = oracle_encode(sig, r, s);
        BN_free(r);
        BN_free(s);
        taken += parses_as_libcrypto(sig, len);
        for (size_t cut = 0; cut < len; cut++)
            cr_assert_not(parses_as_libcrypto(sig, cut));
        cr_assert_not(parses_as_libcrypto(sig, len + 1));
        for (size_t i = 0; i < len; i++)
            for (size_t v = 0; v < sizeof values; v++) {
                uint8_t old = sig[i];
                sig[i] = values[v];
                refused += !parses_as_libcrypto(sig, len);
                sig[i] = old;
            }
    }
    cr_assert_gt(taken, 90);
    cr_assert_gt(refused, 10000);
}
