/* The client's side of a TLS 1.2 handshake: RFC 5246 section 7.3, steps 1, 3 to 5 and 7 to 9 of the seed.
 *
 * The mirror of server12.c. The client's private key is needed only when the server asks for a certificate and we
 * have one that fits: then the machine waits for the signature of CertificateVerify.
 */
#include "hello.h"
#include "negotiate.h"
#include "resume.h"
#include "staple.h"

enum {
    READ_CERTIFICATE,
    READ_CERTIFICATE_STATUS, /* or, when the server leaves it out, what comes behind it */
    READ_SERVER_KEY_EXCHANGE,
    READ_REQUEST_OR_DONE,
    READ_HELLO_DONE,
    SEND_KEY_EXCHANGE,
    SIGN_CERTIFICATE_VERIFY,
    SEND_FINISHED,
    READ_NEW_SESSION_TICKET,
    READ_CHANGE_CIPHER_SPEC,
    READ_FINISHED,
    DONE
};

/* ---- The server's flight ---- */

hf_next hf_client12_hello(hf_conn *conn, const hf_message *message, const hf_server_hello *hello)
{
    hf_handshake *hs = conn->hs;
    const char *why = "";

    hf_status status = hf_client12_settle(conn, hello, &why);
    if (status != HF_OK)
        return hf_failed(conn, status, why);
    status = hf_take_message(conn, message);
    if (status == HF_OK)
        status = hf_transcript_start(&hs->transcript, hs->hash);
    if (status != HF_OK)
        return hf_failed(conn, status, "hashing the handshake failed");
    if (conn->config->n_credentials == 0)
        hf_transcript_forget(&conn->memory, &hs->transcript);
    if (hs->group) /* the share of our hello was for TLS 1.3 */
        hs->group->destroy(hs->kex);
    hs->group = NULL;
    hs->kex = NULL;
    hs->machine = hf_client12_step;
    if (hs->resumed) {
        hf_transcript_forget(&conn->memory, &hs->transcript);
        hf_emit(conn, HF_EVENT_CHOSE, 0, 0, "");
        status = hf_resume12_keys(conn);
        if (status != HF_OK)
            return hf_failed(conn, status, "key derivation failed");
        hs->state = hs->ticket_follows ? READ_NEW_SESSION_TICKET : READ_CHANGE_CIPHER_SPEC;
        return HF_NEXT_AGAIN;
    }
    if (hs->suite->kx == HF_KX_RSA) /* else the group is still to come */
        hf_emit(conn, HF_EVENT_CHOSE, 0, 0, "");
    hs->state = READ_CERTIFICATE;
    return HF_NEXT_AGAIN;
}

/* The certificate's key and its usage against the suite: RFC 5246 section 7.4.2. */
static bool check_usage(hf_conn *conn, const hf_cert_info *info)
{
    unsigned need = conn->hs->suite->kx == HF_KX_RSA ? HF_USAGE_KEY_ENCIPHERMENT : HF_USAGE_DIGITAL_SIGNATURE;

    if (!hf_key_serves(conn->hs->suite->kx, info->key_type)) {
        hf_fail(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "the server's certificate does not fit the cipher suite");
        return false;
    }
    if (!(info->usage & need)) {
        hf_fail(conn, HF_SEND(HF_ALERT_UNSUPPORTED_CERTIFICATE),
                "the server's certificate may not be used for this key exchange (key usage)");
        return false;
    }
    return true;
}

static hf_next read_message(hf_conn *conn, const hf_message *message);

static int behind_certificate(const hf_conn *conn)
{
    return conn->hs->suite->kx == HF_KX_RSA ? READ_REQUEST_OR_DONE : READ_SERVER_KEY_EXCHANGE;
}

static hf_next read_certificate(hf_conn *conn, const hf_message *message)
{
    hf_handshake *hs = conn->hs;
    hf_certificate_msg msg;
    hf_cert_info info;

    if (message->type != HF_MSG_CERTIFICATE)
        return hf_unexpected(conn, message);
    hf_status status = hf_certificate_parse(message->body, &msg);
    if (status == HF_OK && msg.n == 0)
        status =
            HF_SEND(HF_ALERT_DECODE_ERROR); /* RFC 8446 section 4.4.2.4 says which; 5246 only that it must not be */
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed or empty Certificate");
    status = hf_keep_peer_chain(conn, &msg, &info);
    if (status != HF_OK)
        return hf_failed(conn, status, "the server's certificate cannot be used");
    if (!conn->config->insecure && !hf_verify_peer_chain(conn, &msg, conn->server_name))
        return HF_NEXT_FAIL;
    if (!check_usage(conn, &info))
        return HF_NEXT_FAIL;
    hf_emit(conn, conn->peer_verified ? HF_EVENT_VERIFIED : HF_EVENT_UNVERIFIED, 0, 0, info.subject);
    if (hs->staple) {
        hs->state = READ_CERTIFICATE_STATUS;
        return HF_NEXT_AGAIN;
    }
    hs->state = behind_certificate(conn);
    return hf_staple_accept(conn, (hf_slice){0}) ? HF_NEXT_AGAIN : HF_NEXT_FAIL;
}

/* The server said that it may send one: RFC 6066 section 8. */
static hf_next read_certificate_status(hf_conn *conn, const hf_message *message)
{
    hf_slice response = {0};

    conn->hs->state = behind_certificate(conn);
    if (message->type != HF_MSG_CERTIFICATE_STATUS)
        return hf_staple_accept(conn, response) ? read_message(conn, message) : HF_NEXT_FAIL;
    hf_status status = hf_certificate_status_parse(message->body, &response);
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed CertificateStatus");
    return hf_staple_accept(conn, response) ? HF_NEXT_AGAIN : HF_NEXT_FAIL;
}

/* Group and scheme must be of those we offered: RFC 8422 section 5.4, RFC 5246 section 7.4.3. */
static hf_status check_key_exchange(hf_conn *conn, const hf_server_key_exchange *in, const char **why)
{
    const hf_config *config = conn->config;
    hf_handshake *hs = conn->hs;
    bool offered = false;

    for (size_t i = 0; i < config->n_groups; i++)
        if (config->groups[i]->id == in->group)
            hs->group = config->groups[i];
    if (!hs->group) {
        *why = "the server chose a group that we did not offer";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    for (size_t i = 0; hf_verify_schemes[i]; i++)
        offered |= hf_verify_schemes[i] == in->scheme;
    if (!offered) {
        *why = "the server signed with a scheme that we did not offer";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    hf_slice parts[] = {{hs->client_random, HF_RANDOM_SIZE}, {hs->server_random, HF_RANDOM_SIZE}, in->params};
    hf_status status = hf_check_signature(conn, hs->peer_cert, in->scheme, parts, 3, in->signature);
    if (status == HF_ERR_UNSUPPORTED) {
        *why = "the server signed with a scheme that does not fit its certificate";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    *why = "the server's signature is wrong: it does not hold its certificate's key";
    return status == HF_ERR_VERIFY ? HF_SEND(HF_ALERT_DECRYPT_ERROR) : status;
}

static hf_next read_server_key_exchange(hf_conn *conn, const hf_message *message)
{
    hf_handshake *hs = conn->hs;
    hf_server_key_exchange in;
    const char *why = "malformed ServerKeyExchange";

    if (message->type != HF_MSG_SERVER_KEY_EXCHANGE)
        return hf_unexpected(conn, message);
    hf_status status = hf_server_key_exchange_parse(message->body, &in);
    if (status == HF_OK)
        status = check_key_exchange(conn, &in, &why);
    if (status != HF_OK)
        return hf_failed(conn, status, why);

    status = hf_take_message(conn, message);
    if (status == HF_OK)
        status = hs->group->generate(&hs->kex, hs->public_key);
    if (status == HF_OK)
        status = hs->group->derive(hs->kex, in.public_key.ptr, in.public_key.len, hs->premaster);
    if (status == HF_ERR_VERIFY)
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "the server's key share is not a valid point");
    if (status != HF_OK)
        return hf_failed(conn, status, "key agreement failed");
    hs->premaster_len = hs->group->shared_size;
    conn->group_id = in.group;
    conn->server_scheme = in.scheme;
    hf_emit(conn, HF_EVENT_CHOSE, 0, 0, "");
    hs->state = READ_REQUEST_OR_DONE;
    return HF_NEXT_AGAIN;
}

static bool can_answer(const hf_conn *conn, const hf_own_credential *own, const hf_certificate_request *request)
{
    bool rsa = own->info.key_type == HF_KEY_RSA || own->info.key_type == HF_KEY_RSA_PSS;

    return (own->info.usage & HF_USAGE_DIGITAL_SIGNATURE) &&
           hf_choose_scheme(conn->config, own->key, request->signature_algorithms) != 0 &&
           hf_bytes_have(request->certificate_types, rsa ? HF_CERT_TYPE_RSA_SIGN : HF_CERT_TYPE_ECDSA_SIGN);
}

/* The best ranked of our credentials that can sign as the server asks; NULL: none. */
static hf_status choose_credential(hf_conn *conn, const hf_certificate_request *request)
{
    const hf_wish wish = {.cert_schemes = request->signature_algorithms, .authorities = request->authorities};
    const hf_config *config = conn->config;
    hf_handshake *hs = conn->hs;
    hf_ranking ranking;

    hf_status status = hf_rank_credentials(config, &wish, &ranking);
    if (status != HF_OK)
        return status;
    for (unsigned rank = HF_RANK_MAX + 1; rank-- > 0 && !hs->credential;)
        for (size_t i = 0; i < config->n_credentials && !hs->credential; i++)
            if (ranking.rank[i] == rank && can_answer(conn, &config->credentials[i], request))
                hs->credential = &config->credentials[i];
    if (hs->credential)
        hs->scheme = hf_choose_scheme(config, hs->credential->key, request->signature_algorithms);
    return HF_OK;
}

static hf_next read_request_or_done(hf_conn *conn, const hf_message *message)
{
    hf_handshake *hs = conn->hs;
    hf_certificate_request request;
    hf_status status;

    if (message->type == HF_MSG_CERTIFICATE_REQUEST && hs->state == READ_REQUEST_OR_DONE) {
        status = hf_certificate_request_parse(message->body, &request);
        if (status == HF_OK)
            status = hf_take_message(conn, message);
        if (status == HF_OK)
            status = choose_credential(conn, &request);
        if (status != HF_OK)
            return hf_failed(conn, status, "malformed CertificateRequest");
        hs->certificate_requested = conn->client_cert_requested = true;
        hs->state = READ_HELLO_DONE;
        return HF_NEXT_AGAIN;
    }
    if (message->type != HF_MSG_SERVER_HELLO_DONE)
        return hf_unexpected(conn, message);
    status = hf_empty_parse(message->body);
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed ServerHelloDone");
    if (!hs->credential)
        hf_transcript_forget(&conn->memory, &hs->transcript);
    hs->state = SEND_KEY_EXCHANGE;
    return HF_NEXT_AGAIN;
}

/* ---- Our flight ---- */

/* A fresh premaster secret, encrypted to the server: RFC 5246 section 7.4.7.1. */
static hf_status encrypt_premaster(hf_conn *conn, uint8_t *out, size_t out_max, size_t *out_len)
{
    const hf_env *env = conn->memory.env;
    hf_handshake *hs = conn->hs;

    hf_status status = env->random(env->random_arg, hs->premaster, HF_PREMASTER_SIZE);
    if (status != HF_OK)
        return status;
    hs->premaster[0] = (uint8_t)(hs->client_version >> 8);
    hs->premaster[1] = (uint8_t)hs->client_version;
    hs->premaster_len = HF_PREMASTER_SIZE;
    hf_emit(conn, HF_EVENT_SECRET, 0, 0, "premaster secret made, to be encrypted to the server's public key");
    return conn->config->crypto.pki->rsa_encrypt(hs->peer_cert, hs->premaster, HF_PREMASTER_SIZE, out, out_max,
                                                 out_len);
}

static hf_status write_key_exchange(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    uint8_t encrypted[HF_RSA_MAX_BYTES];
    hf_slice share = {hs->public_key, hs->group ? hs->group->public_size : 0};
    hf_status status = HF_OK;
    hf_writer w;

    if (!hs->group) {
        share.ptr = encrypted;
        status = encrypt_premaster(conn, encrypted, sizeof encrypted, &share.len);
    } else {
        hf_emit(conn, HF_EVENT_SECRET, 0, 0, "premaster secret agreed (ephemeral Diffie-Hellman)");
    }
    if (status == HF_OK)
        status = hf_message_begin(conn, HF_MSG_HEADER_SIZE + 2 + share.len, &w);
    if (status != HF_OK)
        return status;
    if (hs->group)
        hf_client_key_exchange_ecdhe_write(&w, share);
    else
        hf_client_key_exchange_rsa_write(&w, share);
    return hf_message_finish(conn, &w);
}

static hf_next send_key_exchange(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    hf_status status = HF_OK;

    if (hs->certificate_requested)
        status = hf_send_certificate(conn, hs->credential);
    if (status == HF_OK)
        status = write_key_exchange(conn);
    if (status == HF_OK)
        status = hf_derive_master12(conn); /* bound to the messages up to here: RFC 7627 section 3 */
    if (status == HF_OK)
        status = hf_derive_keys12(conn);
    if (status == HF_OK && hs->credential) {
        hf_slice messages = hf_transcript_messages(&hs->transcript);
        status = hf_key_sign(conn, hs->credential, hs->scheme, &messages, 1);
    }
    if (status != HF_OK)
        return hf_failed(conn, status, "sending ClientKeyExchange failed");
    hs->state = hs->credential ? SIGN_CERTIFICATE_VERIFY : SEND_FINISHED;
    return HF_NEXT_AGAIN;
}

static hf_next sign_certificate_verify(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    hf_slice messages = hf_transcript_messages(&hs->transcript);
    hf_key_op *op = hf_key_result(conn);
    hf_writer w;

    if (!op)
        return HF_NEXT_KEY;
    hf_certificate_verify verify = {hs->scheme, {op->result, op->result_len}};
    const char *why = "the private key could not sign";
    hf_status status = op->status;
    if (status == HF_OK) {
        status = hf_checked_signature(conn, op, &messages, 1);
        why = "the signature that the private key made is wrong";
    }
    if (status == HF_OK)
        status = hf_message_begin(conn, HF_MSG_HEADER_SIZE + 4 + verify.signature.len, &w);
    if (status == HF_OK) {
        hf_certificate_verify_write(&w, &verify);
        status = hf_message_finish(conn, &w);
    }
    hf_key_op_free(op);
    if (status != HF_OK)
        return hf_failed(conn, status, why);
    conn->client_scheme = hs->scheme;
    hf_transcript_forget(&conn->memory, &hs->transcript);
    hs->state = SEND_FINISHED;
    return HF_NEXT_AGAIN;
}

static hf_next send_finished(hf_conn *conn)
{
    hf_status status = hf_send_finished12(conn);
    if (status != HF_OK)
        return hf_failed(conn, status, "sending Finished failed");
    conn->hs->state = conn->hs->resumed          ? DONE
                      : conn->hs->ticket_follows ? READ_NEW_SESSION_TICKET
                                                 : READ_CHANGE_CIPHER_SPEC;
    return HF_NEXT_AGAIN;
}

static hf_next read_new_session_ticket(hf_conn *conn, const hf_message *message)
{
    if (message->type != HF_MSG_NEW_SESSION_TICKET)
        return hf_unexpected(conn, message);
    hf_status status = hf_ticket12_take(conn, message);
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed NewSessionTicket");
    conn->hs->state = READ_CHANGE_CIPHER_SPEC;
    return HF_NEXT_AGAIN;
}

static hf_next read_finished(hf_conn *conn, const hf_message *message)
{
    hf_next next = hf_read_finished12(conn, message);
    if (next == HF_NEXT_FAIL)
        return next;
    hf_status status = hf_resume12_give(conn);
    if (status != HF_OK)
        return hf_failed(conn, status, "keeping the session failed");
    conn->hs->state = conn->hs->resumed ? SEND_FINISHED : DONE;
    return HF_NEXT_AGAIN;
}

static hf_next read_message(hf_conn *conn, const hf_message *message)
{
    switch (conn->hs->state) {
    case READ_CERTIFICATE:
        return read_certificate(conn, message);
    case READ_CERTIFICATE_STATUS:
        return read_certificate_status(conn, message);
    case READ_SERVER_KEY_EXCHANGE:
        return read_server_key_exchange(conn, message);
    case READ_REQUEST_OR_DONE:
    case READ_HELLO_DONE:
        return read_request_or_done(conn, message);
    case READ_CHANGE_CIPHER_SPEC:
        conn->hs->state = READ_FINISHED;
        return hf_read_change_cipher_spec(conn, message);
    case READ_NEW_SESSION_TICKET:
        return read_new_session_ticket(conn, message);
    default:
        return read_finished(conn, message);
    }
}

hf_next hf_client12_step(hf_conn *conn, const hf_message *message)
{
    switch (conn->hs->state) {
    case SEND_KEY_EXCHANGE:
        return send_key_exchange(conn);
    case SIGN_CERTIFICATE_VERIFY:
        return sign_certificate_verify(conn);
    case SEND_FINISHED:
        return send_finished(conn);
    case DONE:
        return HF_NEXT_DONE;
    default:
        return message ? read_message(conn, message) : HF_NEXT_MESSAGE;
    }
}
