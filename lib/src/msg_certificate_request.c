/* CertificateRequest, RFC 5246 section 7.4.4: what the server accepts from a client that authenticates itself. */
#include "msg.h"

static bool are_names(hf_slice list)
{
    hf_reader r = hf_reader_of_slice(list);
    while (!hf_reader_done(&r)) {
        hf_slice name;
        if (!hf_read_vec16(&r, 1, 0xffff, &name))
            return false;
    }
    return true;
}

hf_status hf_certificate_request_parse(hf_slice body, hf_certificate_request *out)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_certificate_request msg = {0};

    *out = msg;
    if (!hf_read_vec8(&r, 1, 255, &msg.certificate_types) || !hf_read_vec16(&r, 2, 0xfffe, &msg.signature_algorithms) ||
        msg.signature_algorithms.len % 2 != 0 || !hf_read_vec16(&r, 0, 0xffff, &msg.authorities) ||
        !are_names(msg.authorities) || !hf_reader_done(&r))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    *out = msg;
    return HF_OK;
}

void hf_certificate_request_write(hf_writer *w, const hf_certificate_request *in)
{
    size_t msg = hf_msg_begin(w, HF_MSG_CERTIFICATE_REQUEST);

    size_t types = hf_write_begin(w, 1);
    hf_write_bytes(w, in->certificate_types.ptr, in->certificate_types.len);
    hf_write_end(w, types, 1);
    size_t schemes = hf_write_begin(w, 2);
    hf_write_bytes(w, in->signature_algorithms.ptr, in->signature_algorithms.len);
    hf_write_end(w, schemes, 2);
    size_t authorities = hf_write_begin(w, 2);
    hf_write_bytes(w, in->authorities.ptr, in->authorities.len);
    hf_write_end(w, authorities, 2);
    hf_msg_end(w, msg);
}
