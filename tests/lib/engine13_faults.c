/* TLS 1.3 with our own side failing: the n-th allocation, the n-th call of the random generator, for every n, through a
 * handshake with HelloRetryRequest and client authentication, data, KeyUpdate and closing. */
#include <criterion/criterion.h>
#include <string.h>

#include "conn.h"
#include "faulty.h"
#include "world.h"

TestSuite(faults13, .timeout = 600);

static void on_nothing(void *user, const char *label, const uint8_t client_random[32], const uint8_t *secret,
                       size_t secret_len)
{
    (void)user, (void)label, (void)client_random, (void)secret, (void)secret_len;
}

/* A whole life of a connection; the first failure that a call or the connection at the failing end tells. */
static hf_status live(faulty *f, bool at_server)
{
    pair p = {0};
    side client = {.tls13 = true, .cert = world_client("P-256"), .alpn = {"h2"}};
    side server = {.tls13 = true,
                   .groups = {HF_GROUP_P384},
                   .cert = world_server("P-256"),
                   .client_auth = HF_CLIENT_AUTH_REQUIRED,
                   .alpn = {"h2"}};
    hf_config *c = NULL, *s = NULL;
    *(at_server ? &server.env : &client.env) = &f->env;
    hf_status status = side_try(&client, HF_ROLE_CLIENT, &c);
    if (status == HF_OK)
        status = side_try(&server, HF_ROLE_SERVER, &s);
    if (status == HF_OK)
        status = pair_start(&p, c, s, WORLD_NAME);
    hf_config_release(c);
    hf_config_release(s);
    if (status != HF_OK)
        return status;
    p.client.conn->options.on_key_log = p.server.conn->options.on_key_log = on_nothing;
    end *e = at_server ? &p.server : &p.client, *other = pair_peer(&p, e);
    static uint8_t data[20000];
    pair_run(&p);
    if (pair_connected(&p) && pair_send(&p, e, data, sizeof data) && pair_send(&p, other, data, sizeof data) &&
        hf_conn_key_update(other->conn, other->worker, true) == HF_OK) {
        pair_run(&p);
        if (hf_conn_status(e->conn) == HF_OK)
            hf_conn_close(e->conn, e->worker);
        pair_run(&p);
    }
    status = hf_conn_status(e->conn);
    if (status != HF_OK) {
        cr_assert(hf_conn_wants(e->conn) & HF_WANT_CLOSED);
        cr_assert_str_neq(hf_conn_reason(e->conn), "");
        if (e->n_alerts_sent > 0)
            cr_assert_eq(e->alerts_sent[0], HF_ALERT_INTERNAL_ERROR);
    }
    pair_cleanup(&p);
    return status;
}

static void assert_clean(const faulty *f, size_t n)
{
    cr_assert_eq(f->live, 0, "%zu: %zu blocks leaked", n, f->live);
    cr_assert_eq(f->live_bytes, 0);
    cr_assert_eq(f->bad_frees, 0, "%zu: freed with another size", n);
}

static void every_allocation(bool at_server, bool stays)
{
    faulty f;
    faulty_init(&f);
    cr_assert_eq(live(&f, at_server), HF_OK);
    assert_clean(&f, 0);
    size_t total = f.allocs;
    cr_assert_gt(total, 20);
    for (size_t n = 1; n <= total; n++) {
        faulty_init(&f);
        f.fail_alloc = n;
        f.stays = stays;
        hf_status status = live(&f, at_server);
        /* The last is for our close_notify: an alert is sent when it can be. */
        cr_assert(status == HF_ERR_NO_MEMORY || (status == HF_OK && n == total), "allocation %zu of %zu: %s", n, total,
                  hf_status_text(status));
        assert_clean(&f, n);
    }
}

Test(faults13, every_allocation_of_a_server)
{
    every_allocation(true, false);
}

Test(faults13, every_allocation_of_a_client)
{
    every_allocation(false, false);
}

Test(faults13, every_allocation_from_one_on)
{
    every_allocation(true, true);
    every_allocation(false, true);
}

static void every_random(bool at_server, bool stays)
{
    faulty f;
    faulty_init(&f);
    cr_assert_eq(live(&f, at_server), HF_OK);
    size_t total = f.randoms;
    cr_assert_eq(total, 2, "one for the handshake; the cookie of the server, legacy_session_id of the client");
    for (size_t n = 1; n <= total; n++) {
        faulty_init(&f);
        f.fail_random = n;
        f.stays = stays;
        hf_status status = live(&f, at_server);
        cr_assert_eq(status, HF_ERR_RANDOM, "call %zu of %zu: %s", n, total, hf_status_text(status));
        assert_clean(&f, n);
    }
}

Test(faults13, every_random)
{
    for (int stays = 0; stays < 2; stays++) {
        every_random(true, stays);
        every_random(false, stays);
    }
}
