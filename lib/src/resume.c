/* What policy demands of a session that would go on, now and not when it began: age, name, version, suite, certificate.
 * RFC 8446 sections 4.2.11 and 4.6.1; RFC 5246 appendix F.1.4; RFC 6066 section 3; RFC 7627 section 5.3. */
#include "resume.h"

#include "credential.h"
#include "hello.h"
#include "negotiate.h"

#define PATH_WHY_MAX 256

int64_t hf_now(const hf_conn *conn)
{
    const hf_env *env = conn->memory.env;
    return env->unix_time(env->time_arg);
}

static hf_slice slice_of(const char *text)
{
    return text ? (hf_slice){(const uint8_t *)text, strlen(text)} : (hf_slice){0};
}

bool hf_session_of_conn(hf_conn *conn, uint32_t lifetime_s, hf_session_state *out)
{
    int64_t now = hf_now(conn), began = conn->authenticated ? conn->authenticated : now;
    int64_t left = HF_LIMIT_SESSION_AGE - (now - began);

    *out = (hf_session_state){.version = conn->version,
                              .suite = conn->suite_id,
                              .created = now,
                              .authenticated = began,
                              .lifetime_s = left < lifetime_s ? (uint32_t)(left > 0 ? left : 0) : lifetime_s,
                              .extended_master_secret = conn->extended_master_secret,
                              .encrypt_then_mac = conn->encrypt_then_mac,
                              .verified = conn->peer_verified,
                              .server_name = slice_of(conn->server_name),
                              .alpn = slice_of(conn->alpn),
                              .chain = {conn->peer_chain, conn->peer_chain_len}};
    /* Without extended master secret a session of TLS 1.2 could be spliced into another connection: RFC 7627. */
    return out->lifetime_s > 0 && now >= 0 && conn->peer_chain_len <= HF_LIMIT_SESSION_CHAIN &&
           (conn->version == HF_TLS13 || conn->extended_master_secret);
}

bool hf_session_is_fresh(const hf_session_state *s, int64_t now)
{
    return now >= s->created - HF_LIMIT_SESSION_SKEW && now - s->created < (int64_t)s->lifetime_s &&
           now - s->authenticated < HF_LIMIT_SESSION_AGE;
}

/* Host names do not differ by case: RFC 4343. */
static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool same_name(hf_slice a, hf_slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

/* The certificates of the session against trust and time of now. */
static bool chain_verifies(hf_conn *conn, hf_slice chain, const char *name)
{
    hf_reader r = hf_reader_of_slice(chain);
    hf_certificate_msg msg = {.n = 0};
    char why[PATH_WHY_MAX];

    while (msg.n < HF_CHAIN_MAX && hf_read_vec24(&r, 1, HF_CERT_SIZE_MAX, &msg.certs[msg.n]))
        msg.n++;
    return msg.n > 0 && hf_check_peer_chain(conn, &msg, name, why, sizeof why) == HF_OK;
}

/* What the configuration asks of clients now: a session without a certificate cannot stand for one. */
static bool client_is_proved(hf_conn *conn, const hf_session_state *s)
{
    switch (conn->config->client_auth) {
    case HF_CLIENT_AUTH_NONE:
        return true;
    case HF_CLIENT_AUTH_REQUEST:
        return s->chain.len > 0;
    default:
        return chain_verifies(conn, s->chain, NULL);
    }
}

/* A strict configuration may not carry the name any more. */
static bool name_is_ours(const hf_config *config, hf_slice name)
{
    hf_ranking ranking;
    return !config->strict_sni || hf_rank_credentials(config, &(hf_wish){.name = name}, &ranking) == HF_OK;
}

bool hf_session_fits_server(hf_conn *conn, const hf_client_hello *hello, const hf_session_state *s)
{
    hf_slice name = hf_has(&hello->ext, HF_EXT_SERVER_NAME) ? hello->ext.server_name : (hf_slice){0};

    return hf_session_is_fresh(s, hf_now(conn)) && same_name(name, s->server_name) &&
           name_is_ours(conn->config, name) && client_is_proved(conn, s);
}

/* A suite of ours that the session could go on with. In TLS 1.3 only the hash is the session's. */
static bool suite_is_offered(const hf_config *config, const hf_session_state *s)
{
    const hf_suite *suite = hf_suite_by_id(s->suite);

    for (size_t i = 0; i < config->n_suites; i++)
        if (s->version == HF_TLS13
                ? config->suites[i]->kx == HF_KX_TLS13 && config->suites[i]->prf_hash == suite->prf_hash
                : config->suites[i] == suite)
            return true;
    return false;
}

bool hf_session_fits_client(hf_conn *conn, const hf_session_state *s)
{
    const hf_config *config = conn->config;

    if (!hf_session_is_fresh(s, hf_now(conn)) || !(s->version == HF_TLS13 ? config->tls13 : config->tls12) ||
        !suite_is_offered(config, s) || !same_name(slice_of(conn->server_name), s->server_name) || config->fallback ||
        config->ocsp == HF_OCSP_REQUIRE) /* it comes with a certificate only */
        return false;
    return config->insecure || (s->verified && chain_verifies(conn, s->chain, conn->server_name));
}

hf_status hf_session_adopt(hf_conn *conn, hf_resumption by)
{
    const hf_session_state *s = &conn->hs->session->state;
    bool keep = conn->role == HF_ROLE_CLIENT || conn->config->client_auth != HF_CLIENT_AUTH_NONE;

    if (keep && s->chain.len > 0) {
        conn->peer_chain = hf_memory_new(&conn->memory, s->chain.len);
        if (!conn->peer_chain)
            return HF_ERR_NO_MEMORY;
        memcpy(conn->peer_chain, s->chain.ptr, s->chain.len);
        conn->peer_chain_len = s->chain.len;
        /* It was verified again when the session was found to fit. */
        conn->peer_verified = conn->role == HF_ROLE_CLIENT ? !conn->config->insecure
                                                           : conn->config->client_auth != HF_CLIENT_AUTH_REQUEST;
    }
    conn->hs->resumed = true;
    conn->resumption = by;
    conn->authenticated = s->authenticated;
    return HF_OK;
}
