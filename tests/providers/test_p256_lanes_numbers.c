/* The field in lanes of providers/p256 against libcrypto: products, squares, and what carries make of sums, of numbers
 * up to the bounds that field_lanes.h states. Compiled with the vectors' options: whoever calls asks the CPU first. */
#include <criterion/criterion.h>
#include <string.h>

#include "field_lanes.h"
#include "lanes.h"
#include "p256_oracle.h"

TestSuite(p256_lanes_numbers, .timeout = 300);

#define NUMBERS 64 /* each with each */

static BIGNUM *zero(void)
{
    BIGNUM *number = BN_new();

    cr_assert_not_null(number);
    return number;
}

/* Lane `lane` of limbs that may be negative. */
static BIGNUM *number_of(const fe8 *a, size_t lane)
{
    BIGNUM *sum = zero(), *limb = zero();

    for (size_t i = FE8_LIMBS; i-- > 0;) {
        int64_t value = (int64_t)a->limb[i][lane];
        cr_assert(BN_lshift(sum, sum, FE8_BITS) && BN_set_word(limb, (BN_ULONG)(value < 0 ? -value : value)));
        BN_set_negative(limb, value < 0);
        cr_assert(BN_add(sum, sum, limb));
    }
    BN_free(limb);
    return sum;
}

static void put(fe8 *out, size_t lane, const BIGNUM *number)
{
    BIGNUM *limb = zero(), *rest = BN_dup(number);

    cr_assert(rest && BN_num_bits(number) <= 258);
    for (size_t i = 0; i < FE8_LIMBS; i++) {
        cr_assert(BN_copy(limb, rest));
        if (BN_num_bits(limb) > FE8_BITS)
            cr_assert(BN_mask_bits(limb, FE8_BITS));
        out->limb[i][lane] = BN_get_word(limb);
        cr_assert(BN_rshift(rest, rest, FE8_BITS));
    }
    BN_free(limb);
    BN_free(rest);
}

/* Numbers below 2^258: the edges of the field, with a few p upon them, all ones, limbs of ones and zeros by turns, and
 * random ones. */
static BIGNUM *number(size_t at)
{
    const oracle *o = the_oracle();
    uint8_t bytes[32];

    if (at == 0) {
        BIGNUM *most = zero();
        cr_assert(BN_set_bit(most, 258) && BN_sub_word(most, 1));
        return most;
    }
    if (at < 8) { /* limbs of ones, of those that the bits of `at` name */
        BIGNUM *ones = zero();
        for (int bit = 0; bit < 258; bit++)
            if (at >> (bit / 52 % 3) & 1)
                cr_assert(BN_set_bit(ones, bit));
        return ones;
    }
    oracle_number(bytes, at - 8);
    BIGNUM *plain = oracle_bn(bytes);
    for (size_t i = 0; i < at % 3; i++)
        cr_assert(BN_add(plain, plain, o->p));
    return plain;
}

/* Carried: every limb has 52 bits, and the whole number as many as it may. */
static void is_carried(const fe8 *a, size_t lane, int bits)
{
    BIGNUM *value = number_of(a, lane);

    for (size_t i = 0; i < FE8_LIMBS; i++)
        cr_assert_eq(a->limb[i][lane] >> FE8_BITS, 0);
    cr_assert_leq(BN_num_bits(value), bits);
    BN_free(value);
}

static void same_modulo_p(const BIGNUM *got, const BIGNUM *want)
{
    const oracle *o = the_oracle();
    BIGNUM *difference = zero();

    cr_assert(BN_sub(difference, got, want) && BN_nnmod(difference, difference, o->p, o->ctx));
    cr_assert(BN_is_zero(difference));
    BN_free(difference);
}

/* 2^260 times lane `lane` of product is a * b. */
static void is_product(const fe8 *product, size_t lane, const BIGNUM *a, const BIGNUM *b)
{
    BIGNUM *got = number_of(product, lane), *want = zero();

    cr_assert(BN_lshift(got, got, 260) && BN_mul(want, a, b, the_oracle()->ctx));
    same_modulo_p(got, want);
    BN_free(got);
    BN_free(want);
}

Test(p256_lanes_numbers, products)
{
    BIGNUM *numbers[NUMBERS];
    unsigned pairs = 0;

    if (!hf_p256_lanes_can())
        return;
    for (size_t i = 0; i < NUMBERS; i++)
        numbers[i] = number(i);
    for (size_t i = 0; i < NUMBERS; i++)
        for (size_t j = 0; j < NUMBERS; j += LANES) {
            fe8 a, b;
            for (size_t lane = 0; lane < LANES; lane++) {
                put(&a, lane, numbers[(i + lane) % NUMBERS]);
                put(&b, lane, numbers[j + lane]);
            }
            fe8 product = fe8_carry(fe8_mul(&a, &b)), square = fe8_carry(fe8_sqr(&a));
            product8 twice = {{{0}}};
            product8_add(&twice, &a, &b);
            product8_add(&twice, &a, &b);
            fe8 sum = fe8_carry(fe8_reduce(twice));
            for (size_t lane = 0; lane < LANES; lane++) {
                const BIGNUM *x = numbers[(i + lane) % NUMBERS], *y = numbers[j + lane];
                is_carried(&product, lane, 257);
                is_carried(&square, lane, 257);
                is_carried(&sum, lane, 258);
                is_product(&product, lane, x, y);
                is_product(&square, lane, x, x);
                BIGNUM *y2 = zero();
                cr_assert(BN_add(y2, y, y));
                is_product(&sum, lane, x, y2);
                BN_free(y2);
                pairs++;
            }
        }
    cr_assert_eq(pairs, NUMBERS * NUMBERS);
    for (size_t i = 0; i < NUMBERS; i++)
        BN_free(numbers[i]);
}

/* Limbs of any sign, each as large as it may be in turn: settled, they are the same number modulo p, and in bounds. */
Test(p256_lanes_numbers, settled_sums)
{
    static const int64_t limbs[] = {
        0, 1, -1, INT64_C(0xfffffffffffff), -INT64_C(0xfffffffffffff), INT64_C(1) << 59, -(INT64_C(1) << 59)};
    static const int64_t tops[] = {
        0, -1, INT64_C(1) << 48, (INT64_C(1) << 48) - 1, -(INT64_C(1) << 48), INT64_C(1) << 53, -(INT64_C(1) << 53)};
    enum { CHOICES = sizeof limbs / sizeof limbs[0], ALL = CHOICES * CHOICES * CHOICES * CHOICES * CHOICES };
    unsigned tried = 0;

    if (!hf_p256_lanes_can())
        return;
    for (unsigned at = 0; at + LANES <= ALL; at += LANES) {
        fe8 a;
        for (unsigned lane = 0; lane < LANES; lane++) {
            unsigned which = at + lane;
            for (size_t i = 0; i < FE8_LIMBS - 1; i++, which /= CHOICES)
                a.limb[i][lane] = (uint64_t)limbs[which % CHOICES];
            a.limb[FE8_LIMBS - 1][lane] = (uint64_t)tops[which];
        }
        fe8 settled = fe8_settle(a), least = fe8_below_2p(settled);
        for (size_t lane = 0; lane < LANES; lane++) {
            BIGNUM *before = number_of(&a, lane), *after = number_of(&settled, lane), *last = number_of(&least, lane);
            is_carried(&settled, lane, 258);
            is_carried(&least, lane, 257);
            cr_assert_geq(BN_num_bits(after), 255);
            same_modulo_p(after, before);
            same_modulo_p(last, before);
            cr_assert(BN_sub(last, last, the_oracle()->p) && BN_cmp(last, the_oracle()->p) < 0);
            BN_free(before);
            BN_free(after);
            BN_free(last);
            tried++;
        }
    }
    cr_assert_gt(tried, 16000);
}
