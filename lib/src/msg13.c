/* Messages of TLS 1.3, RFC 8446 section 4: encode beside decode. */
#include "msg13.h"

static hf_status decode_error(void)
{
    return HF_SEND(HF_ALERT_DECODE_ERROR);
}

static void write_vec(hf_writer *w, unsigned length_bytes, hf_slice s)
{
    size_t mark = hf_write_begin(w, length_bytes);
    hf_write_bytes(w, s.ptr, s.len);
    hf_write_end(w, mark, length_bytes);
}

/* The extensions vector, which must be there. */
static hf_status parse_extensions(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    if (hf_reader_done(r))
        return decode_error();
    return hf_extensions_parse(r, kind, out);
}

/* ---- EncryptedExtensions ---- */

hf_status hf_encrypted_extensions_parse(hf_slice body, hf_extensions *out)
{
    hf_reader r = hf_reader_of_slice(body);
    *out = (hf_extensions){0};
    return parse_extensions(&r, HF_ENCRYPTED_EXTENSIONS, out);
}

void hf_encrypted_extensions_write(hf_writer *w, const hf_extensions *in)
{
    size_t msg = hf_msg_begin(w, HF_MSG_ENCRYPTED_EXTENSIONS);
    hf_extensions_write(w, HF_ENCRYPTED_EXTENSIONS, in);
    hf_msg_end(w, msg);
}

/* ---- CertificateRequest ---- */

hf_status hf_certificate_request13_parse(hf_slice body, hf_certificate_request13 *out)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_certificate_request13 request = {0};

    *out = request;
    if (!hf_read_vec8(&r, 0, 255, &request.context))
        return decode_error();
    hf_status status = parse_extensions(&r, HF_CERTIFICATE_REQUEST13, &request.ext);
    if (status != HF_OK)
        return status;
    if (!(request.ext.present & HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS)))
        return HF_SEND(HF_ALERT_MISSING_EXTENSION);
    *out = request;
    return HF_OK;
}

void hf_certificate_request13_write(hf_writer *w, const hf_certificate_request13 *in)
{
    size_t msg = hf_msg_begin(w, HF_MSG_CERTIFICATE_REQUEST);
    write_vec(w, 1, in->context);
    hf_extensions_write(w, HF_CERTIFICATE_REQUEST13, &in->ext);
    hf_msg_end(w, msg);
}

/* ---- Certificate ---- */

static hf_status parse_entries(hf_slice list, hf_certificate13 *out)
{
    hf_reader r = hf_reader_of_slice(list);

    while (!hf_reader_done(&r)) {
        hf_slice der, block;
        hf_extensions ext;
        if (!hf_read_vec24(&r, 1, 0xffffff, &der))
            return decode_error();
        const uint8_t *before = r.ptr;
        if (!hf_read_vec16(&r, 0, 0xffff, &block))
            return decode_error();
        hf_reader extensions = {before, r.ptr};
        hf_status status = hf_extensions_parse(&extensions, HF_CERTIFICATE_ENTRY, &ext);
        if (status != HF_OK)
            return status;
        if (out->chain.n == HF_CHAIN_MAX)
            return HF_SEND(HF_ALERT_BAD_CERTIFICATE);
        if (out->chain.n == 0)
            out->ocsp_response = ext.ocsp_response;
        out->extensions |= ext.present;
        out->chain.certs[out->chain.n++] = der;
    }
    return HF_OK;
}

hf_status hf_certificate13_parse(hf_slice body, hf_certificate13 *out)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_certificate13 msg = {0};
    hf_slice list;

    *out = msg;
    if (!hf_read_vec8(&r, 0, 255, &msg.context) || !hf_read_vec24(&r, 0, 0xffffff, &list) || !hf_reader_done(&r))
        return decode_error();
    hf_status status = parse_entries(list, &msg);
    if (status == HF_OK)
        *out = msg;
    return status;
}

void hf_certificate13_write(hf_writer *w, const hf_certificate13 *in)
{
    size_t msg = hf_msg_begin(w, HF_MSG_CERTIFICATE);
    write_vec(w, 1, in->context);
    size_t list = hf_write_begin(w, 3);
    for (size_t i = 0; i < in->chain.n; i++) {
        hf_extensions ext = {.ocsp_response = in->ocsp_response};
        if (i == 0 && in->ocsp_response.len > 0)
            ext.present = HF_EXT_BIT(HF_EXT_STATUS_REQUEST);
        write_vec(w, 3, in->chain.certs[i]);
        hf_extensions_write(w, HF_CERTIFICATE_ENTRY, &ext);
    }
    hf_write_end(w, list, 3);
    hf_msg_end(w, msg);
}

/* ---- Finished, KeyUpdate, NewSessionTicket ---- */

hf_status hf_finished13_parse(hf_slice body, size_t size, hf_slice *out_verify_data)
{
    *out_verify_data = (hf_slice){0};
    if (body.len != size)
        return decode_error();
    *out_verify_data = body;
    return HF_OK;
}

void hf_finished13_write(hf_writer *w, hf_slice verify_data)
{
    size_t msg = hf_msg_begin(w, HF_MSG_FINISHED);
    hf_write_bytes(w, verify_data.ptr, verify_data.len);
    hf_msg_end(w, msg);
}

hf_status hf_key_update_parse(hf_slice body, bool *out_requested)
{
    hf_reader r = hf_reader_of_slice(body);
    uint8_t value;

    *out_requested = false;
    if (!hf_read_u8(&r, &value) || !hf_reader_done(&r))
        return decode_error();
    if (value > 1)
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    *out_requested = value == 1;
    return HF_OK;
}

void hf_key_update_write(hf_writer *w, bool request)
{
    size_t msg = hf_msg_begin(w, HF_MSG_KEY_UPDATE);
    hf_write_u8(w, request);
    hf_msg_end(w, msg);
}

static bool read_u32(hf_reader *r, uint32_t *out)
{
    uint16_t high, low;
    if (!hf_read_u16(r, &high) || !hf_read_u16(r, &low))
        return false;
    *out = (uint32_t)high << 16 | low;
    return true;
}

hf_status hf_new_session_ticket13_parse(hf_slice body, hf_new_session_ticket13 *out)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_new_session_ticket13 msg = {0};
    hf_slice block;

    *out = msg;
    /* Its extensions (early_data) are ours to ignore, but not their syntax. */
    if (!read_u32(&r, &msg.lifetime_s) || !read_u32(&r, &msg.age_add) || !hf_read_vec8(&r, 0, 255, &msg.nonce) ||
        !hf_read_vec16(&r, 1, 0xffff, &msg.ticket) || !hf_read_vec16(&r, 0, 0xfffe, &block) || !hf_reader_done(&r))
        return decode_error();
    hf_reader ext = hf_reader_of_slice(block);
    while (!hf_reader_done(&ext)) {
        uint16_t type;
        hf_slice data;
        if (!hf_read_u16(&ext, &type) || !hf_read_vec16(&ext, 0, 0xffff, &data))
            return decode_error();
    }
    *out = msg;
    return HF_OK;
}

void hf_new_session_ticket13_write(hf_writer *w, const hf_new_session_ticket13 *in)
{
    size_t msg = hf_msg_begin(w, HF_MSG_NEW_SESSION_TICKET);

    hf_write_uint(w, in->lifetime_s, 4);
    hf_write_uint(w, in->age_add, 4);
    write_vec(w, 1, in->nonce);
    write_vec(w, 2, in->ticket);
    hf_write_u16(w, 0);
    hf_msg_end(w, msg);
}
