/* Hellos, changed on their way: which alert each broken rule earns, and what must be tolerated. Each is parsed, changed
 * in one field and written again. */
#include <criterion/criterion.h>
#include <string.h>

#include "conn.h"
#include "gate.h"
#include "world.h"

TestSuite(hello, .timeout = 300);

/* ---- ClientHello ---- */

typedef void edit_client(hf_client_hello *hello);

/* The server after an edited ClientHello. */
static void client_hello(pair *p, gate *g, const side *client, const side *server, edit_client *edit)
{
    unit u, edited;
    hf_client_hello hello;
    static uint8_t message[8192];
    memset(p, 0, sizeof *p);
    world_pair(p, client, server);
    gate_init(g, p, &p->client);
    cr_assert(gate_next(g, &u));
    cr_assert_eq(hf_client_hello_parse(unit_body(&u), &hello), HF_OK);
    edit(&hello);
    hf_writer w = hf_writer_of(message, sizeof message);
    hf_client_hello_write(&w, &hello);
    cr_assert(hf_writer_ok(&w));
    unit_of_message(&edited, message, w.len);
    gate_pass(g, &edited);
}

static void refused(edit_client *edit, const side *client, const side *server, hf_alert alert)
{
    pair p;
    gate g;
    client_hello(&p, &g, client, server, edit);
    hf_status status = hf_conn_status(p.server.conn);
    cr_assert_eq(status, HF_SEND(alert), "%s (%s), not %s", hf_status_text(status), hf_conn_reason(p.server.conn),
                 hf_alert_name(alert));
    cr_assert_eq(p.server.n_sent, 0, "no ServerHello");
    cr_assert_eq(end_alert_got(&p.client), (int)alert);
    gate_cleanup(&g);
    pair_cleanup(&p);
}

/* The server answers with its whole flight: ServerHello to ServerHelloDone. */
static void accepted(edit_client *edit, const side *client, const side *server, hf_conn_info *info)
{
    pair p;
    gate g;
    client_hello(&p, &g, client, server, edit);
    cr_assert_eq(hf_conn_status(p.server.conn), HF_OK, "%s", hf_conn_reason(p.server.conn));
    cr_assert_geq(p.server.n_sent, 3);
    cr_assert_eq(p.server.n_alerts_sent, 0);
    hf_conn_get_info(p.server.conn, info);
    gate_cleanup(&g);
    pair_cleanup(&p);
}

static const side plain = {.policy = HF_POLICY_INTERMEDIATE};
static const side compatible = {.policy = HF_POLICY_COMPATIBLE};
static uint16_t version;

static void set_version(hf_client_hello *h)
{
    h->legacy_version = version;
}

/* RFC 5246 appendix E.1; RFC 7568 (SSL 3.0), RFC 8996 (TLS 1.0, 1.1) */
Test(hello, client_versions)
{
    static const uint16_t old[] = {0x0000, 0x0002, 0x0200, 0x0300, 0x0301, 0x0302};
    static const uint16_t newer[] = {0x0303, 0x0304, 0x0305, 0x03ff, 0x0400, 0x7a7a, 0xffff};
    hf_conn_info info;
    for (size_t i = 0; i < sizeof old / sizeof old[0]; i++) {
        version = old[i];
        refused(set_version, &compatible, &compatible, HF_ALERT_PROTOCOL_VERSION);
    }
    for (size_t i = 0; i < sizeof newer / sizeof newer[0]; i++) {
        version = newer[i];
        accepted(set_version, &compatible, &compatible, &info);
        cr_assert_eq(info.version, 0x0303);
    }
}

static hf_slice versions;
static void set_versions(hf_client_hello *h)
{
    h->ext.present |= HF_EXT_BIT(HF_EXT_SUPPORTED_VERSIONS);
    h->ext.supported_versions = versions;
}

/* RFC 8446 section 4.2.1: the list counts, unknown entries are ignored. */
Test(hello, client_supported_versions)
{
    hf_conn_info info;
    versions = (hf_slice){(const uint8_t *)"\x7a\x7a\x03\x04\x03\x03", 6};
    accepted(set_versions, &plain, &plain, &info);
    versions = (hf_slice){(const uint8_t *)"\x03\x04\x7a\x7a", 4};
    refused(set_versions, &plain, &plain, HF_ALERT_PROTOCOL_VERSION);
    versions = (hf_slice){(const uint8_t *)"\x03\x02\x03\x01", 4};
    refused(set_versions, &plain, &plain, HF_ALERT_PROTOCOL_VERSION);
}

/* The record version of a ClientHello says nothing: {03,XX} (RFC 5246 appendix E.1). */
Test(hello, client_record_versions)
{
    for (unsigned minor = 0; minor < 256; minor += minor < 5 ? 1 : 50) {
        pair p = {0};
        gate g;
        unit u;
        world_pair(&p, &plain, &plain);
        gate_init(&g, &p, &p.client);
        cr_assert(gate_next(&g, &u));
        u.bytes[2] = (uint8_t)minor;
        gate_pass(&g, &u);
        cr_assert_eq(hf_conn_status(p.server.conn), HF_OK, "03%02x: %s", minor, hf_conn_reason(p.server.conn));
        gate_pass_all(&g);
        cr_assert(pair_connected(&p));
        gate_cleanup(&g);
        pair_cleanup(&p);
    }
}

/* An SSL 2.0 ClientHello that offers TLS 1.2 (RFC 5246 appendix E.2; RFC 6176). */
Test(hello, sslv2)
{
    static const uint8_t hello[] = {0x80, 0x2e, 1, 3, 3, 0, 3, 0, 0, 0, 32, 0, 0, 0x9c, 1, 2};
    pair p = {0};
    gate g;
    world_pair(&p, &plain, &plain);
    gate_init(&g, &p, &p.client);
    gate_put_raw(&g, hello, sizeof hello);
    cr_assert_eq(hf_conn_status(p.server.conn), HF_SEND(HF_ALERT_PROTOCOL_VERSION));
    gate_cleanup(&g);
    pair_cleanup(&p);
}

/* RFC 7507: below our highest version the fallback is inappropriate (or the version alone is refused); at it, fine. */
static uint8_t scsv[64];
static void add_scsv(hf_client_hello *h)
{
    memcpy(scsv, h->cipher_suites.ptr, h->cipher_suites.len);
    memcpy(scsv + h->cipher_suites.len, "\x56\x00", 2);
    h->cipher_suites = (hf_slice){scsv, h->cipher_suites.len + 2};
    h->legacy_version = version;
}

Test(hello, fallback_scsv)
{
    hf_conn_info info;
    version = 0x0303;
    accepted(add_scsv, &plain, &plain, &info);
    for (version = 0x0301; version <= 0x0302; version++) {
        pair p;
        gate g;
        client_hello(&p, &g, &plain, &plain, add_scsv);
        hf_status status = hf_conn_status(p.server.conn);
        cr_assert(status == HF_SEND(HF_ALERT_INAPPROPRIATE_FALLBACK) || status == HF_SEND(HF_ALERT_PROTOCOL_VERSION),
                  "%s", hf_status_text(status));
        gate_cleanup(&g);
        pair_cleanup(&p);
    }
    pair p = {0};
    gate g;
    unit u;
    hf_client_hello hello;
    world_pair(&p, &(side){.fallback = true}, &plain);
    gate_init(&g, &p, &p.client);
    cr_assert(gate_next(&g, &u));
    cr_assert_eq(hf_client_hello_parse(unit_body(&u), &hello), HF_OK);
    cr_assert(bytes_contain(hello.cipher_suites.ptr, hello.cipher_suites.len, "\x56\x00", 2));
    gate_cleanup(&g);
    pair_cleanup(&p);
}

static void no_null_compression(hf_client_hello *h)
{
    h->compression_methods = (hf_slice){(const uint8_t *)"\1\x40", 2};
}
static void more_compression(hf_client_hello *h)
{
    h->compression_methods = (hf_slice){(const uint8_t *)"\1\x40\0", 3};
}
static void no_uncompressed_points(hf_client_hello *h)
{
    h->ext.ec_point_formats = (hf_slice){(const uint8_t *)"\1\2", 2};
}
static void no_point_formats(hf_client_hello *h)
{
    h->ext.present &= ~HF_EXT_BIT(HF_EXT_EC_POINT_FORMATS);
}
static void renegotiating(hf_client_hello *h)
{
    h->ext.renegotiation_info = (hf_slice){(const uint8_t *)"0123456789ab", 12};
}
static uint8_t code;
static void max_fragment_code(hf_client_hello *h)
{
    h->ext.present |= HF_EXT_BIT(HF_EXT_MAX_FRAGMENT_LENGTH);
    h->ext.max_fragment_length = code;
}
static void no_signature_algorithms(hf_client_hello *h)
{
    h->ext.present &= ~HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS);
}
static void unknown_signature_algorithms(hf_client_hello *h)
{
    h->ext.signature_algorithms = (hf_slice){(const uint8_t *)"\x7a\x7a\2\1\2\3\x03\x01", 8};
}
static void no_groups(hf_client_hello *h)
{
    h->ext.present &= ~HF_EXT_BIT(HF_EXT_SUPPORTED_GROUPS);
}
static void deprecated_groups(hf_client_hello *h)
{
    h->ext.supported_groups = (hf_slice){(const uint8_t *)"\0\1\0\x10\0\x16\xff\1\1\0", 10};
}
static void no_extensions(hf_client_hello *h)
{
    h->ext = (hf_extensions){0};
}
static void forbidden_suites(hf_client_hello *h) /* NULL, RC4, EXPORT, anonymous, SCSV alone */
{
    h->cipher_suites = (hf_slice){(const uint8_t *)"\0\0\0\5\0\3\0\x18\0\xff\0\1\0\4\xc0\x15", 16};
}

/* RFC 5246 section 7.4.1.2; RFC 8422 section 5.1.2; RFC 5746 section 3.6; RFC 6066 section 4 */
Test(hello, client_hello_refused)
{
    refused(no_null_compression, &plain, &plain, HF_ALERT_ILLEGAL_PARAMETER);
    refused(no_uncompressed_points, &plain, &plain, HF_ALERT_ILLEGAL_PARAMETER);
    refused(renegotiating, &plain, &plain, HF_ALERT_HANDSHAKE_FAILURE);
    refused(renegotiating, &compatible, &compatible, HF_ALERT_HANDSHAKE_FAILURE);
    refused(no_signature_algorithms, &plain, &plain, HF_ALERT_HANDSHAKE_FAILURE);
    refused(unknown_signature_algorithms, &plain, &plain, HF_ALERT_HANDSHAKE_FAILURE);
    refused(deprecated_groups, &plain, &plain, HF_ALERT_HANDSHAKE_FAILURE);
    refused(forbidden_suites, &compatible, &compatible, HF_ALERT_HANDSHAKE_FAILURE);
    for (unsigned c = 0; c < 256; c++) {
        code = (uint8_t)c;
        if (c < 1 || c > 4)
            refused(max_fragment_code, &plain, &plain, HF_ALERT_ILLEGAL_PARAMETER);
        c += c > 8 ? 40 : 0;
    }
}

Test(hello, client_hello_accepted)
{
    hf_conn_info info;
    accepted(more_compression, &plain, &plain, &info);
    accepted(no_point_formats, &plain, &plain, &info);
    accepted(no_groups, &plain, &plain, &info); /* RFC 8422 section 4: any curve, so P-256 */
    cr_assert_eq(info.group, HF_GROUP_P256);
    for (code = 1; code <= 4; code++) {
        accepted(max_fragment_code, &plain, &plain, &info);
        cr_assert_eq(info.send_limit, (size_t)256 << code);
    }
    /* RSA key transport needs none of the extensions; without signature_algorithms it is what remains. */
    accepted(no_extensions, &compatible, &compatible, &info);
    cr_assert_eq(info.group, 0);
    cr_assert_not(info.extended_master_secret || info.encrypt_then_mac || info.secure_renegotiation);
    accepted(no_signature_algorithms, &compatible, &compatible, &info);
    cr_assert_eq(info.group, 0);
    accepted(deprecated_groups, &compatible, &compatible, &info); /* RFC 8422 section 5.1: no ECC suite then */
    cr_assert_eq(info.group, 0);
}

static void no_binding(hf_client_hello *h)
{
    h->ext.present &= ~HF_EXT_BIT(HF_EXT_EXTENDED_MASTER_SECRET);
}
static void no_renegotiation_info(hf_client_hello *h)
{
    h->ext.present &= ~HF_EXT_BIT(HF_EXT_RENEGOTIATION_INFO);
}
static void renegotiation_scsv(hf_client_hello *h)
{
    no_renegotiation_info(h);
    memcpy(scsv, h->cipher_suites.ptr, h->cipher_suites.len);
    memcpy(scsv + h->cipher_suites.len, "\x00\xff", 2);
    h->cipher_suites = (hf_slice){scsv, h->cipher_suites.len + 2};
}

/* What a policy demands (RFC 7627 section 5.2, RFC 5746 section 4.3) and what it may do without. */
Test(hello, policies)
{
    hf_conn_info info;
    refused(no_binding, &plain, &plain, HF_ALERT_HANDSHAKE_FAILURE);
    accepted(no_binding, &compatible, &compatible, &info);
    cr_assert_not(info.extended_master_secret);
    refused(no_renegotiation_info, &plain, &plain, HF_ALERT_HANDSHAKE_FAILURE);
    accepted(no_renegotiation_info, &compatible, &compatible, &info);
    cr_assert_not(info.secure_renegotiation);
    accepted(renegotiation_scsv, &plain, &plain, &info);
    cr_assert(info.secure_renegotiation);
}

static uint8_t greased[3][64];
static hf_slice grease_first(uint8_t *room, hf_slice list)
{
    room[0] = room[1] = 0x3a;
    memcpy(room + 2, list.ptr, list.len);
    return (hf_slice){room, list.len + 2};
}
static void grease(hf_client_hello *h)
{
    h->cipher_suites = grease_first(greased[0], h->cipher_suites);
    h->ext.supported_groups = grease_first(greased[1], h->ext.supported_groups);
    h->ext.signature_algorithms = grease_first(greased[2], h->ext.signature_algorithms);
}

/* RFC 8701 section 3: ignored, and never chosen. */
Test(hello, grease_is_ignored)
{
    hf_conn_info info;
    accepted(grease, &plain, &plain, &info);
    cr_assert(info.suite != 0x3a3a && info.group != 0x3a3a && info.server_scheme != 0x3a3a);
}

/* ---- ServerHello ---- */

typedef void edit_server(hf_server_hello *hello);

static void server_hello_refused(edit_server *edit, const side *client, const side *server, hf_alert alert)
{
    pair p = {0};
    gate g;
    unit u, edited;
    hf_server_hello hello;
    static uint8_t message[1024];
    world_pair(&p, client, server);
    gate_init(&g, &p, &p.server);
    cr_assert(gate_until(&g, HF_MSG_SERVER_HELLO, &u));
    cr_assert_eq(hf_server_hello_parse(unit_body(&u), &hello), HF_OK);
    edit(&hello);
    hf_writer w = hf_writer_of(message, sizeof message);
    hf_server_hello_write(&w, &hello);
    cr_assert(hf_writer_ok(&w));
    unit_of_message(&edited, message, w.len);
    gate_pass(&g, &edited);
    hf_status status = hf_conn_status(p.client.conn);
    cr_assert_eq(status, HF_SEND(alert), "%s (%s), not %s", hf_status_text(status), hf_conn_reason(p.client.conn),
                 hf_alert_name(alert));
    cr_assert_eq(p.client.n_alerts_sent, 1);
    gate_cleanup(&g);
    pair_cleanup(&p);
}

static uint16_t number;
static void server_version(hf_server_hello *h)
{
    h->version = number;
}
static void server_suite(hf_server_hello *h)
{
    h->cipher_suite = number;
}
static void server_compression(hf_server_hello *h)
{
    h->compression_method = (uint8_t)number;
}
static void server_extension(hf_server_hello *h) /* answered though not asked */
{
    h->ext.present |= HF_EXT_BIT(number);
    h->ext.alpn = (hf_slice){(const uint8_t *)"\2h2", 3};
    h->ext.supported_versions = (hf_slice){(const uint8_t *)"\3\3", 2};
    h->ext.record_size_limit = 1000;
    h->ext.max_fragment_length = 1;
}
static void server_key_share(hf_server_hello *h) /* of TLS 1.3 alone, though we sent one */
{
    static const uint8_t share[32] = {9};
    h->ext.present |= HF_EXT_BIT(HF_EXT_KEY_SHARE);
    h->ext.key_share_group = HF_GROUP_X25519;
    h->ext.key_share = (hf_slice){share, sizeof share};
}
static void server_points(hf_server_hello *h)
{
    h->ext.present |= HF_EXT_BIT(HF_EXT_EC_POINT_FORMATS);
    h->ext.ec_point_formats = (hf_slice){(const uint8_t *)"\1", 1};
}
static void server_renegotiation(hf_server_hello *h)
{
    h->ext.renegotiation_info = (hf_slice){(const uint8_t *)"x", 1};
}
static void server_no_renegotiation(hf_server_hello *h)
{
    h->ext.present &= ~HF_EXT_BIT(HF_EXT_RENEGOTIATION_INFO);
}
static void server_no_binding(hf_server_hello *h)
{
    h->ext.present &= ~HF_EXT_BIT(HF_EXT_EXTENDED_MASTER_SECRET);
}
static void server_max_fragment(hf_server_hello *h)
{
    h->ext.present |= HF_EXT_BIT(HF_EXT_MAX_FRAGMENT_LENGTH);
    h->ext.max_fragment_length = (uint8_t)number;
}
static void server_both_limits(hf_server_hello *h)
{
    h->ext.present |= HF_EXT_BIT(HF_EXT_MAX_FRAGMENT_LENGTH) | HF_EXT_BIT(HF_EXT_RECORD_SIZE_LIMIT);
    h->ext.max_fragment_length = 1;
    h->ext.record_size_limit = 1000;
}
static void server_small_limit(hf_server_hello *h)
{
    h->ext.record_size_limit = 63;
}
static void server_alpn(hf_server_hello *h)
{
    h->ext.alpn = (hf_slice){(const uint8_t *)"\2h9", 3};
}
static void server_etm(hf_server_hello *h)
{
    h->ext.present |= HF_EXT_BIT(HF_EXT_ENCRYPT_THEN_MAC);
}

Test(hello, server_hello_versions)
{
    static const uint16_t versions_refused[] = {0x0000, 0x0200, 0x0300, 0x0301, 0x0302, 0x0304, 0x0305, 0x7a7a};
    for (size_t i = 0; i < sizeof versions_refused / sizeof versions_refused[0]; i++) {
        number = versions_refused[i];
        server_hello_refused(server_version, &plain, &plain, HF_ALERT_PROTOCOL_VERSION);
    }
}

/* RFC 5246 sections 7.4.1.3 and 7.4.1.4; RFC 8701 section 3.1 */
Test(hello, server_hello_choices)
{
    static const uint16_t suites[] = {0x0000, 0x00ff, 0x5600, 0x3a3a, 0x1301, 0x009c, 0xc014, 0xc013};
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        number = suites[i];
        server_hello_refused(server_suite, &plain, &plain, HF_ALERT_ILLEGAL_PARAMETER);
    }
    for (number = 1; number < 256; number += 63)
        server_hello_refused(server_compression, &plain, &plain, HF_ALERT_ILLEGAL_PARAMETER);
    static const hf_ext not_asked[] = {HF_EXT_ALPN, HF_EXT_ENCRYPT_THEN_MAC, HF_EXT_RECORD_SIZE_LIMIT,
                                       HF_EXT_SUPPORTED_VERSIONS, HF_EXT_MAX_FRAGMENT_LENGTH};
    for (size_t i = 0; i < sizeof not_asked / sizeof not_asked[0]; i++) {
        number = (uint16_t)not_asked[i];
        server_hello_refused(server_extension, &plain, &plain, HF_ALERT_UNSUPPORTED_EXTENSION);
    }
}

Test(hello, server_hello_extensions)
{
    const side fragment = {.max_fragment_length = 1024}, both = {.max_fragment_length = 512, .record_size_limit = 1000};
    const side alpn = {.alpn = {"h2"}}, cbc = {.policy = HF_POLICY_COMPATIBLE};
    server_hello_refused(server_points, &plain, &plain, HF_ALERT_ILLEGAL_PARAMETER);
    server_hello_refused(server_renegotiation, &plain, &plain, HF_ALERT_HANDSHAKE_FAILURE);
    server_hello_refused(server_no_renegotiation, &plain, &plain, HF_ALERT_HANDSHAKE_FAILURE);
    server_hello_refused(server_no_binding, &plain, &plain, HF_ALERT_HANDSHAKE_FAILURE);
    for (number = 0; number < 8; number++) /* RFC 6066 section 4: another length than asked for; 2 is 1024 */
        if (number != 2)
            server_hello_refused(server_max_fragment, &fragment, &plain, HF_ALERT_ILLEGAL_PARAMETER);
    server_hello_refused(server_both_limits, &both, &plain, HF_ALERT_ILLEGAL_PARAMETER); /* RFC 8449 section 5 */
    server_hello_refused(server_small_limit, &both, &plain, HF_ALERT_ILLEGAL_PARAMETER);
    server_hello_refused(server_alpn, &alpn, &alpn, HF_ALERT_ILLEGAL_PARAMETER);
    server_hello_refused(server_etm, &cbc, &plain, HF_ALERT_ILLEGAL_PARAMETER); /* RFC 7366 section 3: an AEAD suite */
    /* RFC 8446 section 4.2: recognised, and not for this message. */
    server_hello_refused(server_key_share, &(side){.tls13 = true}, &plain, HF_ALERT_ILLEGAL_PARAMETER);
}
