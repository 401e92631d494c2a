/* The engine's heart: a connection's life, its step, and what each kind of record means.
 *
 * hf_conn_step runs the state machine while there is a handshake, and reads records whenever it waits for a message.
 * Whoever calls hf_fail returns at once; what the failed handshake held is wiped when the outermost call leaves.
 */
#include "conn.h"
#include "exporter.h"

#include <stdio.h>

/* ---- Failure ---- */

static void send_alert(hf_conn *conn, uint8_t level, unsigned alert)
{
    uint8_t body[2] = {level, (uint8_t)alert};

    if (conn->sent_close || !conn->worker)
        return;
    if (hf_record_write(conn, HF_CONTENT_ALERT, body, sizeof body) == HF_OK)
        hf_emit(conn, HF_EVENT_ALERT_SENT, alert, sizeof body, hf_alert_name(alert));
}

/* The alert that tells the peer of a status; false: none. */
static bool alert_of(hf_status status, unsigned *out)
{
    if (hf_status_is_got(status) || status == HF_ERR_TRUNCATED)
        return false;
    *out = hf_status_is_send(status) ? (unsigned)status & 0xff : HF_ALERT_INTERNAL_ERROR;
    return true;
}

void hf_fail(hf_conn *conn, hf_status status, const char *reason)
{
    unsigned alert;

    if (conn->status != HF_OK)
        return;
    if (conn->is_cached && status != HF_ERR_TRUNCATED) /* not to be resumed: RFC 5246 section 7.2.2 */
        hf_session_cache_remove(conn->config->session_cache, conn->cached_id);
    if (alert_of(status, &alert)) {
        if (conn->hs)
            hf_buffer_free(&conn->memory, &conn->hs->out); /* an unfinished flight is not sent */
        send_alert(conn, 2, alert);
    }
    conn->status = status;
    conn->reason = reason;
    conn->sent_close = true;
}

void hf_fail_text(hf_conn *conn, hf_status status, const char *what, const char *text)
{
    if (conn->status != HF_OK)
        return;
    size_t size = strlen(what) + strlen(text) + 3;
    conn->reason_text = hf_memory_new(&conn->memory, size);
    if (conn->reason_text) {
        conn->reason_size = size;
        snprintf(conn->reason_text, size, "%s: %s", what, text);
    }
    hf_fail(conn, status, conn->reason_text ? conn->reason_text : what);
}

void hf_emit(hf_conn *conn, hf_event_kind kind, unsigned message, size_t size, const char *text)
{
    if (conn->options.on_event) {
        hf_event event = {kind, message, size, text};
        conn->options.on_event(conn->options.user, conn, &event);
    }
}

/* ---- Life ---- */

/* Everything random that does not wait for what the peer says, in one call of the generator: it is a system call. */
static hf_status draw(hf_conn *conn)
{
    const hf_env *env = conn->memory.env;
    hf_handshake *hs = conn->hs;
    struct {
        uint64_t id, op_id;
        uint8_t random[HF_RANDOM_SIZE];
    } drawn;

    hf_status status = env->random(env->random_arg, (uint8_t *)&drawn, sizeof drawn);
    if (status != HF_OK)
        return status;
    conn->id = drawn.id != 0 ? drawn.id : 1;
    hs->last_op_id = drawn.op_id;
    memcpy(conn->role == HF_ROLE_SERVER ? hs->server_random : hs->client_random, drawn.random, HF_RANDOM_SIZE);
    return HF_OK;
}

hf_status hf_conn_new(hf_config *config, const hf_conn_options *options, hf_conn **out)
{
    const hf_env *env = &config->env;
    hf_memory memory = {env, 0};
    hf_status status = HF_OK;

    if (!config->built)
        return HF_ERR_STATE;
    hf_conn *conn = hf_memory_new(&memory, sizeof *conn);
    if (!conn)
        return HF_ERR_NO_MEMORY;
    conn->memory = memory;
    conn->config = config;
    hf_config_retain(config);
    conn->role = config->role;
    conn->send_limit = conn->receive_limit = conn->record_size = HF_PLAINTEXT_MAX;
    conn->reason = "";
    conn->hello_version = HF_VERSION_TLS10;
    if (options)
        conn->options = *options;
    conn->options.server_name = NULL;
    if (options && options->server_name && conn->role == HF_ROLE_CLIENT) {
        size_t len = strlen(options->server_name);
        if (len == 0 || len > HF_LIMIT_NAME)
            status = HF_ERR_INVALID;
        else if (!(conn->server_name = hf_memory_new(&conn->memory, len + 1)))
            status = HF_ERR_NO_MEMORY;
        else
            memcpy(conn->server_name, options->server_name, len);
    }
    if (status == HF_OK)
        status = hf_handshake_new(conn);
    if (status == HF_OK)
        status = draw(conn);
    conn->options.session = NULL; /* it lives with the handshake */
    if (status == HF_OK && options && options->session && conn->role == HF_ROLE_CLIENT)
        conn->hs->session = hf_session_retain(options->session);
    if (status != HF_OK) {
        hf_conn_free(conn);
        return status;
    }
    *out = conn;
    return HF_OK;
}

void hf_conn_free(hf_conn *conn)
{
    if (!conn)
        return;
    hf_config *config = conn->config;
    hf_memory memory = conn->memory;

    hf_batch_forget(conn);
    hf_handshake_free(conn);
    hf_exporter_forget(conn);
    hf_protection_cleanup(&conn->memory, &conn->read);
    hf_protection_cleanup(&conn->memory, &conn->write);
    hf_buffer_free(&conn->memory, &conn->in);
    hf_buffer_free(&conn->memory, &conn->out);
    hf_buffer_free(&conn->memory, &conn->late);
    if (conn->server_name)
        hf_memory_free(&conn->memory, conn->server_name, strlen(conn->server_name) + 1);
    hf_memory_free(&conn->memory, conn->reason_text, conn->reason_size);
    hf_memory_free(&conn->memory, conn->peer_chain, conn->peer_chain_len);
    hf_memory_free(&memory, conn, sizeof *conn);
    hf_config_release(config);
}

void hf_settle(hf_conn *conn)
{
    if (conn->status != HF_OK) {
        hf_handshake_free(conn);
        hf_exporter_forget(conn);
        hf_protection_cleanup(&conn->memory, &conn->read);
        hf_protection_cleanup(&conn->memory, &conn->write);
        conn->plain_len = conn->plain_tail = 0;
        hf_wipe(conn->read_secret, sizeof conn->read_secret);
        hf_wipe(conn->write_secret, sizeof conn->write_secret);
        hf_wipe(conn->resumption_secret, sizeof conn->resumption_secret);
        hf_buffer_free(&conn->memory, &conn->late);
        hf_buffer_free(&conn->memory, &conn->in);
    } else if (hf_buffer_len(&conn->in) == 0) {
        hf_buffer_free(&conn->memory, &conn->in);
    }
    conn->worker = NULL;
}

/* ---- Records ---- */

static void got_close_notify(hf_conn *conn)
{
    conn->got_close = true;
    /* TLS 1.2 answers at once and discards pending writes (RFC 5246 section 7.2.1); in TLS 1.3 each direction closes by
     * itself (RFC 8446 section 6.1). */
    if (conn->version != HF_TLS13 || !conn->connected) {
        send_alert(conn, 1, HF_ALERT_CLOSE_NOTIFY);
        conn->sent_close = true;
    }
    if (!conn->connected)
        hf_fail(conn, HF_GOT(HF_ALERT_CLOSE_NOTIFY), "the peer closed during the handshake");
    hf_emit(conn, HF_EVENT_CLOSED, 0, 0, "");
}

static void read_alert(hf_conn *conn, const hf_record *record)
{
    if (record->content_len != 2) {
        hf_fail(conn, HF_SEND(HF_ALERT_DECODE_ERROR), "alert record that is not one alert");
        return;
    }
    uint8_t level = record->content[0], alert = record->content[1];
    hf_emit(conn, HF_EVENT_ALERT_RECEIVED, alert, 2, hf_alert_name(alert));
    if (conn->version == HF_TLS13 || !conn->config->tls12) /* the level says nothing any more: RFC 8446 section 6 */
        level = alert == HF_ALERT_CLOSE_NOTIFY || alert == HF_ALERT_USER_CANCELED ? 1 : 2;
    if (level != 1 && level != 2) {
        hf_fail(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "alert of unknown level");
    } else if (alert == HF_ALERT_CLOSE_NOTIFY) {
        got_close_notify(conn);
    } else if (level == 2) {
        hf_fail(conn, HF_GOT(alert), "the peer ended the connection with a fatal alert");
    } else if (++conn->warnings > HF_LIMIT_WARNING_ALERTS) {
        hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "too many warning alerts in a row");
    }
}

static void read_change_cipher_spec(hf_conn *conn, const hf_record *record)
{
    /* Dropped in TLS 1.3 (RFC 8446 section 5), which a client must expect from its first hello on. */
    bool first_answer = conn->role == HF_ROLE_CLIENT && conn->version == 0 && conn->config->tls13;
    bool compat = conn->version == HF_TLS13 || first_answer;

    if (!conn->hs || conn->hs->ccs_pending || (hf_buffer_len(&conn->hs->in) > 0 && !compat))
        hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "ChangeCipherSpec out of place");
    else if (compat && (record->content_len != 1 || record->content[0] != 1))
        hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "ChangeCipherSpec of a wrong value");
    else if (record->content_len != 1)
        hf_fail(conn, HF_SEND(HF_ALERT_DECODE_ERROR), "ChangeCipherSpec that is not one byte");
    else if (record->content[0] != 1)
        hf_fail(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "ChangeCipherSpec of a wrong value");
    else if (compat)
        conn->hs->received_records++; /* for middleboxes: dropped (RFC 8446 appendix D.4) */
    else
        conn->hs->ccs_pending = true;
    if (conn->hs && conn->hs->received_records > HF_LIMIT_HANDSHAKE_RECORDS)
        hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "handshake longer than our limit");
}

/* A handshake message after the handshake can only ask for a renegotiation, which does not exist here: it is
 * declined with a warning (RFC 5246 section 7.2.2) and skipped. */
static void read_late_handshake(hf_conn *conn, const hf_record *record)
{
    const uint8_t *p = record->content;
    size_t len = record->content_len;

    while (len > 0) {
        if (conn->late_skip > 0) {
            size_t n = conn->late_skip < len ? conn->late_skip : len;
            conn->late_skip -= n;
            p += n;
            len -= n;
            continue;
        }
        conn->late_header[conn->late_header_len++] = *p++;
        len--;
        if (conn->late_header_len < HF_MSG_HEADER_SIZE)
            continue;
        uint8_t type = conn->late_header[0];
        size_t size = (size_t)conn->late_header[1] << 16 | (size_t)conn->late_header[2] << 8 | conn->late_header[3];
        conn->late_header_len = 0;
        if (conn->role == HF_ROLE_SERVER ? type != HF_MSG_CLIENT_HELLO || size > HF_LIMIT_CLIENT_HELLO
                                         : type != HF_MSG_HELLO_REQUEST || size != 0) {
            hf_fail_text(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "handshake message after the handshake",
                         hf_message_name(type));
            return;
        }
        if (++conn->warnings > HF_LIMIT_WARNING_ALERTS) {
            hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "the peer insists on renegotiation");
            return;
        }
        conn->late_skip = size;
        if (conn->unsent_answer > 0) /* one that still waits to be sent says it */
            continue;
        send_alert(conn, 1, HF_ALERT_NO_RENEGOTIATION);
        conn->unsent_answer = hf_buffer_len(&conn->out);
    }
}

static void read_handshake(hf_conn *conn, const hf_record *record)
{
    hf_handshake *hs = conn->hs;

    if (!hs) {
        if (conn->version == HF_TLS13)
            hf_post13_read(conn, record);
        else
            read_late_handshake(conn, record);
        return;
    }
    if (hs->ccs_pending) {
        hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "handshake record before ChangeCipherSpec was due");
        return;
    }
    hs->received_bytes += record->content_len;
    if (++hs->received_records > HF_LIMIT_HANDSHAKE_RECORDS || hs->received_bytes > HF_LIMIT_HANDSHAKE_TOTAL) {
        hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "handshake longer than our limit");
        return;
    }
    hf_status status =
        hf_buffer_append(&conn->memory, &hs->in, record->content, record->content_len, HF_LIMIT_HANDSHAKE_TOTAL);
    if (status != HF_OK)
        hf_fail(conn, status, "no memory for a handshake message");
}

/* Application data stays where it is until the application took it. */
static void keep_plaintext(hf_conn *conn, const hf_record *record)
{
    size_t before = (size_t)(record->content - hf_buffer_data(&conn->in));

    conn->plain_len = record->content_len;
    conn->plain_tail = record->size - before - record->content_len;
    hf_buffer_consume(&conn->in, before);
}

bool hf_read_side_closed(const hf_conn *conn)
{
    return conn->got_close || (conn->sent_close && conn->version != HF_TLS13);
}

bool hf_take_record(hf_conn *conn, const hf_record *record)
{
    if (record->type == HF_CONTENT_APPLICATION_DATA) {
        if (!conn->connected) {
            hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "application data before the handshake is complete");
            return false;
        }
        if (hf_buffer_len(&conn->late) > 0) { /* RFC 8446 section 5.1 */
            hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "application data inside a handshake message");
            return false;
        }
        if (record->content_len > 0) {
            conn->empty_records = conn->warnings = conn->key_updates = 0;
            keep_plaintext(conn, record);
            return false;
        }
        if (++conn->empty_records > HF_LIMIT_EMPTY_RECORDS)
            hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "too many empty records in a row");
    } else if (record->type == HF_CONTENT_ALERT) {
        read_alert(conn, record);
    } else if (record->type == HF_CONTENT_CHANGE_CIPHER_SPEC) {
        read_change_cipher_spec(conn, record);
    } else {
        read_handshake(conn, record);
    }
    hf_record_drop(conn, record);
    return conn->status == HF_OK;
}

/* Takes one record of the input. false: nothing more can be done now. */
static bool read_record(hf_conn *conn)
{
    hf_record record;

    if (!conn->got_close && hf_record_next(conn, &record))
        return hf_take_record(conn, &record);
    if (conn->eof && conn->status == HF_OK && !hf_read_side_closed(conn))
        hf_fail(conn, HF_ERR_TRUNCATED,
                conn->connected ? "the transport ended without close_notify: data may be missing"
                                : "the transport ended during the handshake");
    return false;
}

/* ---- The step ---- */

static void complete(hf_conn *conn)
{
    const hf_env *env = conn->memory.env;

    hf_handshake_free(conn);
    conn->connected = true;
    if (!conn->authenticated)
        conn->authenticated = env->unix_time(env->time_arg);
    conn->warnings = 0;
    hf_emit(conn, HF_EVENT_SECRET, 0, 0, "master secret and handshake state wiped");
    hf_emit(conn, HF_EVENT_CONNECTED, 0, 0, "");
}

/* One move of the handshake. false: it waits or is over. */
static bool step_handshake(hf_conn *conn)
{
    hf_message message;
    hf_next next = conn->hs->machine(conn, NULL);

    if (next == HF_NEXT_MESSAGE) {
        if (!hf_message_next(conn, &message))
            return conn->status == HF_OK && read_record(conn);
        next = conn->hs->machine(conn, &message);
        if (next != HF_NEXT_FAIL)
            hf_message_done(conn, &message);
    }
    if (next == HF_NEXT_DONE) {
        if (hf_buffer_len(&conn->hs->in) > 0 || conn->hs->ccs_pending) {
            hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "handshake message after Finished");
            return false;
        }
        hf_status status = hf_exporter_keep12(conn);
        if (status != HF_OK) {
            hf_fail(conn, status, "no memory for the exporter secret");
            return false;
        }
        complete(conn);
        return true;
    }
    return next == HF_NEXT_AGAIN || next == HF_NEXT_MESSAGE;
}

hf_status hf_conn_step(hf_conn *conn, hf_worker *worker)
{
    hf_batch_flush(conn, worker);
    if (conn->status != HF_OK)
        return conn->status;
    conn->worker = worker;
    conn->room_len = 0;
    while (conn->status == HF_OK && conn->plain_len == 0 && (conn->hs ? step_handshake(conn) : read_record(conn))) {
    }
    hf_settle(conn);
    return conn->status;
}

void hf_conn_close(hf_conn *conn, hf_worker *worker)
{
    hf_batch_flush(conn, worker);
    if (conn->status != HF_OK || conn->sent_close)
        return;
    conn->worker = worker;
    if (!conn->connected) {
        send_alert(conn, 1, HF_ALERT_USER_CANCELED);
        send_alert(conn, 1, HF_ALERT_CLOSE_NOTIFY);
        conn->sent_close = true;
        hf_fail(conn, HF_ERR_CANCELED, "closed during the handshake");
    } else {
        send_alert(conn, 1, HF_ALERT_CLOSE_NOTIFY);
        conn->sent_close = true;
    }
    hf_settle(conn);
}

void hf_conn_fail(hf_conn *conn, hf_worker *worker, hf_status status, const char *reason)
{
    hf_batch_flush(conn, worker);
    if (conn->status != HF_OK || status == HF_OK)
        return;
    conn->worker = worker;
    hf_fail_text(conn, status, "ended by the application", reason);
    hf_settle(conn);
}
