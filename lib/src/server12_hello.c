/* The server's answer to a ClientHello of TLS 1.2: what is refused, what is chosen, and the ServerHello that says so.
 * RFC 5246 sections 7.4.1.2 to 7.4.1.4; RFC 5746, 6066, 7301, 7366, 7627, 8422, 8449.
 */
#include "hello.h"
#include "negotiate.h"
#include "resume.h"
#include "staple.h"

static const uint8_t uncompressed_only[] = {0};

static bool has(const hf_client_hello *hello, hf_ext ext)
{
    return hf_has(&hello->ext, ext);
}

/* The rules that hold before anything is chosen. */
static hf_status check_hello(const hf_client_hello *hello, const char **why)
{
    if (!hf_bytes_have(hello->compression_methods, 0)) {
        *why = "ClientHello without null compression";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    if (has(hello, HF_EXT_EC_POINT_FORMATS) && !hf_bytes_have(hello->ext.ec_point_formats, 0)) {
        *why = "ClientHello without the uncompressed point format"; /* RFC 8422 section 5.1.2 */
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    return HF_OK;
}

/* RFC 5746 section 3.6 and RFC 7627 section 5.2. */
static hf_status check_binding(hf_conn *conn, const hf_client_hello *hello, const char **why)
{
    const hf_policy *policy = conn->config->policy;

    if (has(hello, HF_EXT_RENEGOTIATION_INFO) && hello->ext.renegotiation_info.len != 0) {
        *why = "renegotiation_info is not empty in a first handshake";
        return HF_SEND(HF_ALERT_HANDSHAKE_FAILURE);
    }
    conn->secure_renegotiation =
        has(hello, HF_EXT_RENEGOTIATION_INFO) || hf_list_has(hello->cipher_suites, HF_SCSV_RENEGOTIATION);
    if (policy->need_secure_renegotiation && !conn->secure_renegotiation) {
        *why = "the policy demands renegotiation_info, which the client does not send";
        return HF_SEND(HF_ALERT_HANDSHAKE_FAILURE);
    }
    conn->extended_master_secret = has(hello, HF_EXT_EXTENDED_MASTER_SECRET);
    if (policy->need_extended_master_secret && !conn->extended_master_secret) {
        *why = "the policy demands extended_master_secret, which the client does not offer";
        return HF_SEND(HF_ALERT_HANDSHAKE_FAILURE);
    }
    return HF_OK;
}

hf_status hf_server12_write_hello(hf_conn *conn, const hf_client_hello *hello)
{
    hf_handshake *hs = conn->hs;
    hf_extensions ext = {0};
    hf_hello_lists room;
    hf_writer w;

    if (conn->secure_renegotiation)
        ext.present |= HF_EXT_BIT(HF_EXT_RENEGOTIATION_INFO);
    if (conn->extended_master_secret)
        ext.present |= HF_EXT_BIT(HF_EXT_EXTENDED_MASTER_SECRET);
    if (conn->encrypt_then_mac)
        ext.present |= HF_EXT_BIT(HF_EXT_ENCRYPT_THEN_MAC);
    if (has(hello, HF_EXT_EC_POINT_FORMATS) && hs->group) {
        ext.present |= HF_EXT_BIT(HF_EXT_EC_POINT_FORMATS);
        ext.ec_point_formats = (hf_slice){uncompressed_only, sizeof uncompressed_only};
    }
    if (!hs->resumed && hf_staple_of(conn, hs->credential).len > 0)
        ext.present |= HF_EXT_BIT(HF_EXT_STATUS_REQUEST);
    hf_server_answer(conn, hello, &room, &ext);
    if (hs->ticket_follows)
        ext.present |= HF_EXT_BIT(HF_EXT_SESSION_TICKET);
    if (hs->resumed) /* RFC 6066 section 3 */
        ext.present &= ~HF_EXT_BIT(HF_EXT_SERVER_NAME);
    hf_server_hello out = {.version = HF_TLS12,
                           .random = {hs->server_random, HF_RANDOM_SIZE},
                           .session_id = {hs->session_id, hs->session_id_len},
                           .cipher_suite = hs->suite->info.id,
                           .ext = ext};
    hf_status status = hf_message_begin(conn, 1024, &w);
    if (status != HF_OK)
        return status;
    hf_server_hello_write(&w, &out);
    return hf_message_finish(conn, &w);
}

/* What is chosen from the hello is settled here, in the order of what a client should hear first. */
hf_status hf_server12_settle(hf_conn *conn, const hf_client_hello *hello, const char **why)
{
    hf_handshake *hs = conn->hs;
    hf_choice12 choice = {0};

    hf_status status = check_hello(hello, why);
    if (status == HF_OK)
        status = check_binding(conn, hello, why);
    if (status == HF_OK)
        status = hf_resume12_find(conn, hello, why);
    if (status == HF_OK && hs->session)
        choice.suite = hf_suite_by_id(hs->session->state.suite);
    else if (status == HF_OK)
        status = hf_choose12(conn->config, hello, &choice, why);
    if (status == HF_OK)
        status = hf_server_settle_limits(conn, hello, 0, why);
    if (status == HF_OK)
        status = hf_server_settle_names(conn, hello, why);
    if (status != HF_OK)
        return status;

    hs->suite = choice.suite;
    hs->hash = conn->config->crypto.hashes[choice.suite->prf_hash];
    hs->group = choice.group;
    hs->credential = choice.credential;
    hs->scheme = choice.scheme;
    hs->staple = has(hello, HF_EXT_STATUS_REQUEST);
    conn->version = HF_TLS12;
    conn->suite_id = choice.suite->info.id;
    conn->group_id = choice.group ? choice.group->id : 0;
    conn->server_scheme = choice.scheme;
    conn->encrypt_then_mac = has(hello, HF_EXT_ENCRYPT_THEN_MAC) && hf_suite_is_cbc(choice.suite);
    if (hs->session)
        status = hf_session_adopt(conn, hs->resumed_by);
    if (status == HF_OK)
        status = hf_resume12_answer(conn, hello);
    hs->certificate_requested = conn->client_cert_requested =
        conn->config->client_auth != HF_CLIENT_AUTH_NONE && !hs->resumed;
    return status;
}
