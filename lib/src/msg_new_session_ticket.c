/* NewSessionTicket of TLS 1.2, RFC 5077 section 3.3: written by the server, read by the client. */
#include "msg.h"

hf_status hf_new_session_ticket_parse(hf_slice body, hf_new_session_ticket *out)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_new_session_ticket msg = {0};
    uint16_t high, low;

    *out = msg;
    if (!hf_read_u16(&r, &high) || !hf_read_u16(&r, &low) || !hf_read_vec16(&r, 0, 0xffff, &msg.ticket) ||
        !hf_reader_done(&r))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    msg.lifetime_s = (uint32_t)high << 16 | low;
    *out = msg;
    return HF_OK;
}

void hf_new_session_ticket_write(hf_writer *w, const hf_new_session_ticket *in)
{
    size_t msg = hf_msg_begin(w, HF_MSG_NEW_SESSION_TICKET);

    hf_write_uint(w, in->lifetime_s, 4);
    size_t ticket = hf_write_begin(w, 2);
    hf_write_bytes(w, in->ticket.ptr, in->ticket.len);
    hf_write_end(w, ticket, 2);
    hf_msg_end(w, msg);
}
