/* n jobs in windows: checked, encrypted or decrypted, hashed. When opening, a text is decrypted only after its tag was
 * right. */
#ifndef HANDFAST_IFMA_BATCH_H
#define HANDFAST_IFMA_BATCH_H

#include "../x86/forget512.h"
#include "hash.h"
#include "lonely.h"
#include "record.h"
#include "stream.h"

#define BATCH_BYTES 65536 /* of text in a window, about: what the second cache holds beside other things */

typedef struct batch {
    stream stream;
    hash_tag tags[STREAM_WINDOW];
    uint32_t order[STREAM_WINDOW]; /* records by length: length << 8 | number */
} batch;

/* Jobs of one window; how many there were, those that failed at once among them. */
HF_IFMA_INLINE size_t batch_fill(batch *b, hf_record_job *jobs, size_t n, bool seal)
{
    size_t bytes = 0, i = 0;

    b->stream.n = 0;
    for (; i < n && b->stream.n < STREAM_WINDOW && bytes < BATCH_BYTES; i++) {
        hf_ifma_record *r = &b->stream.records[b->stream.n];
        if (!(seal ? record_seal(r, &jobs[i]) : record_open(r, &jobs[i])))
            continue;
        bytes += r->len;
        b->stream.n++;
    }
    return i;
}

/* Short records first: those side by side should be of like length. Mostly they are in order already. */
HF_IFMA_INLINE void batch_sort(batch *b)
{
    for (uint32_t i = 0; i < b->stream.n; i++) {
        uint32_t entry = b->stream.records[i].len << 8 | i;
        size_t k = i;
        for (; k > 0 && b->order[k - 1] > entry; k--)
            b->order[k] = b->order[k - 1];
        b->order[k] = entry;
    }
}

#define BATCH_TOO_FEW 20 /* blocks in all for which side by side does not pay */

/* How many blocks the longest of n records may have, so that side by side is the faster way. Measured. */
static const uint16_t batch_side_by_side[POLY_LANES + 1] = {0, 0, 20, 50, 85, 150, 250, 400, 600};

#define BATCH_LONELY 18 /* blocks up to which a record by itself is hashed without lanes */

HF_IFMA_INLINE void batch_hash_one(const hf_ifma_record *r, const vec *one_time, hash_tag *tag)
{
    if (row_blocks(r) <= BATCH_LONELY)
        hash_lonely(r, one_time, tag);
    else
        hash_stripes(r, one_time, tag);
}

HF_IFMA_INLINE void batch_hash(batch *b)
{
    const hf_ifma_record *records[POLY_LANES];
    const vec *one_time[POLY_LANES];
    hash_tag *tags[POLY_LANES];

    batch_sort(b);
    for (size_t at = 0, n; at < b->stream.n; at += n) {
        n = b->stream.n - at < POLY_LANES ? b->stream.n - at : POLY_LANES;
        for (size_t i = 0; i < n; i++) {
            size_t which = b->order[at + i] & 0xff;
            records[i] = &b->stream.records[which];
            one_time[i] = &b->stream.one_time[which];
            tags[i] = &b->tags[which];
        }
        size_t longest = row_blocks(records[n - 1]);
        if (n * longest > BATCH_TOO_FEW && longest <= batch_side_by_side[n])
            hash_side_by_side(records, one_time, n, longest, tags);
        else
            for (size_t i = 0; i < n; i++)
                batch_hash_one(records[i], one_time[i], tags[i]);
    }
}

/* A forged record: no plaintext is made. */
static __attribute__((noinline)) void batch_refuse(hf_ifma_record *r)
{
    r->job->out_len = 0;
    r->job->status = HF_ERR_VERIFY;
    r->blocks = 0;
    hf_wipe(r->out, r->len + HF_IFMA_TAG_SIZE);
}

/* All 128 bits are compared before there is a verdict, which the peer learns anyway. */
HF_IFMA_INLINE void batch_verify(batch *b)
{
    for (size_t i = 0; i < b->stream.n; i++) {
        hf_ifma_record *r = &b->stream.records[i];
        hash_tag sent;
        memcpy(&sent, r->in + r->len, sizeof sent);
        if (((sent.words[0] ^ b->tags[i].words[0]) | (sent.words[1] ^ b->tags[i].words[1])) != 0)
            batch_refuse(r);
    }
}

HF_IFMA_INLINE void batch_window(batch *b, bool seal)
{
    b->stream.zeros = b->stream.at = 0;
    stream_zeros(&b->stream);
    if (seal) {
        stream_texts(&b->stream);
        batch_hash(b);
        for (size_t i = 0; i < b->stream.n; i++)
            memcpy(b->stream.records[i].out + b->stream.records[i].len, &b->tags[i], sizeof b->tags[i]);
        return;
    }
    batch_hash(b);
    batch_verify(b);
    stream_texts(&b->stream);
}

HF_IFMA_INLINE void batch_jobs(hf_record_job *jobs, size_t n, bool seal)
{
    size_t most = 0;
    batch b;

    b.stream.dirty = 0;
    while (n > 0) {
        size_t done = batch_fill(&b, jobs, n, seal);
        if (b.stream.n > 0)
            batch_window(&b, seal);
        most = b.stream.n > most ? b.stream.n : most;
        jobs += done;
        n -= done;
    }
    stream_wipe(&b.stream, most);
    hf_wipe(b.tags, most * sizeof b.tags[0]); /* that of a forgery is what the forger wants */
    hf_forget_512();
}

#endif
