/* ClientKeyExchange: the premaster secret under the server's RSA key (RFC 5246 section 7.4.7.1), or the client's
 * ephemeral point (RFC 8422 section 5.7). */
#include "msg.h"

hf_status hf_client_key_exchange_rsa_parse(hf_slice body, hf_slice *out_encrypted)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_slice encrypted;

    *out_encrypted = (hf_slice){0};
    if (!hf_read_vec16(&r, 0, 0xffff, &encrypted) || !hf_reader_done(&r))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    *out_encrypted = encrypted;
    return HF_OK;
}

void hf_client_key_exchange_rsa_write(hf_writer *w, hf_slice encrypted)
{
    size_t msg = hf_msg_begin(w, HF_MSG_CLIENT_KEY_EXCHANGE);
    size_t vec = hf_write_begin(w, 2);
    hf_write_bytes(w, encrypted.ptr, encrypted.len);
    hf_write_end(w, vec, 2);
    hf_msg_end(w, msg);
}

hf_status hf_client_key_exchange_ecdhe_parse(hf_slice body, hf_slice *out_public)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_slice public_key;

    *out_public = (hf_slice){0};
    if (!hf_read_vec8(&r, 1, 255, &public_key) || !hf_reader_done(&r))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    *out_public = public_key;
    return HF_OK;
}

void hf_client_key_exchange_ecdhe_write(hf_writer *w, hf_slice public_key)
{
    size_t msg = hf_msg_begin(w, HF_MSG_CLIENT_KEY_EXCHANGE);
    size_t vec = hf_write_begin(w, 1);
    hf_write_bytes(w, public_key.ptr, public_key.len);
    hf_write_end(w, vec, 1);
    hf_msg_end(w, msg);
}
