/* A private key in a PEM file as hf_key: for tests, clients and comparison with the token.
 *
 * Operations run on the thread that submits them. Signature contexts are prepared once per scheme and duplicated
 * for each operation, which spares libcrypto the search for algorithms. RSA decryption is raw RSA followed by the
 * house's one padding check (hf_premaster_unpad), exactly as with a token.
 */
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "handfast/providers.h"
#include "handfast/secret.h"
#include "lc.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX (8 * HF_RSA_MAX_BYTES)

typedef struct pem_key {
    hf_key key; /* first: the public face */
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *sign[HF_KEY_SCHEMES_MAX]; /* beside key.schemes; NULL for Ed25519. Only ever duplicated. */
    EVP_PKEY_CTX *decrypt;                  /* NULL when the key cannot */
    uint8_t *spki;
    char *label;
    atomic_uint references;
} pem_key;

/* Schemes by type of key, in order of preference. */
static const uint16_t rsa_schemes[] = {HF_RSA_PSS_RSAE_SHA256, HF_RSA_PKCS1_SHA256,    HF_RSA_PSS_RSAE_SHA384,
                                       HF_RSA_PKCS1_SHA384,    HF_RSA_PSS_RSAE_SHA512, HF_RSA_PKCS1_SHA512};
static const uint16_t rsa_pss_schemes[] = {HF_RSA_PSS_PSS_SHA256, HF_RSA_PSS_PSS_SHA384, HF_RSA_PSS_PSS_SHA512};
/* The curve's own first; TLS 1.2 lets any curve go with any hash (RFC 8422 section 5.1.3). */
static const uint16_t p256_schemes[] = {HF_ECDSA_SECP256R1_SHA256, HF_ECDSA_SECP384R1_SHA384,
                                        HF_ECDSA_SECP521R1_SHA512};
static const uint16_t p384_schemes[] = {HF_ECDSA_SECP384R1_SHA384, HF_ECDSA_SECP256R1_SHA256,
                                        HF_ECDSA_SECP521R1_SHA512};
static const uint16_t p521_schemes[] = {HF_ECDSA_SECP521R1_SHA512, HF_ECDSA_SECP256R1_SHA256,
                                        HF_ECDSA_SECP384R1_SHA384};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- Operations ------------------------------------------------------------------------------- */

static hf_status sign_ed25519(pem_key *k, hf_key_op *op)
{
    size_t len = sizeof op->result;
    hf_status status = HF_OK;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, k->pkey, NULL) != 1 ||
        EVP_DigestSign(ctx, op->result, &len, op->input, op->input_len) != 1)
        status = hf_lc_fail(HF_ERR_CRYPTO);
    else
        op->result_len = len;
    EVP_MD_CTX_free(ctx);
    return status;
}

static hf_status sign(pem_key *k, hf_key_op *op)
{
    size_t at = 0;
    size_t len = sizeof op->result;
    hf_status status = HF_OK;

    while (at < HF_KEY_SCHEMES_MAX && k->key.schemes[at] != op->scheme)
        at++;
    if (at == HF_KEY_SCHEMES_MAX || op->scheme == 0)
        return HF_ERR_UNSUPPORTED;
    if (op->scheme == HF_ED25519)
        return sign_ed25519(k, op);
    if (op->input_len != hf_lc_scheme_digest_size(op->scheme))
        return HF_ERR_INVALID;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(k->sign[at]);
    if (!ctx || EVP_PKEY_sign(ctx, op->result, &len, op->input, op->input_len) <= 0)
        status = hf_lc_fail(HF_ERR_CRYPTO);
    else
        op->result_len = len;
    EVP_PKEY_CTX_free(ctx);
    return status;
}

/* Whatever the peer sent, the answer is 48 bytes: a block that raw RSA refuses (its length, a number beyond the
 * modulus: both public) stays zero and fails the padding check like any other. */
static hf_status decrypt(pem_key *k, hf_key_op *op)
{
    uint8_t em[HF_RSA_MAX_BYTES] = {0};
    size_t em_len = sizeof em;
    size_t modulus = (k->key.bits + 7) / 8;

    if (!k->decrypt)
        return HF_ERR_UNSUPPORTED;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(k->decrypt);
    if (!ctx)
        return hf_lc_fail(HF_ERR_NO_MEMORY);
    if (op->input_len == modulus)
        (void)EVP_PKEY_decrypt(ctx, em, &em_len, op->input, op->input_len);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    hf_premaster_unpad(em, modulus, op->client_version, op->fallback, op->result);
    op->result_len = HF_PREMASTER_SIZE;
    hf_wipe(em, sizeof em);
    return HF_OK;
}

static void submit(hf_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    pem_key *k = (pem_key *)key;

    op->result_len = 0;
    op->status = op->kind == HF_KEY_OP_SIGN ? sign(k, op) : decrypt(k, op);
    if (op->status != HF_OK) {
        hf_wipe(op->result, sizeof op->result);
        op->result_len = 0;
    }
    done(arg, op);
}

/* ---- Life ------------------------------------------------------------------------------------- */

static void destroy(pem_key *k)
{
    for (size_t i = 0; i < HF_KEY_SCHEMES_MAX; i++)
        EVP_PKEY_CTX_free(k->sign[i]);
    EVP_PKEY_CTX_free(k->decrypt);
    EVP_PKEY_free(k->pkey); /* wipes the private half */
    OPENSSL_free(k->spki);
    free(k->label);
    free(k);
}

static void retain(hf_key *key)
{
    atomic_fetch_add_explicit(&((pem_key *)key)->references, 1, memory_order_relaxed);
}

static void release(hf_key *key)
{
    pem_key *k = (pem_key *)key;

    /* Acquire and release: what other threads did with the key is done before it goes. */
    if (k && atomic_fetch_sub_explicit(&k->references, 1, memory_order_acq_rel) == 1)
        destroy(k);
}

static const hf_key_ops ops = {.submit = submit, .retain = retain, .release = release};

/* Never asks anybody; remembers that a passphrase was wanted. */
static int no_passphrase(char *buffer, int size, int writing, void *wanted)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(bool *)wanted = true;
    return -1;
}

static hf_status read_pem(const uint8_t *pem, size_t len, EVP_PKEY **out)
{
    bool encrypted = false;

    if (len > INT_MAX)
        return HF_ERR_LIMIT;
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    if (!bio)
        return hf_lc_fail(HF_ERR_NO_MEMORY);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted);
    BIO_free(bio);
    if (!pkey)
        return hf_lc_fail(encrypted ? HF_ERR_UNSUPPORTED : HF_ERR_DECODE);
    *out = pkey;
    return HF_OK;
}

/* Prepares the contexts of those schemes that the key can make: a restricted RSA-PSS key makes fewer. */
static hf_status prepare_schemes(pem_key *k, const uint16_t *schemes, size_t n)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        hf_status status = hf_lc_signature_ctx(k->pkey, k->key.type, schemes[i], HF_LC_SIGN, &k->sign[used]);
        if (status == HF_OK)
            k->key.schemes[used++] = schemes[i];
        else if (status != HF_ERR_UNSUPPORTED)
            return status;
    }
    return used > 0 ? HF_OK : HF_ERR_UNSUPPORTED;
}

static hf_status prepare_rsa(pem_key *k)
{
    if (k->key.bits < RSA_BITS_MIN || k->key.bits > RSA_BITS_MAX)
        return HF_ERR_UNSUPPORTED;
    if (k->key.type == HF_KEY_RSA_PSS)
        return prepare_schemes(k, rsa_pss_schemes, COUNT(rsa_pss_schemes));
    k->decrypt = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    if (!k->decrypt || EVP_PKEY_decrypt_init(k->decrypt) <= 0 ||
        EVP_PKEY_CTX_set_rsa_padding(k->decrypt, RSA_NO_PADDING) <= 0)
        return hf_lc_fail(HF_ERR_CRYPTO);
    k->key.can_decrypt = true;
    return prepare_schemes(k, rsa_schemes, COUNT(rsa_schemes));
}

static hf_status prepare(pem_key *k)
{
    switch (k->key.type) {
    case HF_KEY_RSA:
    case HF_KEY_RSA_PSS:
        return prepare_rsa(k);
    case HF_KEY_EC:
        return prepare_schemes(k,
                               k->key.group == HF_GROUP_P256   ? p256_schemes
                               : k->key.group == HF_GROUP_P384 ? p384_schemes
                                                               : p521_schemes,
                               COUNT(p256_schemes));
    case HF_KEY_ED25519:
        k->key.schemes[0] = HF_ED25519;
        return HF_OK;
    }
    return HF_ERR_UNSUPPORTED;
}

hf_status hf_pem_key_new(const uint8_t *pem, size_t len, const char *label, hf_key **out)
{
    hf_status status;
    pem_key *k = calloc(1, sizeof *k);

    if (!k)
        return HF_ERR_NO_MEMORY;
    atomic_init(&k->references, 1);
    k->label = strdup(label ? label : "");
    if (!k->label) {
        status = HF_ERR_NO_MEMORY;
        goto fail;
    }
    status = read_pem(pem, len, &k->pkey);
    if (status == HF_OK)
        status = hf_lc_key_kind(k->pkey, &k->key.type, &k->key.bits, &k->key.group);
    if (status == HF_OK)
        status = prepare(k);
    if (status != HF_OK)
        goto fail;
    int spki_len = i2d_PUBKEY(k->pkey, &k->spki);
    if (spki_len <= 0) {
        status = hf_lc_fail(HF_ERR_CRYPTO);
        goto fail;
    }
    k->key.ops = &ops;
    k->key.label = k->label;
    k->key.where = "file";
    k->key.spki = k->spki;
    k->key.spki_len = (size_t)spki_len;
    *out = &k->key;
    return HF_OK;
fail:
    destroy(k);
    return status;
}
