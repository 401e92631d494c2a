/* ClientHello, RFC 5246 section 7.4.1.2: read by the server, written by the client. */
#include "msg.h"

#define SESSION_ID_MAX 32

static bool parse_fields(hf_reader *r, hf_client_hello *out)
{
    return hf_read_u16(r, &out->legacy_version) && hf_read_bytes(r, HF_RANDOM_SIZE, &out->random) &&
           hf_read_vec8(r, 0, SESSION_ID_MAX, &out->session_id) && hf_read_vec16(r, 2, 0xfffe, &out->cipher_suites) &&
           out->cipher_suites.len % 2 == 0 && hf_read_vec8(r, 1, 255, &out->compression_methods);
}

hf_status hf_client_hello_parse(hf_slice body, hf_client_hello *out)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_client_hello hello = {0};

    *out = hello;
    if (!parse_fields(&r, &hello))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    hf_status status = hf_extensions_parse(&r, HF_CLIENT_HELLO, &hello.ext); /* to the end of the body */
    if (status == HF_OK)
        *out = hello;
    return status;
}

void hf_client_hello_write(hf_writer *w, const hf_client_hello *in)
{
    size_t msg = hf_msg_begin(w, HF_MSG_CLIENT_HELLO);

    hf_write_u16(w, in->legacy_version);
    hf_write_bytes(w, in->random.ptr, in->random.len);
    size_t session_id = hf_write_begin(w, 1);
    hf_write_bytes(w, in->session_id.ptr, in->session_id.len);
    hf_write_end(w, session_id, 1);
    size_t suites = hf_write_begin(w, 2);
    hf_write_bytes(w, in->cipher_suites.ptr, in->cipher_suites.len);
    hf_write_end(w, suites, 2);
    size_t compression = hf_write_begin(w, 1);
    hf_write_bytes(w, in->compression_methods.ptr, in->compression_methods.len);
    hf_write_end(w, compression, 1);
    hf_extensions_write(w, HF_CLIENT_HELLO, &in->ext);
    hf_msg_end(w, msg);
}
