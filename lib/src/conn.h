/* The inside of a connection. Shared by the rooms of the engine: record, handshake, the state machines, engine. */
#ifndef HF_CONN_H
#define HF_CONN_H

#include "config.h"
#include "handfast/batch.h"
#include "handfast/handfast.h"
#include "memory.h"
#include "msg.h"
#include "msg13.h"
#include "schedule13.h"
#include "session.h"
#include "transcript.h"

/* ContentType, RFC 5246 section 6.2.1. */
enum {
    HF_CONTENT_CHANGE_CIPHER_SPEC = 20,
    HF_CONTENT_ALERT = 21,
    HF_CONTENT_HANDSHAKE = 22,
    HF_CONTENT_APPLICATION_DATA = 23
};

#define HF_VERSION_SSL30 0x0300
#define HF_VERSION_TLS10 0x0301 /* only ever on records around a hello: RFC 5246 appendix E.1 */

typedef struct hf_exporter hf_exporter; /* exporter.h */

/* One direction of record protection; cipher NULL: none yet. */
typedef struct hf_protection {
    const hf_cipher *cipher;
    const hf_cipher_spec *spec;
    hf_record_mode mode;
    void *state; /* aligned inside `block` */
    void *block; /* as allocated */
    size_t block_size;
    uint64_t sequence;
} hf_protection;

/* What a state machine did, and what it waits for. */
typedef enum hf_next {
    HF_NEXT_AGAIN,   /* call me again */
    HF_NEXT_MESSAGE, /* needs the next handshake message or ChangeCipherSpec */
    HF_NEXT_KEY,     /* waits for its key operation */
    HF_NEXT_DONE,    /* handshake complete */
    HF_NEXT_FAIL     /* hf_fail was called */
} hf_next;

/* A complete handshake message, or ChangeCipherSpec (type HF_MESSAGE_CHANGE_CIPHER_SPEC, empty). Borrowed. */
typedef struct hf_message {
    unsigned type;
    hf_slice body; /* without the header */
    hf_slice raw;  /* with it: what the transcript takes */
} hf_message;

#define HF_SESSION_ID_MAX 32
#define HF_COOKIE_SIZE 32 /* of ours; a server's may be longer */

/* Everything that lives only during the handshake; wiped and freed when it completes or fails. */
typedef struct hf_handshake {
    /* The machine in charge: first one that settles the version, then that of the version. */
    hf_next (*machine)(hf_conn *conn, const hf_message *message);
    int state; /* of the machine */
    hf_transcript transcript;
    hf_buffer in;  /* received handshake bytes, not yet whole messages */
    hf_buffer out; /* our messages of this flight, not yet records */
    size_t received_bytes, received_records;
    bool ccs_pending; /* a ChangeCipherSpec record waits to be taken as message */

    uint8_t client_random[HF_RANDOM_SIZE], server_random[HF_RANDOM_SIZE];
    uint16_t client_version;
    uint8_t premaster[HF_GROUP_SHARED_MAX]; /* also room for HF_PREMASTER_SIZE */
    size_t premaster_len;
    uint8_t master_secret[HF_PREMASTER_SIZE];

    const hf_suite *suite;
    const hf_hash *hash; /* of PRF and Finished */
    const hf_group *group;
    void *kex; /* our private key share; group->destroy */
    uint8_t public_key[HF_GROUP_PUBLIC_MAX];
    const hf_own_credential *credential; /* NULL: none (client without certificate) */
    uint16_t scheme;                     /* of the signature under way */
    bool certificate_requested;
    bool staple;                 /* server: the client asks for a response; client, TLS 1.2: the server may send one */
    uint32_t offered_extensions; /* client: bits of the hello */
    hf_cert *peer_cert;

    hf_protection next_read, next_write; /* TLS 1.2: take over at ChangeCipherSpec */

    /* TLS 1.3 */
    hf_schedule13 schedule;
    uint8_t finished_keys[2][HF_HASH_SIZE_MAX]; /* by hf_role; the handshake traffic secrets themselves are not kept */
    uint8_t client_application[HF_HASH_SIZE_MAX]; /* application traffic secret, until the client's Finished */
    uint8_t session_id[HF_SESSION_ID_MAX];        /* legacy_session_id, echoed for middleboxes */
    size_t session_id_len;
    bool retried;     /* a HelloRetryRequest was sent or received */
    bool sent_ccs;    /* the ChangeCipherSpec that middleboxes want to see */
    hf_buffer cookie; /* of the HelloRetryRequest */

    /* Resumption: offered (client) or accepted (server); retained. */
    hf_session *session;
    bool resumed;          /* it goes on */
    bool wants_tickets;    /* server: the client could use one */
    bool suite_of_psk;     /* server: a HelloRetryRequest named the suite of a PSK, not our first one */
    uint16_t psk_selected; /* server: which of the client's identities */
    hf_resumption resumed_by;
    bool ticket_follows;        /* TLS 1.2: the ServerHello promises a NewSessionTicket */
    hf_buffer ticket;           /* TLS 1.2 client: of the NewSessionTicket */
    uint32_t ticket_lifetime_s; /* that it came with */

    hf_key_op *op_ready; /* waits to be taken */
    uint64_t op_id;      /* the operation that is waited for; 0: none */
    uint64_t last_op_id; /* of the operations so far; before the first one at random */
    bool op_out;         /* it was taken and did not come back */
    hf_key_op *op_done;  /* it came back */
} hf_handshake;

struct hf_conn {
    hf_config *config; /* retained */
    hf_memory memory;
    hf_role role;
    uint64_t id;
    hf_conn_options options;
    char *server_name; /* client: as given; server: SNI as received; owned */
    hf_worker *worker; /* valid during a call that was given one */

    hf_status status; /* sticky */
    const char *reason;
    char *reason_text; /* owned; NULL when reason is static */
    size_t reason_size;

    hf_buffer in, out;
    bool much_input;           /* the last read filled a small input buffer */
    size_t out_pending;        /* bytes behind out.end that records on their way have reserved */
    hf_batch *batch;           /* where this connection's records wait; NULL: none does */
    unsigned opening, sealing; /* how many, by direction */
    hf_protection read, write;
    size_t plain_len;                 /* decrypted application data at in.start that is not acknowledged */
    size_t plain_tail;                /* bytes of the record behind it (tag, padding) */
    size_t room_len;                  /* room handed out by hf_conn_room_buf, 0: none */
    size_t send_limit;                /* largest content we may send in a record */
    size_t record_size;               /* largest content the application wants in a record of its data */
    size_t receive_limit;             /* largest content we accept in a record */
    bool limit_unprotected;           /* receive_limit holds for unprotected records too (max_fragment_length) */
    unsigned empty_records, warnings; /* in a row */
    /* TLS 1.3 after the handshake: the secrets that a KeyUpdate moves on (RFC 8446 section 7.2). */
    const hf_hash *hash13;
    uint8_t read_secret[HF_HASH_SIZE_MAX], write_secret[HF_HASH_SIZE_MAX];
    hf_buffer late;                      /* handshake bytes after the handshake, not yet whole messages */
    unsigned key_updates, updates_asked; /* of the peer's own accord, in a row; that it has still to answer */
    size_t unsent_answer; /* bytes of the output up to the end of an answer to a KeyUpdate or a renegotiation */
    uint8_t resumption_secret[HF_HASH_SIZE_MAX]; /* client with on_session: what tickets turn into sessions */
    unsigned tickets_taken;

    hf_exporter *exporter; /* NULL: nothing is kept to export from; owned */

    uint8_t late_header[HF_MSG_HEADER_SIZE]; /* of a handshake message after the handshake */
    size_t late_header_len, late_skip;

    hf_handshake *hs;  /* NULL when complete or failed */
    size_t early_left; /* server: bytes of records with early data that may still be skipped */
    bool connected, eof, got_close, sent_close;
    bool peer_spoke;        /* the first record was seen */
    uint16_t hello_version; /* of our records until the version is settled */

    /* Settled by the handshake; what hf_conn_get_info tells. */
    uint16_t version, suite_id, group_id, server_scheme, client_scheme;
    bool extended_master_secret, encrypt_then_mac, secure_renegotiation, client_cert_requested, peer_verified,
        ocsp_good;
    hf_resumption resumption;
    bool is_cached; /* server: the session cache has it, under cached_id, until this connection fails */
    uint8_t cached_id[HF_CACHE_ID_SIZE];
    int64_t authenticated; /* when the full handshake was that this connection goes back to; 0: not yet */
    const char *alpn;      /* points into the configuration */
    uint8_t *peer_chain;   /* the peer's certificates, each behind its 3-byte length; owned */
    size_t peer_chain_len;
};

/* ---- engine.c ---- */

/* Ends the connection: status sticks, its alert is queued, the handshake is wiped. reason: static text. */
void hf_fail(hf_conn *conn, hf_status status, const char *reason);
/* The same with text that is copied. */
void hf_fail_text(hf_conn *conn, hf_status status, const char *what, const char *text);
void hf_emit(hf_conn *conn, hf_event_kind kind, unsigned message, size_t size, const char *text);

/* Whether nothing is missing when the transport ends now: the peer said close_notify; or we did, in TLS 1.2, where one
 * closes both directions (RFC 5246 section 7.2.1). In TLS 1.3 each has its own end (RFC 8446 section 6.1). */
bool hf_read_side_closed(const hf_conn *conn);
/* Leaves a call of the application: what a failed connection or an idle one need not hold goes. */
void hf_settle(hf_conn *conn);

/* ---- record.c, record_seal.c ---- */

#define HF_SEQUENCE_MAX (UINT64_MAX - 1) /* "MUST NOT wrap": RFC 5246 section 6.1 */

typedef struct hf_record {
    uint8_t type;
    uint8_t *content; /* inside conn->in */
    size_t content_len;
    size_t size; /* of the whole record with its header */
} hf_record;

/* A record on its way: prepared, then run by the provider, then committed. */
typedef struct hf_task {
    hf_conn *conn; /* NULL: done with */
    const hf_cipher *cipher;
    hf_direction direction;
    bool ran;
    size_t at;        /* sealing: where its header goes, bytes behind conn->out.end as that was when it was prepared */
    hf_record record; /* opening: as it came */
    hf_record_job job;
    uint8_t iv[HF_CBC_IV_SIZE];
} hf_task;

/* The next record of the input, opened in place. false: no whole record there yet, or failed. The caller drops it
 * (hf_record_drop), or turns it into pending plaintext. */
bool hf_record_next(hf_conn *conn, hf_record *out);
void hf_record_drop(hf_conn *conn, const hf_record *record);
/* The parts of the same: whether a whole and protected record stands there that may be opened; a job for it; and what
 * came of the job (false: failed). */
bool hf_record_is_protected(const hf_conn *conn, hf_record *out);
void hf_open_prepare(hf_conn *conn, const hf_record *record, hf_task *out);
bool hf_open_commit(hf_conn *conn, const hf_task *task, hf_record *out);

/* Queues data as records, application data as small as the application wants them. */
hf_status hf_record_write(hf_conn *conn, uint8_t type, const uint8_t *data, size_t len) HF_MUST_CHECK;
/* Where the content of the next record goes in place, and its sealing. */
hf_status hf_record_room(hf_conn *conn, uint8_t **out, size_t *out_len) HF_MUST_CHECK;
hf_status hf_record_seal_room(hf_conn *conn, uint8_t type, size_t len) HF_MUST_CHECK;
/* The largest content of a record of application data. */
size_t hf_record_content_max(const hf_conn *conn);
/* The parts of hf_record_write: room behind the output for len bytes in records of content_max; a job for one of them,
 * whose bytes must stay until it ran (on error nothing changed); where it goes, asked for right before it is run; and
 * what came of it, in the order of preparing. */
hf_status hf_seal_reserve(hf_conn *conn, size_t len, size_t content_max) HF_MUST_CHECK;
hf_status hf_seal_prepare(hf_conn *conn, uint8_t type, const uint8_t *data, size_t len, hf_task *out) HF_MUST_CHECK;
void hf_seal_place(hf_task *task);
hf_status hf_seal_commit(hf_conn *conn, const hf_task *task) HF_MUST_CHECK;

hf_status hf_protection_init(hf_conn *conn, hf_protection *p, const hf_cipher *cipher,
                             const hf_record_keys *keys) HF_MUST_CHECK;
void hf_protection_cleanup(hf_memory *memory, hf_protection *p);

/* (engine.c) A record that was opened does what its type means; the second half of every read. false: nothing more can
 * be done now. */
bool hf_take_record(hf_conn *conn, const hf_record *record);

/* ---- io.c ---- */

/* HF_OK: application data may be written now or later. */
hf_status hf_may_write(const hf_conn *conn) HF_MUST_CHECK;
/* How much of len bytes of application data is taken: whole records until the output has its fill. */
size_t hf_takeable(const hf_conn *conn, size_t len);
/* The part of it that the present key may still seal; 0: it is due for a KeyUpdate. */
size_t hf_under_this_key(const hf_conn *conn, size_t len);

/* ---- batch.c ---- */

/* Before a call that changes what records on their way stand on: runs and commits this connection's, alone. */
void hf_batch_flush(hf_conn *conn, hf_worker *worker);
/* Forgets them: the connection is being freed. */
void hf_batch_forget(hf_conn *conn);

/* ---- handshake.c: what both machines share ---- */

hf_status hf_handshake_new(hf_conn *conn) HF_MUST_CHECK;
void hf_handshake_free(hf_conn *conn);
/* The next whole message, if it has arrived. false: more records are needed, or failed. The message stays valid
 * until hf_message_done. */
bool hf_message_next(hf_conn *conn, hf_message *out);
void hf_message_done(hf_conn *conn, const hf_message *message);
/* Starts a message of this flight: a writer with `max` bytes of room behind those before. Finish adds it to the
 * transcript and tells it. */
hf_status hf_message_begin(hf_conn *conn, size_t max, hf_writer *out) HF_MUST_CHECK;
hf_status hf_message_finish(hf_conn *conn, const hf_writer *w) HF_MUST_CHECK;
/* A received message into the transcript. */
hf_status hf_take_message(hf_conn *conn, const hf_message *message) HF_MUST_CHECK;
/* Our Certificate; credential NULL: an empty one (RFC 5246 section 7.4.6). */
hf_status hf_send_certificate(hf_conn *conn, const hf_own_credential *credential) HF_MUST_CHECK;
/* Turns the flight into records. */
hf_status hf_flight_send(hf_conn *conn) HF_MUST_CHECK;
/* ChangeCipherSpec with the new keys behind it, and our Finished. */
hf_status hf_send_finished12(hf_conn *conn) HF_MUST_CHECK;
hf_next hf_read_change_cipher_spec(hf_conn *conn, const hf_message *message);
hf_next hf_read_finished12(hf_conn *conn, const hf_message *message);
/* A message that may not stand here. */
hf_next hf_unexpected(hf_conn *conn, const hf_message *message);
hf_next hf_failed(hf_conn *conn, hf_status status, const char *reason);
/* Remembers the peer's chain and parses its first certificate into hs->peer_cert. */
hf_status hf_keep_peer_chain(hf_conn *conn, const hf_certificate_msg *msg, hf_cert_info *out) HF_MUST_CHECK;
/* Server: takes the client's chain (not empty) as the configuration's mode asks; false: failed. */
bool hf_accept_client_chain(hf_conn *conn, const hf_certificate_msg *msg);
/* Checks a chain of the peer's against the trust anchors and the time of now: HF_OK, or the alert that refuses it. */
hf_status hf_check_peer_chain(hf_conn *conn, const hf_certificate_msg *msg, const char *name, char *why,
                              size_t why_max) HF_MUST_CHECK;
/* The same for the handshake under way; false: failed. */
bool hf_verify_peer_chain(hf_conn *conn, const hf_certificate_msg *msg, const char *name);

/* ---- keyop.c ---- */

/* Whether the key will bear one operation more: asked by a server as soon as the credential is chosen, before any
 * cryptography. HF_ERR_BUSY and *why when not. For full handshakes: a resumed one needs no key. */
hf_status hf_key_admit(const hf_own_credential *credential, const char **why) HF_MUST_CHECK;
/* Hands out a signature over `message` (hashed here as the scheme asks), or a decryption. */
hf_status hf_key_sign(hf_conn *conn, const hf_own_credential *credential, uint16_t scheme, const hf_slice *parts,
                      size_t n_parts) HF_MUST_CHECK;
hf_status hf_key_decrypt(hf_conn *conn, const hf_own_credential *credential, hf_slice encrypted) HF_MUST_CHECK;
/* The operation that came back, or NULL while it is out. Ownership passes to the caller. */
hf_key_op *hf_key_result(hf_conn *conn);
/* Verifies a signature over parts with a certificate's key. */
hf_status hf_check_signature(hf_conn *conn, const hf_cert *cert, uint16_t scheme, const hf_slice *parts, size_t n_parts,
                             hf_slice signature) HF_MUST_CHECK;

/* The same for a signature of our own, against our certificate: a faulty one can give an RSA key away, so none
 * leaves unchecked. HF_ERR_CRYPTO when it is wrong. */
hf_status hf_checked_signature(hf_conn *conn, const hf_key_op *op, const hf_slice *parts, size_t n_parts) HF_MUST_CHECK;

/* ---- keys12.c ---- */

hf_status hf_derive_master12(hf_conn *conn) HF_MUST_CHECK; /* from hs->premaster, which is wiped */
hf_status hf_derive_keys12(hf_conn *conn) HF_MUST_CHECK;   /* next_read and next_write */
hf_status hf_verify_data12(hf_conn *conn, hf_role of, uint8_t out[HF_VERIFY_DATA_SIZE]) HF_MUST_CHECK;

/* ---- keys13.c: RFC 8446 sections 7.1 to 7.3 ---- */

/* The keys of a traffic secret take over for one direction; the secret is remembered for KeyUpdate. */
hf_status hf_set_traffic13(hf_conn *conn, hf_direction direction, const uint8_t *secret) HF_MUST_CHECK;
/* The next generation of the same (section 7.2). */
hf_status hf_update_traffic13(hf_conn *conn, hf_direction direction) HF_MUST_CHECK;
/* Handshake traffic secrets from the agreed secret in hs->premaster, which is wiped; both directions take over. */
hf_status hf_enter_handshake13(hf_conn *conn) HF_MUST_CHECK;
/* Application traffic secrets; they take over one by one with hf_set_traffic13. */
hf_status hf_derive_application13(hf_conn *conn, uint8_t *out_client, uint8_t *out_server) HF_MUST_CHECK;
/* The resumption master secret, once the client's Finished is in the transcript (section 7.1). out: hash size bytes. */
hf_status hf_derive_resumption13(hf_conn *conn, uint8_t *out) HF_MUST_CHECK;
/* verify_data of one side's Finished over the transcript so far. out: hash size bytes. */
hf_status hf_verify_data13(hf_conn *conn, hf_role of, uint8_t *out) HF_MUST_CHECK;

/* ---- handshake13.c: what both TLS 1.3 machines share ---- */

#define HF_SIGNED13_MAX (64 + 33 + 1 + HF_HASH_SIZE_MAX)
/* The content that CertificateVerify of one side signs (section 4.4.3). */
hf_status hf_signed_content13(hf_conn *conn, hf_role of, uint8_t out[HF_SIGNED13_MAX],
                              hf_slice *out_content) HF_MUST_CHECK;
hf_status hf_send_certificate13(hf_conn *conn, hf_slice context, const hf_own_credential *credential) HF_MUST_CHECK;
hf_status hf_start_sign13(hf_conn *conn) HF_MUST_CHECK;
/* The key operation came back: checks and sends CertificateVerify. HF_NEXT_KEY while it is out. */
hf_next hf_send_certificate_verify13(hf_conn *conn);
hf_status hf_send_finished13(hf_conn *conn) HF_MUST_CHECK;
hf_status hf_send_compat_ccs(hf_conn *conn) HF_MUST_CHECK;
hf_next hf_read_certificate_verify13(hf_conn *conn, const hf_message *message);
hf_next hf_read_finished13(hf_conn *conn, const hf_message *message);
/* Nothing may follow a message behind which the keys change: false, and failed. */
bool hf_is_last_message(hf_conn *conn, const hf_message *message);

/* ---- post13.c ---- */

/* A handshake record after the handshake. */
void hf_post13_read(hf_conn *conn, const hf_record *record);
/* How many records the key may still seal before a KeyUpdate of our own. */
uint64_t hf_post13_left(const hf_conn *conn);
/* After records were sealed: that KeyUpdate when the key has done enough. */
hf_status hf_post13_after_write(hf_conn *conn) HF_MUST_CHECK;

/* ---- the state machines ---- */

/* They settle the version, then hand over to the machine of that version. */
hf_next hf_server_start(hf_conn *conn, const hf_message *message);
hf_next hf_client_start(hf_conn *conn, const hf_message *message);
hf_next hf_server13_step(hf_conn *conn, const hf_message *message);
hf_next hf_client13_step(hf_conn *conn, const hf_message *message);

hf_next hf_server12_step(hf_conn *conn, const hf_message *message);
hf_next hf_client12_step(hf_conn *conn, const hf_message *message);

#endif
