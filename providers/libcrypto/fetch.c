/* Algorithms are fetched from libcrypto once, and shared by all threads ever after: they are immutable. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <string.h>

#include "lc.h"

static const char *const hash_names[HF_HASH_COUNT] = {
    [HF_SHA1] = "SHA1",
    [HF_SHA256] = "SHA2-256",
    [HF_SHA384] = "SHA2-384",
    [HF_SHA512] = "SHA2-512",
};

static const struct {
    const char *name;
    const char *stitched; /* NULL: libcrypto has none */
    const char *ecb;
} cipher_names[HF_CIPHER_COUNT] = {
    [HF_AES_128_GCM] = {"AES-128-GCM", NULL, NULL},
    [HF_AES_256_GCM] = {"AES-256-GCM", NULL, NULL},
    [HF_CHACHA20_POLY1305] = {"ChaCha20-Poly1305", NULL, NULL},
    [HF_AES_128_CCM] = {"AES-128-CCM", NULL, NULL},
    [HF_AES_128_CBC_SHA1] = {"AES-128-CBC", "AES-128-CBC-HMAC-SHA1", "AES-128-ECB"},
    [HF_AES_256_CBC_SHA1] = {"AES-256-CBC", "AES-256-CBC-HMAC-SHA1", "AES-256-ECB"},
    [HF_AES_128_CBC_SHA256] = {"AES-128-CBC", "AES-128-CBC-HMAC-SHA256", "AES-128-ECB"},
    [HF_AES_256_CBC_SHA256] = {"AES-256-CBC", "AES-256-CBC-HMAC-SHA256", "AES-256-ECB"},
    [HF_AES_256_CBC_SHA384] = {"AES-256-CBC", NULL, NULL},
};

static const char *const curve_names[HF_LC_GROUPS] = {"X25519", "P-256", "P-384", "P-521"};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static hf_lc_algorithms fetched;
static bool complete;

/* Domain parameters: a template that keys of the curve are made from, since looking a curve up by name is slow. */
static EVP_PKEY *make_curve(const char *name)
{
    static const unsigned char base[32] = {9};
    EVP_PKEY *curve = NULL;

    if (strcmp(name, "X25519") == 0)
        return EVP_PKEY_new_raw_public_key_ex(NULL, name, NULL, base, sizeof base);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

    if (ctx && EVP_PKEY_paramgen_init(ctx) > 0 && EVP_PKEY_CTX_set_group_name(ctx, name) > 0)
        (void)EVP_PKEY_paramgen(ctx, &curve);
    EVP_PKEY_CTX_free(ctx);
    return curve;
}

/* libcrypto loads its default provider into whatever has none: "null" prevents that. */
static OSSL_LIB_CTX *make_keyless(void)
{
    OSSL_LIB_CTX *keyless = OSSL_LIB_CTX_new();

    if (keyless && !OSSL_PROVIDER_load(keyless, "null")) {
        OSSL_LIB_CTX_free(keyless);
        keyless = NULL;
    }
    return keyless;
}

static void fetch_all(void)
{
    bool ok = true;

    for (size_t i = 0; i < HF_HASH_COUNT; i++)
        ok = (fetched.hashes[i] = EVP_MD_fetch(NULL, hash_names[i], NULL)) != NULL && ok;
    for (size_t i = 0; i < HF_CIPHER_COUNT; i++) {
        ok = (fetched.ciphers[i] = EVP_CIPHER_fetch(NULL, cipher_names[i].name, NULL)) != NULL && ok;
        if (cipher_names[i].stitched)
            fetched.stitched[i] = EVP_CIPHER_fetch(NULL, cipher_names[i].stitched, NULL);
        if (fetched.stitched[i])
            ok = (fetched.ecb[i] = EVP_CIPHER_fetch(NULL, cipher_names[i].ecb, NULL)) != NULL && ok;
    }
    ok = (fetched.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL)) != NULL && ok;
    for (size_t i = 0; i < HF_LC_GROUPS; i++)
        ok = (fetched.curves[i] = make_curve(curve_names[i])) != NULL && ok;
    fetched.keyless = make_keyless();
    complete = ok;
    ERR_clear_error();
}

const hf_lc_algorithms *hf_lc(void)
{
    return pthread_once(&once, fetch_all) == 0 && complete ? &fetched : NULL;
}

hf_status hf_lc_fail(hf_status otherwise)
{
    hf_status status = otherwise;
    unsigned long error;

    while ((error = ERR_get_error()) != 0)
        if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
            status = HF_ERR_NO_MEMORY;
    return status;
}
