/* The table behind codecs.h. */
#include "codecs.h"

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

const codec codecs[] = {
    {"client_hello", HF_MSG_CLIENT_HELLO, false, client_hello},
    {"server_hello", HF_MSG_SERVER_HELLO, false, server_hello},
    {"certificate", HF_MSG_CERTIFICATE, true, certificate},
    {"server_key_exchange", HF_MSG_SERVER_KEY_EXCHANGE, true, server_key_exchange},
    {"certificate_request", HF_MSG_CERTIFICATE_REQUEST, true, certificate_request},
    {"server_hello_done", HF_MSG_SERVER_HELLO_DONE, true, server_hello_done},
    {"client_key_exchange_rsa", HF_MSG_CLIENT_KEY_EXCHANGE, true, client_key_exchange_rsa},
    {"client_key_exchange_ecdhe", HF_MSG_CLIENT_KEY_EXCHANGE, true, client_key_exchange_ecdhe},
    {"certificate_verify", HF_MSG_CERTIFICATE_VERIFY, true, certificate_verify},
    {"finished", HF_MSG_FINISHED, true, finished},
    {NULL, 0, false, NULL},
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
