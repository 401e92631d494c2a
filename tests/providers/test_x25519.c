/* X25519 of every provider that has it: RFC 7748's answers, shares that must be refused, and a comparison with
 * libcrypto. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "handfast/providers.h"
#include "handfast/secret.h"

#define SIZE 32
#define RANDOM_ROUNDS 3000

static uint64_t seed = 1;

/* splitmix64: the same numbers in every run. */
static uint64_t next_number(void)
{
    uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static const hf_group *x25519_of(const hf_provider *provider)
{
    const char *why = "";

    if (!provider || !provider->available(&why))
        return NULL;
    for (size_t i = 0; provider->groups && provider->groups[i]; i++)
        if (provider->groups[i]->id == HF_GROUP_X25519)
            return provider->groups[i];
    return NULL;
}

/* Runs `test` for each implementation on this machine: libcrypto's always, ours where the CPU has IFMA. */
static void each(void (*test)(const hf_group *group))
{
    const hf_provider *ifma = hf_provider_by_name("ifma");
    const char *why = "";
    size_t n = 0;

    for (size_t i = 0; hf_providers()[i]; i++)
        if (x25519_of(hf_providers()[i])) {
            test(x25519_of(hf_providers()[i]));
            n++;
        }
    cr_assert_eq(n, ifma && ifma->available(&why) ? 2 : 1);
}

static void from_hex(const char *hex, uint8_t out[SIZE])
{
    cr_assert_eq(strlen(hex), 2 * SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        unsigned byte;
        cr_assert_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
}

/* The function X25519 by way of the contract. */
static hf_status function(const hf_group *group, const uint8_t *scalar, const uint8_t *u, uint8_t *out_public,
                          uint8_t *out)
{
    void *private_key = NULL;

    cr_assert_eq(group->import(scalar, SIZE, &private_key, out_public), HF_OK);
    hf_status status = group->derive(private_key, u, SIZE, out);
    group->destroy(private_key);
    return status;
}

static void is(const hf_group *group, const char *scalar_hex, const char *u_hex, const char *public_hex,
               const char *out_hex)
{
    uint8_t scalar[SIZE], u[SIZE], expected[SIZE], out[SIZE], public[SIZE];

    from_hex(scalar_hex, scalar);
    from_hex(u_hex, u);
    from_hex(out_hex, expected);
    cr_assert_eq(function(group, scalar, u, public, out), HF_OK);
    cr_assert_arr_eq(out, expected, SIZE, "%s: %s", group->provider->name, scalar_hex);
    if (!public_hex)
        return;
    from_hex(public_hex, expected);
    cr_assert_arr_eq(public, expected, SIZE, "%s: public of %s", group->provider->name, scalar_hex);
}

/* Sections 5.2 and 6.1. */
static void vectors(const hf_group *group)
{
    is(group, "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
       "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", NULL,
       "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    is(group, "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
       "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493", NULL,
       "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
    is(group, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
       "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
       "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
       "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    is(group, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
       "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
       "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
       "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

Test(x25519, answers_of_rfc_7748)
{
    each(vectors);
}

/* Section 5.2: k and u start as 9, and k becomes the result, u what k was. */
static void iterated(const hf_group *group)
{
    uint8_t k[SIZE] = {9}, u[SIZE] = {9}, out[SIZE], public[SIZE], expected[SIZE];

    for (size_t round = 1; round <= 1000; round++) {
        cr_assert_eq(function(group, k, u, public, out), HF_OK);
        memcpy(u, k, SIZE);
        memcpy(k, out, SIZE);
        if (round == 1) {
            from_hex("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079", expected);
            cr_assert_arr_eq(k, expected, SIZE, "%s", group->provider->name);
        }
    }
    from_hex("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51", expected);
    cr_assert_arr_eq(k, expected, SIZE, "%s", group->provider->name);
}

Test(x25519, a_thousand_iterations)
{
    each(iterated);
}

/* ---- What peers may send ---- */

static void refused(const hf_group *group, const char *u_hex)
{
    uint8_t scalar[SIZE], u[SIZE], out[SIZE], public[SIZE];
    static const uint8_t zero[SIZE];

    for (size_t i = 0; i < SIZE; i++)
        scalar[i] = (uint8_t)next_number();
    from_hex(u_hex, u);
    for (size_t high = 0; high < 2; high++) { /* bit 255 does not count */
        memset(out, 0xaa, sizeof out);
        cr_assert_eq(function(group, scalar, u, public, out), HF_ERR_VERIFY, "%s: %s", group->provider->name, u_hex);
        cr_assert_arr_eq(out, zero, SIZE);
        u[SIZE - 1] |= 0x80;
    }
}

/* All coordinates of small order, of the curve and of its twist, below and above p. */
static void small_orders(const hf_group *group)
{
    refused(group, "0000000000000000000000000000000000000000000000000000000000000000");
    refused(group, "0100000000000000000000000000000000000000000000000000000000000000");
    refused(group, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    refused(group, "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157");
    refused(group, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"); /* p - 1 */
    refused(group, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"); /* p */
    refused(group, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"); /* p + 1 */
}

Test(x25519, results_of_zero_are_refused)
{
    each(small_orders);
}

/* 2 to 18 have a second form, p + n: accepted, and the same (section 5). Bit 255 is dropped. */
static void second_forms(const hf_group *group)
{
    uint8_t scalar[SIZE], public[SIZE], first[SIZE], second[SIZE];

    for (uint8_t n = 2; n <= 18; n++) {
        uint8_t u[SIZE] = {n}, other[SIZE];
        for (size_t i = 0; i < SIZE; i++)
            scalar[i] = (uint8_t)next_number();
        memset(other, 0xff, sizeof other);
        other[0] = (uint8_t)(0xed + n);
        other[SIZE - 1] = n % 2 ? 0x7f : 0xff;
        cr_assert_eq(function(group, scalar, u, public, first), HF_OK);
        cr_assert_eq(function(group, scalar, other, public, second), HF_OK);
        cr_assert_arr_eq(first, second, SIZE, "%s: %u", group->provider->name, n);
    }
}

Test(x25519, other_forms_of_a_coordinate_are_accepted)
{
    each(second_forms);
}

static void lengths(const hf_group *group)
{
    uint8_t share[SIZE + 1], out[SIZE];
    static const uint8_t zero[SIZE], nine[SIZE + 1] = {9};
    void *key = NULL, *other = &key;

    cr_assert_eq(group->generate(&key, share), HF_OK);
    for (size_t len = 0; len <= SIZE + 1; len++) {
        memset(out, 0xaa, sizeof out);
        cr_assert_eq(group->derive(key, nine, len, out), len == SIZE ? HF_OK : HF_ERR_VERIFY);
        if (len != SIZE)
            cr_assert_arr_eq(out, zero, SIZE);
    }
    cr_assert_eq(group->import(nine, SIZE - 1, &other, share), HF_ERR_INVALID);
    cr_assert_eq(group->import(nine, SIZE + 1, &other, share), HF_ERR_INVALID);
    cr_assert_eq(other, &key);
    group->destroy(key);
    group->destroy(NULL);
}

Test(x25519, shares_of_another_length_are_refused)
{
    each(lengths);
}

/* ---- Against libcrypto ---- */

/* Random bytes; or, to meet the carries, words of ones and zeros with a few bits turned over. */
static void fill(uint8_t out[SIZE], bool extreme)
{
    for (size_t i = 0; i < SIZE; i += 8) {
        uint64_t word = next_number();
        if (extreme)
            word = (word & 1 ? 0 : ~UINT64_C(0)) ^ (word & 6 ? 0 : UINT64_C(1) << (word >> 58));
        memcpy(out + i, &word, sizeof word);
    }
}

static void compare(const hf_group *group)
{
    const hf_group *reference = x25519_of(hf_provider_by_name("libcrypto"));
    uint8_t scalar[SIZE], u[SIZE], public[2][SIZE], out[2][SIZE];

    if (group == reference)
        return;
    for (size_t round = 0; round < RANDOM_ROUNDS; round++) {
        fill(scalar, round % 4 == 1);
        fill(u, round % 4 >= 2);
        hf_status status = function(reference, scalar, u, public[0], out[0]);
        cr_assert_eq(function(group, scalar, u, public[1], out[1]), status, "round %zu", round);
        cr_assert_arr_eq(public[0], public[1], SIZE, "%s, round %zu", group->provider->name, round);
        cr_assert_arr_eq(out[0], out[1], SIZE, "%s, round %zu", group->provider->name, round);
    }
}

Test(x25519, gives_what_libcrypto_gives)
{
    each(compare);
}

/* Fresh pairs agree with libcrypto's, both ways. */
static void crossed(const hf_group *group)
{
    const hf_group *reference = x25519_of(hf_provider_by_name("libcrypto"));

    for (size_t round = 0; round < 100; round++) {
        uint8_t public[2][SIZE], out[2][SIZE];
        void *key[2] = {NULL, NULL};
        cr_assert_eq(group->generate(&key[0], public[0]), HF_OK);
        cr_assert_eq(reference->generate(&key[1], public[1]), HF_OK);
        cr_assert_eq(group->derive(key[0], public[1], SIZE, out[0]), HF_OK);
        cr_assert_eq(reference->derive(key[1], public[0], SIZE, out[1]), HF_OK);
        cr_assert_arr_eq(out[0], out[1], SIZE, "%s, round %zu", group->provider->name, round);
        group->destroy(key[0]);
        reference->destroy(key[1]);
    }
}

Test(x25519, fresh_pairs_agree_with_libcrypto)
{
    each(crossed);
}
