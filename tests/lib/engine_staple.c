/* OCSP stapling: RFC 6066 section 8 (TLS 1.2), RFC 8446 section 4.4.2.1 (TLS 1.3). */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "gate13.h"
#include "msg13.h"
#include "providers/ocsp_maker.h"
#include "world.h"

TestSuite(staple, .timeout = 600);

#define BAD HF_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE

/* The world's clock, which the tests move. */
static int64_t now = TEST_NOW;

static int64_t clock_of(void *arg)
{
    (void)arg;
    return now;
}

static const hf_env *moved_env(void)
{
    static hf_env env;
    env = *world_env();
    env.unix_time = clock_of;
    return &env;
}

static hf_config *server_with(const side *s, const test_ocsp_spec *spec)
{
    hf_config *config = NULL;
    const test_cert *cert = world_server("P-256");
    const uint8_t *certs[] = {cert->der};
    uint8_t *response;
    cr_assert_eq(hf_config_new(moved_env(), world_crypto(), &config), HF_OK);
    cr_assert_eq(hf_config_set_policy(config, s->policy), HF_OK);
    cr_assert_eq(hf_config_set_versions(config, HF_TLS12, s->tls13 ? HF_TLS13 : HF_TLS12), HF_OK);
    cr_assert_eq(hf_config_add_credential(config, &(hf_credential){certs, &cert->der_len, 1, world_key(cert)}), HF_OK);
    if (spec) {
        test_ocsp_spec whole = *spec;
        whole.cert = whole.cert ? whole.cert : cert;
        whole.issuer = world_ca();
        size_t len = test_ocsp_new(&whole, &response);
        cr_assert_eq(hf_config_staple(config, response, len), HF_OK);
        free(response);
    }
    cr_assert_eq(hf_config_build(config, HF_ROLE_SERVER, NULL, 0), HF_OK);
    return config;
}

static hf_config *client_asking(const side *s, hf_ocsp_mode mode)
{
    hf_config *config = NULL;
    const char *pem = world_ca()->pem;
    hf_trust *trust;
    cr_assert_eq(hf_config_new(moved_env(), world_crypto(), &config), HF_OK);
    cr_assert_eq(hf_config_set_versions(config, HF_TLS12, s->tls13 ? HF_TLS13 : HF_TLS12), HF_OK);
    cr_assert_eq(world_crypto()->pki->trust_new((const uint8_t *)pem, strlen(pem), &trust), HF_OK);
    cr_assert_eq(hf_config_set_trust(config, trust), HF_OK);
    cr_assert_eq(hf_config_set_ocsp(config, mode), HF_OK);
    cr_assert_eq(hf_config_build(config, HF_ROLE_CLIENT, NULL, 0), HF_OK);
    return config;
}

static void start(pair *p, bool tls13, hf_ocsp_mode mode, const test_ocsp_spec *spec)
{
    const side s = {.tls13 = tls13};
    hf_config *server = server_with(&s, spec), *client = client_asking(&s, mode);
    memset(p, 0, sizeof *p);
    cr_assert_eq(pair_start(p, client, server, WORLD_NAME), HF_OK);
    hf_config_release(client);
    hf_config_release(server);
}

/* Runs it; alert < 0: both are connected, and the client has a good response or not. */
static void ends(bool tls13, hf_ocsp_mode mode, const test_ocsp_spec *spec, int alert, bool good)
{
    hf_conn_info info;
    pair p;
    start(&p, tls13, mode, spec);
    pair_run(&p);
    if (alert < 0) {
        cr_assert(pair_connected(&p), "%s; %s", hf_conn_reason(p.client.conn), hf_conn_reason(p.server.conn));
        hf_conn_get_info(p.client.conn, &info);
        cr_assert_eq(info.ocsp_good, good);
    } else {
        assert_refused(&p, &p.client, (hf_alert)alert);
    }
    pair_cleanup(&p);
}

static const test_ocsp_spec fresh = {.next_update = TEST_NOW + 1000};

Test(staple, sent_to_whom_asks_and_verified)
{
    for (int tls13 = 0; tls13 <= 1; tls13++) {
        ends(tls13, HF_OCSP_OFF, &fresh, -1, false);
        ends(tls13, HF_OCSP_REQUEST, &fresh, -1, true);
        ends(tls13, HF_OCSP_REQUIRE, &fresh, -1, true);
        ends(tls13, HF_OCSP_REQUEST, NULL, -1, false);
        ends(tls13, HF_OCSP_REQUIRE, NULL, BAD, false);
    }
}

/* It expires while the server runs: it is not sent any more. */
Test(staple, not_sent_when_expired)
{
    for (int tls13 = 0; tls13 <= 1; tls13++)
        for (int late = 0; late <= 1; late++) {
            hf_conn_info info;
            pair p;
            now = TEST_NOW;
            start(&p, tls13, HF_OCSP_REQUEST, &fresh);
            now = TEST_NOW + 999 + late;
            pair_run(&p);
            cr_assert(pair_connected(&p), "%s", hf_conn_reason(p.client.conn));
            hf_conn_get_info(p.client.conn, &info);
            cr_assert_eq(info.ocsp_good, !late);
            pair_cleanup(&p);
        }
    now = TEST_NOW;
}

/* A server takes none that is not good for its certificate now. */
Test(staple, configuration_refuses_what_is_not_good)
{
    const test_cert *cert = world_server("P-256"), *another = world_server("P-384");
    const uint8_t *certs[] = {cert->der};
    static uint8_t huge[HF_LIMIT_OCSP_RESPONSE + 1];
    const test_ocsp_spec rows[] = {
        {.cert = another, .issuer = world_ca()},
        {.cert = cert, .issuer = world_ca(), .status = TEST_OCSP_REVOKED},
        {.cert = cert, .issuer = world_ca(), .next_update = TEST_NOW - 1},
    };
    hf_config *config;
    cr_assert_eq(hf_config_new(moved_env(), world_crypto(), &config), HF_OK);
    cr_assert_eq(hf_config_staple(config, huge, 1), HF_ERR_STATE, "no credential yet");
    cr_assert_eq(hf_config_add_credential(config, &(hf_credential){certs, &cert->der_len, 1, world_key(cert)}), HF_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t *response;
        size_t len = test_ocsp_new(&rows[i], &response);
        cr_assert_eq(hf_config_staple(config, response, len), HF_ERR_VERIFY, "%zu", i);
        free(response);
    }
    cr_assert_eq(hf_config_staple(config, huge, 0), HF_ERR_INVALID);
    cr_assert_eq(hf_config_staple(config, huge, 5), HF_ERR_VERIFY);
    cr_assert_eq(hf_config_staple(config, huge, sizeof huge), HF_ERR_LIMIT);
    cr_assert_eq(hf_config_set_ocsp(config, (hf_ocsp_mode)3), HF_ERR_INVALID);
    hf_config_release(config);
}

Test(staple, required_needs_verification)
{
    hf_config *config;
    cr_assert_eq(hf_config_new(moved_env(), world_crypto(), &config), HF_OK);
    cr_assert_eq(hf_config_set_insecure(config, true), HF_OK);
    cr_assert_eq(hf_config_set_ocsp(config, HF_OCSP_REQUIRE), HF_OK);
    cr_assert_eq(hf_config_build(config, HF_ROLE_CLIENT, NULL, 0), HF_ERR_INVALID);
    cr_assert_eq(hf_config_set_ocsp(config, HF_OCSP_REQUEST), HF_OK);
    cr_assert_eq(hf_config_build(config, HF_ROLE_CLIENT, NULL, 0), HF_OK);
    cr_assert_eq(hf_config_set_ocsp(config, HF_OCSP_OFF), HF_ERR_STATE);
    hf_config_release(config);
}

/* ---- TLS 1.2: CertificateStatus changed on its way ---- */

static void replace_status(const test_ocsp_spec *spec, hf_alert alert)
{
    static uint8_t room[HF_LIMIT_OCSP_RESPONSE];
    test_ocsp_spec whole = *spec;
    uint8_t *response;
    pair p;
    gate g;
    unit u;
    whole.cert = whole.cert ? whole.cert : world_server("P-256");
    whole.issuer = world_ca();
    size_t len = test_ocsp_new(&whole, &response);
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_certificate_status_write(&w, (hf_slice){response, len});
    free(response);
    start(&p, false, HF_OCSP_REQUEST, &fresh);
    gate_init(&g, &p, &p.server);
    cr_assert(gate_until(&g, HF_MSG_CERTIFICATE_STATUS, &u));
    unit_of_message(&u, room, w.len);
    gate_pass(&g, &u);
    cr_assert_eq(hf_conn_status(p.client.conn), HF_SEND(alert), "%s", hf_conn_reason(p.client.conn));
    gate_cleanup(&g);
    pair_cleanup(&p);
}

Test(staple, tls12_client_refuses_a_bad_response)
{
    replace_status(&(test_ocsp_spec){.status = TEST_OCSP_REVOKED}, HF_ALERT_CERTIFICATE_REVOKED);
    replace_status(&(test_ocsp_spec){.status = TEST_OCSP_UNKNOWN}, BAD);
    replace_status(&(test_ocsp_spec){.next_update = TEST_NOW - 1}, BAD);
    replace_status(&(test_ocsp_spec){.cert = world_server("P-384")}, BAD);
    replace_status(&(test_ocsp_spec){.signer = world_other_ca()}, BAD);
}

/* A server that has announced it may still leave it out (RFC 6066 section 8). */
Test(staple, tls12_may_be_left_out)
{
    for (hf_ocsp_mode mode = HF_OCSP_REQUEST; mode <= HF_OCSP_REQUIRE; mode++) {
        pair p;
        gate g;
        unit u;
        start(&p, false, mode, &fresh);
        gate_init(&g, &p, &p.server);
        cr_assert(gate_until(&g, HF_MSG_CERTIFICATE_STATUS, &u));
        cr_assert(gate_next(&g, &u)); /* the one before is gone */
        gate_pass(&g, &u);
        cr_assert_eq(hf_conn_status(p.client.conn), mode == HF_OCSP_REQUIRE ? HF_SEND(BAD) : HF_OK, "%s",
                     hf_conn_reason(p.client.conn));
        gate_cleanup(&g);
        pair_cleanup(&p);
    }
}

static void put_status(hf_ocsp_mode mode, const test_ocsp_spec *spec, unsigned before, const void *body, size_t len,
                       hf_alert alert)
{
    pair p;
    gate g;
    unit u;
    start(&p, false, mode, spec);
    gate_init(&g, &p, &p.server);
    cr_assert(gate_until(&g, before, &u));
    gate_put_message(&g, HF_MSG_CERTIFICATE_STATUS, body, len);
    cr_assert_eq(hf_conn_status(p.client.conn), HF_SEND(alert), "%s", hf_conn_reason(p.client.conn));
    gate_cleanup(&g);
    pair_cleanup(&p);
}

Test(staple, tls12_out_of_place)
{
    static const uint8_t body[] = {1, 0, 0, 1, 'x'};
    static const uint8_t type2[] = {2, 0, 0, 1, 'x'}, empty[] = {1, 0, 0, 0};
    put_status(HF_OCSP_OFF, NULL, HF_MSG_SERVER_KEY_EXCHANGE, body, sizeof body, HF_ALERT_UNEXPECTED_MESSAGE);
    put_status(HF_OCSP_REQUEST, NULL, HF_MSG_SERVER_KEY_EXCHANGE, body, sizeof body, HF_ALERT_UNEXPECTED_MESSAGE);
    put_status(HF_OCSP_REQUEST, &fresh, HF_MSG_CERTIFICATE, body, sizeof body, HF_ALERT_UNEXPECTED_MESSAGE);
    put_status(HF_OCSP_REQUEST, &fresh, HF_MSG_SERVER_KEY_EXCHANGE, body, sizeof body, HF_ALERT_UNEXPECTED_MESSAGE);
    put_status(HF_OCSP_REQUEST, &fresh, HF_MSG_CERTIFICATE_STATUS, type2, sizeof type2, HF_ALERT_ILLEGAL_PARAMETER);
    put_status(HF_OCSP_REQUEST, &fresh, HF_MSG_CERTIFICATE_STATUS, empty, sizeof empty, HF_ALERT_DECODE_ERROR);
    put_status(HF_OCSP_REQUEST, &fresh, HF_MSG_CERTIFICATE_STATUS, body, sizeof body, BAD);
}

/* A response may have any size up to its own limit, not that of a hello. */
Test(staple, tls12_large_response)
{
    static uint8_t message[HF_MSG_HEADER_SIZE + 4 + HF_LIMIT_OCSP_RESPONSE];
    hf_writer w = hf_writer_of(message, sizeof message);
    static const uint8_t response[HF_LIMIT_OCSP_RESPONSE];
    pair p;
    gate g;
    unit u;
    hf_certificate_status_write(&w, (hf_slice){response, sizeof response});
    cr_assert(hf_writer_ok(&w));
    start(&p, false, HF_OCSP_REQUEST, &fresh);
    gate_init(&g, &p, &p.server);
    cr_assert(gate_until(&g, HF_MSG_CERTIFICATE_STATUS, &u));
    for (size_t at = 0; at < w.len && hf_conn_status(p.client.conn) == HF_OK; at += HF_PLAINTEXT_MAX)
        gate_put(&g, 22, message + at, w.len - at < HF_PLAINTEXT_MAX ? w.len - at : HF_PLAINTEXT_MAX);
    cr_assert_eq(hf_conn_status(p.client.conn), HF_SEND(BAD), "read as a whole: %s", hf_conn_reason(p.client.conn));
    gate_cleanup(&g);
    pair_cleanup(&p);
}

/* A client that did not ask is answered by a server of the gate's making: RFC 5246 section 7.4.1.4. */
Test(staple, tls12_answer_to_no_question)
{
    static uint8_t room[UNIT_MAX];
    hf_server_hello hello;
    pair p;
    gate g;
    unit u;
    start(&p, false, HF_OCSP_OFF, NULL);
    gate_init(&g, &p, &p.server);
    cr_assert(gate_until(&g, HF_MSG_SERVER_HELLO, &u));
    unit copy = u;
    cr_assert_eq(hf_server_hello_parse(unit_body(&copy), &hello), HF_OK);
    hello.ext.present |= HF_EXT_BIT(HF_EXT_STATUS_REQUEST);
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_server_hello_write(&w, &hello);
    unit_of_message(&u, room, w.len);
    gate_pass(&g, &u);
    cr_assert_eq(hf_conn_status(p.client.conn), HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION));
    gate_cleanup(&g);
    pair_cleanup(&p);
}

/* ---- TLS 1.3: the Certificate's extension changed on its way ---- */

static void replace13(hf_ocsp_mode mode, hf_slice response, bool second, int alert)
{
    static uint8_t room[UNIT_MAX];
    hf_certificate13 msg;
    pair p;
    gate13 g;
    unit u;
    start(&p, true, mode, &fresh);
    gate13_init(&g, &p, &p.server);
    cr_assert(gate13_until(&g, HF_MSG_CERTIFICATE, &u));
    unit copy = u;
    cr_assert_eq(hf_certificate13_parse(unit_body(&copy), &msg), HF_OK);
    msg.ocsp_response = response;
    if (second)
        msg.chain.certs[msg.chain.n++] = (hf_slice){world_ca()->der, world_ca()->der_len};
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_certificate13_write(&w, &msg);
    cr_assert(hf_writer_ok(&w));
    unit_of_message(&u, room, w.len);
    gate13_pass(&g, &u);
    hf_status want = alert < 0 ? HF_OK : HF_SEND(alert);
    cr_assert_eq(hf_conn_status(p.client.conn), want, "%s", hf_conn_reason(p.client.conn));
    gate13_cleanup(&g);
    pair_cleanup(&p);
}

Test(staple, tls13_client_refuses_a_bad_response)
{
    const test_ocsp_spec rows[] = {
        {.status = TEST_OCSP_REVOKED},   {.status = TEST_OCSP_UNKNOWN}, {.next_update = TEST_NOW - 1},
        {.cert = world_server("P-384")}, {.signer = world_other_ca()},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_ocsp_spec whole = rows[i];
        uint8_t *response;
        whole.cert = whole.cert ? whole.cert : world_server("P-256");
        whole.issuer = world_ca();
        size_t len = test_ocsp_new(&whole, &response);
        replace13(HF_OCSP_REQUEST, (hf_slice){response, len}, i == 1, i == 0 ? HF_ALERT_CERTIFICATE_REVOKED : BAD);
        replace13(HF_OCSP_OFF, (hf_slice){response, len}, false, HF_ALERT_UNSUPPORTED_EXTENSION);
        free(response);
    }
    replace13(HF_OCSP_REQUEST, (hf_slice){0}, false, -1);
    replace13(HF_OCSP_REQUIRE, (hf_slice){0}, true, BAD);
}

/* Nothing was asked of a client's certificate. */
Test(staple, tls13_server_refuses_a_clients)
{
    static uint8_t room[UNIT_MAX];
    const side client = {.tls13 = true, .cert = world_client("P-256")};
    const side server = {.tls13 = true, .client_auth = HF_CLIENT_AUTH_REQUIRED};
    hf_certificate13 msg;
    pair p;
    gate13 g;
    unit u;
    memset(&p, 0, sizeof p);
    world_pair(&p, &client, &server);
    gate13_init(&g, &p, &p.client);
    cr_assert(gate13_until(&g, HF_MSG_CERTIFICATE, &u));
    unit copy = u;
    cr_assert_eq(hf_certificate13_parse(unit_body(&copy), &msg), HF_OK);
    msg.ocsp_response = (hf_slice){(const uint8_t *)"x", 1};
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_certificate13_write(&w, &msg);
    unit_of_message(&u, room, w.len);
    gate13_pass(&g, &u);
    cr_assert_eq(hf_conn_status(p.server.conn), HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION));
    gate13_cleanup(&g);
    pair_cleanup(&p);
}

/* Where nobody knows OCSP there is nothing to staple, and nothing to ask for. */
Test(staple, without_a_provider_of_ocsp)
{
    hf_crypto crypto = *world_crypto();
    hf_pki pki = *crypto.pki;
    const test_cert *cert = world_server("P-256");
    const uint8_t *certs[] = {cert->der};
    hf_config *config;
    pki.ocsp_check = NULL;
    crypto.pki = &pki;
    cr_assert_eq(hf_config_new(world_env(), &crypto, &config), HF_OK);
    cr_assert_eq(hf_config_add_credential(config, &(hf_credential){certs, &cert->der_len, 1, world_key(cert)}), HF_OK);
    cr_assert_eq(hf_config_staple(config, (const uint8_t *)"x", 1), HF_ERR_UNSUPPORTED);
    hf_config_release(config);
    cr_assert_eq(side_try(&(side){.crypto = &crypto, .ocsp = HF_OCSP_REQUEST}, HF_ROLE_CLIENT, &config),
                 HF_ERR_UNSUPPORTED);
}
