/* The inside of a configuration: built once, then immutable and shared. */
#ifndef HF_CONFIG_H
#define HF_CONFIG_H

#include <stdatomic.h>

#include "memory.h"
#include "policy.h"
#include "reader.h"

#define HF_SUITES_MAX 32
#define HF_GROUPS_MAX 8

/* What one certificate of a chain says of its issuer. */
typedef struct hf_link {
    uint16_t signed_with; /* SignatureScheme, 0: unknown */
    bool self_signed;
    hf_slice issuer; /* DER name; heap, owned; empty: unknown */
} hf_link;

/* What verifies our own signatures before they are sent, made once of the certificate's key; verifier NULL: pki does.
 */
typedef struct hf_own_verifier {
    const hf_verifier *verifier;
    void *block; /* owned; the state stands in it, aligned */
    size_t block_size;
    const void *state; /* constant; shared by all connections and their threads */
} hf_own_verifier;

typedef struct hf_own_credential {
    hf_slice certs[HF_CHAIN_MAX]; /* heap, owned */
    hf_link links[HF_CHAIN_MAX];
    size_t n;
    hf_cert *cert; /* the parsed first one */
    hf_own_verifier verifier;
    hf_cert_info info;
    hf_key *key;        /* retained */
    hf_slice ocsp;      /* response to staple; heap, owned; empty: none */
    int64_t ocsp_until; /* unix time from which it is not sent any more */
} hf_own_credential;

struct hf_config {
    atomic_uint references;
    hf_env env;
    hf_crypto crypto;
    hf_memory memory;
    bool built;
    hf_role role;

    const hf_policy *policy;
    uint16_t min_version, max_version;
    uint16_t wished_suites[HF_SUITES_MAX]; /* as set; empty: the policy's */
    size_t n_wished_suites;
    const hf_suite *suites[HF_SUITES_MAX]; /* settled by build: allowed, wished and available, in order */
    size_t n_suites;
    bool tls12, tls13; /* versions with a suite left */
    uint16_t wished_groups[HF_GROUPS_MAX];
    size_t n_wished_groups;
    const hf_group *groups[HF_GROUPS_MAX]; /* settled by build */
    size_t n_groups;

    hf_own_credential credentials[HF_LIMIT_CREDENTIALS];
    size_t n_credentials;
    hf_trust *trust;
    hf_client_auth client_auth;
    bool strict_sni;
    bool exporters;
    hf_ocsp_mode ocsp;
    bool insecure;
    bool fallback;
    char *alpn[HF_LIMIT_ALPN_PROTOCOLS];
    size_t n_alpn;
    uint16_t record_size_limit;
    uint16_t record_padding;         /* TLS 1.3: contents are padded to a multiple of this; 1: not */
    uint64_t rekey_after;            /* TLS 1.3: records sealed before a KeyUpdate of our own; 0: the suite's limit */
    hf_ticket_keys *ticket_keys;     /* retained; NULL: no tickets */
    unsigned n_tickets;              /* sent after a TLS 1.3 handshake; 0: none in TLS 1.2 either */
    hf_session_cache *session_cache; /* retained; NULL: no session IDs */
    uint8_t max_fragment_length;     /* code 1..4 of RFC 6066, 0: do not ask */
};

#endif
