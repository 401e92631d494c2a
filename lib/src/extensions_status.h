/* Codec of status_request; a row of the table in extensions.c. */
#ifndef HF_EXTENSIONS_STATUS_H
#define HF_EXTENSIONS_STATUS_H

#include "extensions.h"

/* status_request, RFC 6066 section 8 and RFC 8446 section 4.4.2.1. In a ClientHello a type of status that we do not
 * know is as if it was not there. */
hf_status hf_status_request_parse(hf_reader *r, hf_hello_kind kind, hf_extensions *out) HF_MUST_CHECK;
void hf_status_request_write(hf_writer *w, hf_hello_kind kind, const hf_extensions *in);

/* CertificateStatus: a message of TLS 1.2, the extension of a CertificateEntry in TLS 1.3. */
hf_status hf_certificate_status_read(hf_reader *r, hf_slice *out_response) HF_MUST_CHECK;
void hf_certificate_status_put(hf_writer *w, hf_slice response);

#endif
