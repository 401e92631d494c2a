/* Tokens and the audit file as text for the metrics. See metrics_text.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "metrics_text.h"

#define TOKENS_MAX (HF_LIMIT_CREDENTIALS * HF_HSM_TOKENS_MAX)

typedef struct tokens {
    hf_hsm_token_stats all[TOKENS_MAX];
    bool shared[TOKENS_MAX]; /* its label is another one's, too */
    size_t n;
    hf_hsm_stats one; /* of the key that is looked at */
} tokens;

/* Keys of one token share its numbers: it is told once. */
static void add_token(tokens *list, const hf_hsm_token_stats *token)
{
    bool shared = false;
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->all[i].token, token->token) != 0)
            continue;
        if (strcmp(list->all[i].serial, token->serial) == 0)
            return;
        list->shared[i] = shared = true;
    }
    list->shared[list->n] = shared;
    list->all[list->n++] = *token;
}

/* The labels that name it, the last quote open. */
static void put_names(hf_text *text, const char *name, const tokens *list, size_t i)
{
    hf_text_add(text, "%s{token=\"", name);
    hf_text_label(text, list->all[i].token);
    if (list->shared[i]) {
        hf_text_add(text, "\",serial=\"");
        hf_text_label(text, list->all[i].serial);
    }
}

static void sample(hf_text *text, const char *name, const tokens *list, size_t i, const char *label,
                   const char *label_value, uint64_t value)
{
    put_names(text, name, list, i);
    if (label)
        hf_text_add(text, "\",%s=\"%s", label, label_value);
    hf_text_add(text, "\"} %" PRIu64 "\n", value);
}

typedef struct simple {
    const char *name, *type, *help;
    uint64_t (*value)(const hf_hsm_token_stats *token);
} simple;

#define VALUE(function, expression)                                                                                    \
    static uint64_t function(const hf_hsm_token_stats *token)                                                          \
    {                                                                                                                  \
        return expression;                                                                                             \
    }
VALUE(up, token->breaker == HF_HSM_BREAKER_CLOSED)
VALUE(sessions, token->sessions)
VALUE(sessions_limit, token->sessions_limit)
VALUE(threads, token->threads)
VALUE(queued, token->queued)
VALUE(running, token->running)
VALUE(hung_now, token->hung_now)
VALUE(reconnects, token->reconnects)
VALUE(logins, token->logins)
VALUE(hung, token->hung)
VALUE(opened, token->breaker_opened)
VALUE(retries, token->retries)
VALUE(hedges, token->hedges)

static const simple simples[] = {
    {"handfast_token_up", "gauge", "1 when the token is in use (its circuit breaker is closed).", up},
    {"handfast_token_sessions", "gauge", "Sessions open in the token.", sessions},
    {"handfast_token_sessions_limit", "gauge", "The most sessions that are opened in it.", sessions_limit},
    {"handfast_token_threads", "gauge", "Threads that ask the token.", threads},
    {"handfast_token_queue_depth", "gauge", "Operations that wait for the token.", queued},
    {"handfast_token_operations_running", "gauge", "Operations in the token.", running},
    {"handfast_token_threads_hung", "gauge", "Threads whose call has not come back.", hung_now},
    {"handfast_token_reconnects_total", "counter", "Sessions opened again after one was lost.", reconnects},
    {"handfast_token_logins_total", "counter", "Logins that succeeded.", logins},
    {"handfast_token_threads_hung_total", "counter", "Threads given up because a call did not return.", hung},
    {"handfast_token_breaker_opened_total", "counter", "How often the circuit breaker opened.", opened},
    {"handfast_token_retries_total", "counter", "Operations given to this token after a failure.", retries},
    {"handfast_token_hedges_total", "counter", "Operations given to this token too because another was slow.", hedges},
};

static void breakers(hf_text *text, const tokens *list)
{
    static const char name[] = "handfast_token_breaker_state";
    hf_text_metric(text, name, "gauge", "1 for the state that the token's circuit breaker is in.");
    for (size_t i = 0; i < list->n; i++)
        for (int state = HF_HSM_BREAKER_CLOSED; state <= HF_HSM_BREAKER_HALF_OPEN; state++)
            sample(text, name, list, i, "state", hf_hsm_breaker_name((hf_hsm_breaker)state),
                   list->all[i].breaker == (hf_hsm_breaker)state);
}

static void results(hf_text *text, const tokens *list)
{
    static const char name[] = "handfast_token_operations_total";
    hf_text_metric(text, name, "counter", "Operations by how they ended.");
    for (size_t i = 0; i < list->n; i++)
        for (int result = 0; result < HF_HSM_RESULTS; result++)
            sample(text, name, list, i, "result", hf_hsm_result_name((hf_hsm_result)result),
                   list->all[i].results[result]);
}

/* Seconds, without rounding: Prometheus sums them up. */
static void put_seconds(hf_text *text, uint64_t us)
{
    hf_text_add(text, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
}

static void latency(hf_text *text, const tokens *list, size_t i)
{
    const hf_hsm_token_stats *token = &list->all[i];
    uint64_t count = 0;
    for (size_t b = 0; b < HF_HSM_LATENCY_BUCKETS; b++) {
        count += token->latency[b];
        put_names(text, "handfast_token_latency_seconds_bucket", list, i);
        hf_text_add(text, "\",le=\"");
        if (b + 1 < HF_HSM_LATENCY_BUCKETS)
            put_seconds(text, hf_hsm_latency_bound_us(b));
        else
            hf_text_add(text, "+Inf");
        hf_text_add(text, "\"} %" PRIu64 "\n", count);
    }
    put_names(text, "handfast_token_latency_seconds_sum", list, i);
    hf_text_add(text, "\"} ");
    put_seconds(text, token->latency_sum_us);
    hf_text_add(text, "\n");
    sample(text, "handfast_token_latency_seconds_count", list, i, NULL, NULL, count);
}

static void audit(hf_text *text, hf_audit *file)
{
    hf_audit_state state;
    if (!file)
        return;
    hf_audit_get_state(file, &state);
    hf_text_metric(text, "handfast_audit_lines_total", "counter", "Lines written to the audit file.");
    hf_text_add(text, "handfast_audit_lines_total %" PRIu64 "\n", state.lines);
    hf_text_metric(text, "handfast_audit_missing_total", "counter", "Uses of a key whose line could not be written.");
    hf_text_add(text, "handfast_audit_missing_total %" PRIu64 "\n", state.missing);
    hf_text_metric(text, "handfast_audit_failed", "gauge", "1 while lines cannot be written.");
    hf_text_add(text, "handfast_audit_failed %d\n", state.failed);
}

/* A key in a file serves always; one in tokens when one of them is in use. */
static bool serves(const hf_hsm_stats *stats)
{
    for (size_t i = 0; i < stats->n; i++)
        if (stats->tokens[i].breaker == HF_HSM_BREAKER_CLOSED)
            return true;
    return false;
}

void hf_metrics_keys(hf_text *text, hf_key_watch *watch, unsigned *out_serving)
{
    tokens *list = calloc(1, sizeof *list);
    *out_serving = 0;
    if (!list) {
        text->bad = true;
        return;
    }
    pthread_mutex_lock(&watch->lock); /* a reload swaps the keys */
    for (size_t i = 0; i < watch->n; i++) {
        if (hf_hsm_key_stats(watch->keys[i], &list->one) != HF_OK) {
            (*out_serving)++;
            continue;
        }
        *out_serving += serves(&list->one);
        for (size_t j = 0; j < list->one.n && list->n < TOKENS_MAX; j++)
            add_token(list, &list->one.tokens[j]);
    }
    pthread_mutex_unlock(&watch->lock);
    if (watch->audit && hf_audit_withholds(watch->audit))
        *out_serving = 0;
    for (size_t s = 0; s < sizeof simples / sizeof simples[0]; s++) {
        hf_text_metric(text, simples[s].name, simples[s].type, simples[s].help);
        for (size_t i = 0; i < list->n; i++)
            sample(text, simples[s].name, list, i, NULL, NULL, simples[s].value(&list->all[i]));
    }
    breakers(text, list);
    results(text, list);
    hf_text_metric(text, "handfast_token_latency_seconds", "histogram", "Time of an operation in the token.");
    for (size_t i = 0; i < list->n; i++)
        latency(text, list, i);
    audit(text, watch->audit);
    free(list);
}

void hf_metrics_refused(hf_text *text, uint64_t n)
{
    hf_text_metric(text, "handfast_key_refused_total", "counter", "Handshakes refused early: the key takes no more.");
    hf_text_add(text, "handfast_key_refused_total %" PRIu64 "\n", n);
}
