/* The server's side of a TLS 1.2 handshake: RFC 5246 section 7.3, steps 1, 2 and 6 to 9 of the seed.
 *
 *   ClientHello                  ->
 *                                <-  ServerHello, Certificate, [ServerKeyExchange], [CertificateRequest],
 * ServerHelloDone [Certificate], ClientKeyExchange, [CertificateVerify], ChangeCipherSpec, Finished ->
 *                                <-  ChangeCipherSpec, Finished
 *
 * The private key is needed once: to sign the ephemeral share, or to decrypt the premaster secret. There the machine
 * waits (HF_NEXT_KEY) while the key's holder works.
 */
#include "hello.h"
#include "negotiate.h"
#include "resume.h"
#include "staple.h"

enum {
    SIGN_SERVER_KEY_EXCHANGE,
    SEND_HELLO_DONE,
    READ_CERTIFICATE,
    READ_CLIENT_KEY_EXCHANGE,
    DECRYPT_PREMASTER,
    DERIVE_KEYS,
    READ_CERTIFICATE_VERIFY,
    READ_CHANGE_CIPHER_SPEC,
    READ_FINISHED,
    DONE
};

#define SIGNATURE_INPUT_MAX 3 /* client_random, server_random, params */

/* ---- ClientHello ---- */

/* The signed content of ServerKeyExchange: RFC 8422 section 5.4. */
static void signed_params(hf_conn *conn, hf_slice params, hf_slice out[SIGNATURE_INPUT_MAX])
{
    out[0] = (hf_slice){conn->hs->client_random, HF_RANDOM_SIZE};
    out[1] = (hf_slice){conn->hs->server_random, HF_RANDOM_SIZE};
    out[2] = params;
}

static hf_slice ecdh_params(hf_conn *conn, uint8_t *room, size_t size)
{
    hf_writer w = hf_writer_of(room, size);
    hf_server_ecdh_params_write(&w, conn->hs->group->id,
                                (hf_slice){conn->hs->public_key, conn->hs->group->public_size});
    return (hf_slice){room, w.len};
}

static hf_status start_key_exchange(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    uint8_t room[HF_GROUP_PUBLIC_MAX + 4];
    hf_slice parts[SIGNATURE_INPUT_MAX];

    hf_status status = hs->group->generate(&hs->kex, hs->public_key);
    if (status != HF_OK)
        return status;
    signed_params(conn, ecdh_params(conn, room, sizeof room), parts);
    return hf_key_sign(conn, hs->credential, hs->scheme, parts, SIGNATURE_INPUT_MAX);
}

/* RFC 6066 section 8: directly behind Certificate. */
static hf_status send_certificate_status(hf_conn *conn)
{
    hf_slice response = hf_staple_of(conn, conn->hs->credential);
    hf_writer w;

    if (response.len == 0)
        return HF_OK;
    hf_status status = hf_message_begin(conn, HF_MSG_HEADER_SIZE + 4 + response.len, &w);
    if (status != HF_OK)
        return status;
    hf_certificate_status_write(&w, response);
    return hf_message_finish(conn, &w);
}

/* A session that goes on: our Finished comes first. */
static hf_next go_on(hf_conn *conn, hf_status status)
{
    if (status == HF_OK)
        status = hf_resume12_keys(conn);
    if (status == HF_OK)
        status = hf_send_finished12(conn);
    if (status != HF_OK)
        return hf_failed(conn, status, "answering the ClientHello failed");
    conn->hs->machine = hf_server12_step;
    conn->hs->state = READ_CHANGE_CIPHER_SPEC;
    return HF_NEXT_AGAIN;
}

hf_next hf_server12_hello(hf_conn *conn, const hf_message *message, const hf_client_hello *hello)
{
    hf_handshake *hs = conn->hs;
    const char *why = "";

    hf_status status = hf_server12_settle(conn, hello, &why);
    if (status == HF_OK && !hs->resumed)
        status = hf_key_admit(hs->credential, &why);
    if (status != HF_OK)
        return hf_failed(conn, status, why);
    status = hf_take_message(conn, message);
    if (status == HF_OK)
        status = hf_transcript_start(&hs->transcript, hs->hash);
    if (status == HF_OK && !hs->certificate_requested)
        hf_transcript_forget(&conn->memory, &hs->transcript);
    if (status == HF_OK) {
        hf_emit(conn, HF_EVENT_CHOSE, 0, 0, "");
        status = hf_server12_write_hello(conn, hello);
    }
    if (hs->resumed)
        return go_on(conn, status);
    if (status == HF_OK)
        status = hf_send_certificate(conn, hs->credential);
    if (status == HF_OK)
        status = send_certificate_status(conn);
    if (status == HF_OK && hs->group)
        status = start_key_exchange(conn);
    if (status != HF_OK)
        return hf_failed(conn, status, "answering the ClientHello failed");
    hs->machine = hf_server12_step;
    hs->state = hs->group ? SIGN_SERVER_KEY_EXCHANGE : SEND_HELLO_DONE;
    return HF_NEXT_AGAIN;
}

/* ---- The rest of the first flight ---- */

static hf_status write_server_key_exchange(hf_conn *conn, hf_slice params, hf_slice signature)
{
    hf_server_key_exchange out = {.params = params, .scheme = conn->hs->scheme, .signature = signature};
    hf_writer w;

    hf_status status = hf_message_begin(conn, HF_MSG_HEADER_SIZE + params.len + 4 + signature.len, &w);
    if (status != HF_OK)
        return status;
    hf_server_key_exchange_write(&w, &out);
    return hf_message_finish(conn, &w);
}

static hf_next sign_server_key_exchange(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    uint8_t room[HF_GROUP_PUBLIC_MAX + 4];
    hf_slice parts[SIGNATURE_INPUT_MAX];
    hf_key_op *op = hf_key_result(conn);

    if (!op)
        return HF_NEXT_KEY;
    hf_slice signature = {op->result, op->result_len};
    hf_slice params = ecdh_params(conn, room, sizeof room);
    signed_params(conn, params, parts);

    hf_status status = op->status;
    const char *why = "the private key could not sign";
    if (status == HF_OK) {
        status = hf_checked_signature(conn, op, parts, SIGNATURE_INPUT_MAX);
        why = "the signature that the private key made is wrong";
    }
    if (status == HF_OK)
        status = write_server_key_exchange(conn, params, signature);
    hf_key_op_free(op);
    if (status != HF_OK)
        return hf_failed(conn, status, why);
    hs->state = SEND_HELLO_DONE;
    return HF_NEXT_AGAIN;
}

static hf_status write_certificate_request(hf_conn *conn)
{
    static const uint8_t types[] = {HF_CERT_TYPE_ECDSA_SIGN, HF_CERT_TYPE_RSA_SIGN};
    const size_t names_max = HF_LIMIT_CLIENT_HELLO; /* enough for a few hundred authorities; more are left out */
    uint8_t schemes[2 * HF_KEY_SCHEMES_MAX];
    hf_writer list = hf_writer_of(schemes, sizeof schemes), w;
    size_t names_len = 0;

    for (size_t i = 0; hf_verify_schemes[i]; i++)
        hf_write_u16(&list, hf_verify_schemes[i]);
    uint8_t *names = hf_memory_new(&conn->memory, names_max);
    if (!names)
        return HF_ERR_NO_MEMORY;
    hf_status status = HF_OK;
    if (conn->config->trust)
        status = conn->config->crypto.pki->trust_names(conn->config->trust, names, names_max, &names_len);
    if (status == HF_OK)
        status = hf_message_begin(conn, names_len + 128, &w);
    if (status == HF_OK) {
        hf_certificate_request out = {.certificate_types = {types, sizeof types},
                                      .signature_algorithms = {schemes, list.len},
                                      .authorities = {names, names_len}};
        hf_certificate_request_write(&w, &out);
        status = hf_message_finish(conn, &w);
    }
    hf_memory_free(&conn->memory, names, names_max);
    return status;
}

static hf_next send_hello_done(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    hf_status status = HF_OK;
    hf_writer w;

    if (hs->certificate_requested)
        status = write_certificate_request(conn);
    if (status == HF_OK)
        status = hf_message_begin(conn, HF_MSG_HEADER_SIZE, &w);
    if (status == HF_OK) {
        hf_empty_write(&w, HF_MSG_SERVER_HELLO_DONE);
        status = hf_message_finish(conn, &w);
    }
    if (status == HF_OK)
        status = hf_flight_send(conn);
    if (status != HF_OK)
        return hf_failed(conn, status, "sending the first flight failed");
    hs->state = hs->certificate_requested ? READ_CERTIFICATE : READ_CLIENT_KEY_EXCHANGE;
    return HF_NEXT_AGAIN;
}

/* ---- The client's answer ---- */

static hf_next read_certificate(hf_conn *conn, const hf_message *message)
{
    hf_handshake *hs = conn->hs;
    hf_client_auth mode = conn->config->client_auth;
    hf_certificate_msg msg;

    if (message->type != HF_MSG_CERTIFICATE)
        return hf_unexpected(conn, message);
    hf_status status = hf_certificate_parse(message->body, &msg);
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed Certificate");
    hs->state = READ_CLIENT_KEY_EXCHANGE;
    if (msg.n == 0) {
        if (mode == HF_CLIENT_AUTH_REQUIRED) /* RFC 5246 section 7.4.6 */
            return hf_failed(conn, HF_SEND(HF_ALERT_HANDSHAKE_FAILURE), "the client sent no certificate");
        hf_transcript_forget(&conn->memory, &hs->transcript);
        hf_emit(conn, HF_EVENT_UNVERIFIED, 0, 0, "none");
        return HF_NEXT_AGAIN;
    }
    return hf_accept_client_chain(conn, &msg) ? HF_NEXT_AGAIN : HF_NEXT_FAIL;
}

static hf_next read_client_key_exchange(hf_conn *conn, const hf_message *message)
{
    hf_handshake *hs = conn->hs;
    hf_slice share;

    if (message->type != HF_MSG_CLIENT_KEY_EXCHANGE)
        return hf_unexpected(conn, message);
    hf_status status = hs->group ? hf_client_key_exchange_ecdhe_parse(message->body, &share)
                                 : hf_client_key_exchange_rsa_parse(message->body, &share);
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed ClientKeyExchange");
    if (!hs->group) {
        /* Whatever the ciphertext holds: the answer comes from the key's holder, good or random. */
        status = hf_key_decrypt(conn, hs->credential, share);
        if (status != HF_OK)
            return hf_failed(conn, status, "the premaster secret could not be handed to the private key");
        hs->state = DECRYPT_PREMASTER;
        return HF_NEXT_AGAIN;
    }
    status = hs->group->derive(hs->kex, share.ptr, share.len, hs->premaster);
    if (status == HF_ERR_VERIFY)
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "the client's key share is not a valid point");
    if (status != HF_OK)
        return hf_failed(conn, status, "key agreement failed");
    hs->premaster_len = hs->group->shared_size;
    hf_emit(conn, HF_EVENT_SECRET, 0, 0, "premaster secret agreed (ephemeral Diffie-Hellman)");
    hs->state = DERIVE_KEYS;
    return HF_NEXT_AGAIN;
}

static hf_next decrypt_premaster(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    hf_key_op *op = hf_key_result(conn);

    if (!op)
        return HF_NEXT_KEY;
    hf_status status = op->status;
    if (status == HF_OK && op->result_len != HF_PREMASTER_SIZE)
        status = HF_ERR_CRYPTO;
    if (status == HF_OK) {
        memcpy(hs->premaster, op->result, HF_PREMASTER_SIZE);
        hs->premaster_len = HF_PREMASTER_SIZE;
        hf_emit(conn, HF_EVENT_KEY_DONE, 0, 0, "premaster secret decrypted");
    }
    hf_key_op_free(op);
    if (status != HF_OK)
        return hf_failed(conn, status, "the private key could not decrypt");
    hs->state = DERIVE_KEYS;
    return HF_NEXT_AGAIN;
}

static hf_next derive_keys(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    hf_status status = hf_derive_master12(conn);
    if (status == HF_OK)
        status = hf_derive_keys12(conn);
    if (status != HF_OK)
        return hf_failed(conn, status, "key derivation failed");
    hs->state = hs->peer_cert ? READ_CERTIFICATE_VERIFY : READ_CHANGE_CIPHER_SPEC;
    return HF_NEXT_AGAIN;
}

static hf_next read_certificate_verify(hf_conn *conn, const hf_message *message)
{
    hf_handshake *hs = conn->hs;
    hf_slice messages = hf_transcript_messages(&hs->transcript);
    hf_certificate_verify verify;
    bool offered = false;

    if (message->type != HF_MSG_CERTIFICATE_VERIFY)
        return hf_unexpected(conn, message);
    hf_status status = hf_certificate_verify_parse(message->body, &verify);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed CertificateVerify");
    for (size_t i = 0; hf_verify_schemes[i]; i++)
        offered |= hf_verify_schemes[i] == verify.scheme;
    if (!offered)
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "CertificateVerify with a scheme not asked for");
    status = hf_check_signature(conn, hs->peer_cert, verify.scheme, &messages, 1, verify.signature);
    if (status == HF_ERR_UNSUPPORTED)
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "CertificateVerify does not fit the certificate");
    if (status == HF_ERR_VERIFY)
        return hf_failed(conn, HF_SEND(HF_ALERT_DECRYPT_ERROR), "the client does not hold its certificate's key");
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status != HF_OK)
        return hf_failed(conn, status, "verifying CertificateVerify failed");
    conn->client_scheme = verify.scheme;
    hf_transcript_forget(&conn->memory, &hs->transcript);
    hs->state = READ_CHANGE_CIPHER_SPEC;
    return HF_NEXT_AGAIN;
}

static hf_next read_finished(hf_conn *conn, const hf_message *message)
{
    hf_next next = hf_read_finished12(conn, message);
    if (next == HF_NEXT_FAIL)
        return next;
    hf_status status = HF_OK;
    if (conn->hs->ticket_follows)
        status = hf_ticket12_send(conn);
    if (status == HF_OK && !conn->hs->resumed)
        status = hf_send_finished12(conn);
    if (status == HF_OK)
        status = hf_resume12_remember(conn);
    if (status != HF_OK)
        return hf_failed(conn, status, "sending Finished failed");
    conn->hs->state = DONE;
    return HF_NEXT_AGAIN;
}

hf_next hf_server12_step(hf_conn *conn, const hf_message *message)
{
    switch (conn->hs->state) {
    case SIGN_SERVER_KEY_EXCHANGE:
        return sign_server_key_exchange(conn);
    case SEND_HELLO_DONE:
        return send_hello_done(conn);
    case DECRYPT_PREMASTER:
        return decrypt_premaster(conn);
    case DERIVE_KEYS:
        return derive_keys(conn);
    case DONE:
        return HF_NEXT_DONE;
    default:
        break;
    }
    if (!message)
        return HF_NEXT_MESSAGE;
    switch (conn->hs->state) {
    case READ_CERTIFICATE:
        return read_certificate(conn, message);
    case READ_CLIENT_KEY_EXCHANGE:
        return read_client_key_exchange(conn, message);
    case READ_CERTIFICATE_VERIFY:
        return read_certificate_verify(conn, message);
    case READ_CHANGE_CIPHER_SPEC:
        conn->hs->state = READ_FINISHED;
        return hf_read_change_cipher_spec(conn, message);
    default:
        return read_finished(conn, message);
    }
}
