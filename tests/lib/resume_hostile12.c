/* TLS 1.2 resumption against peers that do it wrongly: hellos, answers and tickets changed on their way. */
#include "engine13_peer.h"
#include "resume_offer.h"

TestSuite(resume_hostile12, .timeout = 300);

typedef void change(hf_client_hello *hello);

/* ---- TLS 1.2: changed hellos ---- */

static void without_ems(hf_client_hello *h)
{
    drop13(&h->ext, HF_EXT_EXTENDED_MASTER_SECRET);
}
static void without_etm(hf_client_hello *h)
{
    drop13(&h->ext, HF_EXT_ENCRYPT_THEN_MAC);
}
static void without_suite(hf_client_hello *h)
{
    h->cipher_suites = (hf_slice){(const uint8_t *)"\xc0\x2f", 2};
}
static void other_name(hf_client_hello *h)
{
    h->ext.server_name = (hf_slice){(const uint8_t *)"another.example", 15};
}
static void short_id(hf_client_hello *h)
{
    h->session_id.len -= h->session_id.len > 0;
}

/* The server after a changed hello that offers a session. alert -1: a full handshake. */
static void hello12(bool by_id, uint16_t suite, change *by, int alert, const char *what)
{
    hf_ticket_keys *keys = by_id ? NULL : resume_keys();
    side client = resume_client(false), server = resume_server(false, keys);
    static offer o;
    pair p = {0};
    gate g;
    unit u, copy;
    client.policy = server.policy = HF_POLICY_COMPATIBLE;
    client.suites[0] = suite;
    server.cert = NULL;
    if (by_id)
        cr_assert_eq(hf_session_cache_new(resume_env(), 8, 0, &server.cache), HF_OK);
    client.offer = resume_first(&client, &server);
    world_pair(&p, &client, &server);
    gate_init(&g, &p, &p.client);
    cr_assert(gate_next(&g, &u));
    copy = u;
    cr_assert_eq(hf_client_hello_parse(unit_body(&copy), &o.hello), HF_OK);
    by(&o.hello);
    write_offer(&o, &u);
    gate_pass(&g, &u);
    cr_assert_eq(p.server.n_resumed, 0, "%s", what);
    if (alert >= 0) {
        cr_assert_eq(hf_conn_status(p.server.conn), HF_SEND(alert), "%s: %s", what, hf_conn_reason(p.server.conn));
    } else {
        cr_assert_eq(hf_conn_status(p.server.conn), HF_OK, "%s: %s", what, hf_conn_reason(p.server.conn));
        cr_assert_geq(p.server.n_sent, 3, "%s: its whole flight", what);
    }
    gate_cleanup(&g);
    pair_cleanup(&p);
    hf_session_cache_release(server.cache);
    no_keys(keys, client.offer);
}

Test(resume_hostile12, hellos_of_tls12)
{
    for (int by_id = 0; by_id < 2; by_id++) {
        hello12(by_id, 0xc013, without_ems, HF_ALERT_HANDSHAKE_FAILURE, "RFC 7627 section 5.3: abort");
        hello12(by_id, 0xc013, without_etm, -1, "encrypt_then_mac is not what it was");
        hello12(by_id, 0xc013, without_suite, -1, "the session's suite is not offered");
        hello12(by_id, 0xc013, other_name, -1, "RFC 6066 section 3: another name");
    }
    hello12(true, 0xc013, short_id, -1, "an ID that is none of ours");
}

/* ---- TLS 1.2: changed answers of the server ---- */

static void answer12(void (*by)(hf_server_hello *), bool offers, hf_alert alert, const char *what)
{
    hf_ticket_keys *keys = resume_keys();
    side client = resume_client(false), server = resume_server(false, keys);
    static uint8_t message[4096];
    pair p = {0};
    gate g;
    unit u, copy;
    hf_server_hello hello;
    client.policy = server.policy = HF_POLICY_COMPATIBLE;
    server.cert = NULL;
    server.suites[0] = 0xc013;
    client.offer = offers ? resume_first(&client, &server) : NULL;
    world_pair(&p, &client, &server);
    gate_init(&g, &p, &p.server);
    cr_assert(gate_next(&g, &u));
    copy = u;
    cr_assert_eq(hf_server_hello_parse(unit_body(&copy), &hello), HF_OK);
    by(&hello);
    hf_writer w = hf_writer_of(message, sizeof message);
    hf_server_hello_write(&w, &hello);
    unit_of_message(&u, message, w.len);
    gate_pass(&g, &u);
    cr_assert_eq(hf_conn_status(p.client.conn), HF_SEND(alert), "%s: %s", what, hf_conn_reason(p.client.conn));
    cr_assert_eq(p.client.n_resumed, 0, "%s", what);
    gate_cleanup(&g);
    pair_cleanup(&p);
    no_keys(keys, client.offer);
}

static void answers_without_ems(hf_server_hello *h)
{
    drop13(&h->ext, HF_EXT_EXTENDED_MASTER_SECRET);
}
static void answers_without_etm(hf_server_hello *h)
{
    drop13(&h->ext, HF_EXT_ENCRYPT_THEN_MAC);
}
static void answers_other_suite(hf_server_hello *h)
{
    h->cipher_suite = 0xc014;
}

Test(resume_hostile12, answers_of_tls12)
{
    answer12(answers_without_ems, true, HF_ALERT_HANDSHAKE_FAILURE, "RFC 7627 section 5.3: abort");
    answer12(answers_without_etm, true, HF_ALERT_HANDSHAKE_FAILURE, "encrypt_then_mac is gone");
    answer12(answers_other_suite, true, HF_ALERT_ILLEGAL_PARAMETER, "another suite");
}

/* The ID that a client of TLS 1.3 makes up is no session: RFC 8446 appendix D.4. */
Test(resume_hostile12, a_session_that_was_never_offered)
{
    side client = resume_client(true), server = resume_server(false, NULL);
    static uint8_t message[4096];
    pair p = {0};
    gate g;
    unit u, copy;
    hf_server_hello hello;
    world_pair(&p, &client, &server);
    gate_init(&g, &p, &p.server);
    cr_assert(gate_next(&g, &u));
    copy = u;
    cr_assert_eq(hf_server_hello_parse(unit_body(&copy), &hello), HF_OK);
    hello.session_id = (hf_slice){p.client.conn->hs->session_id, 32};
    hf_writer w = hf_writer_of(message, sizeof message);
    hf_server_hello_write(&w, &hello);
    unit_of_message(&u, message, w.len);
    gate_pass(&g, &u);
    cr_assert_eq(hf_conn_status(p.client.conn), HF_SEND(HF_ALERT_ILLEGAL_PARAMETER));
    gate_cleanup(&g);
    pair_cleanup(&p);
}

/* A PSK of TLS 1.3, offered and taken in a ServerHello of TLS 1.2: RFC 8446 section 4.2. */
Test(resume_hostile12, a_pre_shared_key_in_tls12)
{
    hf_ticket_keys *keys = resume_keys();
    side client = resume_client(true), server = resume_server(true, keys);
    static uint8_t message[4096];
    pair p = {0};
    gate g;
    unit u, copy;
    hf_server_hello hello;
    client.offer = resume_first(&client, &server);
    server.tls13 = false;
    world_pair(&p, &client, &server);
    gate_init(&g, &p, &p.server);
    cr_assert(gate_next(&g, &u));
    copy = u;
    cr_assert_eq(hf_server_hello_parse(unit_body(&copy), &hello), HF_OK);
    hello.ext.present |= HF_EXT_BIT(HF_EXT_PRE_SHARED_KEY);
    hf_writer w = hf_writer_of(message, sizeof message);
    hf_server_hello_write(&w, &hello);
    unit_of_message(&u, message, w.len);
    gate_pass(&g, &u);
    cr_assert_eq(hf_conn_status(p.client.conn), HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "%s",
                 hf_conn_reason(p.client.conn));
    gate_cleanup(&g);
    pair_cleanup(&p);
    no_keys(keys, client.offer);
}

/* A ticket promised and not made: the empty one (RFC 5077 section 3.3). */
Test(resume_hostile12, a_promised_ticket_that_cannot_be_made)
{
    static const uint8_t secret[32] = {3};
    hf_ticket_keys *keys = resume_installed_keys(secret);
    side client = resume_client(false), server = resume_server(false, keys);
    pair p = {0};
    gate g;
    unit u;
    world_pair(&p, &client, &server);
    gate_init(&g, &p, &p.client);
    cr_assert(gate_until(&g, HF_MSG_CLIENT_KEY_EXCHANGE, &u));
    resume_now += HF_DEFAULT_TICKET_PERIOD; /* the next secret is not there */
    gate_pass(&g, &u);
    gate_pass_all(&g);
    cr_assert(pair_connected(&p), "%s", hf_conn_reason(p.client.conn));
    cr_assert_eq(p.client.n_given, 0);
    gate_cleanup(&g);
    pair_cleanup(&p);
    hf_ticket_keys_release(keys);
}

/* RFC 5246 section 7.2.2: after a fatal alert a session is not resumed. */
Test(resume_hostile12, a_fatal_alert_forgets_the_session)
{
    for (int bad = 0; bad < 4; bad++) { /* from 2 on the connection itself is a resumed one */
        hf_session_cache *cache;
        side client = resume_client(false), server = resume_server(false, NULL);
        pair p = {0};
        cr_assert_eq(hf_session_cache_new(resume_env(), 8, 0, &cache), HF_OK);
        server.cache = cache;
        if (bad >= 2)
            client.offer = resume_first(&client, &server);
        world_run(&p, &client, &server);
        cr_assert_eq(p.server.n_resumed, bad >= 2);
        cr_assert_eq(hf_session_cache_count(cache), 1);
        if (bad % 2)
            hf_conn_fail(p.client.conn, p.client.worker, HF_ERR_TIMEOUT, "enough");
        else
            hf_conn_close(p.client.conn, p.client.worker);
        pair_run(&p);
        cr_assert_eq(hf_session_cache_count(cache), bad % 2 == 0);
        pair_cleanup(&p);
        hf_session_free(client.offer);
        hf_session_cache_release(cache);
    }
}
