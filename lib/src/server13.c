/* The server's side of a TLS 1.3 handshake: RFC 8446 section 2.
 *
 *   ClientHello                    ->
 *                                  <-  [HelloRetryRequest, and ClientHello again]
 *                                  <-  ServerHello, {EncryptedExtensions, [CertificateRequest], Certificate,
 *                                       CertificateVerify, Finished}
 *   {[Certificate, CertificateVerify], Finished}  ->
 *                                  <-  [NewSessionTicket...]
 *
 * The private key is needed once: to sign CertificateVerify. A session that goes on (section 2.2) has none of the
 * certificate messages.
 */
#include "hello.h"
#include "negotiate.h"
#include "resume.h"

enum {
    READ_SECOND_HELLO,
    SIGN_CERTIFICATE_VERIFY,
    SEND_FINISHED,
    READ_CERTIFICATE,
    READ_CERTIFICATE_VERIFY,
    READ_FINISHED,
    DONE
};

static bool has(const hf_client_hello *hello, hf_ext ext)
{
    return hf_has(&hello->ext, ext);
}

/* ---- ClientHello ---- */

/* What a hello of TLS 1.3 must hold: sections 4.1.2 and 9.2. */
static hf_status check_hello(const hf_client_hello *hello, const char **why)
{
    if (hello->compression_methods.len != 1 || hello->compression_methods.ptr[0] != 0) {
        *why = "ClientHello with compression";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    if (!has(hello, HF_EXT_SUPPORTED_GROUPS) || !has(hello, HF_EXT_KEY_SHARE) ||
        (!has(hello, HF_EXT_SIGNATURE_ALGORITHMS) && !has(hello, HF_EXT_PRE_SHARED_KEY))) {
        *why = "ClientHello without supported_groups, key_share or signature_algorithms";
        return HF_SEND(HF_ALERT_MISSING_EXTENSION);
    }
    hf_reader r = hf_reader_of_slice(hello->ext.key_shares);
    uint16_t group;
    hf_slice share;
    while (hf_read_u16(&r, &group) && hf_read_vec16(&r, 1, 0xffff, &share)) {
        if (!hf_list_has(hello->ext.supported_groups, group)) {
            *why = "a key share for a group that is not in supported_groups"; /* section 4.2.8 */
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
        }
    }
    return HF_OK;
}

/* Suite, group and what signs; or a session that goes on without a signature. */
static hf_status choose(hf_conn *conn, const hf_message *message, const hf_client_hello *hello, hf_choice13 *out,
                        const char **why)
{
    hf_handshake *hs = conn->hs;

    hf_status status = hf_psk13_find(conn, message, hello, why);
    if (status != HF_OK)
        return status;
    if (hs->session)
        return hf_choose_resumed13(conn->config, hello, hf_suite_by_id(hs->session->state.suite)->prf_hash, out, why);
    if (!has(hello, HF_EXT_SIGNATURE_ALGORITHMS)) {
        *why = "ClientHello without signature_algorithms, and no session to resume";
        return HF_SEND(HF_ALERT_MISSING_EXTENSION);
    }
    status = hf_choose13(conn->config, hello, out, why);
    if (status == HF_OK && hs->suite_of_psk && hf_list_has(hello->cipher_suites, hs->suite->info.id))
        out->suite = hs->suite; /* as the HelloRetryRequest said, though it may not be our first */
    return status;
}

static hf_status settle(hf_conn *conn, const hf_message *message, const hf_client_hello *hello, hf_slice *out_share,
                        const char **why)
{
    hf_handshake *hs = conn->hs;
    hf_choice13 choice;

    hf_status status = check_hello(hello, why);
    if (status == HF_OK)
        status = choose(conn, message, hello, &choice, why);
    if (status != HF_OK)
        return status;
    if (hs->retried) { /* section 4.1.2: only what was asked for may have changed */
        size_t cookie_len = hf_buffer_len(&hs->cookie);
        *why = "the second ClientHello does not answer the HelloRetryRequest";
        if (choice.suite != hs->suite || choice.group != hs->group || choice.share.len == 0 ||
            hello->session_id.len != hs->session_id_len ||
            (hs->session_id_len > 0 && memcmp(hello->session_id.ptr, hs->session_id, hs->session_id_len) != 0) ||
            memcmp(hello->random.ptr, hs->client_random, HF_RANDOM_SIZE) != 0)
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
        if (!has(hello, HF_EXT_COOKIE))
            return HF_SEND(HF_ALERT_MISSING_EXTENSION);
        if (hello->ext.cookie.len != cookie_len ||
            !hf_ct_equal(hello->ext.cookie.ptr, hf_buffer_data(&hs->cookie), cookie_len))
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    hs->suite = choice.suite;
    hs->hash = conn->config->crypto.hashes[choice.suite->prf_hash];
    hs->group = choice.group;
    hs->credential = choice.credential;
    hs->scheme = choice.scheme;
    hs->staple = has(hello, HF_EXT_STATUS_REQUEST);
    *out_share = choice.share;
    conn->version = HF_TLS13;
    conn->suite_id = choice.suite->info.id;
    conn->group_id = choice.group->id;
    conn->server_scheme = choice.scheme;
    if (!hs->retried && hello->session_id.len > 0) { /* an empty one has no bytes to copy */
        memcpy(hs->session_id, hello->session_id.ptr, hello->session_id.len);
        hs->session_id_len = hello->session_id.len;
    }
    return HF_OK;
}

/* ServerHello or HelloRetryRequest: `ext` holds what differs. */
static hf_status write_hello(hf_conn *conn, bool retry, hf_extensions *ext)
{
    static const uint8_t version[2] = {HF_TLS13 >> 8, HF_TLS13 & 0xff};
    hf_handshake *hs = conn->hs;
    hf_writer w;

    ext->present |= HF_EXT_BIT(HF_EXT_SUPPORTED_VERSIONS) | HF_EXT_BIT(HF_EXT_KEY_SHARE);
    ext->supported_versions = (hf_slice){version, sizeof version};
    ext->key_share_group = hs->group->id;
    hf_server_hello hello = {.is_retry = retry,
                             .version = HF_TLS12,
                             .random = {hs->server_random, HF_RANDOM_SIZE},
                             .session_id = {hs->session_id, hs->session_id_len},
                             .cipher_suite = hs->suite->info.id,
                             .ext = *ext};
    hf_status status = hf_message_begin(conn, 512, &w);
    if (status != HF_OK)
        return status;
    hf_server_hello_write(&w, &hello);
    status = hf_message_finish(conn, &w);
    if (status == HF_OK)
        status = hf_flight_send(conn);
    return status == HF_OK ? hf_send_compat_ccs(conn) : status;
}

static hf_status ask_again(hf_conn *conn, const hf_message *message)
{
    const hf_env *env = conn->memory.env;
    hf_handshake *hs = conn->hs;
    uint8_t cookie[HF_COOKIE_SIZE];
    hf_extensions ext = {.present = HF_EXT_BIT(HF_EXT_COOKIE), .cookie = {cookie, sizeof cookie}};

    hf_status status = env->random(env->random_arg, cookie, sizeof cookie);
    if (status == HF_OK)
        status = hf_buffer_append(&conn->memory, &hs->cookie, cookie, sizeof cookie, sizeof cookie);
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status == HF_OK)
        status = hf_transcript_fold(&conn->memory, &hs->transcript, hs->hash);
    if (status == HF_OK)
        status = write_hello(conn, true, &ext);
    hs->retried = true;
    hs->state = READ_SECOND_HELLO;
    return status;
}

static hf_status write_encrypted_extensions(hf_conn *conn, const hf_client_hello *hello)
{
    hf_hello_lists room;
    hf_extensions ext = {0};
    hf_writer w;

    hf_server_answer(conn, hello, &room, &ext);
    hf_status status = hf_message_begin(conn, 1024, &w);
    if (status != HF_OK)
        return status;
    hf_encrypted_extensions_write(&w, &ext);
    return hf_message_finish(conn, &w);
}

static hf_status write_certificate_request(hf_conn *conn)
{
    uint8_t schemes[2 * HF_KEY_SCHEMES_MAX];
    const size_t names_max = HF_LIMIT_CLIENT_HELLO;
    hf_writer list = hf_writer_of(schemes, sizeof schemes), w;
    hf_certificate_request13 out = {0};
    size_t names_len = 0;

    for (size_t i = 0; hf_verify_schemes[i]; i++)
        hf_write_u16(&list, hf_verify_schemes[i]);
    uint8_t *names = hf_memory_new(&conn->memory, names_max);
    if (!names)
        return HF_ERR_NO_MEMORY;
    hf_status status = HF_OK;
    if (conn->config->trust)
        status = conn->config->crypto.pki->trust_names(conn->config->trust, names, names_max, &names_len);
    out.ext.present = HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS);
    out.ext.signature_algorithms = (hf_slice){schemes, list.len};
    if (names_len > 0) {
        out.ext.present |= HF_EXT_BIT(HF_EXT_CERTIFICATE_AUTHORITIES);
        out.ext.certificate_authorities = (hf_slice){names, names_len};
    }
    if (status == HF_OK)
        status = hf_message_begin(conn, names_len + 128, &w);
    if (status == HF_OK) {
        hf_certificate_request13_write(&w, &out);
        status = hf_message_finish(conn, &w);
    }
    hf_memory_free(&conn->memory, names, names_max);
    return status;
}

/* ServerHello with our share, and under the handshake keys everything up to what the private key signs. */
static hf_status answer(hf_conn *conn, const hf_message *message, const hf_client_hello *hello)
{
    hf_handshake *hs = conn->hs;
    hf_extensions ext = {.key_share = {hs->public_key, hs->group->public_size}};

    if (hs->resumed) {
        ext.present = HF_EXT_BIT(HF_EXT_PRE_SHARED_KEY);
        ext.psk_selected = hs->psk_selected;
    }
    hf_status status = hf_take_message(conn, message);
    if (status == HF_OK)
        status = hf_transcript_start(&hs->transcript, hs->hash);
    hf_transcript_forget(&conn->memory, &hs->transcript);
    if (status == HF_OK)
        status = write_hello(conn, false, &ext);
    if (status == HF_OK)
        status = hf_enter_handshake13(conn);
    if (status == HF_OK)
        status = write_encrypted_extensions(conn, hello);
    if (status == HF_OK && hs->resumed)
        hf_emit(conn, HF_EVENT_RESUMED, 0, 0, "by a ticket: no operation of the private key");
    if (status != HF_OK || hs->resumed)
        return status;
    if (hs->certificate_requested)
        status = write_certificate_request(conn);
    if (status == HF_OK)
        status = hf_send_certificate13(conn, (hf_slice){0}, hs->credential);
    return status == HF_OK ? hf_start_sign13(conn) : status;
}

hf_next hf_server13_hello(hf_conn *conn, const hf_message *message, const hf_client_hello *hello)
{
    hf_handshake *hs = conn->hs;
    const char *why = "answering the ClientHello failed";
    hf_slice share;

    hs->machine = hf_server13_step;
    if (has(hello, HF_EXT_EARLY_DATA) && hs->retried)
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "early_data after a HelloRetryRequest");
    conn->early_left = has(hello, HF_EXT_EARLY_DATA) ? HF_LIMIT_EARLY_DATA : 0;
    if (!hf_is_last_message(conn, message))
        return HF_NEXT_FAIL;
    hf_status status = settle(conn, message, hello, &share, &why);
    if (status == HF_OK && !hs->session)
        status = hf_key_admit(hs->credential, &why);
    if (status == HF_OK && share.len == 0) {
        hs->suite_of_psk = hs->session != NULL;
        status = ask_again(conn, message);
        return status == HF_OK ? HF_NEXT_AGAIN : hf_failed(conn, status, why);
    }
    if (status == HF_OK)
        status = hf_server_settle_names(conn, hello, &why);
    if (status == HF_OK)
        status = hf_server_settle_limits(conn, hello, 1, &why);
    if (status != HF_OK)
        return hf_failed(conn, status, why);
    if (hs->session)
        status = hf_session_adopt(conn, HF_RESUMED_TICKET);
    if (status != HF_OK)
        return hf_failed(conn, status, why);
    hs->certificate_requested = conn->client_cert_requested =
        conn->config->client_auth != HF_CLIENT_AUTH_NONE && !hs->resumed;
    hf_emit(conn, HF_EVENT_CHOSE, 0, 0, "");

    status = hs->group->generate(&hs->kex, hs->public_key);
    if (status == HF_OK)
        status = hs->group->derive(hs->kex, share.ptr, share.len, hs->premaster);
    if (status == HF_ERR_VERIFY)
        return hf_failed(conn, HF_SEND(HF_ALERT_ILLEGAL_PARAMETER), "the client's key share is not a valid point");
    hs->premaster_len = hs->group->shared_size;
    if (status == HF_OK) {
        hf_emit(conn, HF_EVENT_SECRET, 0, 0, "shared secret agreed (ephemeral Diffie-Hellman)");
        status = answer(conn, message, hello);
    }
    if (status != HF_OK)
        return hf_failed(conn, status, "answering the ClientHello failed");
    hs->state = hs->resumed ? SEND_FINISHED : SIGN_CERTIFICATE_VERIFY;
    return HF_NEXT_AGAIN;
}

static hf_next read_second_hello(hf_conn *conn, const hf_message *message)
{
    hf_client_hello hello;

    if (message->type != HF_MSG_CLIENT_HELLO)
        return hf_unexpected(conn, message);
    hf_status status = hf_client_hello_parse(message->body, &hello);
    if (status == HF_OK && !hf_list_has(hello.ext.supported_versions, HF_TLS13))
        status = HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed second ClientHello");
    return hf_server13_hello(conn, message, &hello);
}

/* ---- Our Finished ---- */

static hf_next sign_certificate_verify(hf_conn *conn)
{
    hf_next next = hf_send_certificate_verify13(conn);
    if (next == HF_NEXT_AGAIN)
        conn->hs->state = SEND_FINISHED;
    return next;
}

static hf_next send_finished(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    uint8_t server[HF_HASH_SIZE_MAX];

    hf_status status = hf_send_finished13(conn);
    if (status == HF_OK)
        status = hf_derive_application13(conn, hs->client_application, server);
    if (status == HF_OK)
        status = hf_set_traffic13(conn, HF_SEAL, server);
    hf_wipe(server, sizeof server);
    if (status != HF_OK)
        return hf_failed(conn, status, "sending Finished failed");
    hs->state = hs->certificate_requested ? READ_CERTIFICATE : READ_FINISHED;
    return HF_NEXT_AGAIN;
}

/* ---- The client's answer ---- */

static hf_next read_certificate(hf_conn *conn, const hf_message *message)
{
    hf_handshake *hs = conn->hs;
    hf_client_auth mode = conn->config->client_auth;
    hf_certificate13 msg;

    if (message->type != HF_MSG_CERTIFICATE)
        return hf_unexpected(conn, message);
    hf_status status = hf_certificate13_parse(message->body, &msg);
    if (status == HF_OK && msg.context.len != 0)
        status = HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    if (status == HF_OK && msg.extensions) /* nothing was asked for */
        status = HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION);
    if (status == HF_OK)
        status = hf_take_message(conn, message);
    if (status != HF_OK)
        return hf_failed(conn, status, "malformed Certificate");
    if (msg.chain.n == 0) {
        if (mode == HF_CLIENT_AUTH_REQUIRED)
            return hf_failed(conn, HF_SEND(HF_ALERT_CERTIFICATE_REQUIRED), "the client sent no certificate");
        hf_emit(conn, HF_EVENT_UNVERIFIED, 0, 0, "none");
        hs->state = READ_FINISHED;
        return HF_NEXT_AGAIN;
    }
    hs->state = READ_CERTIFICATE_VERIFY;
    return hf_accept_client_chain(conn, &msg.chain) ? HF_NEXT_AGAIN : HF_NEXT_FAIL;
}

static hf_next read_finished(hf_conn *conn, const hf_message *message)
{
    hf_next next = hf_read_finished13(conn, message);
    if (next == HF_NEXT_FAIL)
        return next;
    hf_status status = hf_set_traffic13(conn, HF_OPEN, conn->hs->client_application);
    if (status != HF_OK)
        return hf_failed(conn, status, "key derivation failed");
    status = hf_tickets13_send(conn);
    if (status != HF_OK)
        return hf_failed(conn, status, "sending tickets failed");
    conn->hs->state = DONE;
    return HF_NEXT_AGAIN;
}

hf_next hf_server13_step(hf_conn *conn, const hf_message *message)
{
    switch (conn->hs->state) {
    case SIGN_CERTIFICATE_VERIFY:
        return sign_certificate_verify(conn);
    case SEND_FINISHED:
        return send_finished(conn);
    case DONE:
        return HF_NEXT_DONE;
    default:
        break;
    }
    if (!message)
        return HF_NEXT_MESSAGE;
    switch (conn->hs->state) {
    case READ_SECOND_HELLO:
        return read_second_hello(conn, message);
    case READ_CERTIFICATE:
        return read_certificate(conn, message);
    case READ_CERTIFICATE_VERIFY:
        conn->hs->state = READ_FINISHED;
        return hf_read_certificate_verify13(conn, message);
    default:
        return read_finished(conn, message);
    }
}
