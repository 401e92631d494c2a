/* The record layer under a peer that breaks its rules: lengths, types, tags, floods (RFC 5246 sections 6.2 and 7.2). */
#include <criterion/criterion.h>
#include <string.h>

#include "conn.h"
#include "gate.h"
#include "world.h"

TestSuite(records, .timeout = 300);

/* Every suite that differs in its record protection. */
static const uint16_t suites[] = {0xc02f, 0xc030, 0xcca8, 0xc013, 0xc014, 0xc027, 0x003d, 0xc028};
#define N_SUITES (sizeof suites / sizeof suites[0])

/* A connected pair with a gate before `to` (the server when at_server). etm false: the client does not offer it. */
static void connected(pair *p, gate *g, uint16_t suite, bool at_server)
{
    memset(p, 0, sizeof *p);
    world_pair(p, &(side){.policy = HF_POLICY_COMPATIBLE, .suites = {suite}}, &(side){.policy = HF_POLICY_COMPATIBLE});
    pair_run(p);
    gate_init_connected(g, p, at_server ? &p->client : &p->server);
    cr_assert(pair_connected(p), "%s", hf_conn_reason(g->to->conn));
}

static void done(pair *p, gate *g)
{
    gate_cleanup(g);
    pair_cleanup(p);
}

static void assert_fails(gate *g, hf_alert alert)
{
    hf_status status = hf_conn_status(g->to->conn);
    cr_assert_eq(status, HF_SEND(alert), "%s (%s), not %s", hf_status_text(status), hf_conn_reason(g->to->conn),
                 hf_alert_name(alert));
    cr_assert_eq(end_alert_sent(g->to), (int)alert);
    cr_assert_eq(g->to->n_alerts_sent, 1);
    cr_assert_eq(wire_len(&g->to->plain), 0, "nothing of a bad record is shown");
    cr_assert(hf_conn_wants(g->to->conn) & HF_WANT_CLOSED);
}

/* The record that the sender makes of `content`, not passed. */
static void sealed(gate *g, const void *content, size_t len, unit *u)
{
    size_t taken;
    cr_assert_eq(hf_conn_write(g->from->conn, g->from->worker, content, len, &taken), HF_OK);
    cr_assert_eq(taken, len);
    cr_assert(gate_next(g, u));
}

/* ---- Integrity ---- */

Test(records, every_bit_of_a_record_is_protected)
{
    for (size_t i = 0; i < N_SUITES; i++) {
        size_t len = 1;
        for (size_t at = 0; at < len; at++) {
            pair p;
            gate g;
            unit u;
            connected(&p, &g, suites[i], at % 2);
            sealed(&g, "hello", 5, &u);
            len = u.len;
            if (at != 1 && at != 2 && at != 3 && at != 4) { /* version and length have rules of their own */
                u.bytes[at] ^= at == 0 ? 23 ^ 22 : (uint8_t)(1 << at % 8); /* content type: handshake */
                gate_pass(&g, &u);
                assert_fails(&g, HF_ALERT_BAD_RECORD_MAC);
            }
            done(&p, &g);
            at += at > 12 && at + 24 < len ? 6 : 0; /* the ends whole, the middle in steps */
        }
    }
}

/* Any shorter or longer body: also one that cannot hold a tag or is no multiple of a block (RFC 5246 6.2.3.2). */
Test(records, body_of_another_length)
{
    for (size_t i = 0; i < N_SUITES; i++) {
        size_t body = 60;
        for (size_t n = 0; n < body + 18; n += n < 20 || n > body - 3 ? 1 : 5) {
            pair p;
            gate g;
            unit u;
            connected(&p, &g, suites[i], n % 2);
            sealed(&g, "twenty bytes of text", 20, &u);
            body = u.len - HF_RECORD_HEADER_SIZE;
            if (n != body) {
                memset(u.bytes + u.len, 0x0f, 32);
                u.bytes[3] = (uint8_t)(n >> 8);
                u.bytes[4] = (uint8_t)n;
                u.len = HF_RECORD_HEADER_SIZE + n;
                gate_pass(&g, &u);
                assert_fails(&g, HF_ALERT_BAD_RECORD_MAC);
            }
            done(&p, &g);
        }
    }
}

Test(records, replayed_dropped_or_reordered)
{
    for (size_t i = 0; i < N_SUITES; i++)
        for (unsigned what = 0; what < 3; what++) {
            pair p;
            gate g;
            unit first, second;
            connected(&p, &g, suites[i], true);
            sealed(&g, "one", 3, &first);
            sealed(&g, "two", 3, &second);
            if (what == 0) {
                gate_pass(&g, &first);
                cr_assert_eq(wire_len(&g.to->plain), 3);
                wire_drop(&g.to->plain, 3);
                gate_pass(&g, &first);
            } else {
                gate_pass(&g, &second); /* the first is dropped, or comes late */
            }
            assert_fails(&g, HF_ALERT_BAD_RECORD_MAC);
            done(&p, &g);
        }
}

/* A record of the other direction, sent back. */
Test(records, reflected)
{
    for (size_t i = 0; i < N_SUITES; i++) {
        pair p;
        gate g;
        connected(&p, &g, suites[i], true);
        size_t taken;
        p.server.held_out = true;
        cr_assert_eq(hf_conn_write(p.server.conn, p.server.worker, (const uint8_t *)"echo", 4, &taken), HF_OK);
        pair_run(&p);
        gate_put_raw(&g, wire_data(&p.server.out), wire_len(&p.server.out));
        cr_assert_eq(hf_conn_status(p.server.conn), HF_SEND(HF_ALERT_BAD_RECORD_MAC));
        done(&p, &g);
    }
}

/* ---- Lengths ---- */

static void header(gate *g, unsigned type, size_t len)
{
    const uint8_t bytes[] = {(uint8_t)type, 3, 3, (uint8_t)(len >> 8), (uint8_t)len};
    gate_put_raw(g, bytes, sizeof bytes);
}

Test(records, plaintext_too_long)
{
    static const struct {
        size_t len;
        bool refused;
    } cases[] = {{16384, false}, {16385, true}, {18432, true}, {65535, true}};
    for (int at_server = 0; at_server <= 1; at_server++)
        for (size_t i = 0; i < 4; i++) {
            pair p = {0};
            gate g;
            unit u;
            world_pair(&p, &(side){0}, &(side){0});
            gate_init(&g, &p, at_server ? &p.client : &p.server);
            cr_assert(gate_next(&g, &u));
            header(&g, HF_CONTENT_HANDSHAKE, cases[i].len);
            if (cases[i].refused)
                assert_fails(&g, HF_ALERT_RECORD_OVERFLOW);
            else
                cr_assert_eq(hf_conn_status(g.to->conn), HF_OK);
            done(&p, &g);
        }
}

Test(records, ciphertext_too_long)
{
    static const size_t lens[] = {18433, 20000, 65535};
    for (size_t i = 0; i < N_SUITES; i++)
        for (size_t j = 0; j < 3; j++) {
            pair p;
            gate g;
            connected(&p, &g, suites[i], j % 2);
            header(&g, HF_CONTENT_APPLICATION_DATA, lens[j]);
            assert_fails(&g, HF_ALERT_RECORD_OVERFLOW);
            done(&p, &g);
        }
    pair p;
    gate g;
    static uint8_t zeros[18432];
    connected(&p, &g, 0xc02f, true);
    header(&g, HF_CONTENT_APPLICATION_DATA, sizeof zeros); /* the longest there may be: only its tag is wrong */
    cr_assert_eq(hf_conn_status(g.to->conn), HF_OK);
    gate_put_raw(&g, zeros, sizeof zeros);
    assert_fails(&g, HF_ALERT_BAD_RECORD_MAC);
    done(&p, &g);
}

/* Well protected, but with more content than was agreed: RFC 6066 section 4, RFC 8449 section 4. */
Test(records, content_longer_than_agreed)
{
    static uint8_t data[4097];
    static const struct {
        size_t record_size_limit, max_fragment_length, longest;
    } cases[] = {{64, 0, 64}, {1000, 0, 1000}, {0, 512, 512}, {0, 4096, 4096}};
    for (size_t i = 0; i < 4; i++)
        for (int at_server = 0; at_server <= 1; at_server++)
            for (size_t over = 0; over <= 1; over++) {
                pair p = {0};
                gate g;
                size_t limit = cases[i].record_size_limit;
                /* A client below 16384 speaks of it; then the server's own limit counts too. */
                world_pair(&p,
                           &(side){.record_size_limit = limit && at_server ? 16000 : limit,
                                   .max_fragment_length = cases[i].max_fragment_length},
                           &(side){.record_size_limit = at_server ? limit : 0});
                pair_run(&p);
                gate_init_connected(&g, &p, at_server ? &p.client : &p.server);
                cr_assert(pair_connected(&p));
                gate_put(&g, HF_CONTENT_APPLICATION_DATA, data, cases[i].longest + over);
                if (over)
                    assert_fails(&g, HF_ALERT_RECORD_OVERFLOW);
                else
                    cr_assert_eq(wire_len(&g.to->plain), cases[i].longest);
                done(&p, &g);
            }
}

/* ---- Types ---- */

Test(records, unknown_content_type)
{
    for (unsigned type = 0; type < 256; type++) {
        if (type >= 20 && type <= 23)
            continue;
        pair p;
        gate g;
        connected(&p, &g, 0xc02f, type % 2);
        if (type % 3 == 0) {
            gate_put(&g, (uint8_t)type, "x", 1); /* protected as it should be */
        } else {
            const uint8_t bytes[] = {(uint8_t)type, 3, 3, 0, 1, 0};
            gate_put_raw(&g, bytes, sizeof bytes);
        }
        assert_fails(&g, HF_ALERT_UNEXPECTED_MESSAGE);
        done(&p, &g);
        type += type > 30 && type < 240 ? 10 : 0;
    }
}

Test(records, first_bytes_that_are_not_tls)
{
    static const char *const texts[] = {"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-client\r\n", "EHLO there\r\n",
                                        "\x01\x02\x03\x04\x05\x06"};
    for (size_t i = 0; i < 4; i++) {
        pair p = {0};
        gate g;
        world_pair(&p, &(side){0}, &(side){0});
        gate_init(&g, &p, &p.client);
        gate_put_raw(&g, texts[i], strlen(texts[i]));
        assert_fails(&g, HF_ALERT_UNEXPECTED_MESSAGE);
        done(&p, &g);
    }
}

/* RFC 5246 section 6.2.1: no empty fragments of these types. */
Test(records, empty_record_of_a_type_that_may_not_be_empty)
{
    static const uint8_t types[] = {HF_CONTENT_HANDSHAKE, HF_CONTENT_ALERT, HF_CONTENT_CHANGE_CIPHER_SPEC};
    for (size_t i = 0; i < 3; i++)
        for (int at_server = 0; at_server <= 1; at_server++) {
            pair p;
            gate g;
            connected(&p, &g, 0xc02f, at_server);
            gate_put(&g, types[i], "", 0);
            assert_fails(&g, HF_ALERT_UNEXPECTED_MESSAGE);
            done(&p, &g);
            memset(&p, 0, sizeof p);
            world_pair(&p, &(side){0}, &(side){0});
            gate_init(&g, &p, at_server ? &p.client : &p.server);
            gate_put(&g, types[i], "", 0);
            assert_fails(&g, HF_ALERT_UNEXPECTED_MESSAGE);
            done(&p, &g);
        }
}

Test(records, change_cipher_spec_of_another_shape)
{
    static const struct {
        const char *content;
        size_t len;
    } cases[] = {{"\0", 1}, {"\2", 1}, {"\1\1", 2}, {"\1\0", 2}};
    for (size_t i = 0; i < 4; i++) {
        pair p = {0};
        gate g;
        unit u;
        world_pair(&p, &(side){0}, &(side){0});
        gate_init(&g, &p, &p.client);
        cr_assert(gate_until(&g, HF_MESSAGE_CHANGE_CIPHER_SPEC, &u));
        gate_put(&g, HF_CONTENT_CHANGE_CIPHER_SPEC, cases[i].content, cases[i].len);
        cr_assert(hf_status_is_send(hf_conn_status(p.server.conn)), "%zu", i);
        cr_assert_eq(p.server.n_alerts_sent, 1);
        cr_assert_eq(p.server.n_connected, 0);
        done(&p, &g);
    }
}

/* Once the version is settled, records carry it. */
Test(records, version_of_a_later_record)
{
    static const uint8_t versions[][2] = {{3, 2}, {3, 4}, {2, 3}, {0, 0}, {3, 0}};
    for (size_t i = 0; i < 5; i++) {
        pair p;
        gate g;
        unit u;
        connected(&p, &g, 0xc02f, true);
        sealed(&g, "hello", 5, &u);
        u.bytes[1] = versions[i][0];
        u.bytes[2] = versions[i][1];
        gate_pass(&g, &u);
        cr_assert(hf_status_is_send(hf_conn_status(p.server.conn)), "%u.%u", versions[i][0], versions[i][1]);
        cr_assert_eq(wire_len(&p.server.plain), 0);
        done(&p, &g);
    }
}

/* ---- Floods ---- */

Test(records, empty_application_data)
{
    for (size_t i = 0; i < N_SUITES; i++) {
        pair p;
        gate g;
        connected(&p, &g, suites[i], true);
        for (int again = 0; again < 2; again++) {
            for (unsigned n = 0; n < HF_LIMIT_EMPTY_RECORDS; n++)
                gate_put(&g, HF_CONTENT_APPLICATION_DATA, "", 0);
            gate_put(&g, HF_CONTENT_APPLICATION_DATA, "content ends the row", 20);
            cr_assert_eq(wire_len(&p.server.plain), 20);
            wire_drop(&p.server.plain, 20);
        }
        for (unsigned n = 0; n <= HF_LIMIT_EMPTY_RECORDS; n++)
            gate_put(&g, HF_CONTENT_APPLICATION_DATA, "", 0);
        assert_fails(&g, HF_ALERT_UNEXPECTED_MESSAGE);
        done(&p, &g);
    }
}

Test(records, warning_alerts)
{
    for (int at_server = 0; at_server <= 1; at_server++) {
        pair p;
        gate g;
        connected(&p, &g, 0xc02f, at_server);
        for (int again = 0; again < 2; again++) {
            for (unsigned n = 0; n < HF_LIMIT_WARNING_ALERTS; n++)
                gate_put(&g, HF_CONTENT_ALERT, "\1\x5a", 2); /* user_canceled */
            cr_assert_eq(hf_conn_status(g.to->conn), HF_OK);
            gate_put(&g, HF_CONTENT_APPLICATION_DATA, "x", 1);
            cr_assert_eq(wire_len(&g.to->plain), 1);
            wire_drop(&g.to->plain, 1);
        }
        for (unsigned n = 0; n <= HF_LIMIT_WARNING_ALERTS; n++)
            gate_put(&g, HF_CONTENT_ALERT, "\1\x5a", 2);
        assert_fails(&g, HF_ALERT_UNEXPECTED_MESSAGE);
        done(&p, &g);
    }
}

/* The same before the handshake is done; and empty handshake fragments cannot keep it going for ever. */
Test(records, floods_during_the_handshake)
{
    pair p = {0};
    gate g;
    world_pair(&p, &(side){0}, &(side){0});
    gate_init(&g, &p, &p.client);
    for (unsigned n = 0; n <= HF_LIMIT_WARNING_ALERTS; n++)
        gate_put(&g, HF_CONTENT_ALERT, "\1\x5a", 2);
    assert_fails(&g, HF_ALERT_UNEXPECTED_MESSAGE);
    done(&p, &g);

    memset(&p, 0, sizeof p);
    world_pair(&p, &(side){0}, &(side){0});
    gate_init(&g, &p, &p.server); /* HelloRequests are ignored by a client that is negotiating, but not endlessly */
    for (unsigned n = 0; n <= HF_LIMIT_HANDSHAKE_RECORDS && hf_conn_status(p.client.conn) == HF_OK; n++)
        gate_put(&g, HF_CONTENT_HANDSHAKE, "\0\0\0\0", 4);
    cr_assert(hf_status_is_send(hf_conn_status(p.client.conn)));
    done(&p, &g);
}

Test(records, handshake_message_longer_than_the_limit)
{
    static const uint8_t hello[] = {HF_MSG_CLIENT_HELLO, 0, 0x40, 0x01};
    static const uint8_t certificate[] = {HF_MSG_CERTIFICATE, 0x01, 0x00, 0x05};
    pair p = {0};
    gate g;
    unit u;
    world_pair(&p, &(side){0}, &(side){0});
    gate_init(&g, &p, &p.client);
    gate_put(&g, HF_CONTENT_HANDSHAKE, hello, sizeof hello);
    cr_assert(hf_status_is_send(hf_conn_status(p.server.conn)), "at once, not after 16 KiB");
    done(&p, &g);
    memset(&p, 0, sizeof p);
    world_pair(&p, &(side){0}, &(side){0});
    gate_init(&g, &p, &p.server);
    cr_assert(gate_until(&g, HF_MSG_CERTIFICATE, &u));
    gate_put(&g, HF_CONTENT_HANDSHAKE, certificate, sizeof certificate);
    cr_assert(hf_status_is_send(hf_conn_status(p.client.conn)));
    done(&p, &g);
}

/* ---- Alerts ---- */

Test(records, alerts_of_another_shape)
{
    static const struct {
        const char *content;
        size_t len;
        hf_alert alert;
    } cases[] = {{"\2", 1, HF_ALERT_DECODE_ERROR},
                 {"\2\x28\0", 3, HF_ALERT_DECODE_ERROR},
                 {"\0\x28", 2, HF_ALERT_ILLEGAL_PARAMETER},
                 {"\3\x28", 2, HF_ALERT_ILLEGAL_PARAMETER}};
    for (size_t i = 0; i < 4; i++)
        for (int at_server = 0; at_server <= 1; at_server++) {
            pair p;
            gate g;
            connected(&p, &g, 0xc02f, at_server);
            gate_put(&g, HF_CONTENT_ALERT, cases[i].content, cases[i].len);
            assert_fails(&g, cases[i].alert);
            done(&p, &g);
        }
}

/* A fatal alert ends the connection and is not answered. */
Test(records, fatal_alerts)
{
    for (unsigned alert = 1; alert < 256; alert += 9)
        for (int handshake = 0; handshake <= 1; handshake++) {
            const uint8_t content[] = {2, (uint8_t)alert};
            pair p = {0};
            gate g;
            if (handshake) {
                world_pair(&p, &(side){0}, &(side){0});
                gate_init(&g, &p, &p.client);
            } else {
                connected(&p, &g, 0xc02f, alert % 2);
            }
            gate_put(&g, HF_CONTENT_ALERT, content, 2);
            cr_assert_eq(hf_conn_status(g.to->conn), HF_GOT(alert));
            cr_assert_eq(g.to->n_alerts_sent, 0);
            cr_assert(hf_conn_wants(g.to->conn) & HF_WANT_CLOSED);
            done(&p, &g);
        }
}

/* A sequence number never wraps (RFC 5246 section 6.1): the last one is used, and none behind it. */
Test(records, sequence_numbers_end)
{
    for (int sealing = 0; sealing <= 1; sealing++) {
        pair p = {0};
        size_t taken;
        world_run(&p, &(side){0}, &(side){0});
        p.client.conn->write.sequence = p.server.conn->read.sequence = HF_SEQUENCE_MAX;
        cr_assert(pair_send(&p, &p.client, "the last", 8), "%s", hf_conn_reason(p.client.conn));
        cr_assert_eq(wire_len(&p.server.plain), 8);
        if (!sealing) /* a peer that goes on */
            p.client.conn->write.sequence = 0;
        hf_status status = hf_conn_write(p.client.conn, p.client.worker, (const uint8_t *)"x", 1, &taken);
        cr_assert_eq(status, sealing ? HF_ERR_LIMIT : HF_OK);
        pair_run(&p);
        if (!sealing)
            cr_assert_eq(hf_conn_status(p.server.conn), HF_ERR_LIMIT, "%s", hf_conn_reason(p.server.conn));
        cr_assert_eq(wire_len(&p.server.plain), 8);
        pair_cleanup(&p);
    }
}
