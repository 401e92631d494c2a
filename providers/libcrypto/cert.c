/* One certificate: parsed strictly (RFC 5280 section 4), its key, its names, its key usage. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "spki.h"
#include "x509.h"

/* ctx: where libcrypto looks for a decoder of the key; NULL: where all its algorithms are. */
static X509 *parse_in(OSSL_LIB_CTX *ctx, const uint8_t *der, size_t len)
{
    const unsigned char *p = der;

    if (len == 0 || len > HF_CERT_SIZE_MAX)
        return NULL;
    X509 *x509 = X509_new_ex(ctx, NULL);
    /* A failing d2i_X509 frees what it was given. */
    if (x509 && d2i_X509(&x509, &p, (long)len) && p == der + len)
        return x509;
    X509_free(x509); /* bytes after the certificate */
    return NULL;
}

X509 *hf_lc_x509_parse(const uint8_t *der, size_t len)
{
    return parse_in(NULL, der, len);
}

void hf_lc_name_text(const X509_NAME *name, char *out, size_t out_max)
{
    const char *text = NULL;
    long len = 0;
    BIO *bio = BIO_new(BIO_s_mem());

    if (out_max == 0) {
        BIO_free(bio);
        return;
    }
    /* RFC 2253 escapes control and non-ASCII characters: a hostile name cannot forge a log line. */
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
        len = BIO_get_mem_data(bio, &text);
    if (len < 0)
        len = 0;
    if ((size_t)len > out_max - 1)
        len = (long)(out_max - 1);
    if (len > 0)
        memcpy(out, text, (size_t)len);
    out[len] = '\0';
    BIO_free(bio);
    ERR_clear_error();
}

/* The scheme of the issuer's signature. What the hash and the algorithm do not tell (the issuer's curve, the kind of
 * its RSA key) is not known here. */
static uint16_t signed_with(X509 *x509)
{
    static const struct {
        int key, digest;
        uint16_t scheme;
    } rows[] = {
        {EVP_PKEY_RSA, NID_sha1, HF_RSA_PKCS1_SHA1},
        {EVP_PKEY_RSA, NID_sha256, HF_RSA_PKCS1_SHA256},
        {EVP_PKEY_RSA, NID_sha384, HF_RSA_PKCS1_SHA384},
        {EVP_PKEY_RSA, NID_sha512, HF_RSA_PKCS1_SHA512},
        {EVP_PKEY_RSA_PSS, NID_sha256, HF_RSA_PSS_RSAE_SHA256},
        {EVP_PKEY_RSA_PSS, NID_sha384, HF_RSA_PSS_RSAE_SHA384},
        {EVP_PKEY_RSA_PSS, NID_sha512, HF_RSA_PSS_RSAE_SHA512},
        {EVP_PKEY_EC, NID_sha1, HF_ECDSA_SHA1},
        {EVP_PKEY_EC, NID_sha256, HF_ECDSA_SECP256R1_SHA256},
        {EVP_PKEY_EC, NID_sha384, HF_ECDSA_SECP384R1_SHA384},
        {EVP_PKEY_EC, NID_sha512, HF_ECDSA_SECP521R1_SHA512},
        {EVP_PKEY_ED25519, NID_undef, HF_ED25519},
    };
    int digest = NID_undef, key = NID_undef, bits;
    uint32_t flags;

    if (X509_get_signature_info(x509, &digest, &key, &bits, &flags) != 1)
        return 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].key == key && rows[i].digest == digest)
            return rows[i].scheme;
    return 0;
}

/* X509_get_key_usage would ask for a fingerprint first, and there is no SHA-1 where the certificate was parsed. */
static hf_status read_usage(X509 *x509, unsigned *out_usage)
{
    uint32_t flags = X509_get_extension_flags(x509);

    if (flags & EXFLAG_INVALID) /* any extension that libcrypto knows is malformed */
        return hf_lc_fail(HF_ERR_DECODE);
    *out_usage = HF_USAGE_DIGITAL_SIGNATURE | HF_USAGE_KEY_ENCIPHERMENT;
    if (!(flags & EXFLAG_KUSAGE))
        return HF_OK;
    ASN1_BIT_STRING *usage = X509_get_ext_d2i(x509, NID_key_usage, NULL, NULL);
    if (!usage)
        return hf_lc_fail(HF_ERR_DECODE);
    if (!ASN1_BIT_STRING_get_bit(usage, 0)) /* RFC 5280 section 4.2.1.3 */
        *out_usage &= ~(unsigned)HF_USAGE_DIGITAL_SIGNATURE;
    if (!ASN1_BIT_STRING_get_bit(usage, 2))
        *out_usage &= ~(unsigned)HF_USAGE_KEY_ENCIPHERMENT;
    ASN1_BIT_STRING_free(usage);
    return HF_OK;
}

static hf_status read_info(hf_cert *cert)
{
    hf_cert_info *info = &cert->info;
    hf_status status = hf_lc_key_kind(cert->pkey, &info->key_type, &info->key_bits, &info->group);

    if (status != HF_OK)
        return status;
    status = read_usage(cert->x509, &info->usage);
    if (status != HF_OK)
        return status;
    info->signed_with = signed_with(cert->x509);
    info->self_signed = X509_NAME_cmp(X509_get_subject_name(cert->x509), X509_get_issuer_name(cert->x509)) == 0;
    hf_lc_name_text(X509_get_subject_name(cert->x509), info->subject, sizeof info->subject);
    hf_lc_name_text(X509_get_issuer_name(cert->x509), info->issuer, sizeof info->issuer);
    return HF_OK;
}

hf_status hf_lc_cert_new(const uint8_t *der, size_t len, hf_cert **out)
{
    const hf_lc_algorithms *lc = hf_lc();
    hf_cert *cert = calloc(1, sizeof *cert);
    hf_status status;

    if (!cert)
        return HF_ERR_NO_MEMORY;
    cert->verifiers = calloc(1, sizeof *cert->verifiers);
    if (!cert->verifiers) {
        status = HF_ERR_NO_MEMORY;
        goto fail;
    }
    cert->x509 = parse_in(lc ? lc->keyless : NULL, der, len);
    if (!cert->x509) {
        status = hf_lc_fail(HF_ERR_DECODE);
        goto fail;
    }
    int spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert->x509), &cert->spki);
    if (spki_len <= 0) {
        status = hf_lc_fail(HF_ERR_DECODE);
        goto fail;
    }
    cert->spki_len = (size_t)spki_len;
    cert->pkey = hf_lc_spki_key(cert->spki, cert->spki_len);
    if (!cert->pkey) { /* an algorithm that libcrypto does not know, or a key that is malformed */
        status = hf_lc_fail(HF_ERR_UNSUPPORTED);
        goto fail;
    }
    status = read_info(cert);
    if (status != HF_OK)
        goto fail;
    *out = cert;
    return HF_OK;
fail:
    hf_lc_cert_free(cert);
    ERR_clear_error();
    return status;
}

void hf_lc_cert_free(hf_cert *cert)
{
    if (!cert)
        return;
    for (size_t i = 0; cert->verifiers && i < HF_LC_SCHEMES; i++)
        EVP_PKEY_CTX_free(cert->verifiers->ctx[i]);
    free(cert->verifiers);
    EVP_PKEY_free(cert->pkey);
    OPENSSL_free(cert->spki);
    X509_free(cert->x509);
    free(cert);
}

hf_status hf_lc_cert_info(const hf_cert *cert, hf_cert_info *out)
{
    *out = cert->info;
    return HF_OK;
}

hf_status hf_lc_cert_spki(const hf_cert *cert, const uint8_t **out_der, size_t *out_len)
{
    *out_der = cert->spki;
    *out_len = cert->spki_len;
    return HF_OK;
}

hf_status hf_lc_cert_issuer(const hf_cert *cert, const uint8_t **out_der, size_t *out_len)
{
    if (X509_NAME_get0_der(X509_get_issuer_name(cert->x509), out_der, out_len) != 1)
        return hf_lc_fail(HF_ERR_CRYPTO);
    return HF_OK;
}

/* libcrypto would take a leading dot for "any subdomain", and a wildcard for itself. */
bool hf_lc_cert_matches(const hf_cert *cert, const char *name)
{
    size_t len = strlen(name);

    if (len > 1 && name[len - 1] == '.') /* the absolute form of the same name */
        len--;
    if (len == 0 || name[0] == '.' || strchr(name, '*'))
        return false;
    bool match = X509_check_host(cert->x509, name, len,
                                 X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
    ERR_clear_error();
    return match;
}
