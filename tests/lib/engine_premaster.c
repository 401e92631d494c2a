/* RSA key transport under a client that breaks the padding (RFC 5246 section 7.4.7.1; Bleichenbacher, ROBOT): whatever
 * the encrypted block holds, the server goes on and fails exactly where a wrong premaster secret makes it fail. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "gate.h"
#include "world.h"

TestSuite(premaster12, .timeout = 300);

#define MODULUS 256

/* All that a client can see. */
typedef struct seen {
    hf_status status;
    int alert;
    size_t messages, alerts, records, bytes, key_started, key_done;
} seen;

static void encrypt_raw(const uint8_t em[MODULUS], uint8_t out[MODULUS])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, world_server("RSA-2048")->pkey, NULL);
    size_t len = MODULUS;
    cr_assert(ctx && EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1);
    cr_assert_eq(EVP_PKEY_encrypt(ctx, out, &len, em, MODULUS), 1);
    EVP_PKEY_CTX_free(ctx);
}

/* Sends `body` as ClientKeyExchange in place of the client's own. */
static seen answer(const void *body, size_t len, uint16_t suite)
{
    pair p = {0};
    gate g;
    unit u;
    seen s = {0};
    world_pair(&p, &(side){.policy = HF_POLICY_COMPATIBLE, .suites = {suite}}, &(side){.policy = HF_POLICY_COMPATIBLE});
    gate_init(&g, &p, &p.client);
    cr_assert(gate_until(&g, HF_MSG_CLIENT_KEY_EXCHANGE, &u));
    p.server.held_out = true; /* count what it says */
    gate_put_message(&g, HF_MSG_CLIENT_KEY_EXCHANGE, body, len);
    cr_assert_eq(hf_conn_status(p.server.conn), HF_OK, "no answer to the ClientKeyExchange alone: %s",
                 hf_conn_reason(p.server.conn));
    cr_assert_eq(wire_len(&p.server.out), 0);
    gate_pass_all(&g);
    s.status = hf_conn_status(p.server.conn);
    s.alert = end_alert_sent(&p.server);
    s.messages = p.server.n_sent;
    s.alerts = p.server.n_alerts_sent;
    s.bytes = wire_len(&p.server.out);
    s.key_started = p.server.key_started;
    s.key_done = p.server.key_done;
    cr_assert_eq(p.server.n_connected, 0);
    gate_cleanup(&g);
    pair_cleanup(&p);
    return s;
}

static seen answer_block(const uint8_t em[MODULUS], uint16_t suite)
{
    uint8_t body[2 + MODULUS] = {MODULUS >> 8, MODULUS & 0xff};
    encrypt_raw(em, body + 2);
    return answer(body, sizeof body, suite);
}

/* A well-padded block with a premaster secret that the client does not use: what a wrong Finished looks like. */
static void good_block(uint8_t em[MODULUS])
{
    memset(em, 0x5a, MODULUS);
    em[0] = 0;
    em[1] = 2;
    em[MODULUS - 49] = 0;
    em[MODULUS - 48] = em[MODULUS - 47] = 3;
}

static void assert_same(seen a, seen want, const char *what)
{
    cr_assert_eq(a.status, want.status, "%s: %s, not %s", what, hf_status_text(a.status), hf_status_text(want.status));
    cr_assert_eq(a.alert, want.alert, "%s", what);
    cr_assert_eq(a.messages, want.messages, "%s", what);
    cr_assert_eq(a.alerts, want.alerts, "%s", what);
    cr_assert_eq(a.bytes, want.bytes, "%s", what);
    cr_assert_eq(a.key_started, want.key_started, "%s", what);
    cr_assert_eq(a.key_done, want.key_done, "%s", what);
}

static void every_bad_block(uint16_t suite)
{
    uint8_t em[MODULUS];
    char what[64];
    good_block(em);
    seen want = answer_block(em, suite);
    cr_assert_eq(want.status, HF_SEND(HF_ALERT_BAD_RECORD_MAC), "%s", hf_status_text(want.status));
    cr_assert_eq(want.alerts, 1);

    static const struct {
        size_t at;
        uint8_t value;
        const char *what;
    } changes[] = {{0, 1, "first byte"},
                   {1, 1, "block type 1"},
                   {1, 0, "block type 0"},
                   {2, 0, "zero in the padding, first"},
                   {9, 0, "zero in the padding, eighth"},
                   {10, 0, "a long message"},
                   {MODULUS - 50, 0, "49 bytes"},
                   {MODULUS - 49, 1, "no zero byte"},
                   {MODULUS - 48, 2, "version 2.3"},
                   {MODULUS - 47, 2, "version 3.2"},
                   {MODULUS - 47, 4, "version 3.4"}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        good_block(em);
        em[changes[i].at] = changes[i].value;
        assert_same(answer_block(em, suite), want, changes[i].what);
    }
    for (size_t n = 0; n < 60; n += 5) { /* messages of another length */
        good_block(em);
        em[MODULUS - 49] = 0x5a;
        em[MODULUS - 1 - n] = 0;
        snprintf(what, sizeof what, "%zu bytes", n);
        if (n != 48)
            assert_same(answer_block(em, suite), want, what);
    }
    memset(em, 0, sizeof em);
    assert_same(answer_block(em, suite), want, "all zeros");
}

Test(premaster12, bad_padding_ends_like_a_wrong_finished_gcm)
{
    every_bad_block(0x009c);
}

Test(premaster12, bad_padding_ends_like_a_wrong_finished_cbc)
{
    every_bad_block(0x0035);
}

/* Not even a block: empty, short, long, beyond the modulus. */
Test(premaster12, no_block_at_all)
{
    static uint8_t body[2 + 1100];
    static const size_t lens[] = {0, 1, 47, 48, MODULUS - 1, MODULUS, MODULUS + 1, 1024, 1100};
    uint8_t em[MODULUS];
    good_block(em);
    seen want = answer_block(em, 0x009c);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        memset(body, 0xff, sizeof body);
        body[0] = (uint8_t)(lens[i] >> 8);
        body[1] = (uint8_t)lens[i];
        assert_same(answer(body, 2 + lens[i], 0x009c), want, "ciphertext of another length");
    }
}

/* The control: the same road with the client's own ClientKeyExchange connects. */
Test(premaster12, own_block_connects)
{
    pair p = {0};
    gate g;
    unit u;
    world_pair(&p, &(side){.policy = HF_POLICY_COMPATIBLE, .suites = {0x009c}},
               &(side){.policy = HF_POLICY_COMPATIBLE});
    gate_init(&g, &p, &p.client);
    cr_assert(gate_until(&g, HF_MSG_CLIENT_KEY_EXCHANGE, &u));
    hf_slice body = unit_body(&u);
    gate_put_message(&g, HF_MSG_CLIENT_KEY_EXCHANGE, body.ptr, body.len);
    gate_pass_all(&g);
    cr_assert(pair_connected(&p));
    gate_cleanup(&g);
    pair_cleanup(&p);
}
