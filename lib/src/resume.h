/* Resumption as the state machines use it: what is known of a connection becomes a session, and a session that is
 * offered goes on when everything that policy demands holds now. */
#ifndef HF_RESUME_H
#define HF_RESUME_H

#include "conn.h"
#include "session.h"

/* ---- ticket.c: RFC 5077 section 4, with keys of one use ---- */

#define HF_TICKET_OVERHEAD (HF_TICKET_NAME_SIZE + HF_TICKET_SALT_SIZE + 1 + 16) /* content type and tag */

/* Appends the ticket of a state. HF_ERR_NOT_FOUND: no key to make it with now. */
hf_status hf_ticket_seal(hf_conn *conn, const hf_session_state *state, hf_writer *w) HF_MUST_CHECK;
/* The session of a ticket. *out NULL and HF_OK: not one of ours, or not any more; whatever is wrong with it. */
hf_status hf_ticket_open(hf_conn *conn, hf_slice ticket, hf_session **out) HF_MUST_CHECK;

/* ---- resume.c ---- */

/* A state of this connection, as of now; `secret` and what is not filled are the caller's. false: none can be made (a
 * chain too long, or its time is over). */
bool hf_session_of_conn(hf_conn *conn, uint32_t lifetime_s, hf_session_state *out);
/* Whether its time is not over. */
bool hf_session_is_fresh(const hf_session_state *s, int64_t now);
/* Server: name, age and client certificate; the version's own rules are its caller's. */
bool hf_session_fits_server(hf_conn *conn, const hf_client_hello *hello, const hf_session_state *s);
/* Client: whether it may be offered: age, name, verification, version and suite. */
bool hf_session_fits_client(hf_conn *conn, const hf_session_state *s);
/* It goes on: the peer's certificate is that of the session. */
hf_status hf_session_adopt(hf_conn *conn, hf_resumption by) HF_MUST_CHECK;
int64_t hf_now(const hf_conn *conn);

/* ---- psk13.c: RFC 8446 sections 4.2.11 and 4.6.1 ---- */

/* Server: looks for a PSK in the hello that may go on and whose binder is right: hs->session. HF_OK without one: a full
 * handshake. */
hf_status hf_psk13_find(hf_conn *conn, const hf_message *message, const hf_client_hello *hello,
                        const char **why) HF_MUST_CHECK;
/* Client: that we could resume. The PSK of hs->session for a hello; `room` holds it. Its binder into the written
 * message. */
void hf_psk13_ask(hf_extensions *ext);
#define HF_PSK_ROOM(session) (2 + (session)->state.ticket.len + 4 + 1 + HF_HASH_SIZE_MAX)
void hf_psk13_offer(hf_conn *conn, uint8_t *room, size_t size, hf_extensions *ext);
hf_status hf_psk13_bind(hf_conn *conn, hf_writer *w) HF_MUST_CHECK;
/* Client: what the ServerHello says to it. */
hf_status hf_psk13_settle(hf_conn *conn, const hf_server_hello *hello, const char **why) HF_MUST_CHECK;

/* Server: the tickets behind the handshake. Client: a ticket into a session. */
hf_status hf_tickets13_send(hf_conn *conn) HF_MUST_CHECK;
hf_status hf_tickets13_take(hf_conn *conn, const hf_new_session_ticket13 *msg) HF_MUST_CHECK;

/* ---- resume12.c ---- */

/* Server: looks for a session that may go on: hs->session. HF_OK without one: a full handshake. Then settles what the
 * ServerHello says: hs->session_id, hs->ticket_follows. */
hf_status hf_resume12_find(hf_conn *conn, const hf_client_hello *hello, const char **why) HF_MUST_CHECK;
hf_status hf_resume12_answer(hf_conn *conn, const hf_client_hello *hello) HF_MUST_CHECK;
/* Server: NewSessionTicket, in its place before ChangeCipherSpec; the session into the cache, at the end. */
hf_status hf_ticket12_send(hf_conn *conn) HF_MUST_CHECK;
hf_status hf_resume12_remember(hf_conn *conn) HF_MUST_CHECK;

/* Client: what the ServerHello says to our session; NewSessionTicket; the session to the application, at the end. */
hf_status hf_resume12_settle(hf_conn *conn, const hf_server_hello *hello, const char **why) HF_MUST_CHECK;
hf_status hf_ticket12_take(hf_conn *conn, const hf_message *message) HF_MUST_CHECK;
hf_status hf_resume12_give(hf_conn *conn) HF_MUST_CHECK;

/* The session's master secret, and new keys from it. */
hf_status hf_resume12_keys(hf_conn *conn) HF_MUST_CHECK;

#endif
