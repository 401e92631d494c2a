/* The table behind codecs.h. */
#include "codecs.h"

#include "msg13.h"

static hf_status client_hello(hf_slice body, hf_writer *w)
{
    hf_client_hello msg;
    hf_status status = hf_client_hello_parse(body, &msg);
    if (status == HF_OK)
        hf_client_hello_write(w, &msg);
    return status;
}

static hf_status server_hello(hf_slice body, hf_writer *w)
{
    hf_server_hello msg;
    hf_status status = hf_server_hello_parse(body, &msg);
    if (status == HF_OK)
        hf_server_hello_write(w, &msg);
    return status;
}

static hf_status certificate(hf_slice body, hf_writer *w)
{
    hf_certificate_msg msg;
    hf_status status = hf_certificate_parse(body, &msg);
    if (status == HF_OK)
        hf_certificate_write(w, &msg);
    return status;
}

static hf_status server_key_exchange(hf_slice body, hf_writer *w)
{
    hf_server_key_exchange msg;
    hf_status status = hf_server_key_exchange_parse(body, &msg);
    if (status == HF_OK)
        hf_server_key_exchange_write(w, &msg);
    return status;
}

static hf_status certificate_request(hf_slice body, hf_writer *w)
{
    hf_certificate_request msg;
    hf_status status = hf_certificate_request_parse(body, &msg);
    if (status == HF_OK)
        hf_certificate_request_write(w, &msg);
    return status;
}

static hf_status server_hello_done(hf_slice body, hf_writer *w)
{
    hf_status status = hf_empty_parse(body);
    if (status == HF_OK)
        hf_empty_write(w, HF_MSG_SERVER_HELLO_DONE);
    return status;
}

static hf_status client_key_exchange_rsa(hf_slice body, hf_writer *w)
{
    hf_slice encrypted;
    hf_status status = hf_client_key_exchange_rsa_parse(body, &encrypted);
    if (status == HF_OK)
        hf_client_key_exchange_rsa_write(w, encrypted);
    return status;
}

static hf_status client_key_exchange_ecdhe(hf_slice body, hf_writer *w)
{
    hf_slice public_key;
    hf_status status = hf_client_key_exchange_ecdhe_parse(body, &public_key);
    if (status == HF_OK)
        hf_client_key_exchange_ecdhe_write(w, public_key);
    return status;
}

static hf_status certificate_verify(hf_slice body, hf_writer *w)
{
    hf_certificate_verify msg;
    hf_status status = hf_certificate_verify_parse(body, &msg);
    if (status == HF_OK)
        hf_certificate_verify_write(w, &msg);
    return status;
}

static hf_status finished(hf_slice body, hf_writer *w)
{
    hf_slice verify_data;
    hf_status status = hf_finished_parse(body, &verify_data);
    if (status == HF_OK)
        hf_finished_write(w, verify_data.ptr);
    return status;
}

/* ---- TLS 1.3 ---- */

static hf_status encrypted_extensions(hf_slice body, hf_writer *w)
{
    hf_extensions ext;
    hf_status status = hf_encrypted_extensions_parse(body, &ext);
    if (status == HF_OK)
        hf_encrypted_extensions_write(w, &ext);
    return status;
}

static hf_status certificate_request13(hf_slice body, hf_writer *w)
{
    hf_certificate_request13 msg;
    hf_status status = hf_certificate_request13_parse(body, &msg);
    if (status == HF_OK)
        hf_certificate_request13_write(w, &msg);
    return status;
}

static hf_status certificate13(hf_slice body, hf_writer *w)
{
    hf_certificate13 msg;
    hf_status status = hf_certificate13_parse(body, &msg);
    if (status == HF_OK)
        hf_certificate13_write(w, &msg);
    return status;
}

static hf_status finished13(hf_slice body, hf_writer *w)
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

static hf_status new_session_ticket(hf_slice body, hf_writer *w)
{
    hf_new_session_ticket msg;
    hf_status status = hf_new_session_ticket_parse(body, &msg);
    if (status == HF_OK)
        hf_new_session_ticket_write(w, &msg);
    return status;
}

/* Extensions are read over, and none is written. */
static hf_status new_session_ticket13(hf_slice body, hf_writer *w)
{
    hf_new_session_ticket13 msg;
    hf_status status = hf_new_session_ticket13_parse(body, &msg);
    if (status != HF_OK)
        return status;
    hf_new_session_ticket13_write(w, &msg);
    return HF_OK;
}

static hf_status certificate_status(hf_slice body, hf_writer *w)
{
    hf_slice response;
    hf_status status = hf_certificate_status_parse(body, &response);
    if (status == HF_OK)
        hf_certificate_status_write(w, response);
    return status;
}

const codec codecs[] = {
    {"client_hello", HF_MSG_CLIENT_HELLO, false, true, client_hello},
    {"server_hello", HF_MSG_SERVER_HELLO, false, true, server_hello},
    {"certificate", HF_MSG_CERTIFICATE, true, true, certificate},
    {"server_key_exchange", HF_MSG_SERVER_KEY_EXCHANGE, true, true, server_key_exchange},
    {"certificate_request", HF_MSG_CERTIFICATE_REQUEST, true, true, certificate_request},
    {"server_hello_done", HF_MSG_SERVER_HELLO_DONE, true, true, server_hello_done},
    {"client_key_exchange_rsa", HF_MSG_CLIENT_KEY_EXCHANGE, true, true, client_key_exchange_rsa},
    {"client_key_exchange_ecdhe", HF_MSG_CLIENT_KEY_EXCHANGE, true, true, client_key_exchange_ecdhe},
    {"certificate_verify", HF_MSG_CERTIFICATE_VERIFY, true, true, certificate_verify},
    {"finished", HF_MSG_FINISHED, true, true, finished},
    {"encrypted_extensions", HF_MSG_ENCRYPTED_EXTENSIONS, false, false, encrypted_extensions},
    {"certificate_request13", HF_MSG_CERTIFICATE_REQUEST, false, false, certificate_request13},
    /* Of certificates above the first no status is kept: nothing asks for it. */
    {"certificate13", HF_MSG_CERTIFICATE, false, false, certificate13},
    {"finished13", HF_MSG_FINISHED, true, false, finished13},
    {"key_update", HF_MSG_KEY_UPDATE, true, false, key_update},
    {"new_session_ticket13", HF_MSG_NEW_SESSION_TICKET, false, false, new_session_ticket13},
    {"new_session_ticket", HF_MSG_NEW_SESSION_TICKET, true, false, new_session_ticket},
    {"certificate_status", HF_MSG_CERTIFICATE_STATUS, true, false, certificate_status},
    {NULL, 0, false, false, NULL},
};

const codec *codec_by_name(const char *name)
{
    for (const codec *c = codecs; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

bool codec_body(const codec *c, const uint8_t *message, size_t len, hf_slice *out_body)
{
    hf_reader r = hf_reader_of(message, len);
    uint8_t type;
    return hf_read_u8(&r, &type) && type == c->type && hf_read_vec24(&r, 0, 0xffffff, out_body) && hf_reader_done(&r);
}
