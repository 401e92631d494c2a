/* OCSP stapling: RFC 6066 section 8, RFC 8446 section 4.4.2.1.
 *
 * A server shows what its configuration was given, for as long as it is good. A client that asks takes a connection
 * without an answer, unless told otherwise, but none with a bad answer.
 */
#include "staple.h"

#define WHY_MAX 256

hf_status hf_staple_fill(hf_config *config, hf_own_credential *own, const uint8_t *response, size_t len)
{
    const hf_pki *pki = config->crypto.pki;
    const uint8_t *certs[HF_CHAIN_MAX];
    size_t lens[HF_CHAIN_MAX];
    char why[WHY_MAX];
    int64_t until = 0;

    if (len == 0)
        return HF_ERR_INVALID;
    if (len > HF_LIMIT_OCSP_RESPONSE)
        return HF_ERR_LIMIT;
    if (!pki->ocsp_check)
        return HF_ERR_UNSUPPORTED;
    for (size_t i = 0; i < own->n; i++) {
        certs[i] = own->certs[i].ptr;
        lens[i] = own->certs[i].len;
    }
    const hf_ocsp ocsp = {.response = response,
                          .response_len = len,
                          .certs = certs,
                          .cert_lens = lens,
                          .n = own->n,
                          .unix_time = config->env.unix_time(config->env.time_arg)};
    hf_status status = pki->ocsp_check(&ocsp, &until, why, sizeof why);
    if (status != HF_OK)
        return hf_status_is_send(status) ? HF_ERR_VERIFY : status;
    uint8_t *copy = hf_memory_new(&config->memory, len);
    if (!copy)
        return HF_ERR_NO_MEMORY;
    memcpy(copy, response, len);
    hf_staple_drop(config, own);
    own->ocsp = (hf_slice){copy, len};
    own->ocsp_until = until;
    return HF_OK;
}

void hf_staple_drop(hf_config *config, hf_own_credential *own)
{
    hf_memory_free(&config->memory, (uint8_t *)(uintptr_t)own->ocsp.ptr, own->ocsp.len);
    own->ocsp = (hf_slice){0};
}

hf_slice hf_staple_of(const hf_conn *conn, const hf_own_credential *own)
{
    const hf_env *env = conn->memory.env;

    if (!conn->hs->staple || !own || own->ocsp.len == 0 || env->unix_time(env->time_arg) >= own->ocsp_until)
        return (hf_slice){0};
    return own->ocsp;
}

/* The peer's chain, as it was kept. */
static size_t chain_of(const hf_conn *conn, const uint8_t *certs[HF_CHAIN_MAX], size_t lens[HF_CHAIN_MAX])
{
    size_t n = 0;
    while (n < HF_CHAIN_MAX && hf_conn_peer_cert(conn, n, &certs[n], &lens[n]) == HF_OK)
        n++;
    return n;
}

bool hf_staple_accept(hf_conn *conn, hf_slice response)
{
    const hf_config *config = conn->config;
    const hf_env *env = conn->memory.env;
    const uint8_t *certs[HF_CHAIN_MAX];
    size_t lens[HF_CHAIN_MAX];
    char why[WHY_MAX] = "";
    int64_t until;

    if (config->ocsp == HF_OCSP_OFF || config->insecure)
        return true;
    if (response.len == 0) {
        if (config->ocsp != HF_OCSP_REQUIRE)
            return true;
        hf_fail(conn, HF_SEND(HF_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE), "the server staples no OCSP response");
        return false;
    }
    size_t n = chain_of(conn, certs, lens);
    const hf_ocsp ocsp = {.response = response.ptr,
                          .response_len = response.len,
                          .certs = certs,
                          .cert_lens = lens,
                          .n = n,
                          .trust = config->trust,
                          .unix_time = env->unix_time(env->time_arg)};
    hf_status status = config->crypto.pki->ocsp_check(&ocsp, &until, why, sizeof why);
    if (status != HF_OK) {
        hf_fail_text(conn, status, "the stapled OCSP response was refused", why);
        return false;
    }
    conn->ocsp_good = true;
    return true;
}
