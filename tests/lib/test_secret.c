/* Masks, wiping, constant-time compare and copy, against plain C. That they take the same time for any bytes is
 * checked elsewhere; here: that they are right. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "handfast/secret.h"

static const uint32_t edges[] = {0,          1,          2,          0x7f,       0x80,       0xff,
                                 0x100,      0xffff,     0x10000,    0x7ffffffe, 0x7fffffff, 0x80000000,
                                 0x80000001, 0xaaaaaaaa, 0x55555555, 0xfffffffd, 0xfffffffe, 0xffffffff};
#define N_EDGES (sizeof edges / sizeof edges[0])

static uint32_t mask(int truth)
{
    return truth ? 0xffffffff : 0;
}

Test(secret, comparisons_of_edge_values)
{
    for (size_t i = 0; i < N_EDGES; i++) {
        uint32_t a = edges[i];
        cr_assert_eq(hf_ct_is_nonzero(a), mask(a != 0), "%x", a);
        cr_assert_eq(hf_ct_is_zero(a), mask(a == 0), "%x", a);
        for (size_t j = 0; j < N_EDGES; j++) {
            uint32_t b = edges[j];
            cr_assert_eq(hf_ct_eq(a, b), mask(a == b), "%x %x", a, b);
            cr_assert_eq(hf_ct_lt(a, b), mask(a < b), "%x %x", a, b);
            cr_assert_eq(hf_ct_le(a, b), mask(a <= b), "%x %x", a, b);
            cr_assert_eq(hf_ct_select(0xffffffff, a, b), a);
            cr_assert_eq(hf_ct_select(0, a, b), b);
            cr_assert_eq(hf_ct_select8(0xffffffff, (uint8_t)a, (uint8_t)b), (uint8_t)a);
            cr_assert_eq(hf_ct_select8(0, (uint8_t)a, (uint8_t)b), (uint8_t)b);
        }
    }
}

Test(secret, comparisons_of_random_values)
{
    uint32_t x = 0x2545f491;
    for (unsigned i = 0; i < 100000; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        uint32_t a = x;
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        uint32_t b = i % 4 ? x : a + i % 3 - 1;
        cr_assert_eq(hf_ct_eq(a, b), mask(a == b), "%x %x", a, b);
        cr_assert_eq(hf_ct_lt(a, b), mask(a < b), "%x %x", a, b);
        cr_assert_eq(hf_ct_le(a, b), mask(a <= b), "%x %x", a, b);
    }
}

/* Every single bit of every byte is seen. */
Test(secret, equal_sees_every_bit)
{
    uint8_t a[67], b[67];
    for (size_t i = 0; i < sizeof a; i++)
        a[i] = b[i] = (uint8_t)(i * 37);
    for (size_t len = 0; len <= sizeof a; len++)
        cr_assert_eq(hf_ct_equal(a, b, len), 0xffffffff);
    for (size_t i = 0; i < sizeof a; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            b[i] ^= (uint8_t)(1 << bit);
            cr_assert_eq(hf_ct_equal(a, b, sizeof a), 0, "byte %zu bit %u", i, bit);
            cr_assert_eq(hf_ct_equal(a, b, i), 0xffffffff, "bytes before %zu", i);
            b[i] ^= (uint8_t)(1 << bit);
        }
    cr_assert_eq(hf_ct_equal(NULL, NULL, 0), 0xffffffff);
}

Test(secret, copy_if)
{
    uint8_t in[33], out[34];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i + 100);
    for (size_t len = 0; len <= sizeof in; len++) {
        memset(out, 0xee, sizeof out);
        hf_ct_copy_if(0, out, in, len);
        for (size_t i = 0; i < sizeof out; i++)
            cr_assert_eq(out[i], 0xee);
        hf_ct_copy_if(0xffffffff, out, in, len);
        cr_assert_eq(memcmp(out, in, len), 0);
        cr_assert_eq(out[len], 0xee);
    }
}

Test(secret, wipe)
{
    uint8_t room[64];
    for (size_t at = 0; at < 8; at++)
        for (size_t len = 0; len + at <= sizeof room; len++) {
            memset(room, 0xdd, sizeof room);
            hf_wipe(room + at, len);
            for (size_t i = 0; i < sizeof room; i++)
                cr_assert_eq(room[i], i >= at && i < at + len ? 0 : 0xdd);
        }
    hf_wipe(NULL, 0);
}
