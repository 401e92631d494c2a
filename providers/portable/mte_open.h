/* The end of opening a CBC record of MAC-then-encrypt (RFC 5246 section 6.2.3.2): padding and MAC checked in a time
 * that depends on the record's length only (Lucky 13). Whoever decrypted the record calls it: every provider that
 * offers CBC uses this one function. */
#ifndef HANDFAST_PORTABLE_MTE_OPEN_H
#define HANDFAST_PORTABLE_MTE_OPEN_H

#include <stddef.h>
#include <stdint.h>

#include "md_hmac.h"

/* Checks `content || MAC || padding || padding_length`, as CBC decryption gave it (without the IV).
 *
 * key      HMAC key of this direction (hf_md_hmac_key_init)
 * plain    decrypted bytes, secret; unchanged. May be what out of the job points to
 * len      bytes at plain, public; a multiple of the block size, at most HF_RECORD_BODY_MAX. Shorter than
 *          MAC + 1: bad (the caller knows this beforehand from public lengths)
 * out_len  set to the length of the content, 0 when bad. Secret, like the mask, until the caller has declassified
 *          both (hf_ct_declassify in ct.h) at the job's status: the single place where the verdict becomes public
 *
 * Returns all-ones when padding and MAC are right, else 0. Number and kind of the compression calls, and every
 * address, depend on `len` and the hash only. */
uint32_t hf_mte_check(const hf_md_hmac_key *key, uint64_t sequence, uint8_t content_type, const uint8_t *plain,
                      size_t len, size_t *out_len) HF_MUST_CHECK;

/* The whole end of an open job, for a caller that decrypted to job->out (`len` bytes there): calls hf_mte_check,
 * declassifies, and sets status and out_len (up to HF_RECORD_BODY_MAX: the engine judges the length); what does not
 * belong to the content is zeroed (everything when bad). */
void hf_mte_finish(const hf_md_hmac_key *key, hf_record_job *job, size_t len);

#endif
