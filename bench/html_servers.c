/* The sections about servers: bulk and small requests, handshakes, a slow token, memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html_parts.h"

static const char *note_spread(const hf_doc *row, char *out, size_t max)
{
    double spread = hf_doc_number(row, "spread");

    out[0] = 0;
    if (!isnan(spread))
        (void)snprintf(out, max, "\xc2\xb1%.0f %%", 50 * spread); /* half of the quartiles' distance, each way */
    return out;
}

static void write_work(const hf_rows *rows, double body, FILE *out)
{
    hf_bars *bars = calloc(1, sizeof *bars);
    bool bulk = body >= 65536;

    if (!bars)
        return;
    if (bulk)
        (void)snprintf(bars->title, sizeof bars->title, "%.0f KiB bodies: GB per second of server CPU", body / 1024);
    else
        (void)snprintf(bars->title, sizeof bars->title, "%.0f-byte bodies: requests per second of server CPU", body);
    bars->x_name = bulk ? "GB of body per CPU second" : "requests per CPU second";
    bars->unit = "";
    for (size_t i = 0; i < rows->n; i++) {
        const hf_doc *row = rows->row[i];
        char group[HF_PLOT_LABEL_MAX];
        if (!hf_row_is(row, "bench", "server") || hf_doc_number(row, "body_bytes") != body)
            continue;
        (void)snprintf(group, sizeof group, "%s, %.0f connections", hf_doc_text(row, "work", ""),
                       hf_doc_number(row, "clients"));
        double each = hf_doc_number(row, "requests_per_cpu_s");
        const char *server = hf_doc_text(row, "server", "?");
        hf_bar *bar = hf_bars_add(bars, group, server, hf_style_of(server), bulk ? each * body / 1e9 : each);
        if (bar)
            (void)note_spread(row, bar->note, sizeof bar->note);
    }
    hf_bars_write(bars, out);
    free(bars);
}

void hf_html_servers(const hf_rows *rows, FILE *out)
{
    double bodies[HF_NAMES_MAX];
    size_t n = hf_rows_numbers(rows, "server", "body_bytes", bodies);

    if (n == 0)
        return;
    hf_html_section(out, "The server beside nginx and HAProxy",
                    "One worker each on the same core, TLS 1.3 with the same suite, group and certificate, loaded by "
                    "wrk from another core, in turns. What counts is work per second of the server&#8217;s processor "
                    "time.");
    for (size_t i = n; i-- > 0;)
        write_work(rows, bodies[i], out);
    hf_html_section_end(out);
}

static void write_handshakes(const hf_rows *rows, bool per_cpu, FILE *out)
{
    const char *versions[HF_NAMES_MAX];
    size_t n = hf_rows_texts(rows, "handshakes", "version", versions);
    hf_bars *bars = calloc(1, sizeof *bars);

    if (!bars)
        return;
    (void)snprintf(bars->title, sizeof bars->title,
                   per_cpu ? "Handshakes per second of server CPU" : "Handshakes per second of the wall clock");
    bars->x_name = per_cpu ? "handshakes per CPU second, the token's share included" : "handshakes per second";
    bars->unit = "";
    for (size_t v = 0; v < n; v++) {
        for (size_t i = 0; i < rows->n; i++) {
            const hf_doc *row = rows->row[i];
            if (!hf_row_is(row, "bench", "handshakes") || !hf_row_is(row, "version", versions[v]))
                continue;
            const char *server = hf_doc_text(row, "server", "?");
            double value = per_cpu ? 1 / hf_doc_number(row, "server_cpu_s") : hf_doc_number(row, "handshakes_per_s");
            (void)hf_bars_add(bars, versions[v], server, hf_style_of(server), value);
            double token = per_cpu ? 1 / hf_doc_number(row, "token_cpu_s") : hf_doc_number(row, "token_ops_per_s");
            if (strcmp(server, "handfast") == 0 && token < 4 * value)
                (void)hf_bars_add(bars, versions[v], "token alone", "c-token", token);
        }
    }
    hf_bars_write(bars, out);
    free(bars);
}

void hf_html_handshakes(const hf_rows *rows, FILE *out)
{
    if (!hf_rows_have(rows, "handshakes"))
        return;
    hf_html_section(out, "Handshakes with the key in a token",
                    "Full handshakes with the key in SoftHSM2 on the server&#8217;s core. <i>token alone</i> is a bare "
                    "loop of the token&#8217;s own operation: no server can pass it. Where the clients are the limit, "
                    "trust the figure per CPU second.");
    write_handshakes(rows, true, out);
    write_handshakes(rows, false, out);
    hf_html_section_end(out);
}

static void write_token(const hf_rows *rows, const char *title, const char *x_name, const char *key, const char *unit,
                        FILE *out)
{
    double latencies[HF_NAMES_MAX];
    size_t n = hf_rows_numbers(rows, "token", "latency_ms", latencies);
    hf_bars *bars = calloc(1, sizeof *bars);

    if (!bars)
        return;
    (void)snprintf(bars->title, sizeof bars->title, "%s", title);
    bars->x_name = x_name;
    bars->unit = unit;
    for (size_t l = 0; l < n; l++) {
        for (size_t i = 0; i < rows->n; i++) {
            const hf_doc *row = rows->row[i];
            char group[HF_PLOT_LABEL_MAX];
            if (!hf_row_is(row, "bench", "token") || hf_doc_number(row, "latency_ms") != latencies[l])
                continue;
            (void)snprintf(group, sizeof group, "token %.0f ms away, %.0f clients", latencies[l],
                           hf_doc_number(row, "clients"));
            const char *server = hf_doc_text(row, "server", "?");
            (void)hf_bars_add(bars, group, server, hf_style_of(server), hf_doc_number(row, key));
        }
    }
    hf_bars_write(bars, out);
    free(bars);
}

void hf_html_token(const hf_rows *rows, FILE *out)
{
    if (!hf_rows_have(rows, "token"))
        return;
    hf_html_section(
        out, "A token that is far away",
        "The fault module adds latency to every private-key operation, as a network HSM does. A server that "
        "waits for its token stops everybody: the right plot is a small request on a connection that was "
        "established before.");
    write_token(rows, "Full handshakes per second", "handshakes per second", "handshakes_per_s", "", out);
    write_token(rows, "A small request during the storm, p99", "milliseconds", "request_p99_ms", " ms", out);
    hf_html_section_end(out);
}

void hf_html_memory(const hf_rows *rows, FILE *out)
{
    const char *states[HF_NAMES_MAX];
    size_t n = hf_rows_texts(rows, "memory", "state", states);
    hf_bars *bars = n ? calloc(1, sizeof *bars) : NULL;

    if (!bars)
        return;
    hf_html_section(out, "Memory of a connection",
                    "The growth of the server&#8217;s private pages for each further connection. What the kernel needs "
                    "for the socket is not in it.");
    (void)snprintf(bars->title, sizeof bars->title, "KiB for a connection");
    bars->x_name = "KiB";
    bars->unit = " KiB";
    for (size_t s = 0; s < n; s++)
        for (size_t i = 0; i < rows->n; i++)
            if (hf_row_is(rows->row[i], "bench", "memory") && hf_row_is(rows->row[i], "state", states[s]))
                (void)hf_bars_add(bars, states[s], hf_doc_text(rows->row[i], "version", "?"), "c-ours",
                                  hf_doc_number(rows->row[i], "bytes_each") / 1024);
    hf_bars_write(bars, out);
    free(bars);
    hf_html_section_end(out);
}
