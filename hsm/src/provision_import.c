/* Room `provision`: certificates into the token, beside their key (PKCS#11 v2.40 section 4.6.3). */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "provision.h"

#define KEYS_MAX 256 /* private keys of a token that are compared */

/* Objects of the same kind and value are there already? */
static CK_RV is_stored(const hf_p11_session *session, const uint8_t *der, size_t len, bool *out)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_ATTRIBUTE match[] = {hf_attr(CKA_CLASS, &class, sizeof class), hf_attr(CKA_VALUE, der, len)};
    CK_OBJECT_HANDLE object;
    size_t n = 0;
    CK_RV rv = hf_object_find(session, match, 2, &object, 1, &n);

    *out = n > 0;
    return rv;
}

static CK_RV create_cert(const hf_p11_session *session, X509 *cert, const uint8_t *der, size_t len, const char *label,
                         const uint8_t *id, size_t id_len)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    unsigned char *subject = NULL;
    unsigned char *issuer = NULL;
    unsigned char *serial = NULL;
    int subject_len = i2d_X509_NAME(X509_get_subject_name(cert), &subject);
    int issuer_len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
    int serial_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &serial);
    hf_template t = {.n = 0};
    CK_OBJECT_HANDLE object;
    CK_RV rv = CKR_HOST_MEMORY;

    if (subject_len > 0 && issuer_len > 0 && serial_len > 0) {
        hf_template_add(&t, CKA_CLASS, &class, sizeof class);
        hf_template_add(&t, CKA_CERTIFICATE_TYPE, &type, sizeof type);
        hf_template_flag(&t, CKA_TOKEN, true);
        hf_template_flag(&t, CKA_PRIVATE, false);
        hf_template_add(&t, CKA_LABEL, label, strlen(label));
        if (id_len > 0)
            hf_template_add(&t, CKA_ID, id, id_len);
        hf_template_add(&t, CKA_SUBJECT, subject, (size_t)subject_len);
        hf_template_add(&t, CKA_ISSUER, issuer, (size_t)issuer_len);
        hf_template_add(&t, CKA_SERIAL_NUMBER, serial, (size_t)serial_len);
        hf_template_add(&t, CKA_VALUE, der, len);
        rv = session->fn->C_CreateObject(session->handle, t.attrs, t.n, &object);
    }
    OPENSSL_free(subject);
    OPENSSL_free(issuer);
    OPENSSL_free(serial);
    return rv;
}

hf_status hf_provision_store_cert(const hf_p11_session *session, const uint8_t *der, size_t len, const char *label,
                                  const uint8_t *id, size_t id_len, bool *out_new, const hf_why *why)
{
    const uint8_t *at = der;
    bool there = false;

    *out_new = false;
    X509 *cert = len <= HF_CERT_SIZE_MAX ? d2i_X509(NULL, &at, (long)len) : NULL;
    if (!cert)
        return hf_why_set(why, HF_ERR_DECODE, "the certificate cannot be read");
    CK_RV rv = is_stored(session, der, len, &there);
    if (rv == CKR_OK && !there) {
        rv = create_cert(session, cert, der, len, label, id, id_len);
        *out_new = rv == CKR_OK;
    }
    X509_free(cert);
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "the token cannot store a certificate: it says %s", hf_rv_name(rv));
    return HF_OK;
}

/* The private key of the token with this public half; its id and label are malloc'ed. */
static hf_status find_key_of(const hf_token *token, EVP_PKEY *wanted, uint8_t **out_id, size_t *out_id_len,
                             char **out_label, const hf_why *why)
{
    const hf_why quiet = {NULL, 0};
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE match = hf_attr(CKA_CLASS, &class, sizeof class);
    CK_OBJECT_HANDLE keys[KEYS_MAX];
    size_t n = 0;
    size_t label_len = 0;
    uint8_t *label = NULL;
    hf_pubkey pub;
    CK_RV rv = hf_object_find(&token->session, &match, 1, keys, KEYS_MAX, &n);

    for (size_t i = 0; i < n && rv == CKR_OK; i++) {
        if (hf_pubkey_read(&token->session, keys[i], &pub, &quiet) != HF_OK)
            continue;
        bool same = EVP_PKEY_eq(pub.pkey, wanted) == 1;
        hf_pubkey_cleanup(&pub);
        if (!same)
            continue;
        rv = hf_attr_bytes(&token->session, keys[i], CKA_ID, out_id, out_id_len);
        if (rv == CKR_OK)
            rv = hf_attr_bytes(&token->session, keys[i], CKA_LABEL, &label, &label_len);
        *out_label = (char *)label;
        if (rv == CKR_OK)
            return HF_OK;
    }
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "the token cannot be searched: it says %s", hf_rv_name(rv));
    return hf_why_set(
        why, HF_ERR_KEY_MISMATCH,
        "no private key of the token belongs to the first certificate: put the key's own certificate first, "
        "or check --token");
}

static hf_status store_chain(const hf_token *token, STACK_OF(X509_INFO) * chain, size_t *out_stored, const hf_why *why)
{
    hf_status status = HF_OK;
    uint8_t *id = NULL;
    size_t id_len = 0;
    char *label = NULL;
    bool first = true;

    for (int i = 0; i < sk_X509_INFO_num(chain) && status == HF_OK; i++) {
        X509 *cert = sk_X509_INFO_value(chain, i)->x509;
        unsigned char *der = NULL;
        bool stored = false;
        if (!cert)
            continue;
        int len = i2d_X509(cert, &der);
        if (len <= 0)
            status = hf_why_set(why, HF_ERR_CRYPTO, "libcrypto cannot encode a certificate");
        if (status == HF_OK && first)
            status = find_key_of(token, X509_get0_pubkey(cert), &id, &id_len, &label, why);
        if (status == HF_OK)
            status = hf_provision_store_cert(&token->session, der, (size_t)len, first && label ? label : "issuer", id,
                                             first ? id_len : 0, &stored, why);
        *out_stored += stored;
        first = false;
        OPENSSL_free(der);
    }
    if (status == HF_OK && first)
        status = hf_why_set(why, HF_ERR_DECODE, "the file holds no certificate in PEM");
    free(id);
    free(label);
    return status;
}

hf_status hf_hsm_import_certs(const hf_hsm_options *options, const char *token_uri, const char *pem, size_t pem_len,
                              size_t *out_stored, char *why_text, size_t why_max)
{
    const hf_why why = {.text = why_text, .max = why_max};
    P11KitUri *uri = NULL;
    hf_token token;

    *out_stored = 0;
    BIO *bio = pem_len <= INT32_MAX ? BIO_new_mem_buf(pem, (int)pem_len) : NULL;
    STACK_OF(X509_INFO) *chain = bio ? PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!chain || sk_X509_INFO_num(chain) > HF_CHAIN_MAX) {
        sk_X509_INFO_pop_free(chain, X509_INFO_free);
        return hf_why_set(&why, HF_ERR_DECODE, "the file is no chain of 1 to %d certificates in PEM", HF_CHAIN_MAX);
    }
    hf_status status = hf_uri_parse(token_uri, &uri, &why);
    if (status == HF_OK)
        status = hf_token_open(options, uri, true, true, &token, &why);
    p11_kit_uri_free(uri);
    if (status == HF_OK) {
        status = store_chain(&token, chain, out_stored, &why);
        hf_token_close(&token);
    }
    sk_X509_INFO_pop_free(chain, X509_INFO_free);
    return status;
}
