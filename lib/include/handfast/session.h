/* Resumption: a second handshake with what the first one agreed on, without an operation of the private key.
 *
 * TLS 1.3: a pre-shared key with (EC)DHE, RFC 8446 sections 2.2 and 4.6.1. TLS 1.2: tickets (RFC 5077) and session IDs
 * (RFC 5246 section 7.3), with extended master secret only (RFC 7627). No early data.
 *
 * A server keeps nothing for a ticket: the state of the session travels to the client and back, sealed by a key that
 * only the servers have. Whoever learns that key reads the tickets, and with a ticket of TLS 1.2 its recorded
 * connection; so the keys change by themselves, live in memory only, and are wiped when no ticket of theirs may be
 * accepted any more.
 *
 * What policy demands is checked again at each resumption: version, suite, server name, application protocol, age, and
 * the client's certificate. What does not fit is never an error of the peer's: a full handshake follows.
 */
#ifndef HANDFAST_SESSION_H
#define HANDFAST_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/provider.h"
#include "handfast/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hf_env;
struct hf_config;

/* ---- Limits --------------------------------------------------------------------------------------- */

#define HF_LIMIT_SESSION_LIFETIME 604800  /* seconds, 7 days: RFC 8446 section 4.6.1 */
#define HF_LIMIT_SESSION_AGE 86400        /* seconds since the last full handshake, however often it was resumed */
#define HF_LIMIT_SESSION_CHAIN 8192       /* bytes of a peer's certificates in a session; with more none is made */
#define HF_LIMIT_SESSION_SKEW 60          /* seconds that a session may come from the future (clocks of a cluster) */
#define HF_LIMIT_SESSION_CACHE (1u << 20) /* sessions in one cache */
#define HF_LIMIT_TICKETS 8                /* tickets that a server sends after a TLS 1.3 handshake */
#define HF_LIMIT_TICKETS_TAKEN 16         /* tickets of one connection that a client makes sessions of */
#define HF_LIMIT_TICKET_KEYS 192          /* secrets that one set of ticket keys holds */
#define HF_LIMIT_PSK_IDENTITIES 4         /* identities of a hello that a server looks at; more are ignored */
#define HF_LIMIT_EARLY_DATA 32768         /* bytes of refused early data that are skipped (RFC 8446 section 4.2.10) */
#define HF_DEFAULT_TICKET_PERIOD 3600     /* seconds */
#define HF_DEFAULT_TICKET_LIFETIME 7200   /* seconds */
#define HF_DEFAULT_TICKETS 2              /* after a TLS 1.3 handshake */
#define HF_TICKET_SECRET_SIZE 32          /* bytes */

/* ---- Ticket keys ---------------------------------------------------------------------------------- */

/* The secrets that seal tickets, one for each period: current, old, and (when installed ahead) the next. Counted,
 * shared by any number of configurations and threads. A secret is wiped when the lifetime of its last ticket is over,
 * and with the last reference. */
typedef struct hf_ticket_keys hf_ticket_keys;

typedef struct hf_ticket_options {
    uint32_t period_s;   /* how long one secret makes tickets, seconds, from 1; 0: HF_DEFAULT_TICKET_PERIOD */
    uint32_t lifetime_s; /* how long a ticket is good, seconds, 1..HF_LIMIT_SESSION_LIFETIME; 0:
                            HF_DEFAULT_TICKET_LIFETIME. lifetime_s / period_s (rounded up) + 2 secrets are held, at
                            most HF_LIMIT_TICKET_KEYS. */
    bool installed;      /* secrets come from hf_ticket_keys_install only; none is made at random */
} hf_ticket_options;

/* env and crypto are copied (their functions and descriptors must outlive every use); crypto needs SHA-256
 * (HF_ERR_UNSUPPORTED). options may be NULL: defaults. HF_ERR_INVALID outside of the ranges above. Without `installed`
 * a new secret is made from env's generator when its period begins to be used. Reference count 1. */
HF_API hf_status hf_ticket_keys_new(const struct hf_env *env, const hf_crypto *crypto, const hf_ticket_options *options,
                                    hf_ticket_keys **out) HF_MUST_CHECK;
/* Thread-safe. */
HF_API void hf_ticket_keys_retain(hf_ticket_keys *keys);
HF_API void hf_ticket_keys_release(hf_ticket_keys *keys); /* NULL is allowed */

/* The number of the period that a time falls in: unix_time / period_s; 0 for a time before 1970. The same on every
 * machine with the same period and clock. */
HF_API uint64_t hf_ticket_keys_epoch(const hf_ticket_keys *keys, int64_t unix_time);

/* Installs the secret of a period, for servers that resume each other's sessions: the same 32 bytes everywhere, for
 * instance derived from a key in the token, and never used for another period. Copied; replaces one installed before,
 * whose tickets are then not accepted. Any thread. Without the secret of the current period no tickets are made; a
 * ticket of a period without secret leads to a full handshake.
 * HF_ERR_STATE without `installed`; HF_ERR_STALE when no ticket of that period can be good now, or it is more than one
 * ahead. */
HF_API hf_status hf_ticket_keys_install(hf_ticket_keys *keys, uint64_t epoch,
                                        const uint8_t secret[HF_TICKET_SECRET_SIZE]) HF_MUST_CHECK;
/* Whether the secret of that period is there. Any thread. */
HF_API bool hf_ticket_keys_has(hf_ticket_keys *keys, uint64_t epoch);

/* ---- A server's memory of TLS 1.2 sessions ---------------------------------------------------------- */

/* Session IDs, for TLS 1.2 clients that take no tickets. The least recently used goes first; what is too old is not
 * given out. Counted, shared by any number of configurations and threads. Entries are wiped. */
typedef struct hf_session_cache hf_session_cache;

/* capacity: 1..HF_LIMIT_SESSION_CACHE sessions, a few hundred bytes each (more with a client's certificates);
 * lifetime_s as in hf_ticket_options. HF_ERR_INVALID, HF_ERR_NO_MEMORY. */
HF_API hf_status hf_session_cache_new(const struct hf_env *env, size_t capacity, uint32_t lifetime_s,
                                      hf_session_cache **out) HF_MUST_CHECK;
HF_API void hf_session_cache_retain(hf_session_cache *cache);
HF_API void hf_session_cache_release(hf_session_cache *cache); /* NULL is allowed */
/* Sessions held now. Any thread. */
HF_API size_t hf_session_cache_count(hf_session_cache *cache);

/* ---- Server configuration --------------------------------------------------------------------------- */

/* Tickets for TLS 1.3 and 1.2, sealed with AES-256-GCM (or ChaCha20-Poly1305 where the composition lacks it; with
 * neither none are made). keys: retained; NULL: off (default). count: how many are sent after a TLS 1.3 handshake,
 * 0..HF_LIMIT_TICKETS; with 0 tickets are accepted but none is sent, in TLS 1.2 either. Before build only. */
HF_API hf_status hf_config_set_tickets(struct hf_config *config, hf_ticket_keys *keys, unsigned count) HF_MUST_CHECK;
/* Session IDs for TLS 1.2. Retained; NULL: off (default). Before build only. */
HF_API hf_status hf_config_set_session_cache(struct hf_config *config, hf_session_cache *cache) HF_MUST_CHECK;

/* ---- A client's sessions ---------------------------------------------------------------------------- */

/* What a client needs to resume: given by hf_conn_options.on_session, offered by hf_conn_options.session. It holds a
 * secret. Immutable; any thread. */
typedef struct hf_session hf_session;

typedef struct hf_session_info {
    uint16_t version;        /* HF_TLS12, HF_TLS13 */
    uint16_t suite;          /* of the connection that it comes from */
    int64_t created;         /* seconds since 1970, by the connection's clock */
    uint32_t lifetime_s;     /* good for so long */
    const char *server_name; /* that the certificate was verified for, NULL: none; owned by the session */
    bool verified;           /* the server's certificate was verified */
    bool by_id;              /* TLS 1.2: a session ID; else a ticket */
} hf_session_info;
HF_API void hf_session_get_info(const hf_session *session, hf_session_info *out);

/* Gives it back; wiped when no connection uses it any more. NULL is allowed. */
HF_API void hf_session_free(hf_session *session);

/* How a connection began. */
typedef enum hf_resumption {
    HF_RESUMED_NOT,       /* a full handshake */
    HF_RESUMED_TICKET,    /* TLS 1.3 with a pre-shared key, or TLS 1.2 with a ticket */
    HF_RESUMED_SESSION_ID /* TLS 1.2 */
} hf_resumption;

#ifdef __cplusplus
}
#endif

#endif
