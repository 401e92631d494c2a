/* Tables of cipher suites, signature schemes and groups: plain facts from the registries, no policy. */
#ifndef HF_SUITES_H
#define HF_SUITES_H

#include "handfast/handfast.h"

typedef enum hf_key_exchange { HF_KX_RSA, HF_KX_ECDHE_RSA, HF_KX_ECDHE_ECDSA } hf_key_exchange;

/* hf_suite_info must stay the first member: hf_suite_at hands it out. */
typedef struct hf_suite {
    hf_suite_info info;
    hf_key_exchange kx;
    hf_cipher_id cipher;
    hf_hash_id prf_hash; /* of the PRF and the Finished hash (RFC 5246 section 5, RFC 5288) */
} hf_suite;

/* Signalling values, not suites. */
enum { HF_SCSV_RENEGOTIATION = 0x00ff, HF_SCSV_FALLBACK = 0x5600 };

const hf_suite *hf_suite_by_id(uint16_t id); /* NULL when unknown */
bool hf_suite_is_cbc(const hf_suite *suite);

typedef struct hf_scheme {
    uint16_t id;
    const char *name;
    hf_key_type key_type;
    hf_hash_id hash; /* meaningless for Ed25519 */
} hf_scheme;

const hf_scheme *hf_scheme_by_id(uint16_t id); /* NULL when unknown */

/* The schemes whose signatures we verify in handshakes, in order of preference; 0-terminated. */
extern const uint16_t hf_verify_schemes[];

#endif
