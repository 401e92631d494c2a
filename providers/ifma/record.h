/* A job of the contract becomes a record: lengths and room checked, nonce and additional data built (RFC 7905 section 2
 * and RFC 5246 section 6.2.3.3; RFC 8446 sections 5.2 and 5.3). What comes out cannot fail any more. Neither version of
 * TLS puts anything before this cipher's text. */
#ifndef HANDFAST_IFMA_RECORD_H
#define HANDFAST_IFMA_RECORD_H

#include <string.h>

#include "handfast/secret.h"
#include "ifma.h"

#define RECORD_APPLICATION_DATA 23
#define RECORD_BLOCK 64 /* of ChaCha20 */

HF_IFMA_INLINE void record_lay_out(hf_ifma_record *r, hf_record_job *job, size_t len)
{
    const hf_ifma_key *key = job->key;
    uint64_t number = __builtin_bswap64(job->sequence), aad_len = 13;

    if (key->tls13) {
        uint16_t body_len = __builtin_bswap16((uint16_t)(len + HF_IFMA_TAG_SIZE));
        r->aad = _mm_set_epi64x(0, (long long)((uint64_t)body_len << 24 | 0x030300 | RECORD_APPLICATION_DATA));
        aad_len = HF_RECORD_HEADER_SIZE;
    } else {
        uint16_t text_len = __builtin_bswap16((uint16_t)len);
        r->aad =
            _mm_set_epi64x((long long)((uint64_t)text_len << 24 | 0x030300 | job->content_type), (long long)number);
    }
    r->lengths = _mm_set_epi64x((long long)len, (long long)aad_len);
    r->nonce = _mm_xor_si128(key->nonce, _mm_set_epi64x((long long)number, 0));
    r->key = key;
    r->len = (uint32_t)len;
    r->blocks = (uint32_t)((len + RECORD_BLOCK - 1) / RECORD_BLOCK);
    r->next = 1;
    r->job = job;
}

/* TLS 1.3 with padding: content, type and zeros are made one text at the output, and sealed in place. */
static __attribute__((noinline)) void record_pad(hf_ifma_record *r, const hf_record_job *job)
{
    if (r->in != r->out && job->in_len > 0)
        memcpy(r->out, r->in, job->in_len);
    r->out[job->in_len] = job->content_type;
    memset(r->out + job->in_len + 1, 0, job->padding);
    r->in = r->out;
    r->have = r->len;
}

/* False: job->status is set, and nothing was written. */
HF_IFMA_INLINE bool record_seal(hf_ifma_record *r, hf_record_job *job)
{
    const hf_ifma_key *key = job->key;

    job->out_len = 0;
    job->status = HF_ERR_INVALID;
    if (job->in_len > HF_PLAINTEXT_MAX || job->padding > HF_PLAINTEXT_MAX - job->in_len)
        return false;
    size_t len = job->in_len + (key->tls13 ? 1 + job->padding : 0);
    if (job->out_max < len + HF_IFMA_TAG_SIZE) {
        job->status = HF_ERR_BUFFER;
        return false;
    }
    r->in = job->in;
    r->out = job->out;
    r->hashed = job->out;
    r->have = (uint32_t)job->in_len;
    r->type = job->content_type;
    record_lay_out(r, job, len);
    if (job->padding > 0 && key->tls13)
        record_pad(r, job);
    job->out_len = len + HF_IFMA_TAG_SIZE;
    job->status = HF_OK;
    return true;
}

/* False: job->status is set, and a refused record's room is zeroed. */
HF_IFMA_INLINE bool record_open(hf_ifma_record *r, hf_record_job *job)
{
    job->out_len = 0;
    if (job->out_max < job->in_len) {
        job->status = HF_ERR_BUFFER;
        return false;
    }
    if (job->in_len < HF_IFMA_TAG_SIZE || job->in_len > HF_RECORD_BODY_MAX) {
        hf_wipe(job->out, job->in_len);
        job->status = HF_ERR_VERIFY;
        return false;
    }
    r->in = job->in;
    r->out = job->out;
    r->hashed = job->in;
    r->type = 0;
    record_lay_out(r, job, job->in_len - HF_IFMA_TAG_SIZE);
    r->have = r->len;
    job->out_len = r->len;
    job->status = HF_OK;
    return true;
}

#endif
