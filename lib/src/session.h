/* Resumption from inside: the state of a session and its encoding, tickets, and whether a session may go on now.
 *
 *   session.c      hf_session: the state, encoded once, shared and counted
 *   ticket_keys.c  the secrets of the periods        ticket.c        state to ticket and back
 *   session_cache.c  session IDs of TLS 1.2          resume.c        what policy demands now
 *   psk13.c, tickets13.c  TLS 1.3                    resume12.c      TLS 1.2
 */
#ifndef HF_SESSION_H
#define HF_SESSION_H

#include <stdatomic.h>

#include "handfast/handfast.h"
#include "reader.h"
#include "writer.h"

/* What is remembered of a session. Slices are borrowed (writing) or point into the encoding (parsing). */
typedef struct hf_session_state {
    uint16_t version, suite;
    int64_t created, authenticated; /* this session; the full handshake that it goes back to; seconds since 1970 */
    uint32_t lifetime_s;            /* 1..HF_LIMIT_SESSION_LIFETIME */
    uint32_t age_add;               /* TLS 1.3: what hides the age */
    bool extended_master_secret, encrypt_then_mac, verified;
    hf_slice secret;      /* TLS 1.3: the PSK; TLS 1.2: the master secret */
    hf_slice server_name; /* server: SNI; client: what was verified; may be empty */
    hf_slice alpn;        /* for the record: negotiated anew */
    hf_slice chain;       /* the peer's certificates, each behind its 3-byte length; may be empty */
    hf_slice ticket;      /* client: what to send back */
    hf_slice session_id;  /* TLS 1.2 without a ticket */
} hf_session_state;

/* Our own versioned encoding. HF_ERR_DECODE for whatever is not exactly one state that we write: what comes out of a
 * ticket is authentic, but may be of another release. *out is zeroed on error. */
hf_status hf_session_state_parse(hf_slice bytes, hf_session_state *out) HF_MUST_CHECK;
void hf_session_state_write(hf_writer *w, const hf_session_state *in);
size_t hf_session_state_size(const hf_session_state *in);

struct hf_session {
    atomic_uint references;
    hf_env env;
    size_t size; /* as allocated */
    hf_session_state state;
    char server_name[HF_LIMIT_NAME + 1]; /* terminated, for hf_session_info */
    size_t len;
    uint8_t bytes[]; /* the encoding that state points into */
};

/* Room for an encoding of `len` bytes, to be filled; then its first `len` bytes are the encoding: parsed. */
hf_status hf_session_alloc(const hf_env *env, size_t len, hf_session **out) HF_MUST_CHECK;
hf_status hf_session_decode(hf_session *session, size_t len) HF_MUST_CHECK;
/* Encodes a copy of `state`. */
hf_status hf_session_new(const hf_env *env, const hf_session_state *state, hf_session **out) HF_MUST_CHECK;
hf_session *hf_session_retain(hf_session *session);

/* ---- ticket_keys.c ---- */

#define HF_TICKET_NAME_SIZE 16
#define HF_TICKET_SALT_SIZE 32

typedef struct hf_ticket_secret {
    uint8_t name[HF_TICKET_NAME_SIZE]; /* stands in front of the ticket; public */
    uint8_t secret[HF_TICKET_SECRET_SIZE];
} hf_ticket_secret;

/* The secret for a ticket made now, copied out; the caller wipes it. HF_ERR_NOT_FOUND: it was not installed. */
hf_status hf_ticket_keys_current(hf_ticket_keys *keys, int64_t now, hf_ticket_secret *out) HF_MUST_CHECK;
/* The secret of that name. HF_ERR_NOT_FOUND: unknown, or its time is over. */
hf_status hf_ticket_keys_find(hf_ticket_keys *keys, int64_t now, const uint8_t name[HF_TICKET_NAME_SIZE],
                              hf_ticket_secret *out) HF_MUST_CHECK;
uint32_t hf_ticket_keys_lifetime(const hf_ticket_keys *keys);

/* ---- session_cache.c ---- */

#define HF_CACHE_ID_SIZE 32

/* Remembers (retained) and finds (retained for the caller; NULL: not there or too old). */
void hf_session_cache_put(hf_session_cache *cache, const uint8_t id[HF_CACHE_ID_SIZE], hf_session *session);
hf_session *hf_session_cache_get(hf_session_cache *cache, const uint8_t id[HF_CACHE_ID_SIZE], int64_t now);
void hf_session_cache_remove(hf_session_cache *cache, const uint8_t id[HF_CACHE_ID_SIZE]);
uint32_t hf_session_cache_lifetime(const hf_session_cache *cache);

#endif
