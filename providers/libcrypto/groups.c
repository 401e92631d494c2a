/* Ephemeral key exchange: X25519 (RFC 7748) and ECDH on P-256, P-384, P-521 (RFC 8422 section 5.10, RFC 8446
 * section 7.4). A private key is an EVP_PKEY, which libcrypto wipes when it frees it.
 *
 * The peer's share is validated here and once: its length, the uncompressed form, coordinates in the field, the
 * point on the curve (libcrypto does both when it reads the point; the cofactor is 1, and infinity has no
 * uncompressed encoding), and for X25519 that the result is not zero (RFC 7748 section 6.1).
 */
#include <openssl/core_names.h>
#include <string.h>

#include "builtin.h"
#include "handfast/secret.h"
#include "lc.h"

#define X25519_SIZE 32
#define X25519 0       /* its place in hf_lc_algorithms.curves */
#define UNCOMPRESSED 4 /* first byte of an uncompressed point, SEC 1 section 2.3.3 */

/* Runs the derivation; len is what out_shared must receive exactly. */
static hf_status agree(EVP_PKEY *private_key, EVP_PKEY *peer, uint8_t *out_shared, size_t len)
{
    uint8_t shared[HF_GROUP_SHARED_MAX];
    size_t got = sizeof shared;
    hf_status status = HF_OK;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, private_key, NULL);

    if (!ctx)
        return hf_lc_fail(HF_ERR_CRYPTO);
    /* 0: the point was validated when it was read. */
    if (EVP_PKEY_derive_init(ctx) <= 0 || EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) <= 0)
        status = hf_lc_fail(HF_ERR_CRYPTO);
    else if (EVP_PKEY_derive(ctx, shared, &got) <= 0)
        status = hf_lc_fail(HF_ERR_VERIFY); /* X25519 with a result of zero */
    else if (got != len)
        status = HF_ERR_CRYPTO;
    if (status == HF_OK)
        memcpy(out_shared, shared, len);
    hf_wipe(shared, sizeof shared);
    EVP_PKEY_CTX_free(ctx);
    return status;
}

/* A fresh private key of the group. */
static EVP_PKEY *new_pair(const hf_lc_algorithms *lc, size_t group)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, lc->curves[group], NULL);

    if (ctx && EVP_PKEY_keygen_init(ctx) > 0)
        (void)EVP_PKEY_generate(ctx, &pkey);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

/* The peer's share as a key. HF_ERR_VERIFY when it is no point of the curve. */
static hf_status new_peer(const hf_lc_algorithms *lc, size_t group, const uint8_t *peer, size_t len, EVP_PKEY **out)
{
    hf_status status = HF_OK;
    EVP_PKEY *key = EVP_PKEY_new();

    if (!key || EVP_PKEY_copy_parameters(key, lc->curves[group]) != 1)
        status = hf_lc_fail(HF_ERR_CRYPTO);
    else if (EVP_PKEY_set1_encoded_public_key(key, peer, len) != 1)
        status = hf_lc_fail(HF_ERR_VERIFY);
    if (status == HF_OK)
        *out = key;
    else
        EVP_PKEY_free(key);
    return status;
}

hf_status hf_lc_group_key(const hf_lc_algorithms *lc, uint16_t group, const uint8_t *point, size_t len, EVP_PKEY **out)
{
    for (size_t i = 0; hf_lc_groups[i]; i++) /* in the order of hf_lc_algorithms.curves */
        if (hf_lc_groups[i]->id == group)
            return new_peer(lc, i, point, len, out);
    return HF_ERR_UNSUPPORTED;
}

/* ---- X25519 ----------------------------------------------------------------------------------- */

static hf_status x25519_generate(void **out_private, uint8_t *out_public)
{
    const hf_lc_algorithms *lc = hf_lc();
    size_t len = X25519_SIZE;

    if (!lc)
        return HF_ERR_CRYPTO;
    EVP_PKEY *pkey = new_pair(lc, X25519);
    if (!pkey || EVP_PKEY_get_raw_public_key(pkey, out_public, &len) != 1 || len != X25519_SIZE) {
        EVP_PKEY_free(pkey);
        return hf_lc_fail(HF_ERR_CRYPTO);
    }
    *out_private = pkey;
    return HF_OK;
}

static hf_status x25519_import(const uint8_t *scalar, size_t scalar_len, void **out_private, uint8_t *out_public)
{
    size_t len = X25519_SIZE;

    if (scalar_len != X25519_SIZE)
        return HF_ERR_INVALID;
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, scalar, scalar_len);
    if (!pkey || EVP_PKEY_get_raw_public_key(pkey, out_public, &len) != 1) {
        EVP_PKEY_free(pkey);
        return hf_lc_fail(HF_ERR_CRYPTO);
    }
    *out_private = pkey;
    return HF_OK;
}

static hf_status x25519_derive(void *private_key, const uint8_t *peer, size_t peer_len, uint8_t *out_shared)
{
    static const uint8_t zero[X25519_SIZE];
    const hf_lc_algorithms *lc = hf_lc();
    EVP_PKEY *peer_key = NULL;

    memset(out_shared, 0, X25519_SIZE);
    if (peer_len != X25519_SIZE)
        return HF_ERR_VERIFY;
    if (!lc)
        return HF_ERR_CRYPTO;
    hf_status status = new_peer(lc, X25519, peer, peer_len, &peer_key);
    if (status != HF_OK)
        return status;
    status = agree(private_key, peer_key, out_shared, X25519_SIZE);
    EVP_PKEY_free(peer_key);
    if (status == HF_OK && hf_ct_equal(out_shared, zero, X25519_SIZE))
        return HF_ERR_VERIFY;
    return status;
}

/* ---- ECDH ------------------------------------------------------------------------------------- */

static hf_status ec_generate(size_t curve, size_t public_size, void **out_private, uint8_t *out_public)
{
    const hf_lc_algorithms *lc = hf_lc();
    size_t len = 0;

    if (!lc)
        return HF_ERR_CRYPTO;
    EVP_PKEY *pkey = new_pair(lc, curve);
    if (!pkey ||
        EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, out_public, public_size, &len) != 1 ||
        len != public_size) {
        EVP_PKEY_free(pkey);
        return hf_lc_fail(HF_ERR_CRYPTO);
    }
    *out_private = pkey;
    return HF_OK;
}

static hf_status ec_derive(size_t curve, size_t public_size, void *private_key, const uint8_t *peer, size_t peer_len,
                           uint8_t *out_shared)
{
    const hf_lc_algorithms *lc = hf_lc();
    size_t shared_size = public_size / 2;
    EVP_PKEY *peer_key = NULL;

    memset(out_shared, 0, shared_size);
    if (peer_len != public_size || peer[0] != UNCOMPRESSED)
        return HF_ERR_VERIFY;
    if (!lc)
        return HF_ERR_CRYPTO;
    hf_status status = new_peer(lc, curve, peer, peer_len, &peer_key);
    if (status != HF_OK)
        return status;
    status = agree(private_key, peer_key, out_shared, shared_size);
    EVP_PKEY_free(peer_key);
    return status;
}

static void destroy(void *private_key)
{
    EVP_PKEY_free(private_key);
}

#define EC_GROUP_FUNCTIONS(prefix, curve, public_size)                                                                 \
    static hf_status prefix##_generate(void **out_private, uint8_t *out_public)                                        \
    {                                                                                                                  \
        return ec_generate(curve, public_size, out_private, out_public);                                               \
    }                                                                                                                  \
    static hf_status prefix##_derive(void *private_key, const uint8_t *peer, size_t peer_len, uint8_t *out_shared)     \
    {                                                                                                                  \
        return ec_derive(curve, public_size, private_key, peer, peer_len, out_shared);                                 \
    }

EC_GROUP_FUNCTIONS(p256, 1, 65)
EC_GROUP_FUNCTIONS(p384, 2, 97)
EC_GROUP_FUNCTIONS(p521, 3, 133)

static const hf_group x25519 = {HF_GROUP_X25519, "X25519", &hf_provider_libcrypto, 32, 32, x25519_generate,
                                x25519_derive,   destroy,  x25519_import};
static const hf_group p256 = {HF_GROUP_P256, "P-256", &hf_provider_libcrypto, 65, 32, p256_generate, p256_derive,
                              destroy,       NULL};
static const hf_group p384 = {HF_GROUP_P384, "P-384", &hf_provider_libcrypto, 97, 48, p384_generate, p384_derive,
                              destroy,       NULL};
static const hf_group p521 = {HF_GROUP_P521, "P-521", &hf_provider_libcrypto, 133, 66, p521_generate, p521_derive,
                              destroy,       NULL};

const hf_group *const hf_lc_groups[] = {&x25519, &p256, &p384, &p521, NULL};
