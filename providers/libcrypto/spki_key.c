/* From a SubjectPublicKeyInfo to libcrypto's object for the key: straight for the usual kinds (spki.h), by libcrypto's
 * decoders for all others. What the straight way does not take, libcrypto is asked about as well, so nothing is refused
 * or accepted that libcrypto's decoders would not. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include "lc.h"
#include "spki.h"

/* A big-endian number as libcrypto takes it among parameters: of this machine's order. */
static bool to_native(const uint8_t *in, size_t len, uint8_t *out)
{
    BIGNUM *number = BN_bin2bn(in, (int)len, NULL);
    bool ok = number && BN_bn2nativepad(number, out, (int)len) == (int)len;

    BN_free(number);
    return ok;
}

static EVP_PKEY *rsa_key(const hf_lc_spki *spki)
{
    uint8_t modulus[HF_LC_SPKI_MODULUS_MAX], exponent[HF_LC_SPKI_EXPONENT_MAX];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, modulus, spki->key_len),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, exponent, spki->exponent_len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;

    if (!to_native(spki->key, spki->key_len, modulus) || !to_native(spki->exponent, spki->exponent_len, exponent))
        return NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *usual_key(const hf_lc_spki *spki)
{
    const hf_lc_algorithms *lc = hf_lc();
    EVP_PKEY *key = NULL;

    switch (spki->type) {
    case HF_KEY_RSA:
        return rsa_key(spki);
    case HF_KEY_ED25519:
        return EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, spki->key, spki->key_len);
    default:
        /* libcrypto checks that the point is on its curve when it reads it. */
        return lc && hf_lc_group_key(lc, spki->group, spki->key, spki->key_len, &key) == HF_OK ? key : NULL;
    }
}

EVP_PKEY *hf_lc_spki_key(const uint8_t *der, size_t len)
{
    const unsigned char *p = der;
    hf_lc_spki spki;
    EVP_PKEY *key = hf_lc_spki_read(der, len, &spki) ? usual_key(&spki) : NULL;

    if (key)
        return key;
    ERR_clear_error();
    key = d2i_PUBKEY(NULL, &p, (long)len);
    if (key && p != der + len) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}
