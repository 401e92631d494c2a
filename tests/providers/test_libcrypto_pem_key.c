/* Keys in PEM files: what they say of themselves, every signature they make, the one answer of decryption. */
#include <criterion/criterion.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "certs.h"
#include "handfast/providers.h"

#define PKI (hf_provider_libcrypto.pki)

static void queue_is_clean(void)
{
    cr_assert_eq(ERR_peek_error(), 0, "libcrypto's error queue was left filled");
}

TestSuite(libcrypto_pem_key, .fini = queue_is_clean);

static hf_key *key_of(const test_cert *made)
{
    hf_key *key = NULL;

    cr_assert_eq(hf_pem_key_new((const uint8_t *)made->key_pem, strlen(made->key_pem), "test key", &key), HF_OK);
    return key;
}

static void done(void *arg, hf_key_op *op)
{
    cr_assert_not_null(op);
    ++*(int *)arg;
}

static hf_status run(hf_key *key, hf_key_op *op)
{
    int calls = 0;

    memset(op->result, 0x77, sizeof op->result);
    op->status = HF_ERR_STATE;
    key->ops->submit(key, op, done, &calls);
    cr_assert_eq(calls, 1);
    return op->status;
}

/* ---- Signing ---------------------------------------------------------------------------------- */

static const struct {
    const char *key;
    hf_key_type type;
    uint16_t schemes[HF_KEY_SCHEMES_MAX];
} rows[] = {
    {"RSA-2048",
     HF_KEY_RSA,
     {HF_RSA_PSS_RSAE_SHA256, HF_RSA_PKCS1_SHA256, HF_RSA_PSS_RSAE_SHA384, HF_RSA_PKCS1_SHA384, HF_RSA_PSS_RSAE_SHA512,
      HF_RSA_PKCS1_SHA512}},
    {"RSA-PSS", HF_KEY_RSA_PSS, {HF_RSA_PSS_PSS_SHA256, HF_RSA_PSS_PSS_SHA384, HF_RSA_PSS_PSS_SHA512}},
    {"P-256", HF_KEY_EC, {HF_ECDSA_SECP256R1_SHA256, HF_ECDSA_SECP384R1_SHA384, HF_ECDSA_SECP521R1_SHA512}},
    {"P-384", HF_KEY_EC, {HF_ECDSA_SECP384R1_SHA384, HF_ECDSA_SECP256R1_SHA256, HF_ECDSA_SECP521R1_SHA512}},
    {"P-521", HF_KEY_EC, {HF_ECDSA_SECP521R1_SHA512, HF_ECDSA_SECP256R1_SHA256, HF_ECDSA_SECP384R1_SHA384}},
    {"ED25519", HF_KEY_ED25519, {HF_ED25519}},
};

static size_t digest_size(uint16_t scheme)
{
    switch (scheme) {
    case HF_RSA_PSS_RSAE_SHA384:
    case HF_RSA_PSS_PSS_SHA384:
    case HF_RSA_PKCS1_SHA384:
    case HF_ECDSA_SECP384R1_SHA384:
        return 48;
    case HF_RSA_PSS_RSAE_SHA512:
    case HF_RSA_PSS_PSS_SHA512:
    case HF_RSA_PKCS1_SHA512:
    case HF_ECDSA_SECP521R1_SHA512:
        return 64;
    case HF_ED25519:
        return 100; /* a message */
    default:
        return 32;
    }
}

Test(libcrypto_pem_key, every_scheme_signs_what_the_certificate_verifies)
{
    uint8_t input[100];
    memset(input, 0x3c, sizeof input);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_cert *made = test_cert_new(&(test_cert_spec){.key = rows[i].key});
        hf_key *key = key_of(made);
        hf_cert *cert = NULL;
        cr_assert_eq(PKI->cert_new(made->der, made->der_len, &cert), HF_OK);
        cr_assert_eq(key->type, rows[i].type);
        cr_assert_arr_eq(key->schemes, rows[i].schemes, sizeof rows[i].schemes);
        for (size_t s = 0; key->schemes[s] != 0; s++) {
            uint16_t scheme = key->schemes[s];
            hf_key_op op = {.kind = HF_KEY_OP_SIGN, .scheme = scheme, .input = input, .input_len = digest_size(scheme)};
            hf_status (*verify)(const hf_cert *, uint16_t, const uint8_t *, size_t, const uint8_t *, size_t) =
                scheme == HF_ED25519 ? PKI->verify : PKI->verify_digest;
            for (int twice = 0; twice < 2; twice++) { /* the prepared context is not used up */
                cr_assert_eq(run(key, &op), HF_OK, "%s, scheme %04x", rows[i].key, scheme);
                cr_assert_eq(verify(cert, scheme, input, op.input_len, op.result, op.result_len), HF_OK);
            }
            input[0] ^= 1;
            cr_assert_eq(verify(cert, scheme, input, op.input_len, op.result, op.result_len), HF_ERR_VERIFY);
            input[0] ^= 1;
            if (scheme != HF_ED25519) {
                op.input_len--;
                cr_assert_eq(run(key, &op), HF_ERR_INVALID);
                cr_assert_eq(op.result_len, 0);
                cr_assert_eq(op.result[0], 0);
            }
        }
        PKI->cert_free(cert);
        key->ops->release(key);
        test_cert_free(made);
    }
}

Test(libcrypto_pem_key, a_foreign_scheme_is_unsupported)
{
    test_cert *made = test_cert_new(&(test_cert_spec){.key = "P-256"});
    hf_key *key = key_of(made);
    uint8_t input[48] = {0};
    static const uint16_t foreign[] = {HF_RSA_PKCS1_SHA256, HF_ED25519, HF_ECDSA_SHA1, 0};

    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        hf_key_op op = {.kind = HF_KEY_OP_SIGN, .scheme = foreign[i], .input = input, .input_len = 32};
        cr_assert_eq(run(key, &op), HF_ERR_UNSUPPORTED);
    }
    hf_key_op op = {.kind = HF_KEY_OP_DECRYPT, .input = input, .input_len = sizeof input};
    cr_assert_eq(run(key, &op), HF_ERR_UNSUPPORTED);
    cr_assert_not(key->can_decrypt);
    key->ops->release(key);
    test_cert_free(made);
}

Test(libcrypto_pem_key, says_what_it_is)
{
    test_cert *made = test_cert_new(&(test_cert_spec){.key = "P-384"});
    hf_key *key = key_of(made);
    hf_cert *cert = NULL;
    const uint8_t *spki = NULL;
    size_t len = 0;

    cr_assert_str_eq(key->label, "test key");
    cr_assert_str_eq(key->where, "file");
    cr_assert_eq(key->bits, 384);
    cr_assert_eq(key->group, HF_GROUP_P384);
    cr_assert_eq(PKI->cert_new(made->der, made->der_len, &cert), HF_OK);
    cr_assert_eq(PKI->cert_spki(cert, &spki, &len), HF_OK);
    cr_assert_eq(len, key->spki_len);
    cr_assert_arr_eq(spki, key->spki, len);
    PKI->cert_free(cert);
    key->ops->release(key);
    test_cert_free(made);
}

/* ---- Decryption ------------------------------------------------------------------------------- */

static test_cert *rsa;
static hf_key *rsa_key;
static hf_cert *rsa_cert;

static void rsa_setup(void)
{
    rsa = test_cert_new(&(test_cert_spec){.key = "RSA-2048"});
    rsa_key = key_of(rsa);
    cr_assert_eq(PKI->cert_new(rsa->der, rsa->der_len, &rsa_cert), HF_OK);
}

static void rsa_teardown(void)
{
    PKI->cert_free(rsa_cert);
    rsa_key->ops->release(rsa_key);
    test_cert_free(rsa);
    queue_is_clean();
}

TestSuite(libcrypto_pem_decrypt, .init = rsa_setup, .fini = rsa_teardown);

/* Decrypts `sealed` and compares with what must come out. */
static void gives(const uint8_t *sealed, size_t len, const uint8_t *expected, const char *what)
{
    hf_key_op op = {.kind = HF_KEY_OP_DECRYPT, .client_version = 0x0303, .input = sealed, .input_len = len};

    memset(op.fallback, 0xfb, sizeof op.fallback);
    cr_assert_eq(run(rsa_key, &op), HF_OK, "%s", what);
    cr_assert_eq(op.result_len, HF_PREMASTER_SIZE);
    cr_assert_arr_eq(op.result, expected ? expected : op.fallback, HF_PREMASTER_SIZE, "%s", what);
    queue_is_clean();
}

Test(libcrypto_pem_decrypt, good_padding_gives_the_premaster)
{
    uint8_t premaster[HF_PREMASTER_SIZE];
    uint8_t sealed[256];
    size_t len = 0;

    memset(premaster, 0x11, sizeof premaster);
    premaster[0] = 3;
    premaster[1] = 3;
    cr_assert(rsa_key->can_decrypt);
    cr_assert_eq(PKI->rsa_encrypt(rsa_cert, premaster, sizeof premaster, sealed, sizeof sealed, &len), HF_OK);
    gives(sealed, len, premaster, "good");
    gives(sealed, len, premaster, "good again");
}

Test(libcrypto_pem_decrypt, everything_else_gives_the_fallback)
{
    uint8_t premaster[HF_PREMASTER_SIZE + 1] = {3, 3};
    uint8_t sealed[257];
    size_t len = 0;

    premaster[1] = 1;
    cr_assert_eq(PKI->rsa_encrypt(rsa_cert, premaster, HF_PREMASTER_SIZE, sealed, 256, &len), HF_OK);
    gives(sealed, len, NULL, "wrong version");
    premaster[1] = 3;
    cr_assert_eq(PKI->rsa_encrypt(rsa_cert, premaster, HF_PREMASTER_SIZE - 1, sealed, 256, &len), HF_OK);
    gives(sealed, len, NULL, "one byte short");
    cr_assert_eq(PKI->rsa_encrypt(rsa_cert, premaster, HF_PREMASTER_SIZE + 1, sealed, 256, &len), HF_OK);
    gives(sealed, len, NULL, "one byte long");
    sealed[100] ^= 1;
    gives(sealed, len, NULL, "bad padding");
    memset(sealed, 0, sizeof sealed);
    gives(sealed, 256, NULL, "zero");
    sealed[255] = 1;
    gives(sealed, 256, NULL, "one");
    memset(sealed, 0xff, sizeof sealed);
    gives(sealed, 256, NULL, "beyond the modulus");
    gives(sealed, 255, NULL, "a short block");
    gives(sealed, 257, NULL, "a long block");
    gives(sealed, 0, NULL, "nothing");
}

/* An encrypted premaster is as long as the modulus: one that was sent as a shorter number is no answer to look at. */
Test(libcrypto_pem_decrypt, a_leading_zero_that_was_cut_off_gives_the_fallback)
{
    uint8_t premaster[HF_PREMASTER_SIZE] = {3, 3};
    uint8_t sealed[256];
    size_t len = 0;

    do
        cr_assert_eq(PKI->rsa_encrypt(rsa_cert, premaster, sizeof premaster, sealed, sizeof sealed, &len), HF_OK);
    while (sealed[0] != 0);
    gives(sealed, 256, premaster, "whole");
    gives(sealed + 1, 255, NULL, "without its zero");
}

static void *decrypt_many(void *arg)
{
    uint8_t *sealed = arg;

    for (int i = 0; i < 20; i++) {
        hf_key_op op = {.kind = HF_KEY_OP_DECRYPT, .client_version = 0x0303, .input = sealed, .input_len = 256};
        int calls = 0;
        rsa_key->ops->retain(rsa_key);
        rsa_key->ops->submit(rsa_key, &op, done, &calls);
        rsa_key->ops->release(rsa_key);
        if (op.status != HF_OK || op.result[HF_PREMASTER_SIZE - 1] != 0x11)
            return arg; /* failed */
    }
    return NULL;
}

Test(libcrypto_pem_decrypt, threads_share_the_key)
{
    uint8_t premaster[HF_PREMASTER_SIZE] = {3, 3, [HF_PREMASTER_SIZE - 1] = 0x11};
    uint8_t sealed[256];
    size_t len = 0;
    pthread_t threads[4];

    cr_assert_eq(PKI->rsa_encrypt(rsa_cert, premaster, sizeof premaster, sealed, sizeof sealed, &len), HF_OK);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, decrypt_many, sealed), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        cr_assert_eq(pthread_join(threads[i], &failed), 0);
        cr_assert_null(failed);
    }
}

/* ---- Reading ---------------------------------------------------------------------------------- */

static hf_status read_text(const char *text)
{
    hf_key *key = NULL;
    hf_status status = hf_pem_key_new((const uint8_t *)text, strlen(text), NULL, &key);

    if (status == HF_OK)
        key->ops->release(key);
    else
        cr_assert_null(key);
    queue_is_clean();
    return status;
}

static char *written(EVP_PKEY *pkey, bool traditional, const EVP_CIPHER *cipher)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    unsigned char pass[] = "pass";
    int ok = traditional ? PEM_write_bio_PrivateKey_traditional(bio, pkey, cipher, cipher ? pass : NULL, 4, NULL, NULL)
                         : PEM_write_bio_PKCS8PrivateKey(bio, pkey, cipher, "pass", 4, NULL, NULL);
    cr_assert_eq(ok, 1);
    long len = BIO_get_mem_data(bio, &data);
    char *text = calloc(1, (size_t)len + 1);
    cr_assert_not_null(text);
    memcpy(text, data, (size_t)len);
    BIO_free(bio);
    return text;
}

Test(libcrypto_pem_key, both_pem_forms_are_read_and_encrypted_ones_are_not)
{
    static const char *const keys[] = {"RSA-2048", "P-256"};

    for (size_t i = 0; i < 2; i++) {
        test_cert *made = test_cert_new(&(test_cert_spec){.key = keys[i]});
        char *traditional = written(made->pkey, true, NULL);
        char *sealed_traditional = written(made->pkey, true, EVP_aes_128_cbc());
        char *sealed = written(made->pkey, false, EVP_aes_128_cbc());
        cr_assert_eq(read_text(made->key_pem), HF_OK);
        cr_assert_eq(read_text(traditional), HF_OK);
        cr_assert_eq(read_text(sealed), HF_ERR_UNSUPPORTED);
        cr_assert_eq(read_text(sealed_traditional), HF_ERR_UNSUPPORTED);
        free(traditional);
        free(sealed);
        free(sealed_traditional);
        test_cert_free(made);
    }
}

Test(libcrypto_pem_key, what_is_no_key_of_ours_is_refused)
{
    test_cert *weak = test_cert_new(&(test_cert_spec){.key = "RSA-1024"});
    test_cert *koblitz = test_cert_new(&(test_cert_spec){.key = "secp256k1"});

    cr_assert_eq(read_text(weak->key_pem), HF_ERR_UNSUPPORTED);
    cr_assert_eq(read_text(koblitz->key_pem), HF_ERR_UNSUPPORTED);
    cr_assert_eq(read_text(weak->pem), HF_ERR_DECODE);
    cr_assert_eq(read_text(""), HF_ERR_DECODE);
    cr_assert_eq(read_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), HF_ERR_DECODE);
    test_cert_free(weak);
    test_cert_free(koblitz);
}
