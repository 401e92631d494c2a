/* Application data in both directions, closing, and the surface of four directions of bytes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "world.h"

TestSuite(data, .timeout = 300);

static uint8_t *noise(size_t len, uint32_t seed)
{
    uint8_t *bytes = malloc(len);
    cr_assert_not_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(pair_random(&seed) >> 11);
    return bytes;
}

static void assert_arrives(pair *p, end *from, size_t len)
{
    end *to = pair_peer(p, from);
    uint8_t *bytes = noise(len, (uint32_t)len + 1);
    cr_assert(pair_send(p, from, bytes, len), "%s", hf_conn_reason(from->conn));
    cr_assert_eq(wire_len(&to->plain), len, "%zu of %zu: %s", wire_len(&to->plain), len, hf_conn_reason(to->conn));
    cr_assert_eq(memcmp(wire_data(&to->plain), bytes, len), 0);
    wire_drop(&to->plain, len);
    free(bytes);
}

Test(data, of_every_suite_and_size)
{
    static const size_t sizes[] = {1, 15, 16, 17, 255, 256, 1400, 16383, 16384, 16385, 40000};
    const hf_suite_info *suite;
    for (size_t i = 0; (suite = hf_suite_at(i)) != NULL; i++) {
        pair p = {.pieces = PAIR_RANDOM, .seed = suite->id};
        bool ecdsa = strstr(suite->name, "ECDSA") != NULL;
        world_run(
            &p, &(side){.policy = HF_POLICY_COMPATIBLE, .tls13 = true, .suites = {suite->id}},
            &(side){.policy = HF_POLICY_COMPATIBLE, .tls13 = true, .cert = world_server(ecdsa ? "P-256" : "RSA-2048")});
        cr_assert(pair_connected(&p));
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            assert_arrives(&p, &p.client, sizes[j]);
            assert_arrives(&p, &p.server, sizes[j]);
        }
        pair_cleanup(&p);
    }
}

Test(data, much_of_it)
{
    for (pair_pieces pieces = PAIR_WHOLE; pieces <= PAIR_RANDOM; pieces += 2) {
        pair p = {.pieces = pieces, .seed = 77};
        world_run(&p, &(side){0}, &(side){0});
        assert_arrives(&p, &p.client, pieces == PAIR_WHOLE ? 8u << 20 : 1u << 20);
        assert_arrives(&p, &p.server, pieces == PAIR_WHOLE ? 8u << 20 : 1u << 20);
        pair_cleanup(&p);
    }
}

Test(data, byte_by_byte)
{
    pair p = {.pieces = PAIR_BYTES};
    world_run(&p, &(side){.policy = HF_POLICY_COMPATIBLE, .suites = {0xc014}}, &(side){.policy = HF_POLICY_COMPATIBLE});
    assert_arrives(&p, &p.client, 300);
    assert_arrives(&p, &p.server, 300);
    pair_cleanup(&p);
}

/* A reader that does not read: the writer's output is bounded, and nothing is lost. */
Test(data, back_pressure)
{
    static uint8_t data[1 << 20];
    pair p = {0};
    size_t sent = 0, taken;
    world_run(&p, &(side){0}, &(side){0});
    do {
        cr_assert_eq(hf_conn_write(p.client.conn, p.client.worker, data, sizeof data, &taken), HF_OK);
        sent += taken;
    } while (taken > 0);
    cr_assert_gt(sent, 0);
    cr_assert_leq(sent, HF_LIMIT_OUTPUT + HF_PLAINTEXT_MAX); /* the record that passes the limit is the last */
    cr_assert_not(hf_conn_wants(p.client.conn) & HF_WANT_ROOM);
    uint8_t *room;
    size_t max;
    cr_assert_eq(hf_conn_room_buf(p.client.conn, &room, &max), HF_ERR_STATE);
    p.server.hold_plain = true;
    pair_run(&p);
    cr_assert(hf_conn_wants(p.server.conn) & HF_WANT_PLAINTEXT);
    cr_assert_not(hf_conn_wants(p.server.conn) & HF_WANT_INPUT, "no input while plaintext waits");
    p.server.hold_plain = false;
    pair_run(&p);
    cr_assert_eq(wire_len(&p.server.plain), sent);
    pair_cleanup(&p);
}

/* ---- The surface ---- */

Test(data, calls_that_are_not_wanted)
{
    pair p = {0};
    uint8_t *room;
    const uint8_t *bytes;
    size_t len, taken;
    world_pair(&p, &(side){0}, &(side){0});
    cr_assert_eq(hf_conn_output_buf(p.server.conn, &bytes, &len), HF_ERR_STATE);
    cr_assert_eq(hf_conn_plaintext_buf(p.server.conn, &bytes, &len), HF_ERR_STATE);
    cr_assert_eq(hf_conn_room_buf(p.server.conn, &room, &len), HF_ERR_STATE);
    cr_assert_eq(hf_conn_write(p.server.conn, p.server.worker, (const uint8_t *)"x", 1, &taken), HF_ERR_STATE);
    cr_assert_eq(taken, 0);
    cr_assert_eq(hf_conn_output_ack(p.server.conn, 1), HF_ERR_INVALID);
    cr_assert_eq(hf_conn_plaintext_ack(p.server.conn, 1), HF_ERR_INVALID);
    pair_run(&p);
    cr_assert(pair_connected(&p));
    cr_assert_eq(hf_conn_input_buf(p.server.conn, &room, &len), HF_OK);
    cr_assert_eq(hf_conn_input_ack(p.server.conn, len + 1), HF_ERR_INVALID);
    cr_assert_eq(hf_conn_input_ack(p.server.conn, 0), HF_OK);
    cr_assert_eq(hf_conn_room_buf(p.server.conn, &room, &len), HF_OK);
    cr_assert_eq(hf_conn_room_ack(p.server.conn, p.server.worker, len + 1), HF_ERR_INVALID);
    cr_assert_eq(hf_conn_room_ack(p.server.conn, p.server.worker, 0), HF_OK, "nothing written, nothing sent");
    cr_assert_not(hf_conn_wants(p.server.conn) & HF_WANT_OUTPUT);
    cr_assert(pair_connected(&p));
    pair_cleanup(&p);
}

/* Room that was handed out is void after another call: writing it later must not send what nobody put there. */
Test(data, room_does_not_outlive_another_call)
{
    pair p = {0};
    uint8_t *room;
    size_t len, taken;
    world_run(&p, &(side){0}, &(side){0});
    cr_assert_eq(hf_conn_room_buf(p.server.conn, &room, &len), HF_OK);
    cr_assert_eq(hf_conn_write(p.server.conn, p.server.worker, (const uint8_t *)"abc", 3, &taken), HF_OK);
    cr_assert_eq(hf_conn_room_ack(p.server.conn, p.server.worker, 5), HF_ERR_INVALID);
    pair_run(&p);
    cr_assert_eq(wire_len(&p.client.plain), 3);
    pair_cleanup(&p);
}

/* Nor the output that it stands behind: what was sent may have been given back to the allocator. */
Test(data, room_does_not_outlive_sent_output)
{
    pair p = {0};
    const uint8_t *bytes;
    uint8_t *room;
    size_t len, taken;
    world_run(&p, &(side){0}, &(side){0});
    cr_assert_eq(hf_conn_write(p.server.conn, p.server.worker, (const uint8_t *)"abc", 3, &taken), HF_OK);
    cr_assert_eq(hf_conn_room_buf(p.server.conn, &room, &len), HF_OK);
    cr_assert_eq(hf_conn_output_buf(p.server.conn, &bytes, &len), HF_OK);
    wire_put(&p.server.out, bytes, len);
    cr_assert_eq(hf_conn_output_ack(p.server.conn, len), HF_OK);
    cr_assert_eq(hf_conn_room_ack(p.server.conn, p.server.worker, 5), HF_ERR_INVALID);
    pair_run(&p);
    cr_assert_eq(wire_len(&p.client.plain), 3);
    cr_assert(pair_connected(&p));
    pair_cleanup(&p);
}

Test(data, identity)
{
    pair p = {0};
    world_run(&p, &(side){0}, &(side){0});
    cr_assert_neq(hf_conn_id(p.client.conn), 0);
    cr_assert_neq(hf_conn_id(p.client.conn), hf_conn_id(p.server.conn));
    cr_assert_eq(hf_conn_user(p.client.conn), &p.client);
    cr_assert_str_eq(hf_conn_reason(p.client.conn), "");
    pair_cleanup(&p);
}

/* ---- Closing: RFC 5246 section 7.2.1 ---- */

static void assert_closed(end *e)
{
    hf_conn_info info;
    uint8_t *room;
    size_t len;
    hf_conn_get_info(e->conn, &info);
    cr_assert(info.got_close_notify && info.sent_close_notify);
    cr_assert_eq(hf_conn_status(e->conn), HF_OK, "%s", hf_conn_reason(e->conn));
    cr_assert_eq(hf_conn_wants(e->conn), HF_WANT_CLOSED);
    cr_assert_eq(hf_conn_write(e->conn, e->worker, (const uint8_t *)"x", 1, &len), HF_ERR_CLOSED);
    cr_assert_eq(hf_conn_room_buf(e->conn, &room, &len), HF_ERR_CLOSED);
    cr_assert_eq(hf_conn_input_buf(e->conn, &room, &len), HF_ERR_STATE);
}

Test(data, close_by_either_side)
{
    for (int by_server = 0; by_server <= 1; by_server++)
        for (pair_pieces pieces = PAIR_WHOLE; pieces <= PAIR_RANDOM; pieces++) {
            pair p = {.pieces = pieces, .seed = 5};
            size_t taken;
            world_run(&p, &(side){0}, &(side){0});
            end *closer = by_server ? &p.server : &p.client, *other = pair_peer(&p, closer);
            cr_assert_eq(hf_conn_write(closer->conn, closer->worker, (const uint8_t *)"last words", 10, &taken), HF_OK);
            hf_conn_close(closer->conn, closer->worker);
            hf_conn_close(closer->conn, closer->worker); /* idempotent */
            cr_assert_not(hf_conn_wants(closer->conn) & HF_WANT_ROOM);
            pair_run(&p);
            cr_assert_eq(wire_len(&other->plain), 10);
            cr_assert_eq(closer->n_alerts_sent, 1);
            cr_assert_eq(end_alert_sent(closer), HF_ALERT_CLOSE_NOTIFY);
            cr_assert_eq(other->n_alerts_sent, 1, "answered once");
            assert_closed(closer);
            assert_closed(other);
            closer->out.closed = other->out.closed = true; /* the transport's end changes nothing now */
            pair_run(&p);
            assert_closed(closer);
            assert_closed(other);
            pair_cleanup(&p);
        }
}

/* Both at once: each got the other's, nobody waits. */
Test(data, close_crossing)
{
    pair p = {0};
    world_run(&p, &(side){0}, &(side){0});
    hf_conn_close(p.client.conn, p.client.worker);
    hf_conn_close(p.server.conn, p.server.worker);
    pair_run(&p);
    assert_closed(&p.client);
    assert_closed(&p.server);
    cr_assert_eq(p.client.n_alerts_sent + p.server.n_alerts_sent, 2);
    pair_cleanup(&p);
}

/* Data behind close_notify is ignored (RFC 5246 section 7.2.1). */
Test(data, after_close_notify_is_ignored)
{
    pair p = {0};
    gate g;
    world_pair(&p, &(side){0}, &(side){0});
    gate_init(&g, &p, &p.client);
    gate_pass_all(&g);
    gate_put(&g, 21, "\1\0", 2);
    gate_put(&g, 23, "too late", 8);
    cr_assert_eq(wire_len(&p.server.plain), 0);
    cr_assert_eq(hf_conn_status(p.server.conn), HF_OK);
    gate_cleanup(&g);
    pair_cleanup(&p);
}

/* What was still unread when the peer closed stays readable. */
Test(data, unread_data_survives_the_close)
{
    pair p = {0};
    world_run(&p, &(side){0}, &(side){0});
    p.server.hold_plain = true;
    cr_assert(pair_send(&p, &p.client, "unread", 6));
    cr_assert_not(hf_conn_wants(p.server.conn) & HF_WANT_INPUT, "it would move what the application looks at");
    hf_conn_close(p.client.conn, p.client.worker);
    pair_run(&p);
    p.client.out.closed = true;
    pair_run(&p);
    cr_assert(hf_conn_wants(p.server.conn) & HF_WANT_PLAINTEXT);
    cr_assert_not(hf_conn_wants(p.server.conn) & HF_WANT_CLOSED);
    p.server.hold_plain = false;
    pair_run(&p);
    cr_assert_eq(wire_len(&p.server.plain), 6);
    assert_closed(&p.server);
    pair_cleanup(&p);
}

Test(data, truncation_is_seen)
{
    for (int by_server = 0; by_server <= 1; by_server++) {
        pair p = {0};
        world_run(&p, &(side){0}, &(side){0});
        end *gone = by_server ? &p.server : &p.client, *other = pair_peer(&p, gone);
        cr_assert(pair_send(&p, gone, "half a sto", 10));
        gone->out.closed = true;
        pair_run(&p);
        cr_assert_eq(hf_conn_status(other->conn), HF_ERR_TRUNCATED);
        cr_assert_eq(wire_len(&other->plain), 10, "what came whole is delivered");
        cr_assert_eq(other->n_alerts_sent, 0);
        cr_assert(hf_conn_wants(other->conn) & HF_WANT_CLOSED);
        pair_cleanup(&p);
    }
}

/* In the middle of a record, at every byte of the handshake: truncated, never connected. */
Test(data, truncation_anywhere_in_the_handshake)
{
    static uint8_t flight[1 << 14];
    pair p = {0};
    gate g;
    unit u;
    size_t len = 0;
    world_pair(&p, &(side){0}, &(side){0});
    gate_init(&g, &p, &p.client);
    for (; gate_next(&g, &u); gate_pass(&g, &u))
        len += u.len;
    gate_cleanup(&g);
    pair_cleanup(&p);
    cr_assert(len > 100 && len < sizeof flight);
    for (size_t cut = 0; cut < len; cut += 1 + cut / 40) {
        size_t passed = 0;
        memset(&p, 0, sizeof p);
        world_pair(&p, &(side){0}, &(side){0});
        gate_init(&g, &p, &p.client);
        while (gate_next(&g, &u)) {
            size_t n = cut - passed < u.len ? cut - passed : u.len;
            if (n == u.len)
                gate_pass(&g, &u);
            else if (n > 0)
                gate_put_raw(&g, u.bytes, n);
            passed += n;
            if (passed == cut)
                break;
        }
        p.server.injected.closed = true;
        pair_run(&p);
        cr_assert_eq(hf_conn_status(p.server.conn), HF_ERR_TRUNCATED, "%zu of %zu: %s", cut, len,
                     hf_status_text(hf_conn_status(p.server.conn)));
        cr_assert_eq(p.server.n_connected, 0);
        gate_cleanup(&g);
        pair_cleanup(&p);
    }
}

Test(data, close_during_the_handshake)
{
    for (int by_server = 0; by_server <= 1; by_server++) {
        pair p = {0};
        world_pair(&p, &(side){0}, &(side){0});
        p.server.hold_key = true; /* stands in the middle */
        pair_run(&p);
        end *closer = by_server ? &p.server : &p.client, *other = pair_peer(&p, closer);
        hf_conn_close(closer->conn, closer->worker);
        cr_assert_eq(hf_conn_status(closer->conn), HF_ERR_CANCELED);
        cr_assert_eq(closer->n_alerts_sent, 2);
        cr_assert_eq(closer->alerts_sent[0], HF_ALERT_USER_CANCELED);
        cr_assert_eq(closer->alerts_sent[1], HF_ALERT_CLOSE_NOTIFY);
        p.server.hold_key = false;
        pair_run(&p);
        cr_assert_neq(hf_conn_status(other->conn), HF_OK);
        cr_assert_eq(other->n_connected, 0);
        pair_cleanup(&p);
    }
}

/* The application ends it: with an alert of its choice, or internal_error for a fault of ours. */
Test(data, failed_by_the_application)
{
    static const struct {
        hf_status status;
        hf_alert alert;
    } cases[] = {{HF_ERR_TIMEOUT, HF_ALERT_INTERNAL_ERROR},
                 {HF_SEND(HF_ALERT_ACCESS_DENIED), HF_ALERT_ACCESS_DENIED},
                 {HF_SEND(HF_ALERT_USER_CANCELED), HF_ALERT_USER_CANCELED}};
    for (size_t i = 0; i < 3; i++) {
        pair p = {0};
        world_run(&p, &(side){0}, &(side){0});
        hf_conn_fail(p.server.conn, p.server.worker, cases[i].status, "because");
        cr_assert_eq(hf_conn_status(p.server.conn), cases[i].status);
        cr_assert_not_null(strstr(hf_conn_reason(p.server.conn), "because"));
        hf_conn_fail(p.server.conn, p.server.worker, HF_ERR_IO, "later"); /* the first one sticks */
        cr_assert_eq(hf_conn_status(p.server.conn), cases[i].status);
        pair_run(&p);
        cr_assert_eq(end_alert_got(&p.client), (int)cases[i].alert);
        cr_assert_eq(hf_conn_status(p.client.conn), HF_GOT(cases[i].alert));
        pair_cleanup(&p);
    }
}
