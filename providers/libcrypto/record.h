/* What the AEAD and CBC rooms of this provider share. */
#ifndef HANDFAST_LIBCRYPTO_RECORD_H
#define HANDFAST_LIBCRYPTO_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/provider.h"
#include "handfast/secret.h"

#define HF_LC_NONCE_SIZE 12
#define HF_LC_HEADER_SIZE                                                                                              \
    13 /* sequence, type, version, length: what a TLS 1.2 MAC and AEAD cover beside the content                        \
        */

static inline void hf_lc_store64(uint8_t *p, uint64_t x)
{
    for (int i = 7; i >= 0; i--, x >>= 8)
        p[i] = (uint8_t)x;
}

/* RFC 5246 section 6.2.3.1 (MAC) and 6.2.3.3 (additional data): the same 13 bytes. */
static inline void hf_lc_header(uint8_t out[HF_LC_HEADER_SIZE], uint64_t sequence, uint8_t content_type, size_t len)
{
    hf_lc_store64(out, sequence);
    out[8] = content_type;
    out[9] = 3;
    out[10] = 3;
    out[11] = (uint8_t)(len >> 8);
    out[12] = (uint8_t)len;
}

/* Whether an open may write everything behind the prefix. */
static inline bool hf_lc_has_room(const hf_record_job *job, size_t prefix)
{
    return job->in_len <= prefix || job->out_max >= job->in_len - prefix;
}

/* Zeroes what opening could have written: the body without its prefix; there is room for it. In place, `out` begins
 * after the prefix, and what follows the body belongs to somebody else. */
static inline void hf_lc_wipe_room(const hf_record_job *job, size_t prefix)
{
    if (job->in_len > prefix)
        hf_wipe(job->out, job->in_len - prefix);
}

#endif
