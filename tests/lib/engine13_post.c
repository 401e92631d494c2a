/* TLS 1.3 after the handshake: KeyUpdate, NewSessionTicket, and what may not come. RFC 8446 section 4.6. */
#include "engine13_peer.h"

TestSuite(post13, .timeout = 300);

#define TICKET                                                                                                         \
    "\0\0\x0e\x10"                                                                                                     \
    "age!"                                                                                                             \
    "\1n"                                                                                                              \
    "\0\6ticket"                                                                                                       \
    "\0\0"

/* A message after the handshake. */
static void late(bool at_server, uint8_t type, const void *body, size_t len, int alert, const char *what)
{
    pair p;
    gate13 g;
    side s = side13();
    connect13(&p, &g, &s, &s, at_server);
    gate13_put_message(&g, type, body, len);
    if (alert < 0)
        lives13(&g, what);
    else
        refused13(&g, (hf_alert)alert, what);
    close13(&p, &g);
}

Test(post13, key_update_values)
{
    for (int at_server = 0; at_server < 2; at_server++) {
        late(at_server, HF_MSG_KEY_UPDATE, "\0", 1, -1, "not requested");
        late(at_server, HF_MSG_KEY_UPDATE, "\1", 1, -1, "requested");
        late(at_server, HF_MSG_KEY_UPDATE, "\2", 1, HF_ALERT_ILLEGAL_PARAMETER, "2");
        late(at_server, HF_MSG_KEY_UPDATE, "\xff", 1, HF_ALERT_ILLEGAL_PARAMETER, "255");
        late(at_server, HF_MSG_KEY_UPDATE, "", 0, HF_ALERT_DECODE_ERROR, "empty");
        late(at_server, HF_MSG_KEY_UPDATE, "\0\0", 2, HF_ALERT_DECODE_ERROR, "two bytes");
    }
}

Test(post13, tickets)
{
    late(false, HF_MSG_NEW_SESSION_TICKET, TICKET, sizeof TICKET - 1, -1, "a ticket is dropped");
    late(true, HF_MSG_NEW_SESSION_TICKET, TICKET, sizeof TICKET - 1, HF_ALERT_UNEXPECTED_MESSAGE, "to a server");
    late(false, HF_MSG_NEW_SESSION_TICKET, TICKET, sizeof TICKET - 2, HF_ALERT_DECODE_ERROR, "cut");
    late(false, HF_MSG_NEW_SESSION_TICKET, TICKET "x", sizeof TICKET, HF_ALERT_DECODE_ERROR, "trailing byte");
}

/* We do not offer post_handshake_auth. */
Test(post13, certificate_request_is_refused)
{
    static const char request[] = "\1c\0\x08\0\x0d\0\4\0\2\4\3";
    for (int at_server = 0; at_server < 2; at_server++)
        late(at_server, HF_MSG_CERTIFICATE_REQUEST, request, sizeof request - 1, HF_ALERT_UNEXPECTED_MESSAGE,
             "CertificateRequest");
}

/* The receiver's keys move with the KeyUpdate; it answers when asked, and only then. */
Test(post13, key_update_moves_the_keys)
{
    for (int at_server = 0; at_server < 2; at_server++)
        for (int requested = 0; requested < 2; requested++) {
            pair p;
            gate13 g;
            side s = side13();
            connect13(&p, &g, &s, &s, at_server);
            size_t sent = g.to->n_sent;
            for (int i = 0; i < 5; i++) {
                gate13_put_message(&g, HF_MSG_KEY_UPDATE, requested ? "\1" : "\0", 1);
                gate13_update(&g);
                gate13_put(&g, HF_CONTENT_APPLICATION_DATA, "under new keys", 14);
                lives13(&g, "new keys");
                cr_assert_eq(wire_len(&g.to->plain), 14);
                wire_drop(&g.to->plain, 14);
            }
            cr_assert_eq(g.to->n_sent - sent, requested ? 5 : 0, "answers");
            cr_assert_eq(hf_conn_status(g.from->conn), HF_OK, "the answers' keys fit: %s",
                         hf_conn_reason(g.from->conn));
            gate13_put_message(&g, HF_MSG_KEY_UPDATE, "\0", 1);
            gate13_put(&g, HF_CONTENT_APPLICATION_DATA, "under old keys", 14);
            refused13(&g, HF_ALERT_BAD_RECORD_MAC, "old keys");
            close13(&p, &g);
        }
}

/* Nothing goes out behind close_notify (section 6.1), though the other direction goes on under new keys. */
Test(post13, key_update_behind_our_close_notify)
{
    for (int at_server = 0; at_server < 2; at_server++) {
        pair p;
        gate13 g;
        side s = side13();
        connect13(&p, &g, &s, &s, at_server);
        hf_conn_close(g.to->conn, g.to->worker);
        size_t sent = g.to->n_sent;
        gate13_put_message(&g, HF_MSG_KEY_UPDATE, "\1", 1);
        gate13_update(&g);
        gate13_put(&g, HF_CONTENT_APPLICATION_DATA, "still here", 10);
        cr_assert_eq(hf_conn_status(g.to->conn), HF_OK, "%s", hf_conn_reason(g.to->conn));
        cr_assert_eq(wire_len(&g.to->plain), 10);
        cr_assert_eq(g.to->n_sent, sent, "an answer behind close_notify");
        close13(&p, &g);
    }
}

Test(post13, data_behind_a_key_update)
{
    for (int at_server = 0; at_server < 2; at_server++) {
        pair p;
        gate13 g;
        side s = side13();
        connect13(&p, &g, &s, &s, at_server);
        gate13_put(&g, HF_CONTENT_HANDSHAKE, "\x18\0\0\1\0\x18\0\0\1\0", 10);
        refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "a second one in the same record");
        close13(&p, &g);
        connect13(&p, &g, &s, &s, at_server);
        gate13_put(&g, HF_CONTENT_HANDSHAKE, "\x18\0\0\1\0\x18", 6);
        refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "one byte of the next");
        close13(&p, &g);
    }
}

Test(post13, key_update_in_pieces)
{
    pair p;
    gate13 g;
    side s = side13();
    connect13(&p, &g, &s, &s, true);
    for (size_t i = 0; i < 5; i++)
        gate13_put(&g, HF_CONTENT_HANDSHAKE, &"\x18\0\0\1\0"[i], 1);
    gate13_update(&g);
    gate13_put(&g, HF_CONTENT_APPLICATION_DATA, "ok", 2);
    lives13(&g, "in pieces");
    cr_assert_eq(wire_len(&g.to->plain), 2);
    close13(&p, &g);
}

/* A flood without data is refused before it costs much; data between them resets the count. */
Test(post13, key_update_flood)
{
    for (int requested = 0; requested < 2; requested++) {
        pair p;
        gate13 g;
        side s = side13();
        connect13(&p, &g, &s, &s, true);
        for (int i = 0; i < 100; i++) {
            gate13_put_message(&g, HF_MSG_KEY_UPDATE, requested ? "\1" : "\0", 1);
            gate13_update(&g);
            gate13_put(&g, HF_CONTENT_APPLICATION_DATA, "x", 1);
        }
        lives13(&g, "data between");
        wire_drop(&g.to->plain, wire_len(&g.to->plain));
        for (int i = 0; i < 100 && hf_conn_status(g.to->conn) == HF_OK; i++) {
            gate13_put_message(&g, HF_MSG_KEY_UPDATE, requested ? "\1" : "\0", 1);
            gate13_update(&g);
        }
        refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "a flood");
        close13(&p, &g);
    }
}

/* But an answer to each of ours is none: one that only receives is moved on as often as we like. */
Test(post13, key_updates_that_we_ask_for)
{
    pair p = {0};
    side s = side13();
    world_run(&p, &s, &s);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(hf_conn_key_update(p.server.conn, p.server.worker, true), HF_OK);
        cr_assert(pair_send(&p, &p.server, "x", 1), "%d: %s", i, hf_conn_reason(p.server.conn));
        cr_assert(pair_connected(&p), "%d: %s", i, hf_conn_reason(p.server.conn));
    }
    cr_assert_eq(wire_len(&p.client.plain), 100);
    pair_cleanup(&p);
}

/* What the client has to say comes to the server, which answers nothing of it away. */
static void to_server_only(pair *p)
{
    const uint8_t *bytes;
    size_t len, max;
    uint8_t *room;
    cr_assert_eq(hf_conn_output_buf(p->client.conn, &bytes, &len), HF_OK);
    cr_assert_eq(hf_conn_input_buf(p->server.conn, &room, &max), HF_OK);
    cr_assert_leq(len, max);
    memcpy(room, bytes, len);
    cr_assert_eq(hf_conn_input_ack(p->server.conn, len), HF_OK);
    cr_assert_eq(hf_conn_output_ack(p->client.conn, len), HF_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(hf_conn_step(p->server.conn, p->server.worker), HF_OK, "%s", hf_conn_reason(p->server.conn));
        if (hf_conn_plaintext_buf(p->server.conn, &bytes, &len) == HF_OK)
            cr_assert_eq(hf_conn_plaintext_ack(p->server.conn, len), HF_OK);
    }
}

/* Whoever asks and asks and does not read is answered once (section 4.6.3: a silent one may do so), and holds no memory
 * of ours; what follows is under the right keys. */
Test(post13, answers_that_nobody_reads)
{
    pair p = {0};
    side s = side13();
    hf_conn_info before, after;
    size_t taken;
    world_run(&p, &s, &s);
    hf_conn_get_info(p.server.conn, &before);
    size_t sent = p.server.n_sent;
    for (int i = 0; i < 5000; i++) {
        cr_assert_eq(hf_conn_key_update(p.client.conn, p.client.worker, true), HF_OK);
        cr_assert_eq(hf_conn_write(p.client.conn, p.client.worker, (const uint8_t *)"x", 1, &taken), HF_OK);
        to_server_only(&p);
    }
    hf_conn_get_info(p.server.conn, &after);
    cr_assert_lt(after.memory, before.memory + 1000, "%zu bytes", after.memory);
    cr_assert_eq(p.server.n_sent - sent, 1, "%zu answers", p.server.n_sent - sent);
    cr_assert(pair_send(&p, &p.server, "and then", 8), "%s", hf_conn_reason(p.client.conn));
    cr_assert(pair_connected(&p), "%s", hf_conn_reason(p.client.conn));
    cr_assert_eq(wire_len(&p.client.plain), 8);
    cr_assert_eq(hf_conn_key_update(p.client.conn, p.client.worker, true), HF_OK);
    pair_run(&p);
    cr_assert_eq(p.server.n_sent - sent, 2, "the next one is answered again");
    pair_cleanup(&p);
}

/* The largest message, of which all but a byte is there when a full record comes. */
Test(post13, largest_message_and_a_full_record)
{
    static uint8_t tickets[2 * (HF_MSG_HEADER_SIZE + 16384)];
    hf_writer w = hf_writer_of(tickets, sizeof tickets);
    static uint8_t ticket[16384 - 4 - 4 - 1 - 2 - 2];
    pair p;
    gate13 g;
    side s = side13();
    for (int i = 0; i < 2; i++)
        hf_new_session_ticket13_write(&w, &(hf_new_session_ticket13){.ticket = {ticket, sizeof ticket}});
    cr_assert(hf_writer_ok(&w));
    cr_assert_eq(w.len, sizeof tickets);
    connect13(&p, &g, &s, &s, false);
    gate13_put(&g, HF_CONTENT_HANDSHAKE, tickets, 16384);
    gate13_put(&g, HF_CONTENT_HANDSHAKE, tickets + 16384, 3);
    gate13_put(&g, HF_CONTENT_HANDSHAKE, tickets + 16387, 16384);
    gate13_put(&g, HF_CONTENT_HANDSHAKE, tickets + 32771, sizeof tickets - 32771);
    lives13(&g, "two of the largest tickets");
    close13(&p, &g);
}

Test(post13, message_longer_than_our_limit)
{
    pair p;
    gate13 g;
    side s = side13();
    connect13(&p, &g, &s, &s, false);
    gate13_put(&g, HF_CONTENT_HANDSHAKE, "\4\xff\xff\xff", 4);
    hf_status status = hf_conn_status(g.to->conn);
    cr_assert(hf_status_is_send(status), "%s", hf_status_text(status));
    close13(&p, &g);
}

/* A KeyUpdate under the handshake keys comes too early: section 4.6.3. */
Test(post13, key_update_before_finished)
{
    for (int at_server = 0; at_server < 2; at_server++) {
        pair p;
        gate13 g;
        unit u;
        side s = side13();
        open13(&p, &g, &s, &s, at_server);
        reach13(&g, HF_MSG_FINISHED, &u);
        gate13_put_message(&g, HF_MSG_KEY_UPDATE, "\0", 1);
        refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "before Finished");
        close13(&p, &g);
    }
}

/* Application data under the handshake keys, and under the right ones but before our Finished was answered. */
Test(post13, application_data_before_finished)
{
    for (int at_server = 0; at_server < 2; at_server++) {
        pair p;
        gate13 g;
        unit u;
        side s = side13();
        open13(&p, &g, &s, &s, at_server);
        reach13(&g, HF_MSG_FINISHED, &u);
        gate13_put(&g, HF_CONTENT_APPLICATION_DATA, "early", 5);
        refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "before Finished");
        close13(&p, &g);
    }
}
