/* What both TLS 1.3 machines share: Certificate, CertificateVerify, Finished (RFC 8446 section 4.4). */
#include "conn.h"
#include "negotiate.h"
#include "staple.h"

#define CONTEXT_LEN 33

hf_status hf_signed_content13(hf_conn *conn, hf_role of, uint8_t out[HF_SIGNED13_MAX], hf_slice *out_content)
{
    const char *context =
        of == HF_ROLE_SERVER ? "TLS 1.3, server CertificateVerify" : "TLS 1.3, client CertificateVerify";

    memset(out, ' ', 64);
    memcpy(out + 64, context, CONTEXT_LEN);
    out[64 + CONTEXT_LEN] = 0;
    *out_content = (hf_slice){out, 64 + CONTEXT_LEN + 1 + (size_t)conn->hs->hash->size};
    return hf_transcript_digest(&conn->hs->transcript, out + 64 + CONTEXT_LEN + 1);
}

bool hf_is_last_message(hf_conn *conn, const hf_message *message)
{
    if (hf_buffer_len(&conn->hs->in) == message->raw.len)
        return true;
    hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "data behind a message after which the keys change");
    return false;
}

/* ---- Sending ---- */

hf_status hf_send_compat_ccs(hf_conn *conn)
{
    static const uint8_t one = 1;

    if (conn->hs->sent_ccs || conn->hs->session_id_len == 0)
        return HF_OK;
    conn->hs->sent_ccs = true;
    return hf_record_write(conn, HF_CONTENT_CHANGE_CIPHER_SPEC, &one, 1);
}

hf_status hf_send_certificate13(hf_conn *conn, hf_slice context, const hf_own_credential *credential)
{
    hf_certificate13 msg = {.context = context, .chain = {.n = credential ? credential->n : 0}};
    if (conn->role == HF_ROLE_SERVER)
        msg.ocsp_response = hf_staple_of(conn, credential);
    size_t size = HF_MSG_HEADER_SIZE + 1 + context.len + 3 + 8 + msg.ocsp_response.len;
    hf_writer w;

    for (size_t i = 0; i < msg.chain.n; i++) {
        msg.chain.certs[i] = credential->certs[i];
        size += 3 + msg.chain.certs[i].len + 2;
    }
    hf_status status = hf_message_begin(conn, size, &w);
    if (status != HF_OK)
        return status;
    hf_certificate13_write(&w, &msg);
    return hf_message_finish(conn, &w);
}

hf_status hf_start_sign13(hf_conn *conn)
{
    uint8_t room[HF_SIGNED13_MAX];
    hf_slice content;

    hf_status status = hf_signed_content13(conn, conn->role, room, &content);
    if (status != HF_OK)
        return status;
    return hf_key_sign(conn, conn->hs->credential, conn->hs->scheme, &content, 1);
}

hf_next hf_send_certificate_verify13(hf_conn *conn)
{
    hf_key_op *op = hf_key_result(conn);
    uint8_t room[HF_SIGNED13_MAX];
    hf_slice content;
    hf_writer w;

    if (!op)
        return HF_NEXT_KEY;
    hf_certificate_verify verify = {conn->hs->scheme, {op->result, op->result_len}};
    const char *why = "the private key could not sign";
    hf_status status = op->status;
    if (status == HF_OK) {
        status = hf_signed_content13(conn, conn->role, room, &content);
        if (status == HF_OK)
            status = hf_checked_signature(conn, op, &content, 1);
        why = "the signature that the private key made is wrong";
    }
    if (status == HF_OK)
        status = hf_message_begin(conn, HF_MSG_HEADER_SIZE + 4 + verify.signature.len, &w);
    if (status == HF_OK) {
        hf_certificate_verify_write(&w, &verify);
        status = hf_message_finish(conn, &w);
    }
    hf_key_op_free(op);
    return status == HF_OK ? HF_NEXT_AGAIN : hf_failed(conn, status, why);
}

hf_status hf_send_finished13(hf_conn *conn)
{
    uint8_t verify_data[HF_HASH_SIZE_MAX];
    hf_slice slice = {verify_data, conn->hs->hash->size};
    hf_writer w;

    hf_status status = hf_verify_data13(conn, conn->role, verify_data);
    if (status == HF_OK)
        status = hf_message_begin(conn, HF_MSG_HEADER_SIZE + slice.len, &w);
    if (status != HF_OK)
        return status;
    hf_finished13_write(&w, slice);
    status = hf_message_finish(conn, &w);
    return status == HF_OK ? hf_flight_send(conn) : status;
}

/* ---- Receiving ---- */

hf_next hf_read_certificate_verify13(hf_conn *conn, const hf_message *message)
{
    hf_handshake *hs = conn->hs;
    hf_role peer = (hf_role)!conn->role;
    hf_certificate_verify verify;
    uint8_t room[HF_SIGNED13_MAX];
    hf_slice content;
    bool offered = false;
    hf_cert_info info;

    if (message->type != HF_MSG_CERTIFICATE_VERIFY)
        return hf_unexpected(conn, message);
    hf_status status = hf_certificate_verify_parse(message->body, &verify);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed CertificateVerify");
    const hf_scheme *scheme = hf_scheme_by_id(verify.scheme);
    for (size_t i = 0; hf_verify_schemes[i]; i++)
        offered |= hf_verify_schemes[i] == verify.scheme;
    if (!offered || !scheme->tls13)
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "CertificateVerify with a scheme not offered");
    status = conn->config->crypto.pki->cert_info(hs->peer_cert, &info);
    if (status == HF_OK && scheme->group && scheme->group != info.group)
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "CertificateVerify of another curve than its key");
    if (status == HF_OK)
        status = hf_signed_content13(conn, peer, room, &content);
    if (status == HF_OK)
        status = hf_check_signature(conn, hs->peer_cert, verify.scheme, &content, 1, verify.signature);
    if (status == HF_ERR_UNSUPPORTED)
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "CertificateVerify does not fit the certificate");
    if (status == HF_ERR_VERIFY)
        return hf_failed(conn, HF_SEND(HF_ALERT_DECRYPT_ERROR), "the peer does not hold its certificate's key");
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status != HF_OK)
        return hf_failed(conn, status, "verifying CertificateVerify failed");
    *(peer == HF_ROLE_SERVER ? &conn->server_scheme : &conn->client_scheme) = verify.scheme;
    return HF_NEXT_AGAIN;
}

hf_next hf_read_finished13(hf_conn *conn, const hf_message *message)
{
    uint8_t expected[HF_HASH_SIZE_MAX];
    hf_slice verify_data;

    if (message->type != HF_MSG_FINISHED)
        return hf_unexpected(conn, message);
    if (!hf_is_last_message(conn, message))
        return HF_NEXT_FAIL;
    hf_status status = hf_finished13_parse(message->body, conn->hs->hash->size, &verify_data);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed Finished");
    status = hf_verify_data13(conn, (hf_role)!conn->role, expected);
    if (status == HF_OK && !hf_ct_equal(expected, verify_data.ptr, verify_data.len))
        return hf_failed(conn, HF_SEND(HF_ALERT_DECRYPT_ERROR), "the peer's Finished is wrong");
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    return status == HF_OK ? HF_NEXT_AGAIN : hf_failed(conn, status, "checking Finished failed");
}
