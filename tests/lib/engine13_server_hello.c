/* TLS 1.3: what a client makes of a ServerHello or HelloRetryRequest that breaks the rules. RFC 8446 sections 4.1.3,
 * 4.1.4 and 4.2. */
#include "engine13_peer.h"

TestSuite(server_hello13, .timeout = 300);

static const uint8_t bytes_of[256];
static uint8_t scratch[512];

static void rewrite_server(unit *u, const hf_server_hello *hello)
{
    static uint8_t room[UNIT_MAX];
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_server_hello_write(&w, hello);
    cr_assert(hf_writer_ok(&w));
    unit_of_message(u, room, w.len);
}

typedef void server_change(hf_server_hello *hello);

/* at_retry: the HelloRetryRequest is changed; after_retry: the ServerHello behind one. */
static void server_hello(bool at_retry, bool after_retry, server_change *change, hf_alert alert, const char *what)
{
    pair p;
    gate13 g;
    unit u;
    hf_server_hello hello;
    side client = side13(), server = side13();
    if (at_retry || after_retry)
        server.groups[0] = HF_GROUP_P384;
    open13(&p, &g, &client, &server, false);
    reach13(&g, HF_MSG_SERVER_HELLO, &u);
    if (after_retry) {
        gate13_pass(&g, &u);
        reach13(&g, HF_MSG_SERVER_HELLO, &u);
    }
    unit copy = u;
    cr_assert_eq(hf_server_hello_parse(unit_body(&copy), &hello), HF_OK);
    cr_assert_eq(hello.is_retry, at_retry);
    change(&hello);
    rewrite_server(&u, &hello);
    gate13_pass(&g, &u);
    refused13(&g, alert, what);
    close13(&p, &g);
}

static void other_echo(hf_server_hello *h)
{
    h->session_id = (hf_slice){bytes_of, 32};
}
static void no_echo(hf_server_hello *h)
{
    h->session_id = (hf_slice){0};
}
static void version12(hf_server_hello *h)
{
    h->ext.supported_versions = (hf_slice){(const uint8_t *)"\x03\x03", 2};
}
static void version_draft(hf_server_hello *h)
{
    h->ext.supported_versions = (hf_slice){(const uint8_t *)"\x7f\x1c", 2};
}
static void suite12(hf_server_hello *h)
{
    h->cipher_suite = 0xc02f;
}
static void suite_unknown(hf_server_hello *h)
{
    h->cipher_suite = 0x0a0a;
}
static void suite_changed(hf_server_hello *h)
{
    h->cipher_suite = h->cipher_suite == 0x1301 ? 0x1302 : 0x1301;
}
static void with_compression(hf_server_hello *h)
{
    h->compression_method = 1;
}
static void without_share(hf_server_hello *h)
{
    drop13(&h->ext, HF_EXT_KEY_SHARE);
}
static void share_of_other_group(hf_server_hello *h)
{
    h->ext.key_share_group = HF_GROUP_P256;
    memset(scratch, 4, 65);
    h->ext.key_share = (hf_slice){scratch, 65};
}
static void our_share_under_another_name(hf_server_hello *h)
{
    h->ext.key_share_group = HF_GROUP_P256;
}
static void share_of_zeros(hf_server_hello *h)
{
    h->ext.key_share = (hf_slice){bytes_of, h->ext.key_share.len};
}
static void share_too_short(hf_server_hello *h)
{
    h->ext.key_share.len--;
}
static void with_alpn(hf_server_hello *h)
{
    h->ext.present |= HF_EXT_BIT(HF_EXT_ALPN);
    h->ext.alpn = (hf_slice){(const uint8_t *)"\2h2", 3};
}
static void with_server_name(hf_server_hello *h)
{
    h->ext.present |= HF_EXT_BIT(HF_EXT_SERVER_NAME);
}
static void ssl3_server(hf_server_hello *h)
{
    h->version = 0x0300;
}
static void retry_without_version(hf_server_hello *h)
{
    drop13(&h->ext, HF_EXT_SUPPORTED_VERSIONS);
}
static void retry_for(hf_server_hello *h, uint16_t group)
{
    h->ext.key_share_group = group;
}
static void retry_same_group(hf_server_hello *h)
{
    retry_for(h, HF_GROUP_X25519);
}
static void retry_unknown_group(hf_server_hello *h)
{
    retry_for(h, 0x0100);
}
static void retry_changes_nothing(hf_server_hello *h)
{
    drop13(&h->ext, HF_EXT_KEY_SHARE);
    drop13(&h->ext, HF_EXT_COOKIE);
}

Test(server_hello13, server_hello_that_breaks_a_rule)
{
    server_hello(false, false, other_echo, HF_ALERT_ILLEGAL_PARAMETER, "another session id");
    server_hello(false, false, no_echo, HF_ALERT_ILLEGAL_PARAMETER, "no session id");
    server_hello(false, false, version12, HF_ALERT_ILLEGAL_PARAMETER, "TLS 1.2 in supported_versions");
    server_hello(false, false, version_draft, HF_ALERT_ILLEGAL_PARAMETER, "a version not offered");
    server_hello(false, false, suite12, HF_ALERT_ILLEGAL_PARAMETER, "a suite of TLS 1.2");
    server_hello(false, false, suite_unknown, HF_ALERT_ILLEGAL_PARAMETER, "a suite not offered");
    server_hello(false, false, with_compression, HF_ALERT_ILLEGAL_PARAMETER, "compression");
    server_hello(false, false, without_share, HF_ALERT_MISSING_EXTENSION, "no key_share");
    server_hello(false, false, share_of_other_group, HF_ALERT_ILLEGAL_PARAMETER, "a group without our share");
    server_hello(false, false, our_share_under_another_name, HF_ALERT_ILLEGAL_PARAMETER, "another group's number");
    server_hello(false, false, share_of_zeros, HF_ALERT_ILLEGAL_PARAMETER, "all-zero X25519");
    server_hello(false, false, share_too_short, HF_ALERT_ILLEGAL_PARAMETER, "short X25519");
    server_hello(false, false, with_server_name, HF_ALERT_ILLEGAL_PARAMETER, "an extension of another message");
    server_hello(false, false, with_alpn, HF_ALERT_UNSUPPORTED_EXTENSION, "an extension not offered");
    server_hello(false, false, ssl3_server, HF_ALERT_PROTOCOL_VERSION, "legacy_version of SSL 3.0");
}

Test(server_hello13, server_hello_behind_a_retry)
{
    server_hello(false, true, suite_changed, HF_ALERT_ILLEGAL_PARAMETER, "another suite");
    server_hello(false, true, share_of_other_group, HF_ALERT_ILLEGAL_PARAMETER, "another group");
    server_hello(false, true, our_share_under_another_name, HF_ALERT_ILLEGAL_PARAMETER, "another group's number");
    server_hello(false, true, version12, HF_ALERT_ILLEGAL_PARAMETER, "another version");
    server_hello(false, true, retry_without_version, HF_ALERT_ILLEGAL_PARAMETER, "no version");
    server_hello(false, true, share_of_zeros, HF_ALERT_ILLEGAL_PARAMETER, "point of zeros");
}

Test(server_hello13, retry_that_breaks_a_rule)
{
    server_hello(true, false, other_echo, HF_ALERT_ILLEGAL_PARAMETER, "another session id");
    server_hello(true, false, suite_unknown, HF_ALERT_ILLEGAL_PARAMETER, "a suite not offered");
    server_hello(true, false, version12, HF_ALERT_ILLEGAL_PARAMETER, "a version not offered");
    server_hello(true, false, retry_same_group, HF_ALERT_ILLEGAL_PARAMETER, "the group we sent");
    server_hello(true, false, retry_unknown_group, HF_ALERT_ILLEGAL_PARAMETER, "a group not offered");
    server_hello(true, false, retry_changes_nothing, HF_ALERT_ILLEGAL_PARAMETER, "changes nothing");
    server_hello(true, false, with_compression, HF_ALERT_ILLEGAL_PARAMETER, "compression");
}

/* An extension at the end of a ServerHello or a HelloRetryRequest. */
static void server_extension(bool retry, uint16_t type, const void *data, size_t len, hf_alert alert, const char *what)
{
    pair p;
    gate13 g;
    unit u;
    side client = side13(), server = side13();
    if (retry)
        server.groups[0] = HF_GROUP_P384;
    open13(&p, &g, &client, &server, false);
    reach13(&g, HF_MSG_SERVER_HELLO, &u);
    append13(&u, type, data, len);
    gate13_pass(&g, &u);
    refused13(&g, alert, what);
    close13(&p, &g);
}

Test(server_hello13, extensions_of_a_server_hello)
{
    for (int retry = 0; retry < 2; retry++) {
        server_extension(retry, 0x5555, "", 0, HF_ALERT_UNSUPPORTED_EXTENSION, "unknown");
        server_extension(retry, 41, "\0\0", 2, HF_ALERT_UNSUPPORTED_EXTENSION, "a PSK not offered");
        server_extension(retry, HF_EXT_TYPE_SUPPORTED_VERSIONS, "\3\4", 2, HF_ALERT_ILLEGAL_PARAMETER, "twice");
        /* Recognised, sent by us, and specified for another message: section 4.2. */
        server_extension(retry, HF_EXT_TYPE_SUPPORTED_GROUPS, "\0\2\0\x1d", 4, HF_ALERT_ILLEGAL_PARAMETER,
                         "supported_groups");
        server_extension(retry, HF_EXT_TYPE_SIGNATURE_ALGORITHMS, "\0\2\4\3", 4, HF_ALERT_ILLEGAL_PARAMETER,
                         "signature_algorithms");
    }
}

/* legacy_version does not count beside supported_versions: section 4.2.1. */
Test(server_hello13, legacy_version_of_a_server_is_ignored)
{
    pair p;
    gate13 g;
    unit u;
    side s = side13();
    open13(&p, &g, &s, &s, false);
    reach13(&g, HF_MSG_SERVER_HELLO, &u);
    u.bytes[HF_RECORD_HEADER_SIZE + HF_MSG_HEADER_SIZE + 1] = 4;
    gate13_pass(&g, &u);
    lives13(&g, "legacy_version 0x0304");
    cr_assert_eq(g.to->conn->version, HF_TLS13);
    close13(&p, &g);
}

/* Section 4.1.4: only one. */
Test(server_hello13, second_retry)
{
    pair p;
    gate13 g;
    unit u, retry;
    side client = side13(), server = {.tls13 = true, .groups = {HF_GROUP_P384}};
    open13(&p, &g, &client, &server, false);
    reach13(&g, HF_MSG_SERVER_HELLO, &retry);
    gate13_pass(&g, &retry);
    reach13(&g, HF_MSG_SERVER_HELLO, &u);
    gate13_pass(&g, &retry);
    refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "a second HelloRetryRequest");
    close13(&p, &g);
}

/* A retry that only brings a cookie, of any size: it comes back with the same share. */
Test(server_hello13, retry_with_a_cookie_only)
{
    static const size_t sizes[] = {1, 32, 255, 256, 5000};
    for (size_t i = 0; i < 5; i++) {
        static uint8_t cookie[5000], room[8000];
        pair p;
        gate13 g;
        unit u;
        hf_client_hello second;
        side s = side13();
        open13(&p, &g, &s, &s, false);
        unit *kept = malloc(sizeof *kept);
        pair_run(&p);
        reach13(&g, HF_MSG_SERVER_HELLO, &u);
        hf_server_hello hello;
        cr_assert_eq(hf_server_hello_parse(unit_body(&u), &hello), HF_OK);
        memset(cookie, (int)i + 1, sizeof cookie);
        hello.is_retry = true;
        hello.ext.present = HF_EXT_BIT(HF_EXT_SUPPORTED_VERSIONS) | HF_EXT_BIT(HF_EXT_COOKIE);
        hello.ext.cookie = (hf_slice){cookie, sizes[i]};
        hf_writer w = hf_writer_of(room, sizeof room);
        hf_server_hello_write(&w, &hello);
        cr_assert(hf_writer_ok(&w));
        unit_of_message(kept, room, w.len);
        p.client.held_out = true; /* the second hello stays on the wire, for us */
        gate13_pass(&g, kept);
        lives13(&g, "a cookie");
        size_t have = wire_len(&p.client.out), at = 0;
        const uint8_t *bytes = wire_data(&p.client.out);
        while (bytes[at] != HF_CONTENT_HANDSHAKE)
            at += 5 + ((size_t)bytes[at + 3] << 8 | bytes[at + 4]);
        cr_assert_gt(have, at + 9);
        size_t len = (size_t)bytes[at + 6] << 16 | (size_t)bytes[at + 7] << 8 | bytes[at + 8];
        cr_assert_eq(hf_client_hello_parse((hf_slice){bytes + at + 9, len}, &second), HF_OK);
        cr_assert_eq(second.ext.cookie.len, sizes[i]);
        cr_assert_arr_eq(second.ext.cookie.ptr, cookie, sizes[i]);
        cr_assert_eq(second.ext.key_shares.len, 4 + 32);
        free(kept);
        close13(&p, &g);
    }
}

/* A HelloRetryRequest settles the version. */
static void retried(pair *p, gate13 *g, uint8_t record_version)
{
    unit u;
    side client = side13(), server = {.tls13 = true, .groups = {HF_GROUP_P384}};
    open13(p, g, &client, &server, false);
    reach13(g, HF_MSG_SERVER_HELLO, &u);
    u.bytes[2] = record_version;
    p->client.held_out = true; /* the second hello stays on the wire, for us */
    gate13_put_raw(g, u.bytes, u.len);
    lives13(g, "a retry");
}

/* So the records behind it are of the one version that there still is (section 5.1), whatever the server's are. */
Test(server_hello13, record_versions_behind_a_retry)
{
    for (uint8_t version = 1; version <= 4; version++) {
        pair p;
        gate13 g;
        size_t records = 0;
        retried(&p, &g, version);
        for (; wire_len(&p.client.out) > 0; records++) {
            const uint8_t *header = wire_data(&p.client.out);
            cr_assert_eq(header[1] << 8 | header[2], HF_TLS12, "record %zu", records);
            wire_drop(&p.client.out, HF_RECORD_HEADER_SIZE + ((size_t)header[3] << 8 | header[4]));
        }
        cr_assert_eq(records, 2, "ChangeCipherSpec and ClientHello");
        close13(&p, &g);
    }
}

/* And alerts mean what they mean in TLS 1.3, whatever their level: section 6. */
Test(server_hello13, alerts_behind_a_retry)
{
    for (uint8_t level = 1; level <= 2; level++) {
        pair p;
        gate13 g;
        retried(&p, &g, 3);
        gate13_put_plain(&g, HF_CONTENT_ALERT, (uint8_t[]){level, HF_ALERT_HANDSHAKE_FAILURE}, 2);
        cr_assert_eq(hf_conn_status(g.to->conn), HF_GOT(HF_ALERT_HANDSHAKE_FAILURE), "level %u: %s", level,
                     hf_conn_reason(g.to->conn));
        cr_assert_eq(g.to->n_alerts_sent, 0);
        close13(&p, &g);
    }
}

/* A client of TLS 1.3 alone knows the version from its first byte on. */
Test(server_hello13, alerts_before_the_server_hello)
{
    for (int tls12 = 0; tls12 <= 1; tls12++) {
        pair p;
        gate13 g;
        unit u;
        side client = side13(), server = side13();
        client.policy = tls12 ? HF_POLICY_INTERMEDIATE : HF_POLICY_MODERN;
        open13(&p, &g, &client, &server, false);
        reach13(&g, HF_MSG_SERVER_HELLO, &u);
        gate13_put_plain(&g, HF_CONTENT_ALERT, (uint8_t[]){1, HF_ALERT_UNRECOGNIZED_NAME}, 2);
        cr_assert_eq(hf_conn_status(g.to->conn), tls12 ? HF_OK : HF_GOT(HF_ALERT_UNRECOGNIZED_NAME), "%s",
                     hf_conn_reason(g.to->conn));
        close13(&p, &g);
    }
}
