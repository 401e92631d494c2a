/* The client's check of a ServerHello of TLS 1.2: RFC 5246 section 7.4.1.3; RFC 5746, 7366, 7627, 8422.
 */
#include "hello.h"
#include "negotiate.h"
#include "resume.h"

static bool has(const hf_server_hello *hello, hf_ext ext)
{
    return hf_has(&hello->ext, ext);
}

static hf_status check_choice(hf_conn *conn, const hf_server_hello *hello, const char **why)
{
    conn->hs->suite = hf_client_offered_suite(conn->config, hello->cipher_suite);
    if (hello->ext.present & ~conn->hs->offered_extensions) {
        *why = "the server answers an extension that we did not send";
        return HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION);
    }
    if (hello->ext.present & (HF_EXT_BIT(HF_EXT_KEY_SHARE) | HF_EXT_BIT(HF_EXT_PRE_SHARED_KEY))) {
        *why = "ServerHello of TLS 1.2 with an extension of TLS 1.3"; /* RFC 8446 section 4.2 */
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    if (!conn->hs->suite || conn->hs->suite->kx == HF_KX_TLS13) {
        *why = "the server chose a cipher suite that we did not offer";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    if (hello->compression_method != 0) {
        *why = "the server chose compression";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    if (has(hello, HF_EXT_EC_POINT_FORMATS) && !hf_bytes_have(hello->ext.ec_point_formats, 0)) {
        *why = "the server lacks the uncompressed point format";
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    if (has(hello, HF_EXT_ENCRYPT_THEN_MAC) && !hf_suite_is_cbc(conn->hs->suite)) {
        *why = "encrypt_then_mac with a suite that has no MAC"; /* RFC 7366 section 3 */
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    }
    return HF_OK;
}

static hf_status check_binding(hf_conn *conn, const hf_server_hello *hello, const char **why)
{
    const hf_policy *policy = conn->config->policy;

    conn->secure_renegotiation = has(hello, HF_EXT_RENEGOTIATION_INFO);
    conn->extended_master_secret = has(hello, HF_EXT_EXTENDED_MASTER_SECRET);
    conn->encrypt_then_mac = has(hello, HF_EXT_ENCRYPT_THEN_MAC);
    if (conn->secure_renegotiation && hello->ext.renegotiation_info.len != 0) {
        *why = "renegotiation_info is not empty in a first handshake";
        return HF_SEND(HF_ALERT_HANDSHAKE_FAILURE);
    }
    if (policy->need_secure_renegotiation && !conn->secure_renegotiation) {
        *why = "the policy demands renegotiation_info, which the server does not send";
        return HF_SEND(HF_ALERT_HANDSHAKE_FAILURE);
    }
    if (policy->need_extended_master_secret && !conn->extended_master_secret) {
        *why = "the policy demands extended_master_secret, which the server refuses";
        return HF_SEND(HF_ALERT_HANDSHAKE_FAILURE);
    }
    return HF_OK;
}

hf_status hf_client12_settle(hf_conn *conn, const hf_server_hello *hello, const char **why)
{
    hf_handshake *hs = conn->hs;

    hf_status status = check_choice(conn, hello, why);
    if (status == HF_OK)
        status = check_binding(conn, hello, why);
    if (status == HF_OK)
        status = hf_client_settle_limits(conn, &hello->ext, 0, why);
    if (status == HF_OK)
        status = hf_client_settle_alpn(conn, &hello->ext, why);
    if (status == HF_OK)
        status = hf_resume12_settle(conn, hello, why);
    if (status != HF_OK)
        return status;
    memcpy(hs->server_random, hello->random.ptr, HF_RANDOM_SIZE);
    hs->hash = conn->config->crypto.hashes[hs->suite->prf_hash];
    hs->staple = has(hello, HF_EXT_STATUS_REQUEST);
    conn->version = HF_TLS12;
    conn->suite_id = hs->suite->info.id;
    return HF_OK;
}
