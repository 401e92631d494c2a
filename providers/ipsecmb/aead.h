/* Nonce, additional data, lengths and tags of AEAD records: RFC 5288 (GCM), RFC 6655 (CCM), RFC 7905 (ChaCha20) in
 * TLS 1.2, RFC 8446 sections 5.2 and 5.3 in TLS 1.3. Everything a kernel is called with was checked here.
 *
 * Inline, and made of whole words: a 64-byte record takes 45 ns, so a call and a few byte-wise stores that the
 * kernel reads back as one vector would be a fifth of it. */
#ifndef HANDFAST_IPSECMB_AEAD_H
#define HANDFAST_IPSECMB_AEAD_H

#include "ipsecmb.h"

#define HF_IMB_TAG_SIZE 16
#define HF_IMB_EXPLICIT_SIZE 8

/* The part of an AEAD key that is not the key: the fixed IV, 4 or 12 bytes, as two words. */
typedef struct hf_imb_nonce {
    uint32_t iv_low;
    uint32_t mode; /* hf_record_mode */
    uint64_t iv_high;
} hf_imb_nonce;

/* A record as an AEAD sees it. */
typedef struct hf_imb_aead {
    uint8_t nonce[HF_IMB_NONCE_SIZE];
    uint8_t aad[16]; /* 13 bytes of it in TLS 1.2, 5 in TLS 1.3 */
    size_t aad_len;
    size_t prefix;    /* bytes before the ciphertext */
    size_t inner_len; /* bytes of ciphertext without the tag */
} hf_imb_aead;

/* Checks mode and copies the IV. iv_size: spec->iv_size. */
hf_status hf_imb_nonce_init(hf_imb_nonce *nonce, const hf_record_keys *keys, size_t iv_size);

/* variable: in network order, the explicit part of TLS 1.2's AES nonces (iv_high is 0 then) or the sequence number. */
static inline void hf_imb_make_nonce(hf_imb_aead *out, const hf_imb_nonce *key, uint64_t variable)
{
    uint64_t high = key->iv_high ^ variable;
    memcpy(out->nonce, &key->iv_low, sizeof key->iv_low);
    memcpy(out->nonce + sizeof key->iv_low, &high, sizeof high);
}

/* body_len: of the whole record body, which TLS 1.3 authenticates; TLS 1.2 authenticates the content's length. */
static inline void hf_imb_make_aad(hf_imb_aead *out, bool tls13, const hf_record_job *job, size_t body_len)
{
    uint64_t low, high = 0;

    if (tls13) {
        low = 0x030317 | (uint64_t)__builtin_bswap16((uint16_t)body_len) << 24; /* application_data, 0x0303, length */
        out->aad_len = HF_RECORD_HEADER_SIZE;
    } else {
        low = __builtin_bswap64(job->sequence);
        high = job->content_type | 0x030300 | (uint64_t)__builtin_bswap16((uint16_t)out->inner_len) << 24;
        out->aad_len = HF_IMB_PSEUDO_SIZE;
    }
    memcpy(out->aad, &low, sizeof low);
    memcpy(out->aad + sizeof low, &high, sizeof high);
}

/* Lays one record out; explicit_nonce: the cipher carries 8 bytes of its nonce in TLS 1.2. When true, every length is
 * within what the library takes, the room suffices, status is HF_OK and out_len set: the kernel cannot fail. When
 * false, status is set and nothing was written. */
static inline bool hf_imb_aead_seal_begin(hf_imb_aead *out, const hf_imb_nonce *key, bool explicit_nonce,
                                          hf_record_job *job)
{
    bool tls13 = key->mode == HF_RECORD_TLS13;
    uint64_t sequence = __builtin_bswap64(job->sequence);

    job->out_len = 0;
    job->status = HF_ERR_INVALID;
    if (job->in_len > HF_PLAINTEXT_MAX || job->padding > HF_PLAINTEXT_MAX - job->in_len)
        return false;
    out->prefix = explicit_nonce && !tls13 ? HF_IMB_EXPLICIT_SIZE : 0;
    out->inner_len = job->in_len + (tls13 ? 1 + job->padding : 0);
    size_t body_len = out->prefix + out->inner_len + HF_IMB_TAG_SIZE;
    if (job->out_max < body_len) {
        job->status = HF_ERR_BUFFER;
        return false;
    }
    hf_imb_make_nonce(out, key, sequence);
    hf_imb_make_aad(out, tls13, job, body_len);

    if (out->prefix > 0)
        memcpy(job->out, &sequence, sizeof sequence);
    if (tls13) { /* the type and the zeros are ours to write: they stand in the output room behind the content */
        job->out[job->in_len] = job->content_type;
        if (job->padding > 0)
            memset(job->out + job->in_len + 1, 0, job->padding);
    }
    job->out_len = body_len;
    job->status = HF_OK;
    return true;
}

/* The same for an open; when false, status is set and a refused record's room is zeroed. */
static inline bool hf_imb_aead_open_begin(hf_imb_aead *out, const hf_imb_nonce *key, bool explicit_nonce,
                                          hf_record_job *job)
{
    bool tls13 = key->mode == HF_RECORD_TLS13;
    uint64_t variable = __builtin_bswap64(job->sequence);

    job->out_len = 0;
    out->prefix = explicit_nonce && !tls13 ? HF_IMB_EXPLICIT_SIZE : 0;
    if (!hf_imb_has_room(job, out->prefix)) {
        job->status = HF_ERR_BUFFER;
        return false;
    }
    if (job->in_len < out->prefix + HF_IMB_TAG_SIZE || job->in_len > HF_RECORD_BODY_MAX) {
        hf_imb_refuse(job, out->prefix);
        return false;
    }
    out->inner_len = job->in_len - out->prefix - HF_IMB_TAG_SIZE;
    if (out->prefix > 0)
        memcpy(&variable, job->in, sizeof variable);
    hf_imb_make_nonce(out, key, variable);
    hf_imb_make_aad(out, tls13, job, job->in_len);
    return true;
}

/* Whether two tags are the same: four words, no branch before the verdict, which the peer learns anyway. */
static inline bool hf_imb_tag_is_right(const uint8_t *a, const uint8_t *b)
{
    uint32_t x[4], y[4];
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    return hf_ct_is_zero(hf_ct_barrier((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]))) != 0;
}

/* Compares the tag and commits or wipes. */
static inline void hf_imb_aead_open_end(const hf_imb_aead *aead, const uint8_t *tag, hf_record_job *job)
{
    if (!hf_imb_tag_is_right(tag, job->in + aead->prefix + aead->inner_len)) {
        hf_imb_refuse(job, aead->prefix);
        return;
    }
    job->out_len = aead->inner_len;
    job->status = HF_OK;
}

#endif
