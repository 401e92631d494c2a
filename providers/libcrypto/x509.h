/* Certificates inside the libcrypto provider: shared by certificate, path, trust and PEM rooms. */
#ifndef HANDFAST_LIBCRYPTO_X509_H
#define HANDFAST_LIBCRYPTO_X509_H

#include <openssl/x509.h>
#include <stdatomic.h>

#include "lc.h"

/* Verification contexts of one key, made at first use, then only ever duplicated: a server checks each signature of
 * its own key before it sends it, and a new context costs libcrypto several searches for algorithms. */
typedef struct hf_lc_verifiers {
    _Atomic(EVP_PKEY_CTX *) ctx[HF_LC_SCHEMES]; /* by hf_lc_scheme_index */
} hf_lc_verifiers;

struct hf_cert {
    X509 *x509;     /* for what it says; it has no key in it, so path validation cannot use it */
    EVP_PKEY *pkey; /* made of spki */
    uint8_t *spki;  /* DER */
    size_t spki_len;
    hf_lc_verifiers *verifiers;
    hf_cert_info info;
};

struct hf_trust {
    X509_STORE *store;
    STACK_OF(X509) * anchors; /* as given; empty when they are the system's and not read yet */
};

/* One certificate of exactly len bytes of DER, or NULL (error queue filled). */
X509 *hf_lc_x509_parse(const uint8_t *der, size_t len);

/* A name as RFC 2253 text, control and non-ASCII characters escaped, cut to out_max, always terminated. */
void hf_lc_name_text(const X509_NAME *name, char *out, size_t out_max);

hf_status hf_lc_cert_new(const uint8_t *der, size_t len, hf_cert **out);
void hf_lc_cert_free(hf_cert *cert);
hf_status hf_lc_cert_info(const hf_cert *cert, hf_cert_info *out);
hf_status hf_lc_cert_spki(const hf_cert *cert, const uint8_t **out_der, size_t *out_len);
hf_status hf_lc_cert_issuer(const hf_cert *cert, const uint8_t **out_der, size_t *out_len);
bool hf_lc_cert_matches(const hf_cert *cert, const char *name);

hf_status hf_lc_verify(const hf_cert *cert, uint16_t scheme, const uint8_t *msg, size_t msg_len, const uint8_t *sig,
                       size_t sig_len);
hf_status hf_lc_verify_digest(const hf_cert *cert, uint16_t scheme, const uint8_t *digest, size_t digest_len,
                              const uint8_t *sig, size_t sig_len);
hf_status hf_lc_rsa_encrypt(const hf_cert *cert, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_max,
                            size_t *out_len);

hf_status hf_lc_trust_new(const uint8_t *pem, size_t len, hf_trust **out);
void hf_lc_trust_free(hf_trust *trust);
hf_status hf_lc_trust_names(const hf_trust *trust, uint8_t *out, size_t out_max, size_t *out_len);

hf_status hf_lc_verify_path(const hf_path *path, char *why, size_t why_max);

hf_status hf_lc_ocsp_check(const hf_ocsp *ocsp, int64_t *out_until, char *why, size_t why_max);

hf_status hf_lc_pem_certs(const uint8_t *pem, size_t len,
                          hf_status (*each)(void *arg, const uint8_t *der, size_t der_len), void *arg);

#endif
