/* Handshakes that succeed: every suite with every kind of key, group, extension and client authentication, moved in
 * pieces of any size. Both sides must agree on what was chosen, and data must flow both ways. */
#include <criterion/criterion.h>
#include <string.h>

#include "handfast/providers.h"
#include "world.h"

TestSuite(handshake, .timeout = 300);

static void assert_data_flows(pair *p)
{
    cr_assert(pair_send(p, &p->client, "ping", 4));
    cr_assert(pair_send(p, &p->server, "pong!", 5));
    cr_assert_eq(wire_len(&p->server.plain), 4);
    cr_assert_arr_eq(wire_data(&p->server.plain), "ping", 4);
    cr_assert_eq(wire_len(&p->client.plain), 5);
    cr_assert_arr_eq(wire_data(&p->client.plain), "pong!", 5);
    cr_assert(pair_connected(p));
}

static void assert_agreed(pair *p, hf_conn_info *client, hf_conn_info *server)
{
    cr_assert(pair_connected(p), "client: %s (%s), server: %s (%s)", hf_status_text(hf_conn_status(p->client.conn)),
              hf_conn_reason(p->client.conn), hf_status_text(hf_conn_status(p->server.conn)),
              hf_conn_reason(p->server.conn));
    hf_conn_get_info(p->client.conn, client);
    hf_conn_get_info(p->server.conn, server);
    cr_assert_eq(client->version, 0x0303);
    cr_assert_eq(server->version, 0x0303);
    cr_assert_eq(client->suite, server->suite);
    cr_assert_eq(client->group, server->group);
    cr_assert_eq(client->server_scheme, server->server_scheme);
    cr_assert_eq(client->client_scheme, server->client_scheme);
    cr_assert_eq(client->extended_master_secret, server->extended_master_secret);
    cr_assert_eq(client->encrypt_then_mac, server->encrypt_then_mac);
    cr_assert_eq(client->secure_renegotiation, server->secure_renegotiation);
    cr_assert_eq(client->client_cert_requested, server->client_cert_requested);
    cr_assert(client->peer_verified);
    cr_assert_eq(p->client.n_connected, 1);
    cr_assert_eq(p->server.n_connected, 1);
    cr_assert_eq(p->client.n_sent, p->server.n_received, "every message arrives");
    cr_assert_eq(p->server.n_sent, p->client.n_received, "every message arrives");
}

/* The suites of a key exchange, by the name of the suite. */
static size_t suites_of(const char *prefix, uint16_t *out, size_t max)
{
    size_t n = 0;
    const hf_suite_info *info;
    for (size_t i = 0; (info = hf_suite_at(i)) != NULL; i++)
        if (strncmp(info->name, prefix, strlen(prefix)) == 0 && n < max)
            out[n++] = info->id;
    cr_assert(n > 0 && n < max);
    return n;
}

static void every_suite(const char *prefix, const char *key)
{
    uint16_t ids[32];
    size_t n = suites_of(prefix, ids, 32);
    for (size_t i = 0; i < n; i++) {
        for (pair_pieces pieces = PAIR_WHOLE; pieces <= PAIR_RANDOM; pieces++) {
            pair p = {.pieces = pieces, .seed = ids[i] + 1u};
            hf_conn_info client, server;
            world_run(&p, &(side){.policy = HF_POLICY_COMPATIBLE, .suites = {ids[i]}},
                      &(side){.policy = HF_POLICY_COMPATIBLE, .cert = world_server(key)});
            assert_agreed(&p, &client, &server);
            cr_assert_eq(client.suite, ids[i]);
            cr_assert(client.extended_master_secret && client.secure_renegotiation);
            cr_assert_eq(client.encrypt_then_mac, strstr(hf_suite_name(ids[i]), "CBC") != NULL, "%s",
                         hf_suite_name(ids[i]));
            cr_assert_eq(client.group != 0, strstr(hf_suite_name(ids[i]), "ECDHE") != NULL);
            assert_data_flows(&p);
            pair_cleanup(&p);
        }
    }
}

Test(handshake, every_rsa_suite)
{
    every_suite("TLS_RSA_", "RSA-2048");
}

Test(handshake, every_ecdhe_rsa_suite)
{
    every_suite("TLS_ECDHE_RSA_", "RSA-2048");
    every_suite("TLS_ECDHE_RSA_", "RSA-PSS");
}

Test(handshake, every_ecdhe_ecdsa_suite)
{
    every_suite("TLS_ECDHE_ECDSA_", "P-256");
    every_suite("TLS_ECDHE_ECDSA_", "P-384");
    every_suite("TLS_ECDHE_ECDSA_", "P-521");
    every_suite("TLS_ECDHE_ECDSA_", "ED25519");
}

Test(handshake, every_group)
{
    static const uint16_t groups[] = {HF_GROUP_X25519, HF_GROUP_P256, HF_GROUP_P384, HF_GROUP_P521};
    for (size_t i = 0; i < 4; i++) {
        pair p = {0};
        hf_conn_info client, server;
        world_run(&p, &(side){.groups = {groups[i]}}, &(side){0});
        assert_agreed(&p, &client, &server);
        cr_assert_eq(client.group, groups[i]);
        assert_data_flows(&p);
        pair_cleanup(&p);
        world_run(&p, &(side){0}, &(side){.groups = {groups[i]}});
        assert_agreed(&p, &client, &server);
        cr_assert_eq(client.group, groups[i]);
        pair_cleanup(&p);
    }
}

/* ---- Providers crossed: sealed by one, opened by another ---- */

static void crossed(const hf_provider *client_with, const hf_provider *server_with)
{
    hf_crypto ours, theirs;
    const hf_suite_info *suite;
    char why[256];
    size_t n = 0;
    cr_assert_eq(hf_crypto_compose(client_with->name, &ours, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
    cr_assert_eq(hf_crypto_compose(server_with->name, &theirs, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
    for (size_t i = 0; (suite = hf_suite_at(i)) != NULL; i++) {
        pair p = {.pieces = PAIR_RANDOM, .seed = suite->id};
        hf_conn_info client, server;
        hf_config *c, *s;
        const side client_side = {.policy = HF_POLICY_COMPATIBLE, .suites = {suite->id}, .crypto = &ours};
        const side server_side = {
            .policy = HF_POLICY_COMPATIBLE, .suites = {suite->id}, .certs = {world_server("P-256")}, .crypto = &theirs};
        hf_status status = side_try(&client_side, HF_ROLE_CLIENT, &c);
        if (status == HF_ERR_UNSUPPORTED) /* a cipher that this provider has not */
            continue;
        cr_assert_eq(status, HF_OK);
        status = side_try(&server_side, HF_ROLE_SERVER, &s);
        if (status == HF_OK) {
            cr_assert_eq(pair_start(&p, c, s, WORLD_NAME), HF_OK);
            pair_run(&p);
            assert_agreed(&p, &client, &server);
            cr_assert_str_eq(client.record_provider, client_with->name);
            cr_assert_str_eq(server.record_provider, server_with->name);
            assert_data_flows(&p);
            pair_cleanup(&p);
            hf_config_release(s);
            n++;
        }
        hf_config_release(c);
    }
    bool common = false;
    for (int id = 0; id < HF_CIPHER_COUNT; id++)
        common = common || (ours.ciphers[id] && theirs.ciphers[id]);
    cr_assert_eq(n > 0, common, "%s and %s met %zu times", client_with->name, server_with->name, n);
}

Test(handshake, providers_crossed)
{
    const hf_provider *const *all = hf_providers();
    const char *why;
    size_t n = 0;
    for (size_t i = 0; all[i]; i++)
        for (size_t j = 0; all[j]; j++)
            if (all[i]->ciphers && all[j]->ciphers && all[i]->available(&why) && all[j]->available(&why)) {
                crossed(all[i], all[j]);
                n++;
            }
    cr_assert_geq(n, 4, "portable and libcrypto are always there");
}

/* ---- Choices ---- */

/* The server's order counts for suites, its first certificate that fits is taken. */
Test(handshake, server_preference)
{
    pair p = {0};
    hf_conn_info client, server;
    const side both = {.certs = {world_server("P-256")}};
    world_run(&p, &(side){.suites = {0xc030, 0xc02b, 0xc02f}}, &(side){.suites = {0xc02f, 0xc02b, 0xc030}});
    assert_agreed(&p, &client, &server);
    cr_assert_eq(client.suite, 0xc02f);
    pair_cleanup(&p);
    world_run(&p, &(side){.suites = {0xc02b}}, &both);
    assert_agreed(&p, &client, &server);
    cr_assert_eq(client.server_scheme, HF_ECDSA_SECP256R1_SHA256);
    pair_cleanup(&p);
    world_run(&p, &(side){.suites = {0xc02f}}, &both);
    assert_agreed(&p, &client, &server);
    cr_assert_eq(client.server_scheme, HF_RSA_PSS_RSAE_SHA256);
    pair_cleanup(&p);
}

Test(handshake, no_suite_in_common)
{
    pair p = {0};
    world_run(&p, &(side){.suites = {0xc02b}}, &(side){.suites = {0xc02f}});
    assert_refused(&p, &p.server, HF_ALERT_HANDSHAKE_FAILURE);
    pair_cleanup(&p);
    world_run(&p, &(side){.suites = {0xc02b}}, &(side){0}); /* an RSA certificate only */
    assert_refused(&p, &p.server, HF_ALERT_HANDSHAKE_FAILURE);
    pair_cleanup(&p);
    world_run(&p, &(side){.groups = {HF_GROUP_P256}}, &(side){.groups = {HF_GROUP_X25519}});
    assert_refused(&p, &p.server, HF_ALERT_HANDSHAKE_FAILURE);
    pair_cleanup(&p);
    world_run(&p, &(side){.policy = HF_POLICY_COMPATIBLE, .suites = {0x009c}}, &(side){0}); /* policy */
    assert_refused(&p, &p.server, HF_ALERT_HANDSHAKE_FAILURE);
    pair_cleanup(&p);
}

/* ---- Extensions ---- */

Test(handshake, server_name)
{
    pair p = {0};
    hf_conn_info client, server;
    world_run(&p, &(side){0}, &(side){0});
    assert_agreed(&p, &client, &server);
    cr_assert_str_eq(server.server_name, WORLD_NAME);
    pair_cleanup(&p);

    hf_config *c = side_config(&(side){.insecure = true}, HF_ROLE_CLIENT), *s = side_config(&(side){0}, HF_ROLE_SERVER);
    cr_assert_eq(pair_start(&p, c, s, "192.0.2.7"), HF_OK); /* RFC 6066: no literal addresses in HostName */
    pair_run(&p);
    cr_assert(pair_connected(&p));
    hf_conn_get_info(p.server.conn, &server);
    cr_assert_null(server.server_name);
    pair_cleanup(&p);
    hf_config_release(c);
    hf_config_release(s);
}

Test(handshake, wrong_name_is_refused)
{
    pair p = {0};
    hf_config *c = side_config(&(side){0}, HF_ROLE_CLIENT), *s = side_config(&(side){0}, HF_ROLE_SERVER);
    cr_assert_eq(pair_start(&p, c, s, "other.example"), HF_OK);
    pair_run(&p);
    cr_assert(hf_status_is_send(hf_conn_status(p.client.conn)));
    cr_assert_eq(p.server.n_connected, 0);
    cr_assert_eq(hf_conn_status(p.server.conn), HF_GOT((unsigned)hf_conn_status(p.client.conn) & 0xff));
    pair_cleanup(&p);
    hf_config_release(c);
    hf_config_release(s);
}

Test(handshake, untrusted_server_is_refused)
{
    pair p = {0};
    world_run(&p, &(side){.other_trust = true}, &(side){0});
    assert_refused(&p, &p.client, HF_ALERT_UNKNOWN_CA);
    pair_cleanup(&p);
    world_run(&p, &(side){.no_trust = true, .insecure = true}, &(side){0});
    cr_assert(pair_connected(&p));
    hf_conn_info client;
    hf_conn_get_info(p.client.conn, &client);
    cr_assert_not(client.peer_verified);
    pair_cleanup(&p);
}

Test(handshake, alpn)
{
    pair p = {0};
    hf_conn_info client, server;
    world_run(&p, &(side){.alpn = {"h2", "http/1.1"}}, &(side){.alpn = {"http/1.1", "h2"}});
    assert_agreed(&p, &client, &server);
    cr_assert_str_eq(client.alpn, "http/1.1"); /* the server's preference */
    cr_assert_str_eq(server.alpn, "http/1.1");
    pair_cleanup(&p);
    world_run(&p, &(side){.alpn = {"h2"}}, &(side){0});
    assert_agreed(&p, &client, &server);
    cr_assert(client.alpn == NULL && server.alpn == NULL);
    pair_cleanup(&p);
    world_run(&p, &(side){0}, &(side){.alpn = {"h2"}});
    assert_agreed(&p, &client, &server);
    cr_assert(client.alpn == NULL && server.alpn == NULL);
    pair_cleanup(&p);
    world_run(&p, &(side){.alpn = {"h2", "h3"}}, &(side){.alpn = {"http/1.1", "h"}});
    assert_refused(&p, &p.server, HF_ALERT_NO_APPLICATION_PROTOCOL); /* RFC 7301 section 3.2 */
    pair_cleanup(&p);
}

/* No record on the wire is longer than the limit allows; returns the longest content of an unprotected one. */
static size_t longest_record(const uint8_t *bytes, size_t len)
{
    size_t longest = 0;
    for (size_t at = 0; at + 5 <= len;) {
        size_t n = (size_t)bytes[at + 3] << 8 | bytes[at + 4];
        longest = n > longest ? n : longest;
        at += 5 + n;
    }
    return longest;
}

/* Sends much from `from`; the longest record body that was on the wire. */
static size_t longest_sent(pair *p, end *from)
{
    static uint8_t data[50000];
    size_t taken, longest;
    from->held_out = true;
    cr_assert_eq(hf_conn_write(from->conn, from->worker, data, sizeof data, &taken), HF_OK);
    cr_assert_gt(taken, 0);
    while (hf_conn_wants(from->conn) & HF_WANT_OUTPUT)
        pair_move(p, from);
    longest = longest_record(wire_data(&from->out), wire_len(&from->out));
    from->held_out = false;
    pair_run(p);
    cr_assert_eq(wire_len(&pair_peer(p, from)->plain), taken);
    cr_assert(pair_connected(p));
    return longest;
}

#define GCM_OVERHEAD 24

Test(handshake, record_size_limit)
{
    for (size_t limit = 64; limit < 16384; limit = limit * 2 + 1) {
        pair p = {0};
        world_run(&p, &(side){.record_size_limit = limit, .suites = {0xc02f}}, &(side){0});
        cr_assert(pair_connected(&p), "%zu: %s", limit, hf_conn_reason(p.client.conn));
        cr_assert_eq(longest_sent(&p, &p.server), limit + GCM_OVERHEAD, "%zu", limit);
        cr_assert_eq(longest_sent(&p, &p.client), 16384 + GCM_OVERHEAD, "the server did not ask");
        pair_cleanup(&p);
        world_run(&p, &(side){.record_size_limit = 16000, .suites = {0xc02f}}, &(side){.record_size_limit = limit});
        cr_assert(pair_connected(&p), "%zu: %s", limit, hf_conn_reason(p.server.conn));
        cr_assert_eq(longest_sent(&p, &p.client), limit + GCM_OVERHEAD, "%zu", limit);
        cr_assert_eq(longest_sent(&p, &p.server), (size_t)16000 + GCM_OVERHEAD, "%zu", limit);
        pair_cleanup(&p);
    }
}

Test(handshake, max_fragment_length)
{
    for (size_t limit = 512; limit <= 4096; limit *= 2) {
        pair p = {0};
        world_pair(&p, &(side){.max_fragment_length = limit, .suites = {0xc02f}},
                   &(side){.client_auth = HF_CLIENT_AUTH_REQUEST});
        p.server.held_out = true;
        pair_run(&p);
        /* RFC 6066 section 4: handshake messages too */
        cr_assert_leq(longest_record(wire_data(&p.server.out), wire_len(&p.server.out)), limit);
        p.server.held_out = false;
        pair_run(&p);
        cr_assert(pair_connected(&p), "%zu: %s", limit, hf_conn_reason(p.client.conn));
        cr_assert_eq(longest_sent(&p, &p.server), limit + GCM_OVERHEAD, "%zu", limit);
        cr_assert_eq(longest_sent(&p, &p.client), limit + GCM_OVERHEAD, "%zu", limit);
        pair_cleanup(&p);
        /* RFC 8449 section 5: record_size_limit wins where both are known */
        world_run(&p, &(side){.max_fragment_length = limit, .record_size_limit = 9000, .suites = {0xc02f}}, &(side){0});
        cr_assert(pair_connected(&p));
        cr_assert_eq(longest_sent(&p, &p.server), (size_t)9000 + GCM_OVERHEAD);
        pair_cleanup(&p);
    }
}

/* ---- Client authentication ---- */

static const char *const client_keys[] = {"RSA-2048", "RSA-PSS", "P-256", "P-384", "P-521", "ED25519"};

Test(handshake, client_certificate_of_every_key)
{
    static const uint16_t suites[] = {0xc02f, 0xc030, 0x009c, 0x003d, 0xcca8, 0xc014};
    for (size_t k = 0; k < sizeof client_keys / sizeof client_keys[0]; k++)
        for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
            for (hf_client_auth mode = HF_CLIENT_AUTH_REQUEST; mode <= HF_CLIENT_AUTH_REQUIRED; mode++) {
                pair p = {.pieces = PAIR_RANDOM, .seed = (uint32_t)(100 * k + i)};
                hf_conn_info client, server;
                const test_cert *cert = world_client(client_keys[k]);
                const uint8_t *der;
                size_t der_len;
                world_run(&p, &(side){.policy = HF_POLICY_COMPATIBLE, .suites = {suites[i]}, .cert = cert},
                          &(side){.policy = HF_POLICY_COMPATIBLE, .client_auth = mode});
                assert_agreed(&p, &client, &server);
                cr_assert(server.client_cert_requested);
                cr_assert_neq(server.client_scheme, 0);
                cr_assert_eq(server.peer_verified, mode != HF_CLIENT_AUTH_REQUEST);
                cr_assert_eq(hf_conn_peer_cert(p.server.conn, 0, &der, &der_len), HF_OK);
                cr_assert_eq(der_len, cert->der_len);
                cr_assert_arr_eq(der, cert->der, der_len);
                cr_assert_eq(hf_conn_peer_cert(p.server.conn, 1, &der, &der_len), HF_ERR_NOT_FOUND);
                assert_data_flows(&p);
                pair_cleanup(&p);
            }
}

Test(handshake, client_without_certificate)
{
    for (hf_client_auth mode = HF_CLIENT_AUTH_NONE; mode <= HF_CLIENT_AUTH_OPTIONAL; mode++) {
        pair p = {0};
        hf_conn_info client, server;
        const uint8_t *der;
        size_t der_len;
        world_run(&p, &(side){0}, &(side){.client_auth = mode});
        assert_agreed(&p, &client, &server);
        cr_assert_eq(server.client_cert_requested, mode != HF_CLIENT_AUTH_NONE);
        cr_assert_not(server.peer_verified);
        cr_assert_eq(server.client_scheme, 0);
        cr_assert_eq(hf_conn_peer_cert(p.server.conn, 0, &der, &der_len), HF_ERR_NOT_FOUND);
        assert_data_flows(&p);
        pair_cleanup(&p);
    }
    pair p = {0};
    world_run(&p, &(side){0}, &(side){.client_auth = HF_CLIENT_AUTH_REQUIRED});
    assert_refused(&p, &p.server, HF_ALERT_HANDSHAKE_FAILURE); /* RFC 5246 section 7.4.6 */
    pair_cleanup(&p);
}

/* A server that does not ask gets none, though the client has one. */
Test(handshake, client_certificate_not_asked_for)
{
    pair p = {0};
    hf_conn_info client, server;
    world_run(&p, &(side){.cert = world_client("P-256")}, &(side){0});
    assert_agreed(&p, &client, &server);
    cr_assert_eq(client.client_scheme, 0);
    cr_assert_eq(p.client.key_started, 0);
    pair_cleanup(&p);
}

Test(handshake, untrusted_client)
{
    static const struct {
        hf_client_auth mode;
        bool refused;
    } cases[] = {{HF_CLIENT_AUTH_REQUEST, false}, {HF_CLIENT_AUTH_OPTIONAL, true}, {HF_CLIENT_AUTH_REQUIRED, true}};
    for (size_t i = 0; i < 3; i++) {
        pair p = {0};
        world_run(&p, &(side){.cert = world_client("P-256")},
                  &(side){.client_auth = cases[i].mode, .other_trust = true});
        if (cases[i].refused)
            assert_refused(&p, &p.server, HF_ALERT_UNKNOWN_CA);
        else
            cr_assert(pair_connected(&p), "%s", hf_conn_reason(p.server.conn));
        pair_cleanup(&p);
    }
}

/* A certificate for servers does not authenticate a client (RFC 5280 section 4.2.1.12). */
Test(handshake, certificate_for_another_purpose)
{
    pair p = {0};
    world_run(&p, &(side){.cert = world_server("P-256")}, &(side){.client_auth = HF_CLIENT_AUTH_REQUIRED});
    cr_assert(hf_status_is_send(hf_conn_status(p.server.conn)));
    cr_assert_eq(p.server.n_connected, 0);
    pair_cleanup(&p);
    world_run(&p, &(side){0}, &(side){.cert = world_client("RSA-2048")});
    cr_assert(hf_status_is_send(hf_conn_status(p.client.conn)));
    cr_assert_eq(p.client.n_connected, 0);
    pair_cleanup(&p);
}
