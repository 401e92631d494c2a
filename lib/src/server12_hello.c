/* The server's answer to a ClientHello of TLS 1.2: what is refused, what is chosen, and the ServerHello that says so.
 * RFC 5246 sections 7.4.1.2 to 7.4.1.4; RFC 5746, 6066, 7301, 7366, 7627, 8422, 8449.
 */
#include "hello12.h"
#include "negotiate.h"

static const uint8_t uncompressed_only[] = {0};

static bool has(const hf_client_hello *hello, hf_ext ext)
{
    return hello->ext.present & HF_EXT_BIT(ext);
}

/* Version and the rules that hold before anything is chosen. HF_OK or the failure. */
static hf_status check_version(hf_conn *conn, const hf_client_hello *hello, const char **why)
{
    bool offered = hello->legacy_version >= HF_VERSION_TLS12;

    /* RFC 8446 section 4.2.1: when the list is there, it alone counts. */
    if (has(hello, HF_EXT_SUPPORTED_VERSIONS))
        offered = hf_list_has(hello->ext.supported_versions, HF_VERSION_TLS12);
    if (!offered) {
        *why = "the client offers no version that the policy allows (TLS 1.2)";
        return HF_SEND(HF_ALERT_PROTOCOL_VERSION);
    }
    conn->hs->client_version = hello->legacy_version;
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

static hf_status settle_limits(hf_conn *conn, const hf_client_hello *hello, const char **why)
{
    if (has(hello, HF_EXT_RECORD_SIZE_LIMIT)) {
        hf_lower(&conn->send_limit, hello->ext.record_size_limit);
        conn->receive_limit = conn->config->record_size_limit;
    } else if (has(hello, HF_EXT_MAX_FRAGMENT_LENGTH)) { /* RFC 8449 section 5: ignored beside the newer one */
        size_t bytes = hf_max_fragment_bytes(hello->ext.max_fragment_length);
        if (bytes == 0) {
            *why = "max_fragment_length is none of the four values";
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
        }
        hf_lower(&conn->send_limit, bytes);
        hf_lower(&conn->receive_limit, bytes);
        conn->limit_unprotected = true;
    }
    return HF_OK;
}

static hf_status settle_names(hf_conn *conn, const hf_client_hello *hello, const char **why)
{
    if (has(hello, HF_EXT_SERVER_NAME)) {
        conn->server_name = hf_memory_new(&conn->memory, hello->ext.server_name.len + 1);
        if (!conn->server_name)
            return HF_ERR_NO_MEMORY;
        memcpy(conn->server_name, hello->ext.server_name.ptr, hello->ext.server_name.len);
    }
    if (conn->config->n_alpn > 0 && has(hello, HF_EXT_ALPN)) {
        conn->alpn = hf_choose_alpn(conn->config, hello->ext.alpn);
        if (!conn->alpn) {
            *why = "no application protocol in common with the client (ALPN)";
            return HF_SEND(HF_ALERT_NO_APPLICATION_PROTOCOL);
        }
    }
    return HF_OK;
}

hf_status hf_server12_write_hello(hf_conn *conn, const hf_client_hello *hello)
{
    hf_handshake *hs = conn->hs;
    hf_extensions ext = {0};
    uint8_t alpn[1 + HF_LIMIT_ALPN_SIZE];
    hf_writer w;

    if (conn->secure_renegotiation)
        ext.present |= HF_EXT_BIT(HF_EXT_RENEGOTIATION_INFO);
    if (conn->extended_master_secret)
        ext.present |= HF_EXT_BIT(HF_EXT_EXTENDED_MASTER_SECRET);
    if (conn->encrypt_then_mac)
        ext.present |= HF_EXT_BIT(HF_EXT_ENCRYPT_THEN_MAC);
    if (conn->server_name)
        ext.present |= HF_EXT_BIT(HF_EXT_SERVER_NAME);
    if (has(hello, HF_EXT_EC_POINT_FORMATS) && hs->group) {
        ext.present |= HF_EXT_BIT(HF_EXT_EC_POINT_FORMATS);
        ext.ec_point_formats = (hf_slice){uncompressed_only, sizeof uncompressed_only};
    }
    if (has(hello, HF_EXT_RECORD_SIZE_LIMIT)) {
        ext.present |= HF_EXT_BIT(HF_EXT_RECORD_SIZE_LIMIT);
        ext.record_size_limit = conn->config->record_size_limit;
    } else if (has(hello, HF_EXT_MAX_FRAGMENT_LENGTH)) {
        ext.present |= HF_EXT_BIT(HF_EXT_MAX_FRAGMENT_LENGTH);
        ext.max_fragment_length = hello->ext.max_fragment_length;
    }
    if (conn->alpn) {
        hf_writer name = hf_writer_of(alpn, sizeof alpn);
        hf_write_u8(&name, (uint8_t)strlen(conn->alpn));
        hf_write_bytes(&name, conn->alpn, strlen(conn->alpn));
        ext.present |= HF_EXT_BIT(HF_EXT_ALPN);
        ext.alpn = (hf_slice){alpn, name.len};
    }

    hf_server_hello out = {.version = HF_VERSION_TLS12,
                           .random = {hs->server_random, HF_RANDOM_SIZE},
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
    hf_choice12 choice;

    hf_status status = check_version(conn, hello, why);
    if (status == HF_OK)
        status = check_binding(conn, hello, why);
    if (status == HF_OK)
        status = hf_choose12(conn->config, hello, &choice, why);
    if (status == HF_OK)
        status = settle_limits(conn, hello, why);
    if (status == HF_OK)
        status = settle_names(conn, hello, why);
    if (status != HF_OK)
        return status;

    hs->suite = choice.suite;
    hs->hash = conn->config->crypto.hashes[choice.suite->prf_hash];
    hs->group = choice.group;
    hs->credential = choice.credential;
    hs->scheme = choice.scheme;
    conn->version = HF_VERSION_TLS12;
    conn->suite_id = choice.suite->info.id;
    conn->group_id = choice.group ? choice.group->id : 0;
    conn->server_scheme = choice.scheme;
    conn->encrypt_then_mac = has(hello, HF_EXT_ENCRYPT_THEN_MAC) && hf_suite_is_cbc(choice.suite);
    hs->certificate_requested = conn->client_cert_requested = conn->config->client_auth != HF_CLIENT_AUTH_NONE;
    return HF_OK;
}
