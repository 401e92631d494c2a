/* The choice among several certificate chains: RFC 6066 section 3 (the server's name), RFC 8446 sections 4.2.3, 4.2.4,
 * 4.4.2.2 and 4.4.2.3, RFC 5246 sections 7.4.2 and 7.4.6 (the signatures on the certificates, the authorities).
 *
 * What the certificates say is read once, when they are configured; only the name is asked of the certificate itself.
 */
#include "credential.h"

#include <string.h>

#include "negotiate.h"

enum { RANK_AUTHORITY = 1, RANK_SIGNATURES = 2, RANK_NAME = 4 };

hf_wish hf_wish_of(const hf_extensions *ext)
{
    hf_wish wish = {0};

    if (ext->present & HF_EXT_BIT(HF_EXT_SERVER_NAME))
        wish.name = ext->server_name;
    if (ext->present & HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS_CERT))
        wish.cert_schemes = ext->signature_algorithms_cert;
    else if (ext->present & HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS))
        wish.cert_schemes = ext->signature_algorithms;
    if (ext->present & HF_EXT_BIT(HF_EXT_CERTIFICATE_AUTHORITIES))
        wish.authorities = ext->certificate_authorities;
    return wish;
}

static bool has_name(const hf_config *config, const hf_own_credential *own, hf_slice name)
{
    char text[HF_LIMIT_NAME + 1] = {0};

    if (name.len == 0 || name.len > HF_LIMIT_NAME)
        return false;
    memcpy(text, name.ptr, name.len);
    return config->crypto.pki->cert_matches(own->cert, text);
}

/* A certificate does not tell whether RSA-PSS was made with a key for that alone: either scheme allows it. */
static bool is_allowed(hf_slice schemes, uint16_t signed_with)
{
    const uint16_t pss_apart = HF_RSA_PSS_PSS_SHA256 - HF_RSA_PSS_RSAE_SHA256;

    if (signed_with == 0)
        return false;
    if (hf_list_has(schemes, signed_with))
        return true;
    return signed_with >= HF_RSA_PSS_RSAE_SHA256 && signed_with <= HF_RSA_PSS_RSAE_SHA512 &&
           hf_list_has(schemes, signed_with + pss_apart);
}

static bool signatures_allowed(const hf_own_credential *own, hf_slice schemes)
{
    if (schemes.len == 0)
        return true;
    for (size_t i = 0; i < own->n; i++)
        if (!own->links[i].self_signed && !is_allowed(schemes, own->links[i].signed_with))
            return false;
    return true;
}

static bool issued_by_one_of(const hf_own_credential *own, hf_slice authorities)
{
    hf_reader r = hf_reader_of_slice(authorities);
    hf_slice name;

    while (hf_read_vec16(&r, 1, 0xffff, &name))
        for (size_t i = 0; i < own->n; i++)
            if (own->links[i].issuer.len == name.len && memcmp(own->links[i].issuer.ptr, name.ptr, name.len) == 0)
                return true;
    return false;
}

hf_status hf_rank_credentials(const hf_config *config, const hf_wish *wish, hf_ranking *out)
{
    bool strict = config->strict_sni && wish->name.len > 0, found = false;
    hf_ranking ranking = {0};

    if (config->n_credentials == 1 && !strict) { /* nothing to choose */
        *out = ranking;
        return HF_OK;
    }
    for (size_t i = 0; i < config->n_credentials; i++) {
        const hf_own_credential *own = &config->credentials[i];
        bool named = has_name(config, own, wish->name);
        found |= named;
        ranking.rank[i] = named ? RANK_NAME : 0;
        if (signatures_allowed(own, wish->cert_schemes))
            ranking.rank[i] += RANK_SIGNATURES;
        if (issued_by_one_of(own, wish->authorities))
            ranking.rank[i] += RANK_AUTHORITY;
        if (strict && !named)
            ranking.rank[i] = HF_RANK_NEVER;
    }
    if (strict && !found)
        return HF_SEND(HF_ALERT_UNRECOGNIZED_NAME);
    *out = ranking;
    return HF_OK;
}

/* ---- What the certificates say ---- */

static hf_status read_link(hf_config *config, const hf_cert *cert, hf_link *out)
{
    const hf_pki *pki = config->crypto.pki;
    const uint8_t *issuer;
    size_t len;
    hf_cert_info info;

    hf_status status = pki->cert_info(cert, &info);
    if (status == HF_OK)
        status = pki->cert_issuer(cert, &issuer, &len);
    if (status != HF_OK)
        return status;
    if (len > 0) {
        uint8_t *copy = hf_memory_new(&config->memory, len);
        if (!copy)
            return HF_ERR_NO_MEMORY;
        memcpy(copy, issuer, len);
        out->issuer = (hf_slice){copy, len};
    }
    out->signed_with = info.signed_with;
    out->self_signed = info.self_signed;
    return HF_OK;
}

hf_status hf_credential_read_links(hf_config *config, hf_own_credential *own)
{
    const hf_pki *pki = config->crypto.pki;

    for (size_t i = 0; i < own->n; i++) {
        hf_cert *cert;
        hf_status status = pki->cert_new(own->certs[i].ptr, own->certs[i].len, &cert);
        if (status == HF_ERR_UNSUPPORTED) /* an authority's key that we do not know: it is still sent */
            continue;
        if (status != HF_OK)
            return status;
        status = read_link(config, cert, &own->links[i]);
        pki->cert_free(cert);
        if (status != HF_OK)
            return status;
    }
    return HF_OK;
}

void hf_credential_drop_links(hf_config *config, hf_own_credential *own)
{
    for (size_t i = 0; i < own->n; i++)
        hf_memory_free(&config->memory, (uint8_t *)(uintptr_t)own->links[i].issuer.ptr, own->links[i].issuer.len);
    memset(own->links, 0, sizeof own->links);
}
