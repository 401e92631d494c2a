/* Loading and counting of Wycheproof vectors. */
#include "wycheproof.h"

#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *wy_folder(void)
{
    const char *folder = getenv("HF_WYCHEPROOF_DIR");
    return folder && *folder ? folder : NULL;
}

json_t *wy_load(const char *folder, const char *name)
{
    char path[4096];
    json_error_t error;
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof path ? json_load_file(path, 0, &error) : NULL;
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

wy_bytes wy_hex(const json_t *object, const char *field)
{
    const char *text = json_string_value(json_object_get(object, field));
    cr_assert_not_null(text, "field %s is missing", field);
    size_t len = strlen(text);
    cr_assert_eq(len % 2, 0, "field %s: odd number of digits", field);
    wy_bytes out = {.data = malloc(len / 2 + 1), .len = len / 2};
    cr_assert_not_null(out.data);
    for (size_t i = 0; i < out.len; i++) {
        int high = digit(text[2 * i]);
        int low = digit(text[2 * i + 1]);
        cr_assert(high >= 0 && low >= 0, "field %s: not hexadecimal", field);
        out.data[i] = (uint8_t)(high << 4 | low);
    }
    return out;
}

void wy_free(wy_bytes bytes)
{
    free(bytes.data);
}

const char *wy_text(const json_t *object, const char *field)
{
    const char *text = json_string_value(json_object_get(object, field));
    return text ? text : "";
}

size_t wy_number(const json_t *object, const char *field)
{
    return (size_t)json_integer_value(json_object_get(object, field));
}

typedef struct tally {
    size_t run, unexpressible;
} tally;

static void one(const char *name, const char *what, const json_t *group, const json_t *test, wy_run *run, void *arg,
                tally *t)
{
    const char *result = wy_text(test, "result");
    wy_verdict verdict = run(group, test, arg);

    if (verdict == WY_UNEXPRESSIBLE) {
        t->unexpressible++;
        return;
    }
    t->run++;
    bool agrees = verdict == WY_WRONG              ? false
                  : strcmp(result, "valid") == 0   ? verdict == WY_ACCEPTED
                  : strcmp(result, "invalid") == 0 ? verdict == WY_REFUSED
                                                   : strcmp(result, "acceptable") == 0;
    static const char *const words[] = {"accepted", "refused", "answered wrongly"};
    cr_expect(agrees, "%s, %s, tcId %zu (%s): %s, but %s", name, what, wy_number(test, "tcId"),
              wy_text(test, "comment"), result, words[verdict]);
}

void wy_file(const char *name, const char *what, size_t least, wy_run *run, void *arg)
{
    const char *folder = wy_folder();
    const json_t *group, *test;
    size_t g, i;
    tally t = {0};

    if (!folder)
        return;
    json_t *root = wy_load(folder, name);
    cr_assert_not_null(root, "HF_WYCHEPROOF_DIR: cannot read %s/%s", folder, name);
    json_array_foreach(json_object_get(root, "testGroups"), g, group)
    {
        json_array_foreach(json_object_get(group, "tests"), i, test)
        {
            one(name, what, group, test, run, arg, &t);
        }
    }
    fprintf(stderr, "%s, %s: %zu run, %zu cannot be expressed\n", name, what, t.run, t.unexpressible);
    cr_expect_geq(t.run, least, "%s, %s: only %zu vectors were run", name, what, t.run);
    cr_expect_eq(t.run + t.unexpressible, wy_number(root, "numberOfTests"), "%s: vectors were lost", name);
    json_decref(root);
}

/* pki reads keys from certificates only, so the key gets one, signed by somebody. */
hf_cert *wy_cert(const hf_pki *pki, wy_bytes spki)
{
    const uint8_t *p = spki.data;
    uint8_t *der = NULL;
    hf_cert *cert = NULL;
    EVP_PKEY *signer = EVP_EC_gen("P-256");
    EVP_PKEY *subject = d2i_PUBKEY(NULL, &p, (long)spki.len);
    X509 *x509 = X509_new();

    cr_assert(signer && subject && x509, "a public key of the vectors does not parse");
    cr_assert(X509_set_version(x509, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) &&
              X509_gmtime_adj(X509_getm_notBefore(x509), 0) && X509_gmtime_adj(X509_getm_notAfter(x509), 3600) &&
              X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                                         (const unsigned char *)"wycheproof", -1, -1, 0) &&
              X509_set_issuer_name(x509, X509_get_subject_name(x509)) && X509_set_pubkey(x509, subject) &&
              X509_sign(x509, signer, EVP_sha256()) > 0);
    int len = i2d_X509(x509, &der);
    cr_assert_gt(len, 0);
    if (pki->cert_new(der, (size_t)len, &cert) != HF_OK)
        cert = NULL;
    OPENSSL_free(der);
    X509_free(x509);
    EVP_PKEY_free(subject);
    EVP_PKEY_free(signer);
    return cert;
}
