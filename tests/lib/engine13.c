/* TLS 1.3: handshakes that succeed and those that must not, HelloRetryRequest, KeyUpdate, padding, closing, and the
 * line between the versions. RFC 8446. */
#include <criterion/criterion.h>
#include <string.h>

#include "world.h"

TestSuite(tls13, .timeout = 300);

static const uint16_t suites13[] = {0x1301, 0x1302, 0x1303, 0x1304};

static void assert_flow(pair *p)
{
    cr_assert(pair_connected(p), "client: %s (%s), server: %s (%s)", hf_status_text(hf_conn_status(p->client.conn)),
              hf_conn_reason(p->client.conn), hf_status_text(hf_conn_status(p->server.conn)),
              hf_conn_reason(p->server.conn));
    cr_assert(pair_send(p, &p->client, "ping", 4));
    cr_assert(pair_send(p, &p->server, "pong!", 5));
    cr_assert_eq(wire_len(&p->server.plain), 4);
    cr_assert_arr_eq(wire_data(&p->server.plain), "ping", 4);
    cr_assert_eq(wire_len(&p->client.plain), 5);
    cr_assert_arr_eq(wire_data(&p->client.plain), "pong!", 5);
    wire_drop(&p->server.plain, 4);
    wire_drop(&p->client.plain, 5);
    cr_assert(pair_connected(p));
}

static void assert_agreed13(pair *p, hf_conn_info *client)
{
    hf_conn_info server;
    assert_flow(p);
    hf_conn_get_info(p->client.conn, client);
    hf_conn_get_info(p->server.conn, &server);
    cr_assert_eq(client->version, HF_TLS13);
    cr_assert_eq(server.version, HF_TLS13);
    cr_assert_eq(client->suite, server.suite);
    cr_assert_eq(client->group, server.group);
    cr_assert_eq(client->server_scheme, server.server_scheme);
    cr_assert_eq(client->client_scheme, server.client_scheme);
    cr_assert_eq(p->client.n_sent, p->server.n_received, "every message arrives");
    cr_assert_eq(p->server.n_sent, p->client.n_received, "every message arrives");
}

Test(tls13, every_suite_and_key)
{
    static const char *const keys[] = {"RSA-2048", "RSA-PSS", "P-256", "P-384", "P-521", "ED25519"};
    static const uint16_t schemes[] = {HF_RSA_PSS_RSAE_SHA256,    HF_RSA_PSS_PSS_SHA256,     HF_ECDSA_SECP256R1_SHA256,
                                       HF_ECDSA_SECP384R1_SHA384, HF_ECDSA_SECP521R1_SHA512, HF_ED25519};
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 6; j++) {
            for (pair_pieces pieces = PAIR_WHOLE; pieces <= PAIR_RANDOM; pieces++) {
                pair p = {.pieces = pieces, .seed = (uint32_t)(i * 7 + j + 1)};
                hf_conn_info info;
                world_run(&p, &(side){.tls13 = true, .suites = {suites13[i]}},
                          &(side){.tls13 = true, .cert = world_server(keys[j])});
                assert_agreed13(&p, &info);
                cr_assert_eq(info.suite, suites13[i]);
                cr_assert_eq(info.server_scheme, schemes[j], "%s", keys[j]);
                cr_assert(info.peer_verified);
                pair_cleanup(&p);
            }
        }
    }
}

/* The client's first share is for its first group: any other group of the server takes a HelloRetryRequest. */
Test(tls13, every_group_with_and_without_a_second_hello)
{
    static const uint16_t groups[] = {HF_GROUP_X25519, HF_GROUP_P256, HF_GROUP_P384, HF_GROUP_P521};
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            for (pair_pieces pieces = PAIR_WHOLE; pieces <= PAIR_RANDOM; pieces++) {
                pair p = {.pieces = pieces, .seed = (uint32_t)(i * 4 + j + 1)};
                hf_conn_info info;
                world_run(&p, &(side){.tls13 = true, .groups = {groups[i], groups[j] == groups[i] ? 0 : groups[j]}},
                          &(side){.tls13 = true, .groups = {groups[j]}});
                assert_agreed13(&p, &info);
                cr_assert_eq(info.group, groups[j]);
                cr_assert_eq(p.client.n_sent, i == j ? 2 : 3, "ClientHello once more, and Finished");
                pair_cleanup(&p);
            }
        }
    }
}

Test(tls13, versions_meet_at_the_highest)
{
    static const struct {
        bool client13, server13;
        hf_policy_id client, server;
        uint16_t version; /* 0: none */
    } cases[] = {
        {true, true, HF_POLICY_INTERMEDIATE, HF_POLICY_INTERMEDIATE, HF_TLS13},
        {true, true, HF_POLICY_MODERN, HF_POLICY_COMPATIBLE, HF_TLS13},
        {true, true, HF_POLICY_COMPATIBLE, HF_POLICY_MODERN, HF_TLS13},
        {true, false, HF_POLICY_INTERMEDIATE, HF_POLICY_INTERMEDIATE, HF_TLS12},
        {false, true, HF_POLICY_INTERMEDIATE, HF_POLICY_INTERMEDIATE, HF_TLS12},
        {false, true, HF_POLICY_INTERMEDIATE, HF_POLICY_MODERN, 0},
        {true, false, HF_POLICY_MODERN, HF_POLICY_INTERMEDIATE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pair p = {0};
        hf_conn_info info;
        world_run(&p, &(side){.tls13 = cases[i].client13, .policy = cases[i].client},
                  &(side){.tls13 = cases[i].server13, .policy = cases[i].server});
        if (cases[i].version) {
            assert_flow(&p);
            hf_conn_get_info(p.server.conn, &info);
            cr_assert_eq(info.version, cases[i].version);
        } else {
            assert_refused(&p, &p.server, HF_ALERT_PROTOCOL_VERSION);
        }
        pair_cleanup(&p);
    }
}

/* RFC 7507: a retry at TLS 1.2 when both have 1.3. */
Test(tls13, fallback_is_refused)
{
    pair p = {0};
    world_run(&p, &(side){.fallback = true}, &(side){.tls13 = true});
    assert_refused(&p, &p.server, HF_ALERT_INAPPROPRIATE_FALLBACK);
    pair_cleanup(&p);
}

static uint8_t *find_on(end *e, const void *needle, size_t len)
{
    for (size_t i = 0; i + len <= wire_len(&e->out); i++)
        if (memcmp(wire_data(&e->out) + i, needle, len) == 0)
            return wire_data(&e->out) + i;
    cr_assert_fail("it is not on the wire");
    return NULL;
}

static void move_until_it_sends(pair *p, end *e)
{
    while (pair_move(p, e) && wire_len(&e->out) == 0) {
    }
}

/* RFC 8446 section 4.1.3: a man in the middle takes TLS 1.3 out of the hello; the client sees the sentinel: that for
 * TLS 1.2, and that for lower versions. */
Test(tls13, downgrade_is_noticed)
{
    static const uint8_t versions[] = {0x00, 0x2b, 0x00, 0x05, 0x04, 0x03, 0x04, 0x03, 0x03};
    for (uint8_t last = 0; last <= 2; last++) {
        pair p = {0};
        world_pair(&p, &(side){.tls13 = true}, &(side){.tls13 = true});
        move_until_it_sends(&p, &p.client);
        find_on(&p.client, versions, sizeof versions)[1] = 0x7b; /* an unknown extension in its place */
        move_until_it_sends(&p, &p.server);
        uint8_t *sentinel = find_on(&p.server, "DOWNGRD\1", 8);
        sentinel[7] = last;
        pair_run(&p);
        bool noticed = strstr(hf_conn_reason(p.client.conn), "downgrade") != NULL;
        cr_assert_eq(noticed, last < 2, "%u", last); /* 2 is none, and another random than the server's */
        cr_assert(!noticed || hf_conn_status(p.client.conn) == HF_SEND(HF_ALERT_ILLEGAL_PARAMETER));
        cr_assert_eq(p.server.n_connected, 0);
        pair_cleanup(&p);
    }
}

Test(tls13, client_authentication)
{
    static const char *const keys[] = {"RSA-2048", "P-256", "ED25519"};
    for (size_t i = 0; i < 3; i++) {
        for (hf_client_auth mode = HF_CLIENT_AUTH_REQUEST; mode <= HF_CLIENT_AUTH_REQUIRED; mode++) {
            for (pair_pieces pieces = PAIR_WHOLE; pieces <= PAIR_RANDOM; pieces += 2) {
                pair p = {.pieces = pieces, .seed = 5};
                hf_conn_info info, server;
                world_run(&p, &(side){.tls13 = true, .cert = world_client(keys[i])},
                          &(side){.tls13 = true, .client_auth = mode});
                assert_agreed13(&p, &info);
                cr_assert(info.client_scheme != 0 && info.client_cert_requested);
                hf_conn_get_info(p.server.conn, &server);
                cr_assert_eq(server.peer_verified, mode != HF_CLIENT_AUTH_REQUEST);
                pair_cleanup(&p);
            }
        }
    }
}

Test(tls13, client_without_certificate)
{
    for (hf_client_auth mode = HF_CLIENT_AUTH_REQUEST; mode <= HF_CLIENT_AUTH_REQUIRED; mode++) {
        pair p = {0};
        hf_conn_info info;
        world_run(&p, &(side){.tls13 = true}, &(side){.tls13 = true, .client_auth = mode});
        if (mode == HF_CLIENT_AUTH_REQUIRED) {
            cr_assert_eq(hf_conn_status(p.server.conn), HF_SEND(HF_ALERT_CERTIFICATE_REQUIRED));
            cr_assert_eq(hf_conn_status(p.client.conn), HF_GOT(HF_ALERT_CERTIFICATE_REQUIRED));
        } else {
            assert_agreed13(&p, &info);
            cr_assert_eq(info.client_scheme, 0);
        }
        pair_cleanup(&p);
    }
}

Test(tls13, key_update_both_ways)
{
    for (size_t i = 0; i < 4; i++) {
        pair p = {.pieces = PAIR_RANDOM, .seed = 3};
        world_run(&p, &(side){.tls13 = true, .suites = {suites13[i]}}, &(side){.tls13 = true});
        assert_flow(&p);
        for (int round = 0; round < 6; round++) {
            end *e = round % 2 ? &p.server : &p.client;
            cr_assert_eq(hf_conn_key_update(e->conn, e->worker, round % 3 == 0), HF_OK);
            pair_run(&p);
            assert_flow(&p);
        }
        pair_cleanup(&p);
    }
}

Test(tls13, key_update_only_where_it_exists)
{
    pair p = {0};
    world_run(&p, &(side){0}, &(side){0});
    cr_assert_eq(hf_conn_key_update(p.client.conn, p.client.worker, true), HF_ERR_STATE);
    cr_assert(pair_connected(&p));
    pair_cleanup(&p);
    world_pair(&p, &(side){.tls13 = true}, &(side){.tls13 = true});
    cr_assert_eq(hf_conn_key_update(p.client.conn, p.client.worker, true), HF_ERR_STATE);
    pair_cleanup(&p);
}

/* RFC 8446 section 5.5: by itself, before the key has done too much. */
Test(tls13, keys_are_renewed_by_themselves)
{
    pair p = {0};
    world_run(&p, &(side){.tls13 = true, .rekey_after = 5}, &(side){.tls13 = true});
    size_t before = p.client.n_sent;
    for (int i = 0; i < 20; i++)
        assert_flow(&p);
    cr_assert_geq(p.client.n_sent - before, 3, "%zu KeyUpdates", p.client.n_sent - before);
    cr_assert_eq(p.client.n_sent, p.server.n_received);
    pair_cleanup(&p);
}

Test(tls13, padding_hides_lengths)
{
    size_t sizes[2];
    for (size_t len = 1; len <= 2; len++) {
        pair p = {0};
        world_run(&p, &(side){.tls13 = true, .record_padding = 512}, &(side){.tls13 = true});
        assert_flow(&p);
        size_t taken;
        cr_assert_eq(hf_conn_write(p.client.conn, p.client.worker, (const uint8_t *)"xyz", len, &taken), HF_OK);
        const uint8_t *out;
        cr_assert_eq(hf_conn_output_buf(p.client.conn, &out, &sizes[len - 1]), HF_OK);
        pair_run(&p);
        cr_assert_eq(wire_len(&p.server.plain), len);
        pair_cleanup(&p);
    }
    cr_assert_eq(sizes[0], sizes[1]);
    cr_assert_eq(sizes[0], 5 + 512 + 1 + 16);
}

Test(tls13, record_limits)
{
    for (size_t limit = 64; limit <= 512; limit *= 8) {
        pair p = {0};
        hf_conn_info info;
        static uint8_t data[3000];
        world_run(&p, &(side){.tls13 = true, .record_size_limit = limit},
                  &(side){.tls13 = true, .record_padding = 100});
        assert_agreed13(&p, &info);
        hf_conn_get_info(p.server.conn, &info);
        cr_assert_eq(info.send_limit, limit - 1, "the content type counts: RFC 8449 section 4");
        cr_assert(pair_send(&p, &p.server, data, sizeof data));
        cr_assert_eq(wire_len(&p.client.plain), sizeof data);
        pair_cleanup(&p);
    }
}

/* RFC 8446 section 6.1: each direction closes by itself. */
Test(tls13, directions_close_one_by_one)
{
    pair p = {0};
    world_run(&p, &(side){.tls13 = true}, &(side){.tls13 = true});
    assert_flow(&p);
    hf_conn_close(p.client.conn, p.client.worker);
    pair_run(&p);
    hf_conn_info info;
    hf_conn_get_info(p.server.conn, &info);
    cr_assert(info.got_close_notify);
    cr_assert_not(hf_conn_wants(p.server.conn) & HF_WANT_CLOSED);
    cr_assert(pair_send(&p, &p.server, "still here", 10));
    cr_assert_eq(wire_len(&p.client.plain), 10);
    hf_conn_close(p.server.conn, p.server.worker);
    pair_run(&p);
    cr_assert(hf_conn_wants(p.client.conn) & HF_WANT_CLOSED);
    cr_assert(hf_conn_wants(p.server.conn) & HF_WANT_CLOSED);
    cr_assert_eq(hf_conn_status(p.client.conn), HF_OK);
    cr_assert_eq(hf_conn_status(p.server.conn), HF_OK);
    pair_cleanup(&p);
}

Test(tls13, application_protocol_and_name)
{
    pair p = {0};
    hf_conn_info client, server;
    world_run(&p, &(side){.tls13 = true, .alpn = {"h3", "h2"}}, &(side){.tls13 = true, .alpn = {"http/1.1", "h2"}});
    assert_agreed13(&p, &client);
    hf_conn_get_info(p.server.conn, &server);
    cr_assert_str_eq(client.alpn, "h2");
    cr_assert_str_eq(server.alpn, "h2");
    cr_assert_str_eq(server.server_name, WORLD_NAME);
    pair_cleanup(&p);
    world_run(&p, &(side){.tls13 = true, .alpn = {"h3"}}, &(side){.tls13 = true, .alpn = {"h2"}});
    assert_refused(&p, &p.server, HF_ALERT_NO_APPLICATION_PROTOCOL);
    pair_cleanup(&p);
}

/* A record that is changed on its way, in the handshake and after. */
Test(tls13, changed_records_are_refused)
{
    pair p = {0};
    world_run(&p, &(side){.tls13 = true}, &(side){.tls13 = true});
    assert_flow(&p);
    size_t taken;
    cr_assert_eq(hf_conn_write(p.client.conn, p.client.worker, (const uint8_t *)"data", 4, &taken), HF_OK);
    pair_move(&p, &p.client);
    cr_assert_gt(wire_len(&p.client.out), 5);
    wire_data(&p.client.out)[7] ^= 1;
    pair_run(&p);
    cr_assert_eq(hf_conn_status(p.server.conn), HF_SEND(HF_ALERT_BAD_RECORD_MAC));
    cr_assert_eq(hf_conn_status(p.client.conn), HF_GOT(HF_ALERT_BAD_RECORD_MAC));
    pair_cleanup(&p);
}

Test(tls13, an_idle_connection_is_small)
{
    pair p = {0};
    hf_conn_info info;
    world_run(&p, &(side){.tls13 = true}, &(side){.tls13 = true});
    assert_agreed13(&p, &info);
    hf_conn_get_info(p.server.conn, &info);
    cr_assert_leq(info.memory, 8192);
    pair_cleanup(&p);
}
