/* What resumes a session: session_ticket (RFC 5077 section 3.2), psk_key_exchange_modes and pre_shared_key (RFC 8446
 * sections 4.2.9 and 4.2.11). */
#include "extensions_psk.h"

#define BINDER_MIN 32

static hf_status ok_or_decode_error(bool ok)
{
    return ok ? HF_OK : HF_SEND(HF_ALERT_DECODE_ERROR);
}

static void write_vec(hf_writer *w, unsigned length_bytes, hf_slice s)
{
    size_t mark = hf_write_begin(w, length_bytes);
    hf_write_bytes(w, s.ptr, s.len);
    hf_write_end(w, mark, length_bytes);
}

/* The extension's data is the ticket, without a length of its own; a server's is empty. */
hf_status hf_session_ticket_parse(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    if (kind != HF_CLIENT_HELLO)
        return HF_OK;
    return ok_or_decode_error(hf_read_bytes(r, hf_reader_left(r), &out->session_ticket));
}

void hf_session_ticket_write(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    if (kind == HF_CLIENT_HELLO)
        hf_write_bytes(w, in->session_ticket.ptr, in->session_ticket.len);
}

hf_status hf_psk_modes_parse(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    (void)kind;
    return ok_or_decode_error(hf_read_vec8(r, 1, 255, &out->psk_modes));
}

void hf_psk_modes_write(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    (void)kind;
    write_vec(w, 1, in->psk_modes);
}

bool hf_psk_identity_next(hf_reader *identities, hf_slice *out_identity, uint32_t *out_age)
{
    hf_reader at = *identities;
    uint16_t high, low;

    if (!hf_read_vec16(&at, 1, 0xffff, out_identity) || !hf_read_u16(&at, &high) || !hf_read_u16(&at, &low))
        return false;
    *out_age = (uint32_t)high << 16 | low;
    *identities = at;
    return true;
}

hf_slice hf_psk_binder_at(hf_slice binders, size_t i)
{
    hf_reader r = hf_reader_of_slice(binders);
    hf_slice binder;

    while (hf_read_vec8(&r, BINDER_MIN, 255, &binder))
        if (i-- == 0)
            return binder;
    return (hf_slice){0};
}

hf_status hf_pre_shared_key_parse(hf_reader *r, hf_hello_kind kind, hf_extensions *out)
{
    size_t identities = 0, binders = 0;
    uint32_t age;
    hf_slice s;

    if (kind != HF_CLIENT_HELLO)
        return ok_or_decode_error(hf_read_u16(r, &out->psk_selected));
    if (!hf_read_vec16(r, 7, 0xffff, &out->psk_identities) || !hf_read_vec16(r, 33, 0xffff, &out->psk_binders))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    hf_reader list = hf_reader_of_slice(out->psk_identities);
    for (; !hf_reader_done(&list); identities++)
        if (!hf_psk_identity_next(&list, &s, &age))
            return HF_SEND(HF_ALERT_DECODE_ERROR);
    list = hf_reader_of_slice(out->psk_binders);
    for (; !hf_reader_done(&list); binders++)
        if (!hf_read_vec8(&list, BINDER_MIN, 255, &s))
            return HF_SEND(HF_ALERT_DECODE_ERROR);
    return identities == binders ? HF_OK : HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
}

void hf_pre_shared_key_write(hf_writer *w, hf_hello_kind kind, const hf_extensions *in)
{
    if (kind != HF_CLIENT_HELLO) {
        hf_write_u16(w, in->psk_selected);
        return;
    }
    write_vec(w, 2, in->psk_identities);
    write_vec(w, 2, in->psk_binders);
}
