/* Opening AES-CBC records: MAC-then-encrypt (RFC 5246 section 6.2.3.2) and encrypt-then-MAC (RFC 7366).
 *
 * MAC-then-encrypt decrypts first, so padding and MAC are judged by the one constant-time check that all providers
 * share (Lucky 13). Encrypt-then-MAC judges the MAC of the ciphertext first and decrypts only what passed. */
#include "cbc.h"

#include "../portable/ct.h"
#include "../portable/mte_open.h"

#define PADDING_MAX 256 /* with its length byte */

/* Everything here is public: lengths, and the mode. False: job->status is set. */
static bool begin(hf_record_job *job)
{
    const hf_imb_cbc_key *key = job->key;
    size_t mac = key->mac_size;
    size_t outer = HF_CBC_IV_SIZE + (key->mode == HF_RECORD_TLS12_ETM ? mac : 0);
    size_t least = key->mode == HF_RECORD_TLS12 ? mac + 1 : 1;

    job->out_len = 0;
    job->status = HF_OK;
    if (!hf_imb_has_room(job, HF_CBC_IV_SIZE)) {
        job->status = HF_ERR_BUFFER;
        return false;
    }
    if (job->in_len > HF_RECORD_BODY_MAX || job->in_len < outer + least || (job->in_len - outer) % HF_IMB_BLOCK != 0) {
        hf_imb_refuse(job, HF_CBC_IV_SIZE);
        return false;
    }
    return true;
}

static bool decrypt(const hf_imb_batch *b, const size_t *len)
{
    const uint8_t *src[HF_IMB_BATCH], *iv[HF_IMB_BATCH];
    uint8_t *dst[HF_IMB_BATCH];

    for (size_t i = 0; i < b->n; i++) {
        iv[i] = b->jobs[i]->in;
        src[i] = b->jobs[i]->in + HF_CBC_IV_SIZE;
        dst[i] = b->jobs[i]->out;
    }
    return hf_imb_cbc(b, HF_OPEN, src, dst, len, iv);
}

static bool open_mte(const hf_imb_batch *b, size_t *len)
{
    for (size_t i = 0; i < b->n; i++)
        len[i] = b->jobs[i]->in_len - HF_CBC_IV_SIZE;
    if (!decrypt(b, len))
        return false;
    for (size_t i = 0; i < b->n; i++) {
        const hf_imb_cbc_key *key = b->jobs[i]->key;
        hf_mte_finish(&key->hmac, b->jobs[i], len[i]);
    }
    return true;
}

/* Padding of an authenticated record: every byte of it counts, in a time that depends on `len` only. */
static void strip(hf_record_job *job, size_t len)
{
    uint32_t pad = job->out[len - 1];
    uint32_t good = hf_ct_lt(pad, (uint32_t)len);
    size_t reach = len < PADDING_MAX ? len : PADDING_MAX;

    for (size_t i = 1; i <= reach; i++)
        good &= hf_ct_lt(pad, (uint32_t)i - 1) | hf_ct_eq(job->out[len - i], pad);
    if (!hf_ct_declassify(good)) {
        hf_imb_refuse(job, HF_CBC_IV_SIZE);
        return;
    }
    job->out_len = len - 1 - hf_ct_declassify(pad);
    hf_wipe(job->out + job->out_len, len - job->out_len);
    job->status = HF_OK;
}

static bool open_etm(const hf_imb_batch *b, size_t *len)
{
    const uint8_t *msg[HF_IMB_BATCH];
    size_t msg_len[HF_IMB_BATCH];
    hf_imb_batch good = {.w = b->w};

    for (size_t i = 0; i < b->n; i++) {
        hf_record_job *job = b->jobs[i];
        const hf_imb_cbc_key *key = job->key;
        uint8_t *slot = b->w->scratch + i * HF_IMB_SLOT;
        len[i] = job->in_len - key->mac_size;
        hf_imb_pseudo_header(slot, job, len[i]);
        memcpy(slot + HF_IMB_PSEUDO_SIZE, job->in, len[i]);
        msg[i] = slot;
        msg_len[i] = HF_IMB_PSEUDO_SIZE + len[i];
    }
    if (!hf_imb_hmac(b, msg, msg_len))
        return false;
    for (size_t i = 0; i < b->n; i++) {
        hf_record_job *job = b->jobs[i];
        const hf_imb_cbc_key *key = job->key;
        if (!hf_ct_declassify(hf_ct_equal(b->w->tags[i], job->in + len[i], key->mac_size))) {
            hf_imb_refuse(job, HF_CBC_IV_SIZE);
            continue;
        }
        len[good.n] = len[i] - HF_CBC_IV_SIZE;
        good.jobs[good.n++] = job;
    }
    if (good.n > 0 && !decrypt(&good, len))
        return false;
    for (size_t i = 0; i < good.n; i++)
        strip(good.jobs[i], len[i]);
    return true;
}

static void run(const hf_imb_batch *b, hf_record_mode mode)
{
    size_t len[HF_IMB_BATCH];

    if (b->n == 0)
        return;
    if (mode == HF_RECORD_TLS12 ? open_mte(b, len) : open_etm(b, len))
        return;
    for (size_t i = 0; i < b->n; i++)
        len[i] = b->jobs[i]->in_len - HF_CBC_IV_SIZE;
    hf_imb_batch_failed(b, len);
}

void hf_imb_cbc_open(void *worker, hf_record_job *jobs, size_t n)
{
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
