/* Selection of suite, credential, group and scheme (RFC 5246 section 7.4.1.3, RFC 8422 section 5.1). Pure. */
#include "negotiate.h"

#include <string.h>

bool hf_list_has(hf_slice list, uint16_t value)
{
    hf_reader r = hf_reader_of_slice(list);
    uint16_t v;
    while (hf_read_u16(&r, &v))
        if (v == value)
            return true;
    return false;
}

bool hf_bytes_have(hf_slice bytes, uint8_t value)
{
    return bytes.len > 0 && memchr(bytes.ptr, value, bytes.len) != NULL;
}

bool hf_key_serves(hf_key_exchange kx, hf_key_type type)
{
    switch (kx) {
    case HF_KX_RSA:
        return type == HF_KEY_RSA;
    case HF_KX_ECDHE_RSA:
        return type == HF_KEY_RSA || type == HF_KEY_RSA_PSS;
    case HF_KX_ECDHE_ECDSA:
        return type == HF_KEY_EC || type == HF_KEY_ED25519;
    case HF_KX_TLS13:
        return true;
    }
    return false;
}

uint16_t hf_choose_scheme(const hf_config *config, const hf_key *key, hf_slice peer_schemes)
{
    for (size_t i = 0; i < HF_KEY_SCHEMES_MAX && key->schemes[i]; i++) {
        const hf_scheme *scheme = hf_scheme_by_id(key->schemes[i]);
        if (!scheme || !hf_list_has(peer_schemes, scheme->id))
            continue;
        if (scheme->id == HF_ED25519 || config->crypto.hashes[scheme->hash])
            return scheme->id;
    }
    return 0;
}

static const hf_group *choose_group(const hf_config *config, const hf_client_hello *hello)
{
    bool sent = hello->ext.present & HF_EXT_BIT(HF_EXT_SUPPORTED_GROUPS);

    for (size_t i = 0; i < config->n_groups; i++) {
        /* A client without the extension can do any curve; every one can do P-256 (RFC 8422 section 4). */
        if (sent ? hf_list_has(hello->ext.supported_groups, config->groups[i]->id)
                 : config->groups[i]->id == HF_GROUP_P256)
            return config->groups[i];
    }
    return NULL;
}

/* Whether the credential can serve this suite for this client; settles the scheme. */
static bool credential_serves(const hf_config *config, const hf_client_hello *hello, const hf_suite *suite,
                              const hf_own_credential *credential, uint16_t *out_scheme)
{
    const hf_cert_info *info = &credential->info;

    if (!hf_key_serves(suite->kx, info->key_type))
        return false;
    if (suite->kx == HF_KX_RSA) {
        *out_scheme = 0;
        return credential->key->can_decrypt && (info->usage & HF_USAGE_KEY_ENCIPHERMENT);
    }
    if (!(info->usage & HF_USAGE_DIGITAL_SIGNATURE))
        return false;
    /* The certificate's curve is bound by the client's list too: RFC 8422 section 5.1. */
    if (info->key_type == HF_KEY_EC && (hello->ext.present & HF_EXT_BIT(HF_EXT_SUPPORTED_GROUPS)) &&
        !hf_list_has(hello->ext.supported_groups, info->group))
        return false;
    /* Without signature_algorithms a client means SHA-1 (RFC 5246 section 7.4.1.4.1), which we do not make. */
    if (!(hello->ext.present & HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS)))
        return false;
    *out_scheme = hf_choose_scheme(config, credential->key, hello->ext.signature_algorithms);
    return *out_scheme != 0;
}

static const char no_credential[] =
    "no certificate of ours serves the client: its signature algorithms, curves or suites fit none";
static const char no_name[] = "no certificate of ours carries the name that the client asks for (strict SNI)";

/* The first suite, in our order, that a credential of this rank can serve. */
static bool choose12_of_rank(const hf_config *config, const hf_client_hello *hello, const hf_ranking *ranking,
                             unsigned rank, const hf_group *group, hf_choice12 *out, const char **why)
{
    for (size_t i = 0; i < config->n_suites; i++) {
        const hf_suite *suite = config->suites[i];
        if (suite->kx == HF_KX_TLS13 || !hf_list_has(hello->cipher_suites, suite->info.id))
            continue;
        if (suite->kx != HF_KX_RSA && !group) {
            *why = "no key-exchange group in common with the client";
            continue;
        }
        *why = no_credential;
        for (size_t j = 0; j < config->n_credentials; j++) {
            hf_choice12 choice = {suite, &config->credentials[j], suite->kx == HF_KX_RSA ? NULL : group, 0};
            if (ranking->rank[j] != rank || !credential_serves(config, hello, suite, choice.credential, &choice.scheme))
                continue;
            *out = choice;
            return true;
        }
    }
    return false;
}

static bool has_rank(const hf_config *config, const hf_ranking *ranking, unsigned rank)
{
    return memchr(ranking->rank, (int)rank, config->n_credentials) != NULL;
}

hf_status hf_choose12(const hf_config *config, const hf_client_hello *hello, hf_choice12 *out, const char **why)
{
    const hf_group *group = choose_group(config, hello);
    const hf_wish wish = hf_wish_of(&hello->ext);
    hf_ranking ranking;

    *why = no_name;
    hf_status status = hf_rank_credentials(config, &wish, &ranking);
    if (status != HF_OK)
        return status;
    *why = "no cipher suite in common with the client (policy, or the client is too old)";
    for (unsigned rank = HF_RANK_MAX + 1; rank-- > 0;)
        if (has_rank(config, &ranking, rank) && choose12_of_rank(config, hello, &ranking, rank, group, out, why))
            return HF_OK;
    return HF_SEND(HF_ALERT_HANDSHAKE_FAILURE);
}

uint16_t hf_choose_scheme13(const hf_config *config, const hf_own_credential *own, hf_slice peer_schemes)
{
    for (size_t i = 0; i < HF_KEY_SCHEMES_MAX && own->key->schemes[i]; i++) {
        const hf_scheme *scheme = hf_scheme_by_id(own->key->schemes[i]);
        if (!scheme || !scheme->tls13 || !hf_list_has(peer_schemes, scheme->id))
            continue;
        if (scheme->group && scheme->group != own->info.group)
            continue;
        if (scheme->id == HF_ED25519 || config->crypto.hashes[scheme->hash])
            return scheme->id;
    }
    return 0;
}

const hf_own_credential *hf_choose_credential13(const hf_config *config, const hf_ranking *ranking,
                                                hf_slice peer_schemes, uint16_t *out_scheme)
{
    for (unsigned rank = HF_RANK_MAX + 1; rank-- > 0;) {
        for (size_t i = 0; i < config->n_credentials; i++) {
            const hf_own_credential *own = &config->credentials[i];
            if (ranking->rank[i] != rank || !(own->info.usage & HF_USAGE_DIGITAL_SIGNATURE))
                continue;
            *out_scheme = hf_choose_scheme13(config, own, peer_schemes);
            if (*out_scheme)
                return own;
        }
    }
    *out_scheme = 0;
    return NULL;
}

/* The share that a ClientHello brings for a group. */
static bool find_share(hf_slice shares, uint16_t group, hf_slice *out)
{
    hf_reader r = hf_reader_of_slice(shares);
    uint16_t id;
    hf_slice share;
    while (hf_read_u16(&r, &id) && hf_read_vec16(&r, 1, 0xffff, &share)) {
        if (id == group) {
            *out = share;
            return true;
        }
    }
    return false;
}

/* Our first group with a share, else our first that the client could do: a share then saves a round trip. */
static void choose_group13(const hf_config *config, const hf_client_hello *hello, hf_choice13 *out)
{
    const hf_group *first = NULL;

    for (size_t i = 0; i < config->n_groups; i++) {
        const hf_group *group = config->groups[i];
        if (!hf_list_has(hello->ext.supported_groups, group->id))
            continue;
        first = first ? first : group;
        if (find_share(hello->ext.key_shares, group->id, &out->share)) {
            out->group = group;
            return;
        }
    }
    out->group = first;
}

hf_status hf_choose13(const hf_config *config, const hf_client_hello *hello, hf_choice13 *out, const char **why)
{
    const hf_wish wish = hf_wish_of(&hello->ext);
    hf_choice13 choice = {0};
    hf_ranking ranking;

    *why = no_name;
    hf_status status = hf_rank_credentials(config, &wish, &ranking);
    if (status != HF_OK)
        return status;
    for (size_t i = 0; i < config->n_suites && !choice.suite; i++)
        if (config->suites[i]->kx == HF_KX_TLS13 && hf_list_has(hello->cipher_suites, config->suites[i]->info.id))
            choice.suite = config->suites[i];
    choose_group13(config, hello, &choice);
    choice.credential = hf_choose_credential13(config, &ranking, hello->ext.signature_algorithms, &choice.scheme);
    *why = !choice.suite   ? "no TLS 1.3 cipher suite in common with the client"
           : !choice.group ? "no key-exchange group in common with the client"
                           : "no certificate of ours can sign as the client accepts (signature_algorithms)";
    if (!choice.suite || !choice.group || !choice.credential)
        return HF_SEND(HF_ALERT_HANDSHAKE_FAILURE);
    *out = choice;
    return HF_OK;
}

hf_status hf_choose_resumed13(const hf_config *config, const hf_client_hello *hello, hf_hash_id hash, hf_choice13 *out,
                              const char **why)
{
    hf_choice13 choice = {0};

    for (size_t i = 0; i < config->n_suites && !choice.suite; i++)
        if (config->suites[i]->kx == HF_KX_TLS13 && config->suites[i]->prf_hash == hash &&
            hf_list_has(hello->cipher_suites, config->suites[i]->info.id))
            choice.suite = config->suites[i];
    choose_group13(config, hello, &choice);
    *why = "no cipher suite or group in common with the client";
    if (!choice.suite || !choice.group)
        return HF_SEND(HF_ALERT_HANDSHAKE_FAILURE);
    *out = choice;
    return HF_OK;
}

const char *hf_choose_alpn(const hf_config *config, hf_slice offered)
{
    for (size_t i = 0; i < config->n_alpn; i++) {
        hf_reader r = hf_reader_of_slice(offered);
        hf_slice name;
        while (hf_read_vec8(&r, 1, HF_LIMIT_ALPN_SIZE, &name))
            if (name.len == strlen(config->alpn[i]) && memcmp(name.ptr, config->alpn[i], name.len) == 0)
                return config->alpn[i];
    }
    return NULL;
}
