/* Signature schemes (RFC 8446 section 4.2.3) and the PKCS#11 mechanisms that make them. */
#ifndef HANDFAST_HSM_SCHEME_H
#define HANDFAST_HSM_SCHEME_H

#include "pubkey.h"

typedef struct hf_scheme {
    uint16_t id; /* SignatureScheme */
    hf_key_type type;
    CK_MECHANISM_TYPE mechanism;
    const char *name;       /* the RFC's */
    const char *digest;     /* libcrypto's name; NULL: the message itself (Ed25519) */
    size_t digest_size;     /* bytes */
    CK_MECHANISM_TYPE hash; /* PSS: hash and MGF1 parameters */
    CK_RSA_PKCS_MGF_TYPE mgf;
    const uint8_t *info; /* PKCS#1 v1.5: DER of DigestInfo before the digest (RFC 8017 section 9.2) */
    size_t info_len;
    uint16_t group; /* ECDSA: the curve whose own scheme it is */
} hf_scheme;

/* NULL when it is none of ours. */
const hf_scheme *hf_scheme_find(uint16_t id);
/* The i-th scheme that a key of this type and group can make, in order of preference; NULL past the end. */
const hf_scheme *hf_scheme_for(hf_key_type type, uint16_t group, size_t i);

/* "CKM_RSA_PKCS_PSS", of the mechanisms that we use; "" for others. */
const char *hf_mechanism_name(CK_MECHANISM_TYPE mechanism);

/* Signs in the token. Input is the digest (Ed25519: the message). out has HF_KEY_RESULT_MAX bytes; the signature comes
 * as TLS sends it. *out_rv is the token's code when the token is the reason. Errors: HF_ERR_INVALID (length of the
 * input), HF_ERR_TOKEN and the like, HF_ERR_NO_MEMORY. */
hf_status hf_scheme_sign(const hf_scheme *scheme, const hf_p11_session *session, CK_OBJECT_HANDLE key,
                         const hf_pubkey *pub, const uint8_t *input, size_t input_len, uint8_t *out, size_t *out_len,
                         CK_RV *out_rv);

/* Verifies with the public half. HF_ERR_VERIFY, HF_ERR_CRYPTO. */
hf_status hf_scheme_verify(const hf_scheme *scheme, const hf_pubkey *pub, const uint8_t *input, size_t input_len,
                           const uint8_t *signature, size_t signature_len);

#endif
