/* The header every handshake message shares, and the messages that are nothing but it: RFC 5246 section 7.4,
 * HelloRequest (7.4.1.1), ServerHelloDone (7.4.5). */
#include "msg.h"

size_t hf_msg_begin(hf_writer *w, uint8_t type)
{
    hf_write_u8(w, type);
    return hf_write_begin(w, 3);
}

void hf_msg_end(hf_writer *w, size_t mark)
{
    hf_write_end(w, mark, 3);
}

hf_status hf_empty_parse(hf_slice body)
{
    return body.len == 0 ? HF_OK : HF_SEND(HF_ALERT_DECODE_ERROR);
}

void hf_empty_write(hf_writer *w, uint8_t type)
{
    hf_msg_end(w, hf_msg_begin(w, type));
}
