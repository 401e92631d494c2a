/* Every handshake message, ChangeCipherSpec and application data at every point of a handshake where it may not
 * stand: unexpected_message (RFC 5246 sections 7.2.2 and 7.3), for both machines. */
#include <criterion/criterion.h>
#include <string.h>

#include "codecs.h"
#include "conn.h"
#include "gate.h"
#include "samples.h"
#include "world.h"

TestSuite(order, .timeout = 300);

typedef struct kind {
    const char *name;
    side client, server;
} kind;

#define KINDS 4
static void kinds(kind out[KINDS])
{
    const side plain = {.policy = HF_POLICY_COMPATIBLE};
    side asks = plain, has = plain, rsa = plain;
    asks.client_auth = HF_CLIENT_AUTH_REQUIRED;
    has.cert = world_client("P-256");
    rsa.suites[0] = 0x009c;
    side rsa_has = rsa;
    rsa_has.cert = has.cert;
    out[0] = (kind){"ECDHE", plain, plain};
    out[1] = (kind){"ECDHE, client authentication", has, asks};
    out[2] = (kind){"RSA", rsa, plain};
    out[3] = (kind){"RSA, client authentication", rsa_has, asks};
}

#define APPLICATION_DATA 0x300u
#define EMPTY_DATA 0x301u
static const unsigned injected[] = {HF_MSG_HELLO_REQUEST,
                                    HF_MSG_CLIENT_HELLO,
                                    HF_MSG_SERVER_HELLO,
                                    HF_MSG_NEW_SESSION_TICKET,
                                    HF_MSG_CERTIFICATE,
                                    HF_MSG_SERVER_KEY_EXCHANGE,
                                    HF_MSG_CERTIFICATE_REQUEST,
                                    HF_MSG_SERVER_HELLO_DONE,
                                    HF_MSG_CERTIFICATE_VERIFY,
                                    HF_MSG_CLIENT_KEY_EXCHANGE,
                                    HF_MSG_FINISHED,
                                    HF_MSG_CERTIFICATE_STATUS,
                                    99,
                                    HF_MESSAGE_CHANGE_CIPHER_SPEC,
                                    APPLICATION_DATA,
                                    EMPTY_DATA};
#define N_INJECTED (sizeof injected / sizeof injected[0])

static void inject(gate *g, unsigned message)
{
    const sample *s;
    if (message == HF_MESSAGE_CHANGE_CIPHER_SPEC) {
        gate_put(g, HF_CONTENT_CHANGE_CIPHER_SPEC, "\1", 1);
        return;
    }
    if (message == APPLICATION_DATA) {
        gate_put(g, HF_CONTENT_APPLICATION_DATA, "early", 5);
        return;
    }
    if (message == EMPTY_DATA) {
        gate_put(g, HF_CONTENT_APPLICATION_DATA, "", 0);
        return;
    }
    for (size_t i = 0; (s = sample_at(i)) != NULL; i++)
        if (codec_by_name(s->codec)->type == message) {
            gate_put_message(g, (uint8_t)message, s->bytes, s->len);
            return;
        }
    gate_put_message(g, (uint8_t)message, "body", message == HF_MSG_HELLO_REQUEST ? 0 : 4);
}

/* Whether `message` may stand where the honest peer's next one is `next`, its last one was `last`. */
static bool is_legal(unsigned message, unsigned next, unsigned last)
{
    if (next == UNIT_PROTECTED)
        return message == HF_MSG_FINISHED;
    if (message == next)
        return true;
    /* CertificateRequest is the server's choice. */
    return (message == HF_MSG_CERTIFICATE_REQUEST && next == HF_MSG_SERVER_HELLO_DONE &&
            last != HF_MSG_CERTIFICATE_REQUEST) ||
           (message == HF_MSG_SERVER_HELLO_DONE && next == HF_MSG_CERTIFICATE_REQUEST);
}

/* Runs the handshake up to `passed` units of the peer, then injects. false: the handshake has not so many units. */
static bool try_at(const kind *k, bool at_server, size_t passed, unsigned message)
{
    pair p = {0};
    gate g;
    unit u = {0};
    unsigned last = 0;
    size_t n = 0;
    world_pair(&p, &k->client, &k->server);
    gate_init(&g, &p, at_server ? &p.client : &p.server);
    end *to = g.to;
    bool more;
    while ((more = gate_next(&g, &u)) && n < passed) {
        last = u.message;
        gate_pass(&g, &u);
        n++;
    }
    cr_assert_eq(hf_conn_status(to->conn), HF_OK, "%s: %s", k->name, hf_conn_reason(to->conn));
    bool legal = more ? is_legal(message, u.message, last) : message == APPLICATION_DATA || message == EMPTY_DATA;
    bool ignored = message == HF_MSG_HELLO_REQUEST && !at_server;
    bool declined = !more && (at_server ? message == HF_MSG_CLIENT_HELLO : message == HF_MSG_HELLO_REQUEST);
    if (n == passed && !legal) {
        inject(&g, message);
        hf_status status = hf_conn_status(to->conn);
        if (declined) { /* RFC 5246 section 7.2.2: no_renegotiation, always a warning */
            cr_assert_eq(status, HF_OK);
            cr_assert_eq(end_alert_sent(to), HF_ALERT_NO_RENEGOTIATION);
        } else if (ignored) { /* RFC 5246 section 7.4.1.1 */
            cr_assert_eq(status, HF_OK, "%s: HelloRequest after %zu: %s", k->name, n, hf_conn_reason(to->conn));
            cr_assert_eq(to->n_alerts_sent, 0);
        } else {
            cr_assert_eq(status, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "%s, %s: message %u after %zu: %s (%s)", k->name,
                         at_server ? "server" : "client", message, n, hf_status_text(status), hf_conn_reason(to->conn));
            cr_assert_eq(end_alert_sent(to), HF_ALERT_UNEXPECTED_MESSAGE);
            cr_assert_eq(to->n_alerts_sent, 1);
        }
    }
    bool reached = n == passed;
    gate_cleanup(&g);
    pair_cleanup(&p);
    return reached;
}

static void every_message_of(const kind *k, bool at_server, size_t expected_units)
{
    size_t passed = 0;
    for (bool reached = true; reached; passed += reached) {
        reached = false;
        for (size_t i = 0; i < N_INJECTED; i++)
            reached = try_at(k, at_server, passed, injected[i]);
    }
    cr_assert_eq(passed, expected_units + 1, "%zu points", passed);
}

static void every_message_everywhere(size_t which, bool at_server, size_t expected_units)
{
    kind all[KINDS];
    kinds(all);
    every_message_of(&all[which], at_server, expected_units);
}

/* ClientHello, [Certificate], ClientKeyExchange, [CertificateVerify], ChangeCipherSpec, Finished */
Test(order, server_ecdhe)
{
    every_message_everywhere(0, true, 4);
}
Test(order, server_ecdhe_client_authentication)
{
    every_message_everywhere(1, true, 6);
}
Test(order, server_rsa)
{
    every_message_everywhere(2, true, 4);
}
Test(order, server_rsa_client_authentication)
{
    every_message_everywhere(3, true, 6);
}

/* ServerHello, Certificate, [ServerKeyExchange], [CertificateRequest], ServerHelloDone, ChangeCipherSpec, Finished */
Test(order, client_ecdhe)
{
    every_message_everywhere(0, false, 6);
}
Test(order, client_ecdhe_client_authentication)
{
    every_message_everywhere(1, false, 7);
}
Test(order, client_rsa)
{
    every_message_everywhere(2, false, 5);
}
Test(order, client_rsa_client_authentication)
{
    every_message_everywhere(3, false, 6);
}

/* With a ticket promised: [...], NewSessionTicket, ChangeCipherSpec, Finished; and the abbreviated handshake by ticket
 * and by ID: ServerHello, ChangeCipherSpec, Finished, and the same two back. */
Test(order, tickets_and_resumed)
{
    for (int by_id = 0; by_id < 2; by_id++) {
        hf_ticket_keys *keys = NULL;
        hf_session_cache *cache = NULL;
        pair p = {0};
        cr_assert_eq(by_id ? hf_session_cache_new(world_env(), 4, 0, &cache)
                           : hf_ticket_keys_new(world_env(), world_crypto(), NULL, &keys),
                     HF_OK);
        kind k = {by_id ? "session ID" : "ticket", {.keep = true}, {.tickets = keys, .cache = cache}};
        every_message_of(&k, false, by_id ? 6 : 7);
        every_message_of(&k, true, 4);
        world_run(&p, &k.client, &k.server);
        k.client.offer = pair_take_session(&p);
        cr_assert_not_null(k.client.offer);
        pair_cleanup(&p);
        /* Behind the handshake a fatal alert takes an ID out of the cache, so only tickets are walked. */
        if (!by_id) {
            every_message_of(&k, false, 3);
            every_message_of(&k, true, 3);
        }
        hf_session_free(k.client.offer);
        hf_ticket_keys_release(keys);
        hf_session_cache_release(cache);
    }
}

/* Finished without ChangeCipherSpec, in the clear (RFC 5246 section 7.4.9: a fatal error). */
Test(order, finished_without_change_cipher_spec)
{
    for (int at_server = 0; at_server <= 1; at_server++) {
        pair p = {0};
        gate g;
        unit u;
        world_pair(&p, &(side){0}, &(side){0});
        gate_init(&g, &p, at_server ? &p.client : &p.server);
        cr_assert(gate_until(&g, HF_MESSAGE_CHANGE_CIPHER_SPEC, &u));
        gate_put_message(&g, HF_MSG_FINISHED, "0123456789ab", 12);
        cr_assert_eq(hf_conn_status(g.to->conn), HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE));
        gate_cleanup(&g);
        pair_cleanup(&p);
    }
}

/* A message may not be cut by ChangeCipherSpec: its rest would come under other keys. */
Test(order, change_cipher_spec_inside_of_a_message)
{
    for (int at_server = 0; at_server <= 1; at_server++) {
        pair p = {0};
        gate g;
        unit u;
        world_pair(&p, &(side){0}, &(side){0});
        gate_init(&g, &p, at_server ? &p.client : &p.server);
        cr_assert(gate_until(&g, HF_MESSAGE_CHANGE_CIPHER_SPEC, &u));
        gate_put(&g, HF_CONTENT_HANDSHAKE, "\x14\0\0", 3);
        gate_pass(&g, &u);
        cr_assert_eq(hf_conn_status(g.to->conn), HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE));
        gate_cleanup(&g);
        pair_cleanup(&p);
    }
}

/* Messages behind Finished in its record are not silently kept. */
Test(order, message_in_the_record_of_finished)
{
    pair p = {0};
    gate g;
    unit u;
    world_pair(&p, &(side){.suites = {0xc02f}}, &(side){0});
    gate_init(&g, &p, &p.client);
    cr_assert(gate_until(&g, HF_MESSAGE_CHANGE_CIPHER_SPEC, &u));
    gate_pass(&g, &u);
    uint8_t verify_data[16 + 4] = {HF_MSG_FINISHED, 0, 0, 12};
    /* What the server expects of the client, as long as it has not hashed the client's Finished. */
    cr_assert_eq(hf_verify_data12(p.server.conn, HF_ROLE_CLIENT, verify_data + 4), HF_OK);
    memset(verify_data + 16, 0, 4); /* a HelloRequest */
    gate_put(&g, HF_CONTENT_HANDSHAKE, verify_data, sizeof verify_data);
    cr_assert_eq(hf_conn_status(p.server.conn), HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "%s",
                 hf_conn_reason(p.server.conn));
    gate_cleanup(&g);
    pair_cleanup(&p);
}

/* ---- Renegotiation: declined, and not for ever ---- */

Test(order, renegotiation_is_declined)
{
    for (int at_server = 0; at_server <= 1; at_server++) {
        pair p = {0};
        gate g;
        world_pair(&p, &(side){0}, &(side){0});
        gate_init(&g, &p, at_server ? &p.client : &p.server);
        gate_pass_all(&g);
        cr_assert(pair_connected(&p));
        for (unsigned i = 0; i < HF_LIMIT_WARNING_ALERTS; i++) {
            inject(&g, at_server ? HF_MSG_CLIENT_HELLO : HF_MSG_HELLO_REQUEST);
            cr_assert_eq(hf_conn_status(g.to->conn), HF_OK);
            cr_assert_eq(g.to->n_alerts_sent, i + 1);
            cr_assert_eq(end_alert_sent(g.to), HF_ALERT_NO_RENEGOTIATION);
        }
        gate_put(&g, HF_CONTENT_APPLICATION_DATA, "still here", 10);
        cr_assert_eq(wire_len(&g.to->plain), 10);
        cr_assert(pair_send(&p, g.to, "here too", 8)); /* ends the row of warnings on the other side */
        for (unsigned i = 0; i <= HF_LIMIT_WARNING_ALERTS; i++)
            inject(&g, at_server ? HF_MSG_CLIENT_HELLO : HF_MSG_HELLO_REQUEST);
        cr_assert_eq(hf_conn_status(g.to->conn), HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE));
        gate_cleanup(&g);
        pair_cleanup(&p);
    }
}

/* ---- Fragmentation and coalescing: RFC 5246 section 6.2.1 ---- */

static void fragmented(size_t piece, const kind *k)
{
    pair p = {0};
    gate g, back;
    unit u;
    world_pair(&p, &k->client, &k->server);
    gate_init(&g, &p, &p.client);
    gate_init(&back, &p, &p.server);
    for (bool moved = true; moved;) {
        moved = false;
        for (int direction = 0; direction <= 1; direction++) {
            gate *now = direction ? &back : &g;
            while (gate_next(now, &u)) {
                moved = true;
                if (u.message >= HF_MESSAGE_CHANGE_CIPHER_SPEC) {
                    gate_pass(now, &u);
                    continue;
                }
                for (size_t at = HF_RECORD_HEADER_SIZE; at < u.len; at += piece)
                    gate_put(now, HF_CONTENT_HANDSHAKE, u.bytes + at, u.len - at < piece ? u.len - at : piece);
            }
        }
    }
    cr_assert(pair_connected(&p), "%s, pieces of %zu: client %s, server %s", k->name, piece,
              hf_conn_reason(p.client.conn), hf_conn_reason(p.server.conn));
    gate_cleanup(&g);
    gate_cleanup(&back);
    pair_cleanup(&p);
}

Test(order, messages_in_pieces_of_any_size)
{
    kind all[KINDS];
    kinds(all);
    static const size_t pieces[] = {1, 2, 3, 4, 5, 7, 64, 1000};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        for (size_t k = 0; k < KINDS; k++)
            fragmented(pieces[i], &all[k]);
}

/* The client's Certificate, ClientKeyExchange and CertificateVerify in one record. */
Test(order, messages_of_a_flight_in_one_record)
{
    kind all[KINDS];
    kinds(all);
    for (size_t k = 0; k < KINDS; k++) {
        pair p = {0};
        gate g;
        unit u;
        wire flight = {0};
        world_pair(&p, &all[k].client, &all[k].server);
        gate_init(&g, &p, &p.client);
        cr_assert(gate_next(&g, &u));
        gate_pass(&g, &u); /* ClientHello */
        while (gate_next(&g, &u) && u.message < HF_MESSAGE_CHANGE_CIPHER_SPEC)
            wire_put(&flight, u.bytes + HF_RECORD_HEADER_SIZE, u.len - HF_RECORD_HEADER_SIZE);
        gate_put(&g, HF_CONTENT_HANDSHAKE, wire_data(&flight), wire_len(&flight));
        gate_pass(&g, &u);
        gate_pass_all(&g);
        cr_assert(pair_connected(&p), "%s: %s", all[k].name, hf_conn_reason(p.server.conn));
        free(flight.data);
        gate_cleanup(&g);
        pair_cleanup(&p);
    }
}

/* Whoever asks and asks and does not read is declined once, and holds no memory of ours. */
Test(order, renegotiations_whose_answer_nobody_reads)
{
    pair p = {0};
    hf_conn_info before, after;
    size_t taken;
    world_run(&p, &(side){0}, &(side){0});
    hf_conn *client = p.client.conn, *server = p.server.conn;
    hf_conn_get_info(server, &before);
    for (int i = 0; i < 2000; i++) {
        const uint8_t *bytes;
        uint8_t *room;
        size_t len, max;
        client->worker = p.client.worker;
        cr_assert_eq(hf_record_write(client, HF_CONTENT_HANDSHAKE, (const uint8_t *)"\1\0\0\0", 4), HF_OK);
        cr_assert_eq(hf_conn_write(client, p.client.worker, (const uint8_t *)"x", 1, &taken), HF_OK);
        cr_assert_eq(hf_conn_output_buf(client, &bytes, &len), HF_OK);
        cr_assert_eq(hf_conn_input_buf(server, &room, &max), HF_OK);
        memcpy(room, bytes, len);
        cr_assert_eq(hf_conn_input_ack(server, len), HF_OK);
        cr_assert_eq(hf_conn_output_ack(client, len), HF_OK);
        cr_assert_eq(hf_conn_step(server, p.server.worker), HF_OK, "%s", hf_conn_reason(server));
        cr_assert_eq(hf_conn_plaintext_ack(server, 1), HF_OK);
    }
    hf_conn_get_info(server, &after);
    cr_assert_lt(after.memory, before.memory + 1000, "%zu bytes", after.memory);
    pair_run(&p);
    cr_assert(pair_connected(&p));
    cr_assert_eq(p.client.n_alerts_got, 1);
    cr_assert_eq(end_alert_got(&p.client), HF_ALERT_NO_RENEGOTIATION);
    pair_cleanup(&p);
}
