/* Room `key`: reading the public half.
 *
 * RSA private keys carry modulus and exponent themselves. For EC and Ed25519 the point stands in the public key object
 * or in the certificate with the same CKA_ID (PKCS#11 v2.40 section 2.3.3; v3.0 section 2.3.5 for Edwards keys). */
#include "pubkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define BESIDE_MAX 8 /* objects with the same CKA_ID that are looked at */
#define ED25519_SIZE 32

static const struct {
    int nid;
    uint16_t group;
    const char *name;
} curves[] = {
    {NID_X9_62_prime256v1, HF_GROUP_P256, SN_X9_62_prime256v1},
    {NID_secp384r1, HF_GROUP_P384, SN_secp384r1},
    {NID_secp521r1, HF_GROUP_P521, SN_secp521r1},
};

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return pkey;
}

static EVP_PKEY *make_rsa(const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len)
{
    EVP_PKEY *pkey = NULL;
    BIGNUM *bn_n = BN_bin2bn(n, (int)n_len, NULL);
    BIGNUM *bn_e = BN_bin2bn(e, (int)e_len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();

    if (bn_n && bn_e && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn_n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, bn_e) == 1)
        pkey = from_params("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(bn_n);
    BN_free(bn_e);
    return pkey;
}

static EVP_PKEY *make_ec(const char *curve, const uint8_t *point, size_t len)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();

    if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, len) == 1)
        pkey = from_params("EC", build);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

static EVP_PKEY *read_rsa(const hf_p11_session *session, CK_OBJECT_HANDLE object)
{
    uint8_t *n = NULL;
    uint8_t *e = NULL;
    size_t n_len = 0;
    size_t e_len = 0;
    EVP_PKEY *pkey = NULL;

    if (hf_attr_bytes(session, object, CKA_MODULUS, &n, &n_len) == CKR_OK &&
        hf_attr_bytes(session, object, CKA_PUBLIC_EXPONENT, &e, &e_len) == CKR_OK && n && e &&
        n_len <= HF_RSA_MAX_BYTES + 1 && e_len <= HF_RSA_MAX_BYTES + 1)
        pkey = make_rsa(n, n_len, e, e_len);
    free(n);
    free(e);
    return pkey;
}

static EVP_PKEY *make_point(const char *curve, const uint8_t *point, size_t len)
{
    if (curve)
        return make_ec(curve, point, len);
    return len == ED25519_SIZE ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point, len) : NULL;
}

/* CKA_EC_POINT is the point inside a DER OCTET STRING; some tokens leave the wrapping out, and then one of 256 points
 * looks as if it had it. But what is inside of that is none. */
static EVP_PKEY *read_point(const hf_p11_session *session, CK_OBJECT_HANDLE object, const char *curve)
{
    uint8_t *value = NULL;
    size_t len = 0;
    EVP_PKEY *pkey = NULL;

    if (hf_attr_bytes(session, object, CKA_EC_POINT, &value, &len) != CKR_OK || !value)
        return NULL;
    const uint8_t *at = value;
    ASN1_OCTET_STRING *wrapped = d2i_ASN1_OCTET_STRING(NULL, &at, (long)len);
    if (wrapped && at == value + len)
        pkey = make_point(curve, ASN1_STRING_get0_data(wrapped), (size_t)ASN1_STRING_length(wrapped));
    if (!pkey)
        pkey = make_point(curve, value, len);
    ASN1_OCTET_STRING_free(wrapped);
    free(value);
    return pkey;
}

/* The curve of CKA_EC_PARAMS (a named one); NULL when it is none of ours. */
static const char *read_curve(const hf_p11_session *session, CK_OBJECT_HANDLE object)
{
    uint8_t *value = NULL;
    size_t len = 0;
    const char *curve = NULL;

    if (hf_attr_bytes(session, object, CKA_EC_PARAMS, &value, &len) != CKR_OK || !value)
        return NULL;
    const uint8_t *at = value;
    ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &at, (long)len);
    for (size_t i = 0; oid && i < sizeof curves / sizeof curves[0]; i++)
        if (OBJ_obj2nid(oid) == curves[i].nid)
            curve = curves[i].name;
    ASN1_OBJECT_free(oid);
    free(value);
    return curve;
}

static EVP_PKEY *read_certificate(const hf_p11_session *session, CK_OBJECT_HANDLE object)
{
    uint8_t *value = NULL;
    size_t len = 0;
    EVP_PKEY *pkey = NULL;

    if (hf_attr_bytes(session, object, CKA_VALUE, &value, &len) == CKR_OK && value) {
        const uint8_t *at = value;
        X509 *cert = d2i_X509(NULL, &at, (long)len);
        if (cert)
            pkey = X509_get_pubkey(cert);
        X509_free(cert);
    }
    free(value);
    return pkey;
}

static bool fits(const EVP_PKEY *pkey, CK_KEY_TYPE type)
{
    return pkey && EVP_PKEY_is_a(pkey, type == CKK_RSA ? "RSA" : type == CKK_EC ? "EC" : "ED25519");
}

static EVP_PKEY *read_object(const hf_p11_session *session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type,
                             const char *curve)
{
    return type == CKK_RSA ? read_rsa(session, object) : read_point(session, object, curve);
}

/* Looks at public keys, then certificates, with the private key's CKA_ID. */
static EVP_PKEY *read_beside(const hf_p11_session *session, CK_OBJECT_HANDLE private_key, CK_KEY_TYPE type,
                             const char *curve)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PUBLIC_KEY, CKO_CERTIFICATE};
    uint8_t *id = NULL;
    size_t id_len = 0;
    EVP_PKEY *pkey = NULL;

    if (hf_attr_bytes(session, private_key, CKA_ID, &id, &id_len) != CKR_OK || !id)
        return NULL;
    for (size_t c = 0; c < 2 && !pkey; c++) {
        CK_OBJECT_HANDLE objects[BESIDE_MAX];
        size_t n = 0;
        CK_ATTRIBUTE match[] = {hf_attr(CKA_CLASS, &classes[c], sizeof classes[c]), hf_attr(CKA_ID, id, id_len)};
        if (hf_object_find(session, match, 2, objects, BESIDE_MAX, &n) != CKR_OK)
            break;
        for (size_t i = 0; i < n && !pkey; i++) {
            pkey = classes[c] == CKO_PUBLIC_KEY ? read_object(session, objects[i], type, curve)
                                                : read_certificate(session, objects[i]);
            if (!fits(pkey, type)) {
                EVP_PKEY_free(pkey);
                pkey = NULL;
            }
        }
    }
    free(id);
    return pkey;
}

static uint16_t group_of(EVP_PKEY *pkey)
{
    char name[64];
    size_t len = 0;

    if (EVP_PKEY_get_group_name(pkey, name, sizeof name, &len) != 1)
        return 0;
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        if (OBJ_sn2nid(name) == curves[i].nid)
            return curves[i].group;
    return 0;
}

static hf_status describe(EVP_PKEY *pkey, hf_pubkey *out, const hf_why *why)
{
    out->bits = (unsigned)EVP_PKEY_get_bits(pkey);
    if (EVP_PKEY_is_a(pkey, "RSA")) {
        out->type = HF_KEY_RSA;
        if (out->bits < HF_HSM_RSA_BITS_MIN || out->bits > HF_HSM_RSA_BITS_MAX || out->bits % 8 != 0)
            return hf_why_set(why, HF_ERR_KEY_UNUSABLE, "the RSA key has %u bits: use one of %d to %d, whole bytes",
                              out->bits, HF_HSM_RSA_BITS_MIN, HF_HSM_RSA_BITS_MAX);
        return HF_OK;
    }
    if (EVP_PKEY_is_a(pkey, "ED25519")) {
        out->type = HF_KEY_ED25519;
        return HF_OK;
    }
    out->type = HF_KEY_EC;
    if (EVP_PKEY_is_a(pkey, "EC"))
        out->group = group_of(pkey);
    if (!out->group)
        return hf_why_set(why, HF_ERR_KEY_UNUSABLE,
                          "the key is neither RSA, nor EC on P-256, P-384 or P-521, nor Ed25519: make one that is");
    return HF_OK;
}

hf_status hf_pubkey_from(EVP_PKEY *pkey, hf_pubkey *out, const hf_why *why)
{
    memset(out, 0, sizeof *out);
    hf_status status = describe(pkey, out, why);
    if (status != HF_OK)
        return status;
    int len = i2d_PUBKEY(pkey, &out->spki);
    if (len <= 0 || EVP_PKEY_up_ref(pkey) != 1) {
        OPENSSL_free(out->spki);
        memset(out, 0, sizeof *out);
        return hf_why_set(why, HF_ERR_CRYPTO, "libcrypto cannot encode the public key");
    }
    out->spki_len = (size_t)len;
    out->pkey = pkey;
    return HF_OK;
}

hf_status hf_pubkey_read(const hf_p11_session *session, CK_OBJECT_HANDLE private_key, hf_pubkey *out, const hf_why *why)
{
    CK_KEY_TYPE type = 0;
    const char *curve = NULL;
    CK_RV rv = hf_attr_ulong(session, private_key, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION, &type);

    memset(out, 0, sizeof *out);
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "the key's type cannot be read: the token says %s", hf_rv_name(rv));
    if (type != CKK_RSA && type != CKK_EC && type != CKK_EC_EDWARDS)
        return hf_why_set(why, HF_ERR_KEY_UNUSABLE, "the key is neither RSA, EC nor Ed25519: make one that is");
    if (type == CKK_EC && !(curve = read_curve(session, private_key)))
        return hf_why_set(why, HF_ERR_KEY_UNUSABLE, "the EC key is not on P-256, P-384 or P-521: make one that is");
    EVP_PKEY *pkey = read_object(session, private_key, type, curve);
    if (!pkey)
        pkey = read_beside(session, private_key, type, curve);
    if (!pkey)
        return hf_why_set(
            why, HF_ERR_NOT_FOUND,
            "the public half of the key is not in the token: store the public key or its certificate there "
            "with the same id (`handfast token import`)");
    hf_status status = hf_pubkey_from(pkey, out, why);
    EVP_PKEY_free(pkey);
    return status;
}

void hf_pubkey_cleanup(hf_pubkey *key)
{
    EVP_PKEY_free(key->pkey);
    OPENSSL_free(key->spki);
    memset(key, 0, sizeof *key);
}
