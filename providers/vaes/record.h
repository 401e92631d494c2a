/* A job of the contract becomes a record: lengths and room checked, nonce and additional data built (RFC 5288 section 3
 * and RFC 5246 section 6.2.3.3; RFC 8446 sections 5.2 and 5.3). What comes out cannot fail any more.
 *
 * Inline, and made of whole words: a 64-byte record takes 10 ns, so every call and every store that is read back in
 * another width would show. */
#ifndef HANDFAST_VAES_RECORD_H
#define HANDFAST_VAES_RECORD_H

#include <string.h>

#include "handfast/secret.h"
#include "vaes.h"

#define RECORD_EXPLICIT_SIZE 8
#define RECORD_TAG_SIZE 16
#define RECORD_APPLICATION_DATA 23

/* variable: as the four to twelve bytes of the nonce hold it, in memory order. */
HF_VAES_INLINE void record_lay_out(hf_vaes_record *r, const hf_record_job *job, uint64_t variable, size_t body_len)
{
    const hf_vaes_key *key = job->key;
    uint64_t first, second, aad_bits;

    if (key->tls13) {
        first = (uint64_t)RECORD_APPLICATION_DATA << 56 | UINT64_C(0x0303) << 40 | (uint64_t)body_len << 24;
        second = 0;
        aad_bits = 8 * HF_RECORD_HEADER_SIZE;
    } else {
        first = job->sequence;
        second = (uint64_t)job->content_type << 56 | UINT64_C(0x0303) << 40 | (uint64_t)r->len << 24;
        aad_bits = 8 * 13;
    }
    r->variable = _mm_set_epi64x((long long)(variable >> 32), (long long)(variable << 32));
    r->aad = _mm_set_epi64x((long long)first, (long long)second);
    r->lengths = _mm_set_epi64x((long long)aad_bits, (long long)(8 * (uint64_t)r->len));
    r->key = key;
}

/* TLS 1.3 with padding: content, type and zeros are made one text at the output, and sealed in place. */
static __attribute__((noinline)) void record_pad(hf_vaes_record *r, const hf_record_job *job)
{
    if (r->in != r->out && job->in_len > 0)
        memcpy(r->out, r->in, job->in_len);
    r->out[job->in_len] = job->content_type;
    memset(r->out + job->in_len + 1, 0, job->padding);
    r->in = r->out;
    r->have = r->len;
}

HF_VAES_INLINE bool record_not(hf_record_job *job, hf_status why)
{
    job->out_len = 0;
    job->status = why;
    return false;
}

/* False: job->status is set, and nothing was written. Padding is the caller's to make (record_pad): a call would cost
 * all vector registers that are in use. */
HF_VAES_INLINE bool record_seal(hf_vaes_record *r, hf_record_job *job)
{
    const hf_vaes_key *key = job->key;
    uint64_t sequence = __builtin_bswap64(job->sequence);

    if (job->in_len > HF_PLAINTEXT_MAX || job->padding > HF_PLAINTEXT_MAX - job->in_len)
        return record_not(job, HF_ERR_INVALID);
    size_t prefix = key->tls13 ? 0 : RECORD_EXPLICIT_SIZE;
    size_t len = job->in_len + (key->tls13 ? 1 + job->padding : 0);
    size_t body_len = prefix + len + RECORD_TAG_SIZE;
    if (job->out_max < body_len)
        return record_not(job, HF_ERR_BUFFER);
    r->in = job->in;
    r->out = job->out + prefix;
    r->len = (uint32_t)len;
    r->have = (uint32_t)job->in_len;
    r->type = job->content_type;
    r->job = job;
    record_lay_out(r, job, sequence, body_len);
    job->out_len = body_len;
    job->status = HF_OK;
    return true;
}

/* False: job->status is set; the room of a refused record is the caller's to zero (record_refused). */
HF_VAES_INLINE bool record_open(hf_vaes_record *r, hf_record_job *job)
{
    const hf_vaes_key *key = job->key;
    size_t prefix = key->tls13 ? 0 : RECORD_EXPLICIT_SIZE;
    size_t room = job->in_len > prefix ? job->in_len - prefix : 0;
    uint64_t variable = __builtin_bswap64(job->sequence);

    if (job->out_max < room)
        return record_not(job, HF_ERR_BUFFER);
    if (room < RECORD_TAG_SIZE || job->in_len > HF_RECORD_BODY_MAX)
        return record_not(job, HF_ERR_VERIFY);
    if (prefix > 0)
        memcpy(&variable, job->in, sizeof variable);
    r->in = job->in + prefix;
    r->out = job->out;
    r->len = (uint32_t)(room - RECORD_TAG_SIZE);
    r->have = r->len;
    r->type = 0;
    r->job = job;
    record_lay_out(r, job, variable, job->in_len);
    job->out_len = r->len;
    job->status = HF_OK;
    return true;
}

/* A job that was refused, before or after: no plaintext stays. Rare, so out of the way. */
static __attribute__((noinline)) void record_refused(hf_record_job *job)
{
    size_t prefix = ((const hf_vaes_key *)job->key)->tls13 ? 0 : RECORD_EXPLICIT_SIZE;

    if (job->in_len > prefix)
        hf_wipe(job->out, job->in_len - prefix);
    job->out_len = 0;
}

#endif
