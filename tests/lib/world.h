/* What engine tests stand on: a composition, an authority, certificates and keys of every type, configurations in one
 * line. Made on first use, kept for the life of the process. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "handfast/handfast.h"
#include "pair.h"
#include "providers/certs.h"

#define WORLD_NAME "server.example"

/* The composition of all tests of the process: automatic, unless a provider was forced before first use. */
const hf_crypto *world_crypto(void);
void world_force_provider(const char *name);

/* The system's, but at TEST_NOW. */
const hf_env *world_env(void);

/* Authorities: "ca" is trusted; "other" is not. */
const test_cert *world_ca(void);
const test_cert *world_other_ca(void);
/* Certificate of a server (name WORLD_NAME) or client, by type of key: "RSA-2048", "P-256", ... */
const test_cert *world_server(const char *key);
const test_cert *world_client(const char *key);
/* A certificate to order, kept by the world like the others. */
const test_cert *world_made(const test_cert_spec *spec);
/* Its private key; the world keeps the reference. */
hf_key *world_key(const test_cert *cert);

/* A configuration in one literal; zeros are defaults. */
typedef struct side {
    hf_policy_id policy;
    uint16_t suites[8], groups[8]; /* 0-terminated; none: the policy's */
    const test_cert *cert;         /* server: RSA-2048 when NULL */
    const test_cert *certs[4];     /* more of them */
    hf_key *key;                   /* in place of the certificate's own */
    const char *alpn[4];
    size_t record_size_limit, max_fragment_length;
    hf_client_auth client_auth;
    bool tls13; /* the policy's versions; else TLS 1.2 alone */
    size_t record_padding;
    uint64_t rekey_after;
    bool no_trust, other_trust, insecure, fallback, strict_sni, exporters;
    hf_ocsp_mode ocsp;       /* client */
    const test_cert *issuer; /* sent behind each certificate of ours */
    const hf_env *env;
    const hf_crypto *crypto;
    hf_ticket_keys *tickets; /* server; n_tickets 0: HF_DEFAULT_TICKETS, -1: accepted, none sent */
    int n_tickets;
    hf_session_cache *cache;
    hf_session *offer; /* client: borrowed */
    bool keep;         /* client: takes sessions */
    const char *name;  /* client: another than WORLD_NAME; "": none */
} side;

/* Builds it; on error nothing is left. */
hf_status side_try(const side *s, hf_role role, hf_config **out);
hf_config *side_config(const side *s, hf_role role);

/* Both sides and a pair over them; the pair holds the configurations. */
void world_pair(pair *p, const side *client, const side *server);
/* The same, run until it rests. */
void world_run(pair *p, const side *client, const side *server);

/* e failed with HF_SEND(alert), its peer was told exactly that, and nobody is connected longer. */
void assert_refused(pair *p, end *e, hf_alert alert);

#endif
