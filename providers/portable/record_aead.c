/* Nonce, additional data and inner content of AEAD records: RFC 5288 section 3 and RFC 6655 section 3 (half of the
 * nonce in the record), RFC 7905 section 2 (none of it), RFC 8446 sections 5.2 and 5.3. */
#include "record_aead.h"

#include "ct.h"

hf_status hf_aead_record_init(hf_aead_record *record, hf_cipher_id id, const hf_record_keys *keys)
{
    const hf_cipher_spec *spec = hf_cipher_spec_of(id);

    if (keys->mode != HF_RECORD_TLS12 && keys->mode != HF_RECORD_TLS13)
        return HF_ERR_UNSUPPORTED;
    memset(record, 0, sizeof *record);
    record->spec = spec;
    record->mode = keys->mode;
    memcpy(record->iv, keys->iv, keys->mode == HF_RECORD_TLS13 ? HF_AEAD_NONCE : spec->iv_size);
    return HF_OK;
}

/* explicit: the 8 bytes in the record, NULL when there are none. */
static void make_nonce(const hf_aead_record *record, uint64_t sequence, const uint8_t *explicit, uint8_t *nonce)
{
    uint8_t number[8];

    memcpy(nonce, record->iv, HF_AEAD_NONCE);
    if (explicit) {
        memcpy(nonce + 4, explicit, 8);
        return;
    }
    hf_store64_be(number, sequence);
    for (size_t i = 0; i < 8; i++)
        nonce[4 + i] ^= number[i];
}

/* TLS 1.2: sequence, type, version, content length. TLS 1.3: the record header. */
static size_t make_aad(const hf_aead_record *record, const hf_record_job *job, size_t content_len, uint8_t aad[13])
{
    uint8_t *p = aad;
    size_t len = content_len;

    if (record->mode == HF_RECORD_TLS13) {
        *p++ = 23; /* application_data, whatever is inside */
        len += record->spec->tag_size;
    } else {
        hf_store64_be(p, job->sequence);
        p[8] = job->content_type;
        p += 9;
    }
    *p++ = 0x03;
    *p++ = 0x03;
    *p++ = (uint8_t)(len >> 8);
    *p++ = (uint8_t)len;
    return (size_t)(p - aad);
}

hf_status hf_aead_seal_prepare(const hf_aead_record *record, hf_record_job *job, hf_aead_job *a)
{
    size_t prefix = hf_record_prefix(record->spec, record->mode);
    size_t inner = record->mode == HF_RECORD_TLS13 ? job->in_len + 1 + job->padding : job->in_len;
    uint8_t *text = job->out + prefix;

    job->out_len = 0;
    if (job->in_len > HF_PLAINTEXT_MAX || job->padding > HF_PLAINTEXT_MAX - job->in_len)
        return HF_ERR_INVALID;
    if (job->out_max < prefix + inner + record->spec->tag_size)
        return HF_ERR_BUFFER;
    if (prefix > 0)
        hf_store64_be(job->out, job->sequence);
    make_nonce(record, job->sequence, prefix > 0 ? job->out : NULL, a->nonce);
    const uint8_t *in = job->in;
    if (record->mode == HF_RECORD_TLS13) {
        if (in != text && job->in_len > 0)
            memcpy(text, in, job->in_len);
        text[job->in_len] = job->content_type;
        memset(text + job->in_len + 1, 0, job->padding);
        in = text;
    }
    a->text = (hf_aead_text){a->nonce, a->aad, make_aad(record, job, inner, a->aad), in, inner, text};
    a->out_tag = text + inner;
    job->out_len = prefix + inner + record->spec->tag_size;
    return HF_OK;
}

hf_status hf_aead_open_prepare(const hf_aead_record *record, hf_record_job *job, hf_aead_job *a)
{
    size_t prefix = hf_record_prefix(record->spec, record->mode);
    size_t overhead = prefix + record->spec->tag_size;
    size_t room = job->in_len > prefix ? job->in_len - prefix : 0;

    job->out_len = 0;
    if (job->out_max < room)
        return HF_ERR_BUFFER;
    if (job->in_len < overhead || job->in_len > HF_RECORD_BODY_MAX) {
        /* Nothing to decrypt; keep the promise about the room all the same. */
        hf_wipe(job->out, room);
        return HF_ERR_VERIFY;
    }
    size_t len = job->in_len - overhead;
    make_nonce(record, job->sequence, prefix > 0 ? job->in : NULL, a->nonce);
    a->text = (hf_aead_text){a->nonce, a->aad, make_aad(record, job, len, a->aad), job->in + prefix, len, job->out};
    a->tag = job->in + prefix + len;
    job->out_len = len;
    return HF_OK;
}
