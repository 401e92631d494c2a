/* The page of --html: its frame, the machine, the headline figures, the method; see html.h. The sections with plots are
 * in html_records.c and html_servers.c. */
#include "html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "html_parts.h"

bool hf_row_is(const hf_doc *row, const char *key, const char *text)
{
    return strcmp(hf_doc_text(row, key, ""), text) == 0;
}

bool hf_rows_have(const hf_rows *rows, const char *bench)
{
    for (size_t i = 0; i < rows->n; i++)
        if (hf_row_is(rows->row[i], "bench", bench))
            return true;
    return false;
}

size_t hf_rows_texts(const hf_rows *rows, const char *bench, const char *key, const char *out[HF_NAMES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < rows->n; i++) {
        const char *text = hf_doc_text(rows->row[i], key, NULL);
        size_t k = 0;
        if (!text || !hf_row_is(rows->row[i], "bench", bench))
            continue;
        while (k < n && strcmp(out[k], text) != 0)
            k++;
        if (k == n && n < HF_NAMES_MAX)
            out[n++] = text;
    }
    return n;
}

size_t hf_rows_numbers(const hf_rows *rows, const char *bench, const char *key, double out[HF_NAMES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < rows->n; i++) {
        double number = hf_doc_number(rows->row[i], key);
        size_t k = 0;
        if (isnan(number) || !hf_row_is(rows->row[i], "bench", bench))
            continue;
        while (k < n && out[k] < number)
            k++;
        if ((k < n && out[k] == number) || n == HF_NAMES_MAX)
            continue;
        memmove(out + k + 1, out + k, (n - k) * sizeof *out);
        out[k] = number;
        n++;
    }
    return n;
}

void hf_html_section(FILE *out, const char *heading, const char *text)
{
    fprintf(out, "<section>\n<h2>%s</h2>\n<p>%s</p>\n<div class='plots'>\n", heading, text);
}

void hf_html_section_end(FILE *out)
{
    fputs("</div>\n</section>\n", out);
}

/* ---- The machine ----------------------------------------------------------------------------------------------------
 */

static void write_fact(FILE *out, const char *name, const char *value)
{
    fprintf(out, "<dt>%s</dt><dd>", name);
    hf_plot_escape(out, value);
    fputs("</dd>", out);
}

static void write_machine(const hf_doc *env, FILE *out)
{
    char text[256];

    fputs("<dl class='machine'>", out);
    (void)snprintf(text, sizeof text, "%s, %.0f processors online, microcode %s", hf_doc_text(env, "cpu", "unknown"),
                   hf_doc_number(env, "cpus"), hf_doc_text(env, "microcode", "unknown"));
    write_fact(out, "Processor", text);
    write_fact(out, "Features", hf_doc_text(env, "cpu_features", "unknown"));
    (void)snprintf(text, sizeof text, "core %.2f GHz (measured), time stamp counter %.2f GHz, governor %s",
                   hf_doc_number(env, "core_ghz"), hf_doc_number(env, "tsc_ghz"),
                   hf_doc_text(env, "governor", "unknown"));
    write_fact(out, "Clock", text);
    fputs("<dt>Software</dt><dd>Handfast ", out);
    hf_plot_escape(out, hf_doc_text(env, "handfast", "?"));
    const hf_doc *libraries = hf_doc_get(env, "libraries");
    for (const hf_doc *lib = libraries ? libraries->child : NULL; lib; lib = lib->next) {
        if (lib->type != HF_DOC_TEXT || !lib->key)
            continue;
        fputs("; ", out);
        hf_plot_escape(out, lib->key);
        fputs(": ", out);
        hf_plot_escape(out, lib->text);
    }
    fputs("</dd>", out);
    (void)snprintf(text, sizeof text, "%s, built with %s, load %s at the start", hf_doc_text(env, "kernel", "unknown"),
                   hf_doc_text(env, "compiler", "unknown"), hf_doc_text(env, "load", "unknown"));
    write_fact(out, "System", text);
    fputs("</dl>\n", out);
}

/* ---- Headline figures -----------------------------------------------------------------------------------------------
 */

static void write_tile(FILE *out, double value, const char *unit, const char *text)
{
    fputs("<div class='tile'><b>", out);
    hf_plot_number(out, value);
    fprintf(out, "<small>%s</small></b><span>%s</span></div>\n", unit, text);
}

/* The best figure of `key` among rows that fit; NAN when none does. */
static double best(const hf_rows *rows, const char *bench, const char *name_key, const char *name, const char *cipher,
                   const char *key)
{
    double most = NAN;

    for (size_t i = 0; i < rows->n; i++) {
        const hf_doc *row = rows->row[i];
        double value = hf_doc_number(row, key);
        if (hf_row_is(row, "bench", bench) && hf_row_is(row, name_key, name) &&
            (!cipher || hf_row_is(row, "cipher", cipher)) && !isnan(value) && !(value <= most))
            most = value;
    }
    return most;
}

/* How many times nginx handfast does, by CPU time, with files of this size. */
static double server_ratio(const hf_rows *rows, double body_bytes)
{
    for (size_t i = 0; i < rows->n; i++) {
        const hf_doc *row = rows->row[i];
        if (hf_row_is(row, "bench", "server") && hf_row_is(row, "server", "nginx") && hf_row_is(row, "work", "files") &&
            hf_doc_number(row, "body_bytes") == body_bytes)
            return hf_doc_number(row, "handfast_times");
    }
    return NAN;
}

static void write_tiles(const hf_rows *rows, FILE *out)
{
    double gcm = best(rows, "records", "provider", "auto", "AES-128-GCM", "gbps");
    double limit = best(rows, "limits", "bench", "limits", "AES-128-GCM", "gbps");
    double times = best(rows, "records", "provider", "auto", "AES-128-GCM", "times_portable");
    double bulk = server_ratio(rows, 1048576), small = server_ratio(rows, 256);
    double idle = NAN;

    for (size_t i = 0; i < rows->n; i++)
        if (hf_row_is(rows->row[i], "bench", "memory") && hf_row_is(rows->row[i], "state", "idle"))
            idle = fmax(isnan(idle) ? 0 : idle, hf_doc_number(rows->row[i], "bytes_each"));
    fputs("<div class='tiles'>\n", out);
    if (gcm > 0)
        write_tile(out, gcm, " GB/s", "AES-128-GCM records on one core");
    if (gcm > 0 && limit > 0)
        write_tile(out, 100 * gcm / limit, " %", "of what this CPU&#8217;s AES and multiplier units allow");
    if (times > 0)
        write_tile(out, times, "&#215;", "our own portable C, at most, with AES-128-GCM");
    if (bulk > 0)
        write_tile(out, bulk, "&#215;", "nginx, in bytes of 1 MiB bodies per CPU second");
    if (small > 0)
        write_tile(out, small, "&#215;", "nginx, in 256-byte answers per CPU second");
    if (idle > 0)
        write_tile(out, idle / 1024, " KiB", "for an idle connection");
    fputs("</div>\n", out);
}

/* ---- The frame ------------------------------------------------------------------------------------------------------
 */

static const char method[] =
    "<section><h2>Method</h2><ul>"
    "<li>Candidates take turns within every repetition, in an order that rotates, so that whatever else the machine "
    "does "
    "meets all of them alike. The median of the repetitions is shown; <i>spread</i> in the tables is the distance "
    "between "
    "the quartiles, divided by the median.</li>"
    "<li>Records: one pinned core, processor time, caches and clock warm; records of one batch have different keys; "
    "the "
    "records of all candidates were compared before they were measured. GB is 10<sup>9</sup> bytes of content.</li>"
    "<li>Cycles are of the core&#8217;s own clock, measured with a chain of dependent additions beside every "
    "repetition, "
    "not of the time stamp counter.</li>"
    "<li>Servers: one worker on one core, the load on another; the same certificate, suite and group for all. Work per "
    "second of the <i>server&#8217;s</i> processor time is compared, because a client that is slower than the server "
    "limits the rate but not this.</li>"
    "<li>How to repeat each figure, and where Handfast is not faster: <code>docs/benchmarks.md</code>.</li>"
    "</ul></section>\n";

static void write_page(const hf_doc *const *reports, size_t n, const hf_rows *rows, FILE *out)
{
    const hf_doc *env = hf_doc_get(reports[n - 1], "environment");

    fputs("<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'/>\n"
          "<meta name='viewport' content='width=device-width, initial-scale=1'/>\n"
          "<meta name='color-scheme' content='light dark'/>\n<title>Handfast: measurements</title>\n<style>\n",
          out);
    fputs(hf_html_style, out);
    fputs("</style>\n</head>\n<body>\n<header><h1>Handfast, measured</h1>\n<p>", out);
    hf_plot_escape(out, hf_doc_text(env, "cpu", "unknown processor"));
    fputs(" &#183; ", out);
    hf_plot_escape(out, hf_doc_text(env, "date", ""));
    fputs("</p></header>\n<main>\n", out);
    write_tiles(rows, out);
    hf_html_records(rows, out);
    hf_html_limits(rows, out);
    hf_html_servers(rows, out);
    hf_html_handshakes(rows, out);
    hf_html_token(rows, out);
    hf_html_scale(rows, out);
    hf_html_memory(rows, out);
    fputs("<section><h2>Machine</h2>\n", out);
    write_machine(env, out);
    fputs("</section>\n", out);
    fputs(method, out);
    hf_html_tables(rows, out);
    fputs("</main>\n</body>\n</html>\n", out);
}

/* Whether a later report has the same row. */
static bool replaced(const hf_doc *const *reports, size_t n, size_t from, const hf_doc *row)
{
    for (size_t i = from; i < n; i++)
        for (const hf_doc *other = hf_doc_rows(reports[i]); other; other = other->next)
            if (hf_compare_same(row, other))
                return true;
    return false;
}

void hf_html_write(const hf_doc *const *reports, size_t n, FILE *out)
{
    hf_rows rows = {0};
    size_t all = 0;

    for (size_t i = 0; i < n; i++)
        for (const hf_doc *row = hf_doc_rows(reports[i]); row; row = row->next)
            all++;
    rows.row = calloc(all ? all : 1, sizeof *rows.row);
    if (!rows.row)
        return;
    for (size_t i = 0; i < n; i++)
        for (const hf_doc *row = hf_doc_rows(reports[i]); row; row = row->next)
            if (row->type == HF_DOC_OBJECT && !replaced(reports, n, i + 1, row))
                rows.row[rows.n++] = row;
    write_page(reports, n, &rows, out);
    free(rows.row);
}
