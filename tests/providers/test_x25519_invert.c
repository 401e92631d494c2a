/* The inversion by division steps of providers/ifma beside Fermat's way: numbers whose answer is known, those near
 * powers of two and near p, patterns of bits, and random ones. */
#include <criterion/criterion.h>

#include "x25519_fermat.h"

TestSuite(x25519_invert, .timeout = 300);

#define WORDS HF_X25519_WORDS
#define RANDOM_ROUNDS 20000

static const uint64_t p[WORDS] = {UINT64_C(0xffffffffffffffed), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0) >> 1};

static uint64_t seed = 1;

/* splitmix64: the same numbers in every run. */
static uint64_t next_number(void)
{
    uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void is(const uint64_t x[WORDS], const uint64_t expected[WORDS])
{
    uint64_t out[WORDS];

    memset(out, 0xaa, sizeof out);
    hf_x25519_invert(out, x);
    cr_assert_arr_eq(out, expected, sizeof out, "1 / %016lx%016lx%016lx%016lx", x[3], x[2], x[1], x[0]);
}

/* Whatever x is, but for bit 255; and back again, in place. */
static void agrees(const uint64_t any[WORDS])
{
    uint64_t x[WORDS], expected[WORDS], again[WORDS];

    memcpy(x, any, sizeof x);
    x25519_reduce(x);
    x25519_fermat(expected, x);
    is(x, expected);
    memcpy(again, expected, sizeof again);
    hf_x25519_invert(again, again);
    cr_assert_arr_eq(again, x, sizeof again);
}

/* p - x, for x from 1 to p. */
static void opposite(uint64_t out[WORDS], const uint64_t x[WORDS])
{
    uint64_t borrow = 0;

    for (size_t i = 0; i < WORDS; i++) {
        uint64_t less = p[i] - x[i], word = less - borrow;
        borrow = (p[i] < x[i]) | (less < borrow);
        out[i] = word;
    }
}

Test(x25519_invert, numbers_whose_inverse_is_known)
{
    static const uint64_t zero[WORDS] = {0}, one[WORDS] = {1}, two[WORDS] = {2};
    /* (p + 1) / 2 */
    static const uint64_t half[WORDS] = {UINT64_C(0xfffffffffffffff7), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0) >> 2};
    uint64_t minus[WORDS], minus_half[WORDS];

    is(zero, zero);
    is(one, one);
    is(two, half);
    is(half, two);
    opposite(minus, one);
    is(minus, minus);
    opposite(minus, two);
    opposite(minus_half, half);
    is(minus, minus_half);
    is(minus_half, minus);
}

Test(x25519_invert, small_numbers_and_their_opposites)
{
    for (uint64_t n = 1; n <= 1000; n++) {
        uint64_t x[WORDS] = {n};
        agrees(x);
        opposite(x, x);
        agrees(x);
    }
}

/* 2^k and its neighbours, and the same below p. */
Test(x25519_invert, numbers_near_powers_of_two)
{
    for (size_t k = 1; k < 255; k++)
        for (uint64_t away = 0; away < 3; away++) {
            uint64_t x[WORDS] = {0};
            x[k / 64] = UINT64_C(1) << k % 64;
            for (size_t i = 0; away == 2 && i <= k / 64; i++) /* less 1 */
                x[i]--;
            x[0] |= away == 1;
            agrees(x);
            opposite(x, x);
            agrees(x);
        }
}

/* All numbers of four such words: long runs of zeros and ones, alternating bits, single bits. */
Test(x25519_invert, patterns_of_bits)
{
    static const uint64_t words[] = {0,
                                     1,
                                     ~UINT64_C(0),
                                     UINT64_C(1) << 63,
                                     UINT64_C(0x5555555555555555),
                                     UINT64_C(0xaaaaaaaaaaaaaaaa),
                                     UINT64_C(0x00000000ffffffff),
                                     UINT64_C(0xfffffffffffff000),
                                     UINT64_C(0x9249249249249249)};
    const size_t n = sizeof words / sizeof words[0];

    for (size_t i = 0; i < n * n * n * n; i++)
        agrees((uint64_t[WORDS]){words[i % n], words[i / n % n], words[i / n / n % n], words[i / n / n / n]});
}

Test(x25519_invert, random_numbers)
{
    for (size_t round = 0; round < RANDOM_ROUNDS; round++) {
        uint64_t x[WORDS];
        for (size_t i = 0; i < WORDS; i++)
            x[i] = next_number();
        if (round % 4 == 3) /* short ones */
            x[3] = x[2] = 0;
        agrees(x);
    }
}
