/* Tables of cipher suites, signature schemes and groups: plain facts from the registries, no policy. */
#ifndef HF_SUITES_H
#define HF_SUITES_H

#include "handfast/handfast.h"

/* A TLS 1.3 suite names no key exchange: it is always ephemeral, signed by any certificate. */
typedef enum hf_key_exchange { HF_KX_RSA, HF_KX_ECDHE_RSA, HF_KX_ECDHE_ECDSA, HF_KX_TLS13 } hf_key_exchange;

/* hf_suite_info must stay the first member: hf_suite_at hands it out. */
typedef struct hf_suite {
    hf_suite_info info;
    hf_key_exchange kx;
    hf_cipher_id cipher;
    hf_hash_id prf_hash; /* of the PRF or HKDF and the Finished hash (RFC 5246 section 5, 8446 section 7.1) */
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
    bool tls13;      /* may sign a TLS 1.3 handshake (RFC 8446 section 4.2.3) */
    uint16_t group;  /* TLS 1.3: the curve that an ECDSA scheme is bound to, else 0 */
} hf_scheme;

const hf_scheme *hf_scheme_by_id(uint16_t id); /* NULL when unknown */

/* The schemes whose signatures we verify in handshakes, in order of preference; 0-terminated. */
extern const uint16_t hf_verify_schemes[];

#endif
