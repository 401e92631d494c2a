/* What /metrics says of the whole server. See metrics.h. */
#include "metrics.h"

#include <stdlib.h>

#include "metrics_text.h"
#include "now.h"

double hf_metrics_now(void)
{
    return (double)hf_time_us(CLOCK_MONOTONIC) / 1e6;
}

static void process(hf_text *text, const hf_server *server)
{
    double uptime = hf_metrics_now() - server->started;
    hf_text_metric(text, "handfast_build_info", "gauge", "Always 1; the version is the label.");
    hf_text_add(text, "handfast_build_info{version=\"%s\"} 1\n", hf_version());
    hf_text_metric(text, "handfast_uptime_seconds", "gauge", "Seconds since the server started.");
    hf_text_add(text, "handfast_uptime_seconds %.3f\n", uptime);
    hf_text_metric(text, "process_start_time_seconds", "gauge", "When the server started, seconds since 1970.");
    hf_text_add(text, "process_start_time_seconds %.3f\n", (double)hf_time_us(CLOCK_REALTIME) / 1e6 - uptime);
}

static void connections(hf_text *text, hf_server *server)
{
    hf_text_metric(text, "handfast_connections_open", "gauge", "Connections open now.");
    hf_text_add(text, "handfast_connections_open %lu\n", atomic_load(&server->connections));
    hf_text_metric(text, "handfast_connections_limit", "gauge", "Connections at once at most (--max-connections).");
    hf_text_add(text, "handfast_connections_limit %lu\n", server->max_connections);
}

static void reloads(hf_text *text, hf_server *server)
{
    hf_text_metric(text, "handfast_reloads_total", "counter", "Reloads (SIGHUP) by how they ended.");
    hf_text_add(text, "handfast_reloads_total{result=\"ok\"} %lu\n", atomic_load(&server->reloads[HF_RELOAD_DONE]));
    hf_text_add(text, "handfast_reloads_total{result=\"failed\"} %lu\n",
                atomic_load(&server->reloads[HF_RELOAD_FAILED]));
}

static void key_process(hf_text *text, hf_key_client *client)
{
    hf_key_client_state state;
    hf_key_client_get_state(client, &state);
    hf_text_metric(text, "handfast_key_process_up", "gauge", "1 while a key process serves.");
    hf_text_add(text, "handfast_key_process_up %d\n", state.connected);
    hf_text_metric(text, "handfast_key_process_restarts_total", "counter", "Key processes after the first.");
    hf_text_add(text, "handfast_key_process_restarts_total %lu\n", state.restarts);
    hf_text_metric(text, "handfast_key_process_operations_pending", "gauge", "Operations out or waiting for it.");
    hf_text_add(text, "handfast_key_process_operations_pending %zu\n", state.pending);
    hf_text_metric(text, "handfast_key_process_operations_lost_total", "counter",
                   "Operations that a dying key process took along.");
    hf_text_add(text, "handfast_key_process_operations_lost_total %lu\n", state.lost);
    hf_metrics_refused(text, state.refused);
}

size_t hf_metrics_write(const hf_metrics_sources *sources, char *out, size_t max, unsigned *out_serving)
{
    hf_text text = {.data = out, .max = max};
    hf_counts *sum = calloc(1, sizeof *sum);
    *out_serving = 0;
    if (!sum)
        return 0;
    for (unsigned i = 0; i < sources->n_loops; i++)
        hf_counts_add(sum, &sources->loops[i].counts);
    process(&text, sources->server);
    connections(&text, sources->server);
    reloads(&text, sources->server);
    hf_metrics_counts(&text, &sources->server->tls.crypto, sum);
    free(sum);
    if (sources->client) {
        key_process(&text, sources->client);
        if (!text.bad)
            text.len += hf_key_client_report(sources->client, out + text.len, max - text.len, out_serving);
    } else {
        hf_metrics_keys(&text, sources->watch, out_serving);
        hf_metrics_refused(&text, hf_key_watch_refused(sources->watch));
    }
    return text.bad ? 0 : text.len;
}
