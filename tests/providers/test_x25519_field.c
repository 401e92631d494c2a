/* The field of providers/ifma (field.h) in plain C against libcrypto, of limbs up to the bounds that it states: the
 * numbers come out right, open where they should be open and tight where they should be tight. */
#include <criterion/criterion.h>
#include <openssl/bn.h>

#include "x25519_fermat.h"

TestSuite(x25519_field, .timeout = 300);

#define TIGHT ((UINT64_C(1) << 51) + (UINT64_C(1) << 15)) /* limbs are below */
#define OPEN (UINT64_C(127) << 52)
#define CARRIED (UINT64_C(1) << 61) /* what fe_carry takes */
#define NUMBERS 48                  /* each with each */

static uint64_t seed = 1;

/* splitmix64: the same numbers in every run. */
static uint64_t next_number(void)
{
    uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static BN_CTX *context;
static BIGNUM *p;

static void set_up(void)
{
    context = BN_CTX_new();
    p = BN_new();
    cr_assert(context && p && BN_set_bit(p, 255) && BN_sub_word(p, 19));
}

static void tear_down(void)
{
    BN_free(p);
    BN_CTX_free(context);
}

/* Lane `lane` of a, modulo p; to be freed. */
static BIGNUM *number_of(const fe *a, size_t lane)
{
    BIGNUM *sum = BN_new();

    cr_assert_not_null(sum);
    for (size_t i = FE_LIMBS; i-- > 0;)
        cr_assert(BN_lshift(sum, sum, FE_BITS) && BN_add_word(sum, a->limb[i][lane]));
    cr_assert(BN_nnmod(sum, sum, p, context));
    return sum;
}

/* Limbs below `limit`: the highest, powers of two and their neighbours, 0, or random ones. */
static uint64_t limb(uint64_t limit, bool highest)
{
    uint64_t kind = next_number() % 5, any = next_number() % limit;

    if (highest || kind == 0)
        return limit - 1;
    if (kind == 1)
        return (UINT64_C(1) << any % 52) % limit;
    if (kind == 2)
        return ((UINT64_C(1) << any % 52) - 1) % limit;
    return kind == 3 ? 0 : any;
}

static fe some(uint64_t limit, bool highest)
{
    fe out;

    for (size_t i = 0; i < FE_LIMBS; i++)
        for (size_t lane = 0; lane < LANES; lane++)
            out.limb[i][lane] = limb(limit, highest);
    return out;
}

static void below(const fe *a, uint64_t limit)
{
    for (size_t i = 0; i < FE_LIMBS; i++)
        for (size_t lane = 0; lane < LANES; lane++)
            cr_assert_lt(a->limb[i][lane], limit, "limb %zu", i);
}

/* a b + c */
static void is_product(const fe *out, const fe *a, const fe *b, const fe *c)
{
    for (size_t lane = 0; lane < LANES; lane++) {
        BIGNUM *x = number_of(a, lane), *y = number_of(b, lane), *z = number_of(c, lane), *got = number_of(out, lane);
        cr_assert(BN_mod_mul(x, x, y, p, context) && BN_mod_add(x, x, z, p, context));
        cr_assert_eq(BN_cmp(x, got), 0);
        BN_free(x);
        BN_free(y);
        BN_free(z);
        BN_free(got);
    }
}

Test(x25519_field, products_and_squares, .init = set_up, .fini = tear_down)
{
    const fe zero = {{LANES_ALL(0), LANES_ALL(0), LANES_ALL(0), LANES_ALL(0), LANES_ALL(0)}};

    for (size_t n = 0; n < NUMBERS; n++)
        for (size_t m = 0; m < NUMBERS; m++) {
            fe a = some(TIGHT, n == 0), b = some(TIGHT, m == 0), sum = some(CARRIED - OPEN, m == 0);
            fe out = fe_multiply_open(a, b);
            below(&out, OPEN);
            is_product(&out, &a, &b, &zero);
            out = fe_multiply(a, b);
            below(&out, TIGHT);
            is_product(&out, &a, &b, &zero);
            out = fe_multiply_add(sum, a, b);
            is_product(&out, &a, &b, &sum);
            out = fe_square_open(a);
            below(&out, OPEN);
            is_product(&out, &a, &a, &zero);
            out = fe_square(a);
            below(&out, TIGHT);
            is_product(&out, &a, &a, &zero);
        }
}

Test(x25519_field, carries_and_words, .init = set_up, .fini = tear_down)
{
    const fe zero = {{LANES_ALL(0), LANES_ALL(0), LANES_ALL(0), LANES_ALL(0), LANES_ALL(0)}};
    const fe one = {{LANES_ALL(1), LANES_ALL(0), LANES_ALL(0), LANES_ALL(0), LANES_ALL(0)}};

    for (size_t n = 0; n < NUMBERS * NUMBERS; n++) {
        fe open = some(CARRIED, n == 0), tight = fe_carry(open), other = some(TIGHT, n == 1), out;
        lanes words[4];
        below(&tight, TIGHT);
        is_product(&tight, &open, &one, &zero);
        out = fe_add(tight, other);
        below(&out, TIGHT);
        is_product(&out, &tight, &one, &other);
        out = fe_subtract(tight, other);
        below(&out, TIGHT);
        is_product(&tight, &out, &one, &other);
        fe_to_words(other, words);
        out = fe_from_words(words);
        is_product(&out, &other, &one, &zero);
        for (size_t lane = 0; lane < LANES; lane++)
            cr_assert(words[3][lane] >> 63 == 0 && (words[0][lane] < ~UINT64_C(18) || ~words[1][lane] ||
                                                    ~words[2][lane] || words[3][lane] != ~UINT64_C(0) >> 1));
    }
}
