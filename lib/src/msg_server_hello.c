/* ServerHello, RFC 5246 section 7.4.1.3: written by the server, read by the client. */
#include "msg.h"

#include <string.h>

#define SESSION_ID_MAX 32

/* SHA-256 of "HelloRetryRequest": RFC 8446 section 4.1.3. */
const uint8_t hf_retry_random[HF_RANDOM_SIZE] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                                 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                                 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

hf_status hf_server_hello_parse(hf_slice body, hf_server_hello *out)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_server_hello hello = {0};

    *out = hello;
    if (!hf_read_u16(&r, &hello.version) || !hf_read_bytes(&r, HF_RANDOM_SIZE, &hello.random) ||
        !hf_read_vec8(&r, 0, SESSION_ID_MAX, &hello.session_id) || !hf_read_u16(&r, &hello.cipher_suite) ||
        !hf_read_u8(&r, &hello.compression_method))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    hello.is_retry = memcmp(hello.random.ptr, hf_retry_random, HF_RANDOM_SIZE) == 0;
    hf_status status = hf_extensions_parse(&r, hello.is_retry ? HF_HELLO_RETRY_REQUEST : HF_SERVER_HELLO,
                                           &hello.ext); /* to the end of the body */
    if (status == HF_OK)
        *out = hello;
    return status;
}

void hf_server_hello_write(hf_writer *w, const hf_server_hello *in)
{
    size_t msg = hf_msg_begin(w, HF_MSG_SERVER_HELLO);

    hf_write_u16(w, in->version);
    hf_write_bytes(w, in->is_retry ? hf_retry_random : in->random.ptr, HF_RANDOM_SIZE);
    size_t session_id = hf_write_begin(w, 1);
    hf_write_bytes(w, in->session_id.ptr, in->session_id.len);
    hf_write_end(w, session_id, 1);
    hf_write_u16(w, in->cipher_suite);
    hf_write_u8(w, in->compression_method);
    hf_extensions_write(w, in->is_retry ? HF_HELLO_RETRY_REQUEST : HF_SERVER_HELLO, &in->ext);
    hf_msg_end(w, msg);
}
