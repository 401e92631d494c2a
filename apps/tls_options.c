/* The TLS options that `serve` and `connect` share. */
#include "tls_options.h"

#include <string.h>
#include <strings.h>

#include "cli.h"
#include "handfast/hsm.h"

const char hf_tls_options_help[] =
    "  --cert FILE            certificate chain, PEM, own certificate first;\n"
    "                         repeatable, paired with --key in order; without it the\n"
    "                         chain is taken from the token\n"
    "  --key URI-or-FILE      private key: \"pkcs11:...\" (RFC 7512) in a token, or a\n"
    "                         PEM file; repeatable. Several behind one --cert: the\n"
    "                         same key in several tokens, each used while others fail\n"
    "  --module PATH          PKCS#11 module (default: the URI's module-path, else\n"
    "                         the system's modules)\n"
    "  --module-args TEXT     what the module gets in C_Initialize, e.g. NSS:\n"
    "                         \"configdir='sql:FOLDER'\"\n"
    "  --pin-source FILE      file whose first line is the PIN (default: the URI's\n"
    "                         pin-source, else the systemd credential \"handfast-pin\",\n"
    "                         else the terminal)\n"
    "  --allow-extractable    accept a token key that may leave its token\n"
    "  --key-threads N        sessions used at once in each token (default: one for\n"
    "                         each CPU, at most 8; up to 32 where the token is slow\n"
    "                         to answer)\n"
    "  --key-timeout MS       deadline of each operation of a token key (default\n"
    "                         10000)\n"
    "  --key-hedge PERCENT    with several tokens: an operation that takes longer\n"
    "                         than this part of the last ones (50..99) is given to a\n"
    "                         second token, too (default: never)\n"
    "  --policy NAME          modern, intermediate (default), compatible\n"
    "  --min-version 1.2|1.3  lowest and\n"
    "  --max-version 1.2|1.3  highest TLS version, within the policy\n"
    "  --suites LIST          cipher suites in order, separated by commas; names:\n"
    "                         see: handfast providers\n"
    "  --groups LIST          groups in order: X25519,P-256,P-384,P-521\n"
    "  --alpn LIST            application protocols in order\n"
    "  --provider NAME        force one provider of record ciphers;\n"
    "                         see: handfast providers\n"
    "  --provider-table FILE  which provider serves how many records of which size,\n"
    "                         as measured by: handfast providers --measure > FILE\n"
    "  --keylog FILE          append the secrets of every connection to FILE (NSS key\n"
    "                         log format): debugging only\n"
    "  --export LABEL[:N]     print N bytes (default 32) of keying material of every\n"
    "                         connection on stderr (RFC 5705): debugging only\n"
    "  --explain              tell the handshake's ten steps on stderr\n"
    "  --help                 this text\n";

static int take_repeated(const char **list, size_t *n, const char *value, const char *name, const char *command)
{
    if (*n == HF_LIMIT_CREDENTIALS)
        return hf_cli_usage(command, "--%s is given more than %d times", name, HF_LIMIT_CREDENTIALS);
    list[(*n)++] = value;
    return HF_EXIT_DONE;
}

static int take_version(uint16_t *out, const char *value, const char *command)
{
    if (strcmp(value, "1.2") != 0 && strcmp(value, "1.3") != 0)
        return hf_cli_usage(command, "TLS version %s: choose 1.2 or 1.3", value);
    *out = value[2] == '2' ? HF_TLS12 : HF_TLS13;
    return HF_EXIT_DONE;
}

/* The names in a list are looked up here already, so that a wrong one is wrong usage; what they mean together, the
 * configuration tells. */
static int take_policy(const char **out, const char *value, const char *command)
{
    hf_policy_id policy;
    if (hf_policy_by_name(value, &policy) != HF_OK)
        return hf_cli_usage(command, "--policy %s: choose modern, intermediate or compatible", value);
    *out = value;
    return HF_EXIT_DONE;
}

static int take_suites(const char **out, const char *value)
{
    uint16_t ids[HF_SUITES_MAX];
    size_t n;
    *out = value;
    return hf_tls_suites_parse(value, ids, HF_SUITES_MAX, &n) ? HF_EXIT_DONE : HF_EXIT_USAGE;
}

static int take_groups(const char **out, const char *value)
{
    uint16_t ids[HF_GROUPS_MAX];
    size_t n;
    *out = value;
    return hf_tls_groups_parse(value, ids, HF_GROUPS_MAX, &n) ? HF_EXIT_DONE : HF_EXIT_USAGE;
}

static bool count_name(void *arg, const char *item)
{
    size_t *n = arg;
    (void)item;
    return ++*n <= HF_LIMIT_ALPN_PROTOCOLS;
}

static int take_alpn(const char **out, const char *value, const char *command)
{
    size_t n = 0;
    if (!hf_cli_list(value, count_name, &n))
        return hf_cli_usage(command, "--alpn %s: 1 to %d names of 1 to %d bytes, separated by commas", value,
                            HF_LIMIT_ALPN_PROTOCOLS, HF_LIMIT_ALPN_SIZE);
    *out = value;
    return HF_EXIT_DONE;
}

static int take_number(unsigned *out, const char *value, unsigned min, unsigned max, const char *name,
                       const char *command)
{
    unsigned long n;
    if (!hf_cli_number(value, min, max, &n))
        return hf_cli_usage(command, "--%s %s: not a number in %u..%u", name, value, min, max);
    *out = (unsigned)n;
    return HF_EXIT_DONE;
}

int hf_tls_options_take(hf_tls_options *options, int opt, const char *value, const char *command)
{
    switch (opt) {
    case HF_OPT_CERT:
        return take_repeated(options->certs, &options->n_certs, value, "cert", command);
    case HF_OPT_KEY:
        if (options->n_keys < HF_LIMIT_CREDENTIALS)
            options->key_after[options->n_keys] = options->n_certs;
        return take_repeated(options->keys, &options->n_keys, value, "key", command);
    case HF_OPT_KEY_THREADS:
        return take_number(&options->key_threads, value, 1, HF_HSM_THREADS_MAX, "key-threads", command);
    case HF_OPT_KEY_TIMEOUT:
        return take_number(&options->key_timeout_ms, value, 1, HF_HSM_OPERATION_TIMEOUT_MAX_MS, "key-timeout", command);
    case HF_OPT_KEY_HEDGE:
        return take_number(&options->hedge, value, 50, 99, "key-hedge", command);
    case HF_OPT_MODULE:
        options->module = value;
        return HF_EXIT_DONE;
    case HF_OPT_MODULE_ARGS:
        options->module_args = value;
        return HF_EXIT_DONE;
    case HF_OPT_PIN_SOURCE:
        options->pin_source = value;
        return HF_EXIT_DONE;
    case HF_OPT_ALLOW_EXTRACTABLE:
        options->allow_extractable = true;
        return HF_EXIT_DONE;
    case HF_OPT_POLICY:
        return take_policy(&options->policy, value, command);
    case HF_OPT_MIN_VERSION:
        return take_version(&options->min_version, value, command);
    case HF_OPT_MAX_VERSION:
        return take_version(&options->max_version, value, command);
    case HF_OPT_SUITES:
        return take_suites(&options->suites, value);
    case HF_OPT_GROUPS:
        return take_groups(&options->groups, value);
    case HF_OPT_ALPN:
        return take_alpn(&options->alpn, value, command);
    case HF_OPT_PROVIDER:
        options->provider = value;
        return HF_EXIT_DONE;
    case HF_OPT_PROVIDER_TABLE:
        options->provider_table = value;
        return HF_EXIT_DONE;
    case HF_OPT_KEYLOG:
        options->keylog = value;
        return HF_EXIT_DONE;
    case HF_OPT_EXPLAIN:
        options->explain = true;
        return HF_EXIT_DONE;
    case HF_OPT_EXPORT:
        if (!hf_export_parse(&options->export, value))
            return hf_cli_usage(command, "--export %s: LABEL or LABEL:N with N in 1..%d", value, HF_EXPORT_MAX);
        return HF_EXIT_DONE;
    default: /* getopt_long said which option on stderr already */
        return hf_cli_usage(command, "wrong option");
    }
}

bool hf_tls_key_is_uri(const char *key)
{
    return strncasecmp(key, "pkcs11:", 7) == 0;
}

/* Several tokens for one certificate: keys[i] and more_keys[i] for certificate i. */
static int group_keys(hf_tls_options *options, const char *command)
{
    const char *keys[HF_LIMIT_CREDENTIALS];
    size_t n = options->n_keys;

    memcpy(keys, options->keys, sizeof keys);
    memset(options->keys, 0, sizeof options->keys);
    for (size_t i = 0; i < n; i++) {
        if (options->key_after[i] == 0)
            return hf_cli_usage(command, "--key %s stands before the --cert that it belongs to", keys[i]);
        size_t c = options->key_after[i] - 1;
        if (!options->keys[c]) {
            options->keys[c] = keys[i];
            continue;
        }
        if (!hf_tls_key_is_uri(keys[i]) || !hf_tls_key_is_uri(options->keys[c]))
            return hf_cli_usage(command,
                                "--key %s has no --cert beside it (give one for every key; only the same key in "
                                "several tokens shares one)",
                                keys[i]);
        if (options->n_more_keys[c] == HF_HSM_TOKENS_MAX - 1)
            return hf_cli_usage(command, "--cert %s has its key in more than %d tokens", options->certs[c],
                                HF_HSM_TOKENS_MAX);
        options->more_keys[c][options->n_more_keys[c]++] = keys[i];
    }
    for (size_t c = 0; c < options->n_certs; c++)
        if (!options->keys[c])
            return hf_cli_usage(command, "--cert %s has no --key behind it", options->certs[c]);
    options->n_keys = options->n_certs;
    return HF_EXIT_DONE;
}

int hf_tls_options_check(hf_tls_options *options, const char *command)
{
    if (options->min_version && options->max_version && options->min_version > options->max_version)
        return hf_cli_usage(command, "--min-version is above --max-version");
    if (options->n_certs > options->n_keys)
        return hf_cli_usage(command, "--cert %s has no --key beside it", options->certs[options->n_keys]);
    if (options->n_certs != 0 && options->n_certs < options->n_keys)
        return group_keys(options, command);
    for (size_t i = options->n_certs; i < options->n_keys; i++)
        if (!hf_tls_key_is_uri(options->keys[i]))
            return hf_cli_usage(command, "--key %s is a file, so --cert must name its certificate", options->keys[i]);
    return HF_EXIT_DONE;
}

typedef struct id_list {
    uint16_t *ids;
    size_t max, n;
    bool (*lookup)(const char *name, uint16_t *out_id);
    const char *option, *what, *known; /* for people */
    bool told;
} id_list;

static bool suite_lookup(const char *name, uint16_t *out_id)
{
    for (size_t i = 0; hf_suite_at(i); i++) {
        if (strcasecmp(hf_suite_at(i)->name, name) == 0) {
            *out_id = hf_suite_at(i)->id;
            return true;
        }
    }
    return false;
}

static bool group_lookup(const char *name, uint16_t *out_id)
{
    static const struct {
        const char *name;
        uint16_t id;
    } names[] = {{"X25519", HF_GROUP_X25519}, {"P-256", HF_GROUP_P256},     {"secp256r1", HF_GROUP_P256},
                 {"P-384", HF_GROUP_P384},    {"secp384r1", HF_GROUP_P384}, {"P-521", HF_GROUP_P521},
                 {"secp521r1", HF_GROUP_P521}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(names[i].name, name) == 0) {
            *out_id = names[i].id;
            return true;
        }
    }
    return false;
}

static bool add_id(void *arg, const char *item)
{
    id_list *list = arg;
    list->told = true;
    if (list->n == list->max) {
        hf_cli_error("--%s: more than %zu %ss are given", list->option, list->max, list->what);
        return false;
    }
    if (!list->lookup(item, &list->ids[list->n])) {
        hf_cli_error("--%s: unknown %s %s; %s", list->option, list->what, item, list->known);
        return false;
    }
    list->told = false;
    list->n++;
    return true;
}

static bool parse_ids(const char *text, id_list *list, size_t *out_n)
{
    if (!hf_cli_list(text, add_id, list)) {
        if (!list->told)
            hf_cli_error("--%s '%s': a name is missing, or too long; %s", list->option, text, list->known);
        return false;
    }
    *out_n = list->n;
    return true;
}

bool hf_tls_suites_parse(const char *text, uint16_t *ids, size_t max, size_t *out_n)
{
    id_list list = {.ids = ids,
                    .max = max,
                    .lookup = suite_lookup,
                    .option = "suites",
                    .what = "cipher suite",
                    .known = "see: handfast providers"};
    return parse_ids(text, &list, out_n);
}

bool hf_tls_groups_parse(const char *text, uint16_t *ids, size_t max, size_t *out_n)
{
    id_list list = {.ids = ids,
                    .max = max,
                    .lookup = group_lookup,
                    .option = "groups",
                    .what = "group",
                    .known = "choose of X25519, P-256, P-384, P-521"};
    return parse_ids(text, &list, out_n);
}
