/* Room `provision`: certificates and requests that the token signs (RFC 5280 section 4.1, RFC 2986 section 4). */
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cert_parts.h"
#include "der.h"

#define SERIAL_SIZE 20  /* RFC 5280 section 4.1.2.2: at most 20 bytes, positive */
#define CLOCK_SLACK 300 /* seconds before now that a certificate starts, for peers whose clock is late */

/* How the key signs certificates: by its own curve's hash, RSA with PKCS#1 v1.5 and SHA-256. */
static const struct {
    uint16_t scheme;
    int signature_nid;
} signers[] = {
    {HF_RSA_PKCS1_SHA256, NID_sha256WithRSAEncryption},
    {HF_ECDSA_SECP256R1_SHA256, NID_ecdsa_with_SHA256},
    {HF_ECDSA_SECP384R1_SHA384, NID_ecdsa_with_SHA384},
    {HF_ECDSA_SECP521R1_SHA512, NID_ecdsa_with_SHA512},
    {HF_ED25519, NID_ED25519},
};

static hf_status choose_signer(const hf_hsm_key *k, const hf_scheme **out, int *out_nid, const hf_why *why)
{
    for (size_t i = 0; i < sizeof signers / sizeof signers[0]; i++) {
        const hf_scheme *scheme = hf_scheme_find(signers[i].scheme);
        bool fits = scheme->type == k->pub.type && scheme->group == k->pub.group;
        for (size_t s = 0; fits && k->usable.schemes[s]; s++)
            if (k->usable.schemes[s] == signers[i].scheme) {
                *out = scheme;
                *out_nid = signers[i].signature_nid;
                return HF_OK;
            }
    }
    return hf_why_set(
        why, HF_ERR_KEY_UNUSABLE,
        "the key cannot sign certificates in its token (RSA: CKM_RSA_PKCS, EC: CKM_ECDSA): check CKA_SIGN");
}

static void put_algorithm(hf_der *der, int nid, bool rsa)
{
    unsigned char *encoded = NULL;
    X509_ALGOR *algorithm = X509_ALGOR_new();

    if (algorithm)
        (void)X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), rsa ? V_ASN1_NULL : V_ASN1_UNDEF, NULL);
    int len = algorithm ? i2d_X509_ALGOR(algorithm, &encoded) : -1;
    X509_ALGOR_free(algorithm);
    hf_der_put_i2d(der, encoded, len);
}

static void put_name(hf_der *der, const X509_NAME *name)
{
    unsigned char *encoded = NULL;
    int len = i2d_X509_NAME(name, &encoded);

    hf_der_put_i2d(der, encoded, len);
}

static void put_validity(hf_der *der, unsigned days)
{
    hf_der inner = {.data = NULL};
    time_t now = time(NULL);

    for (int end = 0; end < 2; end++) {
        unsigned char *encoded = NULL;
        ASN1_TIME *when = ASN1_TIME_adj(NULL, now, end ? (int)days : 0, end ? 0 : -CLOCK_SLACK);
        int len = when ? i2d_ASN1_TIME(when, &encoded) : -1;
        ASN1_TIME_free(when);
        hf_der_put_i2d(&inner, encoded, len);
    }
    hf_der_wrap(der, HF_DER_SEQUENCE, &inner);
}

static void put_small_integer(hf_der *der, uint8_t value)
{
    const uint8_t integer[] = {HF_DER_INTEGER, 1, value};

    hf_der_put(der, integer, sizeof integer);
}

static void put_serial(hf_der *der)
{
    uint8_t serial[SERIAL_SIZE];
    hf_der inner = {.data = NULL};

    inner.failed = RAND_bytes(serial, sizeof serial) != 1;
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, shortest form */
    hf_der_put(&inner, serial, sizeof serial);
    hf_der_wrap(der, HF_DER_INTEGER, &inner);
}

static void put_extensions(hf_der *der, const STACK_OF(X509_EXTENSION) * extensions)
{
    unsigned char *encoded = NULL;
    int len = i2d_X509_EXTENSIONS(extensions, &encoded);

    hf_der_put_i2d(der, encoded, len);
}

/* TBSCertificate, RFC 5280 section 4.1. */
static void put_tbs_certificate(hf_der *der, const hf_hsm_key *k, int nid, const X509_NAME *subject,
                                const STACK_OF(X509_EXTENSION) * extensions, unsigned days)
{
    hf_der tbs = {.data = NULL};
    hf_der version = {.data = NULL};
    hf_der wrapped = {.data = NULL};

    put_small_integer(&version, 2); /* v3 */
    hf_der_wrap(&tbs, HF_DER_CONTEXT_0, &version);
    put_serial(&tbs);
    put_algorithm(&tbs, nid, k->pub.type == HF_KEY_RSA);
    put_name(&tbs, subject);
    put_validity(&tbs, days);
    put_name(&tbs, subject);
    hf_der_put(&tbs, k->pub.spki, k->pub.spki_len);
    put_extensions(&wrapped, extensions);
    hf_der_wrap(&tbs, HF_DER_CONTEXT_3, &wrapped);
    hf_der_wrap(der, HF_DER_SEQUENCE, &tbs);
}

/* CertificationRequestInfo, RFC 2986 section 4.1, with the extensionRequest attribute of RFC 2985 section 5.4.2. */
static void put_request_info(hf_der *der, const hf_hsm_key *k, const X509_NAME *subject,
                             const STACK_OF(X509_EXTENSION) * extensions)
{
    hf_der info = {.data = NULL};
    hf_der values = {.data = NULL};
    hf_der attribute = {.data = NULL};
    hf_der attributes = {.data = NULL};
    unsigned char *oid = NULL;
    int oid_len = i2d_ASN1_OBJECT(OBJ_nid2obj(NID_ext_req), &oid);

    put_small_integer(&info, 0);
    put_name(&info, subject);
    hf_der_put(&info, k->pub.spki, k->pub.spki_len);
    hf_der_put_i2d(&attribute, oid, oid_len);
    put_extensions(&values, extensions);
    hf_der_wrap(&attribute, HF_DER_SET, &values);
    hf_der_wrap(&attributes, HF_DER_SEQUENCE, &attribute);
    hf_der_wrap(&info, HF_DER_CONTEXT_0, &attributes);
    hf_der_wrap(der, HF_DER_SEQUENCE, &info);
}

/* SEQUENCE { body, algorithm, BIT STRING }: the frame of certificates and requests. */
static hf_status sign_body(hf_hsm_key *k, const hf_der *body, const hf_scheme *scheme, int nid, hf_der *out,
                           const hf_why *why)
{
    static const uint8_t no_unused_bits = 0;
    uint8_t digest[EVP_MAX_MD_SIZE];
    uint8_t signature[HF_KEY_RESULT_MAX];
    const uint8_t *input = body->data;
    size_t input_len = body->len;
    size_t len = 0;
    unsigned digest_len = 0;
    CK_RV rv = CKR_OK;

    if (body->failed)
        return hf_why_set(why, HF_ERR_CRYPTO, "libcrypto cannot encode the certificate");
    if (scheme->digest) {
        if (EVP_Digest(input, input_len, digest, &digest_len, EVP_get_digestbyname(scheme->digest), NULL) != 1)
            return hf_why_set(why, HF_ERR_CRYPTO, "libcrypto cannot hash");
        input = digest;
        input_len = digest_len;
    }
    hf_token token;
    CK_OBJECT_HANDLE handle;
    hf_status status = hf_hsm_key_borrow(k, false, &token, &handle, why);
    if (status != HF_OK)
        return status;
    status = hf_scheme_sign(scheme, &token.session, handle, &k->pub, input, input_len, signature, &len, &rv);
    hf_hsm_key_give_back(&token);
    if (status != HF_OK)
        return hf_why_set(why, status, "the token cannot sign: it says %s", hf_rv_name(rv));
    status = hf_scheme_verify(scheme, &k->pub, input, input_len, signature, len);
    if (status != HF_OK)
        return hf_why_set(why, status, "the token's signature does not verify: check the token");
    hf_der frame = {.data = NULL};
    hf_der bits = {.data = NULL};
    hf_der_put(&frame, body->data, body->len);
    put_algorithm(&frame, nid, k->pub.type == HF_KEY_RSA);
    hf_der_put(&bits, &no_unused_bits, 1);
    hf_der_put(&bits, signature, len);
    hf_der_wrap(&frame, HF_DER_BIT_STRING, &bits);
    hf_der_wrap(out, HF_DER_SEQUENCE, &frame);
    return out->failed ? hf_why_set(why, HF_ERR_CRYPTO, "libcrypto cannot encode the certificate") : HF_OK;
}

static hf_status to_pem(const char *what, const hf_der *der, char **out, const hf_why *why)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    char *at = NULL;

    if (bio && PEM_write_bio(bio, what, "", der->data, (long)der->len) > 0) {
        long len = BIO_get_mem_data(bio, &at);
        text = calloc(1, (size_t)len + 1);
        if (text)
            memcpy(text, at, (size_t)len);
    }
    BIO_free(bio);
    if (!text)
        return hf_why_set(why, HF_ERR_NO_MEMORY, "out of memory");
    *out = text;
    return HF_OK;
}

/* Stores a certificate of our own beside its key, with the key's label and id. */
static hf_status store_beside(hf_hsm_key *k, const hf_der *der, const hf_why *why)
{
    hf_token token;
    CK_OBJECT_HANDLE handle;
    uint8_t *label = NULL;
    uint8_t *id = NULL;
    size_t label_len = 0;
    size_t id_len = 0;
    bool stored = false;

    hf_status status = hf_hsm_key_borrow(k, true, &token, &handle, why);
    if (status != HF_OK)
        return status;
    (void)hf_attr_bytes(&token.session, handle, CKA_LABEL, &label, &label_len);
    (void)hf_attr_bytes(&token.session, handle, CKA_ID, &id, &id_len);
    status = hf_provision_store_cert(&token.session, der->data, der->len, label ? (const char *)label : "", id, id_len,
                                     &stored, why);
    free(label);
    free(id);
    hf_hsm_key_give_back(&token);
    return status;
}

/* Both makers: what is signed differs, and a certificate is stored. */
static hf_status make(hf_hsm_key *k, const hf_hsm_cert_spec *spec, bool request, char **out_pem, const hf_why *why)
{
    const hf_scheme *scheme = NULL;
    int nid = 0;
    X509_NAME *subject = NULL;
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    hf_der body = {.data = NULL};
    hf_der whole = {.data = NULL};

    hf_status status = choose_signer(k, &scheme, &nid, why);
    if (status == HF_OK)
        status = hf_subject_parse(spec->subject, &subject, why);
    if (status == HF_OK)
        status = hf_extensions_make(spec, &k->pub, &extensions, why);
    if (status == HF_OK) {
        if (request)
            put_request_info(&body, k, subject, extensions);
        else
            put_tbs_certificate(&body, k, nid, subject, extensions, spec->days);
        status = sign_body(k, &body, scheme, nid, &whole, why);
    }
    if (status == HF_OK && !request)
        status = store_beside(k, &whole, why);
    if (status == HF_OK)
        status = to_pem(request ? "CERTIFICATE REQUEST" : "CERTIFICATE", &whole, out_pem, why);
    hf_der_cleanup(&whole);
    hf_der_cleanup(&body);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_NAME_free(subject);
    return status;
}

static hf_status open_and_make(const hf_hsm_options *options, const char *key_uri, const hf_hsm_cert_spec *spec,
                               bool request, char **out_pem, char *why_text, size_t why_max)
{
    const hf_why why = {.text = why_text, .max = why_max};
    hf_hsm_options mine = *options;
    hf_key *key = NULL;

    *out_pem = NULL;
    if (!request && (spec->days == 0 || spec->days > HF_HSM_DAYS_MAX))
        return hf_why_set(&why, HF_ERR_INVALID, "a certificate is valid for 1 to %d days: correct --days",
                          HF_HSM_DAYS_MAX);
    mine.threads = 1;
    hf_status status = hf_hsm_key_open(&mine, key_uri, &key, why_text, why_max);
    if (status != HF_OK)
        return status;
    status = make(hf_hsm_key_of(key), spec, request, out_pem, &why);
    key->ops->release(key);
    return status;
}

hf_status hf_hsm_selfsign(const hf_hsm_options *options, const char *key_uri, const hf_hsm_cert_spec *spec,
                          char **out_pem, char *why, size_t why_max)
{
    return open_and_make(options, key_uri, spec, false, out_pem, why, why_max);
}

hf_status hf_hsm_csr(const hf_hsm_options *options, const char *key_uri, const hf_hsm_cert_spec *spec, char **out_pem,
                     char *why, size_t why_max)
{
    return open_and_make(options, key_uri, spec, true, out_pem, why, why_max);
}
