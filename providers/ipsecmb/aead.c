/* Nonce, additional data, lengths and tags of AEAD records: RFC 5288 (GCM), RFC 6655 (CCM), RFC 7905 (ChaCha20) in
 * TLS 1.2, RFC 8446 section 5.2 and 5.3 in TLS 1.3. Everything a kernel is called with was checked here. */
#include "ipsecmb.h"

#define TAG_SIZE 16
#define EXPLICIT_SIZE 8
#define APPLICATION_DATA 23

void hf_imb_pseudo_header(uint8_t out[HF_IMB_PSEUDO_SIZE], const hf_record_job *job, size_t len)
{
    hf_imb_store64(out, job->sequence);
    out[8] = job->content_type;
    out[9] = 3;
    out[10] = 3;
    out[11] = (uint8_t)(len >> 8);
    out[12] = (uint8_t)len;
}

hf_status hf_imb_nonce_init(hf_imb_nonce *nonce, const hf_record_keys *keys, size_t iv_size)
{
    if (keys->mode != HF_RECORD_TLS12 && keys->mode != HF_RECORD_TLS13)
        return HF_ERR_UNSUPPORTED;
    memset(nonce, 0, sizeof *nonce);
    memcpy(nonce->iv, keys->iv, keys->mode == HF_RECORD_TLS13 ? HF_CIPHER_IV_MAX : iv_size);
    nonce->mode = (uint8_t)keys->mode;
    return HF_OK;
}

/* explicit_part: the 8 bytes that TLS 1.2 carries in the record, or NULL where the nonce is IV xor sequence. */
static void make_nonce(hf_imb_aead *out, const hf_imb_nonce *key, uint64_t sequence, const uint8_t *explicit_part)
{
    memcpy(out->nonce, key->iv, HF_IMB_NONCE_SIZE);
    if (explicit_part) {
        memcpy(out->nonce + 4, explicit_part, EXPLICIT_SIZE);
        return;
    }
    uint8_t seq[8];
    hf_imb_store64(seq, sequence);
    for (size_t i = 0; i < sizeof seq; i++)
        out->nonce[4 + i] ^= seq[i];
}

/* body_len: of the whole record body, which TLS 1.3 authenticates; TLS 1.2 authenticates the content's length. */
static void make_aad(hf_imb_aead *out, bool tls13, const hf_record_job *job, size_t body_len)
{
    if (!tls13) {
        hf_imb_pseudo_header(out->aad, job, out->inner_len);
        out->aad_len = HF_IMB_PSEUDO_SIZE;
        return;
    }
    out->aad[0] = APPLICATION_DATA;
    out->aad[1] = 3;
    out->aad[2] = 3;
    out->aad[3] = (uint8_t)(body_len >> 8);
    out->aad[4] = (uint8_t)body_len;
    out->aad_len = HF_RECORD_HEADER_SIZE;
}

bool hf_imb_aead_seal_begin(hf_imb_aead *out, const hf_imb_nonce *key, bool explicit_nonce, hf_record_job *job)
{
    bool tls13 = key->mode == HF_RECORD_TLS13;

    job->out_len = 0;
    job->status = HF_ERR_CRYPTO;
    if (job->in_len > HF_PLAINTEXT_MAX || job->padding > HF_PLAINTEXT_MAX - job->in_len)
        return false;
    out->prefix = explicit_nonce && !tls13 ? EXPLICIT_SIZE : 0;
    out->inner_len = job->in_len + (tls13 ? 1 + job->padding : 0);
    size_t body_len = out->prefix + out->inner_len + TAG_SIZE;
    if (job->out_max < body_len) {
        job->status = HF_ERR_BUFFER;
        return false;
    }
    uint8_t explicit_part[EXPLICIT_SIZE];
    if (out->prefix > 0)
        hf_imb_store64(explicit_part, job->sequence);
    make_nonce(out, key, job->sequence, out->prefix > 0 ? explicit_part : NULL);
    make_aad(out, tls13, job, body_len);

    if (out->prefix > 0)
        memcpy(job->out, explicit_part, EXPLICIT_SIZE);
    if (tls13) { /* the type and the zeros are ours to write: they stand in the output room behind the content */
        job->out[job->in_len] = job->content_type;
        memset(job->out + job->in_len + 1, 0, job->padding);
    }
    job->out_len = body_len;
    job->status = HF_OK;
    return true;
}

void hf_imb_refuse(hf_record_job *job, size_t prefix)
{
    if (job->in_len > prefix)
        hf_wipe(job->out, job->in_len - prefix);
    job->out_len = 0;
    job->status = HF_ERR_VERIFY;
}

bool hf_imb_aead_open_begin(hf_imb_aead *out, const hf_imb_nonce *key, bool explicit_nonce, hf_record_job *job)
{
    bool tls13 = key->mode == HF_RECORD_TLS13;

    job->out_len = 0;
    out->prefix = explicit_nonce && !tls13 ? EXPLICIT_SIZE : 0;
    if (!hf_imb_has_room(job, out->prefix)) {
        job->status = HF_ERR_BUFFER;
        return false;
    }
    if (job->in_len < out->prefix + TAG_SIZE || job->in_len > HF_RECORD_BODY_MAX) {
        hf_imb_refuse(job, out->prefix);
        return false;
    }
    out->inner_len = job->in_len - out->prefix - TAG_SIZE;
    make_nonce(out, key, job->sequence, out->prefix > 0 ? job->in : NULL);
    make_aad(out, tls13, job, job->in_len);
    return true;
}

void hf_imb_aead_open_end(const hf_imb_aead *aead, const uint8_t tag[16], hf_record_job *job)
{
    if (!hf_ct_equal(tag, job->in + aead->prefix + aead->inner_len, TAG_SIZE)) {
        hf_imb_refuse(job, aead->prefix);
        return;
    }
    job->out_len = aead->inner_len;
    job->status = HF_OK;
}
