/* Hello extensions, both directions: RFC 5246 section 7.4.1.4, each codec under its own RFC.
 *
 * One row an extension: its number, whether it may stand in a ServerHello, how its data is read and written. The
 * parser walks the vector once; what may stand where and how often is decided here, what it means by the state
 * machines.
 */
#include "extensions_psk.h"
#include "extensions_status.h"

#include <string.h>

typedef struct ext_row {
    uint16_t type;
    hf_ext ext;
    uint8_t where; /* IN()s: the messages that it may stand in, RFC 8446 section 4.2 */
    hf_status (*parse)(hf_reader *r, hf_hello_kind kind, hf_extensions *out); /* the loop checks "consumed exactly?" */
    void (*write)(hf_writer *w, hf_hello_kind kind, const hf_extensions *in);
} ext_row;

static hf_status ok_or_decode_error(bool ok)
{
    return ok ? HF_OK : HF_SEND(HF_ALERT_DECODE_ERROR);
}

static bool read_u16_list(hf_reader *r, hf_slice *out)
{
    return hf_read_vec16(r, 2, 0xfffe, out) && out->len % 2 == 0;
}

static void write_vec(hf_writer *w, unsigned length_bytes, hf_slice s)
{
    size_t mark = hf_write_begin(w, length_bytes);
    hf_write_bytes(w, s.ptr, s.len);
    hf_write_end(w, mark, length_bytes);
}

/* ---- server_name, RFC 6066 section 3 ---------------------------------------------------------------- */

enum { NAME_TYPE_HOST_NAME = 0 };

static bool is_host_name(hf_slice s)
{
    return s.len >= 1 && s.len <= HF_LIMIT_NAME && !memchr(s.ptr, 0, s.len);
}

/* Names of types that are not ours are skipped: each begins with a 16-bit length too. */
static hf_status parse_server_name_list(hf_slice list, hf_slice *out_host)
{
    hf_reader r = hf_reader_of_slice(list);
    uint8_t seen[256] = {0};

    while (!hf_reader_done(&r)) {
        uint8_t type;
        hf_slice name;
        if (!hf_read_u8(&r, &type) || !hf_read_vec16(&r, 0, 0xffff, &name))
            return HF_SEND(HF_ALERT_DECODE_ERROR);
        if (seen[type]++)
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
        if (type != NAME_TYPE_HOST_NAME)
            continue;
        if (!is_host_name(name))
            return HF_SEND(HF_ALERT_DECODE_ERROR);
        *out_host = name;
    }
    return HF_OK;
}

static hf_status parse_server_name(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    if (kind != HF_CLIENT_HELLO)
        return HF_OK; /* empty */
    hf_slice list;
    if (!hf_read_vec16(r, 1, 0xffff, &list))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    hf_status status = parse_server_name_list(list, &out->server_name);
    if (status == HF_OK && out->server_name.len == 0)
        out->present &= ~HF_EXT_BIT(HF_EXT_SERVER_NAME); /* no host_name among the names */
    return status;
}

static void write_server_name(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    if (kind != HF_CLIENT_HELLO)
        return;
    size_t list = hf_write_begin(w, 2);
    hf_write_u8(w, NAME_TYPE_HOST_NAME);
    write_vec(w, 2, in->server_name);
    hf_write_end(w, list, 2);
}

/* ---- max_fragment_length, RFC 6066 section 4 -------------------------------------------------------- */

static hf_status parse_max_fragment_length(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    (void)kind;
    return ok_or_decode_error(hf_read_u8(r, &out->max_fragment_length));
}

static void write_max_fragment_length(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)kind;
    hf_write_u8(w, in->max_fragment_length);
}

/* ---- supported_groups, ec_point_formats: RFC 8422 section 5.1 ---------------------------------------- */

static hf_status parse_supported_groups(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    (void)kind;
    return ok_or_decode_error(read_u16_list(r, &out->supported_groups));
}

static void write_supported_groups(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)kind;
    write_vec(w, 2, in->supported_groups);
}

static hf_status parse_ec_point_formats(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    (void)kind;
    return ok_or_decode_error(hf_read_vec8(r, 1, 255, &out->ec_point_formats));
}

static void write_ec_point_formats(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)kind;
    write_vec(w, 1, in->ec_point_formats);
}

/* ---- signature_algorithms(_cert): RFC 5246 section 7.4.1.4.1, RFC 8446 section 4.2.3 ------------------ */

static hf_status parse_signature_algorithms(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    (void)kind;
    return ok_or_decode_error(read_u16_list(r, &out->signature_algorithms));
}

static void write_signature_algorithms(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)kind;
    write_vec(w, 2, in->signature_algorithms);
}

static hf_status parse_signature_algorithms_cert(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    (void)kind;
    return ok_or_decode_error(read_u16_list(r, &out->signature_algorithms_cert));
}

static void write_signature_algorithms_cert(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)kind;
    write_vec(w, 2, in->signature_algorithms_cert);
}

/* ---- application_layer_protocol_negotiation, RFC 7301 ------------------------------------------------ */

static hf_status parse_alpn(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    if (!hf_read_vec16(r, 2, 0xffff, &out->alpn))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    hf_reader names = hf_reader_of_slice(out->alpn);
    size_t n = 0;
    for (hf_slice name; !hf_reader_done(&names); n++)
        if (!hf_read_vec8(&names, 1, 255, &name))
            return HF_SEND(HF_ALERT_DECODE_ERROR);
    return ok_or_decode_error(kind == HF_CLIENT_HELLO || n == 1);
}

static void write_alpn(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)kind;
    write_vec(w, 2, in->alpn);
}

/* ---- padding, RFC 7685 ------------------------------------------------------------------------------- */

static hf_status parse_padding(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    (void)kind;
    out->padding = hf_reader_left(r);
    for (uint8_t byte; hf_read_u8(r, &byte);)
        if (byte != 0)
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    return HF_OK;
}

static void write_padding(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)kind;
    uint8_t *room = hf_write_room(w, in->padding);
    if (room)
        memset(room, 0, in->padding);
}

/* ---- flags: encrypt_then_mac (RFC 7366), extended_master_secret (RFC 7627) ---------------------------- */

static hf_status parse_flag(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    (void)r;
    (void)kind;
    (void)out;
    return HF_OK;
}

static void write_flag(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)w;
    (void)kind;
    (void)in;
}

/* ---- record_size_limit, RFC 8449 ---------------------------------------------------------------------- */

#define RECORD_SIZE_LIMIT_MIN 64

static hf_status parse_record_size_limit(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    (void)kind;
    if (!hf_read_u16(r, &out->record_size_limit))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    return out->record_size_limit < RECORD_SIZE_LIMIT_MIN ? HF_SEND(HF_ALERT_ILLEGAL_PARAMETER) : HF_OK;
}

static void write_record_size_limit(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)kind;
    hf_write_u16(w, in->record_size_limit);
}

/* ---- supported_versions, RFC 8446 section 4.2.1 -------------------------------------------------------- */

static hf_status parse_supported_versions(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    if (kind != HF_CLIENT_HELLO)
        return ok_or_decode_error(hf_read_bytes(r, 2, &out->supported_versions));
    return ok_or_decode_error(hf_read_vec8(r, 2, 254, &out->supported_versions) &&
                              out->supported_versions.len % 2 == 0);
}

static void write_supported_versions(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    if (kind != HF_CLIENT_HELLO)
        hf_write_bytes(w, in->supported_versions.ptr, in->supported_versions.len);
    else
        write_vec(w, 1, in->supported_versions);
}

/* ---- cookie, certificate_authorities: RFC 8446 sections 4.2.2 and 4.2.4 -------------------------------- */

static hf_status parse_cookie(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    (void)kind;
    return ok_or_decode_error(hf_read_vec16(r, 1, 0xffff, &out->cookie));
}

static void write_cookie(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)kind;
    write_vec(w, 2, in->cookie);
}

static hf_status parse_certificate_authorities(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    (void)kind;
    if (!hf_read_vec16(r, 3, 0xffff, &out->certificate_authorities))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    hf_reader names = hf_reader_of_slice(out->certificate_authorities);
    for (hf_slice name; !hf_reader_done(&names);)
        if (!hf_read_vec16(&names, 1, 0xffff, &name))
            return HF_SEND(HF_ALERT_DECODE_ERROR);
    return HF_OK;
}

static void write_certificate_authorities(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)kind;
    write_vec(w, 2, in->certificate_authorities);
}

/* ---- key_share, RFC 8446 section 4.2.8 ----------------------------------------------------------------- */

#define SHARES_MAX 32 /* as many groups as a client could sensibly guess; more do not parse */

static hf_status parse_client_shares(hf_slice shares)
{
    hf_reader r = hf_reader_of_slice(shares);
    uint16_t seen[SHARES_MAX];

    for (size_t n = 0; !hf_reader_done(&r); n++) {
        hf_slice share;
        if (n == SHARES_MAX || !hf_read_u16(&r, &seen[n]) || !hf_read_vec16(&r, 1, 0xffff, &share))
            return HF_SEND(HF_ALERT_DECODE_ERROR);
        for (size_t i = 0; i < n; i++)
            if (seen[i] == seen[n])
                return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    return HF_OK;
}

static hf_status parse_key_share(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    if (kind == HF_CLIENT_HELLO) {
        if (!hf_read_vec16(r, 0, 0xffff, &out->key_shares))
            return HF_SEND(HF_ALERT_DECODE_ERROR);
        return parse_client_shares(out->key_shares);
    }
    if (!hf_read_u16(r, &out->key_share_group))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    return ok_or_decode_error(kind == HF_HELLO_RETRY_REQUEST || hf_read_vec16(r, 1, 0xffff, &out->key_share));
}

static void write_key_share(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    if (kind == HF_CLIENT_HELLO) {
        write_vec(w, 2, in->key_shares);
        return;
    }
    hf_write_u16(w, in->key_share_group);
    if (kind == HF_SERVER_HELLO)
        write_vec(w, 2, in->key_share);
}

/* ---- renegotiation_info, RFC 5746 section 3.2 ----------------------------------------------------------- */

static hf_status parse_renegotiation_info(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    (void)kind;
    return ok_or_decode_error(hf_read_vec8(r, 0, 255, &out->renegotiation_info));
}

static void write_renegotiation_info(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)kind;
    write_vec(w, 1, in->renegotiation_info);
}

/* ---- The vector ------------------------------------------------------------------------------------------ */

/* In the order of writing: pre_shared_key last (RFC 8446 section 4.2.11); before it padding and the empty ones not
 * last, for servers that trip over an empty last extension. */
#define IN(kind) (1u << (kind))
#define CH IN(HF_CLIENT_HELLO)
#define SH IN(HF_SERVER_HELLO)
#define HRR IN(HF_HELLO_RETRY_REQUEST)
#define EE IN(HF_ENCRYPTED_EXTENSIONS)
#define CR IN(HF_CERTIFICATE_REQUEST13)
#define CE IN(HF_CERTIFICATE_ENTRY)

static const ext_row rows[] = {
    {HF_EXT_TYPE_PADDING, HF_EXT_PADDING, CH, parse_padding, write_padding},
    {HF_EXT_TYPE_SERVER_NAME, HF_EXT_SERVER_NAME, CH | SH | EE, parse_server_name, write_server_name},
    {HF_EXT_TYPE_EXTENDED_MASTER_SECRET, HF_EXT_EXTENDED_MASTER_SECRET, CH | SH, parse_flag, write_flag},
    {HF_EXT_TYPE_ENCRYPT_THEN_MAC, HF_EXT_ENCRYPT_THEN_MAC, CH | SH, parse_flag, write_flag},
    {HF_EXT_TYPE_RENEGOTIATION_INFO, HF_EXT_RENEGOTIATION_INFO, CH | SH, parse_renegotiation_info,
     write_renegotiation_info},
    {HF_EXT_TYPE_SUPPORTED_VERSIONS, HF_EXT_SUPPORTED_VERSIONS, CH | SH | HRR, parse_supported_versions,
     write_supported_versions},
    {HF_EXT_TYPE_COOKIE, HF_EXT_COOKIE, CH | HRR, parse_cookie, write_cookie},
    {HF_EXT_TYPE_SUPPORTED_GROUPS, HF_EXT_SUPPORTED_GROUPS, CH | EE, parse_supported_groups, write_supported_groups},
    {HF_EXT_TYPE_KEY_SHARE, HF_EXT_KEY_SHARE, CH | SH | HRR, parse_key_share, write_key_share},
    {HF_EXT_TYPE_EC_POINT_FORMATS, HF_EXT_EC_POINT_FORMATS, CH | SH, parse_ec_point_formats, write_ec_point_formats},
    {HF_EXT_TYPE_SIGNATURE_ALGORITHMS, HF_EXT_SIGNATURE_ALGORITHMS, CH | CR, parse_signature_algorithms,
     write_signature_algorithms},
    {HF_EXT_TYPE_SIGNATURE_ALGORITHMS_CERT, HF_EXT_SIGNATURE_ALGORITHMS_CERT, CH | CR, parse_signature_algorithms_cert,
     write_signature_algorithms_cert},
    {HF_EXT_TYPE_CERTIFICATE_AUTHORITIES, HF_EXT_CERTIFICATE_AUTHORITIES, CH | CR, parse_certificate_authorities,
     write_certificate_authorities},
    {HF_EXT_TYPE_ALPN, HF_EXT_ALPN, CH | SH | EE, parse_alpn, write_alpn},
    {HF_EXT_TYPE_STATUS_REQUEST, HF_EXT_STATUS_REQUEST, CH | SH | CR | CE, hf_status_request_parse,
     hf_status_request_write},
    {HF_EXT_TYPE_MAX_FRAGMENT_LENGTH, HF_EXT_MAX_FRAGMENT_LENGTH, CH | SH | EE, parse_max_fragment_length,
     write_max_fragment_length},
    {HF_EXT_TYPE_SESSION_TICKET, HF_EXT_SESSION_TICKET, CH | SH, hf_session_ticket_parse, hf_session_ticket_write},
    {HF_EXT_TYPE_EARLY_DATA, HF_EXT_EARLY_DATA, CH | EE, parse_flag, write_flag},
    {HF_EXT_TYPE_PSK_KEY_EXCHANGE_MODES, HF_EXT_PSK_KEY_EXCHANGE_MODES, CH, hf_psk_modes_parse, hf_psk_modes_write},
    {HF_EXT_TYPE_RECORD_SIZE_LIMIT, HF_EXT_RECORD_SIZE_LIMIT, CH | SH | EE, parse_record_size_limit,
     write_record_size_limit},
    {HF_EXT_TYPE_PRE_SHARED_KEY, HF_EXT_PRE_SHARED_KEY, CH | SH | HRR, hf_pre_shared_key_parse,
     hf_pre_shared_key_write},
};

#undef CH
#undef SH
#undef HRR
#undef EE
#undef CR
#undef CE

_Static_assert(sizeof rows / sizeof rows[0] == HF_EXT_COUNT, "one row for each extension");

static const ext_row *row_of(uint16_t type)
{
    for (size_t i = 0; i < HF_EXT_COUNT; i++)
        if (rows[i].type == type)
            return &rows[i];
    return NULL;
}

static bool contains(const uint16_t *types, size_t n, uint16_t type)
{
    for (size_t i = 0; i < n; i++)
        if (types[i] == type)
            return true;
    return false;
}

/* What we recognise in a message that it is not specified for: RFC 8446 section 4.2. A ServerHello of TLS 1.2 may not
 * hold what was not asked for: RFC 5246 section 7.4.1.4. */
static hf_status misplaced(hf_slice block, hf_hello_kind kind)
{
    hf_reader r = hf_reader_of_slice(block);
    uint16_t type;
    hf_slice data;

    while (hf_read_u16(&r, &type) && hf_read_vec16(&r, 0, 0xffff, &data))
        if (type == HF_EXT_TYPE_SUPPORTED_VERSIONS)
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    return kind == HF_SERVER_HELLO ? HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION) : HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
}

static hf_status parse_one(hf_slice block, uint16_t type, hf_slice data, hf_hello_kind kind, hf_extensions *out)
{
    const ext_row *row = row_of(type);
    bool open = kind == HF_CLIENT_HELLO || kind == HF_CERTIFICATE_REQUEST13; /* may hold what we do not know */

    if (row && !(row->where & IN(kind)))
        return misplaced(block, kind);
    if (!row)
        return open ? HF_OK : HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION);
    hf_reader r = hf_reader_of_slice(data);
    out->present |= HF_EXT_BIT(row->ext);
    hf_status status = row->parse(&r, kind, out);
    if (status != HF_OK)
        return status;
    return ok_or_decode_error(hf_reader_done(&r));
}

/* A PSK is offered last, and with its modes (RFC 8446 sections 4.2.9 and 4.2.11). */
static hf_status check_psk(const uint16_t *types, size_t n)
{
    if (!contains(types, n, HF_EXT_TYPE_PRE_SHARED_KEY))
        return HF_OK;
    if (types[n - 1] != HF_EXT_TYPE_PRE_SHARED_KEY)
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    if (!contains(types, n, HF_EXT_TYPE_PSK_KEY_EXCHANGE_MODES))
        return HF_SEND(HF_ALERT_MISSING_EXTENSION);
    return HF_OK;
}

static hf_status parse_block(hf_slice block, hf_hello_kind kind, hf_extensions *out)
{
    hf_reader r = hf_reader_of_slice(block);
    uint16_t seen[HF_LIMIT_EXTENSIONS];
    size_t n = 0;

    while (!hf_reader_done(&r)) {
        uint16_t type;
        hf_slice data;
        if (n == HF_LIMIT_EXTENSIONS || !hf_read_u16(&r, &type) || !hf_read_vec16(&r, 0, 0xffff, &data))
            return HF_SEND(HF_ALERT_DECODE_ERROR);
        if (contains(seen, n, type))
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
        seen[n++] = type;
        hf_status status = parse_one(block, type, data, kind, out);
        if (status != HF_OK)
            return status;
    }
    return kind == HF_CLIENT_HELLO ? check_psk(seen, n) : HF_OK;
}

hf_status hf_extensions_parse(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    hf_extensions ext = {0};
    hf_slice block;

    *out = ext;
    if (hf_reader_done(r))
        return HF_OK;
    if (!hf_read_vec16(r, 0, 0xffff, &block) || !hf_reader_done(r))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    ext.has_block = true;
    hf_status status = parse_block(block, kind, &ext);
    if (status == HF_OK)
        *out = ext;
    return status;
}

void hf_extensions_write(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    if (in->present == 0 && (kind == HF_CLIENT_HELLO || kind == HF_SERVER_HELLO))
        return; /* RFC 5246: the vector itself may be absent; in TLS 1.3's messages it is always there */
    size_t block = hf_write_begin(w, 2);
    for (size_t i = 0; i < HF_EXT_COUNT; i++) {
        if (!(in->present & HF_EXT_BIT(rows[i].ext)))
            continue;
        if (!(rows[i].where & IN(kind)))
            w->bad = true; /* the caller's bug must not reach the wire */
        hf_write_u16(w, rows[i].type);
        size_t data = hf_write_begin(w, 2);
        rows[i].write(w, kind, in);
        hf_write_end(w, data, 2);
    }
    hf_write_end(w, block, 2);
}
