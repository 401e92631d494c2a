/* The gate behind gate.h. It looks into the sender's connection for its write keys. */
#include "gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "gate: %s\n", what);
    abort();
}

void gate_init(gate *g, pair *p, end *from)
{
    *g = (gate){.p = p, .from = from, .to = pair_peer(p, from)};
    from->held_out = true;
}

void gate_init_connected(gate *g, pair *p, end *from)
{
    gate_init(g, p, from);
    g->protecting = true;
    g->sequence = from->conn->write.sequence;
}

void gate_cleanup(gate *g)
{
    free(g->handshake.data);
    g->handshake = (wire){0};
}

hf_slice unit_body(const unit *u)
{
    must(u->len >= HF_RECORD_HEADER_SIZE + HF_MSG_HEADER_SIZE, "a handshake message");
    return (hf_slice){u->bytes + HF_RECORD_HEADER_SIZE + HF_MSG_HEADER_SIZE,
                      u->len - HF_RECORD_HEADER_SIZE - HF_MSG_HEADER_SIZE};
}

static void record_header(uint8_t *at, uint8_t type, size_t len)
{
    const uint8_t header[HF_RECORD_HEADER_SIZE] = {type, 3, 3, (uint8_t)(len >> 8), (uint8_t)len};
    memcpy(at, header, sizeof header);
}

void unit_of_message(unit *u, const uint8_t *message, size_t len)
{
    must(len <= UNIT_MAX - HF_RECORD_HEADER_SIZE && len >= HF_MSG_HEADER_SIZE, "a message that fits one record");
    u->message = message[0];
    record_header(u->bytes, HF_CONTENT_HANDSHAKE, len);
    memcpy(u->bytes + HF_RECORD_HEADER_SIZE, message, len);
    u->len = HF_RECORD_HEADER_SIZE + len;
}

/* Cuts the next whole message off the handshake bytes. */
static bool cut_message(gate *g, unit *out)
{
    size_t have = wire_len(&g->handshake);
    const uint8_t *p = have ? wire_data(&g->handshake) : NULL;
    if (have < HF_MSG_HEADER_SIZE)
        return false;
    size_t len = HF_MSG_HEADER_SIZE + ((size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
    if (have < len)
        return false;
    unit_of_message(out, p, len);
    wire_drop(&g->handshake, len);
    return true;
}

bool gate_next(gate *g, unit *out)
{
    pair_run(g->p);
    for (;;) {
        if (cut_message(g, out))
            return true;
        if (wire_len(&g->from->out) < HF_RECORD_HEADER_SIZE)
            return false;
        const uint8_t *p = wire_data(&g->from->out);
        size_t len = HF_RECORD_HEADER_SIZE + ((size_t)p[3] << 8 | p[4]);
        must(wire_len(&g->from->out) >= len, "the sender sends whole records");
        if (p[0] == HF_CONTENT_HANDSHAKE && !g->protecting) {
            wire_put(&g->handshake, p + HF_RECORD_HEADER_SIZE, len - HF_RECORD_HEADER_SIZE);
            wire_drop(&g->from->out, len);
            continue;
        }
        out->message = g->protecting                           ? UNIT_PROTECTED
                       : p[0] == HF_CONTENT_CHANGE_CIPHER_SPEC ? (unsigned)HF_MESSAGE_CHANGE_CIPHER_SPEC
                                                               : UNIT_OTHER;
        memcpy(out->bytes, p, len);
        out->len = len;
        wire_drop(&g->from->out, len);
        return true;
    }
}

void gate_put_raw(gate *g, const void *bytes, size_t len)
{
    wire_put(&g->to->injected, bytes, len);
    pair_run(g->p);
}

void gate_pass(gate *g, const unit *u)
{
    if (u->message == UNIT_PROTECTED)
        g->sequence++;
    if (u->message == HF_MESSAGE_CHANGE_CIPHER_SPEC)
        g->protecting = true;
    gate_put_raw(g, u->bytes, u->len);
}

bool gate_until(gate *g, unsigned message, unit *out)
{
    while (gate_next(g, out)) {
        if (out->message == message)
            return true;
        gate_pass(g, out);
    }
    return false;
}

void gate_pass_all(gate *g)
{
    unit *u = malloc(sizeof *u);
    must(u != NULL, "out of memory");
    while (gate_next(g, u))
        gate_pass(g, u);
    free(u);
}

void gate_put(gate *g, uint8_t type, const void *content, size_t len)
{
    hf_conn *conn = g->from->conn;

    if (!g->protecting) {
        uint8_t *record = malloc(HF_RECORD_HEADER_SIZE + len);
        must(record != NULL, "out of memory");
        record_header(record, type, len);
        if (len)
            memcpy(record + HF_RECORD_HEADER_SIZE, content, len);
        gate_put_raw(g, record, HF_RECORD_HEADER_SIZE + len);
        free(record);
        return;
    }
    must(conn->write.cipher && hf_buffer_len(&conn->out) == 0, "the sender has keys and nothing in its hands");
    size_t limit = conn->send_limit;
    uint8_t *room;
    size_t max;
    const uint8_t *bytes;
    conn->write.sequence = g->sequence++;
    conn->worker = g->from->worker;
    conn->send_limit = len > limit ? len : limit; /* one record, also when it is longer than the sender would make it */
    must(hf_record_room(conn, &room, &max) == HF_OK && max >= len, "room for the record");
    if (len)
        memcpy(room, content, len);
    must(hf_record_seal_room(conn, type, len) == HF_OK, "the record is sealed");
    conn->worker = NULL;
    conn->send_limit = limit;
    must(hf_conn_output_buf(conn, &bytes, &max) == HF_OK, "the record is there");
    wire_put(&g->to->injected, bytes, max);
    must(hf_conn_output_ack(conn, max) == HF_OK, "the record is taken");
    pair_run(g->p);
}

void gate_put_message(gate *g, uint8_t type, const void *body, size_t len)
{
    uint8_t *message = malloc(HF_MSG_HEADER_SIZE + len);
    must(message != NULL, "out of memory");
    message[0] = type;
    message[1] = (uint8_t)(len >> 16);
    message[2] = (uint8_t)(len >> 8);
    message[3] = (uint8_t)len;
    if (len)
        memcpy(message + HF_MSG_HEADER_SIZE, body, len);
    gate_put(g, HF_CONTENT_HANDSHAKE, message, HF_MSG_HEADER_SIZE + len);
    free(message);
}
