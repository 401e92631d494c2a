/* Keys and signature schemes: what fits together, and how libcrypto is told (RFC 8446 section 4.2.3).
 *
 * SHA-1 schemes are absent: a handshake is never signed with SHA-1 here (RFC 9155), and chains go through path
 * validation instead.
 */
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <string.h>

#include "lc.h"

typedef struct scheme_row {
    uint16_t scheme;
    hf_key_type key;
    hf_hash_id hash;
    int padding; /* RSA_*_PADDING; 0: ECDSA */
} scheme_row;

static const scheme_row schemes[HF_LC_SCHEMES] = {
    {HF_RSA_PKCS1_SHA256, HF_KEY_RSA, HF_SHA256, RSA_PKCS1_PADDING},
    {HF_RSA_PKCS1_SHA384, HF_KEY_RSA, HF_SHA384, RSA_PKCS1_PADDING},
    {HF_RSA_PKCS1_SHA512, HF_KEY_RSA, HF_SHA512, RSA_PKCS1_PADDING},
    {HF_RSA_PSS_RSAE_SHA256, HF_KEY_RSA, HF_SHA256, RSA_PKCS1_PSS_PADDING},
    {HF_RSA_PSS_RSAE_SHA384, HF_KEY_RSA, HF_SHA384, RSA_PKCS1_PSS_PADDING},
    {HF_RSA_PSS_RSAE_SHA512, HF_KEY_RSA, HF_SHA512, RSA_PKCS1_PSS_PADDING},
    {HF_RSA_PSS_PSS_SHA256, HF_KEY_RSA_PSS, HF_SHA256, RSA_PKCS1_PSS_PADDING},
    {HF_RSA_PSS_PSS_SHA384, HF_KEY_RSA_PSS, HF_SHA384, RSA_PKCS1_PSS_PADDING},
    {HF_RSA_PSS_PSS_SHA512, HF_KEY_RSA_PSS, HF_SHA512, RSA_PKCS1_PSS_PADDING},
    {HF_ECDSA_SECP256R1_SHA256, HF_KEY_EC, HF_SHA256, 0},
    {HF_ECDSA_SECP384R1_SHA384, HF_KEY_EC, HF_SHA384, 0},
    {HF_ECDSA_SECP521R1_SHA512, HF_KEY_EC, HF_SHA512, 0},
};

static const struct {
    const char *name; /* as libcrypto calls it */
    uint16_t group;
} curves[] = {
    {"prime256v1", HF_GROUP_P256},
    {"secp384r1", HF_GROUP_P384},
    {"secp521r1", HF_GROUP_P521},
};

size_t hf_lc_scheme_index(uint16_t scheme)
{
    size_t i = 0;

    while (i < HF_LC_SCHEMES && schemes[i].scheme != scheme)
        i++;
    return i;
}

static const scheme_row *find_scheme(uint16_t scheme)
{
    size_t i = hf_lc_scheme_index(scheme);

    return i < HF_LC_SCHEMES ? &schemes[i] : NULL;
}

size_t hf_lc_scheme_digest_size(uint16_t scheme)
{
    static const uint8_t sizes[HF_HASH_COUNT] = {[HF_SHA1] = 20, [HF_SHA256] = 32, [HF_SHA384] = 48, [HF_SHA512] = 64};
    const scheme_row *row = find_scheme(scheme);

    return row ? sizes[row->hash] : 0;
}

hf_hash_id hf_lc_scheme_hash(uint16_t scheme)
{
    const scheme_row *row = find_scheme(scheme);

    return row ? row->hash : HF_HASH_COUNT;
}

static hf_status ec_group_of(const EVP_PKEY *pkey, uint16_t *out_group)
{
    char name[32];
    size_t len = 0;
    int is_explicit = 0;

    if (EVP_PKEY_get_group_name(pkey, name, sizeof name, &len) != 1)
        return hf_lc_fail(HF_ERR_UNSUPPORTED);
    if (EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) != 1)
        return hf_lc_fail(HF_ERR_UNSUPPORTED);
    for (size_t i = 0; !is_explicit && i < sizeof curves / sizeof curves[0]; i++) {
        if (strcmp(name, curves[i].name) == 0) {
            *out_group = curves[i].group;
            return HF_OK;
        }
    }
    return HF_ERR_UNSUPPORTED;
}

hf_status hf_lc_key_kind(const EVP_PKEY *pkey, hf_key_type *out_type, unsigned *out_bits, uint16_t *out_group)
{
    hf_key_type type;
    uint16_t group = 0;
    int bits = EVP_PKEY_get_bits(pkey);

    if (EVP_PKEY_is_a(pkey, "RSA")) {
        type = HF_KEY_RSA;
    } else if (EVP_PKEY_is_a(pkey, "RSA-PSS")) {
        type = HF_KEY_RSA_PSS;
    } else if (EVP_PKEY_is_a(pkey, "ED25519")) {
        type = HF_KEY_ED25519;
    } else if (EVP_PKEY_is_a(pkey, "EC")) {
        type = HF_KEY_EC;
        hf_status status = ec_group_of(pkey, &group);
        if (status != HF_OK)
            return status;
    } else {
        return HF_ERR_UNSUPPORTED;
    }
    if (bits <= 0)
        return hf_lc_fail(HF_ERR_CRYPTO);
    *out_type = type;
    *out_bits = (unsigned)bits;
    *out_group = group;
    return HF_OK;
}

/* MGF1 takes the digest's hash by itself; the salt is as long as the digest, and verification accepts no other. */
static bool set_padding(EVP_PKEY_CTX *ctx, const scheme_row *row)
{
    if (row->padding == 0)
        return true;
    if (EVP_PKEY_CTX_set_rsa_padding(ctx, row->padding) <= 0)
        return false;
    return row->padding != RSA_PKCS1_PSS_PADDING || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

hf_status hf_lc_signature_ctx(EVP_PKEY *pkey, hf_key_type type, uint16_t scheme, hf_lc_signature_use use,
                              EVP_PKEY_CTX **out_ctx)
{
    const hf_lc_algorithms *lc = hf_lc();
    const scheme_row *row = find_scheme(scheme);

    if (!row || row->key != type)
        return HF_ERR_UNSUPPORTED;
    if (!lc)
        return HF_ERR_CRYPTO;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (!ctx || (use == HF_LC_SIGN ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) <= 0) {
        EVP_PKEY_CTX_free(ctx);
        return hf_lc_fail(HF_ERR_CRYPTO);
    }
    /* An id-RSASSA-PSS key may be restricted to another hash or a longer salt: that is a misfit, not a fault. */
    if (EVP_PKEY_CTX_set_signature_md(ctx, lc->hashes[row->hash]) <= 0 || !set_padding(ctx, row)) {
        EVP_PKEY_CTX_free(ctx);
        return hf_lc_fail(HF_ERR_UNSUPPORTED);
    }
    *out_ctx = ctx;
    return HF_OK;
}
