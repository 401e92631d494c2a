/* The messages after the hellos, changed or replaced on their way: which alert each broken rule earns. */
#include <criterion/criterion.h>
#include <string.h>

#include "gate.h"
#include "world.h"

TestSuite(message, .timeout = 300);

static const side plain = {.policy = HF_POLICY_INTERMEDIATE};
static const side compatible = {.policy = HF_POLICY_COMPATIBLE};

/* ---- One field changed ---- */

typedef void edit_bytes(uint8_t *body, size_t len);

/* Changes a message of `from`; the other end must refuse it. */
static void message_refused(const side *client, const side *server, bool of_client, unsigned message, edit_bytes *edit,
                            hf_alert alert)
{
    pair p = {0};
    gate g;
    unit u;
    world_pair(&p, client, server);
    gate_init(&g, &p, of_client ? &p.client : &p.server);
    cr_assert(gate_until(&g, message, &u));
    hf_slice body = unit_body(&u);
    edit(u.bytes + (u.len - body.len), body.len);
    gate_pass(&g, &u);
    hf_status status = hf_conn_status(g.to->conn);
    cr_assert_eq(status, HF_SEND(alert), "message %u: %s (%s), not %s", message, hf_status_text(status),
                 hf_conn_reason(g.to->conn), hf_alert_name(alert));
    cr_assert_eq(g.to->n_alerts_sent, 1);
    gate_cleanup(&g);
    pair_cleanup(&p);
}

static void first_byte_one(uint8_t *body, size_t len)
{
    (void)len;
    body[0] = 1;
}
static void other_group(uint8_t *body, size_t len)
{
    (void)len;
    body[1] = body[2] = 0x3a;
}
static void unoffered_group(uint8_t *body, size_t len)
{
    (void)len;
    body[1] = 0;
    body[2] = HF_GROUP_P521;
}
static void last_byte(uint8_t *body, size_t len)
{
    body[len - 1] ^= 1;
}
static void share(uint8_t *body, size_t len)
{
    (void)len;
    body[10] ^= 1;
}
/* The scheme stands before the signature; X25519: 4 + 32 bytes of params. */
static void grease_scheme(uint8_t *body, size_t len)
{
    (void)len;
    body[36] = body[37] = 0x3a;
}
static void sha1_scheme(uint8_t *body, size_t len)
{
    (void)len;
    body[36] = 2;
    body[37] = 1;
}
static void ecdsa_scheme(uint8_t *body, size_t len) /* offered, but the certificate is RSA */
{
    (void)len;
    body[36] = 4;
    body[37] = 3;
}
static void longer_share(uint8_t *body, size_t len)
{
    (void)len;
    body[3]++;
}
static void zero_share(uint8_t *body, size_t len) /* RFC 7748 section 6.1: the result is all zeros */
{
    memset(body + 1, 0, len - 1);
}
static void off_curve(uint8_t *body, size_t len)
{
    body[len - 1] ^= 1;
}
static void compressed_point(uint8_t *body, size_t len)
{
    (void)len;
    body[1] = 2;
}
static void garbage_certificate(uint8_t *body, size_t len)
{
    memset(body + 6, 0xaa, len - 6);
}
static void scheme_not_asked(uint8_t *body, size_t len)
{
    (void)len;
    body[0] = 2;
    body[1] = 3;
}

/* RFC 8422 section 5.4; RFC 5246 section 7.4.3; RFC 8701 section 3.1 */
Test(message, server_key_exchange)
{
    const side x25519 = {.groups = {HF_GROUP_X25519}, .suites = {0xc02f}};
    static const unsigned ske = HF_MSG_SERVER_KEY_EXCHANGE;
    message_refused(&x25519, &plain, false, ske, first_byte_one, HF_ALERT_HANDSHAKE_FAILURE);
    message_refused(&x25519, &plain, false, ske, other_group, HF_ALERT_ILLEGAL_PARAMETER);
    message_refused(&x25519, &plain, false, ske, unoffered_group, HF_ALERT_ILLEGAL_PARAMETER);
    message_refused(&x25519, &plain, false, ske, grease_scheme, HF_ALERT_ILLEGAL_PARAMETER);
    message_refused(&x25519, &plain, false, ske, sha1_scheme, HF_ALERT_ILLEGAL_PARAMETER);
    message_refused(&x25519, &plain, false, ske, ecdsa_scheme, HF_ALERT_ILLEGAL_PARAMETER);
    message_refused(&x25519, &plain, false, ske, last_byte, HF_ALERT_DECRYPT_ERROR);
    message_refused(&x25519, &plain, false, ske, share, HF_ALERT_DECRYPT_ERROR);
    message_refused(&x25519, &plain, false, ske, longer_share, HF_ALERT_DECODE_ERROR);
}

/* RFC 8422 sections 5.7 and 5.10, RFC 7748 section 6.1 */
Test(message, client_key_exchange)
{
    static const unsigned cke = HF_MSG_CLIENT_KEY_EXCHANGE;
    message_refused(&(side){.groups = {HF_GROUP_X25519}}, &plain, true, cke, zero_share, HF_ALERT_ILLEGAL_PARAMETER);
    static const uint16_t groups[] = {HF_GROUP_P256, HF_GROUP_P384, HF_GROUP_P521};
    for (size_t i = 0; i < 3; i++) {
        const side nist = {.groups = {groups[i]}};
        message_refused(&nist, &plain, true, cke, off_curve, HF_ALERT_ILLEGAL_PARAMETER);
        message_refused(&nist, &plain, true, cke, zero_share, HF_ALERT_ILLEGAL_PARAMETER);
        message_refused(&nist, &plain, true, cke, compressed_point, HF_ALERT_ILLEGAL_PARAMETER);
    }
}

Test(message, certificate)
{
    const side auth = {.client_auth = HF_CLIENT_AUTH_REQUEST}, own = {.cert = world_client("P-256")};
    message_refused(&plain, &plain, false, HF_MSG_CERTIFICATE, garbage_certificate, HF_ALERT_BAD_CERTIFICATE);
    message_refused(&own, &auth, true, HF_MSG_CERTIFICATE, garbage_certificate, HF_ALERT_BAD_CERTIFICATE);
}

Test(message, certificate_verify)
{
    const side auth = {.client_auth = HF_CLIENT_AUTH_REQUIRED};
    static const char *const keys[] = {"RSA-2048", "P-256", "ED25519"};
    for (size_t i = 0; i < 3; i++) {
        const side own = {.cert = world_client(keys[i])};
        message_refused(&own, &auth, true, HF_MSG_CERTIFICATE_VERIFY, last_byte, HF_ALERT_DECRYPT_ERROR);
        message_refused(&own, &auth, true, HF_MSG_CERTIFICATE_VERIFY, scheme_not_asked, HF_ALERT_ILLEGAL_PARAMETER);
    }
}

/* ---- Messages of the test's own in place of the honest one ---- */

static void replaced(const side *client, const side *server, bool of_client, unsigned message, const void *body,
                     size_t len, hf_alert alert)
{
    pair p = {0};
    gate g;
    unit u;
    world_pair(&p, client, server);
    gate_init(&g, &p, of_client ? &p.client : &p.server);
    cr_assert(gate_until(&g, message, &u));
    gate_put_message(&g, message == UNIT_PROTECTED ? HF_MSG_FINISHED : (uint8_t)message, body, len);
    hf_status status = hf_conn_status(g.to->conn);
    cr_assert_eq(status, HF_SEND(alert), "message %u: %s (%s), not %s", message, hf_status_text(status),
                 hf_conn_reason(g.to->conn), hf_alert_name(alert));
    cr_assert_eq(g.to->n_alerts_sent, 1);
    cr_assert_eq(g.to->n_connected, 0);
    gate_cleanup(&g);
    pair_cleanup(&p);
}

Test(message, malformed_messages)
{
    static const struct {
        bool of_client;
        unsigned message;
    } cases[] = {
        {true, HF_MSG_CLIENT_HELLO},         {false, HF_MSG_SERVER_HELLO},        {false, HF_MSG_CERTIFICATE},
        {false, HF_MSG_SERVER_KEY_EXCHANGE}, {false, HF_MSG_CERTIFICATE_REQUEST}, {false, HF_MSG_SERVER_HELLO_DONE},
        {true, HF_MSG_CERTIFICATE},          {true, HF_MSG_CLIENT_KEY_EXCHANGE},  {true, HF_MSG_CERTIFICATE_VERIFY}};
    const side own = {.cert = world_client("P-256")}, auth = {.client_auth = HF_CLIENT_AUTH_REQUEST};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        replaced(&own, &auth, cases[i].of_client, cases[i].message, "\3", 1, HF_ALERT_DECODE_ERROR);
}

Test(message, server_without_certificate)
{
    replaced(&plain, &plain, false, HF_MSG_CERTIFICATE, "\0\0\0", 3, HF_ALERT_DECODE_ERROR);
}

Test(message, chain_longer_than_the_limit)
{
    uint8_t body[3 + (HF_CHAIN_MAX + 1) * 4] = {0, 0, (HF_CHAIN_MAX + 1) * 4};
    for (size_t i = 0; i <= HF_CHAIN_MAX; i++)
        body[3 + 4 * i + 2] = 1;
    replaced(&plain, &plain, false, HF_MSG_CERTIFICATE, body, sizeof body, HF_ALERT_BAD_CERTIFICATE);
}

/* RFC 5246 section 7.4.9 and 7.2.2 */
Test(message, finished)
{
    static const uint16_t suites[] = {0xc02f, 0xc030, 0xc014};
    for (int of_client = 0; of_client <= 1; of_client++)
        for (size_t i = 0; i < 3; i++) {
            const side client = {.policy = HF_POLICY_COMPATIBLE, .suites = {suites[i]}};
            replaced(&client, &compatible, of_client, UNIT_PROTECTED, "0123456789ab", 12, HF_ALERT_DECRYPT_ERROR);
            replaced(&client, &compatible, of_client, UNIT_PROTECTED, "0123456789a", 11, HF_ALERT_DECODE_ERROR);
            replaced(&client, &compatible, of_client, UNIT_PROTECTED, "0123456789abc", 13, HF_ALERT_DECODE_ERROR);
            replaced(&client, &compatible, of_client, UNIT_PROTECTED, "", 0, HF_ALERT_DECODE_ERROR);
        }
}

/* ---- A server that signs a bad share ---- */

static hf_status bad_generate(void **out_private, uint8_t *out_public)
{
    for (size_t i = 0; world_crypto()->groups[i]; i++) {
        const hf_group *group = world_crypto()->groups[i];
        if (group->id != HF_GROUP_X25519)
            continue;
        hf_status status = group->generate(out_private, out_public);
        memset(out_public, 0, group->public_size);
        return status;
    }
    return HF_ERR_UNSUPPORTED;
}

/* All zeros as a public key, with a good signature over it: RFC 7748 section 6.1, RFC 8422 section 5.11. */
Test(message, signed_share_that_is_no_point)
{
    hf_crypto crypto = *world_crypto();
    hf_group bad;
    memset(crypto.groups, 0, sizeof crypto.groups);
    for (size_t i = 0; world_crypto()->groups[i]; i++)
        if (world_crypto()->groups[i]->id == HF_GROUP_X25519)
            bad = *world_crypto()->groups[i];
    bad.generate = bad_generate;
    crypto.groups[0] = &bad;
    pair p = {0};
    world_run(&p, &plain, &(side){.crypto = &crypto});
    assert_refused(&p, &p.client, HF_ALERT_ILLEGAL_PARAMETER);
    pair_cleanup(&p);
}
