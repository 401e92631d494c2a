/* Certificates, signatures made by other means, RSA encryption, PEM text and trust anchors. */
#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "certs.h"
#include "handfast/secret.h"

#define PKI (hf_provider_libcrypto.pki)

static void queue_is_clean(void)
{
    cr_assert_eq(ERR_peek_error(), 0, "libcrypto's error queue was left filled");
}

TestSuite(libcrypto_cert, .fini = queue_is_clean);

static hf_cert *parse(const test_cert *made)
{
    hf_cert *cert = NULL;

    cr_assert_eq(PKI->cert_new(made->der, made->der_len, &cert), HF_OK);
    return cert;
}

/* ---- Parsing ---------------------------------------------------------------------------------- */

Test(libcrypto_cert, info_tells_the_key)
{
    static const struct {
        const char *key;
        hf_key_type type;
        unsigned bits;
        uint16_t group;
    } rows[] = {
        {"RSA-2048", HF_KEY_RSA, 2048, 0},        {"RSA-PSS", HF_KEY_RSA_PSS, 2048, 0},
        {"P-256", HF_KEY_EC, 256, HF_GROUP_P256}, {"P-384", HF_KEY_EC, 384, HF_GROUP_P384},
        {"P-521", HF_KEY_EC, 521, HF_GROUP_P521},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_cert *made = test_cert_new(&(test_cert_spec){.key = rows[i].key, .subject = rows[i].key});
        hf_cert *cert = parse(made);
        hf_cert_info info;
        char expected[64];

        cr_assert_eq(PKI->cert_info(cert, &info), HF_OK);
        cr_assert_eq(info.key_type, rows[i].type);
        cr_assert_eq(info.key_bits, rows[i].bits);
        cr_assert_eq(info.group, rows[i].group);
        cr_assert_eq(info.usage, (unsigned)(HF_USAGE_DIGITAL_SIGNATURE | HF_USAGE_KEY_ENCIPHERMENT));
        snprintf(expected, sizeof expected, "CN=%s", rows[i].key);
        cr_assert_str_eq(info.subject, expected);
        cr_assert_str_eq(info.issuer, expected);
        PKI->cert_free(cert);
        test_cert_free(made);
    }
    PKI->cert_free(NULL);
}

Test(libcrypto_cert, ed25519_is_known_and_other_keys_are_not)
{
    test_cert *ed = test_cert_new(&(test_cert_spec){.key = "ED25519"});
    test_cert *koblitz = test_cert_new(&(test_cert_spec){.key = "secp256k1"});
    hf_cert *cert = parse(ed);
    hf_cert *none = NULL;
    hf_cert_info info;

    cr_assert_eq(PKI->cert_info(cert, &info), HF_OK);
    cr_assert_eq(info.key_type, HF_KEY_ED25519);
    cr_assert_eq(PKI->cert_new(koblitz->der, koblitz->der_len, &none), HF_ERR_UNSUPPORTED);
    cr_assert_null(none);
    PKI->cert_free(cert);
    test_cert_free(ed);
    test_cert_free(koblitz);
}

Test(libcrypto_cert, key_usage_is_told)
{
    test_cert *sign = test_cert_new(&(test_cert_spec){.usage = "critical,digitalSignature"});
    test_cert *encipher = test_cert_new(&(test_cert_spec){.key = "RSA-2048", .usage = "keyEncipherment"});
    hf_cert *a = parse(sign);
    hf_cert *b = parse(encipher);
    hf_cert_info info;

    cr_assert_eq(PKI->cert_info(a, &info), HF_OK);
    cr_assert_eq(info.usage, (unsigned)HF_USAGE_DIGITAL_SIGNATURE);
    cr_assert_eq(PKI->cert_info(b, &info), HF_OK);
    cr_assert_eq(info.usage, (unsigned)HF_USAGE_KEY_ENCIPHERMENT);
    PKI->cert_free(a);
    PKI->cert_free(b);
    test_cert_free(sign);
    test_cert_free(encipher);
}

/* A subject cannot forge a line of a log, nor overrun its field. */
Test(libcrypto_cert, hostile_names_are_escaped_and_cut)
{
    char text[65];
    memset(text, 'x', 64);
    text[64] = '\0';
    memcpy(text, "a\nb\x1b", 4);
    test_cert *made = test_cert_new(&(test_cert_spec){.subject = text});
    hf_cert *cert = parse(made);
    hf_cert_info info;

    cr_assert_eq(PKI->cert_info(cert, &info), HF_OK);
    for (const char *p = info.subject; *p; p++)
        cr_assert(*p >= 0x20 && *p < 0x7f);
    cr_assert_eq(strncmp(info.subject, "CN=a\\0Ab\\1B", 11), 0);
    PKI->cert_free(cert);
    test_cert_free(made);
}

/* RFC 9525: dNSName alone, a wildcard is the whole left-most label and stands for one. */
Test(libcrypto_cert, names_are_matched)
{
    test_cert *made = test_cert_new(&(test_cert_spec){
        .subject = "common.example", .san = "DNS:a.example,DNS:*.w.example,DNS:p*.x.example,IP:192.0.2.1"});
    test_cert *bare = test_cert_new(&(test_cert_spec){.subject = "common.example"});
    static const struct {
        const char *name;
        bool match;
    } rows[] = {
        {"a.example", true},
        {"A.EXAMPLE", true},
        {"a.example.", true},
        {"one.w.example", true},
        {"b.a.example", false},
        {"w.example", false},
        {"a.b.w.example", false},
        {".w.example", false},
        {"pa.x.example", false},
        {"common.example", false},
        {"192.0.2.1", false},
        {"", false},
        {".", false},
        {".example", false},
        {"example", false},
        {"a.exampl", false},
        {"*.w.example", false},
        {"a.example\xff", false},
    };
    hf_cert *cert = parse(made);
    hf_cert *common = parse(bare);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(PKI->cert_matches(cert, rows[i].name), rows[i].match, "\"%s\"", rows[i].name);
    cr_assert_not(PKI->cert_matches(common, "common.example"), "the common name is no host name");
    PKI->cert_free(cert);
    PKI->cert_free(common);
    test_cert_free(made);
    test_cert_free(bare);
}

Test(libcrypto_cert, the_issuer_and_its_signature_are_told)
{
    static const struct {
        const char *key, *digest;
        uint16_t scheme;
    } rows[] = {
        {"RSA-2048", "SHA1", HF_RSA_PKCS1_SHA1},
        {"RSA-2048", "SHA256", HF_RSA_PKCS1_SHA256},
        {"RSA-2048", "SHA384", HF_RSA_PKCS1_SHA384},
        {"RSA-2048", "SHA512", HF_RSA_PKCS1_SHA512},
        {"RSA-PSS", "SHA256", HF_RSA_PSS_RSAE_SHA256},
        {"RSA-PSS", "SHA384", HF_RSA_PSS_RSAE_SHA384},
        {"RSA-PSS", "SHA512", HF_RSA_PSS_RSAE_SHA512},
        {"P-256", "SHA1", HF_ECDSA_SHA1},
        {"P-384", "SHA256", HF_ECDSA_SECP256R1_SHA256},
        {"P-256", "SHA384", HF_ECDSA_SECP384R1_SHA384},
        {"P-521", "SHA512", HF_ECDSA_SECP521R1_SHA512},
        {"ED25519", NULL, HF_ED25519},
        {"P-256", "SHA224", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_cert *ca = test_cert_new(&(test_cert_spec){.key = rows[i].key, .subject = "above", .ca = true});
        test_cert *made = test_cert_new(&(test_cert_spec){.digest = rows[i].digest, .issuer = ca});
        hf_cert *upper = parse(ca), *lower = parse(made);
        const uint8_t *name[2];
        size_t len[2];
        hf_cert_info info;

        cr_assert_eq(PKI->cert_info(lower, &info), HF_OK);
        cr_assert_eq(info.signed_with, rows[i].scheme, "%s with %s: %04x", rows[i].key, rows[i].digest,
                     info.signed_with);
        cr_assert_not(info.self_signed);
        cr_assert_eq(PKI->cert_issuer(lower, &name[0], &len[0]), HF_OK);
        cr_assert_eq(PKI->cert_info(upper, &info), HF_OK);
        cr_assert(info.self_signed);
        cr_assert_eq(PKI->cert_issuer(upper, &name[1], &len[1]), HF_OK);
        cr_assert(len[0] == len[1] && memcmp(name[0], name[1], len[0]) == 0 && len[0] == 18);
        PKI->cert_free(upper);
        PKI->cert_free(lower);
        test_cert_free(ca);
        test_cert_free(made);
    }
}

Test(libcrypto_cert, only_exact_der_parses)
{
    test_cert *made = test_cert_new(&(test_cert_spec){0});
    uint8_t *longer = calloc(1, made->der_len + 1);
    hf_cert *cert = NULL;

    cr_assert_not_null(longer);
    memcpy(longer, made->der, made->der_len);
    cr_assert_eq(PKI->cert_new(longer, made->der_len + 1, &cert), HF_ERR_DECODE);
    for (size_t len = 0; len < made->der_len; len++)
        cr_assert_eq(PKI->cert_new(made->der, len, &cert), HF_ERR_DECODE);
    cr_assert_null(cert);
    free(longer);
    test_cert_free(made);
}

Test(libcrypto_cert, spki_is_the_keys)
{
    test_cert *made = test_cert_new(&(test_cert_spec){.key = "RSA-2048"});
    hf_cert *cert = parse(made);
    const uint8_t *spki = NULL;
    size_t len = 0;
    unsigned char *expected = NULL;
    int expected_len = i2d_PUBKEY(made->pkey, &expected);

    cr_assert_eq(PKI->cert_spki(cert, &spki, &len), HF_OK);
    cr_assert_eq((int)len, expected_len);
    cr_assert_arr_eq(spki, expected, len);
    OPENSSL_free(expected);
    PKI->cert_free(cert);
    test_cert_free(made);
}

/* ---- Signatures ------------------------------------------------------------------------------- */

static const struct {
    uint16_t scheme;
    const char *key;
    const char *md; /* NULL: Ed25519 */
    bool pss;
} signers[] = {
    {HF_RSA_PKCS1_SHA256, "RSA-2048", "SHA256", false},    {HF_RSA_PKCS1_SHA384, "RSA-2048", "SHA384", false},
    {HF_RSA_PKCS1_SHA512, "RSA-2048", "SHA512", false},    {HF_RSA_PSS_RSAE_SHA256, "RSA-2048", "SHA256", true},
    {HF_RSA_PSS_RSAE_SHA384, "RSA-2048", "SHA384", true},  {HF_RSA_PSS_RSAE_SHA512, "RSA-2048", "SHA512", true},
    {HF_RSA_PSS_PSS_SHA256, "RSA-PSS", "SHA256", true},    {HF_RSA_PSS_PSS_SHA384, "RSA-PSS", "SHA384", true},
    {HF_RSA_PSS_PSS_SHA512, "RSA-PSS", "SHA512", true},    {HF_ECDSA_SECP256R1_SHA256, "P-256", "SHA256", false},
    {HF_ECDSA_SECP384R1_SHA384, "P-384", "SHA384", false}, {HF_ECDSA_SECP521R1_SHA512, "P-521", "SHA512", false},
    {HF_ECDSA_SECP521R1_SHA512, "P-256", "SHA512", false}, {HF_ED25519, "ED25519", NULL, false},
};
#define SIGNERS (sizeof signers / sizeof signers[0])

/* Signs msg without the provider's help; salt: RSA_PSS_SALTLEN_DIGEST or a number; mgf1: NULL for md's own. */
static size_t sign_message(EVP_PKEY *pkey, const char *md, bool pss, int salt, const char *mgf1, const char *msg,
                           uint8_t *sig)
{
    size_t len = 1024;
    EVP_PKEY_CTX *pctx = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    cr_assert_eq(EVP_DigestSignInit_ex(ctx, &pctx, md, NULL, NULL, pkey, NULL), 1);
    if (pss) {
        cr_assert_gt(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 0);
        cr_assert_gt(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt), 0);
        cr_assert_gt(EVP_PKEY_CTX_set_rsa_mgf1_md_name(pctx, mgf1 ? mgf1 : md, NULL), 0);
    }
    cr_assert_eq(EVP_DigestSign(ctx, sig, &len, (const unsigned char *)msg, strlen(msg)), 1);
    EVP_MD_CTX_free(ctx);
    return len;
}

Test(libcrypto_cert, signatures_verify_and_changed_ones_do_not)
{
    for (size_t i = 0; i < SIGNERS; i++) {
        test_cert *made = test_cert_new(&(test_cert_spec){.key = signers[i].key});
        hf_cert *cert = parse(made);
        uint16_t scheme = signers[i].scheme;
        uint8_t sig[1024];
        size_t len =
            sign_message(made->pkey, signers[i].md, signers[i].pss, RSA_PSS_SALTLEN_DIGEST, NULL, "message", sig);
        const uint8_t *msg = (const uint8_t *)"message";

        cr_assert_eq(PKI->verify(cert, scheme, msg, 7, sig, len), HF_OK, "scheme %04x", scheme);
        cr_assert_eq(PKI->verify(cert, scheme, msg, 6, sig, len), HF_ERR_VERIFY);
        cr_assert_eq(PKI->verify(cert, scheme, msg, 7, sig, len - 1), HF_ERR_VERIFY);
        cr_assert_eq(PKI->verify(cert, scheme, msg, 7, sig, 0), HF_ERR_VERIFY);
        sig[len / 2] ^= 1;
        cr_assert_eq(PKI->verify(cert, scheme, msg, 7, sig, len), HF_ERR_VERIFY);
        sig[len / 2] ^= 1;
        if (signers[i].md) {
            uint8_t digest[EVP_MAX_MD_SIZE];
            unsigned n = 0;
            cr_assert_eq(EVP_Digest(msg, 7, digest, &n, EVP_get_digestbyname(signers[i].md), NULL), 1);
            cr_assert_eq(PKI->verify_digest(cert, scheme, digest, n, sig, len), HF_OK);
            cr_assert_eq(PKI->verify_digest(cert, scheme, digest, n - 1, sig, len), HF_ERR_INVALID);
            digest[0] ^= 1;
            cr_assert_eq(PKI->verify_digest(cert, scheme, digest, n, sig, len), HF_ERR_VERIFY);
        }
        queue_is_clean();
        PKI->cert_free(cert);
        test_cert_free(made);
    }
}

typedef struct shared_verify {
    const hf_cert *cert;
    const uint8_t *sig;
    size_t len;
} shared_verify;

static void *verify_many(void *arg)
{
    shared_verify *s = arg;

    for (int i = 0; i < 50; i++)
        if (PKI->verify(s->cert, HF_RSA_PSS_RSAE_SHA256, (const uint8_t *)"message", 7, s->sig, s->len) != HF_OK ||
            PKI->verify(s->cert, HF_RSA_PSS_RSAE_SHA256, (const uint8_t *)"massage", 7, s->sig, s->len) !=
                HF_ERR_VERIFY)
            return arg; /* failed */
    return NULL;
}

/* The first verifications of a certificate race to prepare its key. */
Test(libcrypto_cert, threads_share_a_certificate)
{
    test_cert *made = test_cert_new(&(test_cert_spec){.key = "RSA-2048"});
    hf_cert *cert = parse(made);
    uint8_t sig[256];
    shared_verify s = {cert, sig, 0};
    pthread_t threads[4];

    s.len = sign_message(made->pkey, "SHA256", true, RSA_PSS_SALTLEN_DIGEST, NULL, "message", sig);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, verify_many, &s), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        cr_assert_eq(pthread_join(threads[i], &failed), 0);
        cr_assert_null(failed);
    }
    PKI->cert_free(cert);
    test_cert_free(made);
}

Test(libcrypto_cert, a_scheme_of_another_key_is_unsupported)
{
    static const uint16_t none[] = {HF_RSA_PKCS1_SHA1, HF_ECDSA_SHA1, 0, 0xffff};
    static const char *const keys[] = {"RSA-2048", "RSA-PSS", "P-256", "ED25519"};
    uint8_t sig[256] = {0};
    uint8_t digest[32] = {0};

    for (size_t k = 0; k < 4; k++) {
        test_cert *made = test_cert_new(&(test_cert_spec){.key = keys[k]});
        hf_cert *cert = parse(made);
        for (size_t i = 0; i < SIGNERS; i++) {
            bool ec_both = keys[k][0] == 'P' && signers[i].key[0] == 'P';
            if (strcmp(signers[i].key, keys[k]) != 0 && !ec_both)
                cr_assert_eq(PKI->verify(cert, signers[i].scheme, sig, 1, sig, sizeof sig), HF_ERR_UNSUPPORTED);
        }
        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
            cr_assert_eq(PKI->verify(cert, none[i], sig, 1, sig, sizeof sig), HF_ERR_UNSUPPORTED);
            cr_assert_eq(PKI->verify_digest(cert, none[i], digest, 32, sig, sizeof sig), HF_ERR_UNSUPPORTED);
        }
        cr_assert_eq(PKI->verify_digest(cert, HF_ED25519, digest, 32, sig, sizeof sig), HF_ERR_UNSUPPORTED);
        PKI->cert_free(cert);
        test_cert_free(made);
    }
}

/* RFC 8446 section 4.2.3: the salt is as long as the digest, and MGF1 uses the same hash. */
Test(libcrypto_cert, pss_of_another_salt_or_mask_is_refused)
{
    test_cert *made = test_cert_new(&(test_cert_spec){.key = "RSA-2048"});
    hf_cert *cert = parse(made);
    uint8_t sig[256];
    const uint8_t *msg = (const uint8_t *)"message";

    size_t len = sign_message(made->pkey, "SHA256", true, 20, NULL, "message", sig);
    cr_assert_eq(PKI->verify(cert, HF_RSA_PSS_RSAE_SHA256, msg, 7, sig, len), HF_ERR_VERIFY);
    len = sign_message(made->pkey, "SHA256", true, RSA_PSS_SALTLEN_DIGEST, "SHA1", "message", sig);
    cr_assert_eq(PKI->verify(cert, HF_RSA_PSS_RSAE_SHA256, msg, 7, sig, len), HF_ERR_VERIFY);
    PKI->cert_free(cert);
    test_cert_free(made);
}

/* ---- RSA encryption --------------------------------------------------------------------------- */

Test(libcrypto_cert, rsa_encrypts_to_the_key)
{
    test_cert *made = test_cert_new(&(test_cert_spec){.key = "RSA-2048"});
    hf_cert *cert = parse(made);
    uint8_t premaster[HF_PREMASTER_SIZE];
    uint8_t sealed[256];
    uint8_t opened[256];
    size_t sealed_len = 0;
    size_t opened_len = sizeof opened;

    memset(premaster, 0x5a, sizeof premaster);
    cr_assert_eq(PKI->rsa_encrypt(cert, premaster, sizeof premaster, sealed, 255, &sealed_len), HF_ERR_BUFFER);
    cr_assert_eq(PKI->rsa_encrypt(cert, premaster, sizeof premaster, sealed, 256, &sealed_len), HF_OK);
    cr_assert_eq(sealed_len, 256);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, made->pkey, NULL);
    cr_assert_gt(EVP_PKEY_decrypt_init(ctx), 0);
    cr_assert_gt(EVP_PKEY_decrypt(ctx, opened, &opened_len, sealed, sealed_len), 0);
    cr_assert_eq(opened_len, sizeof premaster);
    cr_assert_arr_eq(opened, premaster, sizeof premaster);
    EVP_PKEY_CTX_free(ctx);
    uint8_t large[250] = {0};
    cr_assert_eq(PKI->rsa_encrypt(cert, large, sizeof large, sealed, 256, &sealed_len), HF_ERR_CRYPTO);
    cr_assert_eq(sealed_len, 0);
    PKI->cert_free(cert);
    test_cert_free(made);
}

Test(libcrypto_cert, only_rsa_keys_encrypt)
{
    static const char *const keys[] = {"P-256", "RSA-PSS", "ED25519"};
    uint8_t out[512];
    size_t len;

    for (size_t i = 0; i < 3; i++) {
        test_cert *made = test_cert_new(&(test_cert_spec){.key = keys[i]});
        hf_cert *cert = parse(made);
        cr_assert_eq(PKI->rsa_encrypt(cert, out, 48, out, sizeof out, &len), HF_ERR_UNSUPPORTED);
        PKI->cert_free(cert);
        test_cert_free(made);
    }
}

/* ---- PEM and trust anchors -------------------------------------------------------------------- */

typedef struct collected {
    size_t n;
    size_t total;
    size_t stop_at;
} collected;

static hf_status collect(void *arg, const uint8_t *der, size_t der_len)
{
    collected *c = arg;

    cr_assert_eq(der[0], 0x30);
    c->total += der_len;
    return ++c->n == c->stop_at ? HF_ERR_LIMIT : HF_OK;
}

static char *joined(const char *a, const char *b, const char *c)
{
    char *text = malloc(strlen(a) + strlen(b) + strlen(c) + 1);

    cr_assert_not_null(text);
    sprintf(text, "%s%s%s", a, b, c);
    return text;
}

Test(libcrypto_cert, pem_certs_gives_certificates_only)
{
    test_cert *a = test_cert_new(&(test_cert_spec){.subject = "a"});
    test_cert *b = test_cert_new(&(test_cert_spec){.subject = "b"});
    char *text = joined(a->pem, a->key_pem, b->pem);
    collected c = {0};

    cr_assert_eq(PKI->pem_certs((const uint8_t *)text, strlen(text), collect, &c), HF_OK);
    cr_assert_eq(c.n, 2);
    cr_assert_eq(c.total, a->der_len + b->der_len);
    c = (collected){.stop_at = 1};
    cr_assert_eq(PKI->pem_certs((const uint8_t *)text, strlen(text), collect, &c), HF_ERR_LIMIT);
    cr_assert_eq(c.n, 1);
    c = (collected){0};
    cr_assert_eq(PKI->pem_certs((const uint8_t *)a->key_pem, strlen(a->key_pem), collect, &c), HF_ERR_DECODE);
    cr_assert_eq(PKI->pem_certs((const uint8_t *)"", 0, collect, &c), HF_ERR_DECODE);
    cr_assert_eq(PKI->pem_certs((const uint8_t *)"hello\n", 6, collect, &c), HF_ERR_DECODE);
    cr_assert_eq(c.n, 0);
    cr_assert_eq(PKI->pem_certs((const uint8_t *)text, strlen(text) - 30, collect, &c), HF_ERR_DECODE);
    free(text);
    test_cert_free(a);
    test_cert_free(b);
}

Test(libcrypto_cert, trust_names_lists_whole_entries)
{
    test_cert *a = test_cert_new(&(test_cert_spec){.subject = "first", .ca = true});
    test_cert *b = test_cert_new(&(test_cert_spec){.subject = "second", .ca = true});
    char *text = joined(a->pem, b->pem, "");
    hf_trust *trust = NULL;
    uint8_t names[256];
    size_t len = 0;

    cr_assert_eq(PKI->trust_new((const uint8_t *)text, strlen(text), &trust), HF_OK);
    cr_assert_eq(PKI->trust_names(trust, names, sizeof names, &len), HF_OK);
    size_t first = 2 + ((size_t)names[0] << 8) + names[1];
    cr_assert_lt(first, len);
    size_t second = 2 + ((size_t)names[first] << 8) + names[first + 1];
    cr_assert_eq(first + second, len);
    unsigned char *der = NULL;
    int der_len = i2d_X509_NAME(X509_get_subject_name(a->x509), &der);
    cr_assert_eq((size_t)der_len, first - 2);
    cr_assert_arr_eq(names + 2, der, first - 2);
    OPENSSL_free(der);
    cr_assert_eq(PKI->trust_names(trust, names, len - 1, &len), HF_OK);
    cr_assert_eq(len, first);
    cr_assert_eq(PKI->trust_names(trust, names, 0, &len), HF_OK);
    cr_assert_eq(len, 0);
    PKI->trust_free(trust);
    PKI->trust_free(NULL);
    free(text);
    test_cert_free(a);
    test_cert_free(b);
}

Test(libcrypto_cert, trust_from_rubbish_is_refused)
{
    static const char broken[] = "-----BEGIN CERTIFICATE-----\nMAAwAA==\n-----END CERTIFICATE-----\n";
    hf_trust *trust = NULL;

    cr_assert_eq(PKI->trust_new((const uint8_t *)"", 0, &trust), HF_ERR_DECODE);
    cr_assert_eq(PKI->trust_new((const uint8_t *)broken, sizeof broken - 1, &trust), HF_ERR_DECODE);
    cr_assert_null(trust);
    cr_assert_eq(PKI->trust_new(NULL, 0, &trust), HF_OK); /* the system's */
    PKI->trust_free(trust);
}
