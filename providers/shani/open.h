/* Opening: MAC-then-encrypt decrypts first and judges padding and MAC together, in a time that depends on the record's
 * length only (Lucky 13); encrypt-then-MAC judges the MAC of the ciphertext and decrypts what passed.
 *
 * What a peer must not learn is the length of the padding, and whether it was the padding or the MAC that was wrong. */
#ifndef HANDFAST_SHANI_OPEN_H
#define HANDFAST_SHANI_OPEN_H

#include <string.h>

#include "../portable/ct.h"
#include "cbc.h"
#include "forget.h"
#include "handfast/secret.h"

#define OPEN_PADDING_MAX 256 /* with its length byte */

/* No plaintext stays, nothing is told. */
static __attribute__((noinline)) void open_refuse(hf_record_job *job)
{
    if (job->in_len > HF_CBC_IV_SIZE)
        hf_wipe(job->out, job->in_len - HF_CBC_IV_SIZE);
    job->out_len = 0;
    job->status = HF_ERR_VERIFY;
}

/* Everything here is public. False: the job is done. */
HF_SHANI_INLINE bool open_check(hf_record_job *job, size_t mac)
{
    const hf_shani_key *key = job->key;
    size_t room = job->in_len > HF_CBC_IV_SIZE ? job->in_len - HF_CBC_IV_SIZE : 0;
    size_t outer = HF_CBC_IV_SIZE + (key->etm ? mac : 0), least = key->etm ? 1 : mac + 1;

    job->out_len = 0;
    if (job->out_max < room) {
        job->status = HF_ERR_BUFFER;
        return false;
    }
    if (job->in_len > HF_RECORD_BODY_MAX || job->in_len < outer + least || (job->in_len - outer) % HF_SHANI_BLOCK) {
        open_refuse(job);
        return false;
    }
    return true;
}

/* Bytes k..k+15 of a and b in a row, 0 <= k <= 16; k may be secret: it goes into an index of registers' bytes. */
HF_SHANI_INLINE __m128i bytes_from(__m128i a, __m128i b, uint32_t k)
{
    __m128i at = _mm_add_epi8(message_places(), _mm_set1_epi8((char)k));
    __m128i from_a = _mm_adds_epu8(at, _mm_set1_epi8(0x70)); /* 16 and more: none */
    __m128i from_b = _mm_sub_epi8(at, _mm_set1_epi8(16));    /* below 16: none */

    return _mm_or_si128(_mm_shuffle_epi8(a, from_a), _mm_shuffle_epi8(b, from_b));
}

/* All-ones where the last `pad` + 1 bytes of the text are `pad`; whether that many are there is the caller's to ask.
 * pad is secret. */
HF_SHANI_INLINE uint32_t open_padding_good(const uint8_t *text, size_t blocks, uint32_t pad)
{
    const __m128i pads = _mm_set1_epi8((char)pad);
    __m128i behind = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); /* bytes from the end */
    __m128i wrong = _mm_setzero_si128();
    size_t first = blocks > OPEN_PADDING_MAX / HF_SHANI_BLOCK ? blocks - OPEN_PADDING_MAX / HF_SHANI_BLOCK : 0;

    for (size_t i = blocks; i-- > first;) {
        __m128i inside = _mm_cmpeq_epi8(_mm_max_epu8(behind, pads), pads);
        wrong = _mm_or_si128(wrong, _mm_and_si128(inside, _mm_xor_si128(load16(text + HF_SHANI_BLOCK * i), pads)));
        behind = _mm_add_epi8(behind, _mm_set1_epi8(HF_SHANI_BLOCK));
    }
    return hf_ct_eq((uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(wrong, _mm_setzero_si128())), 0xffff);
}

/* The MAC that begins at the secret place `at` between the public ones `least` and `most`: the three vectors it may be
 * in are gathered from all by masks, then turned by an index of bytes. */
HF_SHANI_INLINE void open_received(const uint8_t *text, size_t blocks, uint32_t at, size_t least, size_t most,
                                   __m128i out[2])
{
    const __m128i wanted = _mm_set1_epi32((int)(at / HF_SHANI_BLOCK));
    __m128i a = _mm_setzero_si128(), b = a, c = a;
    size_t first = least / HF_SHANI_BLOCK;
    __m128i next = load16(text + HF_SHANI_BLOCK * first), after = load16(text + HF_SHANI_BLOCK * (first + 1));

    for (size_t i = first; i <= most / HF_SHANI_BLOCK; i++) {
        __m128i here = _mm_cmpeq_epi32(wanted, _mm_set1_epi32((int)i));
        __m128i third = load16(text + HF_SHANI_BLOCK * (i + 2 < blocks ? i + 2 : blocks - 1));
        a = _mm_or_si128(a, _mm_and_si128(here, next));
        b = _mm_or_si128(b, _mm_and_si128(here, after));
        c = _mm_or_si128(c, _mm_and_si128(here, third));
        next = after;
        after = third;
    }
    out[0] = bytes_from(a, b, at % HF_SHANI_BLOCK);
    out[1] = bytes_from(b, c, at % HF_SHANI_BLOCK);
}

/* Decrypted text, whose last byte says how much of it is padding. A padding that cannot be counts as none (RFC 5246
 * section 6.2.3.2: the MAC is computed all the same). */
HF_SHANI_INLINE void open_begin_mte(message *m, hf_record_job *job, size_t mac)
{
    const uint8_t *text = job->out;
    size_t len = job->in_len - HF_CBC_IV_SIZE, most = len - mac - 1;
    size_t least = most >= OPEN_PADDING_MAX ? most - (OPEN_PADDING_MAX - 1) : 0;
    uint32_t pad = text[len - 1];
    uint32_t possible = hf_ct_le(pad, (uint32_t)most);
    uint32_t content = (uint32_t)most - (possible & pad);

    message_begin(m, job, content);
    m->job = job;
    message_text(m, text, len);
    m->open = (uint32_t)((MESSAGE_HEADER + least) / SHA_BLOCK);
    m->blocks = message_blocks(most);
    m->padding_good = possible & open_padding_good(text, len / HF_SHANI_BLOCK, pad);
    open_received(text, len / HF_SHANI_BLOCK, content, least, most, m->received);
}

HF_SHANI_INLINE void open_begin_etm(message *m, hf_record_job *job, size_t mac)
{
    size_t len = job->in_len - mac; /* IV and ciphertext */
    uint32_t last = 0;

    message_begin(m, job, (uint32_t)len);
    m->job = job;
    message_text(m, job->in, len);
    m->received[0] = load16(job->in + len);
    if (mac == HF_SHANI_SHA256) {
        m->received[1] = load16(job->in + len + HF_SHANI_BLOCK);
    } else {
        memcpy(&last, job->in + len + HF_SHANI_BLOCK, sizeof last);
        m->received[1] = _mm_cvtsi32_si128((int)last);
    }
}

/* All-ones when the MAC is the one that was received. */
HF_SHANI_INLINE uint32_t open_mac_good(const message *m, size_t mac)
{
    __m128i second = mac == HF_SHANI_SHA256 ? _mm_set1_epi8(-1) : _mm_set_epi32(0, 0, 0, -1);
    __m128i wrong = _mm_or_si128(_mm_xor_si128(m->mac[0], m->received[0]),
                                 _mm_and_si128(second, _mm_xor_si128(m->mac[1], m->received[1])));

    return hf_ct_eq((uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(wrong, _mm_setzero_si128())), 0xffff);
}

/* The verdict becomes public, and with a good one the length of the content. len: bytes decrypted. */
HF_SHANI_INLINE void open_verdict(hf_record_job *job, size_t len, uint32_t good, uint32_t content)
{
    if (!hf_ct_declassify(good)) {
        open_refuse(job);
        return;
    }
    job->out_len = hf_ct_declassify(content);
    memset(job->out + job->out_len, 0, len - job->out_len);
    job->status = HF_OK;
}

/* What passed is decrypted; its padding is still looked at without branches (RFC 7366 section 3). */
HF_SHANI_INLINE void open_end_etm(message *m, size_t mac, unsigned rounds)
{
    hf_record_job *job = m->job;
    size_t len = job->in_len - HF_CBC_IV_SIZE - mac;

    if (!hf_ct_declassify(open_mac_good(m, mac))) {
        open_refuse(job);
        return;
    }
    cbc_decrypt(m->key, job->in, job->out, len / HF_SHANI_BLOCK, rounds);
    uint32_t pad = job->out[len - 1];
    uint32_t good = hf_ct_lt(pad, (uint32_t)len) & open_padding_good(job->out, len / HF_SHANI_BLOCK, pad);
    open_verdict(job, len, good, (uint32_t)len - 1 - pad);
}

HF_SHANI_INLINE void open_begin(message *m, hf_record_job *job, size_t mac, unsigned rounds)
{
    const hf_shani_key *key = job->key;

    if (key->etm) {
        open_begin_etm(m, job, mac);
        return;
    }
    cbc_decrypt(key, job->in, job->out, job->in_len / HF_SHANI_BLOCK - 1, rounds);
    open_begin_mte(m, job, mac);
}

HF_SHANI_INLINE void open_end(message *m, size_t mac, unsigned rounds)
{
    if (m->key->etm)
        open_end_etm(m, mac, rounds);
    else
        open_verdict(m->job, m->job->in_len - HF_CBC_IV_SIZE, m->padding_good & open_mac_good(m, mac),
                     m->total - MESSAGE_HEADER);
}

#endif
