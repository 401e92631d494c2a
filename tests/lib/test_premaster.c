/* The PKCS#1 v1.5 check of RSA key transport (RFC 5246 section 7.4.7.1): the premaster when all is right, else the
 * fallback, and never anything between. */
#include <criterion/criterion.h>
#include <string.h>

#include "handfast/secret.h"

#define MODULUS 256

typedef struct block {
    uint8_t em[HF_RSA_MAX_BYTES + 16];
    size_t len;
    uint8_t premaster[HF_PREMASTER_SIZE], fallback[HF_PREMASTER_SIZE];
} block;

static void make(block *b, size_t len)
{
    memset(b->em, 0x5a, sizeof b->em);
    b->len = len;
    b->premaster[0] = b->premaster[1] = 3;
    for (size_t i = 2; i < HF_PREMASTER_SIZE; i++)
        b->premaster[i] = (uint8_t)(i * 5);
    memset(b->fallback, 0xfb, sizeof b->fallback);
    b->em[0] = 0;
    b->em[1] = 2;
    b->em[len - HF_PREMASTER_SIZE - 1] = 0;
    memcpy(b->em + len - HF_PREMASTER_SIZE, b->premaster, HF_PREMASTER_SIZE);
}

/* Whether the premaster came out; anything but it or the fallback fails the test, and so does a block not wiped. */
static bool accepted(block *b)
{
    uint8_t out[HF_PREMASTER_SIZE];
    memset(out, 0xcc, sizeof out);
    hf_premaster_unpad(b->em, b->len, 0x0303, b->fallback, out);
    for (size_t i = 0; i < b->len; i++)
        cr_assert_eq(b->em[i], 0, "byte %zu is not wiped", i);
    if (memcmp(out, b->premaster, sizeof out) == 0)
        return true;
    cr_assert_arr_eq(out, b->fallback, sizeof out);
    return false;
}

Test(premaster, good_block_of_every_modulus)
{
    block b;
    for (size_t len = HF_PREMASTER_SIZE + 11; len <= HF_RSA_MAX_BYTES; len++) {
        make(&b, len);
        cr_assert(accepted(&b), "%zu", len);
    }
}

Test(premaster, first_two_bytes)
{
    block b;
    for (unsigned v = 0; v < 256; v++) {
        make(&b, MODULUS);
        b.em[0] = (uint8_t)v;
        cr_assert_eq(accepted(&b), v == 0, "%u", v);
        make(&b, MODULUS);
        b.em[1] = (uint8_t)v;
        cr_assert_eq(accepted(&b), v == 2, "%u", v);
    }
}

/* A zero anywhere in the padding ends it too early: too short a padding, or too long a message. */
Test(premaster, zero_in_padding)
{
    block b;
    for (size_t at = 2; at < MODULUS - HF_PREMASTER_SIZE - 1; at++) {
        make(&b, MODULUS);
        b.em[at] = 0;
        cr_assert_not(accepted(&b), "%zu", at);
    }
}

Test(premaster, separator)
{
    block b;
    for (unsigned v = 0; v < 256; v++) {
        make(&b, MODULUS);
        b.em[MODULUS - HF_PREMASTER_SIZE - 1] = (uint8_t)v;
        cr_assert_eq(accepted(&b), v == 0, "%u", v);
    }
    make(&b, MODULUS);
    memset(b.em + 2, 0x5a, MODULUS - 2); /* no zero byte at all */
    cr_assert_not(accepted(&b));
}

/* The premaster is one byte shorter or longer: the separator stands one place off. */
Test(premaster, length_of_the_message)
{
    block b;
    for (size_t zero_at = 2; zero_at < MODULUS; zero_at++) {
        make(&b, MODULUS);
        memset(b.em + 2, 0x5a, MODULUS - 2);
        b.em[zero_at] = 0;
        size_t n = MODULUS - zero_at - 1;
        for (size_t i = 0; i < n && i < HF_PREMASTER_SIZE; i++)
            b.em[zero_at + 1 + i] = b.premaster[i];
        cr_assert_eq(accepted(&b), n == HF_PREMASTER_SIZE, "%zu bytes", n);
    }
}

Test(premaster, version)
{
    for (unsigned v = 0; v < 256; v++) {
        block b;
        make(&b, MODULUS);
        b.premaster[0] = b.em[MODULUS - HF_PREMASTER_SIZE] = (uint8_t)v;
        cr_assert_eq(accepted(&b), v == 3);
        make(&b, MODULUS);
        b.premaster[1] = b.em[MODULUS - HF_PREMASTER_SIZE + 1] = (uint8_t)v;
        cr_assert_eq(accepted(&b), v == 3);
    }
}

Test(premaster, other_client_version)
{
    block b;
    uint8_t out[HF_PREMASTER_SIZE];
    make(&b, MODULUS);
    hf_premaster_unpad(b.em, b.len, 0x0301, b.fallback, out);
    cr_assert_arr_eq(out, b.fallback, sizeof out);
    make(&b, MODULUS);
    b.em[MODULUS - HF_PREMASTER_SIZE + 1] = 1;
    hf_premaster_unpad(b.em, b.len, 0x0301, b.fallback, out);
    cr_assert_arr_eq(out + 2, b.premaster + 2, sizeof out - 2);
}

Test(premaster, modulus_out_of_range)
{
    block b;
    make(&b, MODULUS);
    for (size_t len = 0; len < HF_PREMASTER_SIZE + 11; len++) {
        make(&b, MODULUS);
        b.len = len;
        if (len > HF_PREMASTER_SIZE + 2) /* as well padded as there is room */
            make(&b, len);
        cr_assert_not(accepted(&b), "%zu", len);
    }
    make(&b, HF_RSA_MAX_BYTES + 1);
    cr_assert_not(accepted(&b));
}

/* hf_premaster_select: for tokens that remove the padding themselves. */
static bool selected(uint32_t ok, uint32_t len, uint8_t major, uint8_t minor)
{
    block b;
    uint8_t plain[HF_RSA_MAX_BYTES] = {0}, out[HF_PREMASTER_SIZE];
    make(&b, MODULUS);
    b.premaster[0] = major;
    b.premaster[1] = minor;
    memcpy(plain, b.premaster, sizeof b.premaster);
    hf_premaster_select(ok, plain, len, 0x0303, b.fallback, out);
    for (size_t i = 0; i < sizeof plain; i++)
        cr_assert_eq(plain[i], 0);
    if (memcmp(out, b.premaster, sizeof out) == 0)
        return true;
    cr_assert_arr_eq(out, b.fallback, sizeof out);
    return false;
}

Test(premaster, select)
{
    cr_assert(selected(0xffffffff, 48, 3, 3));
    cr_assert_not(selected(0, 48, 3, 3));
    cr_assert_not(selected(0xffffffff, 48, 3, 2));
    cr_assert_not(selected(0xffffffff, 48, 2, 3));
    static const uint32_t lengths[] = {0, 1, 47, 49, 256, 1024, 1025, 48 + 0x10000, 0x80000030, 0xffffffff};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        cr_assert_not(selected(0xffffffff, lengths[i], 3, 3), "%u", lengths[i]);
}
