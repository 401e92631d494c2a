/* Certificate, RFC 5246 section 7.4.2: the sender's chain, own certificate first; a client may send none. */
#include "msg.h"

#define VEC24_MAX 0xffffff

hf_status hf_certificate_parse(hf_slice body, hf_certificate_msg *out)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_certificate_msg msg = {0};
    hf_slice list;

    *out = msg;
    if (!hf_read_vec24(&r, 0, VEC24_MAX, &list) || !hf_reader_done(&r))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    hf_reader certs = hf_reader_of_slice(list);
    while (!hf_reader_done(&certs)) {
        hf_slice cert;
        if (!hf_read_vec24(&certs, 1, VEC24_MAX, &cert))
            return HF_SEND(HF_ALERT_DECODE_ERROR);
        if (msg.n == HF_CHAIN_MAX)
            return HF_SEND(HF_ALERT_BAD_CERTIFICATE);
        msg.certs[msg.n++] = cert;
    }
    *out = msg;
    return HF_OK;
}

void hf_certificate_write(hf_writer *w, const hf_certificate_msg *in)
{
    size_t msg = hf_msg_begin(w, HF_MSG_CERTIFICATE);
    size_t list = hf_write_begin(w, 3);

    for (size_t i = 0; i < in->n; i++) {
        size_t cert = hf_write_begin(w, 3);
        hf_write_bytes(w, in->certs[i].ptr, in->certs[i].len);
        hf_write_end(w, cert, 3);
    }
    hf_write_end(w, list, 3);
    hf_msg_end(w, msg);
}
