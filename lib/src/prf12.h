/* The PRF of TLS 1.2, RFC 5246 section 5. */
#ifndef HF_PRF12_H
#define HF_PRF12_H

#include "hmac.h"

#define HF_PRF_SEED_MAX 1344 /* label, two randoms and an exporter's context; all others are shorter */

/* PRF(secret, label, a || b) into out; label is an ASCII string, all together at most HF_PRF_SEED_MAX bytes.
 * out is zeroed on error. */
hf_status hf_prf12(const hf_hash *hash, const uint8_t *secret, size_t secret_len, const char *label, const uint8_t *a,
                   size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out, size_t out_len) HF_MUST_CHECK;

#endif
