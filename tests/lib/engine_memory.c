/* What a connection costs while nothing happens: at most 8 KiB from its allocator, whatever came before. */
#include <criterion/criterion.h>
#include <string.h>

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
