/* Asking for the status of a certificate, and the answer: RFC 6066 section 8, RFC 8446 section 4.4.2.1. The only type
 * of status is OCSP (RFC 6960); what stands inside of a response is the provider's to read. */
#include "extensions_status.h"

enum { STATUS_TYPE_OCSP = 1 };

#define RESPONSE_MAX 0xffffff

static hf_status ok_or_decode_error(bool ok)
{
    return ok ? HF_OK : HF_SEND(HF_ALERT_DECODE_ERROR);
}

hf_status hf_certificate_status_read(hf_reader *r, hf_slice *out_response)
{
    uint8_t type;

    if (!hf_read_u8(r, &type))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    if (type != STATUS_TYPE_OCSP)
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    return ok_or_decode_error(hf_read_vec24(r, 1, RESPONSE_MAX, out_response));
}

void hf_certificate_status_put(hf_writer *w, hf_slice response)
{
    hf_write_u8(w, STATUS_TYPE_OCSP);
    size_t mark = hf_write_begin(w, 3);
    hf_write_bytes(w, response.ptr, response.len);
    hf_write_end(w, mark, 3);
}

/* responder_id_list and request_extensions: whom the client would rather believe. A stapled response is one from a
 * file, whoever asks, so only their syntax counts. */
static hf_status parse_request(hf_reader *r, hf_extensions *out)
{
    hf_slice responders, request_extensions, rest, id;
    uint8_t type;

    if (!hf_read_u8(r, &type))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    if (type != STATUS_TYPE_OCSP) {
        out->present &= ~HF_EXT_BIT(HF_EXT_STATUS_REQUEST);
        return ok_or_decode_error(hf_read_bytes(r, hf_reader_left(r), &rest));
    }
    if (!hf_read_vec16(r, 0, 0xffff, &responders) || !hf_read_vec16(r, 0, 0xffff, &request_extensions))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    hf_reader ids = hf_reader_of_slice(responders);
    while (!hf_reader_done(&ids))
        if (!hf_read_vec16(&ids, 1, 0xffff, &id))
            return HF_SEND(HF_ALERT_DECODE_ERROR);
    return HF_OK;
}

hf_status hf_status_request_parse(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    if (kind == HF_CLIENT_HELLO)
        return parse_request(r, out);
    if (kind == HF_CERTIFICATE_ENTRY)
        return hf_certificate_status_read(r, &out->ocsp_response);
    return HF_OK; /* empty */
}

void hf_status_request_write(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    if (kind == HF_CERTIFICATE_ENTRY) {
        hf_certificate_status_put(w, in->ocsp_response);
    } else if (kind == HF_CLIENT_HELLO) {
        hf_write_u8(w, STATUS_TYPE_OCSP);
        hf_write_u16(w, 0); /* any responder */
        hf_write_u16(w, 0);
    }
}
