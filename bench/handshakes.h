/* What `handshakes` and `memory` share: the kinds of full handshakes. */
#ifndef HF_BENCH_HANDSHAKES_H
#define HF_BENCH_HANDSHAKES_H

#include "rate.h"

typedef struct hf_handshake_kind {
    const char *name;    /* for --kind: "rsa", "ecdhe-rsa", "ecdhe-ecdsa" */
    const char *version; /* "TLS 1.2 RSA transport" */
    uint16_t suite;
    hf_bed_key key;
} hf_handshake_kind;

#define HF_HANDSHAKE_KINDS 3
extern const hf_handshake_kind hf_handshake_kinds[HF_HANDSHAKE_KINDS];

/* What the token does in a handshake of this kind that was signed with `scheme` (0: decryption). */
hf_rate_op hf_handshake_token_op(uint16_t scheme);

#endif
