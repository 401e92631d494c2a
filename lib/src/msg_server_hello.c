/* ServerHello, RFC 5246 section 7.4.1.3: written by the server, read by the client. */
#include "msg.h"

#define SESSION_ID_MAX 32

hf_status hf_server_hello_parse(hf_slice body, hf_server_hello *out)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_server_hello hello = {0};

    *out = hello;
    if (!hf_read_u16(&r, &hello.version) || !hf_read_bytes(&r, HF_RANDOM_SIZE, &hello.random) ||
        !hf_read_vec8(&r, 0, SESSION_ID_MAX, &hello.session_id) || !hf_read_u16(&r, &hello.cipher_suite) ||
        !hf_read_u8(&r, &hello.compression_method))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    hf_status status = hf_extensions_parse(&r, HF_SERVER_HELLO, &hello.ext); /* to the end of the body */
    if (status == HF_OK)
        *out = hello;
    return status;
}

void hf_server_hello_write(hf_writer *w, const hf_server_hello *in)
{
    size_t msg = hf_msg_begin(w, HF_MSG_SERVER_HELLO);

    hf_write_u16(w, in->version);
    hf_write_bytes(w, in->random.ptr, in->random.len);
    size_t session_id = hf_write_begin(w, 1);
    hf_write_bytes(w, in->session_id.ptr, in->session_id.len);
    hf_write_end(w, session_id, 1);
    hf_write_u16(w, in->cipher_suite);
    hf_write_u8(w, in->compression_method);
    hf_extensions_write(w, HF_SERVER_HELLO, &in->ext);
    hf_msg_end(w, msg);
}
