/* The client's start: our hello, and the version that the server answers. RFC 8446 sections 4.1.2, 4.1.3 and 4.2.1. */
#include "hello.h"
#include "negotiate.h"
#include "resume.h"

enum { SEND_CLIENT_HELLO, READ_SERVER_HELLO };

/* The session's; or one of our own, which TLS 1.3 shows to middleboxes (RFC 8446 appendix D.4) and a server that takes
 * our ticket in TLS 1.2 sends back (RFC 5077 section 3.4). */
static hf_status make_session_id(hf_conn *conn)
{
    const hf_env *env = conn->memory.env;
    hf_handshake *hs = conn->hs;
    hf_slice id = hs->session ? hs->session->state.session_id : (hf_slice){0};

    if (id.len > 0) {
        memcpy(hs->session_id, id.ptr, id.len);
        hs->session_id_len = id.len;
        return HF_OK;
    }
    if (!conn->config->tls13 && !hs->session)
        return HF_OK;
    hs->session_id_len = HF_SESSION_ID_MAX;
    return env->random(env->random_arg, hs->session_id, HF_SESSION_ID_MAX);
}

static hf_status make_hello(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;

    if (hs->session && !hf_session_fits_client(conn, &hs->session->state)) {
        hf_session_free(hs->session);
        hs->session = NULL;
    }
    hf_status status = make_session_id(conn);
    if (status == HF_OK && conn->config->tls13) { /* a share for our first group */
        hs->group = conn->config->groups[0];
        status = hs->group->generate(&hs->kex, hs->public_key);
    }
    if (status == HF_OK)
        status = hf_client_write_hello(conn);
    return status == HF_OK ? hf_flight_send(conn) : status;
}

/* The last bytes of the random tell a downgrade that a man in the middle forced: section 4.1.3. */
static bool is_downgrade(const hf_server_hello *hello)
{
    static const uint8_t sentinel[7] = {'D', 'O', 'W', 'N', 'G', 'R', 'D'};
    const uint8_t *tail = hello->random.ptr + HF_RANDOM_SIZE - 8;
    return memcmp(tail, sentinel, sizeof sentinel) == 0 && tail[7] <= 1;
}

static hf_next read_server_hello(hf_conn *conn, const hf_message *message)
{
    hf_server_hello hello;

    if (message->type != HF_MSG_SERVER_HELLO)
        return hf_unexpected(conn, message);
    hf_status status = hf_server_hello_parse(message->body, &hello);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed ServerHello");
    if (hf_has(&hello.ext, HF_EXT_SUPPORTED_VERSIONS) && conn->config->tls13)
        return hf_client13_hello(conn, message, &hello);
    if (hello.version != HF_TLS12 || !conn->config->tls12 || hello.is_retry)
        return hf_failed(conn, HF_SEND(HF_ALERT_PROTOCOL_VERSION), "the server chose a version that we did not offer");
    if (conn->config->tls13 && is_downgrade(&hello))
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER),
                         "the server has TLS 1.3 and was made to choose a lower version: a downgrade attack");
    return hf_client12_hello(conn, message, &hello);
}

hf_next hf_client_start(hf_conn *conn, const hf_message *message)
{
    if (conn->hs->state == SEND_CLIENT_HELLO) {
        hf_status status = make_hello(conn);
        if (status != HF_OK)
            return hf_failed(conn, status, "sending the ClientHello failed");
        conn->hs->state = READ_SERVER_HELLO;
        return HF_NEXT_AGAIN;
    }
    return message ? read_server_hello(conn, message) : HF_NEXT_MESSAGE;
}
