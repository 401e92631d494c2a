/* The client's side of a TLS 1.3 handshake: RFC 8446 section 2. The mirror of server13.c. */
#include "hello.h"
#include "negotiate.h"
#include "resume.h"
#include "staple.h"

enum {
    READ_SERVER_HELLO, /* after a HelloRetryRequest */
    READ_ENCRYPTED_EXTENSIONS,
    READ_REQUEST_OR_CERTIFICATE,
    READ_CERTIFICATE,
    READ_CERTIFICATE_VERIFY,
    READ_FINISHED,
    SEND_CERTIFICATE,
    SIGN_CERTIFICATE_VERIFY,
    SEND_FINISHED,
    DONE
};

static bool has(const hf_server_hello *hello, hf_ext ext)
{
    return hf_has(&hello->ext, ext);
}

/* ---- ServerHello and HelloRetryRequest ---- */

/* What both must hold: section 4.1.3. */
static hf_status check_hello(hf_conn *conn, const hf_server_hello *hello, const char **why)
{
    hf_handshake *hs = conn->hs;
    const uint32_t psk = hs->offered_extensions & HF_EXT_BIT(HF_EXT_PRE_SHARED_KEY);
    const uint32_t allowed = HF_EXT_BIT(HF_EXT_SUPPORTED_VERSIONS) | HF_EXT_BIT(HF_EXT_KEY_SHARE) |
                             (hello->is_retry ? HF_EXT_BIT(HF_EXT_COOKIE) : psk);
    const hf_suite *suite = hf_client_offered_suite(conn->config, hello->cipher_suite);
    const hf_slice version = hello->ext.supported_versions;

    if (hello->version <= HF_VERSION_SSL30) { /* section 4.1.2; else legacy_version says nothing: section 4.2.1 */
        *why = "the server speaks SSL 3.0";
        return HF_SEND(HF_ALERT_PROTOCOL_VERSION);
    }
    if (version.ptr[0] != HF_TLS13 >> 8 || version.ptr[1] != (HF_TLS13 & 0xff)) {
        *why = "the server chose a version that we did not offer";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    if (hello->ext.present & ~allowed) {
        *why = "ServerHello with an extension that does not belong there";
        return hello->ext.present & ~allowed & ~hs->offered_extensions ? HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION)
                                                                       : HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    *why = "the server's answer does not fit our hello";
    if (!suite || suite->kx != HF_KX_TLS13 || hello->compression_method != 0 ||
        hello->session_id.len != hs->session_id_len ||
        memcmp(hello->session_id.ptr, hs->session_id, hs->session_id_len) != 0)
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    if (hs->suite && hs->suite != suite) { /* it must stay what the HelloRetryRequest said */
        *why = "the server changed the cipher suite";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    hs->suite = suite;
    hs->hash = conn->config->crypto.hashes[suite->prf_hash];
    return HF_OK;
}

static const hf_group *offered_group(const hf_config *config, uint16_t id)
{
    for (size_t i = 0; i < config->n_groups; i++)
        if (config->groups[i]->id == id)
            return config->groups[i];
    return NULL;
}

/* Another group, a cookie, or both; what changes nothing is refused: section 4.1.4. */
static hf_status take_retry(hf_conn *conn, const hf_server_hello *hello, const char **why)
{
    hf_handshake *hs = conn->hs;

    if (!has(hello, HF_EXT_KEY_SHARE) && !has(hello, HF_EXT_COOKIE)) {
        *why = "a HelloRetryRequest that changes nothing";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    if (has(hello, HF_EXT_COOKIE)) {
        hf_status status = hf_buffer_append(&conn->memory, &hs->cookie, hello->ext.cookie.ptr, hello->ext.cookie.len,
                                            HF_LIMIT_CLIENT_HELLO);
        if (status != HF_OK)
            return status;
    }
    if (!has(hello, HF_EXT_KEY_SHARE))
        return HF_OK;
    const hf_group *group = offered_group(conn->config, hello->ext.key_share_group);
    if (!group || group == hs->group) {
        *why = "a HelloRetryRequest for a group that we did not offer, or had sent";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    hs->group->destroy(hs->kex);
    hs->kex = NULL;
    hs->group = group;
    return group->generate(&hs->kex, hs->public_key);
}

static hf_next answer_retry(hf_conn *conn, const hf_message *message, const hf_server_hello *hello)
{
    hf_handshake *hs = conn->hs;
    const char *why = "answering the HelloRetryRequest failed";

    if (hs->retried)
        return hf_unexpected(conn, message);
    hs->retried = true;
    conn->version = HF_TLS13; /* settled: section 4.1.4 */
    hf_status status = take_retry(conn, hello, &why);
    if (status == HF_OK)
        status = hf_transcript_fold(&conn->memory, &hs->transcript, hs->hash);
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status == HF_OK)
        status = hf_send_compat_ccs(conn);
    if (status == HF_OK)
        status = hf_client_write_hello(conn);
    if (status == HF_OK)
        status = hf_flight_send(conn);
    if (status != HF_OK)
        return hf_failed(conn, status, why);
    hs->state = READ_SERVER_HELLO;
    return HF_NEXT_AGAIN;
}

hf_next hf_client13_hello(hf_conn *conn, const hf_message *message, const hf_server_hello *hello)
{
    hf_handshake *hs = conn->hs;
    const char *why = "";

    hs->machine = hf_client13_step;
    if (!hf_is_last_message(conn, message))
        return HF_NEXT_FAIL;
    hf_status status = check_hello(conn, hello, &why);
    if (status != HF_OK)
        return hf_failed(conn, status, why);
    if (hello->is_retry)
        return answer_retry(conn, message, hello);
    if (!has(hello, HF_EXT_KEY_SHARE))
        return hf_failed(conn, HF_SEND(HF_ALERT_MISSING_EXTENSION), "ServerHello without key_share");
    if (hello->ext.key_share_group != hs->group->id)
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "the server chose a group without our share");

    status = hf_psk13_settle(conn, hello, &why);
    if (status != HF_OK)
        return hf_failed(conn, status, why);
    conn->version = HF_TLS13;
    conn->suite_id = hs->suite->info.id;
    conn->group_id = hs->group->id;
    memcpy(hs->server_random, hello->random.ptr, HF_RANDOM_SIZE);
    status = hs->group->derive(hs->kex, hello->ext.key_share.ptr, hello->ext.key_share.len, hs->premaster);
    if (status == HF_ERR_VERIFY)
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "the server's key share is not a valid point");
    hs->premaster_len = hs->group->shared_size;
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status == HF_OK)
        status = hf_transcript_start(&hs->transcript, hs->hash);
    hf_transcript_forget(&conn->memory, &hs->transcript);
    if (status == HF_OK) {
        hf_emit(conn, HF_EVENT_SECRET, 0, 0, "shared secret agreed (ephemeral Diffie-Hellman)");
        status = hf_send_compat_ccs(conn);
    }
    if (status == HF_OK)
        status = hf_enter_handshake13(conn);
    if (status != HF_OK)
        return hf_failed(conn, status, "key derivation failed");
    hs->state = READ_ENCRYPTED_EXTENSIONS;
    return HF_NEXT_AGAIN;
}

static hf_next read_server_hello(hf_conn *conn, const hf_message *message)
{
    hf_server_hello hello;

    if (message->type != HF_MSG_SERVER_HELLO)
        return hf_unexpected(conn, message);
    hf_status status = hf_server_hello_parse(message->body, &hello);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed ServerHello");
    if (!has(&hello, HF_EXT_SUPPORTED_VERSIONS))
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "the server changed the version");
    return hf_client13_hello(conn, message, &hello);
}

/* ---- The server's encrypted flight ---- */

static hf_next read_encrypted_extensions(hf_conn *conn, const hf_message *message)
{
    const char *why = "malformed EncryptedExtensions";
    hf_extensions ext;

    if (message->type != HF_MSG_ENCRYPTED_EXTENSIONS)
        return hf_unexpected(conn, message);
    hf_status status = hf_encrypted_extensions_parse(message->body, &ext);
    if (status == HF_OK && (ext.present & ~conn->hs->offered_extensions)) {
        why = "the server answers an extension that we did not send";
        status = HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION);
    }
    if (status == HF_OK)
        status = hf_client_settle_limits(conn, &ext, 1, &why);
    if (status == HF_OK)
        status = hf_client_settle_alpn(conn, &ext, &why);
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status != HF_OK)
        return hf_failed(conn, status, why);
    hf_emit(conn, HF_EVENT_CHOSE, 0, 0, "");
    if (conn->hs->resumed)
        hf_emit(conn, HF_EVENT_RESUMED, 0, 0, "by a ticket: the server proves itself by the earlier session's secret");
    conn->hs->state = conn->hs->resumed ? READ_FINISHED : READ_REQUEST_OR_CERTIFICATE;
    return HF_NEXT_AGAIN;
}

static hf_next read_certificate_request(hf_conn *conn, const hf_message *message)
{
    hf_handshake *hs = conn->hs;
    hf_certificate_request13 request;

    hf_status status = hf_certificate_request13_parse(message->body, &request);
    if (status == HF_OK && request.context.len != 0) /* section 4.3.2: empty in a handshake */
        status = HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed CertificateRequest");
    const hf_wish wish = hf_wish_of(&request.ext);
    hf_ranking ranking;
    status = hf_rank_credentials(conn->config, &wish, &ranking);
    if (status != HF_OK)
        return hf_failed(conn, status, "choosing a certificate failed");
    hs->certificate_requested = conn->client_cert_requested = true;
    hs->credential = hf_choose_credential13(conn->config, &ranking, request.ext.signature_algorithms, &hs->scheme);
    hs->state = READ_CERTIFICATE;
    return HF_NEXT_AGAIN;
}

static hf_next read_certificate(hf_conn *conn, const hf_message *message)
{
    hf_certificate13 msg;
    hf_cert_info info;

    if (message->type == HF_MSG_CERTIFICATE_REQUEST && conn->hs->state == READ_REQUEST_OR_CERTIFICATE)
        return read_certificate_request(conn, message);
    if (message->type != HF_MSG_CERTIFICATE)
        return hf_unexpected(conn, message);
    hf_status status = hf_certificate13_parse(message->body, &msg);
    if (status == HF_OK && msg.context.len != 0)
        status = HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    if (status == HF_OK && msg.chain.n == 0)
        status = HF_SEND(HF_ALERT_DECODE_ERROR); /* section 4.4.2.4 */
    if (status == HF_OK && (msg.extensions & ~conn->hs->offered_extensions))
        status = HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION); /* section 4.4.2 */
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed or empty Certificate");
    status = hf_keep_peer_chain(conn, &msg.chain, &info);
    if (status != HF_OK)
        return hf_failed(conn, status, "the server's certificate cannot be used");
    if (!conn->config->insecure && !hf_verify_peer_chain(conn, &msg.chain, conn->server_name))
        return HF_NEXT_FAIL;
    if (!(info.usage & HF_USAGE_DIGITAL_SIGNATURE))
        return hf_failed(conn, HF_SEND(HF_ALERT_UNSUPPORTED_CERTIFICATE),
                         "the server's certificate may not sign (key usage)");
    if (!hf_staple_accept(conn, msg.ocsp_response))
        return HF_NEXT_FAIL;
    hf_emit(conn, conn->peer_verified ? HF_EVENT_VERIFIED : HF_EVENT_UNVERIFIED, 0, 0, info.subject);
    conn->hs->state = READ_CERTIFICATE_VERIFY;
    return HF_NEXT_AGAIN;
}

static hf_next read_finished(hf_conn *conn, const hf_message *message)
{
    hf_handshake *hs = conn->hs;
    uint8_t server[HF_HASH_SIZE_MAX];

    hf_next next = hf_read_finished13(conn, message);
    if (next == HF_NEXT_FAIL)
        return next;
    hf_status status = hf_derive_application13(conn, hs->client_application, server);
    if (status == HF_OK)
        status = hf_set_traffic13(conn, HF_OPEN, server);
    hf_wipe(server, sizeof server);
    if (status != HF_OK)
        return hf_failed(conn, status, "key derivation failed");
    hs->state = hs->certificate_requested ? SEND_CERTIFICATE : SEND_FINISHED;
    return HF_NEXT_AGAIN;
}

/* ---- Our flight ---- */

static hf_next send_certificate(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;

    hf_status status = hf_send_certificate13(conn, (hf_slice){0}, hs->credential);
    if (status == HF_OK && hs->credential)
        status = hf_start_sign13(conn);
    if (status != HF_OK)
        return hf_failed(conn, status, "sending Certificate failed");
    hs->state = hs->credential ? SIGN_CERTIFICATE_VERIFY : SEND_FINISHED;
    return HF_NEXT_AGAIN;
}

static hf_next sign_certificate_verify(hf_conn *conn)
{
    hf_next next = hf_send_certificate_verify13(conn);
    if (next == HF_NEXT_AGAIN) {
        conn->client_scheme = conn->hs->scheme;
        conn->hs->state = SEND_FINISHED;
    }
    return next;
}

static hf_next send_finished(hf_conn *conn)
{
    hf_status status = hf_send_finished13(conn);
    if (status == HF_OK && conn->options.on_session)
        status = hf_derive_resumption13(conn, conn->resumption_secret);
    if (status == HF_OK)
        status = hf_set_traffic13(conn, HF_SEAL, conn->hs->client_application);
    if (status != HF_OK)
        return hf_failed(conn, status, "sending Finished failed");
    conn->hs->state = DONE;
    return HF_NEXT_AGAIN;
}

static hf_next read_message(hf_conn *conn, const hf_message *message)
{
    switch (conn->hs->state) {
    case READ_SERVER_HELLO:
        return read_server_hello(conn, message);
    case READ_ENCRYPTED_EXTENSIONS:
        return read_encrypted_extensions(conn, message);
    case READ_REQUEST_OR_CERTIFICATE:
    case READ_CERTIFICATE:
        return read_certificate(conn, message);
    case READ_CERTIFICATE_VERIFY:
        conn->hs->state = READ_FINISHED;
        return hf_read_certificate_verify13(conn, message);
    default:
        return read_finished(conn, message);
    }
}

hf_next hf_client13_step(hf_conn *conn, const hf_message *message)
{
    switch (conn->hs->state) {
    case SEND_CERTIFICATE:
        return send_certificate(conn);
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
