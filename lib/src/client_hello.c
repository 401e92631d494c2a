/* The client's hello, for every version that its configuration allows, and what the server answers to names and limits.
 * RFC 5246 section 7.4.1.2, RFC 8446 section 4.1.2; RFC 5746, 6066, 7301, 7366, 7507, 7627, 8422, 8449.
 */
#include "hello.h"
#include "negotiate.h"
#include "resume.h"

#define CLIENT_HELLO_MAX (2048 + sizeof(hf_hello_lists))

static const uint8_t uncompressed_only[] = {0};
static const uint8_t null_compression[] = {0};

/* Whether a name may stand in server_name: a host name, not an IP address (RFC 6066 section 3). */
static bool is_host_name(const char *name)
{
    size_t digits_and_dots = strspn(name, "0123456789.");
    return name[0] != '\0' && name[digits_and_dots] != '\0' && strchr(name, ':') == NULL;
}

static hf_slice list_suites(const hf_config *config, hf_hello_lists *lists, bool *out_ecc, bool *out_cbc)
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

static void add_lists(const hf_config *config, hf_hello_lists *lists, bool ecc, hf_extensions *ext)
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
        ext->present |= HF_EXT_BIT(HF_EXT_SUPPORTED_GROUPS);
        ext->supported_groups = (hf_slice){lists->groups, groups.len};
    }
    if (ecc && config->tls12) {
        ext->present |= HF_EXT_BIT(HF_EXT_EC_POINT_FORMATS);
        ext->ec_point_formats = (hf_slice){uncompressed_only, sizeof uncompressed_only};
    }
    for (size_t i = 0; i < config->n_alpn; i++) {
        hf_write_u8(&alpn, (uint8_t)strlen(config->alpn[i]));
        hf_write_bytes(&alpn, config->alpn[i], strlen(config->alpn[i]));
        ext->present |= HF_EXT_BIT(HF_EXT_ALPN);
        ext->alpn = (hf_slice){lists->alpn, alpn.len};
    }
}

/* What TLS 1.3 needs: versions, one share of our first group, and what a HelloRetryRequest asked for. */
static void add_tls13(hf_conn *conn, hf_hello_lists *lists, hf_extensions *ext)
{
    hf_handshake *hs = conn->hs;
    hf_writer versions = hf_writer_of(lists->versions, sizeof lists->versions);
    hf_writer share = hf_writer_of(lists->share, sizeof lists->share);

    hf_write_u16(&versions, HF_TLS13);
    if (conn->config->tls12)
        hf_write_u16(&versions, HF_TLS12);
    hf_write_u16(&share, hs->group->id);
    size_t mark = hf_write_begin(&share, 2);
    hf_write_bytes(&share, hs->public_key, hs->group->public_size);
    hf_write_end(&share, mark, 2);
    ext->present |= HF_EXT_BIT(HF_EXT_SUPPORTED_VERSIONS) | HF_EXT_BIT(HF_EXT_KEY_SHARE);
    ext->supported_versions = (hf_slice){lists->versions, versions.len};
    ext->key_shares = (hf_slice){lists->share, share.len};
    if (hf_buffer_len(&hs->cookie) > 0) {
        ext->present |= HF_EXT_BIT(HF_EXT_COOKIE);
        ext->cookie = (hf_slice){hf_buffer_data(&hs->cookie), hf_buffer_len(&hs->cookie)};
    }
}

static void add_names_and_limits(hf_conn *conn, hf_extensions *ext)
{
    const hf_config *config = conn->config;

    if (conn->server_name && is_host_name(conn->server_name)) {
        ext->present |= HF_EXT_BIT(HF_EXT_SERVER_NAME);
        ext->server_name = (hf_slice){(const uint8_t *)conn->server_name, strlen(conn->server_name)};
    }
    if (config->max_fragment_length) {
        ext->present |= HF_EXT_BIT(HF_EXT_MAX_FRAGMENT_LENGTH);
        ext->max_fragment_length = config->max_fragment_length;
    }
    if (config->record_size_limit < HF_PLAINTEXT_MAX) {
        ext->present |= HF_EXT_BIT(HF_EXT_RECORD_SIZE_LIMIT);
        ext->record_size_limit = config->record_size_limit;
    }
}

/* The session that could go on in TLS 1.3. After a HelloRetryRequest only with its hash: RFC 8446 section 4.1.4. */
static bool offers_psk(const hf_conn *conn)
{
    const hf_handshake *hs = conn->hs;
    const hf_session *session = hs->session;

    return session && session->state.version == HF_TLS13 &&
           (!hs->suite || hs->suite->prf_hash == hf_suite_by_id(session->state.suite)->prf_hash);
}

hf_status hf_client_write_hello(hf_conn *conn)
{
    const hf_config *config = conn->config;
    hf_handshake *hs = conn->hs;
    hf_extensions ext = {0};
    hf_hello_lists lists;
    bool ecc = false, cbc = false;
    uint8_t *psk = NULL;
    size_t psk_size = 0;
    hf_writer w;

    hf_slice suites = list_suites(config, &lists, &ecc, &cbc);
    if (config->tls12)
        ext.present |= HF_EXT_BIT(HF_EXT_RENEGOTIATION_INFO) | HF_EXT_BIT(HF_EXT_EXTENDED_MASTER_SECRET);
    if (cbc)
        ext.present |= HF_EXT_BIT(HF_EXT_ENCRYPT_THEN_MAC);
    add_lists(config, &lists, ecc, &ext);
    if (config->tls13)
        add_tls13(conn, &lists, &ext);
    add_names_and_limits(conn, &ext);
    if (config->ocsp != HF_OCSP_OFF)
        ext.present |= HF_EXT_BIT(HF_EXT_STATUS_REQUEST);
    if (config->tls13 && (hs->session || conn->options.on_session))
        hf_psk13_ask(&ext);
    if (config->tls12 && (hs->session || conn->options.on_session)) {
        ext.present |= HF_EXT_BIT(HF_EXT_SESSION_TICKET);
        if (hs->session && hs->session->state.version == HF_TLS12)
            ext.session_ticket = hs->session->state.ticket;
    }
    if (offers_psk(conn)) {
        psk_size = HF_PSK_ROOM(hs->session);
        psk = hf_memory_new(&conn->memory, psk_size);
        if (!psk)
            return HF_ERR_NO_MEMORY;
        hf_psk13_offer(conn, psk, psk_size, &ext);
    }
    hs->offered_extensions = ext.present;
    hs->client_version = HF_TLS12; /* legacy_version: RFC 8446 section 4.1.2 */

    hf_client_hello hello = {.legacy_version = HF_TLS12,
                             .random = {hs->client_random, HF_RANDOM_SIZE},
                             .session_id = {hs->session_id, hs->session_id_len},
                             .cipher_suites = suites,
                             .compression_methods = {null_compression, sizeof null_compression},
                             .ext = ext};
    size_t size = CLIENT_HELLO_MAX + hf_buffer_len(&hs->cookie) + psk_size + ext.session_ticket.len;
    hf_status status = hf_message_begin(conn, size, &w);
    if (status == HF_OK)
        hf_client_hello_write(&w, &hello);
    if (status == HF_OK && psk)
        status = hf_psk13_bind(conn, &w);
    hf_memory_free(&conn->memory, psk, psk_size);
    return status == HF_OK ? hf_message_finish(conn, &w) : status;
}

/* ---- The server's answer ---- */

const hf_suite *hf_client_offered_suite(const hf_config *config, uint16_t id)
{
    for (size_t i = 0; i < config->n_suites; i++)
        if (config->suites[i]->info.id == id)
            return config->suites[i];
    return NULL;
}

hf_status hf_client_settle_alpn(hf_conn *conn, const hf_extensions *ext, const char **why)
{
    if (!hf_has(ext, HF_EXT_ALPN))
        return HF_OK;
    conn->alpn = hf_choose_alpn(conn->config, ext->alpn);
    if (conn->alpn)
        return HF_OK;
    *why = "the server chose an application protocol that we did not offer";
    return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
}

hf_status hf_client_settle_limits(hf_conn *conn, const hf_extensions *ext, size_t type_bytes, const char **why)
{
    const hf_config *config = conn->config;
    bool max_fragment = hf_has(ext, HF_EXT_MAX_FRAGMENT_LENGTH);

    if (hf_has(ext, HF_EXT_RECORD_SIZE_LIMIT)) {
        if (max_fragment) { /* RFC 8449 section 5 */
            *why = "the server answers both max_fragment_length and record_size_limit";
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
        }
        hf_lower(&conn->send_limit, ext->record_size_limit - type_bytes);
        if (config->record_size_limit < HF_PLAINTEXT_MAX)
            conn->receive_limit = config->record_size_limit - type_bytes;
    } else if (max_fragment) {
        if (ext->max_fragment_length != config->max_fragment_length) {
            *why = "the server changed max_fragment_length";
            return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
        }
        hf_lower(&conn->send_limit, hf_max_fragment_bytes(config->max_fragment_length));
        hf_lower(&conn->receive_limit, hf_max_fragment_bytes(config->max_fragment_length));
        conn->limit_unprotected = true;
    }
    return HF_OK;
}
