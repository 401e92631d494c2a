/* What the AEAD record ciphers share: nonce, additional data and inner content (RFC 5246 section 6.2.3.3, RFC 8446
 * section 5.2 and 5.3). Internal to `portable`. */
#ifndef HANDFAST_PORTABLE_RECORD_AEAD_H
#define HANDFAST_PORTABLE_RECORD_AEAD_H

#include "aead.h"
#include "handfast/provider.h"

/* The part of a key state that makes nonces. */
typedef struct hf_aead_record {
    const hf_cipher_spec *spec;
    hf_record_mode mode;
    uint8_t iv[HF_AEAD_NONCE]; /* fixed part; spec->iv_size bytes in TLS 1.2 */
} hf_aead_record;

/* One record ready for the AEAD. */
typedef struct hf_aead_job {
    hf_aead_text text;
    uint8_t nonce[HF_AEAD_NONCE];
    uint8_t aad[13];
    const uint8_t *tag; /* open: where the tag was received */
    uint8_t *out_tag;   /* seal: where it goes */
} hf_aead_job;

/* HF_ERR_UNSUPPORTED for a mode that no AEAD has. */
hf_status hf_aead_record_init(hf_aead_record *record, hf_cipher_id id, const hf_record_keys *keys) HF_MUST_CHECK;

/* Fills `a` from `job`; it may point into both. Seal: writes explicit nonce and inner plaintext to job->out.
 * Anything but HF_OK is the job's status, and the job is done. */
hf_status hf_aead_seal_prepare(const hf_aead_record *record, hf_record_job *job, hf_aead_job *a) HF_MUST_CHECK;
hf_status hf_aead_open_prepare(const hf_aead_record *record, hf_record_job *job, hf_aead_job *a) HF_MUST_CHECK;

#endif
