/* Configurations: setters, the check of the whole, reference counting. */
#include "config.h"
#include "credential.h"
#include "own_verifier.h"
#include "staple.h"

#include <stdio.h>
#include <string.h>

static const uint16_t default_groups[] = {HF_GROUP_X25519, HF_GROUP_P256, HF_GROUP_P384, HF_GROUP_P521};

#define RECORD_SIZE_LIMIT_MIN 64 /* RFC 8449 section 4 */

hf_status hf_config_new(const hf_env *env, const hf_crypto *crypto, hf_config **out)
{
    hf_config *config = env->alloc(env->alloc_arg, sizeof *config);
    if (!config)
        return HF_ERR_NO_MEMORY;
    memset(config, 0, sizeof *config);
    atomic_init(&config->references, 1);
    config->env = *env;
    config->crypto = *crypto;
    config->memory = (hf_memory){&config->env, 0};
    config->policy = hf_policy_of(HF_POLICY_INTERMEDIATE);
    config->record_size_limit = HF_PLAINTEXT_MAX;
    config->record_padding = 1;
    config->min_version = HF_TLS12;
    config->max_version = HF_TLS13;
    memcpy(config->wished_groups, default_groups, sizeof default_groups);
    config->n_wished_groups = sizeof default_groups / sizeof default_groups[0];
    *out = config;
    return HF_OK;
}

static void credential_cleanup(hf_config *config, hf_own_credential *own)
{
    hf_credential_drop_links(config, own);
    hf_staple_drop(config, own);
    hf_own_verifier_drop(config, own);
    for (size_t i = 0; i < own->n; i++)
        hf_memory_free(&config->memory, (uint8_t *)(uintptr_t)own->certs[i].ptr, own->certs[i].len);
    if (own->cert)
        config->crypto.pki->cert_free(own->cert);
    if (own->key)
        own->key->ops->release(own->key);
    memset(own, 0, sizeof *own);
}

static void drop_alpn(hf_config *config)
{
    for (size_t i = 0; i < config->n_alpn; i++)
        hf_memory_free(&config->memory, config->alpn[i], strlen(config->alpn[i]) + 1);
    config->n_alpn = 0;
}

void hf_config_retain(hf_config *config)
{
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
}

void hf_config_release(hf_config *config)
{
    if (!config || atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < config->n_credentials; i++)
        credential_cleanup(config, &config->credentials[i]);
    if (config->trust)
        config->crypto.pki->trust_free(config->trust);
    drop_alpn(config);
    hf_ticket_keys_release(config->ticket_keys);
    hf_session_cache_release(config->session_cache);
    hf_env env = config->env;
    env.free(env.alloc_arg, config, sizeof *config);
}

hf_status hf_config_set_policy(hf_config *config, hf_policy_id id)
{
    const hf_policy *policy = hf_policy_of(id);
    if (config->built)
        return HF_ERR_STATE;
    if (!policy)
        return HF_ERR_INVALID;
    config->policy = policy;
    return HF_OK;
}

hf_status hf_config_set_versions(hf_config *config, uint16_t min, uint16_t max)
{
    if (config->built)
        return HF_ERR_STATE;
    if (min < HF_TLS12 || max > HF_TLS13 || min > max)
        return HF_ERR_INVALID;
    config->min_version = min;
    config->max_version = max;
    return HF_OK;
}

hf_status hf_config_set_suites(hf_config *config, const uint16_t *ids, size_t n)
{
    if (config->built)
        return HF_ERR_STATE;
    if (n == 0 || n > HF_SUITES_MAX)
        return HF_ERR_INVALID;
    for (size_t i = 0; i < n; i++)
        if (!hf_suite_by_id(ids[i]))
            return HF_ERR_NOT_FOUND;
    memcpy(config->wished_suites, ids, n * sizeof ids[0]);
    config->n_wished_suites = n;
    return HF_OK;
}

hf_status hf_config_set_groups(hf_config *config, const uint16_t *ids, size_t n)
{
    if (config->built)
        return HF_ERR_STATE;
    if (n == 0 || n > HF_GROUPS_MAX)
        return HF_ERR_INVALID;
    memcpy(config->wished_groups, ids, n * sizeof ids[0]);
    config->n_wished_groups = n;
    return HF_OK;
}

/* Copies the chain and parses its first certificate into *own, which the caller cleans up on error. */
static hf_status credential_fill(hf_config *config, hf_own_credential *own, const hf_credential *from)
{
    const hf_pki *pki = config->crypto.pki;
    const uint8_t *spki;
    size_t spki_len;

    for (size_t i = 0; i < from->n; i++) {
        if (from->cert_lens[i] == 0 || from->cert_lens[i] > HF_CERT_SIZE_MAX)
            return HF_ERR_DECODE;
        uint8_t *copy = hf_memory_new(&config->memory, from->cert_lens[i]);
        if (!copy)
            return HF_ERR_NO_MEMORY;
        memcpy(copy, from->certs[i], from->cert_lens[i]);
        own->certs[i] = (hf_slice){copy, from->cert_lens[i]};
        own->n++;
    }
    hf_status status = pki->cert_new(own->certs[0].ptr, own->certs[0].len, &own->cert);
    if (status == HF_OK)
        status = hf_credential_read_links(config, own);
    if (status == HF_OK)
        status = pki->cert_info(own->cert, &own->info);
    if (status == HF_OK)
        status = pki->cert_spki(own->cert, &spki, &spki_len);
    if (status != HF_OK)
        return status;
    if (spki_len != from->key->spki_len || memcmp(spki, from->key->spki, spki_len) != 0)
        return HF_ERR_KEY_MISMATCH;
    status = hf_own_verifier_prepare(config, own, spki, spki_len);
    if (status != HF_OK)
        return status;
    from->key->ops->retain(from->key);
    own->key = from->key;
    return HF_OK;
}

hf_status hf_config_add_credential(hf_config *config, const hf_credential *credential)
{
    if (config->built)
        return HF_ERR_STATE;
    if (!config->crypto.pki)
        return HF_ERR_UNSUPPORTED;
    if (credential->n == 0 || credential->n > HF_CHAIN_MAX || !credential->key)
        return HF_ERR_INVALID;
    if (config->n_credentials == HF_LIMIT_CREDENTIALS)
        return HF_ERR_LIMIT;
    hf_own_credential *own = &config->credentials[config->n_credentials];
    hf_status status = credential_fill(config, own, credential);
    if (status != HF_OK) {
        credential_cleanup(config, own);
        return status;
    }
    config->n_credentials++;
    return HF_OK;
}

hf_status hf_config_staple(hf_config *config, const uint8_t *response, size_t len)
{
    if (config->built || config->n_credentials == 0)
        return HF_ERR_STATE;
    return hf_staple_fill(config, &config->credentials[config->n_credentials - 1], response, len);
}

hf_status hf_config_set_trust(hf_config *config, hf_trust *trust)
{
    if (config->built)
        return HF_ERR_STATE;
    if (!config->crypto.pki)
        return HF_ERR_UNSUPPORTED;
    if (config->trust)
        config->crypto.pki->trust_free(config->trust);
    config->trust = trust;
    return HF_OK;
}

hf_status hf_config_set_client_auth(hf_config *config, hf_client_auth mode)
{
    if (config->built)
        return HF_ERR_STATE;
    if ((unsigned)mode > HF_CLIENT_AUTH_REQUIRED)
        return HF_ERR_INVALID;
    config->client_auth = mode;
    return HF_OK;
}

hf_status hf_config_set_strict_sni(hf_config *config, bool strict)
{
    if (config->built)
        return HF_ERR_STATE;
    config->strict_sni = strict;
    return HF_OK;
}

hf_status hf_config_set_ocsp(hf_config *config, hf_ocsp_mode mode)
{
    if (config->built)
        return HF_ERR_STATE;
    if ((unsigned)mode > HF_OCSP_REQUIRE)
        return HF_ERR_INVALID;
    config->ocsp = mode;
    return HF_OK;
}

hf_status hf_config_set_exporters(hf_config *config, bool on)
{
    if (config->built)
        return HF_ERR_STATE;
    config->exporters = on;
    return HF_OK;
}

hf_status hf_config_set_insecure(hf_config *config, bool insecure)
{
    if (config->built)
        return HF_ERR_STATE;
    config->insecure = insecure;
    return HF_OK;
}

hf_status hf_config_set_fallback(hf_config *config, bool fallback)
{
    if (config->built)
        return HF_ERR_STATE;
    config->fallback = fallback;
    return HF_OK;
}

hf_status hf_config_set_alpn(hf_config *config, const char *const *names, size_t n)
{
    if (config->built || config->n_alpn > 0)
        return HF_ERR_STATE;
    if (n > HF_LIMIT_ALPN_PROTOCOLS)
        return HF_ERR_LIMIT;
    for (size_t i = 0; i < n; i++)
        if (names[i][0] == '\0' || strlen(names[i]) > HF_LIMIT_ALPN_SIZE)
            return HF_ERR_INVALID;
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(names[i]) + 1;
        config->alpn[i] = hf_memory_new(&config->memory, size);
        if (!config->alpn[i]) {
            drop_alpn(config);
            return HF_ERR_NO_MEMORY;
        }
        memcpy(config->alpn[i], names[i], size);
        config->n_alpn++;
    }
    return HF_OK;
}

hf_status hf_config_set_record_size_limit(hf_config *config, size_t bytes)
{
    if (config->built)
        return HF_ERR_STATE;
    if (bytes < RECORD_SIZE_LIMIT_MIN || bytes > HF_PLAINTEXT_MAX)
        return HF_ERR_INVALID;
    config->record_size_limit = (uint16_t)bytes;
    return HF_OK;
}

hf_status hf_config_set_max_fragment_length(hf_config *config, size_t bytes)
{
    if (config->built)
        return HF_ERR_STATE;
    uint8_t code = bytes == 512 ? 1 : bytes == 1024 ? 2 : bytes == 2048 ? 3 : bytes == 4096 ? 4 : 0;
    if (bytes != 0 && code == 0)
        return HF_ERR_INVALID;
    config->max_fragment_length = code;
    return HF_OK;
}

hf_status hf_config_set_record_padding(hf_config *config, size_t multiple)
{
    if (config->built)
        return HF_ERR_STATE;
    if (multiple < 1 || multiple > HF_PLAINTEXT_MAX)
        return HF_ERR_INVALID;
    config->record_padding = (uint16_t)multiple;
    return HF_OK;
}

hf_status hf_config_set_rekey_after(hf_config *config, uint64_t records)
{
    if (config->built)
        return HF_ERR_STATE;
    config->rekey_after = records;
    return HF_OK;
}

hf_status hf_config_set_tickets(hf_config *config, hf_ticket_keys *keys, unsigned count)
{
    if (config->built)
        return HF_ERR_STATE;
    if (count > HF_LIMIT_TICKETS)
        return HF_ERR_INVALID;
    if (keys)
        hf_ticket_keys_retain(keys);
    hf_ticket_keys_release(config->ticket_keys);
    config->ticket_keys = keys;
    config->n_tickets = count;
    return HF_OK;
}

hf_status hf_config_set_session_cache(hf_config *config, hf_session_cache *cache)
{
    if (config->built)
        return HF_ERR_STATE;
    if (cache)
        hf_session_cache_retain(cache);
    hf_session_cache_release(config->session_cache);
    config->session_cache = cache;
    return HF_OK;
}

/* Whether policy, versions and providers leave a suite. */
static bool is_usable(const hf_config *config, const hf_suite *suite)
{
    uint16_t version = suite->kx == HF_KX_TLS13 ? HF_TLS13 : HF_TLS12;

    return hf_policy_allows(config->policy, suite) && version >= config->min_version &&
           version <= config->max_version && config->crypto.ciphers[suite->cipher] &&
           config->crypto.hashes[suite->prf_hash];
}

static hf_status settle_suites(hf_config *config, const char **why)
{
    config->n_suites = 0;
    config->tls12 = config->tls13 = false;
    for (size_t i = 0; i < HF_SUITES_MAX; i++) {
        const hf_suite *suite;
        if (config->n_wished_suites > 0) {
            suite = i < config->n_wished_suites ? hf_suite_by_id(config->wished_suites[i]) : NULL;
            if (suite && !hf_policy_allows(config->policy, suite)) {
                *why = "a cipher suite of the list is outside of the policy: choose another policy or leave it out";
                return HF_ERR_UNSUPPORTED;
            }
        } else {
            suite = (const hf_suite *)(const void *)hf_suite_at(i);
        }
        if (!suite)
            break;
        if (is_usable(config, suite)) {
            config->suites[config->n_suites++] = suite;
            *(suite->kx == HF_KX_TLS13 ? &config->tls13 : &config->tls12) = true;
        }
    }
    if (config->n_suites > 0)
        return HF_OK;
    *why = "no cipher suite is left: the providers offer none that the policy, the versions and the list allow";
    return HF_ERR_UNSUPPORTED;
}

static hf_status settle_groups(hf_config *config, const char **why)
{
    config->n_groups = 0;
    for (size_t i = 0; i < config->n_wished_groups; i++)
        for (size_t j = 0; j < HF_GROUPS_MAX && config->crypto.groups[j]; j++)
            if (config->crypto.groups[j]->id == config->wished_groups[i])
                config->groups[config->n_groups++] = config->crypto.groups[j];
    if (config->n_groups > 0)
        return HF_OK;
    *why = "no key-exchange group is left: the providers offer none of those asked for";
    return HF_ERR_UNSUPPORTED;
}

static hf_status check_role(const hf_config *config, hf_role role, const char **why)
{
    if (!config->crypto.pki) {
        *why = "no provider handles certificates";
        return HF_ERR_UNSUPPORTED;
    }
    if (role == HF_ROLE_SERVER) {
        if (config->n_credentials == 0) {
            *why = "a server needs a certificate and its key";
            return HF_ERR_INVALID;
        }
        if (config->client_auth >= HF_CLIENT_AUTH_OPTIONAL && !config->trust) {
            *why = "verifying clients needs trust anchors for their certificates";
            return HF_ERR_INVALID;
        }
    } else if (!config->trust && !config->insecure) {
        *why = "a client needs trust anchors to verify the server";
        return HF_ERR_INVALID;
    } else if (config->ocsp != HF_OCSP_OFF && !config->crypto.pki->ocsp_check) {
        *why = "no provider handles OCSP";
        return HF_ERR_UNSUPPORTED;
    } else if (config->ocsp == HF_OCSP_REQUIRE && config->insecure) {
        *why = "an OCSP response cannot be required where nothing is verified";
        return HF_ERR_INVALID;
    }
    return HF_OK;
}

hf_status hf_config_build(hf_config *config, hf_role role, char *why, size_t why_max)
{
    const char *reason = "";

    if (config->built)
        return HF_ERR_STATE;
    hf_status status = settle_suites(config, &reason);
    if (status == HF_OK)
        status = settle_groups(config, &reason);
    if (status == HF_OK)
        status = check_role(config, role, &reason);
    if (why && why_max > 0)
        snprintf(why, why_max, "%s", reason);
    if (status != HF_OK)
        return status;
    config->role = role;
    config->built = true;
    return HF_OK;
}
