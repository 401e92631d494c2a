/* NewSessionTicket of TLS 1.3, RFC 8446 section 4.6.1: made behind the handshake by the server, kept by the client. */
#include "resume.h"

/* One ticket: a PSK of its own, by its nonce. */
static hf_status write_ticket(hf_conn *conn, const uint8_t *resumption, uint8_t number)
{
    const hf_env *env = conn->memory.env;
    const hf_hash *hash = conn->hs->hash;
    hf_new_session_ticket13 msg = {.nonce = {&number, 1}};
    uint8_t psk[HF_HASH_SIZE_MAX];
    hf_session_state state;
    hf_writer ticket, w;

    if (!hf_session_of_conn(conn, hf_ticket_keys_lifetime(conn->config->ticket_keys), &state))
        return HF_ERR_NOT_FOUND;
    state.ticket = state.session_id = (hf_slice){0};
    state.secret = (hf_slice){psk, hash->size};
    size_t size = hf_session_state_size(&state) + HF_TICKET_OVERHEAD;
    uint8_t *room = hf_memory_new(&conn->memory, size);
    if (!room)
        return HF_ERR_NO_MEMORY;
    ticket = hf_writer_of(room, size);
    hf_status status = env->random(env->random_arg, (uint8_t *)&msg.age_add, sizeof msg.age_add);
    if (status == HF_OK)
        status = hf_psk_of_ticket(hash, resumption, msg.nonce, psk);
    state.age_add = msg.age_add;
    if (status == HF_OK)
        status = hf_ticket_seal(conn, &state, &ticket);
    hf_wipe(psk, sizeof psk);
    if (status == HF_OK)
        status = hf_message_begin(conn, HF_MSG_HEADER_SIZE + 16 + size, &w);
    if (status == HF_OK) {
        msg.lifetime_s = state.lifetime_s;
        msg.ticket = (hf_slice){room, ticket.len};
        hf_new_session_ticket13_write(&w, &msg);
        status = hf_writer_ok(&w) ? HF_OK : HF_ERR_BUFFER;
    }
    if (status == HF_OK) { /* the transcript ends with Finished: this is no part of it */
        conn->hs->out.end += w.len;
        hf_emit(conn, HF_EVENT_SENT, HF_MSG_NEW_SESSION_TICKET, w.len, "");
    }
    hf_memory_free(&conn->memory, room, size);
    return status;
}

hf_status hf_tickets13_send(hf_conn *conn)
{
    const hf_config *config = conn->config;
    uint8_t resumption[HF_HASH_SIZE_MAX];

    if (!config->ticket_keys || !conn->hs->wants_tickets || config->n_tickets == 0)
        return HF_OK;
    hf_status status = hf_derive_resumption13(conn, resumption);
    for (unsigned i = 0; i < config->n_tickets && status == HF_OK; i++)
        status = write_ticket(conn, resumption, (uint8_t)i);
    hf_wipe(resumption, sizeof resumption);
    if (status == HF_ERR_NOT_FOUND) /* no key for tickets now, or nothing to be put into one */
        status = HF_OK;
    return status == HF_OK ? hf_flight_send(conn) : status;
}

hf_status hf_tickets13_take(hf_conn *conn, const hf_new_session_ticket13 *msg)
{
    uint32_t lifetime = msg->lifetime_s < HF_LIMIT_SESSION_LIFETIME ? msg->lifetime_s : HF_LIMIT_SESSION_LIFETIME;
    uint8_t psk[HF_HASH_SIZE_MAX];
    hf_session_state state;
    hf_session *session;

    if (!conn->options.on_session || conn->tickets_taken == HF_LIMIT_TICKETS_TAKEN ||
        !hf_session_of_conn(conn, lifetime, &state))
        return HF_OK;
    conn->tickets_taken++;
    state.age_add = msg->age_add;
    state.ticket = msg->ticket;
    state.secret = (hf_slice){psk, conn->hash13->size};
    hf_status status = hf_psk_of_ticket(conn->hash13, conn->resumption_secret, msg->nonce, psk);
    if (status == HF_OK)
        status = hf_session_new(&conn->config->env, &state, &session);
    hf_wipe(psk, sizeof psk);
    if (status == HF_OK)
        conn->options.on_session(conn->options.user, conn, session);
    return status;
}
