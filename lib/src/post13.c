/* Handshake messages after a TLS 1.3 handshake: KeyUpdate and NewSessionTicket (RFC 8446 section 4.6), and the limits
 * on how long a key may be used (section 5.5). */
#include "resume.h"

#define LATE_MESSAGE_MAX 16384 /* a NewSessionTicket of some size */
#define KEY_UPDATES_MAX 32     /* of the peer's own accord, without application data between them */

/* Records that one key may seal. AES-GCM: 2^24.5 full records; ChaCha20-Poly1305 could outlive its sequence numbers;
 * AES-CCM: 2^23 by RFC 9147 section 4.5.3. All with room to spare. */
static uint64_t key_limit(const hf_conn *conn)
{
    uint64_t limit = conn->write.spec->id == HF_CHACHA20_POLY1305 ? UINT64_C(1) << 48
                     : conn->write.spec->id == HF_AES_128_CCM     ? UINT64_C(1) << 22
                                                                  : UINT64_C(1) << 24;
    uint64_t wished = conn->config->rekey_after;
    return wished != 0 && wished < limit ? wished : limit;
}

static hf_status send_key_update(hf_conn *conn, bool request)
{
    uint8_t message[HF_MSG_HEADER_SIZE + 1];
    hf_writer w = hf_writer_of(message, sizeof message);

    hf_key_update_write(&w, request);
    hf_status status = hf_record_write(conn, HF_CONTENT_HANDSHAKE, message, w.len);
    if (status != HF_OK)
        return status;
    hf_emit(conn, HF_EVENT_SENT, HF_MSG_KEY_UPDATE, w.len, "");
    return hf_update_traffic13(conn, HF_SEAL);
}

uint64_t hf_post13_left(const hf_conn *conn)
{
    if (conn->write.mode != HF_RECORD_TLS13)
        return UINT64_MAX;
    uint64_t limit = key_limit(conn);
    return conn->write.sequence < limit ? limit - conn->write.sequence : 0;
}

hf_status hf_post13_after_write(hf_conn *conn)
{
    return hf_post13_left(conn) > 0 ? HF_OK : send_key_update(conn, false);
}

hf_status hf_conn_key_update(hf_conn *conn, hf_worker *worker, bool request_peer)
{
    if (conn->status != HF_OK)
        return conn->status;
    if (!conn->connected || conn->sent_close || conn->version != HF_TLS13)
        return HF_ERR_STATE;
    hf_batch_flush(conn, worker);
    if (conn->status != HF_OK)
        return conn->status;
    conn->worker = worker;
    hf_status status = send_key_update(conn, request_peer);
    if (status == HF_OK && request_peer)
        conn->updates_asked++;
    if (status != HF_OK) {
        hf_fail(conn, status, "updating the keys failed");
        hf_settle(conn);
    }
    conn->worker = NULL;
    return status;
}

static void read_key_update(hf_conn *conn, hf_slice body, bool last)
{
    bool requested;

    hf_status status = hf_key_update_parse(body, &requested);
    if (status != HF_OK) {
        hf_fail(conn, status, "malformed KeyUpdate");
        return;
    }
    if (!last) {
        hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "data behind a KeyUpdate");
        return;
    }
    if (conn->updates_asked > 0 && !requested) { /* an answer to ours */
        conn->updates_asked--;
    } else if (++conn->key_updates > KEY_UPDATES_MAX) {
        hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "too many KeyUpdates without data");
        return;
    }
    status = hf_update_traffic13(conn, HF_OPEN);
    /* One that still waits to be sent answers both: whoever does not read shall not fill our memory. */
    if (status == HF_OK && requested && !conn->sent_close && conn->unsent_answer == 0) {
        status = send_key_update(conn, false);
        conn->unsent_answer = hf_buffer_len(&conn->out);
    }
    if (status != HF_OK)
        hf_fail(conn, status, "updating the keys failed");
}

static void read_message(hf_conn *conn, uint8_t type, hf_slice body, bool last)
{
    hf_new_session_ticket13 ticket;

    hf_emit(conn, HF_EVENT_RECEIVED, type, HF_MSG_HEADER_SIZE + body.len, "");
    if (type == HF_MSG_KEY_UPDATE) {
        read_key_update(conn, body, last);
    } else if (type == HF_MSG_NEW_SESSION_TICKET && conn->role == HF_ROLE_CLIENT) {
        hf_status status = hf_new_session_ticket13_parse(body, &ticket);
        const char *why = "malformed NewSessionTicket";
        if (status == HF_OK) {
            why = "keeping a session failed";
            status = hf_tickets13_take(conn, &ticket);
        }
        if (status != HF_OK)
            hf_fail(conn, status, why);
    } else {
        hf_fail_text(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "handshake message after the handshake",
                     hf_message_name(type));
    }
}

void hf_post13_read(hf_conn *conn, const hf_record *record)
{
    hf_status status = hf_buffer_append(&conn->memory, &conn->late, record->content, record->content_len,
                                        HF_MSG_HEADER_SIZE + LATE_MESSAGE_MAX + HF_PLAINTEXT_MAX);
    if (status != HF_OK) {
        hf_fail(conn, status, "no memory for a handshake message");
        return;
    }
    while (conn->status == HF_OK) {
        hf_reader r = hf_reader_of(hf_buffer_data(&conn->late), hf_buffer_len(&conn->late));
        uint8_t type;
        uint32_t len;
        hf_slice body;
        if (!hf_read_u8(&r, &type) || !hf_read_u24(&r, &len))
            break;
        if (len > LATE_MESSAGE_MAX) {
            hf_fail(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "handshake message longer than our limit");
            break;
        }
        if (!hf_read_bytes(&r, len, &body))
            break;
        read_message(conn, type, body, hf_reader_done(&r));
        hf_buffer_consume(&conn->late, HF_MSG_HEADER_SIZE + body.len);
    }
    if (hf_buffer_len(&conn->late) == 0)
        hf_buffer_free(&conn->memory, &conn->late);
}
