/* Resumption in TLS 1.2: tickets (RFC 5077) and session IDs (RFC 5246 section 7.3), with extended master secret only
 * (RFC 7627 section 5.3). The abbreviated handshake:
 *
 *   ClientHello                  ->
 *                                <-  ServerHello, [NewSessionTicket], ChangeCipherSpec, Finished
 *   ChangeCipherSpec, Finished   ->
 *
 * A session keeps its master secret. So a resumed one gets no new ticket: its secret does not outlive the lifetime.
 */
#include "hello.h"
#include "negotiate.h"
#include "resume.h"

/* ---- Server ---- */

static bool is_ours(const hf_config *config, const hf_client_hello *hello, const hf_suite *suite)
{
    for (size_t i = 0; i < config->n_suites; i++)
        if (config->suites[i] == suite)
            return hf_list_has(hello->cipher_suites, suite->info.id);
    return false;
}

static bool fits12(hf_conn *conn, const hf_client_hello *hello, const hf_session_state *s)
{
    const hf_suite *suite = hf_suite_by_id(s->suite);
    bool etm = hf_has(&hello->ext, HF_EXT_ENCRYPT_THEN_MAC) && hf_suite_is_cbc(suite);

    return s->version == HF_TLS12 && s->extended_master_secret && s->encrypt_then_mac == etm &&
           is_ours(conn->config, hello, suite) && hf_session_fits_server(conn, hello, s);
}

hf_status hf_resume12_find(hf_conn *conn, const hf_client_hello *hello, const char **why)
{
    hf_handshake *hs = conn->hs;
    hf_session *session = NULL;
    hf_status status = HF_OK;
    bool by_ticket = hello->ext.session_ticket.len > 0; /* then the ID only tells the answer: RFC 5077 section 3.4 */

    if (by_ticket)
        status = hf_ticket_open(conn, hello->ext.session_ticket, &session);
    else if (conn->config->session_cache && hello->session_id.len == HF_CACHE_ID_SIZE)
        session = hf_session_cache_get(conn->config->session_cache, hello->session_id.ptr, hf_now(conn));
    if (status != HF_OK || !session)
        return status;
    if (session->state.version == HF_TLS12 && session->state.extended_master_secret && !conn->extended_master_secret) {
        hf_session_free(session);
        *why = "the client resumes without extended_master_secret a session that has it"; /* RFC 7627 section 5.3 */
        return HF_SEND(HF_ALERT_HANDSHAKE_FAILURE);
    }
    if (!fits12(conn, hello, &session->state)) {
        hf_session_free(session);
        return HF_OK;
    }
    hs->session = session;
    hs->resumed_by = by_ticket ? HF_RESUMED_TICKET : HF_RESUMED_SESSION_ID;
    return HF_OK;
}

static bool has_ticket_key(const hf_conn *conn)
{
    hf_ticket_keys *keys = conn->config->ticket_keys;
    hf_ticket_secret secret;

    bool has = keys && hf_ticket_keys_current(keys, hf_now(conn), &secret) == HF_OK;
    if (has)
        hf_wipe(&secret, sizeof secret);
    return has;
}

hf_status hf_resume12_answer(hf_conn *conn, const hf_client_hello *hello)
{
    const hf_env *env = conn->memory.env;
    const hf_config *config = conn->config;
    hf_handshake *hs = conn->hs;

    if (hs->session) { /* the client's own ID says yes */
        hs->session_id_len = hello->session_id.len;
        if (hs->session_id_len > 0)
            memcpy(hs->session_id, hello->session_id.ptr, hs->session_id_len);
        return HF_OK;
    }
    if (!conn->extended_master_secret)
        return HF_OK;
    hs->ticket_follows = hf_has(&hello->ext, HF_EXT_SESSION_TICKET) && config->n_tickets > 0 && has_ticket_key(conn);
    if (hs->ticket_follows || !config->session_cache)
        return HF_OK;
    hs->session_id_len = HF_CACHE_ID_SIZE;
    return env->random(env->random_arg, hs->session_id, HF_CACHE_ID_SIZE);
}

/* A ticket of this session, or the empty one that stands for none (RFC 5077 section 3.3). */
hf_status hf_ticket12_send(hf_conn *conn)
{
    hf_new_session_ticket msg = {0};
    hf_session_state state;
    hf_writer ticket, w;

    bool can = hf_session_of_conn(conn, hf_ticket_keys_lifetime(conn->config->ticket_keys), &state);
    state.secret = (hf_slice){conn->hs->master_secret, sizeof conn->hs->master_secret};
    size_t size = hf_session_state_size(&state) + HF_TICKET_OVERHEAD;
    uint8_t *room = hf_memory_new(&conn->memory, size);
    if (!room)
        return HF_ERR_NO_MEMORY;
    ticket = hf_writer_of(room, size);
    hf_status status = can ? hf_ticket_seal(conn, &state, &ticket) : HF_ERR_NOT_FOUND;
    if (status == HF_OK) {
        msg.ticket = (hf_slice){room, ticket.len};
        msg.lifetime_s = state.lifetime_s;
    }
    if (status == HF_OK || status == HF_ERR_NOT_FOUND)
        status = hf_message_begin(conn, HF_MSG_HEADER_SIZE + 6 + msg.ticket.len, &w);
    if (status == HF_OK) {
        hf_new_session_ticket_write(&w, &msg);
        status = hf_message_finish(conn, &w);
    }
    hf_memory_free(&conn->memory, room, size);
    return status;
}

hf_status hf_resume12_remember(hf_conn *conn)
{
    hf_session_cache *cache = conn->config->session_cache;
    hf_handshake *hs = conn->hs;
    hf_session_state state;
    hf_session *session;

    if (hs->resumed && conn->resumption == HF_RESUMED_SESSION_ID) { /* only now: whoever knows an ID cannot spoil it */
        memcpy(conn->cached_id, hs->session_id, HF_CACHE_ID_SIZE);
        conn->is_cached = true;
    }
    if (!cache || hs->resumed || hs->session_id_len != HF_CACHE_ID_SIZE ||
        !hf_session_of_conn(conn, hf_session_cache_lifetime(cache), &state))
        return HF_OK;
    state.secret = (hf_slice){hs->master_secret, sizeof hs->master_secret};
    hf_status status = hf_session_new(&conn->config->env, &state, &session);
    if (status != HF_OK)
        return status;
    hf_session_cache_put(cache, hs->session_id, session);
    hf_session_free(session);
    memcpy(conn->cached_id, hs->session_id, HF_CACHE_ID_SIZE);
    conn->is_cached = true;
    return HF_OK;
}

/* ---- Client ---- */

/* What the ServerHello says to the session that we offered. RFC 5246 section 7.4.1.3, RFC 5077 section 3.4. */
hf_status hf_resume12_settle(hf_conn *conn, const hf_server_hello *hello, const char **why)
{
    hf_handshake *hs = conn->hs;
    const hf_session_state *s = hs->session ? &hs->session->state : NULL;
    bool echoed = hello->session_id.len > 0 && hello->session_id.len == hs->session_id_len &&
                  memcmp(hello->session_id.ptr, hs->session_id, hs->session_id_len) == 0;

    hs->ticket_follows = hf_has(&hello->ext, HF_EXT_SESSION_TICKET);
    if (!echoed) {
        hs->session_id_len = hello->session_id.len;
        if (hs->session_id_len > 0)
            memcpy(hs->session_id, hello->session_id.ptr, hs->session_id_len);
        return HF_OK;
    }
    if (!s || s->version != HF_TLS12) {
        *why = "the server resumes a session that we did not offer";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    if (hs->suite->info.id != s->suite) {
        *why = "the server changed the cipher suite of the session";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    if (!conn->extended_master_secret || conn->encrypt_then_mac != s->encrypt_then_mac) {
        *why = "the server resumes the session without its extended_master_secret or encrypt_then_mac";
        return HF_SEND(HF_ALERT_HANDSHAKE_FAILURE); /* RFC 7627 section 5.3 */
    }
    return hf_session_adopt(conn, s->ticket.len > 0 ? HF_RESUMED_TICKET : HF_RESUMED_SESSION_ID);
}

hf_status hf_ticket12_take(hf_conn *conn, const hf_message *message)
{
    hf_handshake *hs = conn->hs;
    hf_new_session_ticket msg;

    hf_status status = hf_new_session_ticket_parse(message->body, &msg);
    if (status != HF_OK)
        return status;
    hs->ticket_lifetime_s = msg.lifetime_s ? msg.lifetime_s : HF_DEFAULT_TICKET_LIFETIME;
    if (!conn->options.on_session)
        return HF_OK;
    return hf_buffer_append(&conn->memory, &hs->ticket, msg.ticket.ptr, msg.ticket.len, HF_LIMIT_CLIENT_HELLO);
}

hf_status hf_resume12_give(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    hf_session_state state;
    hf_session *session;
    uint32_t lifetime = hs->ticket_lifetime_s ? hs->ticket_lifetime_s : HF_DEFAULT_TICKET_LIFETIME;
    bool by_ticket = hf_buffer_len(&hs->ticket) > 0, by_id = !hs->resumed && hs->session_id_len > 0;

    if (lifetime > HF_LIMIT_SESSION_LIFETIME)
        lifetime = HF_LIMIT_SESSION_LIFETIME;
    if (!conn->options.on_session || !(by_ticket || by_id) || !hf_session_of_conn(conn, lifetime, &state))
        return HF_OK;
    state.secret = (hf_slice){hs->master_secret, sizeof hs->master_secret};
    if (by_ticket)
        state.ticket = (hf_slice){hf_buffer_data(&hs->ticket), hf_buffer_len(&hs->ticket)};
    else
        state.session_id = (hf_slice){hs->session_id, hs->session_id_len};
    hf_status status = hf_session_new(&conn->config->env, &state, &session);
    if (status == HF_OK)
        conn->options.on_session(conn->options.user, conn, session);
    return status;
}

/* ---- Both ---- */

hf_status hf_resume12_keys(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;

    memcpy(hs->master_secret, hs->session->state.secret.ptr, sizeof hs->master_secret);
    hf_emit(conn, HF_EVENT_RESUMED, 0, 0,
            conn->resumption == HF_RESUMED_TICKET ? "by a ticket: no operation of the private key"
                                                  : "by a session ID: no operation of the private key");
    if (conn->options.on_key_log)
        conn->options.on_key_log(conn->options.user, "CLIENT_RANDOM", hs->client_random, hs->master_secret,
                                 sizeof hs->master_secret);
    return hf_derive_keys12(conn);
}
