/* What stands behind resume_world.h. */
#include "resume_world.h"

int64_t resume_now = TEST_NOW;

static int64_t moving_time(void *arg)
{
    (void)arg;
    return resume_now;
}

const hf_env *resume_env(void)
{
    static hf_env env;
    env = *world_env();
    env.unix_time = moving_time;
    return &env;
}

hf_ticket_keys *resume_keys(void)
{
    hf_ticket_keys *keys;
    cr_assert_eq(hf_ticket_keys_new(resume_env(), world_crypto(), NULL, &keys), HF_OK);
    return keys;
}

void resume_install(hf_ticket_keys *keys, const uint8_t secret[32])
{
    uint64_t epoch = hf_ticket_keys_epoch(keys, resume_now);
    uint8_t of_period[32];
    memcpy(of_period, secret, sizeof of_period);
    of_period[0] ^= (uint8_t)epoch;
    cr_assert_eq(hf_ticket_keys_install(keys, epoch, of_period), HF_OK);
}

hf_ticket_keys *resume_installed_keys(const uint8_t secret[32])
{
    hf_ticket_keys *keys;
    cr_assert_eq(hf_ticket_keys_new(resume_env(), world_crypto(), &(hf_ticket_options){.installed = true}, &keys),
                 HF_OK);
    resume_install(keys, secret);
    return keys;
}

side resume_client(bool tls13)
{
    return (side){.tls13 = tls13, .env = resume_env(), .keep = true};
}

side resume_server(bool tls13, hf_ticket_keys *keys)
{
    return (side){.tls13 = tls13, .env = resume_env(), .tickets = keys, .cert = world_server("P-256")};
}

static void assert_flow(pair *p, const char *what)
{
    cr_assert(pair_connected(p), "%s: client: %s (%s), server: %s (%s)", what,
              hf_status_text(hf_conn_status(p->client.conn)), hf_conn_reason(p->client.conn),
              hf_status_text(hf_conn_status(p->server.conn)), hf_conn_reason(p->server.conn));
    cr_assert(pair_send(p, &p->client, "ping", 4), "%s", what);
    cr_assert(pair_send(p, &p->server, "pong!", 5), "%s", what);
    cr_assert_eq(wire_len(&p->server.plain), 4, "%s", what);
    cr_assert_eq(wire_len(&p->client.plain), 5, "%s", what);
    cr_assert_arr_eq(wire_data(&p->server.plain), "ping", 4);
    cr_assert_arr_eq(wire_data(&p->client.plain), "pong!", 5);
    cr_assert_eq(p->client.n_sent, p->server.n_received, "%s: every message arrives", what);
    cr_assert_eq(p->server.n_sent, p->client.n_received, "%s: every message arrives", what);
}

hf_session *resume_first(const side *client, const side *server)
{
    pair p = {0};
    world_run(&p, client, server);
    assert_flow(&p, "the first connection");
    hf_session *session = pair_take_session(&p);
    pair_cleanup(&p);
    return session;
}

void resume_second(const side *client, const side *server, hf_session *session, outcome expected, pair *out,
                   const char *what)
{
    pair p = {0};
    side c = *client;
    hf_conn_info of_client, of_server;
    c.offer = session;
    world_run(&p, &c, server);
    assert_flow(&p, what);
    hf_conn_get_info(p.client.conn, &of_client);
    hf_conn_get_info(p.server.conn, &of_server);
    cr_assert_eq(of_client.resumed, expected == RESUMED, "%s", what);
    cr_assert_eq(of_server.resumed, of_client.resumed, "%s", what);
    cr_assert_eq(of_server.resumption, of_client.resumption, "%s", what);
    cr_assert_eq(of_client.suite, of_server.suite, "%s", what);
    cr_assert_eq(of_client.version, of_server.version, "%s", what);
    cr_assert_eq(of_client.peer_verified, !client->insecure, "%s: what the client tells of its server", what);
    cr_assert_eq(p.client.n_resumed, of_client.resumed, "%s", what);
    cr_assert_eq(p.server.n_resumed, of_client.resumed, "%s", what);
    cr_assert_eq(p.server.key_started, !of_client.resumed, "%s: operations of the private key", what);
    if (expected == RESUMED)
        cr_assert_eq(p.client.key_started, 0, "%s", what);
    if (out)
        *out = p;
    else
        pair_cleanup(&p);
}

void resume_case(const side *client1, const side *server1, const side *client2, const side *server2, outcome expected,
                 const char *what)
{
    hf_session *session = resume_first(client1, server1);
    cr_assert_not_null(session, "%s", what);
    resume_second(client2, server2, session, expected, NULL, what);
    hf_session_free(session);
}
