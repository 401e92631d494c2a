/* Signatures: every scheme of every key verifies with libcrypto, and what a token cannot do is not offered. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <p11-kit/pkcs11.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

TestSuite(hsm_sign, .init = token_setup, .fini = token_teardown);

/* The test's own reading of a scheme, independent of the library's table. */
static const EVP_MD *md_of(uint16_t scheme)
{
    switch (scheme) {
    case HF_RSA_PKCS1_SHA256:
    case HF_RSA_PSS_RSAE_SHA256:
    case HF_ECDSA_SECP256R1_SHA256:
        return EVP_sha256();
    case HF_RSA_PKCS1_SHA384:
    case HF_RSA_PSS_RSAE_SHA384:
    case HF_ECDSA_SECP384R1_SHA384:
        return EVP_sha384();
    case HF_RSA_PKCS1_SHA512:
    case HF_RSA_PSS_RSAE_SHA512:
    case HF_ECDSA_SECP521R1_SHA512:
        return EVP_sha512();
    default:
        return NULL;
    }
}

static bool is_pss(uint16_t scheme)
{
    return scheme >= HF_RSA_PSS_RSAE_SHA256 && scheme <= HF_RSA_PSS_RSAE_SHA512;
}

/* libcrypto verifies the message; the token signed its digest. */
static void expect_verifies(hf_key *key, uint16_t scheme, const uint8_t *message, size_t len)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    const EVP_MD *md = md_of(scheme);
    EVP_PKEY *pkey = public_of(key);
    EVP_PKEY_CTX *pctx = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (md)
        cr_assert_eq(EVP_Digest(message, len, digest, &digest_len, md, NULL), 1);
    hf_key_op *op = make_sign(key, scheme, md ? digest : message, md ? digest_len : len);
    run_op(key, op);
    cr_assert_eq(op->status, HF_OK, "scheme %04x: %s", scheme, hf_status_text(op->status));
    cr_assert_leq(op->result_len, HF_KEY_RESULT_MAX);
    cr_assert_eq(EVP_DigestVerifyInit(ctx, &pctx, md, NULL, pkey), 1);
    if (is_pss(scheme)) {
        cr_assert_eq(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
        cr_assert_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, (int)digest_len), 1);
    }
    cr_expect_eq(EVP_DigestVerify(ctx, op->result, op->result_len, message, len), 1, "scheme %04x", scheme);
    op->result[op->result_len / 2] ^= 1;
    cr_expect_neq(EVP_DigestVerify(ctx, op->result, op->result_len, message, len), 1, "anything verifies");
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    free(op);
}

static void expect_schemes(const hf_key *key, const uint16_t *schemes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cr_expect_eq(key->schemes[i], schemes[i], "scheme %zu is %04x, not %04x", i, key->schemes[i], schemes[i]);
    cr_expect_eq(key->schemes[n], 0, "more than %zu schemes", n);
}

static const uint16_t rsa_schemes[] = {HF_RSA_PSS_RSAE_SHA256, HF_RSA_PKCS1_SHA256,    HF_RSA_PSS_RSAE_SHA384,
                                       HF_RSA_PKCS1_SHA384,    HF_RSA_PSS_RSAE_SHA512, HF_RSA_PKCS1_SHA512};

static void every_scheme(const char *label, const uint16_t *schemes, size_t n)
{
    uint8_t message[130];
    hf_key *key = open_key(label, 1);

    expect_schemes(key, schemes, n);
    /* Often enough to meet r and s with leading zeros, whose DER is shorter. */
    for (size_t i = 0; i < n; i++)
        for (int round = 0; round < (key->type == HF_KEY_RSA ? 1 : 40); round++) {
            cr_assert_eq(RAND_bytes(message, sizeof message), 1);
            expect_verifies(key, schemes[i], message, sizeof message);
        }
    key->ops->release(key);
}

Test(hsm_sign, rsa)
{
    every_scheme("rsa", rsa_schemes, 6);
}

Test(hsm_sign, p256)
{
    every_scheme(
        "p256", (const uint16_t[]){HF_ECDSA_SECP256R1_SHA256, HF_ECDSA_SECP384R1_SHA384, HF_ECDSA_SECP521R1_SHA512}, 3);
}

Test(hsm_sign, p384)
{
    every_scheme(
        "p384", (const uint16_t[]){HF_ECDSA_SECP384R1_SHA384, HF_ECDSA_SECP256R1_SHA256, HF_ECDSA_SECP521R1_SHA512}, 3);
}

Test(hsm_sign, p521)
{
    every_scheme(
        "p521", (const uint16_t[]){HF_ECDSA_SECP521R1_SHA512, HF_ECDSA_SECP256R1_SHA256, HF_ECDSA_SECP384R1_SHA384}, 3);
}

Test(hsm_sign, ed25519)
{
    every_scheme("ed", (const uint16_t[]){HF_ED25519}, 1);
}

/* Not every token cuts a digest that is longer than the curve's order (PKCS#11 v2.40 section 2.3.6). */
Test(hsm_sign, long_digest_is_cut)
{
    hf_key *p256 = open_key("p256", 1);
    hf_key *p521 = open_key("p521", 1);

    cr_expect_eq(sign_zeros(p256, HF_ECDSA_SECP521R1_SHA512), HF_OK);
    cr_expect_eq(atomic_load(&mask->sign_len), 32);
    cr_expect_eq(sign_zeros(p521, HF_ECDSA_SECP521R1_SHA512), HF_OK);
    cr_expect_eq(atomic_load(&mask->sign_len), 64);
    p256->ops->release(p256);
    p521->ops->release(p521);
}

Test(hsm_sign, wrong_input_is_refused)
{
    uint8_t input[64] = {0};
    hf_key *key = open_key("rsa", 1);
    hf_key_op *op = make_sign(key, HF_RSA_PKCS1_SHA256, input, 31);

    run_op(key, op);
    cr_expect_eq(op->status, HF_ERR_INVALID);
    cr_expect_eq(op->result_len, 0);
    free(op);
    op = make_sign(key, HF_ECDSA_SECP256R1_SHA256, input, 32); /* a scheme of another key type */
    run_op(key, op);
    cr_expect_eq(op->status, HF_ERR_UNSUPPORTED);
    free(op);
    op = make_sign(key, HF_RSA_PKCS1_SHA1, input, 20);
    run_op(key, op);
    cr_expect_eq(op->status, HF_ERR_UNSUPPORTED);
    free(op);
    key->ops->release(key);
}

Test(hsm_sign, token_without_pss)
{
    mask_hide(CKM_RSA_PKCS_PSS);
    hf_key *key = open_key("rsa", 1);

    expect_schemes(key, (const uint16_t[]){HF_RSA_PKCS1_SHA256, HF_RSA_PKCS1_SHA384, HF_RSA_PKCS1_SHA512}, 3);
    cr_expect_str_empty(why, "what is not advertised is no news");
    key->ops->release(key);
}

/* The mechanism list promises, the operation does not keep it. */
Test(hsm_sign, a_token_that_lies)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    atomic_store(&mask->code[MASK_SIGN_INIT], CKR_MECHANISM_INVALID);
    cr_assert_eq(hf_hsm_key_open(&options, uri_of("rsa"), &key, why, sizeof why), HF_OK, "%s", why);
    expect_schemes(key, NULL, 0);
    cr_expect(key->can_decrypt);
    cr_expect(strstr(why, "rsa_pss_rsae_sha256"), "%s", why);
    cr_expect(strstr(why, "not offered"), "%s", why);
    key->ops->release(key);
    atomic_store(&mask->code[MASK_SIGN_INIT], 0);
    atomic_store(&mask->spoil_sign, 1);
    cr_expect_eq(hf_hsm_key_open(&options, uri_of("p256"), &key, why, sizeof why), HF_ERR_KEY_UNUSABLE);
    cr_expect(strstr(why, "does not verify"), "%s", why);
}

Test(hsm_sign, allowed_mechanisms_of_the_key)
{
    hf_key *key = open_key("signer", 1);

    expect_schemes(key, (const uint16_t[]){HF_RSA_PKCS1_SHA256, HF_RSA_PKCS1_SHA384, HF_RSA_PKCS1_SHA512}, 3);
    cr_expect(!key->can_decrypt);
    cr_expect_str_empty(why, "what the key does not allow is not even tried");
    key->ops->release(key);
}

/* Each way to lose the token gives this operation an error, and none of them ends the key. */
Test(hsm_sign, lost_token)
{
    static const struct {
        CK_RV rv;
        hf_status status;
    } cases[] = {
        {CKR_SESSION_HANDLE_INVALID, HF_ERR_TOKEN},
        {CKR_SESSION_CLOSED, HF_ERR_TOKEN},
        {CKR_USER_NOT_LOGGED_IN, HF_ERR_TOKEN},
        {CKR_DEVICE_REMOVED, HF_ERR_TOKEN_ABSENT},
        {CKR_TOKEN_NOT_PRESENT, HF_ERR_TOKEN_ABSENT},
        {CKR_DEVICE_ERROR, HF_ERR_TOKEN},
        {CKR_HOST_MEMORY, HF_ERR_NO_MEMORY},
        {CKR_KEY_HANDLE_INVALID, HF_ERR_TOKEN},
        {CKR_GENERAL_ERROR, HF_ERR_TOKEN},
        {0x80000001UL, HF_ERR_TOKEN},
    };
    static const mask_call calls[] = {MASK_SIGN_INIT, MASK_SIGN};
    hf_key *key = open_key("p256", 1);

    for (size_t c = 0; c < 2; c++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            atomic_store(&mask->code[calls[c]], cases[i].rv);
            hf_status status = sign_zeros(key, HF_ECDSA_SECP256R1_SHA256);
            cr_expect_eq(status, cases[i].status, "%lx: %s", cases[i].rv, hf_status_text(status));
            atomic_store(&mask->code[calls[c]], 0);
            cr_expect_eq(sign_until_good(key, HF_ECDSA_SECP256R1_SHA256), HF_OK);
        }
    key->ops->release(key);
}
