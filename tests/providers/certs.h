/* Certificates made at test time: authorities, leaves, and all that can be wrong with them. Needs libcrypto to link,
 * but not to include. A failure to make one ends the test (cr_assert). */
#ifndef HANDFAST_TESTS_CERTS_H
#define HANDFAST_TESTS_CERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEST_NOW 1800000000 /* January 2027: the certificates' "today", unless a test says otherwise */
#define TEST_DAY 86400

typedef struct test_cert {
    uint8_t *der; /* the certificate */
    size_t der_len;
    char *pem;     /* the same as PEM text, NUL-terminated */
    char *key_pem; /* its private key, PKCS#8, unencrypted */
    void *x509;    /* X509 * and EVP_PKEY *, for tests that look deeper */
    void *pkey;
} test_cert;

/* What to make; zeros and NULLs take the default in brackets. */
typedef struct test_cert_spec {
    const char
        *key; /* "RSA-2048", "RSA-1024", "RSA-PSS", "P-256", "P-384", "P-521", "secp256k1", "ED25519" ["P-256"] */
    const char *subject;     /* common name ["test"] */
    const char *san;         /* "DNS:a.example,IP:192.0.2.1" [none] */
    const char *eku;         /* "serverAuth,clientAuth" [none] */
    const char *usage;       /* "digitalSignature,keyEncipherment" [none for leaves, keyCertSign for authorities] */
    const char *constraints; /* overrides basicConstraints: "critical,CA:TRUE,pathlen:0" [by `ca`] */
    bool ca;
    int64_t not_before;      /* seconds since 1970 [a day before TEST_NOW] */
    int64_t not_after;       /* [a year after TEST_NOW] */
    const char *digest;      /* of the issuer's signature ["SHA256"; none for an Ed25519 issuer] */
    const test_cert *issuer; /* [self-signed] */
} test_cert_spec;

/* Makes one; test_cert_free gives everything back. */
test_cert *test_cert_new(const test_cert_spec *spec);
void test_cert_free(test_cert *cert);

#endif
