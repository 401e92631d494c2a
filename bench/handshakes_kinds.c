/* The kinds of handshakes; see handshakes.h. */
#include "handshakes.h"

#include <string.h>

const hf_handshake_kind hf_handshake_kinds[HF_HANDSHAKE_KINDS] = {
    {"rsa", "TLS 1.2 RSA transport", {HF_TLS12, 0x009c, false, HF_LOAD_IDLE}, HF_BED_RSA},
    {"ecdhe-rsa", "TLS 1.2 ECDHE-RSA", {HF_TLS12, 0xc02f, false, HF_LOAD_IDLE}, HF_BED_RSA},
    {"ecdhe-ecdsa", "TLS 1.2 ECDHE-ECDSA", {HF_TLS12, 0xc02b, false, HF_LOAD_IDLE}, HF_BED_P256},
    {"tls13-rsa", "TLS 1.3 RSA", {HF_TLS13, 0x1301, false, HF_LOAD_IDLE}, HF_BED_RSA},
    {"tls13-ecdsa", "TLS 1.3 ECDSA", {HF_TLS13, 0x1301, false, HF_LOAD_IDLE}, HF_BED_P256},
    {"tls12-resumed", "TLS 1.2 resumed", {HF_TLS12, 0xc02f, true, HF_LOAD_IDLE}, HF_BED_RSA},
    {"tls13-resumed", "TLS 1.3 resumed", {HF_TLS13, 0x1301, true, HF_LOAD_IDLE}, HF_BED_RSA},
};

const hf_handshake_kind *hf_handshake_kind_by_name(const char *name)
{
    for (size_t i = 0; i < HF_HANDSHAKE_KINDS; i++)
        if (strcmp(hf_handshake_kinds[i].name, name) == 0)
            return &hf_handshake_kinds[i];
    return NULL;
}

hf_rate_op hf_handshake_token_op(uint16_t scheme)
{
    switch (scheme) {
    case 0:
        return HF_RATE_DECRYPT;
    case HF_RSA_PKCS1_SHA256:
        return HF_RATE_SIGN_PKCS1;
    case HF_ECDSA_SECP256R1_SHA256:
        return HF_RATE_SIGN_ECDSA;
    default:
        return HF_RATE_SIGN_PSS; /* the others of an RSA key cost the same */
    }
}
