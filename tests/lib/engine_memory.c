/* What a connection costs while nothing happens: at most 8 KiB from its allocator, whatever came before. And what it
 * keeps: no secret of the handshake, nothing that was freed without being wiped. */
#include <criterion/criterion.h>
#include <string.h>

#include "conn.h" /* to know the secrets of TLS 1.3 */
#include "faulty.h"
#include "handfast/providers.h"
#include "world.h"

TestSuite(memory, .timeout = 300);

#define IDLE_MAX 8192

static void assert_idle(end *e, const faulty *f, size_t configured, const char *what)
{
    hf_conn_info info;
    hf_conn_get_info(e->conn, &info);
    cr_assert_leq(info.memory, IDLE_MAX, "%s: %zu bytes", what, info.memory);
    cr_assert_eq(info.memory, f->live_bytes - configured, "%s: what it says is what it holds", what);
}

static void idle_with(const char *provider)
{
    static const uint16_t suites[] = {0xc02f, 0xc030};
    static uint8_t data[100000];
    world_force_provider(provider);
    for (size_t i = 0; i < 2; i++) {
        faulty client_env, server_env;
        pair p = {0};
        faulty_init(&client_env);
        faulty_init(&server_env);
        hf_config *c = side_config(&(side){.suites = {suites[i]}, .env = &client_env.env}, HF_ROLE_CLIENT);
        hf_config *s = side_config(&(side){.env = &server_env.env}, HF_ROLE_SERVER);
        size_t client_base = client_env.live_bytes, server_base = server_env.live_bytes;
        cr_assert_eq(pair_start(&p, c, s, WORLD_NAME), HF_OK);
        pair_run(&p);
        cr_assert(pair_connected(&p));
        assert_idle(&p.client, &client_env, client_base, "client after the handshake");
        assert_idle(&p.server, &server_env, server_base, "server after the handshake");
        cr_assert(pair_send(&p, &p.client, data, sizeof data));
        cr_assert(pair_send(&p, &p.server, data, sizeof data));
        assert_idle(&p.client, &client_env, client_base, "client after data");
        assert_idle(&p.server, &server_env, server_base, "server after data");
        pair_cleanup(&p);
        hf_config_release(c);
        hf_config_release(s);
        cr_assert_eq(client_env.live + server_env.live, 0);
    }
}

/* A composition cannot take hashes and certificates from providers that lack them: forcing chooses record ciphers. */
Test(memory, idle_portable)
{
    idle_with("portable");
}

Test(memory, idle_libcrypto)
{
    idle_with("libcrypto");
}

Test(memory, idle_of_every_other_provider)
{
    const char *why;
    size_t n = 0;
    for (const hf_provider *const *p = hf_providers(); *p; p++)
        n += strcmp((*p)->name, "portable") != 0 && strcmp((*p)->name, "libcrypto") != 0 && (*p)->available(&why);
    if (n > 0)
        idle_with(hf_providers()[0]->name); /* the preferred one */
}

/* ---- Secrets ---- */

static void secrets_with(uint16_t suite)
{
    faulty client_env, server_env;
    pair p = {.pieces = PAIR_RANDOM, .seed = suite};
    const char text[] = "a sentence that no other memory holds by chance";
    faulty_init(&client_env);
    faulty_init(&server_env);
    hf_config *c = side_config(
        &(side){
            .policy = HF_POLICY_COMPATIBLE, .suites = {suite}, .cert = world_client("P-256"), .env = &client_env.env},
        HF_ROLE_CLIENT);
    hf_config *s = side_config(
        &(side){.policy = HF_POLICY_COMPATIBLE, .client_auth = HF_CLIENT_AUTH_REQUIRED, .env = &server_env.env},
        HF_ROLE_SERVER);
    cr_assert_eq(pair_start(&p, c, s, WORLD_NAME), HF_OK);
    p.client.hold_key = true; /* the client derived the keys and waits for its signature */
    pair_run(&p);
    cr_assert_eq(p.client.n_key_logs, 1);
    cr_assert(faulty_holds(&client_env, p.client.logged_secret, 48), "the search finds what is there");
    p.client.hold_key = false;
    pair_run(&p);
    cr_assert(pair_connected(&p));

    /* Both derived the same, once, and keep nothing of it. */
    cr_assert_eq(p.client.n_key_logs + p.server.n_key_logs, 2);
    cr_assert_arr_eq(p.client.logged_random, p.server.logged_random, 32);
    cr_assert_arr_eq(p.client.logged_secret, p.server.logged_secret, 48);
    for (size_t at = 0; at < 48; at += 8) {
        cr_assert_not(faulty_holds(&client_env, p.client.logged_secret + at, 8), "a piece of the master secret");
        cr_assert_not(faulty_holds(&server_env, p.server.logged_secret + at, 8), "a piece of the master secret");
    }

    cr_assert(pair_send(&p, &p.client, text, sizeof text));
    cr_assert_eq(wire_len(&p.server.plain), sizeof text);
    cr_assert_not(faulty_holds(&server_env, text + 8, 16), "plaintext that was taken");
    pair_cleanup(&p);
    cr_assert_eq(client_env.dirty_frees, 0, "%zu blocks were freed as they were", client_env.dirty_frees);
    cr_assert_eq(server_env.dirty_frees, 0, "%zu blocks were freed as they were", server_env.dirty_frees);
    hf_config_release(c);
    hf_config_release(s);
}

Test(memory, secrets_are_wiped)
{
    secrets_with(0xc02f);
    secrets_with(0x009c);
    secrets_with(0xc014);
    secrets_with(0xc030);
}

/* A connection that fails in the middle wipes what it had. */
Test(memory, secrets_are_wiped_on_failure)
{
    faulty env;
    pair p = {0};
    faulty_init(&env);
    hf_config *c = side_config(&(side){.cert = world_client("P-256"), .env = &env.env}, HF_ROLE_CLIENT);
    hf_config *s = side_config(&(side){.client_auth = HF_CLIENT_AUTH_REQUIRED}, HF_ROLE_SERVER);
    cr_assert_eq(pair_start(&p, c, s, WORLD_NAME), HF_OK);
    p.client.hold_key = true;
    pair_run(&p);
    cr_assert(faulty_holds(&env, p.client.logged_secret, 48));
    hf_conn_fail(p.client.conn, p.client.worker, HF_ERR_TIMEOUT, "too slow");
    cr_assert_not(faulty_holds(&env, p.client.logged_secret, 48));
    pair_cleanup(&p);
    cr_assert_eq(env.dirty_frees, 0);
    hf_config_release(c);
    hf_config_release(s);
}

/* The same when it fails later, in whatever call. */
static hf_status writes(end *e)
{
    size_t taken;
    return hf_conn_write(e->conn, e->worker, (const uint8_t *)"x", 1, &taken);
}
static hf_status updates_keys(end *e)
{
    return hf_conn_key_update(e->conn, e->worker, false);
}
static hf_status seals_room(end *e)
{
    return hf_conn_room_ack(e->conn, e->worker, 1);
}

static void fails_in(hf_status (*call)(end *e), bool with_room)
{
    faulty env;
    pair p = {0};
    uint8_t read_secret[32], write_secret[32], *room;
    size_t len;
    faulty_init(&env);
    hf_config *c = side_config(&(side){.tls13 = true}, HF_ROLE_CLIENT);
    hf_config *s = side_config(
        &(side){.tls13 = true, .suites = {0x1301}, .rekey_after = with_room ? 1 : 0, .env = &env.env}, HF_ROLE_SERVER);
    cr_assert_eq(pair_start(&p, c, s, WORLD_NAME), HF_OK);
    pair_run(&p);
    cr_assert(pair_connected(&p));
    memcpy(read_secret, p.server.conn->read_secret, sizeof read_secret);
    memcpy(write_secret, p.server.conn->write_secret, sizeof write_secret);
    cr_assert(faulty_holds(&env, read_secret, 16), "the search finds what is there");
    if (with_room)
        cr_assert_eq(hf_conn_room_buf(p.server.conn, &room, &len), HF_OK);
    env.fail_alloc = env.allocs + 1;
    env.stays = true;
    cr_assert_eq(call(&p.server), HF_ERR_NO_MEMORY);
    env.stays = false;
    for (size_t at = 0; at < sizeof read_secret; at += 16) {
        cr_assert_not(faulty_holds(&env, read_secret + at, 16), "the peer's traffic secret");
        cr_assert_not(faulty_holds(&env, write_secret + at, 16), "our traffic secret");
    }
    pair_cleanup(&p);
    cr_assert_eq(env.dirty_frees, 0);
    hf_config_release(c);
    hf_config_release(s);
}

Test(memory, secrets_are_wiped_on_a_late_failure)
{
    fails_in(writes, false);
    fails_in(updates_keys, false);
    fails_in(seals_room, true);
}
