/* TLS 1.3: the record layer under a peer that breaks its rules. RFC 8446 sections 5 and 6, appendix D.4. */
#include <openssl/evp.h>

#include "engine13_peer.h"

TestSuite(records13, .timeout = 300);

static const uint16_t suites[] = {0x1301, 0x1302, 0x1303, 0x1304};

static side with_suite(size_t i)
{
    return (side){.tls13 = true, .suites = {suites[i % 4]}};
}

/* ---- ChangeCipherSpec ---- */

/* Before the sender's message `at` (0: connected), some ChangeCipherSpec. */
static void ccs(bool at_server, bool retry, unsigned at, const void *body, size_t len, bool dropped, const char *what)
{
    pair p;
    gate13 g;
    unit u;
    side client = side13(), server = side13();
    if (retry)
        server.groups[0] = HF_GROUP_P384;
    if (at == 0) {
        connect13(&p, &g, &client, &server, at_server);
    } else {
        open13(&p, &g, &client, &server, at_server);
        if (retry) { /* the first of two hellos */
            reach13(&g, at, &u);
            gate13_pass(&g, &u);
        }
        reach13(&g, at, &u);
    }
    gate13_put_plain(&g, HF_CONTENT_CHANGE_CIPHER_SPEC, body, len);
    if (dropped) {
        lives13(&g, what);
        gate13_put_plain(&g, HF_CONTENT_CHANGE_CIPHER_SPEC, body, len);
        gate13_pass(&g, &u);
        completes13(&g, what);
    } else {
        refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, what);
    }
    close13(&p, &g);
}

Test(records13, change_cipher_spec)
{
    static const unsigned at_client[] = {HF_MSG_SERVER_HELLO, HF_MSG_ENCRYPTED_EXTENSIONS, HF_MSG_CERTIFICATE,
                                         HF_MSG_FINISHED};
    for (size_t i = 0; i < 4; i++) {
        ccs(false, false, at_client[i], "\1", 1, true, "dropped");
        ccs(false, false, at_client[i], "\2", 1, false, "another value");
        ccs(false, false, at_client[i], "\1\1", 2, false, "two bytes");
    }
    ccs(false, true, HF_MSG_SERVER_HELLO, "\1", 1, true, "dropped");
    ccs(false, true, HF_MSG_SERVER_HELLO, "\2", 1, false, "another value");
    ccs(true, true, HF_MSG_CLIENT_HELLO, "\1", 1, true, "dropped");
    ccs(true, true, HF_MSG_CLIENT_HELLO, "\2", 1, false, "another value");
    ccs(true, false, HF_MSG_FINISHED, "\1", 1, true, "dropped");
    ccs(true, false, HF_MSG_FINISHED, "\0", 1, false, "another value");
    ccs(true, false, HF_MSG_FINISHED, "\1\1", 2, false, "two bytes");
    ccs(true, false, HF_MSG_CLIENT_HELLO, "\1", 1, false, "before any ClientHello");
    ccs(true, false, 0, "\1", 1, false, "after the handshake");
    ccs(false, false, 0, "\1", 1, false, "after the handshake");
}

Test(records13, change_cipher_spec_flood)
{
    pair p;
    gate13 g;
    unit u;
    side s = side13();
    open13(&p, &g, &s, &s, true);
    reach13(&g, HF_MSG_FINISHED, &u);
    for (size_t i = 0; i <= HF_LIMIT_HANDSHAKE_RECORDS && hf_conn_status(g.to->conn) == HF_OK; i++)
        gate13_put_plain(&g, HF_CONTENT_CHANGE_CIPHER_SPEC, "\1", 1);
    refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "a flood");
    close13(&p, &g);
}

/* ---- Content types, sizes, padding ---- */

/* Runs `put` at an end under test that is connected, or waits for the sender's Finished. */
typedef void put_record(gate13 *g);

static void at_both(put_record *put, hf_alert alert, const char *what)
{
    for (size_t i = 0; i < 16; i++) {
        pair p;
        gate13 g;
        unit u;
        bool at_server = i & 4;
        side s = with_suite(i);
        if (i & 8) {
            connect13(&p, &g, &s, &s, at_server);
        } else {
            open13(&p, &g, &s, &s, at_server);
            reach13(&g, HF_MSG_FINISHED, &u);
        }
        put(&g);
        refused13(&g, alert, what);
        close13(&p, &g);
    }
}

static void plain_handshake(gate13 *g)
{
    gate13_put_plain(g, HF_CONTENT_HANDSHAKE, "\x18\0\0\1\0", 5);
}
static void protected_ccs(gate13 *g)
{
    gate13_put(g, HF_CONTENT_CHANGE_CIPHER_SPEC, "\1", 1);
}
static void unknown_inner(gate13 *g)
{
    gate13_put(g, 24, "heartbeat", 9);
}
static void unknown_outer(gate13 *g)
{
    gate13_put_plain(g, 24, "heartbeat", 9);
}
static void zeros(gate13 *g)
{
    gate13_put_padded(g, 0, NULL, 0, 100);
}
static void one_zero(gate13 *g)
{
    gate13_put_padded(g, 0, NULL, 0, 0);
}
static void empty_handshake(gate13 *g)
{
    gate13_put_padded(g, HF_CONTENT_HANDSHAKE, NULL, 0, 10);
}
static void empty_alert(gate13 *g)
{
    gate13_put(g, HF_CONTENT_ALERT, NULL, 0);
}
static void alert_cut(gate13 *g)
{
    gate13_put(g, HF_CONTENT_ALERT, "\2", 1);
}
static void alert_long(gate13 *g)
{
    gate13_put(g, HF_CONTENT_ALERT, "\2\x28\2\x28", 4);
}
static void too_long(gate13 *g)
{
    static uint8_t body[HF_PLAINTEXT_MAX + 257];
    gate13_put_plain(g, HF_CONTENT_APPLICATION_DATA, body, sizeof body);
}

/* A record of AES-128-GCM with an inner plaintext as it is: a provider would not seal one that is too long. */
static void put_inner(gate13 *g, const uint8_t *inner, size_t len)
{
    static uint8_t body[HF_PLAINTEXT_MAX + 300];
    uint8_t key[16], nonce[12];
    size_t size = len + 16;
    const uint8_t header[5] = {HF_CONTENT_APPLICATION_DATA, 3, 3, (uint8_t)(size >> 8), (uint8_t)size};
    int n;
    cr_assert_eq(hf_expand_label(g->out.hash, g->out.secret, "key", (hf_slice){0}, key, sizeof key), HF_OK);
    cr_assert_eq(hf_expand_label(g->out.hash, g->out.secret, "iv", (hf_slice){0}, nonce, sizeof nonce), HF_OK);
    for (int i = 0; i < 8; i++)
        nonce[4 + i] ^= (uint8_t)(g->out.sequence >> (56 - 8 * i));
    g->out.sequence++;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    cr_assert(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, nonce) &&
              EVP_EncryptUpdate(ctx, NULL, &n, header, sizeof header) &&
              EVP_EncryptUpdate(ctx, body, &n, inner, (int)len) && EVP_EncryptFinal_ex(ctx, body + len, &n) &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, body + len));
    EVP_CIPHER_CTX_free(ctx);
    gate13_put_plain(g, HF_CONTENT_APPLICATION_DATA, body, size);
}

/* One byte of content, its type, and zeros up to `len`; `content` many bytes of content. */
static void inner_of(size_t content, size_t len, bool fits)
{
    for (int at_server = 0; at_server < 2; at_server++) {
        static uint8_t inner[HF_PLAINTEXT_MAX + 240];
        pair p;
        gate13 g;
        side s = with_suite(0);
        connect13(&p, &g, &s, &s, at_server);
        memset(inner, 0, sizeof inner);
        inner[content] = HF_CONTENT_APPLICATION_DATA;
        put_inner(&g, inner, len);
        if (fits) {
            lives13(&g, "2^14 + 1");
            cr_assert_eq(wire_len(&g.to->plain), content);
        } else {
            refused13(&g, HF_ALERT_RECORD_OVERFLOW, "2^14 + 2 and more");
        }
        close13(&p, &g);
    }
}

/* Section 5.4: the whole inner plaintext, padding included, is bounded. */
Test(records13, inner_plaintext)
{
    inner_of(HF_PLAINTEXT_MAX, HF_PLAINTEXT_MAX + 1, true);
    inner_of(1, HF_PLAINTEXT_MAX + 1, true);
    inner_of(0, HF_PLAINTEXT_MAX + 1, true);
    inner_of(HF_PLAINTEXT_MAX, HF_PLAINTEXT_MAX + 2, false);
    inner_of(HF_PLAINTEXT_MAX + 1, HF_PLAINTEXT_MAX + 2, false);
    inner_of(1, HF_PLAINTEXT_MAX + 2, false);
    inner_of(1, HF_PLAINTEXT_MAX + 240, false);
}
static void no_room_for_a_tag(gate13 *g)
{
    gate13_put_plain(g, HF_CONTENT_APPLICATION_DATA, "fifteen bytes..", 15);
}
static void empty_ciphertext(gate13 *g)
{
    gate13_put_plain(g, HF_CONTENT_APPLICATION_DATA, "", 0);
}
static void forged(gate13 *g)
{
    gate13_put_plain(g, HF_CONTENT_APPLICATION_DATA, "forty bytes that nobody has ever sealed.", 40);
}

Test(records13, content_types)
{
    at_both(plain_handshake, HF_ALERT_UNEXPECTED_MESSAGE, "unprotected handshake");
    at_both(protected_ccs, HF_ALERT_UNEXPECTED_MESSAGE, "protected ChangeCipherSpec");
    at_both(unknown_inner, HF_ALERT_UNEXPECTED_MESSAGE, "unknown inner type");
    at_both(unknown_outer, HF_ALERT_UNEXPECTED_MESSAGE, "unknown outer type");
}

Test(records13, nothing_inside)
{
    at_both(zeros, HF_ALERT_UNEXPECTED_MESSAGE, "only zeros");
    at_both(one_zero, HF_ALERT_UNEXPECTED_MESSAGE, "one zero");
    at_both(empty_handshake, HF_ALERT_UNEXPECTED_MESSAGE, "empty handshake record");
    at_both(empty_alert, HF_ALERT_UNEXPECTED_MESSAGE, "empty alert record");
}

Test(records13, sizes)
{
    at_both(too_long, HF_ALERT_RECORD_OVERFLOW, "2^14 + 257");
    at_both(alert_cut, HF_ALERT_DECODE_ERROR, "half an alert");
    at_both(alert_long, HF_ALERT_DECODE_ERROR, "two alerts");
}

Test(records13, integrity)
{
    at_both(no_room_for_a_tag, HF_ALERT_BAD_RECORD_MAC, "shorter than a tag");
    at_both(empty_ciphertext, HF_ALERT_BAD_RECORD_MAC, "empty");
    at_both(forged, HF_ALERT_BAD_RECORD_MAC, "forged");
}

/* The largest that is allowed, and padding of every size around it. */
Test(records13, largest_record)
{
    static uint8_t data[HF_PLAINTEXT_MAX];
    static const size_t paddings[] = {0, 1, 255, 4096, HF_PLAINTEXT_MAX - 1};
    memset(data, 'd', sizeof data);
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < 5; j++) {
            pair p;
            gate13 g;
            side s = with_suite(i);
            connect13(&p, &g, &s, &s, i & 4);
            size_t len = HF_PLAINTEXT_MAX - paddings[j];
            gate13_put_padded(&g, HF_CONTENT_APPLICATION_DATA, data, len, paddings[j]);
            lives13(&g, "2^14 + 1");
            cr_assert_eq(wire_len(&g.to->plain), len);
            cr_assert_arr_eq(wire_data(&g.to->plain), data, len);
            close13(&p, &g);
        }
}

/* Empty application data is allowed, a flood of it is not ours to bear. */
Test(records13, empty_application_data)
{
    pair p;
    gate13 g;
    side s = side13();
    connect13(&p, &g, &s, &s, true);
    gate13_put_padded(&g, HF_CONTENT_APPLICATION_DATA, NULL, 0, 50);
    lives13(&g, "one");
    gate13_put(&g, HF_CONTENT_APPLICATION_DATA, "x", 1);
    cr_assert_eq(wire_len(&g.to->plain), 1);
    wire_drop(&g.to->plain, 1);
    for (int i = 0; i < HF_LIMIT_EMPTY_RECORDS; i++)
        gate13_put(&g, HF_CONTENT_APPLICATION_DATA, NULL, 0);
    lives13(&g, "as many as the limit says");
    gate13_put(&g, HF_CONTENT_APPLICATION_DATA, NULL, 0);
    refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "a flood");
    close13(&p, &g);
}

/* ---- Key changes end at a record's end: section 5.1 ---- */

/* The sender's message with something behind it in its record. */
static void behind_by(bool at_server, bool retry, unsigned message, const char *more, size_t more_len, const char *what)
{
    pair p;
    gate13 g;
    unit u;
    side client = side13(), server = side13();
    if (retry)
        server.groups[0] = HF_GROUP_P384;
    open13(&p, &g, &client, &server, at_server);
    reach13(&g, message, &u);
    if (retry) {
        gate13_pass(&g, &u);
        reach13(&g, message, &u);
    }
    memcpy(u.bytes + u.len, more, more_len);
    gate13_put(&g, HF_CONTENT_HANDSHAKE, u.bytes + HF_RECORD_HEADER_SIZE, u.len - HF_RECORD_HEADER_SIZE + more_len);
    refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, what);
    close13(&p, &g);
}

/* A whole message, and the first byte of the one that comes next: nothing else is wrong with that. */
static void behind(bool at_server, bool retry, unsigned message, uint8_t next, const char *what)
{
    const char first = (char)next;
    behind_by(at_server, retry, message, "\x08\0\0\2\0\0", 6, what); /* EncryptedExtensions */
    behind_by(at_server, retry, message, &first, 1, what);
}

Test(records13, data_behind_a_key_change)
{
    behind(false, false, HF_MSG_SERVER_HELLO, HF_MSG_ENCRYPTED_EXTENSIONS, "ServerHello");
    behind(false, true, HF_MSG_SERVER_HELLO, HF_MSG_ENCRYPTED_EXTENSIONS, "ServerHello after a HelloRetryRequest");
    behind(false, false, HF_MSG_FINISHED, HF_MSG_NEW_SESSION_TICKET, "the server's Finished");
    behind(true, false, HF_MSG_CLIENT_HELLO, HF_MSG_FINISHED, "ClientHello");
    behind(true, true, HF_MSG_CLIENT_HELLO, HF_MSG_FINISHED, "the second ClientHello");
    behind(true, false, HF_MSG_FINISHED, HF_MSG_KEY_UPDATE, "the client's Finished");
}

/* ---- Interleaving: section 5.1 ---- */

Test(records13, application_data_inside_a_handshake_message)
{
    for (int at_server = 0; at_server < 2; at_server++) {
        pair p;
        gate13 g;
        side s = side13();
        connect13(&p, &g, &s, &s, at_server);
        gate13_put(&g, HF_CONTENT_HANDSHAKE, "\x18\0\0", 3);
        lives13(&g, "half a KeyUpdate");
        gate13_put(&g, HF_CONTENT_APPLICATION_DATA, "between", 7);
        refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "application data inside a handshake message");
        close13(&p, &g);
    }
}

/* ---- Alerts ---- */

/* Before the receiver has keys, and from a peer that could not follow to them (section 6). */
Test(records13, plaintext_alert)
{
    static const struct {
        bool at_server;
        unsigned before;
    } cases[] = {{false, HF_MSG_SERVER_HELLO}, {true, HF_MSG_CLIENT_HELLO}, {true, HF_MSG_FINISHED}};
    for (size_t i = 0; i < 3; i++) {
        pair p;
        gate13 g;
        unit u;
        side s = side13();
        open13(&p, &g, &s, &s, cases[i].at_server);
        reach13(&g, cases[i].before, &u);
        gate13_put_plain(&g, HF_CONTENT_ALERT, "\2\x28", 2);
        cr_assert_eq(hf_conn_status(g.to->conn), HF_GOT(HF_ALERT_HANDSHAKE_FAILURE), "%zu: %s", i,
                     hf_conn_reason(g.to->conn));
        close13(&p, &g);
    }
}

static void plain_alert(gate13 *g)
{
    gate13_put_plain(g, HF_CONTENT_ALERT, "\2\x28", 2);
}

/* Once the peer has protected anything, an unprotected alert is anybody's. */
Test(records13, plaintext_alert_after_protected_records)
{
    for (int at_server = 0; at_server < 2; at_server++) {
        pair p;
        gate13 g;
        side s = side13();
        connect13(&p, &g, &s, &s, at_server);
        plain_alert(&g);
        refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "connected");
        close13(&p, &g);
    }
    pair p;
    gate13 g;
    unit u;
    side s = side13();
    open13(&p, &g, &s, &s, false);
    reach13(&g, HF_MSG_CERTIFICATE, &u);
    plain_alert(&g);
    refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "after EncryptedExtensions");
    close13(&p, &g);
}

/* Every alert but two ends the connection, whatever its level says: section 6. */
Test(records13, alert_levels_do_not_count)
{
    static const uint8_t alerts[] = {HF_ALERT_UNEXPECTED_MESSAGE, HF_ALERT_NO_RENEGOTIATION, 200, 255};
    for (size_t i = 0; i < 4; i++)
        for (uint8_t level = 0; level < 4; level++) {
            pair p;
            gate13 g;
            side s = side13();
            connect13(&p, &g, &s, &s, i % 2);
            gate13_put(&g, HF_CONTENT_ALERT, (uint8_t[]){level, alerts[i]}, 2);
            cr_assert_eq(hf_conn_status(g.to->conn), HF_GOT(alerts[i]));
            cr_assert_eq(g.to->n_alerts_sent, 0);
            close13(&p, &g);
        }
    pair p;
    gate13 g;
    side s = side13();
    connect13(&p, &g, &s, &s, true);
    gate13_put(&g, HF_CONTENT_ALERT, (uint8_t[]){2, HF_ALERT_USER_CANCELED}, 2);
    lives13(&g, "user_canceled");
    gate13_put(&g, HF_CONTENT_ALERT, (uint8_t[]){2, HF_ALERT_CLOSE_NOTIFY}, 2);
    lives13(&g, "close_notify");
    cr_assert_eq(g.to->n_closed, 1);
    close13(&p, &g);
}

/* legacy_record_version does not count: section 5.1. */
Test(records13, record_versions_are_ignored)
{
    static const uint8_t versions[] = {0, 1, 2, 4, 9};
    for (size_t i = 0; i < 5; i++) {
        pair p;
        gate13 g;
        unit u;
        side s = side13();
        open13(&p, &g, &s, &s, true);
        reach13(&g, HF_MSG_CLIENT_HELLO, &u);
        u.bytes[2] = versions[i];
        gate13_put_raw(&g, u.bytes, u.len);
        completes13(&g, "another record version");
        close13(&p, &g);
    }
}
