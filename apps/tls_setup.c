/* Options to a built configuration: cryptography, keys, trust, and what the handshake may choose. */
#include "tls_setup.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "credentials.h"
#include "handfast/providers.h"
#include "path_file.h"

static bool good(hf_status status, const char *what)
{
    if (status != HF_OK)
        hf_cli_error("%s: %s", what, hf_status_text(status));
    return status == HF_OK;
}

static bool set_policy(hf_config *config, const hf_tls_options *options)
{
    hf_policy_id policy = HF_POLICY_INTERMEDIATE;
    if (options->policy && !good(hf_policy_by_name(options->policy, &policy), "--policy"))
        return false;
    uint16_t min = options->min_version ? options->min_version : HF_TLS12;
    uint16_t max = options->max_version ? options->max_version : HF_TLS13;
    return good(hf_config_set_policy(config, policy), "--policy") &&
           good(hf_config_set_versions(config, min, max), "--min-version, --max-version");
}

static bool set_algorithms(hf_config *config, const hf_tls_options *options)
{
    uint16_t ids[HF_SUITES_MAX];
    size_t n = 0;
    if (options->suites && !(hf_tls_suites_parse(options->suites, ids, HF_SUITES_MAX, &n) &&
                             good(hf_config_set_suites(config, ids, n), "--suites")))
        return false;
    if (options->groups && !(hf_tls_groups_parse(options->groups, ids, HF_GROUPS_MAX, &n) &&
                             good(hf_config_set_groups(config, ids, n), "--groups")))
        return false;
    return true;
}

typedef struct names {
    char *list[HF_LIMIT_ALPN_PROTOCOLS];
    size_t n;
} names;

static bool add_name(void *arg, const char *item)
{
    names *all = arg;
    if (all->n == HF_LIMIT_ALPN_PROTOCOLS || !(all->list[all->n] = strdup(item)))
        return false;
    all->n++;
    return true;
}

static bool set_alpn(hf_config *config, const hf_tls_options *options)
{
    if (!options->alpn)
        return true;
    names all = {.n = 0};
    bool ok = hf_cli_list(options->alpn, add_name, &all);
    if (!ok)
        hf_cli_error("out of memory");
    const char *list[HF_LIMIT_ALPN_PROTOCOLS] = {0};
    for (size_t i = 0; i < all.n; i++)
        list[i] = all.list[i];
    ok = ok && good(hf_config_set_alpn(config, list, all.n), "--alpn");
    for (size_t i = 0; i < all.n; i++)
        free(all.list[i]);
    return ok;
}

static bool set_trust(hf_config *config, const hf_pki *pki, const hf_tls_options *options, hf_role role,
                      const hf_credentials *held)
{
    if (role == HF_ROLE_CLIENT && options->insecure)
        return good(hf_config_set_insecure(config, true), "--insecure");
    if (role == HF_ROLE_SERVER && !options->trust)
        return true; /* only needed to verify clients; build checks it */
    hf_trust *trust = NULL;
    if (!hf_trust_parse(pki, held, options->trust, &trust))
        return false;
    hf_status status = hf_config_set_trust(config, trust);
    if (status != HF_OK)
        pki->trust_free(trust);
    return good(status, "trust anchors");
}

static bool set_role(hf_config *config, const hf_tls_options *options, hf_role role)
{
    if (role == HF_ROLE_SERVER)
        return good(hf_config_set_client_auth(config, options->client_auth), "--client-auth") &&
               good(hf_config_set_strict_sni(config, options->strict_sni), "--strict-sni");
    if (!good(hf_config_set_ocsp(config, options->ask_ocsp), "--ocsp"))
        return false;
    if (options->max_fragment_length && !good(hf_config_set_max_fragment_length(config, options->max_fragment_length),
                                              "--max-fragment-length (512, 1024, 2048 or 4096)"))
        return false;
    if (options->record_size_limit &&
        !good(hf_config_set_record_size_limit(config, options->record_size_limit), "--record-size-limit (64..16384)"))
        return false;
    return !options->fallback || good(hf_config_set_fallback(config, true), "--fallback-scsv");
}

/* Into a configuration that is released when this says false. */
static bool fill(hf_config *config, const hf_tls *tls, const hf_tls_options *options, hf_role role,
                 const hf_credentials *held)
{
    if (options->export.label[0] && !good(hf_config_set_exporters(config, true), "--export"))
        return false;
    if (!good(hf_resumption_apply(tls->resumption, config), "resumption") || !set_policy(config, options) ||
        !set_algorithms(config, options) || !set_alpn(config, options) || !set_role(config, options, role) ||
        !set_trust(config, tls->crypto.pki, options, role, held) || !hf_credentials_add(config, held))
        return false;
    char why[HF_LINE_MAX] = "";
    hf_status status = hf_config_build(config, role, why, sizeof why);
    if (status != HF_OK)
        hf_cli_error("%s", why[0] ? why : hf_status_text(status));
    return status == HF_OK;
}

hf_credentials *hf_tls_load(const hf_tls *tls, const hf_tls_options *options, bool prompt)
{
    hf_credentials *held = hf_credentials_load(tls->crypto.pki, options, prompt);
    if (held && options->trust && !hf_credentials_load_trust(held, options->trust)) {
        hf_credentials_free(held);
        return NULL;
    }
    return held;
}

hf_config *hf_tls_build(const hf_tls *tls, const hf_tls_options *options, hf_role role, const hf_credentials *held)
{
    hf_config *config = NULL;
    if (!good(hf_config_new(hf_env_system(), &tls->crypto, &config), "configuration"))
        return NULL;
    if (fill(config, tls, options, role, held))
        return config;
    hf_config_release(config);
    return NULL;
}

hf_config *hf_tls_config(hf_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    hf_config *config = tls->config;
    hf_config_retain(config);
    pthread_mutex_unlock(&tls->lock);
    return config;
}

void hf_tls_swap(hf_tls *tls, hf_config *config)
{
    pthread_mutex_lock(&tls->lock);
    hf_config *before = tls->config;
    tls->config = config;
    pthread_mutex_unlock(&tls->lock);
    hf_config_release(before);
}

static bool set_up(hf_tls *tls, const hf_tls_options *options, hf_role role)
{
    if (options->export.label[0])
        hf_cli_warn("--export: keying material of every connection is printed; debugging only");
    tls->export = options->export;
    return (role == HF_ROLE_CLIENT || hf_resumption_start(options, hf_env_system(), &tls->crypto, &tls->resumption)) &&
           (tls->held = hf_tls_load(tls, options, isatty(STDIN_FILENO))) &&
           (tls->config = hf_tls_build(tls, options, role, tls->held)) &&
           (!options->keylog || hf_keylog_open(&tls->keylog, options->keylog));
}

int hf_tls_setup(hf_tls *tls, const hf_tls_options *options, hf_role role)
{
    memset(tls, 0, sizeof *tls);
    pthread_mutex_init(&tls->lock, NULL);
    hf_keylog_init(&tls->keylog);
    hf_path_table table;
    if (options->provider_table &&
        !(hf_path_file_read(options->provider_table, &table) && hf_path_file_use(options->provider_table, &table)))
        return HF_EXIT_FAILED;
    char why[HF_LINE_MAX] = "";
    hf_status status = hf_crypto_compose(options->provider, &tls->crypto, NULL, NULL, why, sizeof why);
    if (status != HF_OK) {
        hf_cli_error("%s; see: handfast providers", why[0] ? why : hf_status_text(status));
        return HF_EXIT_FAILED;
    }
    if (!set_up(tls, options, role)) {
        hf_tls_cleanup(tls);
        return HF_EXIT_FAILED;
    }
    return HF_EXIT_DONE;
}

void hf_tls_cleanup(hf_tls *tls)
{
    hf_config_release(tls->config);
    tls->config = NULL;
    hf_credentials_free(tls->held);
    tls->held = NULL;
    hf_resumption_stop(tls->resumption);
    tls->resumption = NULL;
    hf_keylog_close(&tls->keylog);
    pthread_mutex_destroy(&tls->lock);
}
