/* Bare loops around ipsec-mb's jobs, for the ciphers that have lanes across records: AES-CBC with HMAC (sealing) and
 * AES-CCM. One candidate for each of the library's code paths that this CPU runs: the 16 lanes of AVX-512 win when
 * there are many records, the SHA extensions of the path called SSE when there are few. */
#include "candidate.h"

#if HF_BENCH_IPSECMB

#include <intel-ipsec-mb.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MAX 128 /* of SHA-384 */
#define STATE_MAX 64

/* The keys of one connection, as the jobs want them. */
typedef struct job_key {
    _Alignas(64) uint8_t enc_keys[15 * 16];
    uint8_t dec_keys[15 * 16];
    uint8_t ipad[STATE_MAX], opad[STATE_MAX];
} job_key;

typedef struct state {
    hf_rec_case c;
    IMB_MGR *mgr;
    job_key *keys;
    uint8_t *bodies, *plains, *tags, *nonces, *aads;
    bool cbc;
    size_t prefix, body_size, stride;
    uint8_t iv[HF_CIPHER_IV_MAX], cbc_iv[HF_CBC_IV_SIZE];
    uint64_t sequence;
} state;

static bool is_cbc(hf_cipher_id id)
{
    return hf_cipher_spec_of(id)->block_size > 1;
}

static bool offers(const hf_rec_maker *maker, hf_cipher_id id, hf_direction direction)
{
    (void)maker;
    return id == HF_AES_128_CCM || (is_cbc(id) && direction == HF_SEAL);
}

static void destroy(void *p)
{
    state *s = p;

    free(s->keys);
    free(s->bodies);
    free(s->plains);
    free(s->tags);
    free(s->nonces);
    free(s->aads);
    free(s);
}

static void one_block(IMB_MGR *mgr, size_t mac, const uint8_t *block, uint8_t *out)
{
    if (mac == 20)
        IMB_SHA1_ONE_BLOCK(mgr, block, out);
    else if (mac == 32)
        IMB_SHA256_ONE_BLOCK(mgr, block, out);
    else
        IMB_SHA384_ONE_BLOCK(mgr, block, out);
}

static void make_key(const state *s, size_t i)
{
    uint8_t key[HF_CIPHER_KEY_MAX], iv[HF_CIPHER_IV_MAX], mac_key[HF_CIPHER_MAC_KEY_MAX], block[BLOCK_MAX];
    job_key *k = &s->keys[i];
    size_t mac = s->c.spec->mac_key_size;

    hf_rec_keys(i, key, iv, mac_key);
    if (s->c.spec->key_size == IMB_KEY_128_BYTES)
        IMB_AES_KEYEXP_128(s->mgr, key, k->enc_keys, k->dec_keys);
    else
        IMB_AES_KEYEXP_256(s->mgr, key, k->enc_keys, k->dec_keys);
    for (int pad = 0; mac && pad < 2; pad++) { /* HMAC, RFC 2104 */
        memset(block, pad ? 0x5c : 0x36, sizeof block);
        for (size_t b = 0; b < mac; b++)
            block[b] ^= mac_key[b];
        one_block(s->mgr, mac, block, pad ? k->opad : k->ipad);
    }
}

static IMB_HASH_ALG hash_of(size_t mac)
{
    return mac == 20 ? IMB_AUTH_HMAC_SHA_1 : mac == 32 ? IMB_AUTH_HMAC_SHA_256 : IMB_AUTH_HMAC_SHA_384;
}

/* MAC-then-encrypt in one job. The 13 bytes that the MAC covers first stand where the IV will be. */
static void fill_cbc(const state *s, size_t i, IMB_JOB *job)
{
    uint8_t *body = s->bodies + i * s->stride;
    size_t mac = s->c.spec->mac_key_size, inner = s->c.bytes + mac;
    size_t pad = HF_CBC_IV_SIZE - 1 - inner % HF_CBC_IV_SIZE;

    hf_rec_header(body + HF_CBC_IV_SIZE - HF_REC_AAD_SIZE, s->sequence, s->c.bytes);
    memset(body + HF_CBC_IV_SIZE + inner, (int)pad, pad + 1);
    job->cipher_mode = IMB_CIPHER_CBC;
    job->hash_alg = hash_of(mac);
    job->key_len_in_bytes = s->c.spec->key_size;
    job->src = body;
    job->dst = body + HF_CBC_IV_SIZE;
    job->cipher_start_src_offset_in_bytes = HF_CBC_IV_SIZE;
    job->msg_len_to_cipher_in_bytes = inner + pad + 1;
    job->hash_start_src_offset_in_bytes = HF_CBC_IV_SIZE - HF_REC_AAD_SIZE;
    job->msg_len_to_hash_in_bytes = HF_REC_AAD_SIZE + s->c.bytes;
    job->iv = s->cbc_iv;
    job->iv_len_in_bytes = HF_CBC_IV_SIZE;
    job->u.HMAC._hashed_auth_key_xor_ipad = s->keys[i].ipad;
    job->u.HMAC._hashed_auth_key_xor_opad = s->keys[i].opad;
    job->auth_tag_output = body + HF_CBC_IV_SIZE + s->c.bytes;
    job->auth_tag_output_len_in_bytes = mac;
}

static void fill_ccm(const state *s, size_t i, bool seal, IMB_JOB *job)
{
    uint8_t *data = s->bodies + i * s->stride + s->prefix;
    uint8_t *nonce = s->nonces + i * HF_CBC_IV_SIZE, *aad = s->aads + i * HF_CBC_IV_SIZE;

    hf_rec_nonce(&s->c, s->iv, seal ? s->sequence : 0, nonce, aad, seal ? data - s->prefix : NULL);
    job->cipher_mode = IMB_CIPHER_CCM;
    job->hash_alg = IMB_AUTH_AES_CCM;
    job->key_len_in_bytes = IMB_KEY_128_BYTES;
    job->src = data;
    job->dst = seal ? data : s->plains + i * s->stride;
    job->cipher_start_src_offset_in_bytes = 0;
    job->msg_len_to_cipher_in_bytes = s->c.bytes;
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = s->c.bytes;
    job->iv = nonce;
    job->iv_len_in_bytes = HF_REC_NONCE_SIZE;
    job->u.CCM.aad = aad;
    job->u.CCM.aad_len_in_bytes = HF_REC_AAD_SIZE;
    job->auth_tag_output = seal ? data + s->c.bytes : s->tags + i * HF_REC_TAG_SIZE;
    job->auth_tag_output_len_in_bytes = HF_REC_TAG_SIZE;
}

static size_t collect(IMB_JOB *done)
{
    return done && done->status == IMB_STATUS_COMPLETED;
}

static bool run_batch(state *s, bool seal)
{
    size_t done = 0;
    IMB_JOB *out;

    hf_rec_cbc_iv(s->sequence, s->cbc_iv);
    for (size_t i = 0; i < s->c.batch; i++) {
        IMB_JOB *job = IMB_GET_NEXT_JOB(s->mgr);
        job->enc_keys = s->keys[i].enc_keys;
        job->dec_keys = s->cbc ? s->keys[i].dec_keys : s->keys[i].enc_keys; /* CCM: CTR both ways */
        job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
        job->chain_order = seal ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
        if (s->cbc)
            fill_cbc(s, i, job);
        else
            fill_ccm(s, i, seal, job);
        for (out = IMB_SUBMIT_JOB(s->mgr); out; out = IMB_GET_COMPLETED_JOB(s->mgr))
            done += collect(out);
    }
    while ((out = IMB_FLUSH_JOB(s->mgr)) != NULL)
        done += collect(out);
    bool good = done == s->c.batch;
    for (size_t i = 0; s->cbc && i < s->c.batch; i++)
        memcpy(s->bodies + i * s->stride, s->cbc_iv, HF_CBC_IV_SIZE);
    for (size_t i = 0; !seal && i < s->c.batch; i++)
        good &= memcmp(s->tags + i * HF_REC_TAG_SIZE, s->bodies + i * s->stride + s->prefix + s->c.bytes,
                       HF_REC_TAG_SIZE) == 0;
    return good;
}

static bool run(void *p, uint64_t n)
{
    state *s = p;
    bool seal = s->c.direction == HF_SEAL;
    bool good = true;

    for (; n > 0; n--, s->sequence += seal)
        good &= run_batch(s, seal);
    return good;
}

static bool allocate(state *s)
{
    size_t n = s->c.batch;

    s->keys = aligned_alloc(_Alignof(job_key), n * sizeof *s->keys);
    s->bodies = aligned_alloc(64, n * s->stride);
    s->plains = aligned_alloc(64, n * s->stride);
    s->tags = calloc(n, HF_REC_TAG_SIZE);
    s->nonces = calloc(n, HF_CBC_IV_SIZE);
    s->aads = calloc(n, HF_CBC_IV_SIZE);
    return s->keys && s->bodies && s->plains && s->tags && s->nonces && s->aads;
}

static hf_status make(const hf_rec_maker *maker, const hf_rec_case *c, void **out)
{
    uint8_t key[HF_CIPHER_KEY_MAX], mac_key[HF_CIPHER_MAC_KEY_MAX];
    state *s = calloc(1, sizeof *s);

    if (!s)
        return HF_ERR_NO_MEMORY;
    s->c = *c;
    s->mgr = maker->arg;
    s->cbc = is_cbc(c->spec->id);
    s->prefix = hf_record_prefix(c->spec, HF_RECORD_TLS12);
    s->body_size = hf_record_sealed_size(c->spec, HF_RECORD_TLS12, c->bytes, 0);
    s->stride = (s->body_size + 63) & ~(size_t)63;
    if (!allocate(s)) {
        destroy(s);
        return HF_ERR_NO_MEMORY;
    }
    hf_rec_keys(0, key, s->iv, mac_key);
    memset(s->plains, 0, s->stride * c->batch);
    for (size_t i = 0; i < c->batch; i++) {
        make_key(s, i);
        hf_rec_pattern(s->bodies + i * s->stride + s->prefix, c->bytes, 4);
    }
    *out = s;
    if (c->direction == HF_SEAL || run_batch(s, true))
        return HF_OK;
    destroy(s);
    return HF_ERR_CRYPTO;
}

static const uint8_t *result(const void *p, size_t i, size_t *out_len)
{
    const state *s = p;

    *out_len = s->c.direction == HF_SEAL ? s->body_size : s->c.bytes;
    return s->c.direction == HF_SEAL ? s->bodies + i * s->stride : s->plains + i * s->stride;
}

size_t hf_rec_jobs_makers(hf_rec_maker *out)
{
    static const struct {
        const char *name;
        void (*init)(IMB_MGR *);
        uint64_t needs;
    } paths[] = {
        {"ipsec-mb-jobs-avx512", init_mb_mgr_avx512, IMB_FEATURE_AVX512_SKX | IMB_FEATURE_AESNI},
        {"ipsec-mb-jobs-avx2", init_mb_mgr_avx2, IMB_FEATURE_AVX2 | IMB_FEATURE_AESNI},
        {"ipsec-mb-jobs-sse", init_mb_mgr_sse, IMB_FEATURE_AESNI},
    };
    static IMB_MGR *mgrs[sizeof paths / sizeof paths[0]]; /* one for all records; they stay until the program ends */
    size_t n = 0;

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (!mgrs[i] && !(mgrs[i] = alloc_mb_mgr(0)))
            continue;
        if ((mgrs[i]->features & paths[i].needs) != paths[i].needs)
            continue;
        paths[i].init(mgrs[i]);
        if (imb_get_errno(mgrs[i]) != 0)
            continue;
        out[n++] = (hf_rec_maker){.name = paths[i].name,
                                  .arg = mgrs[i],
                                  .offers = offers,
                                  .make = make,
                                  .run = run,
                                  .result = result,
                                  .destroy = destroy};
    }
    return n;
}

#else

size_t hf_rec_jobs_makers(hf_rec_maker *out)
{
    (void)out;
    return 0;
}

#endif
