/* Room `provision`: key pairs made in the token (PKCS#11 v2.40 section 5.13; v3.0 section 2.3.9 for Ed25519). */
#include <string.h>

#include "provision.h"

static const uint8_t params_p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t params_p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
static const uint8_t params_p521[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};
/* Tokens do not agree: id-Ed25519 (RFC 8410), the curve's name (PKCS#11 v3.0), an older OID. */
static const uint8_t params_ed25519_oid[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
static const uint8_t params_ed25519_name[] = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'};
static const uint8_t params_ed25519_old[] = {0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01};

typedef struct algorithm {
    const char *name;
    CK_MECHANISM_TYPE mechanism;
    CK_ULONG bits; /* RSA, else 0 */
    const uint8_t *params;
    size_t params_len;
} algorithm;

static const algorithm algorithms[] = {
    {.name = "rsa:2048", .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN, .bits = 2048},
    {.name = "rsa:3072", .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN, .bits = 3072},
    {.name = "rsa:4096", .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN, .bits = 4096},
    {.name = "ec:p256", .mechanism = CKM_EC_KEY_PAIR_GEN, .params = params_p256, .params_len = sizeof params_p256},
    {.name = "ec:p384", .mechanism = CKM_EC_KEY_PAIR_GEN, .params = params_p384, .params_len = sizeof params_p384},
    {.name = "ec:p521", .mechanism = CKM_EC_KEY_PAIR_GEN, .params = params_p521, .params_len = sizeof params_p521},
    {.name = "ed25519", .mechanism = CKM_EC_EDWARDS_KEY_PAIR_GEN},
};

const uint8_t *hf_curve_params(const char *curve, size_t *out_len)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (algorithms[i].params && strcmp(algorithms[i].name + strlen("ec:"), curve) == 0) {
            *out_len = algorithms[i].params_len;
            return algorithms[i].params;
        }
    return NULL;
}

const uint8_t *hf_ed25519_params(size_t i, size_t *out_len)
{
    static const struct {
        const uint8_t *der;
        size_t len;
    } ways[] = {{params_ed25519_oid, sizeof params_ed25519_oid},
                {params_ed25519_name, sizeof params_ed25519_name},
                {params_ed25519_old, sizeof params_ed25519_old}};

    if (i >= sizeof ways / sizeof ways[0])
        return NULL;
    *out_len = ways[i].len;
    return ways[i].der;
}

/* One key, one use. It is said afterwards, and to those only who will hear it: tpm2-pkcs11 takes CKA_DECRYPT and
 * CKA_ENCRYPT in the templates of an EC key, whatever their value, for a key that cannot sign, and fails. */
static void forbid(const hf_token *token, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE use)
{
    hf_template t = {.n = 0};

    hf_template_flag(&t, use, false);
    (void)token->session.fn->C_SetAttributeValue(token->session.handle, key, t.attrs, t.n);
}

static CK_RV generate(const hf_token *token, const algorithm *a, const uint8_t *params, size_t params_len,
                      const hf_template *private_half, const hf_template *public_half, CK_OBJECT_HANDLE *out)
{
    static const uint8_t exponent[] = {0x01, 0x00, 0x01};
    CK_MECHANISM mechanism = {.mechanism = a->mechanism};
    CK_OBJECT_HANDLE public_key;
    hf_template pub = *public_half;
    hf_template priv = *private_half;

    if (a->bits) {
        hf_template_add(&pub, CKA_MODULUS_BITS, &a->bits, sizeof a->bits);
        hf_template_add(&pub, CKA_PUBLIC_EXPONENT, exponent, sizeof exponent);
    } else {
        hf_template_add(&pub, CKA_EC_PARAMS, params, params_len);
    }
    CK_RV rv = token->session.fn->C_GenerateKeyPair(token->session.handle, &mechanism, pub.attrs, pub.n, priv.attrs,
                                                    priv.n, &public_key, out);
    if (rv == CKR_OK && !a->bits) {
        forbid(token, *out, CKA_DECRYPT);
        forbid(token, public_key, CKA_ENCRYPT);
    }
    return rv;
}

static CK_RV generate_any(const hf_token *token, const algorithm *a, const hf_template *private_half,
                          const hf_template *public_half, CK_OBJECT_HANDLE *out)
{
    CK_RV rv = CKR_MECHANISM_INVALID;
    const uint8_t *params;
    size_t len = 0;

    if (a->bits || a->params)
        return generate(token, a, a->params, a->params_len, private_half, public_half, out);
    for (size_t i = 0; rv != CKR_OK && (params = hf_ed25519_params(i, &len)); i++)
        rv = generate(token, a, params, len, private_half, public_half, out);
    return rv;
}

/* A generic secret for HMAC (PKCS#11 v2.40 section 2.6): on the token, private, sensitive, not extractable. */
static CK_RV generate_hmac(const hf_token *token, const char *label, const uint8_t *id, size_t id_len,
                           CK_OBJECT_HANDLE *out)
{
    static const CK_ULONG size = 32;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_MECHANISM mechanism = {.mechanism = CKM_GENERIC_SECRET_KEY_GEN};
    hf_template t = {.n = 0};

    hf_template_add(&t, CKA_CLASS, &class, sizeof class);
    hf_template_add(&t, CKA_KEY_TYPE, &type, sizeof type);
    hf_template_add(&t, CKA_VALUE_LEN, &size, sizeof size);
    hf_template_add(&t, CKA_LABEL, label, strlen(label));
    hf_template_add(&t, CKA_ID, id, id_len);
    hf_template_flag(&t, CKA_TOKEN, true);
    hf_template_flag(&t, CKA_PRIVATE, true);
    hf_template_flag(&t, CKA_SENSITIVE, true);
    hf_template_flag(&t, CKA_EXTRACTABLE, false);
    hf_template_flag(&t, CKA_SIGN, true);
    hf_template_flag(&t, CKA_ENCRYPT, false); /* one key, one use */
    hf_template_flag(&t, CKA_DECRYPT, false);
    hf_template_flag(&t, CKA_WRAP, false);
    hf_template_flag(&t, CKA_UNWRAP, false);
    return token->session.fn->C_GenerateKey(token->session.handle, &mechanism, t.attrs, t.n, out);
}

hf_status hf_hsm_keygen(const hf_hsm_options *options, const hf_hsm_new_key *key, const char *name, char *out_uri,
                        char *why_text, size_t why_max)
{
    const hf_why why = {.text = why_text, .max = why_max};
    const algorithm *a = NULL;
    hf_template private_half = {.n = 0};
    hf_template public_half = {.n = 0};
    hf_token token;
    uint8_t id[HF_HSM_ID_MAX];
    size_t id_len = 0;
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;

    for (size_t i = 0; name && i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (strcmp(algorithms[i].name, name) == 0)
            a = &algorithms[i];
    bool hmac = name && strcmp(name, "hmac") == 0;
    if (!a && !hmac)
        return hf_why_set(
            &why, HF_ERR_UNSUPPORTED,
            "no such algorithm: choose rsa:2048, rsa:3072, rsa:4096, ec:p256, ec:p384, ec:p521, ed25519 or hmac");
    hf_status status = hf_provision_begin(options, key, &token, id, &id_len, &why);
    if (status != HF_OK)
        return status;
    if (a) {
        hf_template_private(&private_half, key->label, id, id_len);
        hf_template_public(&public_half, key->label, id, id_len);
        if (a->bits) {
            hf_template_flag(&private_half, CKA_DECRYPT, true);
            hf_template_flag(&public_half, CKA_ENCRYPT, true);
        }
    }
    CK_RV rv = a ? generate_any(&token, a, &private_half, &public_half, &handle)
                 : generate_hmac(&token, key->label, id, id_len, &handle);
    if (rv != CKR_OK)
        status = hf_why_set(&why, hf_rv_status(rv), "the token cannot make a key %s: it says %s%s", name,
                            hf_rv_name(rv), rv == CKR_MECHANISM_INVALID ? ": choose another algorithm" : "");
    else
        status = hf_provision_uri(&token, handle, out_uri, &why);
    hf_token_close(&token);
    return status;
}
