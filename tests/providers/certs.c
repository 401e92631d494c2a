/* Makes certificates with libcrypto for the tests. */
#include "certs.h"

#include <criterion/criterion.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static EVP_PKEY *make_rsa_pss(void)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);

    cr_assert(ctx && EVP_PKEY_keygen_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) > 0);
    cr_assert_gt(EVP_PKEY_generate(ctx, &pkey), 0);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static EVP_PKEY *make_key(const char *name)
{
    EVP_PKEY *pkey = NULL;

    if (strcmp(name, "RSA-2048") == 0)
        pkey = EVP_RSA_gen(2048);
    else if (strcmp(name, "RSA-1024") == 0)
        pkey = EVP_RSA_gen(1024);
    else if (strcmp(name, "RSA-PSS") == 0)
        pkey = make_rsa_pss();
    else if (strcmp(name, "ED25519") == 0)
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else
        pkey = EVP_EC_gen(name);
    cr_assert_not_null(pkey, "no key of type %s", name);
    return pkey;
}

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&ctx);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    cr_assert_not_null(extension, "extension %s", value);
    cr_assert_eq(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void add_extensions(X509 *x509, X509 *issuer, const test_cert_spec *spec)
{
    const char *constraints = spec->constraints ? spec->constraints
                              : spec->ca        ? "critical,CA:TRUE"
                                                : "critical,CA:FALSE";
    const char *usage = spec->usage ? spec->usage : spec->ca ? "critical,keyCertSign,cRLSign" : NULL;

    add_extension(x509, issuer, NID_basic_constraints, constraints);
    add_extension(x509, issuer, NID_subject_key_identifier, "hash");
    if (usage)
        add_extension(x509, issuer, NID_key_usage, usage);
    if (spec->eku)
        add_extension(x509, issuer, NID_ext_key_usage, spec->eku);
    if (spec->san)
        add_extension(x509, issuer, NID_subject_alt_name, spec->san);
}

static void set_fields(X509 *x509, X509 *issuer, EVP_PKEY *pkey, const test_cert_spec *spec)
{
    static long serial = 1000;
    const char *subject = spec->subject ? spec->subject : "test";
    int64_t not_before = spec->not_before ? spec->not_before : TEST_NOW - TEST_DAY;
    int64_t not_after = spec->not_after ? spec->not_after : TEST_NOW + (int64_t)365 * TEST_DAY;

    cr_assert_eq(X509_set_version(x509, X509_VERSION_3), 1);
    cr_assert_eq(ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial), 1);
    cr_assert_not_null(ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)not_before));
    cr_assert_not_null(ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)not_after));
    cr_assert_eq(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                                            (const unsigned char *)subject, -1, -1, 0),
                 1);
    cr_assert_eq(X509_set_issuer_name(x509, X509_get_subject_name(issuer)), 1);
    cr_assert_eq(X509_set_pubkey(x509, pkey), 1);
}

static char *text_of(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    char *text = calloc(1, (size_t)len + 1);

    cr_assert_not_null(text);
    memcpy(text, data, (size_t)len);
    BIO_free(bio);
    return text;
}

test_cert *test_cert_new(const test_cert_spec *spec)
{
    EVP_PKEY *pkey = make_key(spec->key ? spec->key : "P-256");
    X509 *x509 = X509_new();
    X509 *issuer = spec->issuer ? spec->issuer->x509 : x509;
    EVP_PKEY *issuer_key = spec->issuer ? spec->issuer->pkey : pkey;
    test_cert *cert = calloc(1, sizeof *cert);

    cr_assert(x509 && cert);
    set_fields(x509, issuer, pkey, spec);
    add_extensions(x509, issuer, spec);
    const EVP_MD *md =
        EVP_PKEY_is_a(issuer_key, "ED25519") ? NULL : EVP_get_digestbyname(spec->digest ? spec->digest : "SHA256");
    cr_assert_gt(X509_sign(x509, issuer_key, md), 0);

    int der_len = i2d_X509(x509, &cert->der);
    cr_assert_gt(der_len, 0);
    cert->der_len = (size_t)der_len;
    BIO *bio = BIO_new(BIO_s_mem());
    cr_assert_eq(PEM_write_bio_X509(bio, x509), 1);
    cert->pem = text_of(bio);
    bio = BIO_new(BIO_s_mem());
    cr_assert_eq(PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
    cert->key_pem = text_of(bio);
    cert->x509 = x509;
    cert->pkey = pkey;
    ERR_clear_error();
    return cert;
}

void test_cert_free(test_cert *cert)
{
    if (!cert)
        return;
    OPENSSL_free(cert->der);
    free(cert->pem);
    free(cert->key_pem);
    X509_free(cert->x509);
    EVP_PKEY_free(cert->pkey);
    free(cert);
}
