/* CertificateVerify, RFC 5246 section 7.4.8: the client's signature over the handshake so far. */
#include "msg.h"

hf_status hf_certificate_verify_parse(hf_slice body, hf_certificate_verify *out)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_certificate_verify msg = {0};

    *out = msg;
    if (!hf_read_u16(&r, &msg.scheme) || !hf_read_vec16(&r, 0, 0xffff, &msg.signature) || !hf_reader_done(&r))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    *out = msg;
    return HF_OK;
}

void hf_certificate_verify_write(hf_writer *w, const hf_certificate_verify *in)
{
    size_t msg = hf_msg_begin(w, HF_MSG_CERTIFICATE_VERIFY);

    hf_write_u16(w, in->scheme);
    size_t signature = hf_write_begin(w, 2);
    hf_write_bytes(w, in->signature.ptr, in->signature.len);
    hf_write_end(w, signature, 2);
    hf_msg_end(w, msg);
}
