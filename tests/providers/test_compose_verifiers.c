/* Verifiers of our own signatures: which one is chosen, and that a broken one is noticed and not used. */
#include <criterion/criterion.h>
#include <string.h>

#include "compose.h"
#include "handfast/providers.h"

/* Our own signatures with P-256 are checked by tables of the key wherever there are products of 128 bits; also when a
 * provider is forced, which is said of records only. */
Test(compose, own_p256_signatures_are_checked_by_p256)
{
    const char *const forced[] = {"auto", "portable"};
    hf_crypto crypto;
    char why[200];

    cr_expect_eq(hf_provider_by_name("p256") != NULL, HF_HAVE_P256);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(hf_crypto_compose(forced[i], &crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
        cr_expect_eq(crypto.verifiers[0] != NULL, HF_HAVE_P256);
        cr_expect_null(crypto.verifiers[1]);
        if (crypto.verifiers[0]) {
            cr_expect_str_eq(crypto.verifiers[0]->provider->name, "p256");
            cr_expect_eq(crypto.verifiers[0]->group, HF_GROUP_P256);
        }
    }
}

#if HF_HAVE_P256
/* ---- Verifiers: one fault each ---- */

static const hf_verifier *good_verifier;

static hf_status verify_anything(const void *state, const uint8_t *digest, size_t digest_len, const uint8_t *sig,
                                 size_t sig_len)
{
    (void)state, (void)digest, (void)digest_len, (void)sig, (void)sig_len;
    return HF_OK;
}

static hf_status verify_nothing(const void *state, const uint8_t *digest, size_t digest_len, const uint8_t *sig,
                                size_t sig_len)
{
    (void)state, (void)digest, (void)digest_len, (void)sig, (void)sig_len;
    return HF_ERR_VERIFY;
}

/* Does not see the digest's last bit that counts. */
static hf_status verify_short_digest(const void *state, const uint8_t *digest, size_t digest_len, const uint8_t *sig,
                                     size_t sig_len)
{
    uint8_t copy[HF_HASH_SIZE_MAX];

    memcpy(copy, digest, digest_len);
    if (good_verifier->verify_digest(state, copy, digest_len, sig, sig_len) == HF_OK)
        return HF_OK;
    copy[31] ^= 1;
    return good_verifier->verify_digest(state, copy, digest_len, sig, sig_len);
}

/* Takes the last bytes of a long digest, not the first ones. */
static hf_status verify_wrong_end(const void *state, const uint8_t *digest, size_t digest_len, const uint8_t *sig,
                                  size_t sig_len)
{
    size_t left_out = digest_len > 32 ? digest_len - 32 : 0;
    return good_verifier->verify_digest(state, digest + left_out, digest_len - left_out, sig, sig_len);
}

/* Takes r = s = 0, as some have. */
static hf_status verify_zeros(const void *state, const uint8_t *digest, size_t digest_len, const uint8_t *sig,
                              size_t sig_len)
{
    return sig_len == 8 ? HF_OK : good_verifier->verify_digest(state, digest, digest_len, sig, sig_len);
}

static hf_status prepare_fails(void *state, const uint8_t *spki, size_t spki_len)
{
    (void)state, (void)spki, (void)spki_len;
    return HF_ERR_UNSUPPORTED;
}

/* Of another key. */
static hf_status prepare_another(void *state, const uint8_t *spki, size_t spki_len)
{
    hf_status status = good_verifier->prepare(state, spki, spki_len);
    memset(state, 1, good_verifier->state_size / 2);
    return status;
}

static hf_verifier broken_verifier(void)
{
    good_verifier = hf_provider_by_name("p256")->verifiers[0];
    return *good_verifier;
}

Test(compose, the_self_test_notices_broken_verifiers)
{
    hf_status (*const faults[])(const void *, const uint8_t *, size_t, const uint8_t *, size_t) = {
        verify_anything, verify_nothing, verify_short_digest, verify_wrong_end, verify_zeros};
    hf_verifier broken = broken_verifier();

    cr_assert_eq(hf_self_test_verifier(&broken), HF_OK);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        broken.verify_digest = faults[i];
        cr_expect_eq(hf_self_test_verifier(&broken), HF_ERR_SELF_TEST, "%zu", i);
    }
    broken = *good_verifier;
    broken.prepare = prepare_fails;
    cr_expect_eq(hf_self_test_verifier(&broken), HF_ERR_SELF_TEST);
    broken.prepare = prepare_another;
    cr_expect_eq(hf_self_test_verifier(&broken), HF_ERR_SELF_TEST);
    broken = *good_verifier;
    broken.group = HF_GROUP_P384; /* nobody knows answers */
    cr_expect_eq(hf_self_test_verifier(&broken), HF_ERR_SELF_TEST);
}

/* ---- Choosing ---- */

static const hf_choice *choice_of(const hf_choice *choices, size_t n, const char *algorithm)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(choices[i].algorithm, algorithm) == 0)
            return &choices[i];
    return NULL;
}

/* A verifier, too: without one that passes, own signatures are checked as those of peers are. */
Test(compose, a_broken_verifier_is_not_used)
{
    static hf_provider fake;
    const hf_provider *const list[] = {&fake, hf_provider_by_name("libcrypto"), NULL};
    static hf_verifier fake_verifier;
    static const hf_verifier *const fake_verifiers[] = {&fake_verifier, NULL};
    hf_choice choices[HF_CHOICES_MAX];
    hf_crypto crypto;
    char why[200];
    size_t n = 0;

    fake = *list[1];
    fake.name = "fake";
    fake_verifier = broken_verifier();
    fake_verifier.provider = &fake;
    fake.verifiers = fake_verifiers;
    cr_assert_eq(hf_compose_among(list, NULL, &crypto, choices, &n, why, sizeof why), HF_OK);
    cr_expect_eq(crypto.verifiers[0], &fake_verifier);
    cr_expect_str_eq(choice_of(choices, n, "own ECDSA P-256")->provider, "fake");
    fake_verifier.verify_digest = verify_anything;
    fake.pki = NULL;
    cr_assert_eq(hf_compose_among(list, NULL, &crypto, choices, &n, why, sizeof why), HF_OK);
    cr_expect_null(crypto.verifiers[0]);
    cr_expect_str_eq(choice_of(choices, n, "own ECDSA P-256")->provider, "libcrypto");
    cr_expect_str_eq(choice_of(choices, n, "own ECDSA P-256")->reason, "a preferred one failed its self-test");
    fake.verifiers = NULL;
    cr_assert_eq(hf_compose_among(list, NULL, &crypto, choices, &n, why, sizeof why), HF_OK);
    cr_expect_null(crypto.verifiers[0]);
    cr_expect_str_eq(choice_of(choices, n, "own ECDSA P-256")->reason, "as signatures of peers");
}
#endif
