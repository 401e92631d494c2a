/* AES-128-CCM records, RFC 6655 and RFC 8446 section 5.2, as jobs: CBC-MAC is serial within a record, so speed comes
 * from several records in the lanes of a manager; which manager, paths.c measured. */
#include "ccm.h"
#include "aead.h"

typedef struct ccm_key {
    uint8_t enc_keys[15 * 16]; /* IMB_AES_KEYEXP_128 needs 11 round keys; room for the library's widest */
    hf_imb_nonce nonce;
} ccm_key;

static hf_status key_init(void *state, const hf_record_keys *keys)
{
    ccm_key *key = state;
    const IMB_MGR *tables = hf_imb_tables();
    _Alignas(16) uint8_t dec_keys[15 * 16];

    if (!tables)
        return HF_ERR_CRYPTO;
    hf_status status = hf_imb_nonce_init(&key->nonce, keys, 4);
    if (status != HF_OK)
        return status;
    memset(key->enc_keys, 0, sizeof key->enc_keys);
    IMB_AES_KEYEXP_128(tables, keys->key, key->enc_keys, dec_keys);
    hf_wipe(dec_keys, sizeof dec_keys);
    return HF_OK;
}

static void key_cleanup(void *state)
{
    hf_wipe(state, sizeof(ccm_key));
}

static void fill(IMB_JOB *job, const ccm_key *key, const hf_imb_aead *r, uint8_t *out, const uint8_t *in, uint8_t *tag)
{
    job->cipher_mode = IMB_CIPHER_CCM;
    job->hash_alg = IMB_AUTH_AES_CCM;
    job->enc_keys = key->enc_keys;
    job->dec_keys = key->enc_keys; /* CTR both ways */
    job->key_len_in_bytes = IMB_KEY_128_BYTES;
    job->src = in;
    job->dst = out;
    job->cipher_start_src_offset_in_bytes = 0;
    job->msg_len_to_cipher_in_bytes = r->inner_len;
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = r->inner_len;
    job->iv = r->nonce;
    job->iv_len_in_bytes = HF_IMB_NONCE_SIZE;
    job->u.CCM.aad = r->aad;
    job->u.CCM.aad_len_in_bytes = r->aad_len;
    job->auth_tag_output = tag;
    job->auth_tag_output_len_in_bytes = HF_IMB_TAG_SIZE;
}

/* One job that came out of the manager: user_data tells which record it was. */
static void collect(const IMB_JOB *done)
{
    if (done->status == IMB_STATUS_COMPLETED)
        *(bool *)done->user_data = true;
}

static void submit(IMB_MGR *mgr, IMB_JOB *job, bool seal, bool *good)
{
    job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
    job->chain_order = seal ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
    job->user_data = good;
    for (IMB_JOB *done = IMB_SUBMIT_JOB(mgr); done; done = IMB_GET_COMPLETED_JOB(mgr))
        collect(done);
}

static void finish(IMB_MGR *mgr)
{
    for (IMB_JOB *done = IMB_FLUSH_JOB(mgr); done; done = IMB_FLUSH_JOB(mgr))
        collect(done);
}

void hf_imb_ccm_seal_with(IMB_MGR *mgr, hf_record_job *jobs, size_t n)
{
    hf_imb_aead r[HF_IMB_BATCH];
    bool good[HF_IMB_BATCH] = {false};

    for (size_t i = 0; i < n; i++) {
        hf_record_job *job = &jobs[i];
        const ccm_key *key = job->key;
        if (!hf_imb_aead_seal_begin(&r[i], &key->nonce, true, job))
            continue;
        uint8_t *out = job->out + r[i].prefix;
        const uint8_t *in = job->in;
        if (r[i].inner_len > job->in_len && in != out) {
            if (job->in_len > 0)
                memcpy(out, in, job->in_len);
            in = out;
        }
        IMB_JOB *below = IMB_GET_NEXT_JOB(mgr);
        fill(below, key, &r[i], out, in, out + r[i].inner_len);
        submit(mgr, below, true, &good[i]);
    }
    finish(mgr);
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].status != HF_OK || good[i])
            continue;
        hf_wipe(jobs[i].out, jobs[i].out_len);
        jobs[i].out_len = 0;
        jobs[i].status = HF_ERR_CRYPTO;
    }
}

static void open_some(hf_imb_worker *w, IMB_MGR *mgr, hf_record_job *jobs, size_t n)
{
    hf_imb_aead r[HF_IMB_BATCH];
    bool begun[HF_IMB_BATCH] = {false}, good[HF_IMB_BATCH] = {false};

    for (size_t i = 0; i < n; i++) {
        const ccm_key *key = jobs[i].key;
        begun[i] = hf_imb_aead_open_begin(&r[i], &key->nonce, true, &jobs[i]);
        if (!begun[i])
            continue;
        IMB_JOB *below = IMB_GET_NEXT_JOB(mgr);
        fill(below, key, &r[i], jobs[i].out, jobs[i].in + r[i].prefix, w->tags[i]);
        submit(mgr, below, false, &good[i]);
    }
    finish(mgr);
    for (size_t i = 0; i < n; i++) {
        if (begun[i] && good[i]) {
            hf_imb_aead_open_end(&r[i], w->tags[i], &jobs[i]);
        } else if (begun[i]) {
            hf_imb_refuse(&jobs[i], r[i].prefix);
            jobs[i].status = HF_ERR_CRYPTO;
        }
    }
    hf_wipe(w->tags, sizeof w->tags);
}

static IMB_MGR *manager_for(const hf_imb_worker *w, const hf_record_job *jobs, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += jobs[i].in_len;
    return hf_imb_manager_for(w, w->paths->ccm, n, bytes);
}

static void seal(void *worker, hf_record_job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i += HF_IMB_BATCH) {
        size_t some = n - i < HF_IMB_BATCH ? n - i : HF_IMB_BATCH;
        hf_imb_ccm_seal_with(manager_for(worker, jobs + i, some), jobs + i, some);
    }
}

static void open(void *worker, hf_record_job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i += HF_IMB_BATCH) {
        size_t some = n - i < HF_IMB_BATCH ? n - i : HF_IMB_BATCH;
        open_some(worker, manager_for(worker, jobs + i, some), jobs + i, some);
    }
}

const hf_cipher hf_imb_aes_128_ccm = {.id = HF_AES_128_CCM,
                                      .provider = &hf_provider_ipsecmb,
                                      .key_state_size = sizeof(ccm_key),
                                      .key_init = key_init,
                                      .key_cleanup = key_cleanup,
                                      .seal = seal,
                                      .open = open};
