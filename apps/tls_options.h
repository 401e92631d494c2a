/* The TLS options that `serve` and `connect` share: their names on the command line and where they are kept. */
#ifndef HANDFAST_APPS_TLS_OPTIONS_H
#define HANDFAST_APPS_TLS_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include "export.h"
#include "handfast/handfast.h"

/* All text is borrowed from argv. */
typedef struct hf_tls_options {
    const char *certs[HF_LIMIT_CREDENTIALS]; /* PEM chains, paired with keys in order */
    size_t n_certs;
    const char *keys[HF_LIMIT_CREDENTIALS]; /* "pkcs11:..." or a PEM file; after the check one for each credential */
    size_t n_keys;
    const char *ocsp[HF_LIMIT_CREDENTIALS]; /* server: DER responses, by the same numbers; NULL: none */
    hf_ocsp_mode ask_ocsp;                  /* client */
    struct hf_key_client *key_client;       /* NULL: the keys are opened in this process */
    struct hf_key_watch *watch;             /* NULL: nobody is told of the uses of keys */
    size_t key_after[HF_LIMIT_CREDENTIALS]; /* how many --cert stood before the --key */
    /* After the check: the same key in further tokens, for each credential. */
    const char *more_keys[HF_LIMIT_CREDENTIALS][HF_LIMIT_CREDENTIALS];
    size_t n_more_keys[HF_LIMIT_CREDENTIALS];
    unsigned key_timeout_ms, hedge; /* 0: default, never */
    const char *module, *module_args, *pin_source;
    bool allow_extractable;
    unsigned key_threads;              /* 0: the token's own choice */
    uint16_t min_version, max_version; /* 0: not given */
    const char *policy, *suites, *groups, *alpn, *provider, *provider_table;
    const char *trust; /* PEM file: --ca, --client-ca */
    const char *keylog;
    bool explain;
    hf_export export;
    hf_client_auth client_auth;                    /* server */
    bool strict_sni;                               /* server */
    unsigned tickets;                              /* server: after a TLS 1.3 handshake; 0: none at all */
    unsigned long session_cache;                   /* server: sessions; 0: none */
    unsigned ticket_lifetime;                      /* server: seconds; 0: not given */
    const char *ticket_key;                        /* server: URI; NULL: made at random */
    bool insecure, fallback;                       /* client */
    size_t max_fragment_length, record_size_limit; /* client; 0: not given */
} hf_tls_options;

/* Values of getopt_long beyond any character. */
enum hf_tls_opt {
    HF_OPT_CERT = 0x100,
    HF_OPT_KEY,
    HF_OPT_MODULE,
    HF_OPT_MODULE_ARGS,
    HF_OPT_PIN_SOURCE,
    HF_OPT_ALLOW_EXTRACTABLE,
    HF_OPT_KEY_THREADS,
    HF_OPT_KEY_TIMEOUT,
    HF_OPT_KEY_HEDGE,
    HF_OPT_POLICY,
    HF_OPT_SUITES,
    HF_OPT_GROUPS,
    HF_OPT_ALPN,
    HF_OPT_MIN_VERSION,
    HF_OPT_MAX_VERSION,
    HF_OPT_PROVIDER,
    HF_OPT_PROVIDER_TABLE,
    HF_OPT_KEYLOG,
    HF_OPT_EXPLAIN,
    HF_OPT_EXPORT,
    HF_OPT_HELP,
    HF_OPT_OWN /* the first value that a subcommand may use */
};

/* The shared rows of a `struct option` table. */
#define HF_TLS_LONG_OPTIONS                                                                                            \
    {"cert", required_argument, NULL, HF_OPT_CERT}, {"key", required_argument, NULL, HF_OPT_KEY},                      \
        {"module", required_argument, NULL, HF_OPT_MODULE},                                                            \
        {"module-args", required_argument, NULL, HF_OPT_MODULE_ARGS},                                                  \
        {"pin-source", required_argument, NULL, HF_OPT_PIN_SOURCE},                                                    \
        {"allow-extractable", no_argument, NULL, HF_OPT_ALLOW_EXTRACTABLE},                                            \
        {"key-threads", required_argument, NULL, HF_OPT_KEY_THREADS},                                                  \
        {"key-timeout", required_argument, NULL, HF_OPT_KEY_TIMEOUT},                                                  \
        {"key-hedge", required_argument, NULL, HF_OPT_KEY_HEDGE},                                                      \
        {"min-version", required_argument, NULL, HF_OPT_MIN_VERSION},                                                  \
        {"max-version", required_argument, NULL, HF_OPT_MAX_VERSION},                                                  \
        {"policy", required_argument, NULL, HF_OPT_POLICY}, {"suites", required_argument, NULL, HF_OPT_SUITES},        \
        {"groups", required_argument, NULL, HF_OPT_GROUPS}, {"alpn", required_argument, NULL, HF_OPT_ALPN},            \
        {"provider", required_argument, NULL, HF_OPT_PROVIDER},                                                        \
        {"provider-table", required_argument, NULL, HF_OPT_PROVIDER_TABLE},                                            \
        {"keylog", required_argument, NULL, HF_OPT_KEYLOG}, {"explain", no_argument, NULL, HF_OPT_EXPLAIN},            \
        {"export", required_argument, NULL, HF_OPT_EXPORT},                                                            \
    {                                                                                                                  \
        "help", no_argument, NULL, HF_OPT_HELP                                                                         \
    }

/* The lines of --help for them. */
extern const char hf_tls_options_help[];

/* Takes one shared option. HF_EXIT_DONE, or HF_EXIT_USAGE after saying why. `command` is for the message. */
int hf_tls_options_take(hf_tls_options *options, int opt, const char *value, const char *command);

/* Settles which keys belong to which certificate. As many of the one as of the other: in order. More keys: each belongs
 * to the --cert before it, and several of one certificate are the same key in several tokens. No certificate: each key
 * stands for itself. HF_EXIT_DONE, or HF_EXIT_USAGE after saying why. */
int hf_tls_options_check(hf_tls_options *options, const char *command);

/* A key that lives in a token. */
bool hf_tls_key_is_uri(const char *key);

#define HF_SUITES_MAX 64 /* names in --suites */
#define HF_GROUPS_MAX 8  /* names in --groups */

/* Ids of a list of suite names ("TLS_...") or group names ("X25519", "P-256", ...); at most max. False after telling
 * what is wrong with it. */
bool hf_tls_suites_parse(const char *list, uint16_t *ids, size_t max, size_t *out_n);
bool hf_tls_groups_parse(const char *list, uint16_t *ids, size_t max, size_t *out_n);

#endif
