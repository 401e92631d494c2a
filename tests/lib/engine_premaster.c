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
    size_t messages, alerts, bytes, key_started, key_done, connected;
} seen;

/* Raw RSA with the server's key. */
static void raw_rsa(const uint8_t in[MODULUS], uint8_t out[MODULUS])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, world_server("RSA-2048")->pkey, NULL);
    size_t len = MODULUS;
    cr_assert(ctx && EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1);
    cr_assert_eq(EVP_PKEY_encrypt(ctx, out, &len, in, MODULUS), 1);
    EVP_PKEY_CTX_free(ctx);
}

typedef void edit_block(uint8_t em[MODULUS], size_t arg);

static edit_block *edit_now;
static size_t edit_arg;

/* What the client's pki does in place of RSAES-PKCS1-v1_5: both sides hash the same message, so that a block accepted
 * in error connects. */
static hf_status encrypt_edited(const hf_cert *cert, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_max,
                                size_t *out_len)
{
    uint8_t em[MODULUS];
    (void)cert;
    cr_assert(in_len == HF_PREMASTER_SIZE && out_max >= MODULUS);
    memset(em, 0x5a, MODULUS);
    em[0] = 0;
    em[1] = 2;
    em[MODULUS - in_len - 1] = 0;
    memcpy(em + MODULUS - in_len, in, in_len);
    edit_now(em, edit_arg);
    raw_rsa(em, out);
    *out_len = MODULUS;
    return HF_OK;
}

/* A handshake whose block is edited; or, edit NULL, with `body` in place of the client's ClientKeyExchange. */
static seen answer(uint16_t suite, edit_block *edit, size_t arg, const uint8_t *body, size_t len)
{
    pair p = {0};
    gate g;
    unit u;
    seen s = {0};
    hf_pki pki = *world_crypto()->pki;
    hf_crypto crypto = *world_crypto();
    if (edit) {
        pki.rsa_encrypt = encrypt_edited;
        crypto.pki = &pki;
        edit_now = edit;
        edit_arg = arg;
    }
    world_pair(&p, &(side){.policy = HF_POLICY_COMPATIBLE, .suites = {suite}, .crypto = &crypto},
               &(side){.policy = HF_POLICY_COMPATIBLE});
    gate_init(&g, &p, &p.client);
    cr_assert(gate_until(&g, HF_MSG_CLIENT_KEY_EXCHANGE, &u));
    p.server.held_out = true; /* count what it says */
    if (edit) {
        body = unit_body(&u).ptr;
        len = unit_body(&u).len;
    }
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
    s.connected = p.server.n_connected;
    gate_cleanup(&g);
    pair_cleanup(&p);
    return s;
}

static void edit_nothing(uint8_t em[MODULUS], size_t arg)
{
    (void)em;
    (void)arg;
}
/* Well padded, but not the client's premaster secret: what a wrong Finished looks like. */
static void edit_premaster(uint8_t em[MODULUS], size_t arg)
{
    em[MODULUS - 1 - arg] ^= 1;
}
static void edit_byte(uint8_t em[MODULUS], size_t arg)
{
    em[arg >> 8] = (uint8_t)arg;
}
/* A message of `arg` bytes, the last ones of the client's. */
static void edit_length(uint8_t em[MODULUS], size_t arg)
{
    em[MODULUS - 49] = 0x5a;
    for (size_t i = 2; i < MODULUS; i++)
        em[i] = em[i] ? em[i] : 0x5a;
    em[MODULUS - 1 - arg] = 0;
}
static void edit_all(uint8_t em[MODULUS], size_t arg)
{
    memset(em, (int)arg, MODULUS);
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
    cr_assert_eq(a.connected, want.connected, "%s", what);
}

#define AT(at, value) ((size_t)(at) << 8 | (value))

static void every_bad_block(uint16_t suite)
{
    char what[64];
    seen want = answer(suite, edit_premaster, 0, NULL, 0);
    cr_assert_eq(want.status, HF_SEND(HF_ALERT_BAD_RECORD_MAC), "%s", hf_status_text(want.status));
    cr_assert_eq(want.alerts, 1);
    cr_assert_eq(want.connected, 0);

    static const struct {
        size_t change;
        const char *what;
    } changes[] = {{AT(0, 1), "first byte"},
                   {AT(1, 1), "block type 1"},
                   {AT(1, 0), "block type 0"},
                   {AT(2, 0), "zero in the padding, first"},
                   {AT(9, 0), "zero in the padding, eighth"},
                   {AT(10, 0), "a long message"},
                   {AT(MODULUS - 50, 0), "49 bytes"},
                   {AT(MODULUS - 49, 1), "no zero byte"},
                   {AT(MODULUS - 48, 2), "version 2.3"},
                   {AT(MODULUS - 47, 2), "version 3.2"},
                   {AT(MODULUS - 47, 4), "version 3.4"}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        assert_same(answer(suite, edit_byte, changes[i].change, NULL, 0), want, changes[i].what);
    for (size_t n = 0; n < 60; n += 5) {
        snprintf(what, sizeof what, "a message of %zu bytes", n);
        assert_same(answer(suite, edit_length, n, NULL, 0), want, what);
    }
    assert_same(answer(suite, edit_all, 0, NULL, 0), want, "all zeros");
    assert_same(answer(suite, edit_all, 1, NULL, 0), want, "all ones");
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
    seen want = answer(0x009c, edit_premaster, 30, NULL, 0);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        memset(body, 0xff, sizeof body);
        body[0] = (uint8_t)(lens[i] >> 8);
        body[1] = (uint8_t)lens[i];
        assert_same(answer(0x009c, NULL, 0, body, 2 + lens[i]), want, "ciphertext of another length");
    }
}

/* The control: the same road with the block untouched connects. */
Test(premaster12, own_block_connects)
{
    seen s = answer(0x009c, edit_nothing, 0, NULL, 0);
    cr_assert_eq(s.status, HF_OK);
    cr_assert_eq(s.connected, 1);
    cr_assert_eq(s.alerts, 0);
}
