/* AES-GCM records, RFC 5288 and RFC 8446 section 5.2, through the library's direct calls.
 *
 * GCM kernels work on one buffer at a time however many there are, so the job interface would only add cost, and one
 * direct call takes exactly what a TLS record has: nonce, additional data, tag. */
#include "aead.h"

/* TLS 1.3 appends the content type, so content and type must be one buffer for the one-call kernel. In place they
 * are. Otherwise up to this many bytes are copied; beyond, init/update/finalize costs less than the copy. */
#define COPY_MAX 2048

typedef struct gcm_key {
    struct gcm_key_data data; /* round keys and hash key powers */
    hf_imb_nonce nonce;
} gcm_key;

static hf_status key_init(void *state, const hf_record_keys *keys, bool aes256)
{
    gcm_key *key = state;
    const IMB_MGR *tables = hf_imb_tables();

    if (!tables)
        return HF_ERR_CRYPTO;
    hf_status status = hf_imb_nonce_init(&key->nonce, keys, 4);
    if (status != HF_OK)
        return status;
    memset(&key->data, 0, sizeof key->data);
    if (aes256)
        IMB_AES256_GCM_PRE(tables, keys->key, &key->data);
    else
        IMB_AES128_GCM_PRE(tables, keys->key, &key->data);
    return HF_OK;
}

static hf_status key_init_128(void *state, const hf_record_keys *keys)
{
    return key_init(state, keys, false);
}

static hf_status key_init_256(void *state, const hf_record_keys *keys)
{
    return key_init(state, keys, true);
}

static void key_cleanup(void *state)
{
    hf_wipe(state, sizeof(gcm_key));
}

/* Content at `in`, the rest of the inner plaintext already at `out` behind where the content goes. */
static inline void seal_split(hf_imb_worker *w, bool aes256, const gcm_key *key, const hf_imb_aead *r,
                              const hf_record_job *job, uint8_t *tag)
{
    uint8_t *out = job->out;
    size_t rest = r->inner_len - job->in_len;

    if (aes256) {
        IMB_AES256_GCM_INIT(w->mgr, &key->data, &w->gcm, r->nonce, r->aad, r->aad_len);
        IMB_AES256_GCM_ENC_UPDATE(w->mgr, &key->data, &w->gcm, out, job->in, job->in_len);
        IMB_AES256_GCM_ENC_UPDATE(w->mgr, &key->data, &w->gcm, out + job->in_len, out + job->in_len, rest);
        IMB_AES256_GCM_ENC_FINALIZE(w->mgr, &key->data, &w->gcm, tag, HF_IMB_TAG_SIZE);
    } else {
        IMB_AES128_GCM_INIT(w->mgr, &key->data, &w->gcm, r->nonce, r->aad, r->aad_len);
        IMB_AES128_GCM_ENC_UPDATE(w->mgr, &key->data, &w->gcm, out, job->in, job->in_len);
        IMB_AES128_GCM_ENC_UPDATE(w->mgr, &key->data, &w->gcm, out + job->in_len, out + job->in_len, rest);
        IMB_AES128_GCM_ENC_FINALIZE(w->mgr, &key->data, &w->gcm, tag, HF_IMB_TAG_SIZE);
    }
}

static inline void seal_one(hf_imb_worker *w, bool aes256, hf_record_job *job)
{
    const gcm_key *key = job->key;
    hf_imb_aead r;

    if (!hf_imb_aead_seal_begin(&r, &key->nonce, true, job))
        return;
    uint8_t *out = job->out + r.prefix;
    uint8_t *tag = out + r.inner_len;
    const uint8_t *in = job->in;
    if (r.inner_len > job->in_len && in != out) {
        if (job->in_len > COPY_MAX) {
            seal_split(w, aes256, key, &r, job, tag);
            return;
        }
        if (job->in_len > 0)
            memcpy(out, in, job->in_len);
        in = out;
    }
    if (aes256)
        IMB_AES256_GCM_ENC(w->mgr, &key->data, &w->gcm, out, in, r.inner_len, r.nonce, r.aad, r.aad_len, tag,
                           HF_IMB_TAG_SIZE);
    else
        IMB_AES128_GCM_ENC(w->mgr, &key->data, &w->gcm, out, in, r.inner_len, r.nonce, r.aad, r.aad_len, tag,
                           HF_IMB_TAG_SIZE);
}

static inline void open_one(hf_imb_worker *w, bool aes256, hf_record_job *job)
{
    const gcm_key *key = job->key;
    uint8_t tag[HF_IMB_TAG_SIZE];
    hf_imb_aead r;

    if (!hf_imb_aead_open_begin(&r, &key->nonce, true, job))
        return;
    const uint8_t *in = job->in + r.prefix;
    if (aes256)
        IMB_AES256_GCM_DEC(w->mgr, &key->data, &w->gcm, job->out, in, r.inner_len, r.nonce, r.aad, r.aad_len, tag,
                           HF_IMB_TAG_SIZE);
    else
        IMB_AES128_GCM_DEC(w->mgr, &key->data, &w->gcm, job->out, in, r.inner_len, r.nonce, r.aad, r.aad_len, tag,
                           HF_IMB_TAG_SIZE);
    hf_imb_aead_open_end(&r, tag, job);
    hf_wipe(tag, sizeof tag); /* of a forgery it is the right tag */
}

static inline void run(void *worker, bool aes256, bool seal, hf_record_job *jobs, size_t n)
{
    hf_imb_worker *w = worker;

    for (size_t i = 0; i < n; i++) {
        if (seal)
            seal_one(w, aes256, &jobs[i]);
        else
            open_one(w, aes256, &jobs[i]);
    }
    hf_wipe(&w->gcm, sizeof w->gcm); /* keystream of the last partial block */
}

static void seal_128(void *worker, hf_record_job *jobs, size_t n)
{
    run(worker, false, true, jobs, n);
}

static void open_128(void *worker, hf_record_job *jobs, size_t n)
{
    run(worker, false, false, jobs, n);
}

static void seal_256(void *worker, hf_record_job *jobs, size_t n)
{
    run(worker, true, true, jobs, n);
}

static void open_256(void *worker, hf_record_job *jobs, size_t n)
{
    run(worker, true, false, jobs, n);
}

const hf_cipher hf_imb_aes_128_gcm = {.id = HF_AES_128_GCM,
                                      .provider = &hf_provider_ipsecmb,
                                      .key_state_size = sizeof(gcm_key),
                                      .key_init = key_init_128,
                                      .key_cleanup = key_cleanup,
                                      .seal = seal_128,
                                      .open = open_128};

const hf_cipher hf_imb_aes_256_gcm = {.id = HF_AES_256_GCM,
                                      .provider = &hf_provider_ipsecmb,
                                      .key_state_size = sizeof(gcm_key),
                                      .key_init = key_init_256,
                                      .key_cleanup = key_cleanup,
                                      .seal = seal_256,
                                      .open = open_256};
