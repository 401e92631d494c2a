/* Which provider serves what, and that a broken implementation is noticed: by its self-test, and so by the choice. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "compose.h"
#include "cpu.h"
#include "handfast/providers.h"

/* ---- The built-in providers ---- */

Test(compose, auto_serves_every_algorithm)
{
    hf_crypto crypto;
    hf_choice choices[HF_CHOICES_MAX];
    size_t n = 0;
    char why[200] = "unset";

    cr_assert_eq(hf_crypto_compose(NULL, &crypto, choices, &n, why, sizeof why), HF_OK, "%s", why);
    cr_expect_str_eq(why, "");
    cr_assert_eq(n, HF_CIPHER_COUNT + HF_HASH_COUNT + 4 + 1 + 1);
    for (size_t i = 0; i < n; i++) {
        cr_expect_not_null(choices[i].provider, "%s %s", choices[i].kind, choices[i].algorithm);
        cr_expect_gt(strlen(choices[i].reason), 0);
    }
    for (int id = 0; id < HF_CIPHER_COUNT; id++) {
        cr_assert_not_null(crypto.ciphers[id]);
        cr_expect_eq((int)crypto.ciphers[id]->id, id);
        cr_expect_str_eq(crypto.ciphers[id]->provider->name, choices[id].provider);
    }
    for (int id = 0; id < HF_HASH_COUNT; id++)
        cr_expect_eq((int)crypto.hashes[id]->id, id);
    cr_expect_eq(crypto.groups[0]->id, HF_GROUP_X25519);
    cr_expect_eq(crypto.groups[3]->id, HF_GROUP_P521);
    cr_expect_null(crypto.groups[4]);
    cr_expect_not_null(crypto.pki);
}

/* Whether this build has the provider and this CPU can run it. */
static bool runs(const char *name)
{
    const hf_provider *provider = hf_provider_by_name(name);
    const char *why = "";
    return provider && provider->available(&why);
}

/* AES-GCM goes to our own kernels where the CPU has what they need; ChaCha20 to ours and ipsec-mb together. */
Test(compose, aead_prefers_the_widest)
{
    const char *library = runs("ipsecmb") ? "ipsecmb" : "libcrypto";
    const char *gcm = runs("vaes") ? "vaes" : library;
    const char *chacha = !runs("ifma") ? library : runs("ipsecmb") ? "mixed" : "ifma";
    hf_crypto crypto;
    char why[200];

    cr_assert_eq(hf_crypto_compose("auto", &crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
    cr_expect_str_eq(crypto.ciphers[HF_AES_128_GCM]->provider->name, gcm);
    cr_expect_str_eq(crypto.ciphers[HF_AES_256_GCM]->provider->name, gcm);
    cr_expect_str_eq(crypto.ciphers[HF_CHACHA20_POLY1305]->provider->name, chacha);
}

/* The provider knows what the CPU says of itself, and it is there on x86-64 only. */
Test(compose, vaes_is_available_where_the_cpu_has_it)
{
    cr_expect_eq(hf_provider_by_name("vaes") != NULL, HF_HAVE_VAES);
#if HF_HAVE_VAES
    const hf_provider *vaes = hf_provider_by_name("vaes");
    const char *why = "unset";
    const char *words = hf_cpu_features();
    cr_expect_eq(vaes->available(&why), strstr(words, " vaes") && strstr(words, " vpclmulqdq"));
    cr_expect_eq(vaes->available(&why), strlen(why) == 0);
    if (vaes->available(&why))
        cr_expect_str_eq(vaes->version(), strstr(words, " avx512vl") ? "512-bit vectors" : "256-bit vectors");
#endif
}

/* Without IFMA there is nothing narrower to fall back to. */
Test(compose, ifma_is_available_where_the_cpu_has_it)
{
    cr_expect_eq(hf_provider_by_name("ifma") != NULL, HF_HAVE_IFMA);
#if HF_HAVE_IFMA
    const hf_provider *ifma = hf_provider_by_name("ifma");
    const char *why = "unset";
    const char *words = hf_cpu_features();
    cr_expect_eq(ifma->available(&why), strstr(words, " avx512ifma") && strstr(words, " avx512vl"));
    cr_expect_eq(ifma->available(&why), strlen(why) == 0);
    cr_expect_str_eq(ifma->version(), ifma->available(&why) ? "512-bit vectors" : "");
#endif
}

/* A word counts only as a whole: "aes" is not there because "vaes" is. */
Test(compose, cpu_words_are_whole)
{
    char first[64];

    (void)snprintf(first, sizeof first, "%.*s", (int)strcspn(hf_cpu_features(), " "), hf_cpu_features());
    cr_assert_gt(strlen(first), 1);
    cr_expect(hf_cpu_has(first));
    cr_expect_not(hf_cpu_has(first + 1));
    first[strlen(first) - 1] = '\0';
    cr_expect_not(hf_cpu_has(first));
}

/* CBC with SHA-1 and SHA-256 is ours where the CPU has what it takes, and shared with the wide lanes of ipsec-mb where
 * those are there. What is not ours is shared: one record is fastest with libcrypto, several are with ipsec-mb. */
Test(compose, cbc_is_ours_and_shared_with_wider_lanes)
{
    hf_crypto crypto;
    char why[200];
    const char *shared = runs("ipsecmb") ? "mixed" : "libcrypto";
    const char *ours = !runs("shani") ? shared : runs("ipsecmb") && hf_cpu_has("avx512f") ? "mixed" : "shani";

    cr_assert_eq(hf_crypto_compose("auto", &crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
    for (int id = HF_AES_128_CBC_SHA1; id <= HF_AES_256_CBC_SHA256; id++)
        cr_expect_str_eq(crypto.ciphers[id]->provider->name, ours);
    cr_expect_str_eq(crypto.ciphers[HF_AES_256_CBC_SHA384]->provider->name, shared);
    cr_expect_str_eq(crypto.ciphers[HF_AES_128_CCM]->provider->name, shared);
    cr_expect_str_neq(crypto.ciphers[HF_AES_128_GCM]->provider->name, "mixed");
}

/* SHA-1 and SHA-256 go to the SHA extensions where there are any; what those lack goes to libcrypto. */
Test(compose, hashes_prefer_the_sha_extensions)
{
    const char *preferred = runs("x86") ? "x86" : "libcrypto";
    hf_crypto crypto;
    char why[200];

    cr_assert_eq(hf_crypto_compose("auto", &crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
    cr_expect_str_eq(crypto.hashes[HF_SHA1]->provider->name, preferred);
    cr_expect_str_eq(crypto.hashes[HF_SHA256]->provider->name, preferred);
    cr_expect_str_eq(crypto.hashes[HF_SHA384]->provider->name, "libcrypto");
    cr_expect_str_eq(crypto.hashes[HF_SHA512]->provider->name, "libcrypto");
}

/* X25519 is ours where the CPU has IFMA, libcrypto's elsewhere, as are the other groups; also when a provider is
 * forced, which is said of records only. */
Test(compose, x25519_prefers_our_own)
{
    const char *const forced[] = {"auto", "portable"};
    hf_crypto crypto;
    char why[200];

    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(hf_crypto_compose(forced[i], &crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
        cr_expect_str_eq(crypto.groups[0]->provider->name, runs("ifma") ? "ifma" : "libcrypto");
        cr_expect_str_eq(crypto.groups[1]->provider->name, "libcrypto");
    }
}

/* The provider knows what the CPU says of itself, and it is there on x86-64 only. */
Test(compose, x86_is_available_where_the_cpu_has_sha)
{
#if defined(__x86_64__)
    const hf_provider *x86 = hf_provider_by_name("x86");
    const char *why = "";
    cr_assert_not_null(x86);
    cr_expect_eq(x86->available(&why), strstr(hf_cpu_features(), "sha_ni") != NULL);
    cr_expect_eq(x86->available(&why), strlen(why) == 0);
    cr_expect_null(x86->ciphers);
#else
    cr_expect_null(hf_provider_by_name("x86"));
#endif
}

Test(compose, names_are_found)
{
    const hf_provider *const *providers = hf_providers();

    for (size_t i = 0; providers[i]; i++)
        cr_expect_eq(hf_provider_by_name(providers[i]->name), providers[i]);
    cr_expect_not_null(hf_provider_by_name("portable"));
    cr_expect_not_null(hf_provider_by_name("libcrypto"));
    cr_expect_eq(hf_provider_by_name("ipsecmb") != NULL, HF_HAVE_IPSECMB);
    cr_expect_null(hf_provider_by_name("vaes-256")); /* for tests only */
    cr_expect_null(hf_provider_by_name("Portable"));
    cr_expect_null(hf_provider_by_name(""));
    cr_expect_null(hf_provider_by_name(NULL));
}

Test(compose, an_unknown_name_is_an_error)
{
    hf_crypto crypto, before;
    char why[200];

    memset(&crypto, 0x5a, sizeof crypto);
    before = crypto;
    cr_assert_eq(hf_crypto_compose("fastest", &crypto, NULL, NULL, why, sizeof why), HF_ERR_NOT_FOUND);
    cr_expect_not_null(strstr(why, "fastest"));
    cr_expect_eq(memcmp(&crypto, &before, sizeof crypto), 0);
    cr_assert_eq(hf_crypto_compose("fastest", &crypto, NULL, NULL, NULL, 0), HF_ERR_NOT_FOUND);
}

Test(compose, every_built_in_passes_its_self_tests)
{
    const hf_provider *const *providers = hf_providers();
    const char *why = "";

    for (size_t i = 0; providers[i]; i++) {
        const hf_provider *p = providers[i];
        if (!p->available(&why))
            continue;
        for (size_t k = 0; p->ciphers && p->ciphers[k]; k++)
            cr_expect_eq(hf_self_test_cipher(p->ciphers[k]), HF_OK, "%s %s", p->name,
                         hf_cipher_spec_of(p->ciphers[k]->id)->name);
        for (size_t k = 0; p->hashes && p->hashes[k]; k++)
            cr_expect_eq(hf_self_test_hash(p->hashes[k]), HF_OK, "%s %s", p->name, p->hashes[k]->name);
        for (size_t k = 0; p->groups && p->groups[k]; k++)
            cr_expect_eq(hf_self_test_group(p->groups[k]), HF_OK, "%s %s", p->name, p->groups[k]->name);
    }
}

Test(compose, cpu_features_are_words)
{
    const char *words = hf_cpu_features();

    cr_assert_not_null(words);
    cr_expect_eq(hf_cpu_features(), words);
    for (const char *c = words; *c; c++)
        cr_expect((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_' || *c == ' ', "%c", *c);
#if defined(__x86_64__)
    __builtin_cpu_init();
    cr_expect_eq(strstr(words, "avx2") != NULL, __builtin_cpu_supports("avx2") != 0);
    cr_expect_eq(strstr(words, "avx512f") != NULL, __builtin_cpu_supports("avx512f") != 0);
#endif
}

/* ---- Broken ones: a good cipher with one fault ---- */

static const hf_cipher *good;     /* AES-128-GCM of libcrypto or portable */
static const hf_cipher *good_cbc; /* AES-128-CBC-HMAC-SHA1 */
static const hf_hash *good_hash;
static const hf_group *good_group;
static const hf_cipher *under; /* which of them the fault is built on */

static void seal_wrong_bit(void *worker, hf_record_job *jobs, size_t n)
{
    under->seal(worker, jobs, n);
    for (size_t i = 0; i < n; i++)
        if (jobs[i].status == HF_OK)
            jobs[i].out[jobs[i].out_len - 1] ^= 1;
}

/* The long record only: a fault of wide kernels. */
static void seal_wrong_when_long(void *worker, hf_record_job *jobs, size_t n)
{
    under->seal(worker, jobs, n);
    for (size_t i = 0; i < n; i++)
        if (jobs[i].in_len > 1024)
            jobs[i].out[jobs[i].out_len - 1] ^= 1;
}

/* The last lane only. */
static void seal_wrong_lane(void *worker, hf_record_job *jobs, size_t n)
{
    under->seal(worker, jobs, n);
    if (n > 16)
        jobs[16].out[0] ^= 1;
}

static void seal_wrong_length(void *worker, hf_record_job *jobs, size_t n)
{
    under->seal(worker, jobs, n);
    for (size_t i = 0; i < n; i++)
        jobs[i].out_len++;
}

/* A provider that forgets to compare the tag. */
static void open_anything(void *worker, hf_record_job *jobs, size_t n)
{
    under->open(worker, jobs, n);
    for (size_t i = 0; i < n; i++)
        if (jobs[i].status == HF_ERR_VERIFY)
            jobs[i].status = HF_OK;
}

/* One that refuses, but leaves bytes in the output. */
static void open_leaks(void *worker, hf_record_job *jobs, size_t n)
{
    under->open(worker, jobs, n);
    for (size_t i = 0; i < n; i++)
        if (jobs[i].status == HF_ERR_VERIFY && jobs[i].in_len > 40)
            jobs[i].out[3] = 'x';
}

static void open_nothing(void *worker, hf_record_job *jobs, size_t n)
{
    under->open(worker, jobs, n);
    for (size_t i = 0; i < n; i++)
        jobs[i].status = HF_ERR_VERIFY;
}

static void open_without_sequence(void *worker, hf_record_job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        jobs[i].sequence = UINT64_C(0x0102030405060708);
    under->open(worker, jobs, n);
}

static hf_status key_init_fails(void *state, const hf_record_keys *keys)
{
    (void)state;
    (void)keys;
    return HF_ERR_CRYPTO;
}

static hf_status digest_wrong(void *state, uint8_t *out)
{
    hf_status status = good_hash->final(state, out);
    out[good_hash->size - 1] ^= 1;
    return status;
}

static hf_status clone_shares_nothing(void *state, const void *from)
{
    (void)from;
    return good_hash->init(state);
}

static hf_status derive_constant(void *private_key, const uint8_t *peer, size_t peer_len, uint8_t *out_shared)
{
    hf_status status = good_group->derive(private_key, peer, peer_len, out_shared);
    if (status == HF_OK)
        memset(out_shared, 7, good_group->shared_size);
    return status;
}

static hf_status derive_unchecked(void *private_key, const uint8_t *peer, size_t peer_len, uint8_t *out_shared)
{
    (void)good_group->derive(private_key, peer, peer_len, out_shared);
    return HF_OK;
}

static void pick(void)
{
    hf_crypto crypto;
    char why[200];
    cr_assert_eq(hf_crypto_compose("libcrypto", &crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
    good = crypto.ciphers[HF_AES_128_GCM];
    good_cbc = crypto.ciphers[HF_AES_128_CBC_SHA1];
    good_hash = crypto.hashes[HF_SHA256];
    good_group = crypto.groups[1];
}

typedef void seal_fn(void *worker, hf_record_job *jobs, size_t n);

static void fault_is_noticed(seal_fn *seal, seal_fn *open, const char *what)
{
    hf_cipher broken = *under;
    if (seal)
        broken.seal = seal;
    if (open)
        broken.open = open;
    cr_expect_eq(hf_self_test_cipher(&broken), HF_ERR_SELF_TEST, "%s: %s", hf_cipher_spec_of(under->id)->name, what);
}

Test(compose, the_self_test_notices_broken_ciphers, .init = pick)
{
    const hf_cipher *both[] = {good, good_cbc};

    for (size_t i = 0; i < 2; i++) {
        under = both[i];
        cr_assert_eq(hf_self_test_cipher(under), HF_OK);
        fault_is_noticed(seal_wrong_bit, NULL, "a wrong bit");
        fault_is_noticed(seal_wrong_when_long, NULL, "a wrong bit in long records");
        fault_is_noticed(seal_wrong_lane, NULL, "a wrong bit in one lane");
        fault_is_noticed(seal_wrong_length, NULL, "a wrong length");
        fault_is_noticed(NULL, open_anything, "opens forgeries");
        fault_is_noticed(NULL, open_leaks, "leaves bytes of forgeries");
        fault_is_noticed(NULL, open_nothing, "refuses everything");
        fault_is_noticed(NULL, open_without_sequence, "ignores the sequence number");
        hf_cipher broken = *under;
        broken.key_init = key_init_fails;
        cr_expect_eq(hf_self_test_cipher(&broken), HF_ERR_SELF_TEST);
    }
}

Test(compose, the_self_test_notices_broken_hashes_and_groups, .init = pick)
{
    hf_hash hash = *good_hash;
    hash.final = digest_wrong;
    cr_expect_eq(hf_self_test_hash(&hash), HF_ERR_SELF_TEST);
    hash = *good_hash;
    hash.clone = clone_shares_nothing;
    cr_expect_eq(hf_self_test_hash(&hash), HF_ERR_SELF_TEST);

    hf_group group = *good_group;
    group.derive = derive_constant;
    cr_expect_eq(hf_self_test_group(&group), HF_ERR_SELF_TEST);
    group = *good_group;
    group.derive = derive_unchecked;
    cr_expect_eq(hf_self_test_group(&group), HF_ERR_SELF_TEST);
}

/* ---- X25519: one fault each ---- */

static const hf_group *good_x25519;

/* Wrong on one of RFC 7748's vectors only, not between two of its own keys. */
static hf_status derive_wrong_vector(void *private_key, const uint8_t *peer, size_t peer_len, uint8_t *out_shared)
{
    hf_status status = good_x25519->derive(private_key, peer, peer_len, out_shared);
    if (peer[0] == 0xe5 && peer[31] == 0x93) /* the one with bit 255 set */
        out_shared[31] ^= 1;
    return status;
}

static hf_status import_wrong_public(const uint8_t *scalar, size_t len, void **out_private, uint8_t *out_public)
{
    hf_status status = good_x25519->import(scalar, len, out_private, out_public);
    out_public[0] ^= 1;
    return status;
}

static unsigned made;

/* One pair in eight: a broken lane. */
static hf_status generate_wrong_lane(void **out_private, uint8_t *out_public)
{
    hf_status status = good_x25519->generate(out_private, out_public);
    if (made++ % 8 == 7)
        out_public[3] ^= 1;
    return status;
}

static uint8_t first_scalar[32] = {1};

/* The ninth pair is the first one again. */
static hf_status generate_again(void **out_private, uint8_t *out_public)
{
    if (made++ % 9 == 0)
        return good_x25519->import(first_scalar, 32, out_private, out_public);
    return good_x25519->generate(out_private, out_public);
}

static void x25519_fault_is_noticed(hf_group broken, const char *what)
{
    made = 0;
    cr_expect_eq(hf_self_test_group(&broken), HF_ERR_SELF_TEST, "%s: %s", broken.provider->name, what);
}

Test(compose, the_self_test_notices_a_broken_x25519)
{
    const char *why = "";

    for (size_t i = 0; hf_providers()[i]; i++) {
        const hf_provider *provider = hf_providers()[i];
        if (!provider->available(&why) || !provider->groups)
            continue;
        good_x25519 = provider->groups[0];
        cr_assert_eq(good_x25519->id, HF_GROUP_X25519);
        hf_group broken = *good_x25519;
        cr_assert_eq(hf_self_test_group(&broken), HF_OK);
        broken.derive = derive_wrong_vector;
        x25519_fault_is_noticed(broken, "one wrong answer");
        broken = *good_x25519;
        broken.import = import_wrong_public;
        x25519_fault_is_noticed(broken, "wrong public keys");
        broken = *good_x25519;
        broken.generate = generate_wrong_lane;
        x25519_fault_is_noticed(broken, "one lane");
        broken = *good_x25519;
        broken.generate = generate_again;
        x25519_fault_is_noticed(broken, "a pair again");
    }
}

/* ---- Choosing among providers of which one is broken or absent ---- */

static bool never(const char **why)
{
    *why = "switched off for the test";
    return false;
}

static hf_cipher fake_cipher;
static const hf_cipher *const fake_ciphers[] = {&fake_cipher, NULL};
static hf_provider fake;
static const hf_provider *list[3];

/* A provider "fake" before libcrypto, with a copy of libcrypto's AES-128-GCM. */
static void fake_before_libcrypto(void)
{
    pick();
    under = good;
    list[0] = &fake;
    list[1] = hf_provider_by_name("libcrypto");
    list[2] = NULL;
    fake = *list[1];
    fake.name = "fake";
    fake.ciphers = fake_ciphers;
    fake_cipher = *good;
    fake_cipher.provider = &fake;
}

static const hf_choice *choice_of(const hf_choice *choices, size_t n, const char *algorithm)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(choices[i].algorithm, algorithm) == 0)
            return &choices[i];
    return NULL;
}

static const hf_choice *compose_gcm(const char *force, hf_status expected, hf_crypto *crypto)
{
    static hf_choice choices[HF_CHOICES_MAX];
    size_t n = 0;
    char why[200];
    cr_assert_eq(hf_compose_among(list, force, crypto, choices, &n, why, sizeof why), expected, "%s", why);
    if (expected != HF_OK)
        cr_expect_not_null(strstr(why, "fake"));
    return expected == HF_OK ? choice_of(choices, n, "AES-128-GCM") : NULL;
}

Test(compose, the_first_good_one_is_taken, .init = fake_before_libcrypto)
{
    hf_crypto crypto;
    cr_expect_str_eq(compose_gcm(NULL, HF_OK, &crypto)->provider, "fake");
    cr_expect_eq(crypto.ciphers[HF_AES_128_GCM], &fake_cipher);
    cr_expect_str_eq(crypto.ciphers[HF_AES_256_GCM]->provider->name, "libcrypto");
}

Test(compose, a_forced_provider_serves_no_more_than_it_offers, .init = fake_before_libcrypto)
{
    hf_crypto crypto;
    const hf_choice *choice = compose_gcm("fake", HF_OK, &crypto);
    cr_expect_str_eq(choice->provider, "fake");
    cr_expect_str_eq(choice->reason, "forced");
    cr_expect_eq(crypto.ciphers[HF_AES_128_GCM], &fake_cipher);
    for (int id = 1; id < HF_CIPHER_COUNT; id++)
        cr_expect_null(crypto.ciphers[id]);
    cr_expect_not_null(crypto.hashes[HF_SHA256]);
}

Test(compose, a_broken_one_is_passed_over_or_refused, .init = fake_before_libcrypto)
{
    hf_crypto crypto;
    fake_cipher.seal = seal_wrong_bit;
    const hf_choice *choice = compose_gcm(NULL, HF_OK, &crypto);
    cr_expect_str_eq(choice->provider, "libcrypto");
    cr_expect_not_null(strstr(choice->reason, "self-test"));
    (void)compose_gcm("fake", HF_ERR_SELF_TEST, &crypto);
}

/* A group, too: whoever fails, libcrypto serves it, and the choice says why. */
Test(compose, a_broken_group_falls_back_to_libcrypto, .init = fake_before_libcrypto)
{
    static hf_group fake_group;
    static const hf_group *const fake_groups[] = {&fake_group, NULL};
    hf_choice choices[HF_CHOICES_MAX];
    hf_crypto crypto;
    char why[200];
    size_t n = 0;

    good_x25519 = list[1]->groups[0];
    fake_group = *good_x25519;
    fake_group.provider = &fake;
    fake.groups = fake_groups;
    cr_assert_eq(hf_compose_among(list, NULL, &crypto, choices, &n, why, sizeof why), HF_OK);
    cr_expect_eq(crypto.groups[0], &fake_group);
    fake_group.derive = derive_wrong_vector;
    cr_assert_eq(hf_compose_among(list, NULL, &crypto, choices, &n, why, sizeof why), HF_OK);
    cr_expect_eq(crypto.groups[0], good_x25519);
    cr_expect_str_eq(choice_of(choices, n, "X25519")->provider, "libcrypto");
    cr_expect_str_eq(choice_of(choices, n, "X25519")->reason, "a preferred one failed its self-test");
}

Test(compose, an_unavailable_one_is_passed_over_or_refused, .init = fake_before_libcrypto)
{
    hf_crypto crypto;
    fake.available = never;
    const hf_choice *choice = compose_gcm(NULL, HF_OK, &crypto);
    cr_expect_str_eq(choice->provider, "libcrypto");
    cr_expect_not_null(strstr(choice->reason, "not available"));
    (void)compose_gcm("fake", HF_ERR_UNSUPPORTED, &crypto);
}

Test(compose, a_provider_without_ciphers_cannot_be_forced, .init = fake_before_libcrypto)
{
    hf_crypto crypto;
    char why[200];
    fake.ciphers = NULL;
    cr_assert_eq(hf_compose_among(list, "fake", &crypto, NULL, NULL, why, sizeof why), HF_ERR_UNSUPPORTED);
    cr_expect_not_null(strstr(why, "'fake': it offers no record cipher"), "%s", why);
}

Test(compose, nothing_at_all_is_an_error, .init = fake_before_libcrypto)
{
    hf_crypto crypto;
    char why[200];
    list[0] = NULL;
    cr_expect_eq(hf_compose_among(list, NULL, &crypto, NULL, NULL, why, sizeof why), HF_ERR_UNSUPPORTED);
    cr_expect_gt(strlen(why), 0);
}
