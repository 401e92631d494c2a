/* What AEAD and CBC records need once, or only when a record is refused. */
#include "aead.h"

void hf_imb_pseudo_header(uint8_t out[HF_IMB_PSEUDO_SIZE], const hf_record_job *job, size_t len)
{
    uint64_t sequence = __builtin_bswap64(job->sequence);

    memcpy(out, &sequence, sizeof sequence);
    out[8] = job->content_type;
    out[9] = 3;
    out[10] = 3;
    out[11] = (uint8_t)(len >> 8);
    out[12] = (uint8_t)len;
}

hf_status hf_imb_nonce_init(hf_imb_nonce *nonce, const hf_record_keys *keys, size_t iv_size)
{
    uint8_t iv[HF_CIPHER_IV_MAX] = {0};

    if (keys->mode != HF_RECORD_TLS12 && keys->mode != HF_RECORD_TLS13)
        return HF_ERR_UNSUPPORTED;
    memcpy(iv, keys->iv, keys->mode == HF_RECORD_TLS13 ? sizeof iv : iv_size);
    memcpy(&nonce->iv_low, iv, sizeof nonce->iv_low);
    memcpy(&nonce->iv_high, iv + sizeof nonce->iv_low, sizeof nonce->iv_high);
    nonce->mode = (uint32_t)keys->mode;
    hf_wipe(iv, sizeof iv);
    return HF_OK;
}

void hf_imb_refuse(hf_record_job *job, size_t prefix)
{
    if (job->in_len > prefix)
        hf_wipe(job->out, job->in_len - prefix);
    job->out_len = 0;
    job->status = HF_ERR_VERIFY;
}
