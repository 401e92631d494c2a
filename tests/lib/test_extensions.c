/* Hello extensions: which may stand where, how often, with what inside. */
#include <criterion/criterion.h>

#include "extensions.h"
#include "samples.h"

#define BAD HF_SEND(HF_ALERT_DECODE_ERROR)
#define ILLEGAL HF_SEND(HF_ALERT_ILLEGAL_PARAMETER)
#define UNSUPPORTED HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION)

typedef struct entry {
    uint16_t type;
    hf_ext ext;
    const char *client; /* valid data in a ClientHello */
    size_t client_len;
    const char *server; /* valid data in a ServerHello; NULL: must not stand there */
    size_t server_len;
} entry;

#define DATA(s) (s), sizeof(s) - 1
static const entry entries[] = {
    {0, HF_EXT_SERVER_NAME, DATA("\0\6\0\0\3a.b"), DATA("")},
    {1, HF_EXT_MAX_FRAGMENT_LENGTH, DATA("\1"), DATA("\1")},
    {10, HF_EXT_SUPPORTED_GROUPS, DATA("\0\2\0\x1d"), NULL, 0},
    {11, HF_EXT_EC_POINT_FORMATS, DATA("\1\0"), DATA("\1\0")},
    {13, HF_EXT_SIGNATURE_ALGORITHMS, DATA("\0\2\4\3"), NULL, 0},
    {16, HF_EXT_ALPN, DATA("\0\6\2h2\2h3"), DATA("\0\3\2h2")},
    {21, HF_EXT_PADDING, DATA("\0\0\0"), NULL, 0},
    {22, HF_EXT_ENCRYPT_THEN_MAC, DATA(""), DATA("")},
    {23, HF_EXT_EXTENDED_MASTER_SECRET, DATA(""), DATA("")},
    {28, HF_EXT_RECORD_SIZE_LIMIT, DATA("\0\x40"), DATA("\0\x40")},
    {43, HF_EXT_SUPPORTED_VERSIONS, DATA("\2\3\3"), DATA("\3\3")},
    {44, HF_EXT_COOKIE, DATA("\0\2ab"), NULL, 0},
    {47, HF_EXT_CERTIFICATE_AUTHORITIES, DATA("\0\4\0\2ab"), NULL, 0},
    {50, HF_EXT_SIGNATURE_ALGORITHMS_CERT, DATA("\0\2\4\3"), NULL, 0},
    {0xff01, HF_EXT_RENEGOTIATION_INFO, DATA("\0"), DATA("\0")},
    {51, HF_EXT_KEY_SHARE, DATA("\0\6\0\x1d\0\2ab"), DATA("\0\x1d\0\2ab")},
    {5, HF_EXT_STATUS_REQUEST, DATA("\1\0\0\0\0"), DATA("")},
    {35, HF_EXT_SESSION_TICKET, DATA("ticket"), DATA("")},
    {45, HF_EXT_PSK_KEY_EXCHANGE_MODES, DATA("\2\1\0"), NULL, 0},
    {42, HF_EXT_EARLY_DATA, DATA(""), NULL, 0},
};
#define N_ENTRIES (sizeof entries / sizeof entries[0])

static void put(sample *s, unsigned type, const void *data, size_t len)
{
    sample_u16(s, type);
    size_t f = sample_open(s, 2);
    sample_bytes(s, data, len);
    sample_close(s, f);
    s->n_fields--;
}

static hf_status parse_raw(const uint8_t *bytes, size_t len, hf_hello_kind kind, hf_extensions *out)
{
    hf_reader r = hf_reader_of(bytes, len);
    memset(out, 0xaa, sizeof *out); /* zeroed on error is seen */
    hf_status status = hf_extensions_parse(&r, kind, out);
    if (status != HF_OK) {
        cr_assert_eq(out->present, 0);
        cr_assert_not(out->has_block);
        cr_assert_null(out->server_name.ptr);
        cr_assert_null(out->alpn.ptr);
        cr_assert_eq(out->padding, 0);
        cr_assert_eq(out->record_size_limit, 0);
    } else {
        cr_assert(hf_reader_done(&r));
    }
    return status;
}

/* Parses a block of the extensions in s. */
static hf_status parse(const sample *s, hf_hello_kind kind, hf_extensions *out)
{
    static sample block;
    memset(&block, 0, sizeof block);
    size_t f = sample_open(&block, 2);
    sample_bytes(&block, s->bytes, s->len);
    sample_close(&block, f);
    return parse_raw(block.bytes, block.len, kind, out);
}

static hf_status parse_one(unsigned type, const void *data, size_t len, hf_hello_kind kind, hf_extensions *out)
{
    sample s = {0};
    put(&s, type, data, len);
    return parse(&s, kind, out);
}

static unsigned grease(unsigned i)
{
    return (i << 4 | 0xa) * 0x101; /* 0x0a0a, 0x1a1a, ... 0xfafa */
}

Test(extensions, table_is_complete)
{
    cr_assert_eq(N_ENTRIES, HF_EXT_PRE_SHARED_KEY, "which has rules of its own: test_messages13.c");
    cr_assert_eq(N_ENTRIES + 1, HF_EXT_COUNT);
    for (size_t i = 0; i < N_ENTRIES; i++)
        cr_assert_eq(entries[i].ext, (hf_ext)i);
}

Test(extensions, absent_or_empty)
{
    hf_extensions e;
    cr_assert_eq(parse_raw((const uint8_t *)"", 0, HF_CLIENT_HELLO, &e), HF_OK);
    cr_assert_not(e.has_block);
    cr_assert_eq(parse_raw((const uint8_t *)"\0\0", 2, HF_CLIENT_HELLO, &e), HF_OK);
    cr_assert(e.has_block);
    cr_assert_eq(e.present, 0);
    cr_assert_eq(parse_raw((const uint8_t *)"\0", 1, HF_CLIENT_HELLO, &e), BAD);
    cr_assert_eq(parse_raw((const uint8_t *)"\0\0\0", 3, HF_SERVER_HELLO, &e), BAD);
    cr_assert_eq(parse_raw((const uint8_t *)"\0\1\0", 3, HF_SERVER_HELLO, &e), BAD);
}

Test(extensions, each_alone)
{
    for (size_t i = 0; i < N_ENTRIES; i++) {
        const entry *x = &entries[i];
        hf_extensions e;
        cr_assert_eq(parse_one(x->type, x->client, x->client_len, HF_CLIENT_HELLO, &e), HF_OK, "type %u", x->type);
        cr_assert_eq(e.present, HF_EXT_BIT(x->ext), "type %u", x->type);
        hf_status want = x->server ? HF_OK : UNSUPPORTED;
        cr_assert_eq(parse_one(x->type, x->server ? x->server : x->client, x->server ? x->server_len : x->client_len,
                               HF_SERVER_HELLO, &e),
                     want, "type %u", x->type);
    }
}

Test(extensions, each_written_as_it_was_read)
{
    for (size_t i = 0; i < N_ENTRIES; i++) {
        for (int server = 0; server <= 1; server++) {
            const entry *x = &entries[i];
            const char *data = server ? x->server : x->client;
            size_t len = server ? x->server_len : x->client_len;
            if (!data)
                continue;
            hf_extensions e;
            cr_assert_eq(parse_one(x->type, data, len, server ? HF_SERVER_HELLO : HF_CLIENT_HELLO, &e), HF_OK);
            uint8_t room[64],
                want[64] = {0, (uint8_t)(len + 4), (uint8_t)(x->type >> 8), (uint8_t)x->type, 0, (uint8_t)len};
            memcpy(want + 6, data, len);
            hf_writer w = hf_writer_of(room, sizeof room);
            hf_extensions_write(&w, server ? HF_SERVER_HELLO : HF_CLIENT_HELLO, &e);
            cr_assert(hf_writer_ok(&w));
            cr_assert_eq(w.len, len + 6, "type %u", x->type);
            cr_assert_arr_eq(room, want, w.len, "type %u", x->type);
        }
    }
}

Test(extensions, nothing_present_writes_nothing)
{
    uint8_t room[8];
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_extensions_write(&w, HF_CLIENT_HELLO, &(hf_extensions){.has_block = true});
    cr_assert(hf_writer_ok(&w));
    cr_assert_eq(w.len, 0);
}

/* Our own bug must not reach the wire: a ServerHello takes no extension that may not stand there. */
Test(extensions, writer_refuses_what_may_not_stand_in_a_server_hello)
{
    for (size_t i = 0; i < N_ENTRIES; i++) {
        uint8_t room[64];
        hf_writer w = hf_writer_of(room, sizeof room);
        hf_extensions_write(&w, HF_SERVER_HELLO, &(hf_extensions){.present = HF_EXT_BIT(entries[i].ext)});
        cr_assert_eq(hf_writer_ok(&w), entries[i].server != NULL, "type %u", entries[i].type);
    }
}

/* RFC 5246 section 7.4.1.4: there must not be more than one extension of the same type. */
Test(extensions, duplicates_are_refused)
{
    hf_extensions e;
    for (size_t i = 0; i < N_ENTRIES; i++) {
        sample s = {0};
        put(&s, entries[i].type, entries[i].client, entries[i].client_len);
        put(&s, 0x4a4a, "x", 1);
        put(&s, entries[i].type, entries[i].client, entries[i].client_len);
        cr_assert_eq(parse(&s, HF_CLIENT_HELLO, &e), ILLEGAL, "type %u", entries[i].type);
    }
    for (size_t i = 0; i < N_ENTRIES; i++) {
        sample s = {0};
        if (!entries[i].server)
            continue;
        put(&s, entries[i].type, entries[i].server, entries[i].server_len);
        put(&s, entries[i].type, entries[i].server, entries[i].server_len);
        cr_assert_eq(parse(&s, HF_SERVER_HELLO, &e), ILLEGAL, "type %u", entries[i].type);
    }
    sample unknown = {0};
    put(&unknown, 0x7777, "a", 1);
    put(&unknown, 0x7777, "", 0);
    cr_assert_eq(parse(&unknown, HF_CLIENT_HELLO, &e), ILLEGAL);
}

/* RFC 8701 section 3, and every other type that is not ours. */
Test(extensions, unknown_are_ignored_in_a_client_hello_and_refused_in_a_server_hello)
{
    for (unsigned type = 0; type <= 0xffff; type++) {
        bool known = type == HF_EXT_TYPE_PRE_SHARED_KEY; /* has rules: test_messages13.c */
        for (size_t i = 0; i < N_ENTRIES; i++)
            known |= entries[i].type == type;
        if (known)
            continue;
        hf_extensions e;
        for (size_t len = 0; len <= 5; len += 5) {
            cr_assert_eq(parse_one(type, "\1\2\3\4\5", len, HF_CLIENT_HELLO, &e), HF_OK, "type %u", type);
            cr_assert_eq(e.present, 0);
            cr_assert_eq(parse_one(type, "\1\2\3\4\5", len, HF_SERVER_HELLO, &e), UNSUPPORTED, "type %u", type);
        }
    }
}

Test(extensions, grease_values_are_carried)
{
    for (unsigned i = 0; i < 16; i++) {
        uint8_t g = (uint8_t)grease(i);
        const uint8_t list[] = {0, 4, g, g, 4, 3}, versions[] = {4, g, g, 3, 3}, alpn[] = {0, 6, 2, g, g, 2, 'h', '2'};
        hf_extensions e;
        sample s = {0};
        put(&s, grease(i), &g, 1);
        put(&s, 10, list, sizeof list);
        put(&s, 13, list, sizeof list);
        put(&s, 50, list, sizeof list);
        put(&s, 16, alpn, sizeof alpn);
        put(&s, 43, versions, sizeof versions);
        put(&s, grease((i + 1) % 16), "", 0);
        cr_assert_eq(parse(&s, HF_CLIENT_HELLO, &e), HF_OK);
        cr_assert_eq(e.supported_groups.len, 4);
        cr_assert_arr_eq(e.supported_groups.ptr, list + 2, 4);
        cr_assert_arr_eq(e.signature_algorithms.ptr, list + 2, 4);
        cr_assert_arr_eq(e.signature_algorithms_cert.ptr, list + 2, 4);
        cr_assert_arr_eq(e.alpn.ptr, alpn + 2, 6);
        cr_assert_arr_eq(e.supported_versions.ptr, versions + 1, 4);
    }
}

Test(extensions, number_is_limited)
{
    hf_extensions e;
    sample s = {0};
    for (unsigned i = 0; i < HF_LIMIT_EXTENSIONS; i++)
        put(&s, 0x5000 + i, "", 0);
    cr_assert_eq(parse(&s, HF_CLIENT_HELLO, &e), HF_OK);
    put(&s, 0x6000, "", 0);
    cr_assert_eq(parse(&s, HF_CLIENT_HELLO, &e), BAD);
}

#define CLIENT(type, bytes) parse_one(type, bytes, sizeof(bytes) - 1, HF_CLIENT_HELLO, &e)
#define SERVER(type, bytes) parse_one(type, bytes, sizeof(bytes) - 1, HF_SERVER_HELLO, &e)

/* Every proper prefix of valid data, and one byte more, in both hellos. */
Test(extensions, data_of_another_length)
{
    for (size_t i = 0; i < N_ENTRIES; i++) {
        if (entries[i].ext == HF_EXT_PADDING)
            continue;                                                                       /* any length */
        for (int server = entries[i].ext == HF_EXT_SESSION_TICKET; server <= 1; server++) { /* so a client's ticket */
            const char *data = server ? entries[i].server : entries[i].client;
            size_t len = server ? entries[i].server_len : entries[i].client_len;
            hf_hello_kind kind = server ? HF_SERVER_HELLO : HF_CLIENT_HELLO;
            hf_extensions e;
            for (size_t n = 0; data && n < len; n++)
                cr_assert_eq(parse_one(entries[i].type, data, n, kind, &e), BAD, "type %u, %zu", entries[i].type, n);
            char longer[32] = {0};
            if (data)
                memcpy(longer, data, len);
            if (data)
                cr_assert_eq(parse_one(entries[i].type, longer, len + 1, kind, &e), BAD, "type %u", entries[i].type);
        }
    }
}

Test(extensions, server_name)
{
    hf_extensions e;
    cr_assert_eq(CLIENT(0, "\0\0"), BAD, "ServerNameList<1..>");
    cr_assert_eq(CLIENT(0, "\0\3\0\0\0"), BAD, "HostName<1..>");
    cr_assert_eq(CLIENT(0, "\0\6\0\0\3a\0b"), BAD, "NUL inside");
    cr_assert_eq(CLIENT(0, "\0\6\0\0\3ab\0"), BAD, "NUL at the end");
    cr_assert_eq(CLIENT(0, "\0\10\0\0\1a\0\0\1b"), ILLEGAL, "two host names");
    cr_assert_eq(CLIENT(0, "\0\10\7\0\1a\7\0\1b"), ILLEGAL, "two names of an unknown type");
    cr_assert_eq(CLIENT(0, "\0\10\7\0\1x\0\0\1b"), HF_OK, "another type beside");
    cr_assert_eq(e.server_name.len, 1);
    cr_assert_eq(e.server_name.ptr[0], 'b');
    cr_assert_eq(CLIENT(0, "\0\4\7\0\1x"), HF_OK, "no host name at all");
    cr_assert_eq(e.present, 0);
    cr_assert_null(e.server_name.ptr);
    cr_assert_eq(SERVER(0, "\0"), BAD, "RFC 6066: extension_data of the server shall be empty");
}

static hf_status host_of(size_t n, hf_extensions *e)
{
    sample s = {0};
    sample_u16(&s, 0);
    size_t data = sample_open(&s, 2), list = sample_open(&s, 2);
    sample_u8(&s, 0);
    size_t host = sample_open(&s, 2);
    sample_fill(&s, 'a', n);
    sample_close(&s, host);
    sample_close(&s, list);
    sample_close(&s, data);
    return parse(&s, HF_CLIENT_HELLO, e);
}

Test(extensions, server_name_length)
{
    hf_extensions e;
    cr_assert_eq(host_of(1, &e), HF_OK);
    cr_assert_eq(host_of(HF_LIMIT_NAME, &e), HF_OK);
    cr_assert_eq(e.server_name.len, HF_LIMIT_NAME);
    cr_assert_eq(host_of(HF_LIMIT_NAME + 1, &e), BAD);
}

Test(extensions, lists)
{
    static const uint16_t u16_lists[] = {10, 13, 50};
    hf_extensions e;
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(CLIENT(u16_lists[i], "\0\0"), BAD, "empty");
        cr_assert_eq(CLIENT(u16_lists[i], "\0\1\4"), BAD, "odd");
        cr_assert_eq(CLIENT(u16_lists[i], "\0\3\4\3\4"), BAD, "odd");
        cr_assert_eq(CLIENT(u16_lists[i], "\0\4\4\3\4\1"), HF_OK);
    }
    cr_assert_eq(CLIENT(11, "\0"), BAD, "no point format");
    cr_assert_eq(CLIENT(11, "\3\0\1\2"), HF_OK);
    cr_assert_eq(CLIENT(43, "\0"), BAD);
    cr_assert_eq(CLIENT(43, "\1\3"), BAD);
    cr_assert_eq(CLIENT(43, "\3\3\3\3"), BAD);
    cr_assert_eq(SERVER(43, "\2\3\3"), BAD, "a list where one version must stand");
}

Test(extensions, alpn)
{
    hf_extensions e;
    cr_assert_eq(CLIENT(16, "\0\0"), BAD, "no name");
    cr_assert_eq(CLIENT(16, "\0\1\0"), BAD, "empty name");
    cr_assert_eq(CLIENT(16, "\0\4\2h2\0"), BAD, "empty name after a good one");
    cr_assert_eq(CLIENT(16, "\0\3\3h2"), BAD, "a name past the list");
    cr_assert_eq(SERVER(16, "\0\6\2h2\2h3"), BAD, "RFC 7301: exactly one in the ServerHello");
    cr_assert_eq(SERVER(16, "\0\0"), BAD);
}

Test(extensions, padding)
{
    hf_extensions e;
    cr_assert_eq(CLIENT(21, ""), HF_OK);
    cr_assert_eq(e.padding, 0);
    cr_assert_eq(CLIENT(21, "\0\0\0\0"), HF_OK);
    cr_assert_eq(e.padding, 4);
    cr_assert_eq(CLIENT(21, "\1\0\0"), ILLEGAL);
    cr_assert_eq(CLIENT(21, "\0\0\1"), ILLEGAL);
}

Test(extensions, record_size_limit)
{
    for (unsigned v = 0; v <= 0xffff; v++) {
        const uint8_t data[] = {(uint8_t)(v >> 8), (uint8_t)v};
        hf_extensions e;
        cr_assert_eq(parse_one(28, data, 2, HF_CLIENT_HELLO, &e), v < 64 ? ILLEGAL : HF_OK, "%u", v);
        cr_assert_eq(e.record_size_limit, v < 64 ? 0 : v);
        cr_assert_eq(parse_one(28, data, 2, HF_SERVER_HELLO, &e), v < 64 ? ILLEGAL : HF_OK, "%u", v);
    }
}

Test(extensions, max_fragment_length_parses_any_code)
{
    for (unsigned v = 0; v <= 0xff; v++) {
        const uint8_t data[] = {(uint8_t)v};
        hf_extensions e;
        cr_assert_eq(parse_one(1, data, 1, HF_CLIENT_HELLO, &e), HF_OK);
        cr_assert_eq(e.max_fragment_length, v);
    }
}

/* RFC 6066 section 8: an unknown type of status is ignored, whatever it holds; a list of responders is read over. */
Test(extensions, status_request)
{
    static const struct {
        const char *data;
        size_t len;
        hf_status want;
        bool present;
    } rows[] = {
        {DATA("\1\0\0\0\0"), HF_OK, true},
        {DATA("\1\0\6\0\4name\0\2xy"), HF_OK, true},
        {DATA("\2"), HF_OK, false},
        {DATA("\2whatever"), HF_OK, false},
        {DATA(""), BAD, false},
        {DATA("\1"), BAD, false},
        {DATA("\1\0\0"), BAD, false},
        {DATA("\1\0\0\0"), BAD, false},
        {DATA("\1\0\0\0\0\0"), BAD, false},
        {DATA("\1\0\2\0\0\0\0"), BAD, false}, /* an empty ResponderID */
        {DATA("\1\0\3\0\2x\0\0"), BAD, false},
        {DATA("\1\0\0\0\1"), BAD, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hf_extensions e;
        cr_assert_eq(parse_one(5, rows[i].data, rows[i].len, HF_CLIENT_HELLO, &e), rows[i].want, "%zu", i);
        cr_assert_eq(e.present, rows[i].present ? HF_EXT_BIT(HF_EXT_STATUS_REQUEST) : 0, "%zu", i);
    }
}
