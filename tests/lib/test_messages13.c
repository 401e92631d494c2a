/* The messages of TLS 1.3 (RFC 8446 section 4): round trips, every truncation, every length one off, trailing bytes,
 * and extensions where they may not stand. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "codecs.h"
#include "msg13.h"

typedef struct sample13 {
    const char *codec;
    const void *bytes;
    size_t len;
    uint8_t lengths[8]; /* where length fields end (their last byte), 0-terminated, offset + 1 */
} sample13;

#define BYTES(text) text, sizeof(text) - 1

/* Only canonical ones: our order of extensions, none unknown. */
static const sample13 samples13[] = {
    {"encrypted_extensions", BYTES("\0\0"), {2}},
    {"encrypted_extensions", BYTES("\0\x13\0\x0a\0\4\0\2\0\x1d\0\x10\0\5\0\3\2h2\0\0"), {0}},
    {"encrypted_extensions", BYTES("\0\x11\0\x0a\0\4\0\2\0\x1d\0\x10\0\5\0\3\2h2"), {2, 6, 8, 14, 16, 17}},
    {"encrypted_extensions",
     BYTES("\0\x0f\0\0\0\0\0\1\0\1\1\0\x1c\0\2\4\0"),
     {2, 6, 10, 15}}, /* what else a server answers */
    {"certificate_request13", BYTES("\0\0\x08\0\x0d\0\4\0\2\4\3"), {3, 7, 9}},
    {"certificate_request13", BYTES("\3abc\0\x08\0\x0d\0\4\0\2\4\3"), {1, 6, 10, 12}},
    {"certificate_request13", BYTES("\0\0\x13\0\x0d\0\4\0\2\4\3\0\x2f\0\7\0\5\0\3abc"), {3, 7, 9, 15, 17, 19}},
    {"certificate13", BYTES("\0\0\0\0"), {1, 4}},
    {"certificate13", BYTES("\0\0\0\7\0\0\2ab\0\0"), {1, 4, 7, 11}},
    {"certificate13", BYTES("\2cx\0\0\x0d\0\0\2ab\0\0\0\0\1c\0\0"), {1, 6, 9, 13, 16, 19}},
    {"certificate13", BYTES("\0\0\0\x12\0\0\2ab\0\x0b\0\5\0\7\1\0\0\3rsp"), {1, 4, 7, 11, 15, 19}},
    {"finished13", BYTES("0123456789abcdef0123456789abcdef"), {0}},
    {"key_update", BYTES("\0"), {0}},
    {"key_update", BYTES("\1"), {0}},
    {"new_session_ticket13",
     BYTES("\0\0\x0e\x10"
           "age!"
           "\1n"
           "\0\6ticket"
           "\0\0"),
     {9, 12, 20}},
};
#define N_SAMPLES (sizeof samples13 / sizeof samples13[0])

static bool is_sound(const sample13 *s)
{
    return s != &samples13[1]; /* its last extension is cut */
}

/* Parses from memory of exactly that size, so that a sanitizer sees every byte too many. */
static hf_status parse(const codec *c, const void *bytes, size_t len, uint8_t *out, size_t *out_len)
{
    uint8_t *copy = malloc(len ? len : 1);
    uint8_t room[512];
    hf_writer w = hf_writer_of(room, sizeof room);
    cr_assert_not_null(copy);
    if (len)
        memcpy(copy, bytes, len);
    hf_status status = c->rewrite((hf_slice){copy, len}, &w);
    cr_assert(hf_writer_ok(&w));
    if (out)
        memcpy(out, room, w.len);
    if (out_len)
        *out_len = w.len;
    free(copy);
    return status;
}

Test(messages13, round_trip)
{
    for (size_t i = 0; i < N_SAMPLES; i++) {
        const sample13 *s = &samples13[i];
        const codec *c = codec_by_name(s->codec);
        uint8_t out[512];
        size_t len;
        hf_status status = parse(c, s->bytes, s->len, out, &len);
        if (!is_sound(s)) {
            cr_expect_eq(status, HF_SEND(HF_ALERT_DECODE_ERROR));
            continue;
        }
        cr_expect_eq(status, HF_OK, "%zu, %s: %s", i, s->codec, hf_status_text(status));
        cr_expect_eq(len, s->len + HF_MSG_HEADER_SIZE, "%zu, %s: %zu bytes", i, s->codec, len);
        cr_expect_eq(out[0], c->type);
        cr_expect_arr_eq(out + HF_MSG_HEADER_SIZE, s->bytes, s->len, "%zu, %s", i, s->codec);
    }
}

Test(messages13, every_truncation_and_a_trailing_byte)
{
    for (size_t i = 0; i < N_SAMPLES; i++) {
        const sample13 *s = &samples13[i];
        const codec *c = codec_by_name(s->codec);
        uint8_t longer[256] = {0};
        for (size_t len = 0; len < s->len; len++)
            cr_expect_eq(parse(c, s->bytes, len, NULL, NULL), HF_SEND(HF_ALERT_DECODE_ERROR), "%s of %zu bytes: %s",
                         s->codec, len, hf_status_text(parse(c, s->bytes, len, NULL, NULL)));
        memcpy(longer, s->bytes, s->len);
        cr_expect_eq(parse(c, longer, s->len + 1, NULL, NULL), HF_SEND(HF_ALERT_DECODE_ERROR), "%s", s->codec);
    }
}

/* An inner length one off makes what follows another structure: never accepted as it stands. */
Test(messages13, every_length_one_off)
{
    for (size_t i = 0; i < N_SAMPLES; i++) {
        const sample13 *s = &samples13[i];
        const codec *c = codec_by_name(s->codec);
        for (size_t j = 0; j < sizeof s->lengths && s->lengths[j]; j++)
            for (int by = -1; by <= 1; by += 2) {
                uint8_t changed[256];
                memcpy(changed, s->bytes, s->len);
                changed[s->lengths[j] - 1] = (uint8_t)(changed[s->lengths[j] - 1] + by);
                hf_status status = parse(c, changed, s->len, NULL, NULL);
                cr_expect_eq(status, HF_SEND(HF_ALERT_DECODE_ERROR), "%zu, %s: length at %d by %d: %s", i, s->codec,
                             s->lengths[j] - 1, by, hf_status_text(status));
            }
    }
}

/* ---- Extensions: RFC 8446 section 4.2 ---- */

enum { CH, SH, HRR, EE, CT, CR, KINDS };

/* The table of section 4.2, for the extensions that we recognise. */
static const struct {
    uint16_t type;
    bool in[KINDS];
} places[] = {
    {HF_EXT_TYPE_SERVER_NAME, {[CH] = 1, [EE] = 1}},
    {HF_EXT_TYPE_MAX_FRAGMENT_LENGTH, {[CH] = 1, [EE] = 1}},
    {HF_EXT_TYPE_SUPPORTED_GROUPS, {[CH] = 1, [EE] = 1}},
    {HF_EXT_TYPE_SIGNATURE_ALGORITHMS, {[CH] = 1, [CR] = 1}},
    {HF_EXT_TYPE_ALPN, {[CH] = 1, [EE] = 1}},
    {HF_EXT_TYPE_PADDING, {[CH] = 1}},
    {HF_EXT_TYPE_KEY_SHARE, {[CH] = 1, [SH] = 1, [HRR] = 1}},
    {HF_EXT_TYPE_SUPPORTED_VERSIONS, {[CH] = 1, [SH] = 1, [HRR] = 1}},
    {HF_EXT_TYPE_COOKIE, {[CH] = 1, [HRR] = 1}},
    {HF_EXT_TYPE_CERTIFICATE_AUTHORITIES, {[CH] = 1, [CR] = 1}},
    {HF_EXT_TYPE_SIGNATURE_ALGORITHMS_CERT, {[CH] = 1, [CR] = 1}},
    {HF_EXT_TYPE_RECORD_SIZE_LIMIT, {[CH] = 1, [EE] = 1}}, /* RFC 8449 section 4 */
    {HF_EXT_TYPE_ENCRYPT_THEN_MAC, {[CH] = 1}},            /* these are of TLS 1.2 alone */
    {HF_EXT_TYPE_EXTENDED_MASTER_SECRET, {[CH] = 1}},
    {HF_EXT_TYPE_EC_POINT_FORMATS, {[CH] = 1}},
    {HF_EXT_TYPE_RENEGOTIATION_INFO, {[CH] = 1}},
    {HF_EXT_TYPE_STATUS_REQUEST, {[CH] = 1, [CR] = 1, [CT] = 1}},
    {HF_EXT_TYPE_EARLY_DATA, {[CH] = 1, [EE] = 1}},
    {HF_EXT_TYPE_PSK_KEY_EXCHANGE_MODES, {[CH] = 1}},
    {HF_EXT_TYPE_SESSION_TICKET, {[CH] = 1}},
};

static hf_status parse_extension(hf_hello_kind kind, uint16_t type, const void *data, size_t len, unsigned times)
{
    uint8_t block[64];
    hf_writer w = hf_writer_of(block, sizeof block);
    size_t mark = hf_write_begin(&w, 2);
    for (unsigned i = 0; i < times; i++) {
        hf_write_u16(&w, type);
        size_t inner = hf_write_begin(&w, 2);
        hf_write_bytes(&w, data, len);
        hf_write_end(&w, inner, 2);
    }
    hf_write_end(&w, mark, 2);
    hf_extensions ext;
    hf_reader r = hf_reader_of(block, w.len);
    return hf_extensions_parse(&r, kind, &ext);
}

Test(messages13, extension_in_another_message)
{
    static const hf_hello_kind kinds[KINDS] = {
        [CH] = HF_CLIENT_HELLO,         [SH] = HF_SERVER_HELLO,      [HRR] = HF_HELLO_RETRY_REQUEST,
        [EE] = HF_ENCRYPTED_EXTENSIONS, [CT] = HF_CERTIFICATE_ENTRY, [CR] = HF_CERTIFICATE_REQUEST13};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        for (size_t k = HRR; k < KINDS; k++) { /* a ServerHello may yet be of TLS 1.2: the engine's tests */
            hf_status status = parse_extension(kinds[k], places[i].type, "\xff", 1, 1);
            if (places[i].in[k])
                cr_expect_neq(status, HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION), "%u in %zu", places[i].type, k);
            else
                cr_expect_eq(status, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "%u in %zu: %s", places[i].type, k,
                             hf_status_text(status));
        }
}

Test(messages13, unknown_extensions)
{
    for (unsigned times = 1; times <= 2; times++) {
        hf_status open = times == 1 ? HF_OK : HF_SEND(HF_ALERT_ILLEGAL_PARAMETER); /* twice: section 4.2 */
        cr_expect_eq(parse_extension(HF_CLIENT_HELLO, 0x5555, "x", 1, times), open);
        cr_expect_eq(parse_extension(HF_CERTIFICATE_REQUEST13, 0x5555, "x", 1, times), open);
    }
    cr_expect_eq(parse_extension(HF_SERVER_HELLO, 0x5555, "x", 1, 1), HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION));
    cr_expect_eq(parse_extension(HF_HELLO_RETRY_REQUEST, 0x5555, "x", 1, 1), HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION));
    cr_expect_eq(parse_extension(HF_ENCRYPTED_EXTENSIONS, 0x5555, "x", 1, 1), HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION));
    cr_expect_eq(parse_extension(HF_CERTIFICATE_ENTRY, 0x5555, "x", 1, 1), HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION));
}

Test(messages13, known_extension_twice)
{
    static const hf_hello_kind in_share[] = {HF_SERVER_HELLO, HF_HELLO_RETRY_REQUEST};
    for (size_t i = 0; i < 2; i++)
        cr_expect_eq(parse_extension(in_share[i], HF_EXT_TYPE_SUPPORTED_VERSIONS, "\3\4", 2, 2),
                     HF_SEND(HF_ALERT_ILLEGAL_PARAMETER));
    cr_expect_eq(parse_extension(HF_ENCRYPTED_EXTENSIONS, HF_EXT_TYPE_SERVER_NAME, "", 0, 2),
                 HF_SEND(HF_ALERT_ILLEGAL_PARAMETER));
    cr_expect_eq(parse_extension(HF_CERTIFICATE_REQUEST13, HF_EXT_TYPE_SIGNATURE_ALGORITHMS, "\0\2\4\3", 4, 2),
                 HF_SEND(HF_ALERT_ILLEGAL_PARAMETER));
}

/* ---- Single rules ---- */

Test(messages13, rules)
{
    static const struct {
        const char *codec;
        const void *bytes;
        size_t len;
        hf_alert alert;
    } cases[] = {
        {"certificate_request13", BYTES("\0\0\0"), HF_ALERT_MISSING_EXTENSION},
        {"certificate_request13", BYTES("\0\0\4\x55\x55\0\0"), HF_ALERT_MISSING_EXTENSION},
        {"certificate_request13", BYTES("\0\0\6\0\x0d\0\2\0\0"), HF_ALERT_DECODE_ERROR},
        {"certificate_request13", BYTES("\0\0\7\0\x0d\0\3\0\1\4"), HF_ALERT_DECODE_ERROR},
        {"key_update", BYTES("\2"), HF_ALERT_ILLEGAL_PARAMETER},
        {"key_update", BYTES("\xff"), HF_ALERT_ILLEGAL_PARAMETER},
        {"certificate13", BYTES("\0\0\0\5\0\0\0\0\0"), HF_ALERT_DECODE_ERROR},
        {"new_session_ticket13", BYTES("\0\0\0\1age!\0\0\0\0\0"), HF_ALERT_DECODE_ERROR}, /* a ticket of no bytes */
        {"new_session_ticket13", BYTES("\0\0\0\1age!\0\0\1t\0\3\0\x2a\0"), HF_ALERT_DECODE_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hf_status status = parse(codec_by_name(cases[i].codec), cases[i].bytes, cases[i].len, NULL, NULL);
        cr_expect_eq(status, HF_SEND(cases[i].alert), "%zu, %s: %s", i, cases[i].codec, hf_status_text(status));
    }
}

Test(messages13, finished_has_the_size_of_the_hash)
{
    static const uint8_t bytes[65];
    hf_slice out;
    for (size_t size = 32; size <= 48; size += 16)
        for (size_t len = 0; len <= 64; len++) {
            hf_status status = hf_finished13_parse((hf_slice){bytes, len}, size, &out);
            cr_expect_eq(status, len == size ? HF_OK : HF_SEND(HF_ALERT_DECODE_ERROR), "%zu for %zu", len, size);
            cr_expect_eq(out.len, len == size ? size : 0);
        }
}

Test(messages13, chain_has_a_limit)
{
    uint8_t body[512], out[512];
    for (size_t n = HF_CHAIN_MAX; n <= HF_CHAIN_MAX + 1; n++) {
        hf_writer w = hf_writer_of(body, sizeof body);
        hf_write_u8(&w, 0);
        size_t list = hf_write_begin(&w, 3);
        for (size_t i = 0; i < n; i++)
            hf_write_bytes(&w, "\0\0\1c\0\0", 6);
        hf_write_end(&w, list, 3);
        size_t len;
        hf_status status = parse(codec_by_name("certificate13"), body, w.len, out, &len);
        cr_expect_eq(status, n == HF_CHAIN_MAX ? HF_OK : HF_SEND(HF_ALERT_BAD_CERTIFICATE), "%zu", n);
    }
}

/* pre_shared_key among the extensions of a ClientHello: sections 4.2.9 and 4.2.11. */
#define MODES "\0\x2d\0\2\1\1"
#define IDENTITY "\0\7\0\1Tage!"
#define B31 "0123456789abcdef0123456789abcde"
#define BINDER "\0\x21\x20" B31 "f"
Test(messages13, pre_shared_key)
{
    static const struct {
        const void *bytes;
        size_t len;
        hf_status status;
    } cases[] = {
        {BYTES("\0\x36" MODES "\0\x29\0\x2c" IDENTITY BINDER), HF_OK},
        {BYTES("\0\x36\0\x29\0\x2c" IDENTITY BINDER MODES), HF_SEND(HF_ALERT_ILLEGAL_PARAMETER)},
        {BYTES("\0\x30\0\x29\0\x2c" IDENTITY BINDER), HF_SEND(HF_ALERT_MISSING_EXTENSION)},
        {BYTES("\0\6" MODES), HF_OK},
        {BYTES("\0\x0a" MODES "\0\x29\0\0"), HF_SEND(HF_ALERT_DECODE_ERROR)},
        {BYTES("\0\x13" MODES "\0\x29\0\x9" IDENTITY), HF_SEND(HF_ALERT_DECODE_ERROR)},
        {BYTES("\0\x15" MODES "\0\x29\0\xb" IDENTITY "\0\0"), HF_SEND(HF_ALERT_DECODE_ERROR)},
        /* an identity without a byte, one cut, a binder too short */
        {BYTES("\0\x35" MODES "\0\x29\0\x2b\0\6\0\0age!" BINDER), HF_SEND(HF_ALERT_DECODE_ERROR)},
        {BYTES("\0\x36" MODES "\0\x29\0\x2c\0\7\0\2Tage!" BINDER), HF_SEND(HF_ALERT_DECODE_ERROR)},
        {BYTES("\0\x36" MODES "\0\x29\0\x2c" IDENTITY "\0\x21\x1f" B31 "b"), HF_SEND(HF_ALERT_DECODE_ERROR)},
        /* not as many binders as identities, either way */
        {BYTES("\0\x57" MODES "\0\x29\0\x4d" IDENTITY "\0\x42\x20" B31 "b\x20" B31 "b"),
         HF_SEND(HF_ALERT_ILLEGAL_PARAMETER)},
        {BYTES("\0\x3d" MODES "\0\x29\0\x33\0\xe\0\1Tage!\0\1Uage!" BINDER), HF_SEND(HF_ALERT_ILLEGAL_PARAMETER)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hf_extensions ext;
        hf_reader r = hf_reader_of(cases[i].bytes, cases[i].len);
        hf_status status = hf_extensions_parse(&r, HF_CLIENT_HELLO, &ext);
        cr_expect_eq(status, cases[i].status, "%zu: %s", i, hf_status_text(status));
    }
}
