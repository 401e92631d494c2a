/* ServerKeyExchange of the ECDHE suites, RFC 8422 section 5.4: the server's ephemeral key and a signature that
 * binds it to both randoms (the state machine makes and checks the signature). */
#include "msg.h"

enum { CURVE_TYPE_NAMED_CURVE = 3 };

/* Reads ServerECDHParams twice: once for its fields, once as the bytes under the signature. */
static hf_status parse_params(hf_reader *r, hf_server_key_exchange *out)
{
    hf_reader fields = *r;
    uint8_t curve_type;

    if (!hf_read_u8(&fields, &curve_type))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    if (curve_type != CURVE_TYPE_NAMED_CURVE)
        return HF_SEND(HF_ALERT_HANDSHAKE_FAILURE);
    if (!hf_read_u16(&fields, &out->group) || !hf_read_vec8(&fields, 1, 255, &out->public_key))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    if (!hf_read_bytes(r, hf_reader_left(r) - hf_reader_left(&fields), &out->params))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    return HF_OK;
}

hf_status hf_server_key_exchange_parse(hf_slice body, hf_server_key_exchange *out)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_server_key_exchange msg = {0};

    *out = msg;
    hf_status status = parse_params(&r, &msg);
    if (status != HF_OK)
        return status;
    if (!hf_read_u16(&r, &msg.scheme) || !hf_read_vec16(&r, 0, 0xffff, &msg.signature) || !hf_reader_done(&r))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    *out = msg;
    return HF_OK;
}

void hf_server_ecdh_params_write(hf_writer *w, uint16_t group, hf_slice public_key)
{
    hf_write_u8(w, CURVE_TYPE_NAMED_CURVE);
    hf_write_u16(w, group);
    size_t point = hf_write_begin(w, 1);
    hf_write_bytes(w, public_key.ptr, public_key.len);
    hf_write_end(w, point, 1);
}

void hf_server_key_exchange_write(hf_writer *w, const hf_server_key_exchange *in)
{
    size_t msg = hf_msg_begin(w, HF_MSG_SERVER_KEY_EXCHANGE);

    hf_write_bytes(w, in->params.ptr, in->params.len);
    hf_write_u16(w, in->scheme);
    size_t signature = hf_write_begin(w, 2);
    hf_write_bytes(w, in->signature.ptr, in->signature.len);
    hf_write_end(w, signature, 2);
    hf_msg_end(w, msg);
}
