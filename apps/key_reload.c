/* The key process's part of a reload. See key_reload.h. */
#include "key_reload.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "credentials.h"
#include "handfast/hsm.h"
#include "helper.h"
#include "key_watch.h"
#include "now.h"
#include "reload.h"

typedef struct key_set {
    uint32_t number;
    hf_key *keys[HF_LIMIT_CREDENTIALS]; /* references */
    size_t n;                           /* 0: no set */
    uint64_t until_ms;                  /* of one that was replaced: when it goes */
} key_set;

struct hf_key_reload {
    hf_key_service *service;
    const hf_serve_options *options;
    hf_key_certs_fn *certs;
    /* The thread's own: what is used; what was shown and is not settled; what was replaced, oldest first. */
    key_set current, fresh, old[HF_KEY_SERVICE_SETS - 2];
    size_t n_old;
    hf_helper helper; /* its lock guards what follows */
    uint32_t asked;   /* 0: nothing */
    uint32_t settled; /* the number that the network process has decided on; 0: none */
    bool adopt;
};

/* ---- Sets ---- */

static void release(key_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        set->keys[i]->ops->release(set->keys[i]);
    set->n = 0;
}

static hf_status open_set(hf_key_reload *reload, uint32_t number, bool prompt, key_set *out)
{
    const hf_tls_options *tls = &reload->options->tls;
    key_set set = {.number = number};
    hf_status status = HF_OK;
    while (status == HF_OK && set.n < tls->n_keys) {
        status = hf_credentials_open_key(tls, set.n, prompt, &set.keys[set.n]);
        set.n += status == HF_OK;
    }
    if (status == HF_OK && !hf_key_service_open_set(reload->service, number, set.keys, set.n))
        status = HF_ERR_LIMIT; /* not reached: there is room for all that a reload keeps */
    if (status == HF_OK)
        *out = set;
    else
        release(&set);
    return status;
}

static void close_set(hf_key_reload *reload, key_set *set)
{
    if (set->n == 0)
        return;
    hf_key_service_close_set(reload->service, set->number);
    release(set);
}

static void drop_oldest(hf_key_reload *reload)
{
    close_set(reload, &reload->old[0]);
    memmove(reload->old, reload->old + 1, --reload->n_old * sizeof reload->old[0]);
}

/* It may still sign for handshakes that had begun. */
static void retire(hf_key_reload *reload, const key_set *set)
{
    if (reload->n_old == sizeof reload->old / sizeof reload->old[0])
        drop_oldest(reload);
    reload->old[reload->n_old] = *set;
    reload->old[reload->n_old++].until_ms = hf_time_ms() + hf_reload_retire_ms(reload->options);
}

/* ---- What happens ---- */

static void load(hf_key_reload *reload, uint32_t number)
{
    hf_key_watch *watch = reload->options->tls.watch;
    hf_key_watch_reload(watch);
    hf_cli_context(HF_RELOAD_FAILED_TEXT);
    hf_status status = open_set(reload, number, false, &reload->fresh);
    hf_cli_context("");
    if (status == HF_OK && !hf_key_service_show(reload->service, number, reload->certs))
        status = HF_ERR_IO; /* out of memory, or the network process has gone */
    if (status == HF_OK)
        return; /* what becomes of it the network process says */
    close_set(reload, &reload->fresh);
    hf_key_watch_settle(watch, false);
    hf_key_service_refuse(reload->service, number, status);
}

static void settle(hf_key_reload *reload, bool adopt)
{
    if (adopt) {
        retire(reload, &reload->current);
        reload->current = reload->fresh;
        reload->fresh = (key_set){.n = 0};
    } else {
        close_set(reload, &reload->fresh);
    }
    hf_key_watch_settle(reload->options->tls.watch, adopt);
}

/* With the lock held: until there is something to do. */
static void wait_for_work(hf_key_reload *reload)
{
    uint64_t due = reload->n_old ? reload->old[0].until_ms : HF_HELPER_NEVER;
    while (!reload->helper.stopping && !reload->settled && (!reload->asked || reload->fresh.n > 0) &&
           hf_helper_wait(&reload->helper, due))
        ;
}

static void *run(void *arg)
{
    hf_key_reload *reload = arg;
    pthread_mutex_lock(&reload->helper.lock);
    while (!reload->helper.stopping) {
        wait_for_work(reload);
        bool settled = reload->settled && reload->fresh.n > 0 && reload->settled == reload->fresh.number;
        bool adopt = reload->adopt;
        reload->settled = 0;
        /* What was shown before is decided on first: the network process never uses keys that are not there. */
        uint32_t asked = settled || reload->fresh.n > 0 || reload->helper.stopping ? 0 : reload->asked;
        if (asked)
            reload->asked = 0;
        pthread_mutex_unlock(&reload->helper.lock);
        if (settled)
            settle(reload, adopt);
        if (asked)
            load(reload, asked);
        while (reload->n_old && reload->old[0].until_ms <= hf_time_ms())
            drop_oldest(reload);
        pthread_mutex_lock(&reload->helper.lock);
    }
    pthread_mutex_unlock(&reload->helper.lock);
    return NULL;
}

void hf_key_reload_ask(hf_key_reload *reload, uint32_t number)
{
    pthread_mutex_lock(&reload->helper.lock);
    reload->asked = number;
    hf_helper_wake(&reload->helper);
    pthread_mutex_unlock(&reload->helper.lock);
}

void hf_key_reload_settle(hf_key_reload *reload, uint32_t number, bool adopt)
{
    pthread_mutex_lock(&reload->helper.lock);
    reload->settled = number;
    reload->adopt = adopt;
    hf_helper_wake(&reload->helper);
    pthread_mutex_unlock(&reload->helper.lock);
}

/* ---- Life ---- */

hf_status hf_key_reload_new(hf_key_service *service, const hf_serve_options *options, hf_key_certs_fn *certs,
                            bool prompt, hf_key_reload **out)
{
    hf_key_reload *reload = calloc(1, sizeof *reload);
    if (!reload) {
        hf_cli_error("out of memory");
        return HF_ERR_NO_MEMORY;
    }
    reload->service = service;
    reload->options = options;
    reload->certs = certs;
    hf_status status = open_set(reload, 0, prompt, &reload->current);
    if (status != HF_OK) {
        free(reload);
        return status;
    }
    hf_helper_init(&reload->helper);
    *out = reload;
    return HF_OK;
}

bool hf_key_reload_start(hf_key_reload *reload)
{
    bool started = hf_helper_start(&reload->helper, run, reload);
    if (!started)
        hf_cli_error("cannot start the thread that reloads: out of memory or threads");
    return started;
}

bool hf_key_reload_stop(hf_key_reload *reload)
{
    return !reload || hf_helper_stop(&reload->helper, HF_RELOAD_STOP_S);
}

/* Nobody wants a result any more. */
static void end_set(hf_key_reload *reload, key_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        hf_hsm_key_retire(hf_key_watch_inner(set->keys[i]), HF_KEY_WATCH_END_MS);
    close_set(reload, set);
}

void hf_key_reload_free(hf_key_reload *reload)
{
    if (!reload)
        return;
    for (size_t i = 0; i < reload->n_old; i++)
        end_set(reload, &reload->old[i]);
    end_set(reload, &reload->fresh);
    end_set(reload, &reload->current);
    hf_helper_cleanup(&reload->helper);
    free(reload);
}
