/* Reloading while serving. See reload.h. */
#include "reload.h"

#include <stdlib.h>
#include <string.h>

#include "cert_line.h"
#include "cli.h"
#include "handfast/hsm.h"
#include "helper.h"
#include "key_client.h"
#include "key_watch.h"
#include "now.h"
#include "public_files.h"
#include "staple_watch.h"

#define MARGIN_MS 1000 /* beyond the longest life of a handshake and of its last operation */

typedef struct retired {
    hf_credentials *held; /* NULL: free */
    uint64_t until_ms;
} retired;

struct hf_reload {
    hf_server *server;
    const hf_serve_options *options;
    retired old[HF_RELOAD_RETIRED_MAX]; /* the thread's own, like what follows; oldest first */
    uint64_t look_ms;                   /* when the files of --ocsp are looked at next; or HF_HELPER_NEVER */
    hf_helper helper;                   /* its lock guards what follows */
    bool asked;
    uint32_t number;  /* of the reload that is asked for */
    uint32_t staples; /* the responses that came under that number are to be looked at; 0: none */
};

/* ---- Keys that were replaced ---- */

uint64_t hf_reload_retire_ms(const hf_serve_options *options)
{
    unsigned operation_ms = options->tls.key_timeout_ms ? options->tls.key_timeout_ms : HF_HSM_OPERATION_TIMEOUT_MS;
    return 1000ull * options->handshake_timeout + operation_ms + MARGIN_MS;
}

/* The last reference to a key may wait for its operations. A loop must not: so the key stays here until no handshake
 * that began with it can be going on, and whichever connection is the last one of the old configuration, it is not the
 * last one to hold the key. */
static void retire(hf_reload *reload, hf_credentials *held)
{
    if (reload->old[HF_RELOAD_RETIRED_MAX - 1].held) {
        hf_credentials_free(reload->old[0].held);
        memmove(reload->old, reload->old + 1, sizeof reload->old - sizeof reload->old[0]);
        reload->old[HF_RELOAD_RETIRED_MAX - 1].held = NULL;
    }
    size_t i = 0;
    while (reload->old[i].held)
        i++;
    reload->old[i] = (retired){.held = held, .until_ms = hf_time_ms() + hf_reload_retire_ms(reload->options)};
}

static void let_go(hf_reload *reload, uint64_t now_ms)
{
    while (reload->old[0].held && reload->old[0].until_ms <= now_ms) {
        hf_credentials_free(reload->old[0].held);
        memmove(reload->old, reload->old + 1, sizeof reload->old - sizeof reload->old[0]);
        reload->old[HF_RELOAD_RETIRED_MAX - 1].held = NULL;
    }
}

/* ---- Reloading ---- */

static void tell(const hf_credentials *held)
{
    for (size_t i = 0; i < held->n; i++) {
        const hf_held_credential *one = &held->list[i];
        char line[HF_LINE_MAX];
        hf_cert_line(one->chain.certs[0], one->chain.lens[0], line, sizeof line);
        hf_cli_note("reloaded: certificate %s: %s; key %s", one->cert_name, line, one->key->label);
    }
}

static void count(hf_reload *reload, hf_reload_result result)
{
    atomic_fetch_add(&reload->server->reloads[result], 1);
}

static hf_config *build(hf_reload *reload, hf_credentials **out_held)
{
    const hf_tls_options *options = &reload->options->tls;
    *out_held = hf_tls_load(&reload->server->tls, options, false);
    return *out_held ? hf_tls_build(&reload->server->tls, options, HF_ROLE_SERVER, *out_held) : NULL;
}

/* With --isolate the key process opens the keys, and the supervisor has opened the files. */
static hf_config *build_isolated(hf_reload *reload, uint32_t number, hf_credentials **out_held, bool *out_later)
{
    hf_key_client *client = reload->options->tls.key_client;
    hf_key_client_answer answer = hf_key_client_reload(client, number);
    *out_later = answer == HF_KEY_CLIENT_LATER;
    if (*out_later)
        return NULL;
    hf_config *config = answer == HF_KEY_CLIENT_KEYS ? build(reload, out_held) : NULL;
    hf_key_client_settle(client, number, config != NULL);
    hf_public_files_forget(number);
    return config;
}

static void load(hf_reload *reload, uint32_t number)
{
    hf_tls *tls = &reload->server->tls;
    const hf_tls_options *options = &reload->options->tls;
    hf_credentials *held = NULL;
    bool later = false;
    hf_key_watch_reload(options->watch);
    hf_cli_context(HF_RELOAD_FAILED_TEXT);
    hf_config *config = options->key_client ? build_isolated(reload, number, &held, &later) : build(reload, &held);
    hf_cli_context("");
    if (config) {
        hf_credentials *before = tls->held;
        tls->held = held;
        retire(reload, before);
        hf_tls_swap(tls, config);
        tell(held);
    } else {
        hf_credentials_free(held);
    }
    hf_key_watch_settle(options->watch, config != NULL);
    if (!later)
        count(reload, config ? HF_RELOAD_DONE : HF_RELOAD_FAILED);
}

/* ---- Stapled responses ---- */

/* Of --isolate's, when the time has come, only the age is looked at: the supervisor looks at the files. */
static void look_at_staples(hf_reload *reload, bool files)
{
    hf_tls *tls = &reload->server->tls;
    bool other = false;
    for (size_t i = 0; i < tls->held->n; i++) {
        hf_held_credential *one = &tls->held->list[i];
        if (files)
            other = hf_staple_file_look(&one->staple, tls->crypto.pki, &one->chain) || other;
        else
            hf_staple_file_age(&one->staple);
    }
    hf_config *config = other ? hf_tls_build(tls, &reload->options->tls, HF_ROLE_SERVER, tls->held) : NULL;
    if (config)
        hf_tls_swap(tls, config);
    if (other && !config)
        hf_cli_warn("--ocsp: what changed is not stapled yet: it is tried with the next change");
}

/* ---- The thread ---- */

/* With the lock held: until something is asked or due. */
static void wait_for_work(hf_reload *reload)
{
    uint64_t due = reload->look_ms;
    if (reload->old[0].held && reload->old[0].until_ms < due)
        due = reload->old[0].until_ms;
    while (!reload->asked && !reload->staples && !reload->helper.stopping && hf_helper_wait(&reload->helper, due))
        ;
}

static void *run(void *arg)
{
    hf_reload *reload = arg;
    reload->look_ms = hf_staple_watch_next(reload->options);
    pthread_mutex_lock(&reload->helper.lock);
    while (!reload->helper.stopping) {
        wait_for_work(reload);
        bool asked = reload->asked && !reload->helper.stopping;
        uint32_t number = reload->number;
        uint32_t staples = reload->staples;
        reload->asked = false;
        reload->staples = 0;
        pthread_mutex_unlock(&reload->helper.lock);
        if (asked)
            load(reload, number);
        if (staples) {
            look_at_staples(reload, true);
            hf_public_files_forget(staples);
        }
        if (hf_time_ms() >= reload->look_ms) {
            look_at_staples(reload, !reload->options->tls.key_client);
            reload->look_ms = hf_staple_watch_next(reload->options);
        }
        let_go(reload, hf_time_ms());
        pthread_mutex_lock(&reload->helper.lock);
    }
    pthread_mutex_unlock(&reload->helper.lock);
    return NULL;
}

/* ---- Life ---- */

static void asked_by_supervisor(void *arg, uint32_t number, bool staples)
{
    if (staples)
        hf_reload_staples(arg, number);
    else
        hf_reload_ask(arg, number);
}

hf_reload *hf_reload_start(hf_server *server, const hf_serve_options *options)
{
    hf_reload *reload = calloc(1, sizeof *reload);
    if (reload) {
        reload->server = server;
        reload->options = options;
        hf_helper_init(&reload->helper);
        if (hf_helper_start(&reload->helper, run, reload)) {
            if (options->tls.key_client)
                hf_key_client_on_reload(options->tls.key_client, asked_by_supervisor, reload);
            return reload;
        }
        hf_helper_cleanup(&reload->helper);
        free(reload);
    }
    hf_cli_error("cannot start the thread that reloads: out of memory or threads");
    return NULL;
}

void hf_reload_ask(hf_reload *reload, uint32_t number)
{
    pthread_mutex_lock(&reload->helper.lock);
    reload->asked = true;
    reload->number = number;
    hf_helper_wake(&reload->helper);
    pthread_mutex_unlock(&reload->helper.lock);
}

void hf_reload_staples(hf_reload *reload, uint32_t number)
{
    pthread_mutex_lock(&reload->helper.lock);
    reload->staples = number;
    hf_helper_wake(&reload->helper);
    pthread_mutex_unlock(&reload->helper.lock);
}

bool hf_reload_stop(hf_reload *reload)
{
    if (!reload)
        return true;
    if (reload->options->tls.key_client)
        hf_key_client_on_reload(reload->options->tls.key_client, NULL, NULL);
    if (!hf_helper_stop(&reload->helper, HF_RELOAD_STOP_S))
        return false;
    let_go(reload, UINT64_MAX);
    hf_helper_cleanup(&reload->helper);
    free(reload);
    return true;
}
