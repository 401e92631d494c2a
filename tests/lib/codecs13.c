/* The table behind codecs13.h. */
#include "codecs13.h"

#include <string.h>

static hf_status encrypted_extensions(hf_slice body, hf_writer *w)
{
    hf_extensions msg;
    hf_status status = hf_encrypted_extensions_parse(body, &msg);
    if (status == HF_OK)
        hf_encrypted_extensions_write(w, &msg);
    return status;
}

static hf_status certificate_request(hf_slice body, hf_writer *w)
{
    hf_certificate_request13 msg;
    hf_status status = hf_certificate_request13_parse(body, &msg);
    if (status == HF_OK)
        hf_certificate_request13_write(w, &msg);
    return status;
}

static hf_status certificate(hf_slice body, hf_writer *w)
{
    hf_certificate13 msg;
    hf_status status = hf_certificate13_parse(body, &msg);
    if (status == HF_OK)
        hf_certificate13_write(w, &msg);
    return status;
}

static hf_status finished(hf_slice body, hf_writer *w)
{
    hf_slice verify_data;
    hf_status status = hf_finished13_parse(body, 32, &verify_data);
    if (status == HF_OK)
        hf_finished13_write(w, verify_data);
    return status;
}

static hf_status key_update(hf_slice body, hf_writer *w)
{
    bool requested;
    hf_status status = hf_key_update_parse(body, &requested);
    if (status == HF_OK)
        hf_key_update_write(w, requested);
    return status;
}

/* It has no writer: a client drops it. The bytes that are looked at are put together again, extensions left out. */
static hf_status new_session_ticket(hf_slice body, hf_writer *w)
{
    hf_new_session_ticket13 msg;
    hf_status status = hf_new_session_ticket13_parse(body, &msg);
    if (status != HF_OK)
        return status;
    size_t mark = hf_msg_begin(w, HF_MSG_NEW_SESSION_TICKET);
    hf_write_u16(w, (uint16_t)(msg.lifetime_s >> 16));
    hf_write_u16(w, (uint16_t)msg.lifetime_s);
    hf_write_u16(w, (uint16_t)(msg.age_add >> 16));
    hf_write_u16(w, (uint16_t)msg.age_add);
    hf_write_u8(w, (uint8_t)msg.nonce.len);
    hf_write_bytes(w, msg.nonce.ptr, msg.nonce.len);
    hf_write_u16(w, (uint16_t)msg.ticket.len);
    hf_write_bytes(w, msg.ticket.ptr, msg.ticket.len);
    hf_write_u16(w, 0);
    hf_msg_end(w, mark);
    return HF_OK;
}

const codec codecs13[] = {{"encrypted_extensions", HF_MSG_ENCRYPTED_EXTENSIONS, false, false, encrypted_extensions},
                          {"certificate_request13", HF_MSG_CERTIFICATE_REQUEST, false, false, certificate_request},
                          {"certificate13", HF_MSG_CERTIFICATE, true, false, certificate},
                          {"finished13", HF_MSG_FINISHED, true, false, finished},
                          {"key_update", HF_MSG_KEY_UPDATE, true, false, key_update},
                          {"new_session_ticket13", HF_MSG_NEW_SESSION_TICKET, false, false, new_session_ticket},
                          {NULL, 0, false, false, NULL}};

const codec *codec13_by_name(const char *name)
{
    for (const codec *c = codecs13; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}
