/* TLS 1.3: what a server makes of a ClientHello that breaks the rules, or is unusual but right. RFC 8446
 * sections 4.1, 4.2 and 9.2. */
#include "engine13_peer.h"
#include "negotiate.h"

TestSuite(hello13, .timeout = 300);

static void rewrite_client(unit *u, const hf_client_hello *hello)
{
    static uint8_t room[UNIT_MAX];
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_client_hello_write(&w, hello);
    cr_assert(hf_writer_ok(&w));
    unit_of_message(u, room, w.len);
}

/* ---- ClientHello ---- */

typedef void client_change(hf_client_hello *hello);

/* The server under test sees a hello that was changed. */
static void client_hello(client_change *change, int alert, const char *what)
{
    pair p;
    gate13 g;
    unit u;
    hf_client_hello hello;
    side s = side13();
    open13(&p, &g, &s, &s, true);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    unit copy = u;
    cr_assert_eq(hf_client_hello_parse(unit_body(&copy), &hello), HF_OK);
    change(&hello);
    rewrite_client(&u, &hello);
    gate13_pass(&g, &u);
    if (alert < 0) {
        lives13(&g, what);
        cr_assert_eq(g.to->conn->version, HF_TLS13, "%s", what);
    } else {
        refused13(&g, (hf_alert)alert, what);
    }
    close13(&p, &g);
}

static const uint8_t bytes_of[256];
static uint8_t scratch[512];

static void no_groups(hf_client_hello *h)
{
    drop13(&h->ext, HF_EXT_SUPPORTED_GROUPS);
}
static void no_share(hf_client_hello *h)
{
    drop13(&h->ext, HF_EXT_KEY_SHARE);
}
static void no_algorithms(hf_client_hello *h)
{
    drop13(&h->ext, HF_EXT_SIGNATURE_ALGORITHMS);
}
static void two_compressions(hf_client_hello *h)
{
    h->compression_methods = (hf_slice){(const uint8_t *)"\1\0", 2};
}
static void other_compression(hf_client_hello *h)
{
    h->compression_methods = (hf_slice){(const uint8_t *)"\1", 1};
}
static void no_suite(hf_client_hello *h)
{
    h->cipher_suites = (hf_slice){(const uint8_t *)"\x13\x07\xc0\x2f", 4};
}
static void unknown_suites(hf_client_hello *h)
{
    h->cipher_suites = (hf_slice){(const uint8_t *)"\x0a\x0a\x13\x07\x13\x01\xfe\xfe", 8};
}
static void unknown_versions(hf_client_hello *h)
{
    h->ext.supported_versions = (hf_slice){(const uint8_t *)"\x0a\x0a\x7f\x1c\x03\x04\x03\x05", 8};
}
static void no_version(hf_client_hello *h)
{
    h->ext.supported_versions = (hf_slice){(const uint8_t *)"\x7f\x1c\x03\x01", 4};
}
static void ssl3(hf_client_hello *h)
{
    h->legacy_version = 0x0300;
}
static void higher_legacy_version(hf_client_hello *h)
{
    h->legacy_version = 0x0305;
}
static void other_groups(hf_client_hello *h)
{
    h->ext.supported_groups = (hf_slice){(const uint8_t *)"\x01\x00", 2};
    h->ext.key_shares = (hf_slice){0};
}
static void empty_shares(hf_client_hello *h) /* asks for a HelloRetryRequest */
{
    h->ext.key_shares = (hf_slice){0};
}

/* One share of `len` bytes for a group, all of one value. */
static void share(hf_client_hello *h, uint16_t group, size_t len, uint8_t first, uint8_t value)
{
    const uint8_t header[4] = {(uint8_t)(group >> 8), (uint8_t)group, (uint8_t)(len >> 8), (uint8_t)len};
    memcpy(scratch, header, 4);
    memset(scratch + 4, value, len);
    scratch[4] = first;
    h->ext.key_shares = (hf_slice){scratch, 4 + len};
}
static void share_unlisted(hf_client_hello *h)
{
    h->ext.supported_groups = (hf_slice){(const uint8_t *)"\x00\x18", 2};
}
static void zero_x25519(hf_client_hello *h)
{
    share(h, HF_GROUP_X25519, 32, 0, 0);
}
static void short_x25519(hf_client_hello *h)
{
    share(h, HF_GROUP_X25519, 31, 9, 0);
}
static void long_x25519(hf_client_hello *h)
{
    share(h, HF_GROUP_X25519, 33, 9, 0);
}
static void off_curve(hf_client_hello *h)
{
    share(h, HF_GROUP_P256, 65, 4, 1);
}
static void compressed(hf_client_hello *h)
{
    share(h, HF_GROUP_P256, 33, 2, 1);
}
static void infinity(hf_client_hello *h)
{
    share(h, HF_GROUP_P256, 1, 0, 0);
}
static void zero_point(hf_client_hello *h)
{
    share(h, HF_GROUP_P384, 97, 4, 0);
}
static void only_pkcs1(hf_client_hello *h)
{
    h->ext.signature_algorithms = (hf_slice){(const uint8_t *)"\x04\x01\x02\x01", 4};
}
static void long_session_id(hf_client_hello *h)
{
    h->session_id = (hf_slice){bytes_of, 32};
}
static void empty_session_id(hf_client_hello *h)
{
    h->session_id = (hf_slice){0};
}

Test(hello13, client_hello_that_breaks_a_rule)
{
    client_hello(no_groups, HF_ALERT_MISSING_EXTENSION, "no supported_groups");
    client_hello(no_share, HF_ALERT_MISSING_EXTENSION, "no key_share");
    client_hello(no_algorithms, HF_ALERT_MISSING_EXTENSION, "no signature_algorithms");
    client_hello(two_compressions, HF_ALERT_ILLEGAL_PARAMETER, "two compression methods");
    client_hello(other_compression, HF_ALERT_ILLEGAL_PARAMETER, "another compression method");
    client_hello(no_suite, HF_ALERT_HANDSHAKE_FAILURE, "no suite of TLS 1.3 that we have");
    client_hello(other_groups, HF_ALERT_HANDSHAKE_FAILURE, "no group in common");
    client_hello(only_pkcs1, HF_ALERT_HANDSHAKE_FAILURE, "no signature scheme that TLS 1.3 allows");
    client_hello(no_version, HF_ALERT_PROTOCOL_VERSION, "no version in common");
    client_hello(ssl3, HF_ALERT_PROTOCOL_VERSION, "legacy_version of SSL 3.0");
    client_hello(share_unlisted, HF_ALERT_ILLEGAL_PARAMETER, "a share for a group not listed");
}

Test(hello13, client_hello_with_a_bad_share)
{
    client_hello(zero_x25519, HF_ALERT_ILLEGAL_PARAMETER, "all-zero X25519");
    client_hello(short_x25519, HF_ALERT_ILLEGAL_PARAMETER, "short X25519");
    client_hello(long_x25519, HF_ALERT_ILLEGAL_PARAMETER, "long X25519");
    client_hello(off_curve, HF_ALERT_ILLEGAL_PARAMETER, "not on the curve");
    client_hello(compressed, HF_ALERT_ILLEGAL_PARAMETER, "compressed point");
    client_hello(infinity, HF_ALERT_ILLEGAL_PARAMETER, "point at infinity");
    client_hello(zero_point, HF_ALERT_ILLEGAL_PARAMETER, "point of zeros");
}

Test(hello13, client_hello_that_is_unusual_but_right)
{
    client_hello(unknown_suites, -1, "unknown suites");
    client_hello(unknown_versions, -1, "unknown versions");
    client_hello(higher_legacy_version, -1, "legacy_version does not count");
    client_hello(empty_shares, -1, "no shares");
    client_hello(long_session_id, -1, "session id");
    client_hello(empty_session_id, -1, "no session id");
}

/* Extensions put at the end of a first hello. */
static void client_extension(const uint16_t *types, size_t n, size_t len, int alert, const char *what)
{
    pair p;
    gate13 g;
    unit u;
    side s = side13();
    open13(&p, &g, &s, &s, true);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    for (size_t i = 0; i < n; i++)
        append13(&u, types[i], bytes_of, len);
    gate13_pass(&g, &u);
    if (alert < 0)
        lives13(&g, what);
    else
        refused13(&g, (hf_alert)alert, what);
    close13(&p, &g);
}

enum { PRE_SHARED_KEY = 41, EARLY_DATA = 42, PSK_MODES = 45 };

Test(hello13, extensions_of_a_client_hello)
{
    client_extension((uint16_t[]){0x0a0a, 0x5555}, 2, 3, -1, "unknown extensions");
    client_extension((uint16_t[]){0x0a0a, 0x0a0a}, 2, 3, HF_ALERT_ILLEGAL_PARAMETER, "an unknown one twice");
    client_extension((uint16_t[]){EARLY_DATA}, 1, 0, -1, "early data is declined");
    client_extension((uint16_t[]){EARLY_DATA}, 1, 1, HF_ALERT_DECODE_ERROR, "early_data that is not empty");
    client_extension((uint16_t[]){PSK_MODES}, 1, 7, HF_ALERT_DECODE_ERROR, "modes that do not parse");
    client_extension((uint16_t[]){PRE_SHARED_KEY}, 1, 7, HF_ALERT_DECODE_ERROR, "a pre_shared_key that does not parse");
}

/* ---- The second ClientHello ---- */

/* The server asks for P-384; second: another group of its own, or 0. */
static void second_hello_of(uint16_t second, client_change *change, int alert, const char *what)
{
    pair p;
    gate13 g;
    unit u;
    hf_client_hello hello;
    side client = side13(), server = {.tls13 = true, .groups = {HF_GROUP_P384, second}};
    open13(&p, &g, &client, &server, true);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    gate13_pass(&g, &u);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    unit copy = u;
    cr_assert_eq(hf_client_hello_parse(unit_body(&copy), &hello), HF_OK);
    cr_assert(hello.ext.present & HF_EXT_BIT(HF_EXT_COOKIE));
    change(&hello);
    rewrite_client(&u, &hello);
    gate13_pass(&g, &u);
    if (alert < 0)
        lives13(&g, what);
    else
        refused13(&g, (hf_alert)alert, what);
    close13(&p, &g);
}

static void second_hello(client_change *change, int alert, const char *what)
{
    second_hello_of(0, change, alert, what);
}

static void nothing(hf_client_hello *h)
{
    (void)h;
}
static void no_cookie(hf_client_hello *h)
{
    drop13(&h->ext, HF_EXT_COOKIE);
}
static void other_cookie(hf_client_hello *h)
{
    memcpy(scratch, h->ext.cookie.ptr, h->ext.cookie.len);
    scratch[h->ext.cookie.len - 1] ^= 1;
    h->ext.cookie.ptr = scratch;
}
static void longer_cookie(hf_client_hello *h)
{
    memcpy(scratch, h->ext.cookie.ptr, h->ext.cookie.len);
    h->ext.cookie = (hf_slice){scratch, h->ext.cookie.len + 1};
}
static void other_suite(hf_client_hello *h)
{
    h->cipher_suites = (hf_slice){(const uint8_t *)"\x13\x03", 2};
}
static void other_random(hf_client_hello *h)
{
    h->random.ptr = bytes_of;
}
static void other_session_id(hf_client_hello *h)
{
    h->session_id = (hf_slice){bytes_of, 32};
}
static void shorter_session_id(hf_client_hello *h)
{
    h->session_id.len--;
}
static void no_session_id(hf_client_hello *h)
{
    h->session_id.len = 0;
}
static void wrong_share(hf_client_hello *h)
{
    share(h, HF_GROUP_P256, 65, 4, 1);
}
/* A good one: the base point of P-256 (FIPS 186-4 appendix D.1.2.3). */
static void good_share_of_another_group(hf_client_hello *h)
{
    static const uint8_t shares[] = {0x00, 0x17, 0x00, 0x41, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8,
                                     0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33,
                                     0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe,
                                     0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
                                     0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
    h->ext.key_shares = (hf_slice){shares, sizeof shares};
}
static void only_tls12(hf_client_hello *h)
{
    h->ext.supported_versions = (hf_slice){(const uint8_t *)"\x03\x03", 2};
}
static void bad_share(hf_client_hello *h)
{
    share(h, HF_GROUP_P384, 97, 4, 1);
}

Test(hello13, second_client_hello)
{
    second_hello(nothing, -1, "as asked for");
    second_hello(no_cookie, HF_ALERT_MISSING_EXTENSION, "no cookie");
    second_hello(other_cookie, HF_ALERT_ILLEGAL_PARAMETER, "another cookie");
    second_hello(longer_cookie, HF_ALERT_ILLEGAL_PARAMETER, "a longer cookie");
    second_hello(other_suite, HF_ALERT_ILLEGAL_PARAMETER, "other suites");
    second_hello(other_random, HF_ALERT_ILLEGAL_PARAMETER, "another random");
    second_hello(other_session_id, HF_ALERT_ILLEGAL_PARAMETER, "another session id");
    second_hello(shorter_session_id, HF_ALERT_ILLEGAL_PARAMETER, "a shorter session id");
    second_hello(no_session_id, HF_ALERT_ILLEGAL_PARAMETER, "no session id");
    second_hello(empty_shares, HF_ALERT_ILLEGAL_PARAMETER, "still no share");
    second_hello(wrong_share, HF_ALERT_ILLEGAL_PARAMETER, "a share for another group");
    second_hello_of(HF_GROUP_P256, good_share_of_another_group, HF_ALERT_ILLEGAL_PARAMETER, "a group not asked for");
    second_hello(bad_share, HF_ALERT_ILLEGAL_PARAMETER, "not on the curve");
    second_hello(only_tls12, HF_ALERT_ILLEGAL_PARAMETER, "another version");
    second_hello(no_algorithms, HF_ALERT_MISSING_EXTENSION, "no signature_algorithms");
    second_hello(two_compressions, HF_ALERT_ILLEGAL_PARAMETER, "compression");
}
