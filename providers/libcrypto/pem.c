/* Certificates and trust anchors from PEM text (RFC 7468). */
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "x509.h"

/* Takes one block of the text. More follows: HF_OK, with *out_last false. */
static hf_status next_block(BIO *bio, hf_status (*each)(void *arg, const uint8_t *der, size_t der_len), void *arg,
                            size_t *count, bool *out_last)
{
    char *name = NULL;
    char *header = NULL;
    unsigned char *data = NULL;
    long len = 0;
    hf_status status = HF_OK;

    if (PEM_read_bio(bio, &name, &header, &data, &len) != 1) {
        *out_last = true;
        /* The text is exhausted, or what stands there is broken. */
        if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
            ERR_clear_error();
            return HF_OK;
        }
        return hf_lc_fail(HF_ERR_DECODE);
    }
    if (strcmp(name, PEM_STRING_X509) == 0) {
        ++*count;
        status = each(arg, data, (size_t)len);
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, (size_t)len); /* other blocks may be private keys */
    return status;
}

hf_status hf_lc_pem_certs(const uint8_t *pem, size_t len,
                          hf_status (*each)(void *arg, const uint8_t *der, size_t der_len), void *arg)
{
    size_t count = 0;
    bool last = false;
    hf_status status = HF_OK;

    if (len > INT_MAX)
        return HF_ERR_LIMIT;
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    if (!bio)
        return hf_lc_fail(HF_ERR_NO_MEMORY);
    while (status == HF_OK && !last)
        status = next_block(bio, each, arg, &count, &last);
    BIO_free(bio);
    return status == HF_OK && count == 0 ? HF_ERR_DECODE : status;
}

static hf_status add_anchor(void *arg, const uint8_t *der, size_t der_len)
{
    hf_trust *trust = arg;
    X509 *x509 = hf_lc_x509_parse(der, der_len);

    if (!x509)
        return hf_lc_fail(HF_ERR_DECODE);
    if (X509_STORE_add_cert(trust->store, x509) != 1 || sk_X509_push(trust->anchors, x509) <= 0) {
        X509_free(x509);
        return hf_lc_fail(HF_ERR_NO_MEMORY);
    }
    return HF_OK;
}

hf_status hf_lc_trust_new(const uint8_t *pem, size_t len, hf_trust **out)
{
    hf_status status = HF_OK;
    hf_trust *trust = calloc(1, sizeof *trust);

    if (!trust)
        return HF_ERR_NO_MEMORY;
    trust->store = X509_STORE_new();
    trust->anchors = sk_X509_new_null();
    if (!trust->store || !trust->anchors)
        status = hf_lc_fail(HF_ERR_NO_MEMORY);
    else if (pem)
        status = hf_lc_pem_certs(pem, len, add_anchor, trust);
    else if (X509_STORE_set_default_paths(trust->store) != 1)
        status = hf_lc_fail(HF_ERR_IO);
    ERR_clear_error(); /* the system's bundle file may be absent: its folder is enough */
    if (status != HF_OK) {
        hf_lc_trust_free(trust);
        return status;
    }
    *out = trust;
    return HF_OK;
}

void hf_lc_trust_free(hf_trust *trust)
{
    if (!trust)
        return;
    sk_X509_pop_free(trust->anchors, X509_free);
    X509_STORE_free(trust->store);
    free(trust);
}

hf_status hf_lc_trust_names(const hf_trust *trust, uint8_t *out, size_t out_max, size_t *out_len)
{
    size_t used = 0;

    *out_len = 0;
    for (int i = 0; i < sk_X509_num(trust->anchors); i++) {
        const unsigned char *der;
        size_t len;
        if (X509_NAME_get0_der(X509_get_subject_name(sk_X509_value(trust->anchors, i)), &der, &len) != 1)
            return hf_lc_fail(HF_ERR_CRYPTO);
        if (len == 0 || len > 0xffff || out_max - used < 2 + len)
            continue; /* only whole entries; the list is a hint to the client (RFC 5246 section 7.4.4) */
        out[used] = (uint8_t)(len >> 8);
        out[used + 1] = (uint8_t)len;
        memcpy(out + used + 2, der, len);
        used += 2 + len;
    }
    *out_len = used;
    return HF_OK;
}
