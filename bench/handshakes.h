/* What `handshakes`, `token` and `memory` share: the kinds of handshakes. */
#ifndef HF_BENCH_HANDSHAKES_H
#define HF_BENCH_HANDSHAKES_H

#include "load.h"
#include "rate.h"

typedef struct hf_handshake_kind {
    const char *name;    /* for --kind: "rsa", "ecdhe-rsa", ... */
    const char *version; /* "TLS 1.2 RSA transport" */
    hf_load_options load;
    hf_bed_key key;
} hf_handshake_kind;

#define HF_HANDSHAKE_KINDS 7
extern const hf_handshake_kind hf_handshake_kinds[HF_HANDSHAKE_KINDS];

/* The kind of this name; NULL: there is none. */
const hf_handshake_kind *hf_handshake_kind_by_name(const char *name);
/* The names, for messages. */
#define HF_HANDSHAKE_NAMES "rsa, ecdhe-rsa, ecdhe-ecdsa, tls13-rsa, tls13-ecdsa, tls12-resumed, tls13-resumed"
/* What the token does in a handshake of this kind that was signed with `scheme` (0: decryption). */
hf_rate_op hf_handshake_token_op(uint16_t scheme);

#endif
