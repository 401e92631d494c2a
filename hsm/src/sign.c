/* Room `key`: signatures made in the token (PKCS#11 v2.40 sections 2.1.6, 2.1.10, 2.3.6; v3.0 section 2.3.14). */
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <string.h>

#include "login.h"
#include "scheme.h"

#define DIGEST_INFO_MAX (19 + 64)

static size_t field_bytes(const hf_pubkey *pub)
{
    return (pub->bits + 7) / 8;
}

static CK_RV call_token(const hf_p11_session *session, CK_OBJECT_HANDLE key, CK_MECHANISM *mechanism,
                        const uint8_t *input, size_t input_len, uint8_t *out, CK_ULONG *out_len)
{
    CK_BYTE *in = (CK_BYTE *)(uintptr_t)input; /* PKCS#11 has no const, and does not write here */
    CK_RV rv = session->fn->C_SignInit(session->handle, mechanism, key);

    if (rv == CKR_OK && session->auth)
        rv = hf_authenticate(session);
    return rv == CKR_OK ? session->fn->C_Sign(session->handle, in, input_len, out, out_len) : rv;
}

/* r || s, each as long as the field, becomes DER Ecdsa-Sig-Value (RFC 8422 section 5.10). */
static hf_status ecdsa_to_der(const uint8_t *raw, size_t field, uint8_t *out, size_t *out_len)
{
    hf_status status = HF_ERR_NO_MEMORY;
    uint8_t *der = NULL;
    int len = 0;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)field, NULL);
    BIGNUM *s = BN_bin2bn(raw + field, (int)field, NULL);

    if (!sig || !r || !s)
        goto out;
    status = HF_ERR_TOKEN;
    if (BN_is_zero(r) || BN_is_zero(s) || ECDSA_SIG_set0(sig, r, s) != 1)
        goto out;
    r = s = NULL; /* sig owns them */
    len = i2d_ECDSA_SIG(sig, &der);
    if (len <= 0 || len > HF_KEY_RESULT_MAX)
        goto out;
    memcpy(out, der, (size_t)len);
    *out_len = (size_t)len;
    status = HF_OK;
out:
    OPENSSL_free(der);
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return status;
}

hf_status hf_scheme_sign(const hf_scheme *scheme, const hf_p11_session *session, CK_OBJECT_HANDLE key,
                         const hf_pubkey *pub, const uint8_t *input, size_t input_len, uint8_t *out, size_t *out_len,
                         CK_RV *out_rv)
{
    CK_RSA_PKCS_PSS_PARAMS pss = {.hashAlg = scheme->hash, .mgf = scheme->mgf, .sLen = scheme->digest_size};
    CK_MECHANISM mechanism = {.mechanism = scheme->mechanism};
    uint8_t info[DIGEST_INFO_MAX];
    uint8_t raw[HF_KEY_RESULT_MAX] = {0};
    CK_ULONG raw_len = sizeof raw;
    size_t field = field_bytes(pub);

    *out_len = 0;
    *out_rv = CKR_OK;
    if (scheme->type != pub->type || (scheme->digest && input_len != scheme->digest_size))
        return HF_ERR_INVALID;
    if (scheme->mechanism == CKM_RSA_PKCS_PSS) {
        mechanism.pParameter = &pss;
        mechanism.ulParameterLen = sizeof pss;
    } else if (scheme->info) {
        memcpy(info, scheme->info, scheme->info_len);
        memcpy(info + scheme->info_len, input, input_len);
        input = info;
        input_len += scheme->info_len;
    } else if (scheme->mechanism == CKM_ECDSA && input_len > field) {
        input_len = field; /* the leftmost bits count (FIPS 186-4 section 6.4); not every token cuts by itself */
    }
    *out_rv = call_token(session, key, &mechanism, input, input_len, raw, &raw_len);
    if (*out_rv != CKR_OK)
        return hf_rv_status(*out_rv);
    size_t expected = pub->type == HF_KEY_EC ? 2 * field : pub->type == HF_KEY_ED25519 ? 64 : field;
    if (raw_len != expected)
        return HF_ERR_TOKEN;
    if (pub->type == HF_KEY_EC)
        return ecdsa_to_der(raw, field, out, out_len);
    memcpy(out, raw, raw_len);
    *out_len = raw_len;
    return HF_OK;
}
