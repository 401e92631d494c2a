/* The check of our own signatures before they are sent: which way it goes (a prepared verifier, or pki), that it is
 * prepared once and used each time, and that a wrong signature is refused on either way. */
#include <criterion/criterion.h>
#include <string.h>

#include "conn.h"
#include "faulty.h"
#include "gate.h"
#include "world.h"

TestSuite(own_verifier, .timeout = 300);

/* ---- A composition whose checks are counted, and whose verifier does as it is told ---- */

static struct {
    unsigned prepared, verified, by_pki;
    bool misaligned;
    hf_status prepare, verify; /* HF_OK: as the verifier behind says, where there is one */
} told;

static const hf_verifier *behind;
static hf_verifier counted;
static hf_pki counted_pki;
static hf_crypto crypto;

static hf_status count_prepare(void *state, const uint8_t *spki, size_t spki_len)
{
    told.prepared++;
    told.misaligned |= (uintptr_t)state % HF_VERIFIER_ALIGN != 0;
    if (told.prepare != HF_OK)
        return told.prepare;
    return behind ? behind->prepare(state, spki, spki_len) : HF_OK;
}

static hf_status count_verify(const void *state, const uint8_t *digest, size_t digest_len, const uint8_t *sig,
                              size_t sig_len)
{
    told.verified++;
    if (told.verify != HF_OK)
        return told.verify;
    return behind ? behind->verify_digest(state, digest, digest_len, sig, sig_len) : HF_OK;
}

static hf_status count_pki(const hf_cert *cert, uint16_t scheme, const uint8_t *digest, size_t digest_len,
                           const uint8_t *sig, size_t sig_len)
{
    told.by_pki++;
    return world_crypto()->pki->verify_digest(cert, scheme, digest, digest_len, sig, sig_len);
}

static void count(void)
{
    memset(&told, 0, sizeof told);
    crypto = *world_crypto();
    behind = crypto.verifiers[0];
    counted = behind ? *behind : (hf_verifier){.group = HF_GROUP_P256, .name = "ECDSA P-256", .state_size = 1};
    counted.prepare = count_prepare;
    counted.verify_digest = count_verify;
    counted_pki = *crypto.pki;
    counted_pki.verify_digest = count_pki;
    crypto.verifiers[0] = &counted;
    crypto.pki = &counted_pki;
}

/* Without a verifier: as where the platform has none. */
static void count_plain(void)
{
    count();
    crypto.verifiers[0] = NULL;
}

static void keep_op(void *arg, hf_key_op *op)
{
    *(hf_key_op **)arg = op;
}

/* ---- Which way ---- */

static void shake_hands(const char *key, bool tls13, unsigned prepared, unsigned verified, unsigned by_pki)
{
    pair p = {0};
    memset(&told, 0, sizeof told);
    world_run(&p, &(side){.tls13 = tls13}, &(side){.tls13 = tls13, .cert = world_server(key), .crypto = &crypto});
    cr_assert(pair_connected(&p), "%s %s", key, hf_conn_reason(p.server.conn));
    cr_expect_eq(p.server.key_done, 1);
    cr_expect_eq(told.prepared, prepared, "%s", key);
    cr_expect_eq(told.verified, verified, "%s", key);
    cr_expect_eq(told.by_pki, by_pki, "%s", key);
    cr_expect_not(told.misaligned);
    pair_cleanup(&p);
}

Test(own_verifier, checks_the_servers_signatures_of_its_group, .init = count)
{
    for (int tls13 = 0; tls13 <= 1; tls13++) {
        shake_hands("P-256", tls13, 1, 1, 0);
        shake_hands("P-384", tls13, 0, 0, 1);
        shake_hands("RSA-2048", tls13, 0, 0, 1);
    }
}

Test(own_verifier, is_done_without, .init = count_plain)
{
    for (int tls13 = 0; tls13 <= 1; tls13++)
        shake_hands("P-256", tls13, 0, 0, 1);
}

/* A client's own signature, too. The peer's certificates go through pki: the client counts the server's one there. */
Test(own_verifier, checks_a_clients_signature, .init = count)
{
    for (int tls13 = 0; tls13 <= 1; tls13++) {
        pair p = {0};
        memset(&told, 0, sizeof told);
        world_run(&p, &(side){.tls13 = tls13, .cert = world_client("P-256"), .crypto = &crypto},
                  &(side){.tls13 = tls13, .cert = world_server("P-256"), .client_auth = HF_CLIENT_AUTH_REQUIRED});
        cr_assert(pair_connected(&p), "%s", hf_conn_reason(p.client.conn));
        cr_expect_eq(told.prepared, 1);
        cr_expect_eq(told.verified, 1);
        cr_expect_eq(told.by_pki, 1);
        pair_cleanup(&p);
    }
}

/* Once for the credential, not for each connection. */
Test(own_verifier, is_prepared_once, .init = count)
{
    hf_config *server = side_config(&(side){.cert = world_server("P-256"), .crypto = &crypto}, HF_ROLE_SERVER);
    hf_config *client = side_config(&(side){0}, HF_ROLE_CLIENT);

    for (unsigned i = 1; i <= 3; i++) {
        pair p = {0};
        cr_assert_eq(pair_start(&p, client, server, WORLD_NAME), HF_OK);
        pair_run(&p);
        cr_assert(pair_connected(&p));
        cr_expect_eq(told.prepared, 1);
        cr_expect_eq(told.verified, i);
        pair_cleanup(&p);
    }
    hf_config_release(server);
    hf_config_release(client);
}

/* A key that it does not take after all (a compressed point, say) is pki's. */
Test(own_verifier, may_decline_a_key, .init = count)
{
    pair p = {0};
    told.prepare = HF_ERR_UNSUPPORTED;
    world_run(&p, &(side){0}, &(side){.cert = world_server("P-256"), .crypto = &crypto});
    cr_assert(pair_connected(&p));
    cr_expect_eq(told.prepared, 1);
    cr_expect_eq(told.verified, 0);
    cr_expect_eq(told.by_pki, 1);
    pair_cleanup(&p);
}

Test(own_verifier, that_fails_to_prepare_fails_the_credential, .init = count)
{
    static const hf_status faults[] = {HF_ERR_DECODE, HF_ERR_NO_MEMORY, HF_ERR_CRYPTO};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        faulty f;
        hf_config *config = NULL;
        faulty_init(&f);
        told.prepare = faults[i];
        cr_assert_eq(
            side_try(&(side){.cert = world_server("P-256"), .crypto = &crypto, .env = &f.env}, HF_ROLE_SERVER, &config),
            faults[i]);
        cr_assert_eq(f.live, 0);
        cr_assert_eq(f.bad_frees, 0);
    }
}

/* Every allocation of a configuration with such a credential fails once; what it holds is bounded, and given back. */
Test(own_verifier, allocations_fail, .init = count)
{
    const side server = {.cert = world_server("P-256"), .crypto = &crypto};
    faulty f;
    hf_config *config = NULL;
    side counting = server;

    faulty_init(&f);
    counting.env = &f.env;
    cr_assert_eq(side_try(&counting, HF_ROLE_SERVER, &config), HF_OK);
    size_t total = f.allocs, with = f.live_bytes;
    hf_config_release(config);
    cr_assert_eq(f.live, 0);
    for (size_t n = 1; n <= total; n++) {
        faulty_init(&f);
        f.fail_alloc = n;
        cr_assert_eq(side_try(&counting, HF_ROLE_SERVER, &config), HF_ERR_NO_MEMORY, "%zu of %zu", n, total);
        cr_assert_eq(f.live, 0);
        cr_assert_eq(f.bad_frees, 0);
    }
    cr_assert_leq(counted.state_size, HF_VERIFIER_STATE_MAX);
    crypto.verifiers[0] = NULL;
    faulty_init(&f);
    cr_assert_eq(side_try(&counting, HF_ROLE_SERVER, &config), HF_OK);
    cr_assert_eq(f.allocs, total - 1);
    cr_assert_eq(with - f.live_bytes, counted.state_size + HF_VERIFIER_ALIGN - 1);
    hf_config_release(config);
}

/* ---- Refusals ---- */

/* Whether the server's signature, changed by `change`, ends the handshake before a byte of it leaves. */
static void assert_refused_before_it_is_sent(bool tls13, int change)
{
    pair p = {0};
    hf_key_op *op = NULL, *done = NULL;
    uint8_t wrong[8];

    world_pair(&p, &(side){.tls13 = tls13}, &(side){.tls13 = tls13, .cert = world_server("P-256"), .crypto = &crypto});
    p.server.hold_key = true;
    pair_run(&p);
    cr_assert_eq(hf_conn_key_take(p.server.conn, &op), HF_OK);
    size_t sent = p.server.n_sent;
    hf_key *key = world_key(world_server("P-256"));
    key->ops->submit(key, op, keep_op, &done);
    cr_assert_eq(done->status, HF_OK);
    if (change >= 0)
        done->result[change] ^= 0x01;
    memcpy(wrong, done->result + 4, sizeof wrong);
    p.server.hold_key = false;
    p.server.held_out = true;
    cr_assert_eq(hf_conn_key_done(p.server.conn, done), HF_OK);
    pair_run(&p);
    cr_assert_eq(hf_conn_status(p.server.conn), HF_ERR_CRYPTO, "%s", hf_status_text(hf_conn_status(p.server.conn)));
    cr_assert_not(bytes_contain(wire_data(&p.server.out), wire_len(&p.server.out), wrong, sizeof wrong));
    cr_assert_eq(p.server.n_sent, sent, "no message leaves");
    cr_assert_eq(end_alert_sent(&p.server), HF_ALERT_INTERNAL_ERROR);
    pair_cleanup(&p);
}

static void refuses_wrong_signatures(void)
{
    static const int changes[] = {0, 1, 2, 3, 20, 40, 68}; /* the encoding, r, s */
    for (int tls13 = 0; tls13 <= 1; tls13++)
        for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
            assert_refused_before_it_is_sent(tls13, changes[i]);
}

Test(own_verifier, refuses_a_wrong_signature, .init = count)
{
    if (!behind)
        return; /* this platform has none; the next test is about pki */
    refuses_wrong_signatures();
    cr_assert_eq(told.verified, 14);
    cr_assert_eq(told.by_pki, 0);
}

Test(own_verifier, refuses_a_wrong_signature_plainly, .init = count_plain)
{
    refuses_wrong_signatures();
    cr_assert_eq(told.by_pki, 14);
}

/* The engine believes it: a good signature does not leave either when the verifier refuses it. */
Test(own_verifier, that_refuses_is_believed, .init = count)
{
    told.verify = HF_ERR_VERIFY;
    for (int tls13 = 0; tls13 <= 1; tls13++)
        assert_refused_before_it_is_sent(tls13, -1);
    cr_assert_eq(told.verified, 2);
}
