/* ChaCha20-Poly1305 records, RFC 7905 and RFC 8446 section 5.2.
 *
 * The direct interface is init, update, finalize; the job does the same in one go and is quicker for short records.
 * Both work on one buffer at a time. Long or split records take the direct calls, short ones a job. */
#include "aead.h"

#define JOB_MAX 2048 /* bytes of inner plaintext up to which the job is the quicker way */

typedef struct chacha_key {
    uint8_t key[32];
    hf_imb_nonce nonce;
} chacha_key;

static hf_status key_init(void *state, const hf_record_keys *keys)
{
    chacha_key *key = state;

    if (!hf_imb_tables())
        return HF_ERR_CRYPTO;
    hf_status status = hf_imb_nonce_init(&key->nonce, keys, HF_IMB_NONCE_SIZE);
    if (status != HF_OK)
        return status;
    memcpy(key->key, keys->key, sizeof key->key);
    return HF_OK;
}

static void key_cleanup(void *state)
{
    hf_wipe(state, sizeof(chacha_key));
}

static bool run_job(hf_imb_worker *w, const chacha_key *key, const hf_imb_aead *r, bool seal, uint8_t *out,
                    const uint8_t *in, uint8_t *tag)
{
    IMB_JOB *job = IMB_GET_NEXT_JOB(w->mgr);

    job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
    job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
    job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
    job->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    job->enc_keys = key->key;
    job->dec_keys = key->key;
    job->key_len_in_bytes = sizeof key->key;
    job->src = in;
    job->dst = out;
    job->cipher_start_src_offset_in_bytes = 0;
    job->msg_len_to_cipher_in_bytes = r->inner_len;
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = r->inner_len;
    job->iv = r->nonce;
    job->iv_len_in_bytes = HF_IMB_NONCE_SIZE;
    job->u.CHACHA20_POLY1305.aad = r->aad;
    job->u.CHACHA20_POLY1305.aad_len_in_bytes = r->aad_len;
    job->auth_tag_output = tag;
    job->auth_tag_output_len_in_bytes = HF_IMB_TAG_SIZE;

    IMB_JOB *done = IMB_SUBMIT_JOB(w->mgr);
    if (!done)
        done = IMB_FLUSH_JOB(w->mgr);
    return done && done->status == IMB_STATUS_COMPLETED;
}

static void seal_direct(hf_imb_worker *w, const chacha_key *key, const hf_imb_aead *r, const hf_record_job *job,
                        uint8_t *tag)
{
    uint8_t *rest = job->out + job->in_len;

    IMB_CHACHA20_POLY1305_INIT(w->mgr, key->key, &w->chacha, r->nonce, r->aad, r->aad_len);
    IMB_CHACHA20_POLY1305_ENC_UPDATE(w->mgr, key->key, &w->chacha, job->out, job->in, job->in_len);
    if (r->inner_len > job->in_len)
        IMB_CHACHA20_POLY1305_ENC_UPDATE(w->mgr, key->key, &w->chacha, rest, rest, r->inner_len - job->in_len);
    IMB_CHACHA20_POLY1305_ENC_FINALIZE(w->mgr, &w->chacha, tag, HF_IMB_TAG_SIZE);
}

static void seal_one(hf_imb_worker *w, hf_record_job *job)
{
    const chacha_key *key = job->key;
    hf_imb_aead r;

    if (!hf_imb_aead_seal_begin(&r, &key->nonce, false, job))
        return;
    uint8_t *tag = job->out + r.inner_len;
    if (r.inner_len > JOB_MAX) {
        seal_direct(w, key, &r, job, tag);
        return;
    }
    const uint8_t *in = job->in;
    if (r.inner_len > job->in_len && in != job->out) {
        if (job->in_len > 0)
            memcpy(job->out, in, job->in_len);
        in = job->out;
    }
    if (!run_job(w, key, &r, true, job->out, in, tag)) {
        hf_wipe(job->out, job->out_len);
        job->out_len = 0;
        job->status = HF_ERR_CRYPTO;
    }
}

static void open_one(hf_imb_worker *w, hf_record_job *job)
{
    const chacha_key *key = job->key;
    uint8_t tag[HF_IMB_TAG_SIZE];
    hf_imb_aead r;

    if (!hf_imb_aead_open_begin(&r, &key->nonce, false, job))
        return;
    bool good = true;
    if (r.inner_len > JOB_MAX) {
        IMB_CHACHA20_POLY1305_INIT(w->mgr, key->key, &w->chacha, r.nonce, r.aad, r.aad_len);
        IMB_CHACHA20_POLY1305_DEC_UPDATE(w->mgr, key->key, &w->chacha, job->out, job->in, r.inner_len);
        IMB_CHACHA20_POLY1305_DEC_FINALIZE(w->mgr, &w->chacha, tag, HF_IMB_TAG_SIZE);
    } else {
        good = run_job(w, key, &r, false, job->out, job->in, tag);
    }
    if (good) {
        hf_imb_aead_open_end(&r, tag, job);
    } else {
        hf_imb_refuse(job, r.prefix);
        job->status = HF_ERR_CRYPTO;
    }
    hf_wipe(tag, sizeof tag);
}

static void seal(void *worker, hf_record_job *jobs, size_t n)
{
    hf_imb_worker *w = worker;

    for (size_t i = 0; i < n; i++)
        seal_one(w, &jobs[i]);
    hf_wipe(&w->chacha, sizeof w->chacha); /* one-time key and keystream */
}

static void open(void *worker, hf_record_job *jobs, size_t n)
{
    hf_imb_worker *w = worker;

    for (size_t i = 0; i < n; i++)
        open_one(w, &jobs[i]);
    hf_wipe(&w->chacha, sizeof w->chacha);
}

const hf_cipher hf_imb_chacha20_poly1305 = {.id = HF_CHACHA20_POLY1305,
                                            .provider = &hf_provider_ipsecmb,
                                            .key_state_size = sizeof(chacha_key),
                                            .key_init = key_init,
                                            .key_cleanup = key_cleanup,
                                            .seal = seal,
                                            .open = open};
