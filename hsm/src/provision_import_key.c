/* Room `provision`: a private key from PEM into the token. It was outside, so the token never calls it "never
 * extractable"; from now on it stays inside. Every copy of ours is wiped. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <string.h>

#include "handfast/secret.h"
#include "provision.h"

#define PARTS_MAX 8

/* The numbers of a private key, as PKCS#11 wants them. */
typedef struct parts {
    CK_ATTRIBUTE_TYPE type[PARTS_MAX];
    uint8_t value[PARTS_MAX][HF_RSA_MAX_BYTES];
    size_t len[PARTS_MAX];
    size_t n;
} parts;

/* Encrypted files are refused: a passphrase prompt of libcrypto would be a second place where secrets are typed. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static bool add_number(parts *p, EVP_PKEY *key, CK_ATTRIBUTE_TYPE type, const char *name, size_t fixed)
{
    BIGNUM *number = NULL;
    bool good = false;

    if (p->n < PARTS_MAX && EVP_PKEY_get_bn_param(key, name, &number) == 1) {
        size_t len = fixed ? fixed : (size_t)BN_num_bytes(number);
        if (len <= sizeof p->value[0] && BN_bn2binpad(number, p->value[p->n], (int)len) == (int)len) {
            p->type[p->n] = type;
            p->len[p->n++] = len;
            good = true;
        }
    }
    BN_clear_free(number);
    return good;
}

static bool read_rsa(parts *p, EVP_PKEY *key)
{
    return add_number(p, key, CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N, 0) &&
           add_number(p, key, CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E, 0) &&
           add_number(p, key, CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D, 0) &&
           add_number(p, key, CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1, 0) &&
           add_number(p, key, CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2, 0) &&
           add_number(p, key, CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1, 0) &&
           add_number(p, key, CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2, 0) &&
           add_number(p, key, CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, 0);
}

static bool read_ed25519(parts *p, EVP_PKEY *key)
{
    p->type[0] = CKA_VALUE;
    p->len[0] = sizeof p->value[0];
    p->n = 1;
    return EVP_PKEY_get_raw_private_key(key, p->value[0], &p->len[0]) == 1;
}

static bool read_parts(parts *p, EVP_PKEY *key, const hf_pubkey *pub)
{
    switch (pub->type) {
    case HF_KEY_RSA:
        return read_rsa(p, key);
    case HF_KEY_EC:
        return add_number(p, key, CKA_VALUE, OSSL_PKEY_PARAM_PRIV_KEY, (pub->bits + 7) / 8);
    default:
        return read_ed25519(p, key);
    }
}

static const uint8_t *curve_params(const hf_pubkey *pub, size_t way, size_t *out_len)
{
    if (pub->type == HF_KEY_ED25519)
        return hf_ed25519_params(way, out_len);
    if (way > 0)
        return NULL;
    return hf_curve_params(pub->bits == 256 ? "p256" : pub->bits == 384 ? "p384" : "p521", out_len);
}

static CK_RV create_private(const hf_token *token, const hf_template *common, const parts *p, CK_OBJECT_HANDLE *out)
{
    hf_template t = *common;

    for (size_t i = 0; i < p->n; i++)
        hf_template_add(&t, p->type[i], p->value[i], p->len[i]);
    return token->session.fn->C_CreateObject(token->session.handle, t.attrs, t.n, out);
}

/* The public key object, where EC keys keep their point. */
static CK_RV create_public(const hf_token *token, const hf_template *common, const hf_pubkey *pub, const parts *p)
{
    hf_template t = *common;
    uint8_t point[3 + 133 + 1]; /* OCTET STRING of an uncompressed P-521 point */
    size_t len = 0;
    CK_OBJECT_HANDLE object;

    if (pub->type == HF_KEY_RSA) {
        for (size_t i = 0; i < 2; i++)
            hf_template_add(&t, p->type[i], p->value[i], p->len[i]);
        return token->session.fn->C_CreateObject(token->session.handle, t.attrs, t.n, &object);
    }
    bool good = pub->type == HF_KEY_EC
                    ? EVP_PKEY_get_octet_string_param(pub->pkey, OSSL_PKEY_PARAM_PUB_KEY, point + 3, 133, &len) == 1
                    : (len = 32, EVP_PKEY_get_raw_public_key(pub->pkey, point + 3, &len) == 1);
    if (!good || len > 133)
        return CKR_FUNCTION_FAILED;
    uint8_t *start = len < 128 ? point + 1 : point;
    start[0] = 0x04;
    if (len < 128) {
        start[1] = (uint8_t)len;
    } else {
        start[1] = 0x81;
        start[2] = (uint8_t)len;
    }
    hf_template_add(&t, CKA_EC_POINT, start, len + (len < 128 ? 2 : 3));
    return token->session.fn->C_CreateObject(token->session.handle, t.attrs, t.n, &object);
}

static hf_status store(const hf_token *token, const hf_hsm_new_key *key, const uint8_t *id, size_t id_len,
                       const hf_pubkey *pub, const parts *p, CK_OBJECT_HANDLE *out, const hf_why *why)
{
    const bool rsa = pub->type == HF_KEY_RSA;
    CK_OBJECT_CLASS class[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    CK_KEY_TYPE type = rsa ? CKK_RSA : pub->type == HF_KEY_EC ? CKK_EC : CKK_EC_EDWARDS;
    CK_RV rv = CKR_TEMPLATE_INCONSISTENT;
    const uint8_t *params = NULL;
    size_t params_len = 0;

    for (size_t way = 0; rv != CKR_OK && (way == 0 || params); way++) {
        hf_template halves[2] = {{.n = 0}, {.n = 0}};
        params = rsa ? NULL : curve_params(pub, way, &params_len);
        if (!rsa && !params)
            break;
        for (size_t h = 0; h < 2; h++) {
            hf_template_add(&halves[h], CKA_CLASS, &class[h], sizeof class[h]);
            hf_template_add(&halves[h], CKA_KEY_TYPE, &type, sizeof type);
            if (params)
                hf_template_add(&halves[h], CKA_EC_PARAMS, params, params_len);
        }
        hf_template_private(&halves[0], key->label, id, id_len);
        hf_template_flag(&halves[0], CKA_DECRYPT, rsa);
        hf_template_public(&halves[1], key->label, id, id_len);
        hf_template_flag(&halves[1], CKA_ENCRYPT, rsa);
        rv = create_private(token, &halves[0], p, out);
        if (rv != CKR_OK)
            continue;
        rv = create_public(token, &halves[1], pub, p);
        if (rv != CKR_OK)
            (void)token->session.fn->C_DestroyObject(token->session.handle, *out);
    }
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv),
                          "the token cannot store the key: it says %s: some tokens take no keys from "
                          "outside: use `handfast token keygen`",
                          hf_rv_name(rv));
    return HF_OK;
}

hf_status hf_hsm_import_key(const hf_hsm_options *options, const hf_hsm_new_key *key, const char *pem, size_t pem_len,
                            char *out_uri, char *why_text, size_t why_max)
{
    const hf_why why = {.text = why_text, .max = why_max};
    hf_pubkey pub = {.pkey = NULL};
    parts p;
    hf_token token = {.login = NULL};
    uint8_t id[HF_HSM_ID_MAX];
    size_t id_len = 0;
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;

    memset(&p, 0, sizeof p);
    BIO *bio = pem_len <= INT32_MAX ? BIO_new_mem_buf(pem, (int)pem_len) : NULL;
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (!pkey)
        return hf_why_set(&why, HF_ERR_DECODE,
                          "the file holds no private key in PEM, or it is encrypted: decrypt it first");
    hf_status status = hf_pubkey_from(pkey, &pub, &why);
    if (status == HF_OK && !read_parts(&p, pkey, &pub))
        status = hf_why_set(&why, HF_ERR_DECODE, "libcrypto cannot take the key apart");
    if (status == HF_OK)
        status = hf_provision_begin(options, key, &token, id, &id_len, &why);
    if (status == HF_OK)
        status = store(&token, key, id, id_len, &pub, &p, &handle, &why);
    if (status == HF_OK)
        status = hf_provision_uri(&token, handle, out_uri, &why);
    hf_token_close(&token);
    hf_wipe(&p, sizeof p);
    hf_pubkey_cleanup(&pub);
    EVP_PKEY_free(pkey);
    return status;
}
