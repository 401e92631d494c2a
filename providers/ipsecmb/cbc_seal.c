/* Sealing AES-CBC records: MAC-then-encrypt (RFC 5246 section 6.2.3.2) and encrypt-then-MAC (RFC 7366).
 *
 * The MAC covers 13 bytes that are not in the record. MAC-then-encrypt writes them into the room of the IV, which
 * stands right before the content and is filled last. Encrypt-then-MAC has no such room, so the finished ciphertext
 * is copied behind the 13 bytes into the worker's scratch. */
#include "cbc.h"

/* Checks one record and puts the content where it will be encrypted. False: job->status is set. */
static bool begin(hf_record_job *job)
{
    const hf_imb_cbc_key *key = job->key;
    size_t mac = key->mac_size;

    job->out_len = 0;
    job->status = HF_ERR_INVALID;
    if (job->in_len > HF_PLAINTEXT_MAX || job->padding > HF_PLAINTEXT_MAX - job->in_len || !job->cbc_iv)
        return false;
    size_t inner = job->in_len + (key->mode == HF_RECORD_TLS12 ? mac : 0);
    size_t body = HF_CBC_IV_SIZE + (inner / HF_IMB_BLOCK + 1) * HF_IMB_BLOCK;
    if (key->mode == HF_RECORD_TLS12_ETM)
        body += mac;
    if (job->out_max < body) {
        job->status = HF_ERR_BUFFER;
        return false;
    }
    if (job->in_len > 0 && job->in != job->out + HF_CBC_IV_SIZE)
        memcpy(job->out + HF_CBC_IV_SIZE, job->in, job->in_len);
    job->out_len = body;
    job->status = HF_OK;
    return true;
}

/* Pads (RFC 5246 section 6.2.3.2, shortest) behind `inner` bytes and encrypts every record of the batch. */
static bool pad_and_encrypt(const hf_imb_batch *b, const size_t *inner, size_t *len)
{
    uint8_t *text[HF_IMB_BATCH];
    const uint8_t *src[HF_IMB_BATCH], *iv[HF_IMB_BATCH];

    for (size_t i = 0; i < b->n; i++) {
        hf_record_job *job = b->jobs[i];
        size_t pad = HF_IMB_BLOCK - 1 - inner[i] % HF_IMB_BLOCK;
        text[i] = job->out + HF_CBC_IV_SIZE;
        src[i] = text[i];
        iv[i] = job->out;
        memcpy(job->out, job->cbc_iv, HF_CBC_IV_SIZE);
        memset(text[i] + inner[i], (int)pad, pad + 1);
        len[i] = inner[i] + pad + 1;
    }
    return hf_imb_cbc(b, HF_SEAL, src, text, len, iv);
}

static bool mac_then_encrypt(const hf_imb_batch *b)
{
    const uint8_t *msg[HF_IMB_BATCH];
    size_t msg_len[HF_IMB_BATCH], inner[HF_IMB_BATCH], len[HF_IMB_BATCH];

    for (size_t i = 0; i < b->n; i++) {
        hf_record_job *job = b->jobs[i];
        uint8_t *pseudo = job->out + HF_CBC_IV_SIZE - HF_IMB_PSEUDO_SIZE;
        hf_imb_pseudo_header(pseudo, job, job->in_len);
        msg[i] = pseudo;
        msg_len[i] = HF_IMB_PSEUDO_SIZE + job->in_len;
    }
    if (!hf_imb_hmac(b, msg, msg_len))
        return false;
    for (size_t i = 0; i < b->n; i++) {
        hf_record_job *job = b->jobs[i];
        const hf_imb_cbc_key *key = job->key;
        memcpy(job->out + HF_CBC_IV_SIZE + job->in_len, b->w->tags[i], key->mac_size);
        inner[i] = job->in_len + key->mac_size;
    }
    return pad_and_encrypt(b, inner, len);
}

static bool encrypt_then_mac(const hf_imb_batch *b)
{
    const uint8_t *msg[HF_IMB_BATCH];
    size_t inner[HF_IMB_BATCH], len[HF_IMB_BATCH];

    for (size_t i = 0; i < b->n; i++)
        inner[i] = b->jobs[i]->in_len;
    if (!pad_and_encrypt(b, inner, len))
        return false;
    for (size_t i = 0; i < b->n; i++) {
        uint8_t *slot = b->w->scratch + i * HF_IMB_SLOT;
        len[i] += HF_CBC_IV_SIZE;
        hf_imb_pseudo_header(slot, b->jobs[i], len[i]);
        memcpy(slot + HF_IMB_PSEUDO_SIZE, b->jobs[i]->out, len[i]);
        len[i] += HF_IMB_PSEUDO_SIZE;
        msg[i] = slot;
    }
    if (!hf_imb_hmac(b, msg, len))
        return false;
    for (size_t i = 0; i < b->n; i++) {
        const hf_imb_cbc_key *key = b->jobs[i]->key;
        memcpy(b->jobs[i]->out + len[i] - HF_IMB_PSEUDO_SIZE, b->w->tags[i], key->mac_size);
    }
    return true;
}

static void run(const hf_imb_batch *b, hf_record_mode mode)
{
    size_t written[HF_IMB_BATCH];

    if (b->n == 0)
        return;
    if (mode == HF_RECORD_TLS12 ? mac_then_encrypt(b) : encrypt_then_mac(b))
        return;
    for (size_t i = 0; i < b->n; i++)
        written[i] = b->jobs[i]->out_len;
    hf_imb_batch_failed(b, written);
}

void hf_imb_cbc_seal(void *worker, hf_record_job *jobs, size_t n)
{
    /* Jobs of both modes may come together; each batch is of one. */
    hf_imb_batch mte = {.w = worker}, etm = {.w = worker};

    for (size_t i = 0; i < n; i++) {
        const hf_imb_cbc_key *key = jobs[i].key;
        hf_imb_batch *b = key->mode == HF_RECORD_TLS12 ? &mte : &etm;
        if (!begin(&jobs[i]))
            continue;
        b->jobs[b->n++] = &jobs[i];
        if (b->n == HF_IMB_BATCH) {
            run(b, (hf_record_mode)key->mode);
            b->n = 0;
        }
    }
    run(&mte, HF_RECORD_TLS12);
    run(&etm, HF_RECORD_TLS12_ETM);
    hf_wipe(mte.w->tags, sizeof mte.w->tags);
}
