/* TLS 1.3: what stands in EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify and Finished, and
 * must not. RFC 8446 sections 4.3 and 4.4. */
#include "engine13_peer.h"

TestSuite(auth13, .timeout = 300);

static side asking(void)
{
    return (side){.tls13 = true, .client_auth = HF_CLIENT_AUTH_REQUIRED};
}

static side holding(const char *key)
{
    return (side){.tls13 = true, .cert = world_client(key)};
}

/* Instead of the sender's next message of `type`, this body. */
static void instead(bool at_server, uint8_t type, const void *body, size_t len, hf_alert alert, const char *what)
{
    pair p;
    gate13 g;
    unit u;
    side client = holding("P-256"), server = asking();
    open13(&p, &g, &client, &server, at_server);
    reach13(&g, type, &u);
    gate13_put_message(&g, type, body, len);
    refused13(&g, alert, what);
    close13(&p, &g);
}

#define AT_CLIENT false
#define AT_SERVER true
#define BYTES(text) text, sizeof(text) - 1

Test(auth13, encrypted_extensions)
{
    const uint8_t type = HF_MSG_ENCRYPTED_EXTENSIONS;
    instead(AT_CLIENT, type, BYTES(""), HF_ALERT_DECODE_ERROR, "empty message");
    instead(AT_CLIENT, type, BYTES("\0\1\0"), HF_ALERT_DECODE_ERROR, "half an extension");
    instead(AT_CLIENT, type, BYTES("\0\0\0"), HF_ALERT_DECODE_ERROR, "trailing byte");
    instead(AT_CLIENT, type, BYTES("\0\4\x55\x55\0\0"), HF_ALERT_UNSUPPORTED_EXTENSION, "unknown");
    instead(AT_CLIENT, type, BYTES("\0\x09\0\x10\0\5\0\3\2h2"), HF_ALERT_UNSUPPORTED_EXTENSION, "ALPN not offered");
    instead(AT_CLIENT, type, BYTES("\0\6\0\x1c\0\2\1\0"), HF_ALERT_UNSUPPORTED_EXTENSION, "limit not offered");
    instead(AT_CLIENT, type, BYTES("\0\6\0\x33\0\2\0\x1d"), HF_ALERT_ILLEGAL_PARAMETER, "key_share");
    instead(AT_CLIENT, type, BYTES("\0\6\0\x2b\0\2\3\4"), HF_ALERT_ILLEGAL_PARAMETER, "supported_versions");
    instead(AT_CLIENT, type, BYTES("\0\x08\0\x0d\0\4\0\2\4\3"), HF_ALERT_ILLEGAL_PARAMETER, "signature_algorithms");
    instead(AT_CLIENT, type, BYTES("\0\4\0\x17\0\0"), HF_ALERT_ILLEGAL_PARAMETER, "extended_master_secret");
    instead(AT_CLIENT, type, BYTES("\0\x08\0\0\0\0\0\0\0\0"), HF_ALERT_ILLEGAL_PARAMETER, "server_name twice");
}

Test(auth13, certificate_request)
{
    const uint8_t type = HF_MSG_CERTIFICATE_REQUEST;
    instead(AT_CLIENT, type, BYTES(""), HF_ALERT_DECODE_ERROR, "empty message");
    instead(AT_CLIENT, type, BYTES("\0"), HF_ALERT_DECODE_ERROR, "no extensions vector");
    instead(AT_CLIENT, type, BYTES("\0\0\0"), HF_ALERT_MISSING_EXTENSION, "no signature_algorithms");
    instead(AT_CLIENT, type, BYTES("\0\0\4\x55\x55\0\0"), HF_ALERT_MISSING_EXTENSION, "only an unknown one");
    instead(AT_CLIENT, type, BYTES("\1x\0\x08\0\x0d\0\4\0\2\4\3"), HF_ALERT_ILLEGAL_PARAMETER, "a request context");
    instead(AT_CLIENT, type, BYTES("\0\0\x06\0\x0d\0\2\0\0"), HF_ALERT_DECODE_ERROR, "empty list of schemes");
    instead(AT_CLIENT, type, BYTES("\0\0\x0c\0\x0d\0\4\0\2\4\3\0\x2b\0\0"), HF_ALERT_ILLEGAL_PARAMETER,
            "supported_versions");
}

/* It may hold extensions that we do not know: section 4.3.2. */
Test(auth13, certificate_request_with_unknown_extensions)
{
    pair p;
    gate13 g;
    unit u;
    side client = holding("P-256"), server = asking();
    open13(&p, &g, &client, &server, false);
    reach13(&g, HF_MSG_CERTIFICATE_REQUEST, &u);
    gate13_put_message(&g, HF_MSG_CERTIFICATE_REQUEST, BYTES("\0\0\x0e\x55\x55\0\2xy\0\x0d\0\4\0\2\4\3"));
    lives13(&g, "an unknown extension");
    close13(&p, &g);
}

Test(auth13, certificate)
{
    const uint8_t type = HF_MSG_CERTIFICATE;
    instead(AT_CLIENT, type, BYTES("\0\0\0\0"), HF_ALERT_DECODE_ERROR, "empty list of a server (4.4.2.4)");
    instead(AT_SERVER, type, BYTES("\0\0\0\0"), HF_ALERT_CERTIFICATE_REQUIRED, "empty list of a client");
    for (int at_server = 0; at_server < 2; at_server++) {
        instead(at_server, type, BYTES(""), HF_ALERT_DECODE_ERROR, "empty message");
        instead(at_server, type, BYTES("\0\0\0"), HF_ALERT_DECODE_ERROR, "cut list");
        instead(at_server, type, BYTES("\0\0\0\0\0"), HF_ALERT_DECODE_ERROR, "trailing byte");
        instead(at_server, type, BYTES("\0\0\0\5\0\0\0\0\0"), HF_ALERT_DECODE_ERROR, "empty certificate");
        instead(at_server, type, BYTES("\0\0\0\4\0\0\1x"), HF_ALERT_DECODE_ERROR, "no extensions vector");
        instead(at_server, type, BYTES("\1x\0\0\6\0\0\1x\0\0"), HF_ALERT_ILLEGAL_PARAMETER, "a request context");
        instead(at_server, type, BYTES("\0\0\0\6\0\0\1x\0\0"), HF_ALERT_BAD_CERTIFICATE, "not a certificate");
        instead(at_server, type, BYTES("\0\0\0\x0a\0\0\1x\0\4\x55\x55\0\0"), HF_ALERT_UNSUPPORTED_EXTENSION,
                "an extension not asked for");
        instead(at_server, type, BYTES("\0\0\0\x0a\0\0\1x\0\4\0\x33\0\0"), HF_ALERT_ILLEGAL_PARAMETER,
                "an extension of another message");
    }
}

/* ---- CertificateVerify ---- */

typedef void verify_change(uint8_t *body, size_t len);

static void certificate_verify(bool at_server, const char *key, verify_change *change, hf_alert alert, const char *what)
{
    pair p;
    gate13 g;
    unit u;
    side client = holding(key), server = asking();
    server.cert = world_server(key);
    open13(&p, &g, &client, &server, at_server);
    reach13(&g, HF_MSG_CERTIFICATE_VERIFY, &u);
    hf_slice body = unit_body(&u);
    change(u.bytes + HF_RECORD_HEADER_SIZE + HF_MSG_HEADER_SIZE, body.len);
    gate13_pass(&g, &u);
    refused13(&g, alert, what);
    close13(&p, &g);
}

static void scheme(uint8_t *body, uint16_t id)
{
    body[0] = (uint8_t)(id >> 8);
    body[1] = (uint8_t)id;
}
static void pkcs1(uint8_t *body, size_t len)
{
    (void)len;
    scheme(body, HF_RSA_PKCS1_SHA256);
}
static void sha1(uint8_t *body, size_t len)
{
    (void)len;
    scheme(body, 0x0201);
}
static void ecdsa_sha1(uint8_t *body, size_t len)
{
    (void)len;
    scheme(body, 0x0203);
}
static void unknown_scheme(uint8_t *body, size_t len)
{
    (void)len;
    scheme(body, 0x0a0a);
}
static void other_curve(uint8_t *body, size_t len)
{
    (void)len;
    scheme(body, HF_ECDSA_SECP384R1_SHA384);
}
static void of_rsa(uint8_t *body, size_t len)
{
    (void)len;
    scheme(body, HF_RSA_PSS_RSAE_SHA256);
}
static void pss_pss(uint8_t *body, size_t len)
{
    (void)len;
    scheme(body, HF_RSA_PSS_PSS_SHA256);
}
static void last_bit(uint8_t *body, size_t len)
{
    body[len - 1] ^= 1;
}
static void length_more(uint8_t *body, size_t len)
{
    (void)len;
    body[3]++;
}
static void length_less(uint8_t *body, size_t len)
{
    (void)len;
    body[3]--;
}
static void other_hash(uint8_t *body, size_t len)
{
    (void)len;
    scheme(body, HF_RSA_PSS_RSAE_SHA384);
}

Test(auth13, certificate_verify)
{
    for (int at_server = 0; at_server < 2; at_server++) {
        certificate_verify(at_server, "RSA-2048", pkcs1, HF_ALERT_ILLEGAL_PARAMETER, "PKCS#1");
        certificate_verify(at_server, "RSA-2048", sha1, HF_ALERT_ILLEGAL_PARAMETER, "PKCS#1 with SHA-1");
        certificate_verify(at_server, "P-256", ecdsa_sha1, HF_ALERT_ILLEGAL_PARAMETER, "ECDSA with SHA-1");
        certificate_verify(at_server, "P-256", unknown_scheme, HF_ALERT_ILLEGAL_PARAMETER, "unknown scheme");
        certificate_verify(at_server, "P-256", other_curve, HF_ALERT_ILLEGAL_PARAMETER, "another curve's scheme");
        certificate_verify(at_server, "P-256", of_rsa, HF_ALERT_ILLEGAL_PARAMETER, "RSA with an EC key");
        certificate_verify(at_server, "RSA-2048", pss_pss, HF_ALERT_ILLEGAL_PARAMETER, "a PSS key's scheme");
        certificate_verify(at_server, "RSA-2048", other_hash, HF_ALERT_DECRYPT_ERROR, "another hash");
        certificate_verify(at_server, "RSA-2048", last_bit, HF_ALERT_DECRYPT_ERROR, "changed signature");
        certificate_verify(at_server, "P-256", last_bit, HF_ALERT_DECRYPT_ERROR, "changed signature");
        certificate_verify(at_server, "ED25519", last_bit, HF_ALERT_DECRYPT_ERROR, "changed signature");
        certificate_verify(at_server, "P-256", length_more, HF_ALERT_DECODE_ERROR, "length");
        certificate_verify(at_server, "P-256", length_less, HF_ALERT_DECODE_ERROR, "length");
    }
}

/* A good signature of the same key, but of another handshake; and Finished of another one. */
Test(auth13, of_another_transcript)
{
    static const uint8_t types[] = {HF_MSG_CERTIFICATE_VERIFY, HF_MSG_FINISHED};
    for (size_t i = 0; i < 2; i++)
        for (int at_server = 0; at_server < 2; at_server++) {
            pair p;
            gate13 g;
            unit old, u;
            side client = holding("P-256"), server = asking();
            open13(&p, &g, &client, &server, at_server);
            reach13(&g, types[i], &old);
            close13(&p, &g);
            open13(&p, &g, &client, &server, at_server);
            reach13(&g, types[i], &u);
            gate13_pass(&g, &old);
            refused13(&g, HF_ALERT_DECRYPT_ERROR, "of another transcript");
            close13(&p, &g);
        }
}

Test(auth13, finished)
{
    for (int at_server = 0; at_server < 2; at_server++) {
        for (size_t bit = 0; bit < 256; bit += 51) {
            pair p;
            gate13 g;
            unit u;
            side s = side13();
            s.suites[0] = 0x1301;
            open13(&p, &g, &s, &s, at_server);
            reach13(&g, HF_MSG_FINISHED, &u);
            u.bytes[9 + bit / 8] ^= (uint8_t)(1 << bit % 8);
            gate13_pass(&g, &u);
            refused13(&g, HF_ALERT_DECRYPT_ERROR, "changed");
            close13(&p, &g);
        }
        static const uint8_t zeros[49];
        instead(at_server, HF_MSG_FINISHED, zeros, 0, HF_ALERT_DECODE_ERROR, "empty");
        instead(at_server, HF_MSG_FINISHED, zeros, 12, HF_ALERT_DECODE_ERROR, "of TLS 1.2");
        instead(at_server, HF_MSG_FINISHED, zeros, 31, HF_ALERT_DECODE_ERROR, "shorter than any hash");
        instead(at_server, HF_MSG_FINISHED, zeros, 49, HF_ALERT_DECODE_ERROR, "longer than any hash");
    }
}

/* The Finished of the receiver's own, sent back to it. */
Test(auth13, finished_reflected)
{
    pair p;
    gate13 g, other;
    unit server, client;
    side s = side13();
    open13(&p, &g, &s, &s, true);
    gate13_init(&other, &p, &p.server);
    cr_assert(gate13_next(&g, &client));
    gate13_pass(&g, &client);
    while (gate13_next(&other, &server)) {
        gate13_pass(&other, &server);
        if (server.message == HF_MSG_FINISHED)
            break;
    }
    cr_assert_eq(server.message, HF_MSG_FINISHED);
    reach13(&g, HF_MSG_FINISHED, &client);
    gate13_pass(&g, &server);
    refused13(&g, HF_ALERT_DECRYPT_ERROR, "reflected");
    gate13_cleanup(&other);
    close13(&p, &g);
}
