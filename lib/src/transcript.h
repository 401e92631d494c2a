/* The running hash over all handshake messages (RFC 5246 section 7.4.9).
 *
 * Phases: messages are kept as bytes until the suite names the hash; then they are hashed as they come. The bytes are
 * kept on while a CertificateVerify may need another hash, or none (Ed25519), over all of them (section 7.4.8).
 */
#ifndef HF_TRANSCRIPT_H
#define HF_TRANSCRIPT_H

#include "hmac.h"
#include "memory.h"
#include "reader.h"

typedef struct hf_transcript {
    const hf_hash *hash; /* NULL before hf_transcript_start */
    hf_hash_state state;
    hf_buffer kept;
    bool keep;
} hf_transcript;

void hf_transcript_init(hf_transcript *t);
/* One or more whole messages with their headers. HF_ERR_LIMIT past HF_LIMIT_HANDSHAKE_TOTAL kept bytes. */
hf_status hf_transcript_add(hf_memory *memory, hf_transcript *t, const uint8_t *data, size_t len) HF_MUST_CHECK;
/* The hash is settled: everything so far goes into it. */
hf_status hf_transcript_start(hf_transcript *t, const hf_hash *hash) HF_MUST_CHECK;
/* After a HelloRetryRequest the first ClientHello counts as its hash (RFC 8446 section 4.4.1). */
hf_status hf_transcript_fold(hf_memory *memory, hf_transcript *t, const hf_hash *hash) HF_MUST_CHECK;
/* No CertificateVerify will come: the bytes are not needed any more. */
void hf_transcript_forget(hf_memory *memory, hf_transcript *t);
/* The digest of everything so far; the transcript goes on. out: hash->size bytes. */
hf_status hf_transcript_digest(const hf_transcript *t, uint8_t *out) HF_MUST_CHECK;
/* The messages themselves, while kept. */
hf_slice hf_transcript_messages(const hf_transcript *t);
void hf_transcript_cleanup(hf_memory *memory, hf_transcript *t);

#endif
