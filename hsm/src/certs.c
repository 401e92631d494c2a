/* Room `key`: the certificate chain beside the key (PKCS#11 v2.40 section 4.6.3: CKA_ID ties certificate and key). */
#include "certs.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define CERTS_MAX 256 /* certificates of the token that are looked at */

/* One certificate in memory, both as DER and parsed. */
typedef struct cert {
    X509 *x509;
    uint8_t *der;
    size_t len;
} cert;

static bool read_cert(const hf_token *token, CK_OBJECT_HANDLE object, cert *out)
{
    memset(out, 0, sizeof *out);
    if (hf_attr_bytes(&token->session, object, CKA_VALUE, &out->der, &out->len) != CKR_OK || !out->der)
        return false;
    const uint8_t *at = out->der;
    out->x509 = out->len <= HF_CERT_SIZE_MAX ? d2i_X509(NULL, &at, (long)out->len) : NULL;
    if (out->x509 && at == out->der + out->len)
        return true;
    X509_free(out->x509);
    free(out->der);
    memset(out, 0, sizeof *out);
    return false;
}

static bool has_id(const hf_token *token, CK_OBJECT_HANDLE object, const uint8_t *id, size_t id_len)
{
    uint8_t *value = NULL;
    size_t len = 0;
    bool same = hf_attr_bytes(&token->session, object, CKA_ID, &value, &len) == CKR_OK && value && len == id_len &&
                memcmp(value, id, len) == 0;

    free(value);
    return same;
}

static bool is_own(const cert *c, const hf_pubkey *pub)
{
    EVP_PKEY *key = X509_get0_pubkey(c->x509);

    return key && EVP_PKEY_eq(key, pub->pkey) == 1;
}

static bool is_newer(const cert *a, const cert *b)
{
    return ASN1_TIME_compare(X509_get0_notBefore(a->x509), X509_get0_notBefore(b->x509)) > 0;
}

static bool issued(const cert *issuer, const cert *c)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer->x509);

    return key && X509_check_issued(issuer->x509, c->x509) == X509_V_OK && X509_verify(c->x509, key) == 1;
}

/* Moves ownership of the DER to out. */
static void give(cert *c, hf_token_certs *out)
{
    out->der[out->n] = c->der;
    out->len[out->n++] = c->len;
    c->der = NULL;
}

static void build_chain(cert *all, size_t n, cert *own, hf_token_certs *out)
{
    const cert *last = own;

    give(own, out);
    while (out->n < HF_CHAIN_MAX && !issued(last, last)) {
        cert *next = NULL;
        for (size_t i = 0; i < n && !next; i++)
            if (all[i].der && issued(&all[i], last) && !issued(&all[i], &all[i]))
                next = &all[i];
        if (!next)
            break;
        give(next, out);
        last = next;
    }
}

hf_status hf_token_certs_read(const hf_token *token, CK_OBJECT_HANDLE key, const hf_pubkey *pub, hf_token_certs *out,
                              const hf_why *why)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_ATTRIBUTE match = hf_attr(CKA_CLASS, &class, sizeof class);
    CK_OBJECT_HANDLE objects[CERTS_MAX];
    uint8_t *id = NULL;
    size_t id_len = 0;
    size_t found = 0;
    size_t n = 0;
    cert *own = NULL;
    hf_status status = HF_OK;

    memset(out, 0, sizeof *out);
    CK_RV rv = hf_attr_bytes(&token->session, key, CKA_ID, &id, &id_len);
    if (rv == CKR_OK)
        rv = hf_object_find(&token->session, &match, 1, objects, CERTS_MAX, &found);
    cert *all = calloc(CERTS_MAX, sizeof *all);
    if (rv != CKR_OK)
        status = hf_why_set(why, hf_rv_status(rv), "certificates cannot be read: the token says %s: check the token",
                            hf_rv_name(rv));
    else if (!all)
        status = hf_why_set(why, HF_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < found && status == HF_OK; i++) {
        if (!read_cert(token, objects[i], &all[n]))
            continue;
        cert *c = &all[n++];
        if (id && has_id(token, objects[i], id, id_len) && is_own(c, pub) && (!own || is_newer(c, own)))
            own = c;
    }
    if (own)
        build_chain(all, n, own, out);
    for (size_t i = 0; i < n; i++) {
        X509_free(all[i].x509);
        free(all[i].der);
    }
    free(all);
    free(id);
    return status;
}

void hf_token_certs_cleanup(hf_token_certs *certs)
{
    for (size_t i = 0; i < certs->n; i++)
        free(certs->der[i]);
    memset(certs, 0, sizeof *certs);
}
