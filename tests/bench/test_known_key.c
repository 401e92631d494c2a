/* The clients' quick check of a server's signatures (bench/known_key.c) says what the slow one says. */
#include "known_key.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "handfast/providers.h"

#define SIGNATURE_MAX 80

static const uint8_t message[] = "what the server signs";

typedef struct server {
    hf_cert *cert;
    uint8_t sig[SIGNATURE_MAX];
    size_t sig_len;
} server;

/* A P-256 key, its certificate, and its signature of the message. */
static server make_server(const hf_crypto *crypto)
{
    server s = {.sig_len = SIGNATURE_MAX};
    uint8_t *der = NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    cr_assert(X509_gmtime_adj(X509_getm_notBefore(x509), 0) && X509_gmtime_adj(X509_getm_notAfter(x509), 60));
    cr_assert_eq(X509_set_pubkey(x509, key), 1);
    cr_assert_gt(X509_sign(x509, key, EVP_sha256()), 0);
    int len = i2d_X509(x509, &der);
    cr_assert_eq(crypto->pki->cert_new(der, (size_t)len, &s.cert), HF_OK);
    cr_assert_eq(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    cr_assert_eq(EVP_DigestSign(ctx, s.sig, &s.sig_len, message, sizeof message), 1);
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    X509_free(x509);
    EVP_PKEY_free(key);
    return s;
}

static hf_status check(const hf_crypto *crypto, const server *s)
{
    uint8_t digest[32];
    unsigned len = sizeof digest;

    cr_assert_eq(EVP_Digest(message, sizeof message, digest, &len, EVP_sha256(), NULL), 1);
    hf_status whole =
        crypto->pki->verify(s->cert, HF_ECDSA_SECP256R1_SHA256, message, sizeof message, s->sig, s->sig_len);
    cr_assert_eq(crypto->pki->verify_digest(s->cert, HF_ECDSA_SECP256R1_SHA256, digest, len, s->sig, s->sig_len), whole,
                 "of a digest it says something else");
    return whole;
}

Test(known_key, refuses_what_is_wrong)
{
    hf_crypto crypto;
    char why[256] = "";

    cr_assert_eq(hf_crypto_compose(NULL, &crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
    const hf_pki *slow = crypto.pki;
    hf_known_key_use(&crypto);
    if (crypto.verifiers[0])
        cr_assert_neq(crypto.pki, slow, "there are tables, and they are not used");
    server known = make_server(&crypto), other = make_server(&crypto);
    for (int round = 0; round < 2; round++) { /* the first makes the tables */
        cr_assert_eq(check(&crypto, &known), HF_OK);
        cr_assert_eq(check(&crypto, &other), HF_OK, "a second key has no tables, and is checked all the same");
        server wrong = known;
        wrong.sig[wrong.sig_len - 1] ^= 1;
        cr_assert_eq(check(&crypto, &wrong), HF_ERR_VERIFY);
        wrong = known;
        memcpy(wrong.sig, other.sig, sizeof wrong.sig);
        wrong.sig_len = other.sig_len;
        cr_assert_eq(check(&crypto, &wrong), HF_ERR_VERIFY, "the other key's signature");
    }
    crypto.pki->cert_free(known.cert);
    crypto.pki->cert_free(other.cert);
}
