/* OCSP responses (RFC 6960): signed by the right one, about the right certificate, of the right time. */
#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "ocsp_maker.h"

#define PKI (hf_provider_libcrypto.pki)
#define BAD HF_SEND(HF_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE)

static void queue_is_clean(void)
{
    cr_assert_eq(ERR_peek_error(), 0, "libcrypto's error queue was left filled");
}

TestSuite(libcrypto_ocsp, .fini = queue_is_clean);

static test_cert *ca, *other, *leaf;

static void make(void)
{
    ca = test_cert_new(&(test_cert_spec){.subject = "authority", .ca = true});
    other = test_cert_new(&(test_cert_spec){.subject = "stranger", .ca = true});
    leaf = test_cert_new(&(test_cert_spec){.subject = "leaf", .issuer = ca});
}

typedef enum issuer_in { IN_CHAIN, IN_TRUST, NOWHERE, NOWHERE_UNVERIFIED } issuer_in;

/* The verdict at `now` about `cert`. */
static hf_status verdict(const uint8_t *der, size_t len, const test_cert *cert, issuer_in where, int64_t now,
                         int64_t *out_until)
{
    const uint8_t *certs[] = {cert->der, ca->der};
    const size_t lens[] = {cert->der_len, ca->der_len};
    const char *pem = where == IN_TRUST ? ca->pem : other->pem;
    hf_trust *trust = NULL;
    int64_t until = -1;
    char why[200] = "unset";

    if (where != NOWHERE_UNVERIFIED)
        cr_assert_eq(PKI->trust_new((const uint8_t *)pem, strlen(pem), &trust), HF_OK);
    const hf_ocsp ocsp = {der, len, certs, lens, where == IN_CHAIN ? 2 : 1, trust, now};
    hf_status status = PKI->ocsp_check(&ocsp, &until, why, sizeof why);
    cr_assert_eq(status == HF_OK, why[0] == '\0', "%s: %s", hf_status_text(status), why);
    cr_assert_eq(status == HF_OK, until != -1, "the end is told with success only");
    PKI->trust_free(trust);
    if (out_until)
        *out_until = until;
    return status;
}

static hf_status of_spec(const test_ocsp_spec *spec, issuer_in where, int64_t now)
{
    uint8_t *der;
    size_t len = test_ocsp_new(spec, &der);
    hf_status status = verdict(der, len, leaf, where, now, NULL);
    free(der);
    return status;
}

Test(libcrypto_ocsp, good_by_the_issuer)
{
    make();
    for (int sha256 = 0; sha256 <= 1; sha256++) {
        const test_ocsp_spec spec = {.cert = leaf, .issuer = ca, .sha256 = sha256};
        cr_assert_eq(of_spec(&spec, IN_CHAIN, TEST_NOW), HF_OK);
        cr_assert_eq(of_spec(&spec, IN_TRUST, TEST_NOW), HF_OK);
        cr_assert_eq(of_spec(&spec, NOWHERE, TEST_NOW), BAD, "a peer's is never taken unverified");
        cr_assert_eq(of_spec(&spec, NOWHERE_UNVERIFIED, TEST_NOW), HF_OK);
    }
}

Test(libcrypto_ocsp, the_status_counts)
{
    make();
    for (issuer_in where = IN_CHAIN; where <= NOWHERE_UNVERIFIED; where++) {
        if (where == NOWHERE)
            continue;
        const test_ocsp_spec revoked = {.cert = leaf, .issuer = ca, .status = TEST_OCSP_REVOKED};
        const test_ocsp_spec unknown = {.cert = leaf, .issuer = ca, .status = TEST_OCSP_UNKNOWN};
        cr_assert_eq(of_spec(&revoked, where, TEST_NOW), HF_SEND(HF_ALERT_CERTIFICATE_REVOKED));
        cr_assert_eq(of_spec(&unknown, where, TEST_NOW), BAD);
    }
}

Test(libcrypto_ocsp, the_time_counts)
{
    make();
    const test_ocsp_spec spec = {.cert = leaf, .issuer = ca, .this_update = TEST_NOW, .next_update = TEST_NOW + 100};
    const test_ocsp_spec open = {.cert = leaf, .issuer = ca, .this_update = TEST_NOW, .next_update = -1};
    const int64_t week = (int64_t)7 * TEST_DAY;
    int64_t until;
    uint8_t *der;

    cr_assert_eq(of_spec(&spec, IN_CHAIN, TEST_NOW - 301), BAD, "not yet valid");
    cr_assert_eq(of_spec(&spec, IN_CHAIN, TEST_NOW - 300), HF_OK, "clocks differ");
    cr_assert_eq(of_spec(&spec, IN_CHAIN, TEST_NOW + 99), HF_OK);
    cr_assert_eq(of_spec(&spec, IN_CHAIN, TEST_NOW + 100), BAD, "expired");
    cr_assert_eq(of_spec(&open, IN_CHAIN, TEST_NOW + week - 1), HF_OK);
    cr_assert_eq(of_spec(&open, IN_CHAIN, TEST_NOW + week), BAD, "no nextUpdate is not for ever");
    size_t len = test_ocsp_new(&spec, &der);
    cr_assert_eq(verdict(der, len, leaf, IN_CHAIN, TEST_NOW, &until), HF_OK);
    cr_assert_eq(until, TEST_NOW + 100);
    free(der);
}

Test(libcrypto_ocsp, about_another_certificate)
{
    make();
    test_cert *sibling = test_cert_new(&(test_cert_spec){.subject = "leaf", .issuer = ca});
    test_cert *foreign = test_cert_new(&(test_cert_spec){.subject = "leaf", .issuer = other});
    const test_ocsp_spec spec = {.cert = sibling, .issuer = ca};
    const test_ocsp_spec stranger = {.cert = foreign, .issuer = other, .signer = ca};
    for (issuer_in where = IN_CHAIN; where <= NOWHERE_UNVERIFIED; where++) {
        cr_assert_eq(of_spec(&spec, where, TEST_NOW), BAD);
        cr_assert_eq(of_spec(&stranger, where, TEST_NOW), BAD);
    }
    test_cert_free(sibling);
    test_cert_free(foreign);
}

/* RFC 6960 section 4.2.2.2: the issuer, or one with its mark for it. */
Test(libcrypto_ocsp, signed_by_whom)
{
    make();
    test_cert *responder = test_cert_new(&(test_cert_spec){.subject = "responder", .eku = "OCSPSigning", .issuer = ca});
    test_cert *unmarked = test_cert_new(&(test_cert_spec){.subject = "responder", .issuer = ca});
    test_cert *foreign =
        test_cert_new(&(test_cert_spec){.subject = "responder", .eku = "OCSPSigning", .issuer = other});
    test_cert *twin = test_cert_new(&(test_cert_spec){.subject = "authority", .ca = true}); /* its name, another key */
    test_cert *old = test_cert_new(&(test_cert_spec){
        .subject = "responder", .eku = "OCSPSigning", .issuer = ca, .not_before = 1, .not_after = TEST_NOW - 1});
    const struct {
        const test_cert *signer;
        hf_status want;
    } rows[] = {{responder, HF_OK}, {unmarked, BAD}, {foreign, BAD}, {other, BAD},
                {twin, BAD},        {old, BAD},      {leaf, BAD}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const test_ocsp_spec spec = {.cert = leaf, .issuer = ca, .signer = rows[i].signer};
        cr_assert_eq(of_spec(&spec, IN_CHAIN, TEST_NOW), rows[i].want, "%zu", i);
        cr_assert_eq(of_spec(&spec, IN_TRUST, TEST_NOW), rows[i].want, "%zu", i);
    }
    test_cert_free(responder);
    test_cert_free(unmarked);
    test_cert_free(foreign);
    test_cert_free(twin);
    test_cert_free(old);
}

/* A name is no proof: whoever has the key of a revoked certificate may send an "issuer" of his own making along, in
 * front of the real one or in its place, and sign with it. */
Test(libcrypto_ocsp, the_issuer_is_who_signed_the_certificate)
{
    make();
    test_cert *twin = test_cert_new(&(test_cert_spec){.subject = "authority", .ca = true}); /* its name, another key */
    const uint8_t *certs[] = {leaf->der, twin->der, ca->der};
    const size_t lens[] = {leaf->der_len, twin->der_len, ca->der_len};
    hf_trust *trust = NULL;
    uint8_t *forged, *real;
    size_t forged_len = test_ocsp_new(&(test_ocsp_spec){.cert = leaf, .issuer = twin}, &forged);
    size_t real_len = test_ocsp_new(&(test_ocsp_spec){.cert = leaf, .issuer = ca}, &real);

    cr_assert_eq(PKI->trust_new((const uint8_t *)ca->pem, strlen(ca->pem), &trust), HF_OK);
    for (size_t n = 2; n <= 3; n++) { /* with 2 the real one is among the anchors only */
        int64_t until = -1;
        char why[200];
        const hf_path path = {trust, certs, lens, n, HF_PURPOSE_SERVER, NULL, TEST_NOW};
        hf_ocsp ocsp = {forged, forged_len, certs, lens, n, trust, TEST_NOW};
        cr_assert_eq(PKI->verify_path(&path, why, sizeof why), HF_OK, "the path takes no notice: %s", why);
        cr_assert_eq(PKI->ocsp_check(&ocsp, &until, why, sizeof why), BAD, "%zu certificates", n);
        ocsp.response = real;
        ocsp.response_len = real_len;
        cr_assert_eq(PKI->ocsp_check(&ocsp, &until, why, sizeof why), HF_OK, "%zu certificates: %s", n, why);
    }
    PKI->trust_free(trust);
    test_cert_free(twin);
    free(forged);
    free(real);
}

Test(libcrypto_ocsp, malformed)
{
    make();
    uint8_t *der, *longer;
    size_t len = test_ocsp_new(&(test_ocsp_spec){.cert = leaf, .issuer = ca}, &der);
    longer = calloc(1, len + 1);
    cr_assert_not_null(longer);
    memcpy(longer, der, len);
    cr_assert_eq(verdict(longer, len + 1, leaf, IN_CHAIN, TEST_NOW, NULL), BAD, "bytes behind it");
    for (size_t n = 0; n < len; n += 7)
        cr_assert_eq(verdict(der, n, leaf, IN_CHAIN, TEST_NOW, NULL), BAD, "%zu of %zu bytes", n, len);
    for (size_t i = 0; i < len; i += 5) { /* whatever is changed: never good and changed */
        memcpy(longer, der, len);
        longer[i] ^= 0x10;
        cr_assert_neq(verdict(longer, len, leaf, IN_CHAIN, TEST_NOW, NULL), HF_OK, "byte %zu", i);
    }
    free(der);
    len = test_ocsp_try_later(&der);
    cr_assert_eq(verdict(der, len, leaf, IN_CHAIN, TEST_NOW, NULL), BAD, "it says that it cannot say");
    free(der);
    free(longer);
}
