/* The four directions of bytes: each a look and an acknowledge. And what the connection wants of them. */
#include "conn.h"

#define INPUT_SIZE (HF_RECORD_HEADER_SIZE + HF_RECORD_BODY_MAX)
#define INPUT_FIRST 4096 /* room while the peer says little at a time: most requests, most flights */

static bool is_over(const hf_conn *conn)
{
    bool read_over = conn->got_close || (conn->eof && hf_read_side_closed(conn));
    return conn->status != HF_OK || (conn->sent_close && read_over);
}

static bool wants_input(const hf_conn *conn)
{
    return !is_over(conn) && !conn->opening && !conn->eof && !conn->got_close && conn->plain_len == 0 &&
           !(conn->hs && conn->hs->op_id != 0) && hf_buffer_len(&conn->in) < INPUT_SIZE;
}

/* What waits to be sent, records on their way included. */
static size_t output_len(const hf_conn *conn)
{
    return hf_buffer_len(&conn->out) + conn->out_pending;
}

static bool wants_room(const hf_conn *conn)
{
    return !is_over(conn) && conn->connected && !conn->sent_close && output_len(conn) < HF_LIMIT_OUTPUT;
}

unsigned hf_conn_wants(const hf_conn *conn)
{
    unsigned wants = 0;

    if (hf_buffer_len(&conn->out) > 0 && !conn->sealing)
        wants |= HF_WANT_OUTPUT;
    if (is_over(conn) && conn->plain_len == 0)
        return wants | HF_WANT_CLOSED;
    if (conn->plain_len > 0)
        wants |= HF_WANT_PLAINTEXT;
    if (wants_room(conn))
        wants |= HF_WANT_ROOM;
    if (conn->hs && conn->hs->op_ready)
        wants |= HF_WANT_KEY;
    if (wants_input(conn))
        wants |= HF_WANT_INPUT;
    return wants;
}

/* ---- Transport to engine ---- */

hf_status hf_conn_input_buf(hf_conn *conn, uint8_t **out_buf, size_t *out_len)
{
    if (!wants_input(conn))
        return HF_ERR_STATE;
    size_t size = conn->much_input || hf_buffer_len(&conn->in) > 0 ? INPUT_SIZE : INPUT_FIRST;
    size_t room = size - hf_buffer_len(&conn->in);
    hf_status status = hf_buffer_reserve(&conn->memory, &conn->in, room, INPUT_SIZE);
    if (status != HF_OK)
        return status;
    *out_buf = conn->in.data + conn->in.end;
    *out_len = room;
    return HF_OK;
}

hf_status hf_conn_input_ack(hf_conn *conn, size_t len)
{
    if (conn->opening)
        return HF_ERR_STATE;
    if (len > conn->in.size - conn->in.end)
        return HF_ERR_INVALID;
    if (len > 0)
        conn->much_input = len >= INPUT_FIRST;
    conn->in.end += len;
    if (hf_buffer_len(&conn->in) == 0)
        hf_buffer_free(&conn->memory, &conn->in);
    return HF_OK;
}

void hf_conn_input_eof(hf_conn *conn)
{
    conn->eof = true;
}

/* ---- Engine to transport ---- */

hf_status hf_conn_output_buf(hf_conn *conn, const uint8_t **out_buf, size_t *out_len)
{
    if (hf_buffer_len(&conn->out) == 0 || conn->sealing)
        return HF_ERR_STATE;
    *out_buf = hf_buffer_data(&conn->out);
    *out_len = hf_buffer_len(&conn->out);
    return HF_OK;
}

hf_status hf_conn_output_ack(hf_conn *conn, size_t len)
{
    if (conn->sealing)
        return HF_ERR_STATE;
    if (len > hf_buffer_len(&conn->out))
        return HF_ERR_INVALID;
    conn->room_len = 0; /* it stands in the same buffer */
    conn->unsent_answer -= len < conn->unsent_answer ? len : conn->unsent_answer;
    hf_buffer_consume(&conn->out, len);
    if (hf_buffer_len(&conn->out) == 0)
        hf_buffer_free(&conn->memory, &conn->out);
    return HF_OK;
}

/* ---- Engine to application ---- */

hf_status hf_conn_plaintext_buf(hf_conn *conn, const uint8_t **out_buf, size_t *out_len)
{
    if (conn->plain_len == 0)
        return HF_ERR_STATE;
    *out_buf = hf_buffer_data(&conn->in);
    *out_len = conn->plain_len;
    return HF_OK;
}

hf_status hf_conn_plaintext_ack(hf_conn *conn, size_t len)
{
    if (len > conn->plain_len)
        return HF_ERR_INVALID;
    hf_wipe(hf_buffer_data(&conn->in), len);
    conn->plain_len -= len;
    if (conn->plain_len == 0) {
        len += conn->plain_tail;
        conn->plain_tail = 0;
    }
    hf_buffer_consume(&conn->in, len);
    if (hf_buffer_len(&conn->in) == 0)
        hf_buffer_free(&conn->memory, &conn->in);
    return HF_OK;
}

/* ---- Application to engine ---- */

hf_status hf_may_write(const hf_conn *conn)
{
    if (conn->status != HF_OK)
        return conn->status;
    if (conn->sent_close)
        return HF_ERR_CLOSED;
    return conn->connected ? HF_OK : HF_ERR_STATE;
}

hf_status hf_conn_room_buf(hf_conn *conn, uint8_t **out_buf, size_t *out_len)
{
    hf_status status = hf_may_write(conn);
    if (status == HF_OK && (conn->sealing || !wants_room(conn)))
        status = HF_ERR_STATE;
    if (status == HF_OK)
        status = hf_record_room(conn, out_buf, out_len);
    if (status == HF_OK)
        conn->room_len = *out_len;
    return status;
}

hf_status hf_conn_room_ack(hf_conn *conn, hf_worker *worker, size_t len)
{
    hf_batch_flush(conn, worker);
    hf_status status = hf_may_write(conn);
    if (status != HF_OK)
        return status;
    if (len > conn->room_len)
        return HF_ERR_INVALID;
    conn->room_len = 0;
    if (len == 0)
        return HF_OK;
    conn->worker = worker;
    status = hf_record_seal_room(conn, HF_CONTENT_APPLICATION_DATA, len);
    if (status == HF_OK)
        status = hf_post13_after_write(conn);
    if (status != HF_OK) {
        hf_fail(conn, status, "sealing a record failed");
        hf_settle(conn);
    }
    conn->worker = NULL;
    return status;
}

size_t hf_takeable(const hf_conn *conn, size_t len)
{
    if (!wants_room(conn))
        return 0;
    size_t most = hf_record_content_max(conn), room = HF_LIMIT_OUTPUT - output_len(conn);
    size_t whole = (room + most - 1) / most * most;
    return len < whole ? len : whole;
}

size_t hf_under_this_key(const hf_conn *conn, size_t len)
{
    size_t most = hf_record_content_max(conn);
    uint64_t left = hf_post13_left(conn);
    return left < (len + most - 1) / most ? (size_t)left * most : len;
}

hf_status hf_conn_write(hf_conn *conn, hf_worker *worker, const uint8_t *data, size_t len, size_t *out_taken)
{
    *out_taken = 0;
    hf_batch_flush(conn, worker);
    hf_status status = hf_may_write(conn);
    if (status != HF_OK)
        return status;
    size_t n = hf_takeable(conn, len);

    conn->room_len = 0;
    conn->worker = worker;
    for (size_t done = 0; status == HF_OK && done < n;) {
        size_t part = hf_under_this_key(conn, n - done);
        status = hf_record_write(conn, HF_CONTENT_APPLICATION_DATA, data + done, part);
        if (status == HF_OK)
            status = hf_post13_after_write(conn);
        done += part;
    }
    if (status != HF_OK) {
        hf_fail(conn, status, "sealing a record failed");
        hf_settle(conn);
    } else {
        *out_taken = n;
    }
    conn->worker = NULL;
    return status;
}

hf_status hf_conn_set_record_size(hf_conn *conn, size_t bytes)
{
    if (bytes < HF_RECORD_SIZE_MIN || bytes > HF_PLAINTEXT_MAX)
        return HF_ERR_INVALID;
    conn->record_size = bytes;
    return HF_OK;
}
