/* Sealing. A record is a chain of AES and a chain of the hash. Neither waits for the other, but where the text ends: so
 * both go side by side, of two records at a time if there are two.
 *
 * Everything about lengths is public here. */
#ifndef HANDFAST_SHANI_SEAL_H
#define HANDFAST_SHANI_SEAL_H

#include "cbc.h"
#include "forget.h"
#include "open.h" /* bytes_from */

#define SEAL_TAIL_MAX 3 /* blocks: what is left of the text, the MAC, the padding */

/* What of a record does not come from whole vectors of its content. */
typedef struct seal_rest {
    __m128i bytes; /* the content behind the whole vectors, zeros behind it */
    uint32_t len;  /* of it */
} seal_rest;

/* False: job->status is set, and nothing was written. */
HF_SHANI_INLINE bool seal_check(hf_record_job *job, size_t mac)
{
    const hf_shani_key *key = job->key;
    size_t inner = job->in_len + (key->etm ? 0 : mac);
    size_t body = HF_CBC_IV_SIZE + (inner / HF_SHANI_BLOCK + 1) * HF_SHANI_BLOCK + (key->etm ? mac : 0);

    job->out_len = 0;
    job->status = HF_ERR_INVALID;
    if (job->in_len > HF_PLAINTEXT_MAX || job->padding > HF_PLAINTEXT_MAX - job->in_len || !job->cbc_iv)
        return false;
    job->status = HF_ERR_BUFFER;
    if (job->out_max < body)
        return false;
    job->out_len = body;
    job->status = HF_OK;
    return true;
}

HF_SHANI_INLINE seal_rest seal_rest_of(const uint8_t *in, size_t len)
{
    seal_rest r = {_mm_setzero_si128(), len % HF_SHANI_BLOCK};
    _Alignas(16) uint8_t few[HF_SHANI_BLOCK] = {0};

    if (r.len > 0 && len > HF_SHANI_BLOCK) {
        r.bytes = bytes_from(load16(in + len - HF_SHANI_BLOCK), r.bytes, HF_SHANI_BLOCK - r.len);
    } else if (r.len > 0) {
        memcpy(few, in, r.len);
        r.bytes = load16(few);
        shani_forget(few, sizeof few);
    }
    return r;
}

/* The blocks behind the whole vectors of MAC-then-encrypt. Gives their number, SEAL_TAIL_MAX or one less. */
HF_SHANI_INLINE size_t seal_tail(__m128i out[CBC_STEPS], seal_rest r, const __m128i tag[2], size_t mac)
{
    const __m128i pads = _mm_set1_epi8((char)(HF_SHANI_BLOCK - 1 - (r.len + mac) % HF_SHANI_BLOCK));
    const __m128i behind = _mm_set_epi32(-1, -1, -1, 0); /* the MAC of SHA-1 */
    __m128i second = mac == HF_SHANI_SHA1 ? _mm_or_si128(tag[1], _mm_and_si128(behind, pads)) : tag[1];
    uint32_t from = HF_SHANI_BLOCK - r.len;

    out[0] = _mm_or_si128(r.bytes, bytes_from(_mm_setzero_si128(), tag[0], from));
    out[1] = bytes_from(tag[0], second, from);
    out[2] = bytes_from(second, pads, from);
    return (r.len + mac) / HF_SHANI_BLOCK + 1;
}

/* The last block of encrypt-then-MAC. */
HF_SHANI_INLINE __m128i seal_padded(seal_rest r)
{
    __m128i behind = _mm_cmpgt_epi8(_mm_set1_epi8((char)r.len), message_places());

    return _mm_or_si128(r.bytes, _mm_andnot_si128(behind, _mm_set1_epi8((char)(HF_SHANI_BLOCK - 1 - r.len))));
}

/* The hash of the last `len` < 64 bytes of a text of `total`, in vectors u. */
HF_SHANI_INLINE void seal_hash_end(message_walk *walk, const __m128i u[MESSAGE_VECTORS], size_t len, uint32_t total,
                                   size_t mac)
{
    const __m128i nothing[MESSAGE_VECTORS] = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128(),
                                              _mm_setzero_si128()};
    int32_t left = (int32_t)(MESSAGE_HEADER + len);
    uint32_t bits = 8 * (SHA_BLOCK + total);
    bool one = left + 9 <= SHA_BLOCK;
    sha_words w = message_end_words(&walk->before, u, left, one ? _mm_set1_epi8(-1) : _mm_setzero_si128(), bits, mac);

    sha_block(&walk->now, &w, 1, mac);
    if (!one) {
        w = message_end_words(&walk->before, nothing, left - SHA_BLOCK, _mm_set1_epi8(-1), bits, mac);
        sha_block(&walk->now, &w, 1, mac);
    }
    walk->kept = walk->now;
}

/* A record that is being sealed. */
typedef struct seal_lane {
    message m;
    seal_rest rest;
    const uint8_t *in; /* what is left of the text: `len` bytes */
    size_t len;
} seal_lane;

/* text_len: bytes of the message's text. */
HF_SHANI_INLINE void seal_begin(seal_lane *s, cbc_lane *c, message_walk *walk, hf_record_job *job, size_t text_len)
{
    message_begin(&s->m, job, (uint32_t)text_len);
    s->m.job = job;
    *walk = message_walk_from(s->m.head, s->m.key);
    s->rest = seal_rest_of(job->in, job->in_len);
    s->in = job->in;
    s->len = job->in_len;
    *c = (cbc_lane){load16(job->cbc_iv), job->out + HF_CBC_IV_SIZE, job->key};
    store16(job->out, c->state);
}

/* The next 64 bytes of text, before anything is stored in their place. */
HF_SHANI_INLINE void seal_load(seal_lane *s, __m128i v[MESSAGE_VECTORS])
{
    for (size_t i = 0; i < MESSAGE_VECTORS; i++)
        v[i] = load16(s->in + HF_SHANI_BLOCK * i);
    s->in += SHA_BLOCK;
    s->len -= SHA_BLOCK;
}

/* What is left then: whole vectors, whose number is given, and the rest behind them. */
HF_SHANI_INLINE size_t seal_load_end(const seal_lane *s, __m128i v[MESSAGE_VECTORS])
{
    size_t whole = s->len / HF_SHANI_BLOCK;

    for (size_t i = 0; i < MESSAGE_VECTORS; i++)
        v[i] = s->rest.bytes;
    for (size_t i = 0; i < whole; i++)
        v[i] = load16(s->in + HF_SHANI_BLOCK * i);
    return whole;
}

/* Steps of 64 bytes that all of n jobs have. */
HF_SHANI_INLINE size_t seal_common(hf_record_job *const *jobs, size_t n)
{
    size_t least = jobs[0]->in_len;

    SHA_EACH least = jobs[l]->in_len < least ? jobs[l]->in_len : least;
    return least / SHA_BLOCK;
}

/* ---- MAC-then-encrypt ---- */

/* 64 bytes of each of n records: four blocks of AES beside one of the hash. */
HF_SHANI_INLINE void seal_mte_step(seal_lane *s, cbc_lane *c, message_walk *walk, size_t n, size_t mac, unsigned rounds)
{
    __m128i v[SHA_CHAINS][MESSAGE_VECTORS];
    sha_words w[SHA_CHAINS];
    sha_chain now[SHA_CHAINS];

    SHA_EACH
    {
        seal_load(&s[l], v[l]);
        w[l] = message_words(&walk[l].before, v[l], mac);
        now[l] = walk[l].now;
    }
    cbc_encrypt_some(c, v, n, CBC_STEPS, rounds);
    sha_block(now, w, n, mac);
    SHA_EACH walk[l].now = now[l];
}

/* n <= SHA_CHAINS records, in step as far as all of them reach. */
HF_SHANI_INLINE void seal_mte(hf_record_job *const *jobs, size_t n, size_t mac, unsigned rounds)
{
    seal_lane s[SHA_CHAINS];
    cbc_lane c[SHA_CHAINS];
    message_walk walk[SHA_CHAINS];
    message *list[SHA_CHAINS];
    __m128i v[SHA_CHAINS][MESSAGE_VECTORS];

    SHA_EACH seal_begin(&s[l], &c[l], &walk[l], jobs[l], jobs[l]->in_len);
    for (size_t i = seal_common(jobs, n); i > 0; i--)
        seal_mte_step(s, c, walk, n, mac, rounds);
    SHA_EACH for (; n > 1 && s[l].len >= SHA_BLOCK;) seal_mte_step(&s[l], &c[l], &walk[l], 1, mac, rounds);
    SHA_EACH
    {
        list[l] = &s[l].m;
        cbc_encrypt_few(&c[l], v[l], seal_load_end(&s[l], v[l]), rounds);
        seal_hash_end(&walk[l], v[l], s[l].len, s[l].m.total, mac);
    }
    message_outer(walk, list, n, mac);
    SHA_EACH
    {
        if (seal_tail(v[l], s[l].rest, s[l].m.mac, mac) == SEAL_TAIL_MAX)
            cbc_encrypt_some(&c[l], &v[l], 1, SEAL_TAIL_MAX, rounds);
        else
            cbc_encrypt_some(&c[l], &v[l], 1, SEAL_TAIL_MAX - 1, rounds);
    }
    shani_forget(v, sizeof v[0] * n);
    shani_forget(s, sizeof s[0] * n);
}

/* ---- Encrypt-then-MAC ---- */

/* 64 bytes of each of n records: four blocks of AES beside one of the hash, which reads what was stored a step ago. */
HF_SHANI_INLINE void seal_etm_step(seal_lane *s, cbc_lane *c, message_walk *walk, bool first, size_t n, size_t mac,
                                   unsigned rounds)
{
    __m128i v[SHA_CHAINS][MESSAGE_VECTORS];
    const message *list[SHA_CHAINS];

    SHA_EACH
    {
        seal_load(&s[l], v[l]);
        list[l] = &s[l].m;
    }
    cbc_encrypt_some(c, v, n, CBC_STEPS, rounds);
    if (!first)
        message_open_block(walk, list, n, mac);
}

/* The MAC's place is right behind the ciphertext. */
HF_SHANI_INLINE void seal_append(const message *m, uint8_t *out, size_t mac)
{
    int last = _mm_cvtsi128_si32(m->mac[1]);

    store16(out, m->mac[0]);
    if (mac == HF_SHANI_SHA256)
        store16(out + HF_SHANI_BLOCK, m->mac[1]);
    else
        memcpy(out + HF_SHANI_BLOCK, &last, sizeof last);
}

HF_SHANI_INLINE void seal_etm(hf_record_job *const *jobs, size_t n, size_t mac, unsigned rounds)
{
    seal_lane s[SHA_CHAINS];
    cbc_lane c[SHA_CHAINS];
    message_walk walk[SHA_CHAINS];
    message *list[SHA_CHAINS];
    size_t steps = seal_common(jobs, n);

    SHA_EACH
    {
        size_t len = jobs[l]->out_len - mac; /* IV and ciphertext */
        list[l] = &s[l].m;
        seal_begin(&s[l], &c[l], &walk[l], jobs[l], len);
        message_text(&s[l].m, jobs[l]->out, len);
    }
    for (size_t i = 0; i < steps; i++)
        seal_etm_step(s, c, walk, i == 0, n, mac, rounds);
    SHA_EACH
    {
        __m128i v[MESSAGE_VECTORS];
        for (; n > 1 && s[l].len >= SHA_BLOCK;)
            seal_etm_step(&s[l], &c[l], &walk[l], s[l].len == jobs[l]->in_len, 1, mac, rounds);
        size_t whole = seal_load_end(&s[l], v);
        v[whole] = seal_padded(s[l].rest);
        cbc_encrypt_few(&c[l], v, whole + 1, rounds);
        shani_forget(v, sizeof v);
    }
    message_macs_from(walk, list, n, mac);
    SHA_EACH seal_append(&s[l].m, c[l].out, mac);
    shani_forget(s, sizeof s[0] * n);
}

#endif
