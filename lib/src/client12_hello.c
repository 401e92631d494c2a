/* The client's hello for TLS 1.2, and the check of the server's answer to it.
 * RFC 5246 sections 7.4.1.2 to 7.4.1.4; RFC 5746, 6066, 7301, 7366, 7507, 7627, 8422, 8449.
 */
#include "hello12.h"
#include "negotiate.h"

/* Room for the lists that a hello points to. */
typedef struct hello_lists {
    uint8_t suites[2 * (HF_SUITES_MAX + 1)];
    uint8_t groups[2 * HF_GROUPS_MAX];
    uint8_t schemes[2 * HF_KEY_SCHEMES_MAX];
    uint8_t alpn[HF_LIMIT_ALPN_PROTOCOLS * (1 + HF_LIMIT_ALPN_SIZE)];
} hello_lists;

#define CLIENT_HELLO_MAX (1024 + sizeof(hello_lists))

static const uint8_t uncompressed_only[] = {0};
static const uint8_t null_compression[] = {0};

/* Whether a name may stand in server_name: a host name, not an IP address (RFC 6066 section 3). */
static bool is_host_name(const char *name)
{
    size_t digits_and_dots = strspn(name, "0123456789.");
    return name[0] != '\0' && name[digits_and_dots] != '\0' && strchr(name, ':') == NULL;
}

static hf_slice list_suites(const hf_config *config, hello_lists *lists, bool *out_ecc, bool *out_cbc)
{
    hf_writer w = hf_writer_of(lists->suites, sizeof lists->suites);

    for (size_t i = 0; i < config->n_suites; i++) {
        hf_write_u16(&w, config->suites[i]->info.id);
        *out_ecc |= config->suites[i]->kx != HF_KX_RSA;
        *out_cbc |= hf_suite_is_cbc(config->suites[i]);
    }
    if (config->fallback)
        hf_write_u16(&w, HF_SCSV_FALLBACK);
    return (hf_slice){lists->suites, w.len};
}

static void add_lists(const hf_config *config, hello_lists *lists, bool ecc, hf_extensions *ext)
{
    hf_writer groups = hf_writer_of(lists->groups, sizeof lists->groups);
    hf_writer schemes = hf_writer_of(lists->schemes, sizeof lists->schemes);
    hf_writer alpn = hf_writer_of(lists->alpn, sizeof lists->alpn);

    for (size_t i = 0; hf_verify_schemes[i]; i++)
        hf_write_u16(&schemes, hf_verify_schemes[i]);
    ext->present |= HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS);
    ext->signature_algorithms = (hf_slice){lists->schemes, schemes.len};
    if (ecc) { /* only with an ECC suite: RFC 8422 section 4 */
        for (size_t i = 0; i < config->n_groups; i++)
            hf_write_u16(&groups, config->groups[i]->id);
        ext->present |= HF_EXT_BIT(HF_EXT_SUPPORTED_GROUPS) | HF_EXT_BIT(HF_EXT_EC_POINT_FORMATS);
        ext->supported_groups = (hf_slice){lists->groups, groups.len};
        ext->ec_point_formats = (hf_slice){uncompressed_only, sizeof uncompressed_only};
    }
    for (size_t i = 0; i < config->n_alpn; i++) {
        hf_write_u8(&alpn, (uint8_t)strlen(config->alpn[i]));
        hf_write_bytes(&alpn, config->alpn[i], strlen(config->alpn[i]));
        ext->present |= HF_EXT_BIT(HF_EXT_ALPN);
        ext->alpn = (hf_slice){lists->alpn, alpn.len};
    }
}

hf_status hf_client12_write_hello(hf_conn *conn)
{
    const hf_config *config = conn->config;
    hf_handshake *hs = conn->hs;
    hello_lists lists;
    bool ecc = false, cbc = false;
    hf_writer w;

    hf_slice suites = list_suites(config, &lists, &ecc, &cbc);
    hf_extensions ext = {.present = HF_EXT_BIT(HF_EXT_RENEGOTIATION_INFO) | HF_EXT_BIT(HF_EXT_EXTENDED_MASTER_SECRET)};
    if (cbc)
        ext.present |= HF_EXT_BIT(HF_EXT_ENCRYPT_THEN_MAC);
    add_lists(config, &lists, ecc, &ext);
    if (conn->server_name && is_host_name(conn->server_name)) {
        ext.present |= HF_EXT_BIT(HF_EXT_SERVER_NAME);
        ext.server_name = (hf_slice){(const uint8_t *)conn->server_name, strlen(conn->server_name)};
    }
    if (config->max_fragment_length) {
        ext.present |= HF_EXT_BIT(HF_EXT_MAX_FRAGMENT_LENGTH);
        ext.max_fragment_length = config->max_fragment_length;
    }
    if (config->record_size_limit < HF_PLAINTEXT_MAX) {
        ext.present |= HF_EXT_BIT(HF_EXT_RECORD_SIZE_LIMIT);
        ext.record_size_limit = config->record_size_limit;
    }
    hs->offered_extensions = ext.present;
    hs->client_version = HF_VERSION_TLS12;

    hf_client_hello hello = {.legacy_version = HF_VERSION_TLS12,
                             .random = {hs->client_random, HF_RANDOM_SIZE},
                             .cipher_suites = suites,
                             .compression_methods = {null_compression, sizeof null_compression},
                             .ext = ext};
    hf_status status = hf_message_begin(conn, CLIENT_HELLO_MAX, &w);
    if (status != HF_OK)
        return status;
    hf_client_hello_write(&w, &hello);
    return hf_message_finish(conn, &w);
}

/* ---- The server's answer ---- */

static bool has(const hf_server_hello *hello, hf_ext ext)
{
    return hello->ext.present & HF_EXT_BIT(ext);
}

static const hf_suite *offered_suite(const hf_config *config, uint16_t id)
{
    for (size_t i = 0; i < config->n_suites; i++)
        if (config->suites[i]->info.id == id)
            return config->suites[i];
    return NULL;
}

static hf_status check_choice(hf_conn *conn, const hf_server_hello *hello, const char **why)
{
    conn->hs->suite = offered_suite(conn->config, hello->cipher_suite);
    if (hello->version != HF_VERSION_TLS12) {
        *why = "the server chose a version that we did not offer";
        return HF_SEND(HF_ALERT_PROTOCOL_VERSION);
    }
    if (hello->ext.present & ~conn->hs->offered_extensions) {
        *why = "the server answers an extension that we did not send";
        return HF_SEND(HF_ALERT_UNSUPPORTED_EXTENSION);
    }
    if (!conn->hs->suite) {
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

static hf_status settle_limits(hf_conn *conn, const hf_server_hello *hello, const char **why)
{
    const hf_config *config = conn->config;
    bool max_fragment = has(hello, HF_EXT_MAX_FRAGMENT_LENGTH);

    if (has(hello, HF_EXT_RECORD_SIZE_LIMIT)) {
        if (max_fragment) { /* RFC 8449 section 5 */
            *why = "the server answers both max_fragment_length and record_size_limit";
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
        }
        hf_lower(&conn->send_limit, hello->ext.record_size_limit);
        conn->receive_limit = config->record_size_limit;
    } else if (max_fragment) {
        if (hello->ext.max_fragment_length != config->max_fragment_length) {
            *why = "the server changed max_fragment_length";
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
        }
        hf_lower(&conn->send_limit, hf_max_fragment_bytes(config->max_fragment_length));
        hf_lower(&conn->receive_limit, hf_max_fragment_bytes(config->max_fragment_length));
        conn->limit_unprotected = true;
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
        status = settle_limits(conn, hello, why);
    if (status == HF_OK && has(hello, HF_EXT_ALPN)) {
        conn->alpn = hf_choose_alpn(conn->config, hello->ext.alpn);
        if (!conn->alpn) {
            *why = "the server chose an application protocol that we did not offer";
            status = HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
        }
    }
    if (status != HF_OK)
        return status;
    memcpy(hs->server_random, hello->random.ptr, HF_RANDOM_SIZE);
    hs->hash = conn->config->crypto.hashes[hs->suite->prf_hash];
    conn->version = HF_VERSION_TLS12;
    conn->suite_id = hs->suite->info.id;
    return HF_OK;
}
