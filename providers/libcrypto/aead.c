/* AEAD records over EVP: AES-GCM, AES-CCM and ChaCha20-Poly1305 in TLS 1.2 (RFC 5246 section 6.2.3.3, RFC 5288,
 * RFC 6655, RFC 7905) and TLS 1.3 (RFC 8446 sections 5.2 and 5.3).
 *
 * The key is set once; a record sets the nonce, and opening also the tag, in one initialisation. At 64 bytes EVP's
 * own calls are most of the cost, so their number is kept at the least.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <string.h>

#include "builtin.h"
#include "handfast/secret.h"
#include "lc.h"
#include "record.h"

#define TAG_SIZE 16
#define EXPLICIT_NONCE_SIZE 8
/* Below this a copy is cheaper than a second pass through EVP for the content type of TLS 1.3. */
#define COPY_MAX 1024

typedef struct aead_key {
    EVP_CIPHER_CTX *ctx;
    const hf_cipher_spec *spec;
    hf_record_mode mode;
    uint8_t prefix; /* bytes of explicit nonce */
    uint8_t iv[HF_LC_NONCE_SIZE];
} aead_key;

/* ---- Keys ------------------------------------------------------------------------------------- */

static hf_status key_init(void *state, const hf_record_keys *keys, hf_cipher_id id)
{
    aead_key *k = state;
    const hf_lc_algorithms *lc = hf_lc();
    const hf_cipher_spec *spec = hf_cipher_spec_of(id);
    int seal = keys->direction == HF_SEAL;

    if (keys->mode != HF_RECORD_TLS12 && keys->mode != HF_RECORD_TLS13)
        return HF_ERR_UNSUPPORTED;
    if (!lc)
        return HF_ERR_CRYPTO;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (!ctx)
        return hf_lc_fail(HF_ERR_NO_MEMORY);
    bool ok = EVP_CipherInit_ex2(ctx, lc->ciphers[id], NULL, NULL, seal, NULL) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, HF_LC_NONCE_SIZE, NULL) == 1;
    if (ok && id == HF_AES_128_CCM) /* CCM formats the tag's length into its first block */
        ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, NULL) == 1;
    if (!ok || EVP_CipherInit_ex2(ctx, NULL, keys->key, NULL, seal, NULL) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        return hf_lc_fail(HF_ERR_CRYPTO);
    }
    *k = (aead_key){.ctx = ctx, .spec = spec, .mode = keys->mode};
    k->prefix = (uint8_t)hf_record_prefix(spec, keys->mode);
    memcpy(k->iv, keys->iv, keys->mode == HF_RECORD_TLS13 ? HF_LC_NONCE_SIZE : spec->iv_size);
    return HF_OK;
}

/* libcrypto clears the key schedule before it frees it. */
static void key_cleanup(void *state)
{
    aead_key *k = state;

    EVP_CIPHER_CTX_free(k->ctx);
    hf_wipe(k, sizeof *k);
}

/* ---- One pass through EVP --------------------------------------------------------------------- */

/* The nonce: the fixed part and the explicit one (`explicit_nonce`, 8 bytes), or the IV xor the sequence number. */
static void make_nonce(const aead_key *k, uint64_t sequence, const uint8_t *explicit_nonce, uint8_t *nonce)
{
    memcpy(nonce, k->iv, HF_LC_NONCE_SIZE);
    if (k->prefix > 0) {
        memcpy(nonce + HF_LC_NONCE_SIZE - EXPLICIT_NONCE_SIZE, explicit_nonce, EXPLICIT_NONCE_SIZE);
        return;
    }
    uint8_t number[8];
    hf_lc_store64(number, sequence);
    for (size_t i = 0; i < sizeof number; i++)
        nonce[HF_LC_NONCE_SIZE - sizeof number + i] ^= number[i];
}

/* TLS 1.2: sequence, type, version, length of the content. TLS 1.3: the record's header. */
static size_t make_aad(const aead_key *k, const hf_record_job *job, size_t content_len, size_t body_len, uint8_t *aad)
{
    if (k->mode == HF_RECORD_TLS12) {
        hf_lc_header(aad, job->sequence, job->content_type, content_len);
        return HF_LC_HEADER_SIZE;
    }
    aad[0] = 23; /* application_data */
    aad[1] = 3;
    aad[2] = 3;
    aad[3] = (uint8_t)(body_len >> 8);
    aad[4] = (uint8_t)body_len;
    return HF_RECORD_HEADER_SIZE;
}

/* Sets nonce, tag (opening; else NULL), and additional data; `len` is what will be en- or decrypted. */
static bool start(aead_key *k, const uint8_t *nonce, const uint8_t *tag, const uint8_t *aad, size_t aad_len, size_t len)
{
    uint8_t expected[TAG_SIZE] = {0};
    OSSL_PARAM params[] = {OSSL_PARAM_END, OSSL_PARAM_END};
    int n;

    if (tag) {
        memcpy(expected, tag, sizeof expected);
        params[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, expected, sizeof expected);
    }
    if (EVP_CipherInit_ex2(k->ctx, NULL, NULL, nonce, -1, tag ? params : NULL) != 1)
        return false;
    if (k->spec->id == HF_AES_128_CCM && EVP_CipherUpdate(k->ctx, NULL, &n, NULL, (int)len) != 1)
        return false;
    return EVP_CipherUpdate(k->ctx, NULL, &n, aad, (int)aad_len) == 1;
}

static bool pass(aead_key *k, uint8_t *out, const uint8_t *in, size_t len)
{
    int n;

    return EVP_CipherUpdate(k->ctx, out, &n, in, (int)len) == 1 && (size_t)n == len;
}

/* ---- Seal ------------------------------------------------------------------------------------- */

/* Encrypts the content and, in TLS 1.3, its type and padding, which `inner` counts too. */
static bool encrypt(aead_key *k, const hf_record_job *job, uint8_t *body, size_t inner)
{
    const uint8_t *in = job->in_len > 0 ? job->in : body;
    size_t trailer = inner - job->in_len;

    if (in != body && trailer > 0 && (inner <= COPY_MAX || k->spec->id == HF_AES_128_CCM)) {
        memcpy(body, in, job->in_len);
        in = body;
    }
    if (trailer > 0) {
        body[job->in_len] = job->content_type;
        memset(body + job->in_len + 1, 0, trailer - 1);
    }
    if (in == body || trailer == 0)
        return pass(k, body, in, inner);
    return pass(k, body, in, job->in_len) && pass(k, body + job->in_len, body + job->in_len, trailer);
}

static hf_status seal_one(hf_record_job *job)
{
    aead_key *k = job->key;
    uint8_t nonce[HF_LC_NONCE_SIZE];
    uint8_t aad[HF_LC_HEADER_SIZE];
    uint8_t number[EXPLICIT_NONCE_SIZE];
    int n;

    if (job->in_len > HF_PLAINTEXT_MAX || job->padding > HF_PLAINTEXT_MAX - job->in_len)
        return HF_ERR_INVALID;
    size_t inner = job->in_len + (k->mode == HF_RECORD_TLS13 ? 1 + job->padding : 0);
    size_t size = k->prefix + inner + TAG_SIZE;
    if (job->out_max < size)
        return HF_ERR_BUFFER;

    uint8_t *body = job->out + k->prefix;
    hf_lc_store64(number, job->sequence);
    make_nonce(k, job->sequence, number, nonce);
    size_t aad_len = make_aad(k, job, job->in_len, size, aad);
    if (!start(k, nonce, NULL, aad, aad_len, inner) || !encrypt(k, job, body, inner) ||
        EVP_CipherFinal_ex(k->ctx, body + inner, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(k->ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, body + inner) != 1) {
        hf_wipe(job->out, size);
        return hf_lc_fail(HF_ERR_CRYPTO);
    }
    memcpy(job->out, number, k->prefix);
    job->out_len = size;
    return HF_OK;
}

static void seal(void *worker, hf_record_job *jobs, size_t n)
{
    (void)worker;
    for (size_t i = 0; i < n; i++) {
        jobs[i].out_len = 0;
        jobs[i].status = seal_one(&jobs[i]);
    }
}

/* ---- Open ------------------------------------------------------------------------------------- */

static hf_status open_one(hf_record_job *job)
{
    aead_key *k = job->key;
    uint8_t nonce[HF_LC_NONCE_SIZE];
    uint8_t aad[HF_LC_HEADER_SIZE];
    int n;

    if (!hf_lc_has_room(job, k->prefix))
        return HF_ERR_BUFFER;
    if (job->in_len < (size_t)k->prefix + TAG_SIZE || job->in_len > HF_RECORD_BODY_MAX) {
        hf_lc_wipe_room(job, k->prefix);
        return HF_ERR_VERIFY;
    }
    size_t room = job->in_len - k->prefix;
    size_t len = room - TAG_SIZE;

    const uint8_t *sealed = job->in + k->prefix;
    make_nonce(k, job->sequence, job->in, nonce);
    size_t aad_len = make_aad(k, job, len, job->in_len, aad);
    /* EVP decrypts before it knows the tag's fate: what it wrote is wiped when the tag is wrong. */
    if (start(k, nonce, sealed + len, aad, aad_len, len) && pass(k, job->out, sealed, len) &&
        EVP_CipherFinal_ex(k->ctx, job->out + len, &n) == 1) {
        job->out_len = len;
        return HF_OK;
    }
    hf_wipe(job->out, room);
    ERR_clear_error();
    return HF_ERR_VERIFY;
}

static void open_all(void *worker, hf_record_job *jobs, size_t n)
{
    (void)worker;
    for (size_t i = 0; i < n; i++) {
        jobs[i].out_len = 0;
        jobs[i].status = open_one(&jobs[i]);
    }
}

/* ---- Descriptors ------------------------------------------------------------------------------ */

static hf_status init_aes_128_gcm(void *state, const hf_record_keys *keys)
{
    return key_init(state, keys, HF_AES_128_GCM);
}

static hf_status init_aes_256_gcm(void *state, const hf_record_keys *keys)
{
    return key_init(state, keys, HF_AES_256_GCM);
}

static hf_status init_chacha20_poly1305(void *state, const hf_record_keys *keys)
{
    return key_init(state, keys, HF_CHACHA20_POLY1305);
}

static hf_status init_aes_128_ccm(void *state, const hf_record_keys *keys)
{
    return key_init(state, keys, HF_AES_128_CCM);
}

#define AEAD(id_, init_)                                                                                               \
    {                                                                                                                  \
        .id = (id_), .provider = &hf_provider_libcrypto, .key_state_size = sizeof(aead_key), .key_init = (init_),      \
        .key_cleanup = key_cleanup, .seal = seal, .open = open_all                                                     \
    }

const hf_cipher hf_lc_aes_128_gcm = AEAD(HF_AES_128_GCM, init_aes_128_gcm);
const hf_cipher hf_lc_aes_256_gcm = AEAD(HF_AES_256_GCM, init_aes_256_gcm);
const hf_cipher hf_lc_chacha20_poly1305 = AEAD(HF_CHACHA20_POLY1305, init_chacha20_poly1305);
const hf_cipher hf_lc_aes_128_ccm = AEAD(HF_AES_128_CCM, init_aes_128_ccm);
