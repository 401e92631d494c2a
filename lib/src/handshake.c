/* What both state machines share: messages out of records and back, the peer's chain, ChangeCipherSpec. */
#include "conn.h"

#define PATH_WHY_MAX 256

hf_status hf_handshake_new(hf_conn *conn)
{
    conn->hs = hf_memory_new(&conn->memory, sizeof *conn->hs);
    if (!conn->hs)
        return HF_ERR_NO_MEMORY;
    hf_transcript_init(&conn->hs->transcript);
    conn->hs->machine = conn->role == HF_ROLE_SERVER ? hf_server_start : hf_client_start;
    return HF_OK;
}

void hf_handshake_free(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    if (!hs)
        return;
    hf_transcript_cleanup(&conn->memory, &hs->transcript);
    hf_schedule13_cleanup(&hs->schedule);
    hf_buffer_free(&conn->memory, &hs->in);
    hf_buffer_free(&conn->memory, &hs->out);
    hf_buffer_free(&conn->memory, &hs->cookie);
    if (hs->group)
        hs->group->destroy(hs->kex);
    if (hs->peer_cert)
        conn->config->crypto.pki->cert_free(hs->peer_cert);
    hf_protection_cleanup(&conn->memory, &hs->next_read);
    hf_protection_cleanup(&conn->memory, &hs->next_write);
    hf_session_free(hs->session);
    hf_buffer_free(&conn->memory, &hs->ticket);
    hf_key_op_free(hs->op_ready);
    hf_key_op_free(hs->op_done);
    hf_memory_free(&conn->memory, hs, sizeof *hs);
    conn->hs = NULL;
}

/* ---- Receiving ---- */

static size_t message_limit(unsigned type)
{
    switch (type) {
    case HF_MSG_CERTIFICATE:
    case HF_MSG_CERTIFICATE_REQUEST:
    case HF_MSG_CERTIFICATE_STATUS:
        return HF_LIMIT_HANDSHAKE_MESSAGE;
    default:
        return HF_LIMIT_CLIENT_HELLO;
    }
}

bool hf_message_next(hf_conn *conn, hf_message *out)
{
    hf_handshake *hs = conn->hs;

    for (;;) {
        hf_reader r = hf_reader_of(hf_buffer_data(&hs->in), hf_buffer_len(&hs->in));
        const uint8_t *raw = r.ptr;
        uint8_t type;
        uint32_t len;
        hf_slice body;

        if (hs->ccs_pending) {
            *out = (hf_message){.type = HF_MESSAGE_CHANGE_CIPHER_SPEC};
            hf_emit(conn, HF_EVENT_RECEIVED, out->type, 1, "");
            return true;
        }
        if (!hf_read_u8(&r, &type) || !hf_read_u24(&r, &len))
            return false;
        if (len > message_limit(type)) {
            hf_fail(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "handshake message longer than our limit");
            return false;
        }
        if (!hf_read_bytes(&r, len, &body))
            return false;
        *out = (hf_message){type, body, {raw, HF_MSG_HEADER_SIZE + body.len}};
        /* A HelloRequest during a handshake is ignored and not hashed: RFC 5246 section 7.4.1.1. TLS 1.3 has none. */
        if (type == HF_MSG_HELLO_REQUEST && conn->role == HF_ROLE_CLIENT && len == 0 && conn->version != HF_TLS13) {
            hf_message_done(conn, out);
            continue;
        }
        hf_emit(conn, HF_EVENT_RECEIVED, type, out->raw.len, "");
        return true;
    }
}

void hf_message_done(hf_conn *conn, const hf_message *message)
{
    if (message->type == HF_MESSAGE_CHANGE_CIPHER_SPEC)
        conn->hs->ccs_pending = false;
    else
        hf_buffer_consume(&conn->hs->in, message->raw.len);
}

hf_status hf_take_message(hf_conn *conn, const hf_message *message)
{
    return hf_transcript_add(&conn->memory, &conn->hs->transcript, message->raw.ptr, message->raw.len);
}

hf_next hf_failed(hf_conn *conn, hf_status status, const char *reason)
{
    hf_fail(conn, status, reason);
    return HF_NEXT_FAIL;
}

hf_next hf_unexpected(hf_conn *conn, const hf_message *message)
{
    hf_fail_text(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "handshake message out of place",
                 hf_message_name(message->type));
    return HF_NEXT_FAIL;
}

/* ---- Sending ---- */

hf_status hf_message_begin(hf_conn *conn, size_t max, hf_writer *out)
{
    hf_buffer *buffer = &conn->hs->out;
    hf_status status = hf_buffer_reserve(&conn->memory, buffer, max, HF_LIMIT_HANDSHAKE_TOTAL);
    if (status == HF_OK)
        *out = hf_writer_of(buffer->data + buffer->end, max);
    return status;
}

hf_status hf_message_finish(hf_conn *conn, const hf_writer *w)
{
    if (!hf_writer_ok(w))
        return HF_ERR_BUFFER;
    conn->hs->out.end += w->len;
    hf_emit(conn, HF_EVENT_SENT, w->buf[0], w->len, "");
    return hf_transcript_add(&conn->memory, &conn->hs->transcript, w->buf, w->len);
}

hf_status hf_flight_send(hf_conn *conn)
{
    hf_buffer *out = &conn->hs->out;
    hf_status status = hf_record_write(conn, HF_CONTENT_HANDSHAKE, hf_buffer_data(out), hf_buffer_len(out));
    hf_buffer_consume(out, hf_buffer_len(out));
    return status;
}

static hf_status send_change_cipher_spec(hf_conn *conn)
{
    static const uint8_t one = 1;
    hf_handshake *hs = conn->hs;

    hf_status status = hf_flight_send(conn);
    if (status == HF_OK)
        status = hf_record_write(conn, HF_CONTENT_CHANGE_CIPHER_SPEC, &one, 1);
    if (status != HF_OK)
        return status;
    hf_emit(conn, HF_EVENT_SENT, HF_MESSAGE_CHANGE_CIPHER_SPEC, 1, "");
    conn->write = hs->next_write;
    hs->next_write = (hf_protection){0};
    return HF_OK;
}

hf_status hf_send_certificate(hf_conn *conn, const hf_own_credential *credential)
{
    hf_certificate_msg msg = {.n = credential ? credential->n : 0};
    size_t size = HF_MSG_HEADER_SIZE + 3;
    hf_writer w;

    for (size_t i = 0; i < msg.n; i++) {
        msg.certs[i] = credential->certs[i];
        size += 3 + msg.certs[i].len;
    }
    hf_status status = hf_message_begin(conn, size, &w);
    if (status != HF_OK)
        return status;
    hf_certificate_write(&w, &msg);
    return hf_message_finish(conn, &w);
}

/* ---- ChangeCipherSpec and Finished: RFC 5246 sections 7.1 and 7.4.9 ---- */

hf_status hf_send_finished12(hf_conn *conn)
{
    uint8_t verify_data[HF_VERIFY_DATA_SIZE];
    hf_writer w;

    hf_status status = send_change_cipher_spec(conn);
    if (status == HF_OK)
        status = hf_verify_data12(conn, conn->role, verify_data);
    if (status == HF_OK)
        status = hf_message_begin(conn, HF_MSG_HEADER_SIZE + HF_VERIFY_DATA_SIZE, &w);
    if (status != HF_OK)
        return status;
    hf_finished_write(&w, verify_data);
    status = hf_message_finish(conn, &w);
    return status == HF_OK ? hf_flight_send(conn) : status;
}

hf_next hf_read_change_cipher_spec(hf_conn *conn, const hf_message *message)
{
    if (message->type != HF_MESSAGE_CHANGE_CIPHER_SPEC)
        return hf_unexpected(conn, message);
    conn->read = conn->hs->next_read;
    conn->hs->next_read = (hf_protection){0};
    return HF_NEXT_AGAIN;
}

hf_next hf_read_finished12(hf_conn *conn, const hf_message *message)
{
    uint8_t expected[HF_VERIFY_DATA_SIZE];
    hf_slice verify_data;

    if (message->type != HF_MSG_FINISHED)
        return hf_unexpected(conn, message);
    hf_status status = hf_finished_parse(message->body, &verify_data);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed Finished");
    status = hf_verify_data12(conn, (hf_role)!conn->role, expected);
    if (status == HF_OK && !hf_ct_equal(expected, verify_data.ptr, sizeof expected))
        return hf_failed(conn, HF_SEND(HF_ALERT_DECRYPT_ERROR), "the peer's Finished is wrong");
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    return status == HF_OK ? HF_NEXT_AGAIN : hf_failed(conn, status, "checking Finished failed");
}

/* ---- The peer's certificates ---- */

hf_status hf_keep_peer_chain(hf_conn *conn, const hf_certificate_msg *msg, hf_cert_info *out)
{
    const hf_pki *pki = conn->config->crypto.pki;
    size_t size = 0;

    for (size_t i = 0; i < msg->n; i++)
        size += 3 + msg->certs[i].len;
    conn->peer_chain = hf_memory_new(&conn->memory, size);
    if (!conn->peer_chain)
        return HF_ERR_NO_MEMORY;
    conn->peer_chain_len = size;
    hf_writer w = hf_writer_of(conn->peer_chain, size);
    for (size_t i = 0; i < msg->n; i++) {
        hf_write_u24(&w, (uint32_t)msg->certs[i].len);
        hf_write_bytes(&w, msg->certs[i].ptr, msg->certs[i].len);
    }

    hf_status status = pki->cert_new(msg->certs[0].ptr, msg->certs[0].len, &conn->hs->peer_cert);
    if (status == HF_OK)
        status = pki->cert_info(conn->hs->peer_cert, out);
    if (status == HF_ERR_DECODE)
        return HF_SEND(HF_ALERT_BAD_CERTIFICATE);
    return status == HF_ERR_UNSUPPORTED ? HF_SEND(HF_ALERT_UNSUPPORTED_CERTIFICATE) : status;
}

hf_status hf_check_peer_chain(hf_conn *conn, const hf_certificate_msg *msg, const char *name, char *why, size_t why_max)
{
    const uint8_t *certs[HF_CHAIN_MAX];
    size_t lens[HF_CHAIN_MAX];
    const hf_env *env = conn->memory.env;

    for (size_t i = 0; i < msg->n; i++) {
        certs[i] = msg->certs[i].ptr;
        lens[i] = msg->certs[i].len;
    }
    hf_path path = {.trust = conn->config->trust,
                    .certs = certs,
                    .cert_lens = lens,
                    .n = msg->n,
                    .purpose = conn->role == HF_ROLE_CLIENT ? HF_PURPOSE_SERVER : HF_PURPOSE_CLIENT,
                    .name = name,
                    .unix_time = env->unix_time(env->time_arg)};
    return conn->config->crypto.pki->verify_path(&path, why, why_max);
}

bool hf_verify_peer_chain(hf_conn *conn, const hf_certificate_msg *msg, const char *name)
{
    char why[PATH_WHY_MAX] = "";

    hf_status status = hf_check_peer_chain(conn, msg, name, why, sizeof why);
    if (status != HF_OK) {
        hf_fail_text(conn, status, "the peer's certificate was refused", why);
        return false;
    }
    conn->peer_verified = true;
    return true;
}

bool hf_accept_client_chain(hf_conn *conn, const hf_certificate_msg *msg)
{
    bool verify = conn->config->client_auth != HF_CLIENT_AUTH_REQUEST;
    hf_cert_info info;

    hf_status status = hf_keep_peer_chain(conn, msg, &info);
    if (status != HF_OK) {
        hf_fail(conn, status, "the client's certificate cannot be used");
        return false;
    }
    if (!(info.usage & HF_USAGE_DIGITAL_SIGNATURE)) {
        hf_fail(conn, HF_SEND(HF_ALERT_UNSUPPORTED_CERTIFICATE), "the client's certificate may not sign (key usage)");
        return false;
    }
    if (verify && !hf_verify_peer_chain(conn, msg, NULL))
        return false;
    hf_emit(conn, verify ? HF_EVENT_VERIFIED : HF_EVENT_UNVERIFIED, 0, 0, info.subject);
    return true;
}

hf_status hf_conn_peer_cert(const hf_conn *conn, size_t i, const uint8_t **out_der, size_t *out_len)
{
    hf_reader r = hf_reader_of(conn->peer_chain, conn->peer_chain_len);
    hf_slice der;

    while (hf_read_vec24(&r, 1, HF_CERT_SIZE_MAX, &der)) {
        if (i-- > 0)
            continue;
        *out_der = der.ptr;
        *out_len = der.len;
        return HF_OK;
    }
    return HF_ERR_NOT_FOUND;
}
