/* The Handfast TLS engine: bytes in, bytes out.
 *
 * No sockets, files, threads or globals: the caller moves bytes between the engine and the world.
 *
 *      transport                      engine                          application
 *   ---------------- hf_conn_input_buf / _ack  ->  hf_conn_plaintext_buf / _ack ---->
 *   <--------------- hf_conn_output_buf / _ack <-  hf_conn_room_buf / _ack  ---------
 *                                                  or hf_conn_write
 *      key holder  <-- hf_conn_key_take      hf_conn_key_done <--  (see key.h)
 *
 * A loop: ask hf_conn_wants(); for each bit that is set do the matching thing; after input, a finished key
 * operation or consumed plaintext call hf_conn_step(). Nothing blocks.
 *
 *   hf_conn_step(conn, worker);
 *   for (;;) {
 *       unsigned wants = hf_conn_wants(conn);
 *       if (wants & HF_WANT_OUTPUT)    { send what hf_conn_output_buf gives; hf_conn_output_ack; }
 *       if (wants & HF_WANT_KEY)       { hf_conn_key_take; key->ops->submit; later hf_conn_key_done; }
 *       if (wants & HF_WANT_PLAINTEXT) { use what hf_conn_plaintext_buf gives; hf_conn_plaintext_ack; }
 *       if (wants & HF_WANT_INPUT)     { receive into hf_conn_input_buf; hf_conn_input_ack; }
 *       if (wants & HF_WANT_CLOSED)    break;
 *       hf_conn_step(conn, worker);
 *   }
 *
 * docs/examples in the sources has this loop as a client and a server over sockets, with a key in a token.
 *
 * Threads: a connection belongs to one thread at a time. A configuration is immutable once built and shared by
 * all threads. A worker belongs to one thread.
 * Errors: the first fatal status sticks to the connection; its alert still comes out as output.
 */
#ifndef HANDFAST_HANDFAST_H
#define HANDFAST_HANDFAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/key.h"
#include "handfast/provider.h"
#include "handfast/secret.h"
#include "handfast/session.h"
#include "handfast/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this library, "1.0.0". Static storage. */
HF_API const char *hf_version(void);

/* ---- Limits: every one is finite and named ------------------------------------------------------- */

#define HF_LIMIT_HANDSHAKE_MESSAGE (65536 + 4) /* what holds certificates, names or an OCSP response, bytes of body */
#define HF_LIMIT_CLIENT_HELLO 16384            /* a ClientHello or any other handshake message, bytes of body */
#define HF_LIMIT_HANDSHAKE_TOTAL 262144        /* all handshake bytes received in one handshake */
#define HF_LIMIT_EMPTY_RECORDS 32              /* application_data records without content in a row */
#define HF_LIMIT_WARNING_ALERTS 4              /* warning alerts in a row */
#define HF_LIMIT_HANDSHAKE_RECORDS 2048        /* records received in one handshake */
#define HF_LIMIT_OUTPUT 73728                  /* application data is taken while less waits to be sent, bytes */
#define HF_LIMIT_EXTENSIONS 64                 /* extensions in one message */
#define HF_LIMIT_ALPN_PROTOCOLS 16
#define HF_LIMIT_ALPN_SIZE 255 /* bytes of one protocol name, RFC 7301 */
#define HF_LIMIT_NAME 255      /* bytes of a host name */
#define HF_LIMIT_CREDENTIALS 16
#define HF_LIMIT_OCSP_RESPONSE HF_OCSP_SIZE_MAX /* bytes of a stapled response */
#define HF_LIMIT_EXPORT 8160         /* bytes of one exported value: 255 blocks of the smallest hash (RFC 5869) */
#define HF_LIMIT_EXPORT_LABEL 249    /* bytes: what an HkdfLabel of RFC 8446 section 7.1 leaves */
#define HF_LIMIT_EXPORT_CONTEXT 1024 /* bytes */

/* ---- Environment: what the engine is given ------------------------------------------------------- */

/* All functions may be called from any thread that uses a connection of the configuration; alloc and free from
 * any thread at all. */
typedef struct hf_env {
    void *(*alloc)(void *arg, size_t size);        /* size > 0; aligned for any type; NULL when out of memory */
    void (*free)(void *arg, void *p, size_t size); /* p never NULL; size as allocated */
    void *alloc_arg;                               /* borrowed; outlives everything allocated */
    hf_status (*random)(void *arg, uint8_t *out, size_t len); /* cryptographic quality; HF_OK or HF_ERR_RANDOM */
    void *random_arg;
    int64_t (*unix_time)(void *arg); /* seconds since 1970 */
    void *time_arg;
} hf_env;

/* malloc/free, getrandom(2), time(2). Static storage. */
HF_API const hf_env *hf_env_system(void);

/* Protocol versions as they stand on the wire (RFC 8446 section 4.2.1). */
enum { HF_TLS12 = 0x0303, HF_TLS13 = 0x0304 };

/* ---- Policies ------------------------------------------------------------------------------------ */

typedef enum hf_policy_id {
    HF_POLICY_INTERMEDIATE, /* default: TLS 1.3 and 1.2; 1.2: ECDHE with AEAD, extended master secret,
                               renegotiation_info */
    HF_POLICY_MODERN,       /* TLS 1.3 only */
    HF_POLICY_COMPATIBLE    /* TLS 1.3 and 1.2; 1.2: also RSA key transport, AES-CBC with HMAC */
} hf_policy_id;

/* By its name ("modern", "intermediate", "compatible"); HF_ERR_NOT_FOUND. */
HF_API hf_status hf_policy_by_name(const char *name, hf_policy_id *out) HF_MUST_CHECK;

/* A cipher suite of ours, for listing and for `--suites`. Static storage. */
typedef struct hf_suite_info {
    uint16_t id;
    const char *name; /* IANA: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" */
} hf_suite_info;
/* The i-th suite we know in order of preference; NULL past the end. */
HF_API const hf_suite_info *hf_suite_at(size_t i);
/* "TLS_..." for the id of a known suite, else NULL. */
HF_API const char *hf_suite_name(uint16_t id);
/* "rsa_pss_rsae_sha256" etc. for a SignatureScheme, else "unknown". */
HF_API const char *hf_scheme_name(uint16_t scheme);
/* "X25519", "P-256" etc. for a group, else "unknown". */
HF_API const char *hf_group_name(uint16_t group);

/* ---- Configuration ------------------------------------------------------------------------------- */

typedef struct hf_config hf_config;

/* Server: what is asked of the client (RFC 5246 section 7.4.4). */
typedef enum hf_client_auth {
    HF_CLIENT_AUTH_NONE,     /* no CertificateRequest */
    HF_CLIENT_AUTH_REQUEST,  /* ask; any certificate or none; possession is proved; the chain is not verified */
    HF_CLIENT_AUTH_OPTIONAL, /* ask; none is fine; one that is given must verify */
    HF_CLIENT_AUTH_REQUIRED  /* ask; must be given and verify */
} hf_client_auth;

/* A certificate chain and its private key. */
typedef struct hf_credential {
    const uint8_t *const *certs; /* DER, own certificate first; copied */
    const size_t *cert_lens;
    size_t n;    /* 1..HF_CHAIN_MAX */
    hf_key *key; /* retained by the configuration */
} hf_credential;

/* Client: what is asked of the server beside its certificate (RFC 6066 section 8). */
typedef enum hf_ocsp_mode {
    HF_OCSP_OFF,     /* nothing */
    HF_OCSP_REQUEST, /* a stapled OCSP response; none is fine, one that is given must say "good" */
    HF_OCSP_REQUIRE  /* one must be given, too */
} hf_ocsp_mode;

/* A new, empty configuration under construction: one thread, one owner, reference count 1.
 * env and crypto are copied (their functions and descriptors must outlive every use). */
HF_API hf_status hf_config_new(const hf_env *env, const hf_crypto *crypto, hf_config **out) HF_MUST_CHECK;

/* Setters: before hf_config_build only (HF_ERR_STATE after). */
HF_API hf_status hf_config_set_policy(hf_config *config, hf_policy_id policy) HF_MUST_CHECK;
/* Restricts the policy's versions: HF_TLS12 <= min <= max <= HF_TLS13 (default: both ends of that). */
HF_API hf_status hf_config_set_versions(hf_config *config, uint16_t min, uint16_t max) HF_MUST_CHECK;
/* Restricts the policy's suites to these, in this order (ids of hf_suite_at; at least one that the policy allows).
 * HF_ERR_NOT_FOUND for an unknown id, HF_ERR_UNSUPPORTED for one outside of the policy (checked in build). */
HF_API hf_status hf_config_set_suites(hf_config *config, const uint16_t *ids, size_t n) HF_MUST_CHECK;
/* Restricts and orders the groups (HF_GROUP_*); default X25519, P-256, P-384, P-521. 1..8. */
HF_API hf_status hf_config_set_groups(hf_config *config, const uint16_t *ids, size_t n) HF_MUST_CHECK;
/* Adds a credential; up to HF_LIMIT_CREDENTIALS. The key's public half must be the certificate's: HF_ERR_KEY_MISMATCH.
 * HF_ERR_DECODE for a bad certificate.
 * Among several, a server takes the first, in the order of adding, of those
 * that can serve the client at all (suite, curve, signature scheme of the handshake), and of these rather one
 *   1. whose certificate carries the name in server_name (RFC 6066 section 3; RFC 6125/9525, wildcards included),
 *   2. all of whose certificates are signed as the client accepts (RFC 8446 sections 4.2.3 and 4.4.2.2; a self-signed
 * one counts as accepted),
 *   3. with a certificate issued by one of the authorities that the client names (section 4.2.4),
 * in this order of weight. A client chooses by 2 and 3 what it answers to a CertificateRequest. */
HF_API hf_status hf_config_add_credential(hf_config *config, const hf_credential *credential) HF_MUST_CHECK;
/* Server: an OCSP response (DER, 1..HF_LIMIT_OCSP_RESPONSE bytes, copied) to staple to the credential that was added
 * last, in place of one before (RFC 6066 section 8). It is sent to clients that ask, until it expires. HF_ERR_VERIFY:
 * it is not good for that certificate now. HF_ERR_STATE: there is no credential. */
HF_API hf_status hf_config_staple(hf_config *config, const uint8_t *response, size_t len) HF_MUST_CHECK;
/* Trust anchors for the peer's chain; the configuration takes ownership. Client: required unless verification is off.
 */
HF_API hf_status hf_config_set_trust(hf_config *config, hf_trust *trust) HF_MUST_CHECK;
/* Server only; default HF_CLIENT_AUTH_NONE. OPTIONAL and REQUIRED need trust anchors (checked in build). */
HF_API hf_status hf_config_set_client_auth(hf_config *config, hf_client_auth mode) HF_MUST_CHECK;
/* Client only; default HF_OCSP_OFF. Without verification (hf_config_set_insecure) a response is asked for and ignored,
 * and HF_OCSP_REQUIRE does not build. A resumed session has neither certificate nor response. */
HF_API hf_status hf_config_set_ocsp(hf_config *config, hf_ocsp_mode mode) HF_MUST_CHECK;
/* Whether connections keep what hf_conn_export needs after the handshake; default false: nothing is kept. */
HF_API hf_status hf_config_set_exporters(hf_config *config, bool on) HF_MUST_CHECK;
/* Server only; default false. true: a client that names a server (server_name) which no certificate carries is refused
 * with unrecognized_name, and one that names none is served as ever. */
HF_API hf_status hf_config_set_strict_sni(hf_config *config, bool strict) HF_MUST_CHECK;
/* Client only: do not verify the server's chain and name. For tests; the programs say so loudly. */
HF_API hf_status hf_config_set_insecure(hf_config *config, bool insecure) HF_MUST_CHECK;
/* ALPN (RFC 7301) names in order of preference, each 1..HF_LIMIT_ALPN_SIZE bytes, NUL-terminated; copied. A server with
 * names refuses a client that offers ALPN but none of them (no_application_protocol). n up to HF_LIMIT_ALPN_PROTOCOLS.
 * Once: HF_ERR_STATE when there are names already. */
HF_API hf_status hf_config_set_alpn(hf_config *config, const char *const *names, size_t n) HF_MUST_CHECK;
/* The largest plaintext we want to receive in one record, 64..16384 bytes (RFC 8449, record_size_limit); default 16384.
 * Sent by a client only when below 16384; a server always answers the extension. */
HF_API hf_status hf_config_set_record_size_limit(hf_config *config, size_t bytes) HF_MUST_CHECK;
/* TLS 1.3: pads every record's content with zeros to a multiple of this many bytes, 1..16384 (RFC 8446 section 5.4), as
 * far as the record may grow; 1: no padding (default). */
HF_API hf_status hf_config_set_record_padding(hf_config *config, size_t multiple) HF_MUST_CHECK;
/* TLS 1.3: how many records are sealed with one key before a KeyUpdate of our own (RFC 8446 section 5.5). 0: the
 * suite's own limit (default); a larger value than that has no effect. */
HF_API hf_status hf_config_set_rekey_after(hf_config *config, uint64_t records) HF_MUST_CHECK;
/* Client only: ask for max_fragment_length (RFC 6066 section 4): 512, 1024, 2048 or 4096; 0: do not ask (default). */
HF_API hf_status hf_config_set_max_fragment_length(hf_config *config, size_t bytes) HF_MUST_CHECK;
/* Client only: send TLS_FALLBACK_SCSV (RFC 7507): this connection is a retry below our highest version. */
HF_API hf_status hf_config_set_fallback(hf_config *config, bool fallback) HF_MUST_CHECK;

/* Checks the whole and makes it immutable. `role` says which side it is for. On failure why (why_max bytes,
 * always terminated, may be NULL with 0) tells the operator what to change; the configuration may be corrected. */
typedef enum hf_role { HF_ROLE_SERVER, HF_ROLE_CLIENT } hf_role;
HF_API hf_status hf_config_build(hf_config *config, hf_role role, char *why, size_t why_max) HF_MUST_CHECK;

/* Reference counting, thread-safe once built. Connections hold their own reference, so a reload swaps a pointer. */
HF_API void hf_config_retain(hf_config *config);
HF_API void hf_config_release(hf_config *config); /* NULL is allowed */

/* ---- Events: the handshake as it happens (explain, metrics, tests) --------------------------------- */

typedef enum hf_event_kind {
    HF_EVENT_SENT,        /* a message of ours was queued; `message` */
    HF_EVENT_RECEIVED,    /* a whole message of the peer arrived; `message` */
    HF_EVENT_CHOSE,       /* version, suite, group, ... are settled; ask hf_conn_get_info */
    HF_EVENT_VERIFIED,    /* the peer's chain and name were verified; text: subject */
    HF_EVENT_UNVERIFIED,  /* the peer's certificate was accepted without verification; text: subject or "none" */
    HF_EVENT_KEY_STARTED, /* a private-key operation was handed out; text: what and where */
    HF_EVENT_KEY_DONE,    /* it came back good */
    HF_EVENT_SECRET,      /* a secret was made or wiped; text: which, and where it was made */
    HF_EVENT_CONNECTED,   /* handshake complete */
    HF_EVENT_ALERT_SENT,  /* message: the alert */
    HF_EVENT_ALERT_RECEIVED,
    HF_EVENT_CLOSED,
    HF_EVENT_RESUMED /* an earlier session goes on; text: by what */
} hf_event_kind;

/* Values of `message` besides HandshakeType (RFC 5246 section 7.4). */
enum { HF_MESSAGE_CHANGE_CIPHER_SPEC = 0x100 };

typedef struct hf_event {
    hf_event_kind kind;
    unsigned message; /* HandshakeType, HF_MESSAGE_*, or alert number */
    size_t size;      /* bytes of the message with its header, 0 when none */
    const char *text; /* a phrase for people, never a secret; valid during the call */
} hf_event;

/* The handshake's name of a message: "ClientHello", "ChangeCipherSpec", ...; "unknown". Static storage. */
HF_API const char *hf_message_name(unsigned message);

/* ---- Connections --------------------------------------------------------------------------------- */

typedef struct hf_conn hf_conn;

typedef struct hf_conn_options {
    const char
        *server_name; /* client: host name or IP address to verify, sent as SNI when a name; NULL: neither; copied */
    void *user;       /* given to the callbacks */
    void (*on_event)(void *user, hf_conn *conn, const hf_event *event); /* NULL allowed; must not call back into conn
                                                                           except hf_conn_get_info and hf_conn_user */
    /* NSS key log (SSLKEYLOGFILE): only for debugging; the secrets of every connection pass here. NULL: off.
     * label: "CLIENT_RANDOM", in TLS 1.3 "CLIENT_TRAFFIC_SECRET_0" and the like; valid during the call. */
    void (*on_key_log)(void *user, const char *label, const uint8_t client_random[32], const uint8_t *secret,
                       size_t secret_len);
    /* Client: the session to resume; NULL: none. Retained. Not offered when it is too old, is for another server_name,
     * its certificate does not verify now, or the configuration does not allow its version or suite any more. */
    hf_session *session;
    /* Client: a session that a later connection may resume; ownership passes (hf_session_free). Called when a ticket
     * arrives (TLS 1.3: any time after the handshake, up to HF_LIMIT_TICKETS_TAKEN times) or the handshake completes
     * (TLS 1.2). As on_event: must not call back into conn. NULL: no ticket or session is asked for. */
    void (*on_session)(void *user, hf_conn *conn, hf_session *session);
} hf_conn_options;

/* A new connection of a built configuration (retained). options may be NULL; copied, but for what `user` points to. A
 * client's first step makes its hello. HF_ERR_STATE: not built; HF_ERR_INVALID: a server_name that is empty or longer
 * than HF_LIMIT_NAME; HF_ERR_NO_MEMORY, HF_ERR_RANDOM. */
HF_API hf_status hf_conn_new(hf_config *config, const hf_conn_options *options, hf_conn **out) HF_MUST_CHECK;
/* Wipes and frees; any state; a key operation that was handed out stays valid and is its holder's. NULL allowed. */
HF_API void hf_conn_free(hf_conn *conn);

enum {
    HF_WANT_INPUT = 1,     /* bytes from the transport */
    HF_WANT_OUTPUT = 2,    /* bytes for the transport are waiting */
    HF_WANT_PLAINTEXT = 4, /* application data is waiting to be taken */
    HF_WANT_ROOM = 8,      /* application data may be written */
    HF_WANT_KEY = 16,      /* a key operation waits to be taken (hf_conn_key_take) */
    HF_WANT_CLOSED = 32 /* nothing more will happen: both directions are closed or a fatal error; output may remain */
};
/* The bits above; cheap, changes nothing. While a key operation is out, no INPUT is wanted. */
HF_API unsigned hf_conn_wants(const hf_conn *conn);

/* Moves the connection as far as it can go without waiting. Returns HF_OK or the sticky status. */
HF_API hf_status hf_conn_step(hf_conn *conn, hf_worker *worker) HF_MUST_CHECK;

/* Transport to engine. out_buf: room of *out_len > 0 bytes, valid until the next call on conn; ack: how many were
 * filled (0..*out_len). HF_ERR_STATE when INPUT is not wanted, HF_ERR_NO_MEMORY. */
HF_API hf_status hf_conn_input_buf(hf_conn *conn, uint8_t **out_buf, size_t *out_len) HF_MUST_CHECK;
HF_API hf_status hf_conn_input_ack(hf_conn *conn, size_t len) HF_MUST_CHECK;
/* The transport delivered its end. Without the peer's close_notify before, the connection fails: HF_ERR_TRUNCATED. */
HF_API void hf_conn_input_eof(hf_conn *conn);

/* Engine to transport. out_buf: *out_len > 0 bytes to send, valid until the next call on conn; ack: how many went
 * (0..*out_len, else HF_ERR_INVALID). HF_ERR_STATE when OUTPUT is not wanted. */
HF_API hf_status hf_conn_output_buf(hf_conn *conn, const uint8_t **out_buf, size_t *out_len) HF_MUST_CHECK;
HF_API hf_status hf_conn_output_ack(hf_conn *conn, size_t len) HF_MUST_CHECK;

/* Engine to application: *out_len > 0 bytes of decrypted data, valid until the next call on conn; ack: how many were
 * used (0..*out_len, else HF_ERR_INVALID), which wipes them. HF_ERR_STATE when PLAINTEXT is not wanted. */
HF_API hf_status hf_conn_plaintext_buf(hf_conn *conn, const uint8_t **out_buf, size_t *out_len) HF_MUST_CHECK;
HF_API hf_status hf_conn_plaintext_ack(hf_conn *conn, size_t len) HF_MUST_CHECK;

/* Application to engine, without a copy: room inside the next record, valid until the next call on conn; ack seals the
 * first len bytes of it as one record. HF_ERR_INVALID when there are not so many, or another call used the place
 * since. HF_ERR_STATE when ROOM is not wanted, HF_ERR_CLOSED after our close_notify, or the sticky status. */
HF_API hf_status hf_conn_room_buf(hf_conn *conn, uint8_t **out_buf, size_t *out_len) HF_MUST_CHECK;
HF_API hf_status hf_conn_room_ack(hf_conn *conn, hf_worker *worker, size_t len) HF_MUST_CHECK;

/* Application to engine, from the caller's buffer: seals as many whole records as the output limit allows; *out_taken
 * bytes were taken (0..len), the rest is offered again after OUTPUT was drained. data: borrowed for the call.
 * HF_ERR_STATE before the handshake is complete, HF_ERR_CLOSED after our close_notify, or the sticky status; then
 * nothing was taken. */
HF_API hf_status hf_conn_write(hf_conn *conn, hf_worker *worker, const uint8_t *data, size_t len,
                               size_t *out_taken) HF_MUST_CHECK;

/* The largest content of the records that data written from now on is cut into, HF_RECORD_SIZE_MIN..16384 bytes
 * (default 16384); the peer's own limit stays above it. Small records at a start arrive one by one and can be used
 * before the next packet is there; full ones cost least. HF_ERR_INVALID. */
#define HF_RECORD_SIZE_MIN 64
HF_API hf_status hf_conn_set_record_size(hf_conn *conn, size_t bytes) HF_MUST_CHECK;

/* Closes our direction: close_notify is queued after everything written. Idempotent. During a handshake: cancels it
 * (user_canceled, close_notify). */
HF_API void hf_conn_close(hf_conn *conn, hf_worker *worker);
/* Ends the connection with a fatal alert for a reason of the application's own (deadline, shutdown): `status` sticks
 * and must be an alert to send or a local fault (sent as internal_error). */
HF_API void hf_conn_fail(hf_conn *conn, hf_worker *worker, hf_status status, const char *reason);

/* TLS 1.3: new keys for our direction, and for the peer's if asked (KeyUpdate, RFC 8446 section 4.6.3). HF_ERR_STATE in
 * another version, before the handshake is complete or after our close_notify. */
HF_API hf_status hf_conn_key_update(hf_conn *conn, hf_worker *worker, bool request_peer) HF_MUST_CHECK;

/* Keying material for a protocol on top, which both ends can compute and nobody else (RFC 5705; RFC 8446 section 7.5):
 * out_len bytes, 1..HF_LIMIT_EXPORT, into out. label: NUL-terminated, 1..HF_LIMIT_EXPORT_LABEL bytes, none that TLS
 * uses itself ("master secret" etc.). context NULL: without one, which in TLS 1.2 differs from an empty one and in
 * TLS 1.3 does not. The connection's thread; changes nothing. HF_ERR_INVALID: label, context or length out of range.
 * HF_ERR_STATE: the configuration does not keep exporters, the handshake is not complete, or the connection failed.
 * HF_ERR_UNSUPPORTED: TLS 1.2 without extended master secret (RFC 7627). out is zeroed on error. */
typedef struct hf_export_context {
    const uint8_t *data; /* borrowed */
    size_t len;          /* bytes, 0..HF_LIMIT_EXPORT_CONTEXT */
} hf_export_context;
HF_API hf_status hf_conn_export(const hf_conn *conn, const char *label, const hf_export_context *context, uint8_t *out,
                                size_t out_len) HF_MUST_CHECK;

/* Private keys, see key.h. take: ownership of the operation passes to the caller (HF_ERR_STATE when none waits).
 * done: consumes op in every case; HF_ERR_STALE when the connection does not wait for it. Then step. */
HF_API hf_status hf_conn_key_take(hf_conn *conn, hf_key_op **out) HF_MUST_CHECK;
HF_API hf_status hf_conn_key_done(hf_conn *conn, hf_key_op *op) HF_MUST_CHECK;

/* ---- What is known of a connection ---------------------------------------------------------------- */

typedef struct hf_conn_info {
    bool connected; /* handshake complete */
    bool got_close_notify, sent_close_notify;
    uint16_t version;       /* 0x0303; 0 before it is settled */
    uint16_t suite;         /* 0 before it is settled */
    uint16_t group;         /* ECDHE; 0 with RSA key transport, and in a resumed TLS 1.2 connection */
    uint16_t server_scheme; /* of the server's signature; 0 with RSA key transport, and when resumed */
    uint16_t client_scheme; /* of the client's CertificateVerify; 0 without */
    bool extended_master_secret, encrypt_then_mac, secure_renegotiation;
    bool client_cert_requested;  /* server asked for a certificate */
    bool ocsp_good;              /* client: a stapled OCSP response was verified and says "good" */
    bool peer_verified;          /* chain (and name, for a client) verified against the trust anchors */
    bool resumed;                /* an earlier session: the peer's certificate, if any, is that session's */
    hf_resumption resumption;    /* by what */
    const char *server_name;     /* SNI, NULL when none; owned by the connection */
    const char *alpn;            /* NULL when none; owned by the connection */
    const char *record_provider; /* provider of the record cipher */
    const char *cipher;          /* "AES-128-GCM" */
    size_t send_limit;           /* largest content of a record that the peer takes */
    size_t memory;               /* bytes that this connection holds from its allocator now */
} hf_conn_info;
HF_API void hf_conn_get_info(const hf_conn *conn, hf_conn_info *out);

/* The sticky status, HF_OK while healthy; and the reason in words for the operator (static or connection storage). */
HF_API hf_status hf_conn_status(const hf_conn *conn);
HF_API const char *hf_conn_reason(const hf_conn *conn);
/* Unique number of the connection in this process, never 0. */
HF_API uint64_t hf_conn_id(const hf_conn *conn);
HF_API void *hf_conn_user(const hf_conn *conn);
/* The i-th certificate the peer sent (DER, owned by the connection); HF_ERR_NOT_FOUND past the end. */
HF_API hf_status hf_conn_peer_cert(const hf_conn *conn, size_t i, const uint8_t **out_der,
                                   size_t *out_len) HF_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
