/* What we send, looked at as a peer would: our hellos, our records, what stays the same after a HelloRetryRequest, and
 * what the middleboxes want to see. RFC 8446 sections 4.1.2, 4.1.4, 5.1 and D.4; RFC 5246 sections 7.4.1.2 and 7.4.1.3.
 */
#include "engine13_peer.h"

TestSuite(sent, .timeout = 600);

/* ---- Records ---- */

/* Calls each for every record that stands whole on a wire. */
static size_t records_of(wire *w, void (*each)(const uint8_t *record, size_t i))
{
    const uint8_t *at = wire_data(w);
    size_t left = wire_len(w), n = 0;
    while (left >= 5) {
        size_t size = 5 + ((size_t)at[3] << 8 | at[4]);
        cr_assert_leq(size, left);
        each(at, n++);
        at += size;
        left -= size;
    }
    cr_assert_eq(left, 0);
    return n;
}

static unsigned first_version, later_version;

static void check_version(const uint8_t *record, size_t i)
{
    unsigned version = (unsigned)record[1] << 8 | record[2];
    cr_assert_eq(version, i == 0 ? first_version : later_version, "record %zu: %04x", i, version);
    cr_assert(record[0] >= 20 && record[0] <= 23);
    cr_assert(record[0] == HF_CONTENT_APPLICATION_DATA || record[3] || record[4], "no empty record");
}

/* Section 5.1: 0x0301 for the first ClientHello, 0x0303 from then on, the second ClientHello included. */
Test(sent, record_versions)
{
    const side client = {.tls13 = true}, server = {.tls13 = true, .groups = {HF_GROUP_P384}};
    pair p;
    memset(&p, 0, sizeof p);
    world_pair(&p, &client, &server);
    p.client.held_out = p.server.held_out = true;
    pair_run(&p);
    first_version = 0x0301;
    later_version = 0x0303;
    cr_assert_eq(records_of(&p.client.out, check_version), 1);
    wire_put(&p.server.injected, wire_data(&p.client.out), wire_len(&p.client.out));
    wire_drop(&p.client.out, wire_len(&p.client.out));
    pair_run(&p);
    first_version = 0x0303;
    cr_assert_geq(records_of(&p.server.out, check_version), 1);
    wire_put(&p.client.injected, wire_data(&p.server.out), wire_len(&p.server.out));
    wire_drop(&p.server.out, wire_len(&p.server.out));
    pair_run(&p);
    cr_assert_geq(records_of(&p.client.out, check_version), 2, "ChangeCipherSpec and the second ClientHello");
    pair_cleanup(&p);
}

/* ---- Middlebox compatibility: appendix D.4 ---- */

static size_t n_ccs;

static void count_ccs(const uint8_t *record, size_t i)
{
    if (record[0] != HF_CONTENT_CHANGE_CIPHER_SPEC)
        return;
    n_ccs++;
    cr_assert_eq(i, 1, "right behind the first answer");
    cr_assert(record[4] == 1 && record[5] == 1);
}

static void no_ccs(const uint8_t *record, size_t i)
{
    cr_assert_neq(record[0], HF_CONTENT_CHANGE_CIPHER_SPEC, "record %zu", i);
}

/* What the server says next; behind a HelloRetryRequest that is its ServerHello. */
static void assert_no_second_ccs(gate13 *g, bool retry)
{
    pair *p = g->p;
    unit u;
    wire_put(&p->client.injected, wire_data(&p->server.out), wire_len(&p->server.out));
    wire_drop(&p->server.out, wire_len(&p->server.out));
    if (!retry || !gate13_next(g, &u))
        return;
    while (u.message == HF_MESSAGE_CHANGE_CIPHER_SPEC)
        cr_assert(gate13_next(g, &u));
    cr_assert_eq(u.message, HF_MSG_CLIENT_HELLO);
    hf_client_hello hello;
    cr_assert_eq(hf_client_hello_parse(unit_body(&u), &hello), HF_OK);
    gate13_pass(g, &u);
    records_of(&p->server.out, no_ccs);
}

/* A server sends ChangeCipherSpec to a client that has a session id, once, and to no other. */
Test(sent, change_cipher_spec_for_middleboxes)
{
    for (int retry = 0; retry <= 1; retry++)
        for (int with_id = 0; with_id <= 1; with_id++) {
            const side client = {.tls13 = true};
            const side server = {.tls13 = true, .groups = {retry ? HF_GROUP_P384 : HF_GROUP_X25519}};
            static uint8_t room[UNIT_MAX];
            hf_client_hello hello;
            pair p;
            gate13 g;
            unit u;
            open13(&p, &g, &client, &server, true);
            reach13(&g, HF_MSG_CLIENT_HELLO, &u);
            unit copy = u;
            cr_assert_eq(hf_client_hello_parse(unit_body(&copy), &hello), HF_OK);
            cr_assert_eq(hello.session_id.len, 32, "ours has one: section 4.1.2");
            if (!with_id)
                hello.session_id = (hf_slice){0};
            hf_writer w = hf_writer_of(room, sizeof room);
            hf_client_hello_write(&w, &hello);
            unit_of_message(&u, room, w.len);
            p.server.held_out = true;
            gate13_pass(&g, &u);
            lives13(&g, "hello");
            n_ccs = 0;
            records_of(&p.server.out, count_ccs);
            cr_assert_eq(n_ccs, (size_t)with_id, "retry %d, session id %d", retry, with_id);
            assert_no_second_ccs(&g, retry && with_id);
            close13(&p, &g);
        }
}

/* ---- ClientHello ---- */

static bool in_list(hf_slice list, unsigned value)
{
    for (size_t i = 0; i + 1 < list.len; i += 2)
        if (((unsigned)list.ptr[i] << 8 | list.ptr[i + 1]) == value)
            return true;
    return false;
}

static void sound_hello(const hf_client_hello *h, bool tls13, bool tls12)
{
    cr_assert_eq(h->legacy_version, 0x0303);
    cr_assert(h->compression_methods.len == 1 && h->compression_methods.ptr[0] == 0, "null compression alone");
    cr_assert_eq(h->session_id.len, tls13 ? 32 : 0);
    cr_assert(h->ext.present & HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS));
    for (size_t i = 0; i < h->ext.signature_algorithms.len; i += 2) { /* RFC 9155, RFC 5246: no SHA-1, none anonymous */
        unsigned hash = h->ext.signature_algorithms.ptr[i], kind = h->ext.signature_algorithms.ptr[i + 1];
        cr_assert(hash >= 4 && (hash > 6 || kind != 0), "scheme %02x%02x", hash, kind);
    }
    cr_assert_not(h->ext.present & HF_EXT_BIT(HF_EXT_COOKIE), "section 4.2.2: none in a first hello");
    cr_assert_eq(h->ext.present & HF_EXT_BIT(HF_EXT_EC_POINT_FORMATS) ? h->ext.ec_point_formats.len : 1, 1);
    cr_assert_eq(!(h->ext.present & HF_EXT_BIT(HF_EXT_EXTENDED_MASTER_SECRET)), !tls12);
    if (tls13) {
        cr_assert(in_list(h->ext.supported_versions, 0x0304));
        cr_assert_eq(in_list(h->ext.supported_versions, 0x0303), tls12);
        cr_assert(in_list(h->ext.supported_groups, (unsigned)h->ext.key_shares.ptr[0] << 8 | h->ext.key_shares.ptr[1]));
    }
}

static const hf_client_hello *first_hello(const side *s, pair *p, hf_slice *out_message)
{
    static hf_client_hello hello;
    memset(p, 0, sizeof *p);
    world_pair(p, s, s);
    p->client.held_out = true;
    pair_run(p);
    *out_message = (hf_slice){wire_data(&p->client.out) + 5, wire_len(&p->client.out) - 5};
    cr_assert_eq(hf_client_hello_parse((hf_slice){out_message->ptr + 4, out_message->len - 4}, &hello), HF_OK,
                 "it stands our own parser: no extension twice");
    return &hello;
}

Test(sent, client_hello)
{
    static const hf_policy_id policies[] = {HF_POLICY_MODERN, HF_POLICY_INTERMEDIATE, HF_POLICY_COMPATIBLE};
    for (size_t i = 0; i < 3; i++)
        for (int tls13 = i == 0; tls13 <= 1; tls13++) {
            const side s = {.policy = policies[i], .tls13 = tls13};
            hf_slice message;
            pair p;
            const hf_client_hello *h = first_hello(&s, &p, &message);
            sound_hello(h, tls13, i != 0);
            cr_assert_eq(h->ext.server_name.len, strlen(WORLD_NAME));
            pair_cleanup(&p);
        }
}

/* An ECC suite brings the extensions of ECC; without one they are not sent: RFC 8422 section 4. */
Test(sent, client_hello_without_ecc)
{
    const side s = {.policy = HF_POLICY_COMPATIBLE, .suites = {0x009c}};
    hf_slice message;
    pair p;
    const hf_client_hello *h = first_hello(&s, &p, &message);
    cr_assert_not(h->ext.present & (HF_EXT_BIT(HF_EXT_SUPPORTED_GROUPS) | HF_EXT_BIT(HF_EXT_EC_POINT_FORMATS)));
    pair_cleanup(&p);
}

/* Two hellos, two servers' answers: nothing random comes twice, and a server's is not the client's. */
Test(sent, randoms_are_fresh)
{
    for (int tls13 = 0; tls13 <= 1; tls13++) {
        uint8_t seen[4][32];
        for (size_t i = 0; i < 2; i++) {
            const side s = {.tls13 = tls13};
            hf_slice message;
            hf_server_hello answer;
            pair p;
            const hf_client_hello *h = first_hello(&s, &p, &message);
            memcpy(seen[2 * i], h->random.ptr, 32);
            wire_put(&p.server.injected, wire_data(&p.client.out), wire_len(&p.client.out));
            p.server.held_out = true;
            pair_run(&p);
            const uint8_t *out = wire_data(&p.server.out);
            size_t len = (size_t)out[6] << 16 | (size_t)out[7] << 8 | out[8];
            cr_assert_eq(hf_server_hello_parse((hf_slice){out + 9, len}, &answer), HF_OK);
            memcpy(seen[2 * i + 1], answer.random.ptr, 32);
            cr_assert_eq(answer.ext.present & HF_EXT_BIT(HF_EXT_PADDING), 0);
            pair_cleanup(&p);
        }
        for (size_t i = 0; i < 4; i++)
            for (size_t j = 0; j < i; j++)
                cr_assert_arr_neq(seen[i], seen[j], 32, "%zu and %zu", i, j);
    }
}

/* Section 4.1.2: the second hello is the first, but for the share and the cookie. */
Test(sent, second_client_hello_is_the_first)
{
    const side client = {.tls13 = true,
                         .alpn = {"h2"},
                         .record_size_limit = 1000,
                         .max_fragment_length = 1024,
                         .ocsp = HF_OCSP_REQUEST,
                         .keep = true};
    const side server = {.tls13 = true, .alpn = {"h2"}, .groups = {HF_GROUP_P384}};
    const hf_ext asked[] = {HF_EXT_RECORD_SIZE_LIMIT, HF_EXT_MAX_FRAGMENT_LENGTH,    HF_EXT_STATUS_REQUEST,
                            HF_EXT_SESSION_TICKET,    HF_EXT_PSK_KEY_EXCHANGE_MODES, HF_EXT_SERVER_NAME};
    hf_client_hello a, b;
    pair p;
    gate13 g;
    unit first, second;
    open13(&p, &g, &client, &server, true);
    reach13(&g, HF_MSG_CLIENT_HELLO, &first);
    gate13_pass(&g, &first);
    reach13(&g, HF_MSG_CLIENT_HELLO, &second);
    cr_assert_eq(hf_client_hello_parse(unit_body(&first), &a), HF_OK);
    cr_assert_eq(hf_client_hello_parse(unit_body(&second), &b), HF_OK);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        cr_assert(a.ext.present & HF_EXT_BIT(asked[i]), "all that a client can ask for: %zu", i);
    cr_assert_eq(b.ext.present, a.ext.present | HF_EXT_BIT(HF_EXT_COOKIE));
    cr_assert_eq(b.ext.key_share_group, a.ext.key_share_group);
    cr_assert_eq((unsigned)b.ext.key_shares.ptr[0] << 8 | b.ext.key_shares.ptr[1], HF_GROUP_P384);
    cr_assert_eq(b.ext.key_shares.len, 4 + 97, "one share, of the group asked for");
    b.ext.present = a.ext.present;
    b.ext.key_shares = a.ext.key_shares;
    static uint8_t one[UNIT_MAX], two[UNIT_MAX];
    hf_writer w = hf_writer_of(one, sizeof one), v = hf_writer_of(two, sizeof two);
    hf_client_hello_write(&w, &a);
    hf_client_hello_write(&v, &b);
    cr_assert(w.len == v.len && memcmp(one, two, w.len) == 0, "all else is the same");
    gate13_pass(&g, &second);
    completes13(&g, "the rest");
    close13(&p, &g);
}

/* A group has one share at most: section 4.2.8. */
Test(sent, shares_of_one_group_twice)
{
    const side s = {.tls13 = true};
    static uint8_t room[UNIT_MAX], shares[128];
    hf_client_hello hello;
    pair p;
    gate13 g;
    unit u;
    open13(&p, &g, &s, &s, true);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    unit copy = u;
    cr_assert_eq(hf_client_hello_parse(unit_body(&copy), &hello), HF_OK);
    size_t len = hello.ext.key_shares.len;
    memcpy(shares, hello.ext.key_shares.ptr, len);
    memcpy(shares + len, hello.ext.key_shares.ptr, len);
    hello.ext.key_shares = (hf_slice){shares, 2 * len};
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_client_hello_write(&w, &hello);
    unit_of_message(&u, room, w.len);
    gate13_pass(&g, &u);
    refused13(&g, HF_ALERT_ILLEGAL_PARAMETER, "the same share twice");
    close13(&p, &g);
}

/* ---- GREASE: RFC 8701 section 3 ---- */

static uint8_t greased[4][128];

static hf_slice grease_first(uint8_t *room, const void *value, size_t len, hf_slice list)
{
    memcpy(room, value, len);
    memcpy(room + len, list.ptr, list.len);
    return (hf_slice){room, list.len + len};
}

/* In every list of a hello of TLS 1.3, with a share of one byte and an ALPN name: ignored and never chosen. */
Test(sent, grease_in_every_list_is_ignored)
{
    const side client = {.tls13 = true, .alpn = {"h2"}}, server = {.tls13 = true, .alpn = {"h2"}};
    static uint8_t room[UNIT_MAX];
    hf_client_hello hello;
    hf_conn_info info;
    pair p;
    gate13 g;
    unit u;
    open13(&p, &g, &client, &server, true);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    unit copy = u;
    cr_assert_eq(hf_client_hello_parse(unit_body(&copy), &hello), HF_OK);
    hello.cipher_suites = grease_first(greased[0], "\x1a\x1a", 2, hello.cipher_suites);
    hello.ext.supported_groups = grease_first(greased[1], "\x2a\x2a", 2, hello.ext.supported_groups);
    hello.ext.key_shares = grease_first(greased[2], "\x2a\x2a\0\1x", 5, hello.ext.key_shares);
    hello.ext.signature_algorithms = grease_first(greased[3], "\x3a\x3a", 2, hello.ext.signature_algorithms);
    hello.ext.supported_versions = (hf_slice){(const uint8_t *)"\x4a\x4a\3\4", 4};
    hello.ext.alpn = (hf_slice){(const uint8_t *)"\2\x5a\x5a\2h2", 6};
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_client_hello_write(&w, &hello);
    unit_of_message(&u, room, w.len);
    append13(&u, 0x6a6a, "x", 1);
    gate13_pass(&g, &u);
    lives13(&g, "GREASE");
    hf_conn_get_info(p.server.conn, &info);
    cr_assert(info.version == HF_TLS13 && hf_suite_name(info.suite) && info.group == HF_GROUP_X25519);
    cr_assert_str_eq(info.alpn, "h2");
    close13(&p, &g);
}

/* ---- EncryptedExtensions: RFC 6066 section 4, RFC 8449 section 5 ---- */

static void encrypted(const side *client, const void *body, size_t len, int alert, const char *what)
{
    const side server = {.tls13 = true};
    pair p;
    gate13 g;
    unit u;
    open13(&p, &g, client, &server, false);
    reach13(&g, HF_MSG_ENCRYPTED_EXTENSIONS, &u);
    gate13_put_message(&g, HF_MSG_ENCRYPTED_EXTENSIONS, body, len);
    if (alert < 0)
        lives13(&g, what);
    else
        refused13(&g, (hf_alert)alert, what);
    close13(&p, &g);
}

Test(sent, limits_answered_in_encrypted_extensions)
{
    const side fragment = {.tls13 = true, .max_fragment_length = 1024};
    const side both = {.tls13 = true, .max_fragment_length = 512, .record_size_limit = 1000};
    encrypted(&fragment, "\0\5\0\1\0\1\2", 7, -1, "as asked for");
    for (char code = 0; code < 8; code++)
        if (code != 2)
            encrypted(&fragment, (const char[]){0, 5, 0, 1, 0, 1, code}, 7, HF_ALERT_ILLEGAL_PARAMETER,
                      "another length than asked for");
    encrypted(&both, "\0\x0b\0\1\0\1\1\0\x1c\0\2\1\0", 13, HF_ALERT_ILLEGAL_PARAMETER, "both limits");
    encrypted(&both, "\0\6\0\x1c\0\2\0\x3f", 8, HF_ALERT_ILLEGAL_PARAMETER, "a limit of 63");
}
