/* Bare loops around libcrypto's EVP: the AEADs, and its stitched AES-CBC-HMAC (the quickest it has for such records).
 *
 * The stitched cipher takes the explicit IV as the first block of what it encrypts: under an IV of zero, a block R
 * becomes E(R). The record must show the IV that all candidates use, so R is its decryption, made when the record
 * begins, as our provider does. Opening with it: libcrypto checks padding and MAC itself. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "candidate.h"

/* ---- AEADs, through candidate_bare.c ----------------------------------------------------------------------------- */

typedef struct aead_state {
    EVP_CIPHER_CTX *seal, *open;
} aead_state;

static bool aead_init(void *p, const uint8_t *key, const EVP_CIPHER *cipher)
{
    aead_state *s = p;
    bool good = true;

    s->seal = EVP_CIPHER_CTX_new();
    s->open = EVP_CIPHER_CTX_new();
    for (int seal = 0; seal < 2; seal++) {
        EVP_CIPHER_CTX *ctx = seal ? s->seal : s->open;
        good = good && ctx && EVP_CipherInit_ex(ctx, cipher, NULL, NULL, NULL, seal) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, HF_REC_NONCE_SIZE, NULL) == 1 &&
               (EVP_CIPHER_get_mode(cipher) != EVP_CIPH_CCM_MODE ||
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, HF_REC_TAG_SIZE, NULL) == 1) &&
               EVP_CipherInit_ex(ctx, NULL, NULL, key, NULL, seal) == 1;
    }
    if (good)
        return true;
    EVP_CIPHER_CTX_free(s->seal);
    EVP_CIPHER_CTX_free(s->open);
    return false;
}

static void aead_cleanup(void *p)
{
    aead_state *s = p;

    EVP_CIPHER_CTX_free(s->seal);
    EVP_CIPHER_CTX_free(s->open);
}

static bool is_ccm(const EVP_CIPHER_CTX *ctx)
{
    return EVP_CIPHER_CTX_get_mode(ctx) == EVP_CIPH_CCM_MODE;
}

/* Errors show in the records, which are compared with those of the others. */
static void aead_seal(void *p, const uint8_t *nonce, const uint8_t *aad, uint8_t *data, size_t len, uint8_t *tag)
{
    EVP_CIPHER_CTX *ctx = ((aead_state *)p)->seal;
    int n = 0;

    (void)EVP_CipherInit_ex(ctx, NULL, NULL, NULL, nonce, -1);
    if (is_ccm(ctx)) /* it wants the length first */
        (void)EVP_CipherUpdate(ctx, NULL, &n, NULL, (int)len);
    (void)EVP_CipherUpdate(ctx, NULL, &n, aad, HF_REC_AAD_SIZE);
    (void)EVP_CipherUpdate(ctx, data, &n, data, (int)len);
    (void)EVP_CipherFinal_ex(ctx, data + n, &n);
    (void)EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, HF_REC_TAG_SIZE, tag);
}

static bool aead_open(void *p, const uint8_t *nonce, const uint8_t *aad, uint8_t *out, const uint8_t *in, size_t len,
                      const uint8_t *tag)
{
    EVP_CIPHER_CTX *ctx = ((aead_state *)p)->open;
    int n = 0;

    if (EVP_CipherInit_ex(ctx, NULL, NULL, NULL, nonce, -1) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, HF_REC_TAG_SIZE, (void *)(uintptr_t)tag) != 1)
        return false;
    if (is_ccm(ctx)) /* its tag is checked with the data */
        return EVP_CipherUpdate(ctx, NULL, &n, NULL, (int)len) == 1 &&
               EVP_CipherUpdate(ctx, NULL, &n, aad, HF_REC_AAD_SIZE) == 1 &&
               EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1;
    return EVP_CipherUpdate(ctx, NULL, &n, aad, HF_REC_AAD_SIZE) == 1 &&
           EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && EVP_CipherFinal_ex(ctx, out + n, &n) == 1;
}

#define AEAD(name, ID, CIPHER)                                                                                         \
    static bool name##_init(void *p, const uint8_t *key)                                                               \
    {                                                                                                                  \
        return aead_init(p, key, CIPHER);                                                                              \
    }                                                                                                                  \
    static const hf_rec_aead name = {.id = ID,                                                                         \
                                     .state_size = sizeof(aead_state),                                                 \
                                     .init = name##_init,                                                              \
                                     .seal = aead_seal,                                                                \
                                     .open = aead_open,                                                                \
                                     .cleanup = aead_cleanup}

AEAD(gcm128, HF_AES_128_GCM, EVP_aes_128_gcm());
AEAD(gcm256, HF_AES_256_GCM, EVP_aes_256_gcm());
AEAD(chacha, HF_CHACHA20_POLY1305, EVP_chacha20_poly1305());
AEAD(ccm128, HF_AES_128_CCM, EVP_aes_128_ccm());

static const hf_rec_aead *const aeads[] = {&gcm128, &gcm256, &chacha, &ccm128, NULL};

/* ---- Stitched AES-CBC-HMAC ----------------------------------------------------------------------------------------
 */

typedef struct state {
    hf_rec_case c;
    EVP_CIPHER_CTX **ctx; /* one for each record of the batch */
    EVP_CIPHER_CTX **ecb; /* for R; sealing only */
    uint8_t *bodies, *plains;
    size_t body_size, stride;
    uint64_t sequence;
} state;

static const EVP_CIPHER *stitched(hf_cipher_id id)
{
    switch (id) {
    case HF_AES_128_CBC_SHA1:
        return EVP_aes_128_cbc_hmac_sha1();
    case HF_AES_256_CBC_SHA1:
        return EVP_aes_256_cbc_hmac_sha1();
    case HF_AES_128_CBC_SHA256:
        return EVP_aes_128_cbc_hmac_sha256();
    case HF_AES_256_CBC_SHA256:
        return EVP_aes_256_cbc_hmac_sha256();
    default:
        return NULL;
    }
}

static bool offers(const hf_rec_maker *maker, hf_cipher_id id, hf_direction direction)
{
    (void)maker;
    (void)direction;
    return stitched(id) != NULL;
}

static void destroy(void *p)
{
    state *s = p;

    for (size_t i = 0; s->ctx && i < s->c.batch; i++)
        EVP_CIPHER_CTX_free(s->ctx[i]);
    for (size_t i = 0; s->ecb && i < s->c.batch; i++)
        EVP_CIPHER_CTX_free(s->ecb[i]);
    free(s->ctx);
    free(s->ecb);
    free(s->bodies);
    free(s->plains);
    free(s);
}

static bool make_contexts(const state *s, size_t i, int seal)
{
    static const uint8_t zero[HF_CBC_IV_SIZE];
    uint8_t key[HF_CIPHER_KEY_MAX], iv[HF_CIPHER_IV_MAX], mac_key[HF_CIPHER_MAC_KEY_MAX];
    size_t key_size = s->c.spec->key_size;

    hf_rec_keys(i, key, iv, mac_key);
    if ((!s->ctx[i] && !(s->ctx[i] = EVP_CIPHER_CTX_new())) || (!s->ecb[i] && !(s->ecb[i] = EVP_CIPHER_CTX_new())))
        return false;
    return EVP_CipherInit_ex(s->ctx[i], stitched(s->c.spec->id), NULL, key, zero, seal) == 1 &&
           EVP_CIPHER_CTX_ctrl(s->ctx[i], EVP_CTRL_AEAD_SET_MAC_KEY, s->c.spec->mac_key_size, mac_key) > 0 &&
           EVP_CipherInit_ex(s->ecb[i], key_size == 16 ? EVP_aes_128_ecb() : EVP_aes_256_ecb(), NULL, key, NULL, 0) ==
               1 &&
           EVP_CIPHER_CTX_set_padding(s->ecb[i], 0) == 1;
}

static bool seal_one(state *s, size_t i)
{
    static const uint8_t zero[HF_CBC_IV_SIZE];
    uint8_t *body = s->bodies + i * s->stride;
    uint8_t iv[HF_CBC_IV_SIZE], header[HF_CBC_IV_SIZE]; /* 13 bytes are used; libcrypto writes into them */
    int n = 0;

    hf_rec_cbc_iv(s->sequence, iv);
    hf_rec_header(header, s->sequence, s->c.bytes + HF_CBC_IV_SIZE);
    return EVP_CipherUpdate(s->ecb[i], body, &n, iv, sizeof iv) == 1 &&
           EVP_CipherInit_ex(s->ctx[i], NULL, NULL, NULL, zero, -1) == 1 &&
           EVP_CIPHER_CTX_ctrl(s->ctx[i], EVP_CTRL_AEAD_TLS1_AAD, HF_REC_AAD_SIZE, header) > 0 &&
           EVP_Cipher(s->ctx[i], body, body, (unsigned)s->body_size) > 0;
}

static bool open_one(state *s, size_t i)
{
    static const uint8_t zero[HF_CBC_IV_SIZE];
    uint8_t header[HF_CBC_IV_SIZE];

    hf_rec_header(header, 0, s->body_size);
    return EVP_CipherInit_ex(s->ctx[i], NULL, NULL, NULL, zero, -1) == 1 &&
           EVP_CIPHER_CTX_ctrl(s->ctx[i], EVP_CTRL_AEAD_TLS1_AAD, HF_REC_AAD_SIZE, header) > 0 &&
           EVP_Cipher(s->ctx[i], s->plains + i * s->stride, s->bodies + i * s->stride, (unsigned)s->body_size) > 0;
}

static bool run(void *p, uint64_t n)
{
    state *s = p;
    bool good = true;
    bool seal = s->c.direction == HF_SEAL;

    for (; n > 0; n--, s->sequence += seal)
        for (size_t i = 0; i < s->c.batch; i++)
            good &= seal ? seal_one(s, i) : open_one(s, i);
    return good;
}

/* Sealed once with contexts for sealing; these then become contexts for opening. */
static bool prepare_open(state *s)
{
    bool good = true;

    for (size_t i = 0; good && i < s->c.batch; i++)
        good = seal_one(s, i) && make_contexts(s, i, 0);
    return good;
}

static hf_status make(const hf_rec_maker *maker, const hf_rec_case *c, void **out)
{
    state *s = calloc(1, sizeof *s);
    bool good = true;

    (void)maker;
    if (!s)
        return HF_ERR_NO_MEMORY;
    s->c = *c;
    s->body_size = hf_record_sealed_size(c->spec, HF_RECORD_TLS12, c->bytes, 0);
    s->stride = (s->body_size + 63) & ~(size_t)63;
    s->ctx = calloc(c->batch, sizeof *s->ctx);
    s->ecb = calloc(c->batch, sizeof *s->ecb);
    s->bodies = aligned_alloc(64, s->stride * c->batch);
    s->plains = aligned_alloc(64, s->stride * c->batch);
    if (!s->ctx || !s->ecb || !s->bodies || !s->plains) {
        destroy(s);
        return HF_ERR_NO_MEMORY;
    }
    memset(s->plains, 0, s->stride * c->batch);
    for (size_t i = 0; good && i < c->batch; i++) {
        hf_rec_pattern(s->bodies + i * s->stride + HF_CBC_IV_SIZE, c->bytes, 4);
        good = make_contexts(s, i, 1);
    }
    good = good && (c->direction == HF_SEAL || prepare_open(s));
    if (!good) {
        destroy(s);
        return HF_ERR_CRYPTO;
    }
    *out = s;
    return HF_OK;
}

static const uint8_t *result(const void *p, size_t i, size_t *out_len)
{
    const state *s = p;

    *out_len = s->c.direction == HF_SEAL ? s->body_size : s->c.bytes;
    return s->c.direction == HF_SEAL ? s->bodies + i * s->stride : s->plains + i * s->stride + HF_CBC_IV_SIZE;
}

size_t hf_rec_evp_makers(hf_rec_maker *out)
{
    size_t n = 0;

    out[n++] = hf_rec_bare_maker("libcrypto-evp", aeads);
    if (stitched(HF_AES_128_CBC_SHA1) && stitched(HF_AES_128_CBC_SHA256)) /* NULL where the CPU has no AES-NI */
        out[n++] = (hf_rec_maker){.name = "libcrypto-stitched",
                                  .offers = offers,
                                  .make = make,
                                  .run = run,
                                  .result = result,
                                  .destroy = destroy};
    return n;
}
