/* Our own side failing: the n-th allocation, the n-th call of the random generator, for every n there is. Whatever the
 * point, the call says so, the peer is told internal_error or nothing, and nothing leaks. */
#include <criterion/criterion.h>
#include <string.h>

#include "faulty.h"
#include "world.h"

TestSuite(faults, .timeout = 600);

/* A whole life of a connection: configure, shake hands, data, close. Returns the first failure that an API call or
 * the connection at `e` tells. */
static hf_status live(faulty *f, bool at_server, uint16_t suite)
{
    pair p = {0};
    side client = {.policy = HF_POLICY_COMPATIBLE, .suites = {suite}, .cert = world_client("P-256"), .alpn = {"h2"}};
    side server = {.policy = HF_POLICY_COMPATIBLE, .client_auth = HF_CLIENT_AUTH_REQUIRED, .alpn = {"h2"}};
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
    end *e = at_server ? &p.server : &p.client, *other = pair_peer(&p, e);
    static uint8_t data[20000];
    pair_run(&p);
    if (pair_connected(&p) && pair_send(&p, e, data, sizeof data) && pair_send(&p, other, data, sizeof data)) {
        hf_conn_close(other->conn, other->worker);
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

static void every_allocation(bool at_server, uint16_t suite, bool stays)
{
    faulty f;
    faulty_init(&f);
    cr_assert_eq(live(&f, at_server, suite), HF_OK);
    assert_clean(&f, 0);
    size_t total = f.allocs;
    cr_assert_gt(total, 10);
    for (size_t n = 1; n <= total; n++) {
        faulty_init(&f);
        f.fail_alloc = n;
        f.stays = stays;
        hf_status status = live(&f, at_server, suite);
        /* The last one is for the answer to close_notify: an alert is sent when it can be. */
        cr_assert(status == HF_ERR_NO_MEMORY || (status == HF_OK && n == total), "allocation %zu of %zu: %s", n, total,
                  hf_status_text(status));
        assert_clean(&f, n);
    }
}

Test(faults, every_allocation_of_a_server)
{
    every_allocation(true, 0xc02f, false);
    every_allocation(true, 0x009c, false);
}

Test(faults, every_allocation_of_a_client)
{
    every_allocation(false, 0xc02f, false);
    every_allocation(false, 0x009c, false);
}

Test(faults, every_allocation_from_one_on)
{
    every_allocation(true, 0xc014, true);
    every_allocation(false, 0xc014, true);
}

static void every_random(bool at_server, uint16_t suite, bool stays, size_t least)
{
    faulty f;
    faulty_init(&f);
    cr_assert_eq(live(&f, at_server, suite), HF_OK);
    size_t total = f.randoms;
    cr_assert_geq(total, least);
    for (size_t n = 1; n <= total; n++) {
        faulty_init(&f);
        f.fail_random = n;
        f.stays = stays;
        hf_status status = live(&f, at_server, suite);
        /* The last ones of CBC are initialisation vectors of alerts: an alert that cannot be sealed is not sent. */
        cr_assert(status == HF_ERR_RANDOM || (status == HF_OK && n == total), "call %zu of %zu: %s", n, total,
                  hf_status_text(status));
        assert_clean(&f, n);
    }
}

Test(faults, every_random_of_a_server)
{
    every_random(true, 0xc02f, false, 1); /* its random */
    every_random(true, 0x009c, false, 2); /* and what stands in for a bad premaster */
    every_random(true, 0xc014, false, 3); /* and what CBC begins with */
    every_random(true, 0xc014, true, 3);
}

Test(faults, every_random_of_a_client)
{
    every_random(false, 0xc02f, false, 1);
    every_random(false, 0x009c, false, 2); /* and the premaster */
    every_random(false, 0xc014, false, 3);
    every_random(false, 0xc014, true, 3);
}
