/* The secrets of tickets, kept by a thread of their own: no loop ever waits for the token because of them.
 *
 * Without --ticket-key secrets are made at random by the engine, and the thread only has old ones wiped in time. With
 * it, the secret of each hour is derived from the key in the token, by one use of it, ahead of time; while the token
 * is away, no tickets are made and handshakes are full ones. With --isolate the key process does it (key_tickets.h).
 */
#include "resumption.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "handfast/hsm.h"
#include "helper.h"
#include "key_client.h"
#include "now.h"

#define LABEL "handfast ticket secret"
#define LABEL_MAX (sizeof LABEL + 4 + 4 + 8)
#define PERIOD_S HF_DEFAULT_TICKET_PERIOD
#define STOP_S 5  /* how long the end waits for a use of the key */
#define PAUSE_S 1 /* how often the clock is looked at */

struct hf_resumption_keys {
    hf_env env;
    hf_ticket_keys *tickets;
    hf_session_cache *cache;
    unsigned count;
    uint32_t lifetime_s;

    hf_hsm_secret *secret; /* NULL: made at random, or elsewhere */
    hf_key_client *client; /* the key process, which derives them; NULL: not it */
    bool warned;           /* the thread's own */
    hf_helper helper;
};

/* Servers that share a key and differ in their periods must not share secrets: the period stands in the label. */
static size_t write_label(uint8_t *out, uint32_t period_s, uint64_t epoch)
{
    size_t n = sizeof LABEL;
    memcpy(out, LABEL, n);
    for (int i = 3; i >= 0; i--)
        out[n++] = (uint8_t)(period_s >> 8 * i);
    for (int i = 7; i >= 0; i--)
        out[n++] = (uint8_t)(epoch >> 8 * i);
    return n;
}

hf_status hf_resumption_derive(hf_hsm_secret *secret, uint64_t hour, uint8_t out[HF_HSM_SECRET_SIZE], char *why,
                               size_t why_max)
{
    uint8_t label[LABEL_MAX];
    size_t len = write_label(label, PERIOD_S, hour);
    return hf_hsm_secret_derive(secret, label, len, out, why, why_max);
}

hf_resumption_window hf_resumption_window_at(uint32_t lifetime_s, int64_t unix_time)
{
    uint64_t seconds = unix_time > 0 ? (uint64_t)unix_time : 0, now = seconds / PERIOD_S;
    uint64_t back = ((uint64_t)lifetime_s + PERIOD_S - 1) / PERIOD_S, left = PERIOD_S - seconds % PERIOD_S;
    return (hf_resumption_window){.first = now > back ? now - back : 0,
                                  .last = now + (left <= HF_RESUMPTION_AHEAD_S ? 1 : 0)};
}

static hf_status install(hf_resumption_keys *keys, uint64_t hour, char *why, size_t why_max)
{
    uint8_t secret[HF_HSM_SECRET_SIZE];

    if (hf_ticket_keys_has(keys->tickets, hour))
        return HF_OK;
    hf_status status = keys->client ? hf_key_client_ticket(keys->client, hour, secret)
                                    : hf_resumption_derive(keys->secret, hour, secret, why, why_max);
    if (status == HF_OK)
        status = hf_ticket_keys_install(keys->tickets, hour, secret);
    hf_wipe(secret, sizeof secret);
    return status;
}

/* The secrets of now and the next hour, when it is near; first: also those of the hours whose tickets may still come.
 * The newest comes first. */
static hf_status keep(hf_resumption_keys *keys, bool first, char *why, size_t why_max)
{
    int64_t now = keys->env.unix_time(keys->env.time_arg);
    uint64_t hour = hf_ticket_keys_epoch(keys->tickets, now);
    hf_resumption_window window = hf_resumption_window_at(keys->lifetime_s, now);
    hf_status status = HF_OK;

    if (!keys->secret && !keys->client) {
        (void)hf_ticket_keys_has(keys->tickets, hour); /* wipes old ones */
        return HF_OK;
    }
    uint64_t oldest = first ? window.first : hour;
    for (uint64_t i = hour + 1; status == HF_OK && i > oldest; i--)
        status = install(keys, i - 1, why, why_max);
    if (status == HF_OK && window.last > hour)
        status = install(keys, window.last, why, why_max);
    return status;
}

static void *run(void *arg)
{
    hf_resumption_keys *keys = arg;
    char why[HF_LINE_MAX];

    pthread_mutex_lock(&keys->helper.lock);
    while (!keys->helper.stopping) {
        pthread_mutex_unlock(&keys->helper.lock);
        why[0] = 0;
        hf_status status = keep(keys, keys->warned, why, sizeof why);
        if (status != HF_OK && !keys->warned)
            hf_cli_warn("--ticket-key: %s; handshakes are full ones until it answers",
                        why[0] ? why : hf_status_text(status));
        if (status == HF_OK && keys->warned)
            hf_cli_warn("--ticket-key: the token answers again; sessions are resumed");
        keys->warned = status != HF_OK;
        pthread_mutex_lock(&keys->helper.lock);
        if (!keys->helper.stopping)
            (void)hf_helper_wait(&keys->helper, hf_time_ms() + 1000 * (keys->warned ? HF_RESUMPTION_RETRY_S : PAUSE_S));
    }
    pthread_mutex_unlock(&keys->helper.lock);
    return NULL;
}

hf_status hf_resumption_open(const hf_tls_options *options, hf_hsm_secret **out)
{
    hf_hsm_options hsm = {.module = options->module,
                          .module_args = options->module_args,
                          .pin_source = options->pin_source,
                          .prompt = isatty(STDIN_FILENO),
                          .allow_extractable = options->allow_extractable};
    char why[HF_LINE_MAX] = "";
    hf_status status = hf_hsm_secret_open(&hsm, options->ticket_key, out, why, sizeof why);
    if (status != HF_OK)
        hf_cli_error("--ticket-key: %s", why[0] ? why : hf_status_text(status));
    return status;
}

uint32_t hf_resumption_lifetime_s(const hf_tls_options *options)
{
    return options->ticket_lifetime ? options->ticket_lifetime : HF_DEFAULT_TICKET_LIFETIME;
}

static bool open_secret(hf_resumption_keys *keys, const hf_tls_options *options)
{
    char why[HF_LINE_MAX] = "";

    if (!options->ticket_key)
        return true;
    keys->client = options->key_client;
    if (!keys->client && hf_resumption_open(options, &keys->secret) != HF_OK)
        return false;
    hf_status status = keep(keys, true, why, sizeof why);
    if (status != HF_OK)
        hf_cli_error("--ticket-key: %s", why[0] ? why : hf_status_text(status));
    return status == HF_OK;
}

static bool make(hf_resumption_keys *keys, const hf_tls_options *options, const hf_env *env, const hf_crypto *crypto)
{
    hf_ticket_options tickets = {.lifetime_s = keys->lifetime_s, .installed = options->ticket_key != NULL};
    hf_status status = HF_OK;

    if (options->tickets > 0)
        status = hf_ticket_keys_new(env, crypto, &tickets, &keys->tickets);
    if (status == HF_OK && options->session_cache > 0)
        status = hf_session_cache_new(env, options->session_cache, keys->lifetime_s, &keys->cache);
    if (status != HF_OK)
        hf_cli_error("resumption: %s", hf_status_text(status));
    return status == HF_OK;
}

bool hf_resumption_start(const hf_tls_options *options, const hf_env *env, const hf_crypto *crypto,
                         hf_resumption_keys **out)
{
    *out = NULL;
    if (options->tickets == 0 && options->session_cache == 0)
        return true;
    hf_resumption_keys *keys = calloc(1, sizeof *keys);
    if (!keys) {
        hf_cli_error("out of memory");
        return false;
    }
    keys->env = *env;
    keys->count = options->tickets;
    keys->lifetime_s = hf_resumption_lifetime_s(options);
    hf_helper_init(&keys->helper);
    if (!make(keys, options, env, crypto) || !open_secret(keys, options)) {
        hf_resumption_stop(keys);
        return false;
    }
    *out = keys;
    return true;
}

bool hf_resumption_run(hf_resumption_keys *keys)
{
    if (!keys || !keys->tickets)
        return true;
    bool started = hf_helper_start(&keys->helper, run, keys);
    if (!started)
        hf_cli_error("cannot start a thread");
    return started;
}

hf_status hf_resumption_apply(hf_resumption_keys *keys, hf_config *config)
{
    hf_status status = keys ? hf_config_set_tickets(config, keys->tickets, keys->count) : HF_OK;
    return keys && status == HF_OK ? hf_config_set_session_cache(config, keys->cache) : status;
}

void hf_resumption_stop(hf_resumption_keys *keys)
{
    if (!keys)
        return;
    if (!hf_helper_stop(&keys->helper, STOP_S)) {
        hf_cli_warn("--ticket-key: the token does not answer; its session is left to the system");
        return;
    }
    hf_hsm_secret_close(keys->secret);
    hf_ticket_keys_release(keys->tickets);
    hf_session_cache_release(keys->cache);
    hf_helper_cleanup(&keys->helper);
    free(keys);
}
