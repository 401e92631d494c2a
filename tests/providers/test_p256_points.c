/* providers/p256 against libcrypto: sums of points, whatever they are, and the tables of multiples. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "p256.h"
#include "p256_oracle.h"

TestSuite(p256_points, .timeout = 300);

static BIGNUM *small(int value)
{
    BIGNUM *number = BN_new();

    cr_assert(number && BN_set_word(number, (BN_ULONG)abs(value)));
    BN_set_negative(number, value < 0);
    return number;
}

/* The affine form of k * G; k is not 0. */
static hf_affine multiple(int k)
{
    BIGNUM *number = small(k);
    EC_POINT *point = oracle_sum(number, NULL, NULL);
    uint8_t x[32], y[32];
    hf_affine out;

    oracle_coordinates(point, x, y);
    cr_assert(hf_affine_from_bytes(&out, x, y));
    EC_POINT_free(point);
    BN_free(number);
    return out;
}

static bool affine_equal(const hf_affine *a, const hf_affine *b)
{
    return hf_fe_equal(&a->x, &b->x) && hf_fe_equal(&a->y, &b->y);
}

/* i * G, with Z of its own: it came about by adding 5 G to (i - 5) G, or G to 0. */
static hf_sum sum_of(int i)
{
    hf_affine five = multiple(5), rest;
    hf_sum sum;

    hf_sum_clear(&sum);
    if (i == 0)
        return sum;
    if (i == 5) {
        hf_sum_add(&sum, &five);
        return sum;
    }
    rest = multiple(i - 5);
    hf_sum_add(&sum, &rest);
    hf_sum_add(&sum, &five);
    return sum;
}

/* Every i G + j G: the same point, the opposite one, infinity on the left, and plain sums. */
Test(p256_points, addition_is_complete)
{
    for (int i = -12; i <= 12; i++)
        for (int j = -12; j <= 12; j++) {
            if (j == 0)
                continue;
            hf_sum sum = sum_of(i);
            hf_affine other = multiple(j), got;
            cr_assert_eq(hf_sum_is_infinity(&sum), i == 0);
            hf_sum_add(&sum, &other);
            cr_assert_eq(hf_sum_is_infinity(&sum), i + j == 0, "%d %d", i, j);
            if (i + j == 0)
                continue;
            hf_affine want = multiple(i + j);
            hf_sum_to_affine(&got, &sum, 1);
            cr_assert(affine_equal(&got, &want), "%d + %d", i, j);
        }
}

/* Infinity in the middle of a sum is left again. */
Test(p256_points, infinity_on_the_way)
{
    hf_affine two = multiple(2), minus_two = multiple(-2), three = multiple(3), got;
    hf_sum sum;

    hf_sum_clear(&sum);
    hf_sum_add(&sum, &two);
    hf_sum_add(&sum, &minus_two);
    cr_assert(hf_sum_is_infinity(&sum));
    hf_sum_add(&sum, &three);
    hf_sum_to_affine(&got, &sum, 1);
    cr_assert(affine_equal(&got, &three));
}

static void table_is_right(const hf_p256_table *table, const EC_POINT *point)
{
    const oracle *o = the_oracle();
    EC_POINT *base = EC_POINT_dup(point, o->group), *sum = EC_POINT_new(o->group);

    cr_assert(base && sum);
    for (int i = 0; i < HF_P256_ROWS; i++) {
        cr_assert(EC_POINT_copy(sum, base));
        for (int j = 0; j < HF_P256_MULTIPLES; j++) {
            uint8_t x[32], y[32], got[32];
            oracle_coordinates(sum, x, y);
            hf_fe_to_bytes(got, &table->rows[i][j].x);
            cr_assert_arr_eq(got, x, 32, "row %d, %d times", i, j + 1);
            hf_fe_to_bytes(got, &table->rows[i][j].y);
            cr_assert_arr_eq(got, y, 32, "row %d, %d times", i, j + 1);
            cr_assert(EC_POINT_add(o->group, sum, sum, base, o->ctx));
        }
        for (int bit = 0; bit < HF_P256_WINDOW; bit++)
            cr_assert(EC_POINT_dbl(o->group, base, base, o->ctx));
    }
    EC_POINT_free(base);
    EC_POINT_free(sum);
}

static hf_p256_table *table_of(const EC_POINT *point)
{
    uint8_t spki[ORACLE_SPKI];
    hf_p256_table *table = aligned_alloc(HF_VERIFIER_ALIGN, sizeof *table);

    cr_assert_not_null(table);
    oracle_spki(spki, point);
    cr_assert_eq(hf_p256_prepare(table, spki, sizeof spki), HF_OK);
    return table;
}

Test(p256_points, tables)
{
    const oracle *o = the_oracle();

    table_is_right(hf_p256_base_table(), EC_GROUP_get0_generator(o->group));
    for (size_t at = 0; at < 3; at++) {
        uint8_t bytes[32];
        oracle_number(bytes, at == 0 ? 22 : ORACLE_EDGES + at); /* n - 2: -2 G */
        BIGNUM *d = oracle_bn(bytes);
        EC_POINT *point = oracle_sum(d, NULL, NULL);
        hf_p256_table *table = table_of(point);
        table_is_right(table, point);
        free(table);
        EC_POINT_free(point);
        BN_free(d);
    }
}

/* The table's sums over all digits there are. */
Test(p256_points, multiplication)
{
    unsigned run = 0;

    for (size_t at = 0; at < 400; at++) {
        uint8_t bytes[32], x[32], y[32], got[32];
        hf_scalar scalar;
        hf_p256_digits digits;
        hf_affine affine;
        hf_sum sum;
        oracle_number(bytes, at);
        if (!hf_scalar_from_bytes(&scalar, bytes))
            continue;
        hf_p256_digits_of(&digits, &scalar);
        hf_sum_clear(&sum);
        hf_p256_table_add(&sum, hf_p256_base_table(), &digits);
        hf_sum_to_affine(&affine, &sum, 1);
        BIGNUM *k = oracle_bn(bytes);
        EC_POINT *want = oracle_sum(k, NULL, NULL);
        oracle_coordinates(want, x, y);
        hf_fe_to_bytes(got, &affine.x);
        cr_assert_arr_eq(got, x, 32, "%zu", at);
        hf_fe_to_bytes(got, &affine.y);
        cr_assert_arr_eq(got, y, 32, "%zu", at);
        EC_POINT_free(want);
        BN_free(k);
        run++;
    }
    cr_assert_gt(run, 380);
}

/* ---- Keys that are taken, and those that are not ---- */

Test(p256_points, keys_that_are_refused)
{
    const oracle *o = the_oracle();
    hf_p256_table *table = table_of(EC_GROUP_get0_generator(o->group));
    uint8_t good[ORACLE_SPKI], bad[ORACLE_SPKI + 1], p[32];

    oracle_spki(good, EC_GROUP_get0_generator(o->group));
    for (size_t i = 0; i < ORACLE_SPKI; i++)
        for (unsigned bit = 0; bit < 8; bit++) { /* not the head, or not on the curve */
            memcpy(bad, good, sizeof good);
            bad[i] ^= (uint8_t)(1u << bit);
            cr_assert_eq(hf_p256_prepare(table, bad, ORACLE_SPKI), i < 27 ? HF_ERR_UNSUPPORTED : HF_ERR_DECODE, "%zu",
                         i);
        }
    memcpy(bad, good, sizeof good);
    bad[ORACLE_SPKI] = 0;
    cr_assert_eq(hf_p256_prepare(table, bad, ORACLE_SPKI + 1), HF_ERR_UNSUPPORTED);
    for (size_t len = 0; len < ORACLE_SPKI; len++)
        cr_assert_eq(hf_p256_prepare(table, bad, len), HF_ERR_UNSUPPORTED);
    oracle_bytes(p, o->p);
    memcpy(bad + 27, p, 32); /* x = p: 0 once more, whose y is on the curve with it */
    cr_assert_eq(hf_p256_prepare(table, bad, ORACLE_SPKI), HF_ERR_DECODE);
    memcpy(bad, good, sizeof good);
    memset(bad + 27, 0, 64); /* what some take for infinity */
    cr_assert_eq(hf_p256_prepare(table, bad, ORACLE_SPKI), HF_ERR_DECODE);
    free(table);
}

/* x below p and x + p are the same number modulo p, but only one is its encoding. */
Test(p256_points, coordinates_have_one_encoding)
{
    const oracle *o = the_oracle();
    uint8_t spki[ORACLE_SPKI];
    hf_p256_table *table = table_of(EC_GROUP_get0_generator(o->group));
    EC_POINT *point = EC_POINT_new(o->group);
    BIGNUM *x = BN_new(), *above = BN_new();
    int tried = 0;

    cr_assert(point && x && above);
    for (int value = 0; value < 40; value++) { /* such x leave room for x + p in 256 bits */
        cr_assert(BN_set_word(x, (BN_ULONG)value));
        if (!EC_POINT_set_compressed_coordinates(o->group, point, x, 0, o->ctx))
            continue;
        oracle_spki(spki, point);
        cr_assert_eq(hf_p256_prepare(table, spki, sizeof spki), HF_OK, "%d", value);
        cr_assert(BN_add(above, x, o->p));
        oracle_bytes(spki + 27, above);
        cr_assert_eq(hf_p256_prepare(table, spki, sizeof spki), HF_ERR_DECODE, "%d", value);
        tried++;
    }
    cr_assert_gt(tried, 10);
    BN_free(x);
    BN_free(above);
    EC_POINT_free(point);
    free(table);
}
