/* CertificateStatus, RFC 6066 section 8: the OCSP response that TLS 1.2 sends behind the server's Certificate. */
#include "extensions_status.h"
#include "msg.h"

hf_status hf_certificate_status_parse(hf_slice body, hf_slice *out_response)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_slice response;

    *out_response = (hf_slice){0};
    hf_status status = hf_certificate_status_read(&r, &response);
    if (status == HF_OK && !hf_reader_done(&r))
        status = HF_SEND(HF_ALERT_DECODE_ERROR);
    if (status == HF_OK)
        *out_response = response;
    return status;
}

void hf_certificate_status_write(hf_writer *w, hf_slice response)
{
    size_t msg = hf_msg_begin(w, HF_MSG_CERTIFICATE_STATUS);
    hf_certificate_status_put(w, response);
    hf_msg_end(w, msg);
}
