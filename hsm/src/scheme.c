/* The table of schemes, and what one means for libcrypto. */
#include "scheme.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

/* SEQUENCE { SEQUENCE { OID sha2, NULL }, OCTET STRING } */
static const uint8_t info_sha256[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
static const uint8_t info_sha384[] = {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30};
static const uint8_t info_sha512[] = {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40};

#define PSS(bits, rfc)                                                                                                 \
    {                                                                                                                  \
        .id = HF_RSA_PSS_RSAE_SHA##bits, .type = HF_KEY_RSA, .mechanism = CKM_RSA_PKCS_PSS, .name = rfc,               \
        .digest = "SHA" #bits, .digest_size = bits / 8, .hash = CKM_SHA##bits, .mgf = CKG_MGF1_SHA##bits               \
    }
#define PKCS1(bits, rfc)                                                                                               \
    {                                                                                                                  \
        .id = HF_RSA_PKCS1_SHA##bits, .type = HF_KEY_RSA, .mechanism = CKM_RSA_PKCS, .name = rfc,                      \
        .digest = "SHA" #bits, .digest_size = bits / 8, .info = info_sha##bits, .info_len = sizeof info_sha##bits      \
    }
#define ECDSA(scheme, curve, bits, rfc)                                                                                \
    {                                                                                                                  \
        .id = scheme, .type = HF_KEY_EC, .mechanism = CKM_ECDSA, .name = rfc, .digest = "SHA" #bits,                   \
        .digest_size = bits / 8, .group = curve                                                                        \
    }

static const hf_scheme schemes[] = {
    PSS(256, "rsa_pss_rsae_sha256"),
    PKCS1(256, "rsa_pkcs1_sha256"),
    PSS(384, "rsa_pss_rsae_sha384"),
    PKCS1(384, "rsa_pkcs1_sha384"),
    PSS(512, "rsa_pss_rsae_sha512"),
    PKCS1(512, "rsa_pkcs1_sha512"),
    ECDSA(HF_ECDSA_SECP256R1_SHA256, HF_GROUP_P256, 256, "ecdsa_secp256r1_sha256"),
    ECDSA(HF_ECDSA_SECP384R1_SHA384, HF_GROUP_P384, 384, "ecdsa_secp384r1_sha384"),
    ECDSA(HF_ECDSA_SECP521R1_SHA512, HF_GROUP_P521, 512, "ecdsa_secp521r1_sha512"),
    {.id = HF_ED25519, .type = HF_KEY_ED25519, .mechanism = CKM_EDDSA, .name = "ed25519"},
};
#define SCHEMES (sizeof schemes / sizeof schemes[0])

const hf_scheme *hf_scheme_find(uint16_t id)
{
    for (size_t i = 0; i < SCHEMES; i++)
        if (schemes[i].id == id)
            return &schemes[i];
    return NULL;
}

const hf_scheme *hf_scheme_for(hf_key_type type, uint16_t group, size_t i)
{
    /* The curve's own scheme stands first; a TLS 1.2 peer takes the others too (RFC 8422 section 5.1.3). */
    for (int own = 1; own >= 0; own--)
        for (size_t s = 0; s < SCHEMES; s++)
            if (schemes[s].type == type && (schemes[s].group == group) == (own == 1) && i-- == 0)
                return &schemes[s];
    return NULL;
}

const char *hf_mechanism_name(CK_MECHANISM_TYPE mechanism)
{
    switch (mechanism) {
    case CKM_RSA_PKCS:
        return "CKM_RSA_PKCS";
    case CKM_RSA_X_509:
        return "CKM_RSA_X_509";
    case CKM_RSA_PKCS_PSS:
        return "CKM_RSA_PKCS_PSS";
    case CKM_ECDSA:
        return "CKM_ECDSA";
    case CKM_EDDSA:
        return "CKM_EDDSA";
    default:
        return "";
    }
}

static int set_padding(EVP_PKEY_CTX *ctx, const hf_scheme *scheme, const EVP_MD *md)
{
    if (scheme->type != HF_KEY_RSA)
        return 1;
    if (scheme->mechanism == CKM_RSA_PKCS)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING);
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1;
}

static hf_status verify_message(const hf_pubkey *pub, const uint8_t *message, size_t len, const uint8_t *signature,
                                size_t signature_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    hf_status status = HF_ERR_CRYPTO;

    if (ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pub->pkey) == 1)
        status = EVP_DigestVerify(ctx, signature, signature_len, message, len) == 1 ? HF_OK : HF_ERR_VERIFY;
    EVP_MD_CTX_free(ctx);
    return status;
}

hf_status hf_scheme_verify(const hf_scheme *scheme, const hf_pubkey *pub, const uint8_t *input, size_t input_len,
                           const uint8_t *signature, size_t signature_len)
{
    if (!scheme->digest)
        return verify_message(pub, input, input_len, signature, signature_len);
    const EVP_MD *md = EVP_get_digestbyname(scheme->digest);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pub->pkey, NULL);
    hf_status status = HF_ERR_CRYPTO;

    if (md && ctx && EVP_PKEY_verify_init(ctx) == 1 && set_padding(ctx, scheme, md) == 1 &&
        EVP_PKEY_CTX_set_signature_md(ctx, md) == 1)
        status = EVP_PKEY_verify(ctx, signature, signature_len, input, input_len) == 1 ? HF_OK : HF_ERR_VERIFY;
    EVP_PKEY_CTX_free(ctx);
    return status;
}
