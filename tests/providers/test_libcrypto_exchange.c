/* Hashes and key exchange of the libcrypto provider: answers, refusals, and a clean error queue. */
#include <criterion/criterion.h>
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

#include "builtin.h"
#include "handfast/providers.h"

static void queue_is_clean(void)
{
    cr_assert_eq(ERR_peek_error(), 0, "libcrypto's error queue was left filled");
}

TestSuite(libcrypto_exchange, .fini = queue_is_clean);

/* ---- Hashes ----------------------------------------------------------------------------------- */

static void digest_hex(const hf_hash *hash, const void *data, size_t len, char *hex)
{
    _Alignas(16) uint8_t state[HF_HASH_STATE_MAX];
    uint8_t out[HF_HASH_SIZE_MAX];

    cr_assert_leq(hash->state_size, sizeof state);
    cr_assert_eq(hash->init(state), HF_OK);
    cr_assert_eq(hash->update(state, data, len), HF_OK);
    cr_assert_eq(hash->final(state, out), HF_OK);
    hash->cleanup(state);
    for (size_t i = 0; i < hash->size; i++)
        sprintf(hex + 2 * i, "%02x", out[i]);
}

/* FIPS 180-4's example "abc". */
Test(libcrypto_exchange, hashes_answer_the_standard_example)
{
    static const char *const expected[HF_HASH_COUNT] = {
        [HF_SHA1] = "a9993e364706816aba3e25717850c26c9cd0d89d",
        [HF_SHA256] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        [HF_SHA384] = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                      "8086072ba1e7cc2358baeca134c825a7",
        [HF_SHA512] = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    };
    unsigned seen = 0;

    for (const hf_hash *const *hash = hf_provider_libcrypto.hashes; *hash; hash++) {
        char hex[2 * HF_HASH_SIZE_MAX + 1];
        digest_hex(*hash, "abc", 3, hex);
        cr_assert_str_eq(hex, expected[(*hash)->id]);
        seen |= 1u << (*hash)->id;
    }
    cr_assert_eq(seen, (1u << HF_HASH_COUNT) - 1);
}

Test(libcrypto_exchange, a_clone_goes_its_own_way)
{
    for (const hf_hash *const *h = hf_provider_libcrypto.hashes; *h; h++) {
        _Alignas(16) uint8_t a[HF_HASH_STATE_MAX];
        _Alignas(16) uint8_t b[HF_HASH_STATE_MAX];
        uint8_t digest[HF_HASH_SIZE_MAX];
        char hex[2 * HF_HASH_SIZE_MAX + 1];
        char expected[2 * HF_HASH_SIZE_MAX + 1];

        cr_assert_eq((*h)->init(a), HF_OK);
        cr_assert_eq((*h)->update(a, "a", 1), HF_OK);
        cr_assert_eq((*h)->clone(b, a), HF_OK);
        cr_assert_eq((*h)->update(a, "xyz", 3), HF_OK);
        cr_assert_eq((*h)->final(a, digest), HF_OK);
        (*h)->cleanup(a);
        cr_assert_eq((*h)->update(b, "bc", 2), HF_OK);
        cr_assert_eq((*h)->final(b, digest), HF_OK);
        (*h)->cleanup(b);
        for (size_t i = 0; i < (*h)->size; i++)
            sprintf(hex + 2 * i, "%02x", digest[i]);
        digest_hex(*h, "abc", 3, expected);
        cr_assert_str_eq(hex, expected);
    }
}

/* ---- Groups ----------------------------------------------------------------------------------- */

static const hf_group *group_of(uint16_t id)
{
    for (const hf_group *const *group = hf_provider_libcrypto.groups; *group; group++)
        if ((*group)->id == id)
            return *group;
    cr_assert_fail("no group %u", id);
    return NULL;
}

Test(libcrypto_exchange, both_sides_agree)
{
    size_t n = 0;

    for (const hf_group *const *group = hf_provider_libcrypto.groups; *group; group++, n++) {
        const hf_group *g = *group;
        void *a = NULL;
        void *b = NULL;
        uint8_t public_a[HF_GROUP_PUBLIC_MAX];
        uint8_t public_b[HF_GROUP_PUBLIC_MAX];
        uint8_t shared_a[HF_GROUP_SHARED_MAX] = {0};
        uint8_t shared_b[HF_GROUP_SHARED_MAX] = {1};
        static const uint8_t zero[HF_GROUP_SHARED_MAX];

        cr_assert_eq(g->generate(&a, public_a), HF_OK);
        cr_assert_eq(g->generate(&b, public_b), HF_OK);
        cr_assert_neq(memcmp(public_a, public_b, g->public_size), 0);
        cr_assert_eq(g->derive(a, public_b, g->public_size, shared_a), HF_OK);
        cr_assert_eq(g->derive(b, public_a, g->public_size, shared_b), HF_OK);
        cr_assert_arr_eq(shared_a, shared_b, g->shared_size);
        cr_assert_neq(memcmp(shared_a, zero, g->shared_size), 0);
        g->destroy(a);
        g->destroy(b);
        g->destroy(NULL);
    }
    cr_assert_eq(n, 4);
}

/* The share must be refused, and the result zeroed. */
static void refused(const hf_group *g, const uint8_t *peer, size_t len, const char *what)
{
    void *key = NULL;
    uint8_t mine[HF_GROUP_PUBLIC_MAX];
    uint8_t shared[HF_GROUP_SHARED_MAX];
    static const uint8_t zero[HF_GROUP_SHARED_MAX];

    memset(shared, 0xaa, sizeof shared);
    cr_assert_eq(g->generate(&key, mine), HF_OK);
    cr_assert_eq(g->derive(key, peer, len, shared), HF_ERR_VERIFY, "%s: %s", g->name, what);
    cr_assert_arr_eq(shared, zero, g->shared_size);
    queue_is_clean();
    g->destroy(key);
}

Test(libcrypto_exchange, a_share_of_another_length_is_refused)
{
    for (const hf_group *const *group = hf_provider_libcrypto.groups; *group; group++) {
        const hf_group *g = *group;
        void *key = NULL;
        uint8_t peer[HF_GROUP_PUBLIC_MAX + 1] = {0};

        cr_assert_eq(g->generate(&key, peer), HF_OK);
        g->destroy(key);
        refused(g, peer, 0, "empty");
        refused(g, peer, g->public_size - 1u, "one byte short");
        refused(g, peer, g->public_size + 1u, "one byte long");
    }
}

Test(libcrypto_exchange, points_off_the_curve_or_in_another_form_are_refused)
{
    static const uint16_t ids[] = {HF_GROUP_P256, HF_GROUP_P384, HF_GROUP_P521};

    for (size_t i = 0; i < 3; i++) {
        const hf_group *g = group_of(ids[i]);
        void *key = NULL;
        uint8_t good[HF_GROUP_PUBLIC_MAX];
        uint8_t bad[HF_GROUP_PUBLIC_MAX];

        cr_assert_eq(g->generate(&key, good), HF_OK);
        g->destroy(key);
        memcpy(bad, good, sizeof bad);
        bad[g->public_size - 1] ^= 1;
        refused(g, bad, g->public_size, "off the curve");
        memcpy(bad, good, sizeof bad);
        bad[0] = (uint8_t)(6 + (good[g->public_size - 1] & 1));
        refused(g, bad, g->public_size, "hybrid form");
        bad[0] = (uint8_t)(2 + (good[g->public_size - 1] & 1));
        refused(g, bad, 1u + g->shared_size, "compressed form");
        memset(bad, 0xff, sizeof bad);
        bad[0] = 4;
        refused(g, bad, g->public_size, "coordinates beyond the field");
        memset(bad, 0, sizeof bad);
        refused(g, bad, g->public_size, "zeros");
        refused(g, bad, 1, "infinity");
        bad[0] = 4;
        refused(g, bad, g->public_size, "the point (0, 0)");
    }
}

/* Points of small order give zero whatever the scalar (RFC 7748 section 6.1). */
Test(libcrypto_exchange, x25519_shares_of_small_order_are_refused)
{
    static const uint8_t order8[32] = {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
                                       0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
                                       0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00};
    uint8_t share[32] = {0};

    refused(group_of(HF_GROUP_X25519), share, 32, "0");
    share[0] = 1;
    refused(group_of(HF_GROUP_X25519), share, 32, "1");
    refused(group_of(HF_GROUP_X25519), order8, 32, "order 8");
}

static void *agree_many(void *arg)
{
    for (int i = 0; i < 50; i++) {
        const hf_group *g = group_of(i & 1 ? HF_GROUP_X25519 : HF_GROUP_P256);
        void *key = NULL;
        uint8_t public[HF_GROUP_PUBLIC_MAX];
        uint8_t shared[HF_GROUP_SHARED_MAX];
        if (g->generate(&key, public) != HF_OK || g->derive(key, public, g->public_size, shared) != HF_OK)
            return arg; /* failed */
        g->destroy(key);
    }
    return NULL;
}

Test(libcrypto_exchange, threads_share_the_fetched_algorithms)
{
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, agree_many, threads), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        cr_assert_eq(pthread_join(threads[i], &failed), 0);
        cr_assert_null(failed);
    }
}

Test(libcrypto_exchange, says_who_it_is)
{
    cr_assert_str_eq(hf_provider_libcrypto.name, "libcrypto");
    cr_assert_eq(strncmp(hf_provider_libcrypto.version(), "OpenSSL 3.", 10), 0);
    cr_assert(hf_provider_libcrypto.available(NULL));
}
