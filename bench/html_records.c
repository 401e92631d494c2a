/* The sections about records: throughput by size, batches, the multiple of portable C, the CPU's own limit, and many
 * connections. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html_parts.h"

#define BENCH "records"

/* Ciphers that stand in the open; the others are behind a click. */
static bool is_chief(const char *cipher)
{
    static const char *const chief[] = {"AES-128-GCM", "ChaCha20-Poly1305", "AES-128-CCM", "AES-128-CBC-HMAC-SHA256"};

    for (size_t i = 0; i < sizeof chief / sizeof chief[0]; i++)
        if (strcmp(chief[i], cipher) == 0)
            return true;
    return false;
}

/* Fills the plot with the rows of one cipher and direction whose `fixed` has this value, over `varied`. */
static void fill(hf_plot *plot, const hf_rows *rows, const char *cipher, const char *direction, const char *fixed,
                 double value, const char *varied)
{
    double xs[HF_NAMES_MAX];
    size_t n = hf_rows_numbers(rows, BENCH, varied, xs);

    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < rows->n; i++) {
            const hf_doc *row = rows->row[i];
            if (!hf_row_is(row, "bench", BENCH) || !hf_row_is(row, "cipher", cipher) ||
                !hf_row_is(row, "direction", direction) || hf_doc_number(row, fixed) != value ||
                hf_doc_number(row, varied) != xs[k])
                continue;
            const char *name = hf_doc_text(row, "provider", "?");
            hf_plot_add(plot, name, hf_style_of(name), xs[k], hf_doc_number(row, "gbps"));
        }
    }
}

static double limit_of(const hf_rows *rows, const char *cipher)
{
    for (size_t i = 0; i < rows->n; i++)
        if (hf_row_is(rows->row[i], "bench", "limits") && hf_row_is(rows->row[i], "cipher", cipher))
            return hf_doc_number(rows->row[i], "gbps");
    return NAN;
}

static void write_sizes(const hf_rows *rows, const char *cipher, double batch, FILE *out)
{
    static const char *const directions[] = {"seal", "open"};

    for (int d = 0; d < 2; d++) {
        hf_plot *plot = calloc(1, sizeof *plot);
        if (!plot)
            return;
        (void)snprintf(plot->title, sizeof plot->title, "%s, %s", cipher, directions[d]);
        plot->x_name = "bytes in a record";
        plot->y_name = "GB/s, one core";
        plot->x_is_bytes = true;
        double limit = limit_of(rows, cipher);
        if (limit > 0) {
            plot->limit = limit;
            (void)snprintf(plot->limit_name, sizeof plot->limit_name, "the CPU's units: %.1f GB/s", limit);
        }
        fill(plot, rows, cipher, directions[d], "batch", batch, "bytes");
        hf_plot_write(plot, out);
        free(plot);
    }
}

static void write_batches(const hf_rows *rows, const char *cipher, const double *sizes, size_t sizes_n, FILE *out)
{
    const double two[] = {sizes_n > 1 ? sizes[sizes_n > 2 ? 1 : 0] : 0, sizes[sizes_n - 1]};

    for (size_t s = 0; s < 2; s++) {
        hf_plot *plot = two[s] > 0 ? calloc(1, sizeof *plot) : NULL;
        if (!plot)
            continue;
        (void)snprintf(plot->title, sizeof plot->title, "%s, seal, %.0f bytes each", cipher, two[s]);
        plot->x_name = "records of different connections in one call";
        plot->y_name = "GB/s, one core";
        fill(plot, rows, cipher, "seal", "bytes", two[s], "batch");
        hf_plot_write(plot, out);
        free(plot);
    }
}

/* First the chief ciphers, then the others behind a click. */
static void write_all(const hf_rows *rows, bool batches, FILE *out)
{
    const char *ciphers[HF_NAMES_MAX];
    double batch[HF_NAMES_MAX], sizes[HF_NAMES_MAX];
    size_t n = hf_rows_texts(rows, BENCH, "cipher", ciphers);
    size_t batch_n = hf_rows_numbers(rows, BENCH, "batch", batch),
           sizes_n = hf_rows_numbers(rows, BENCH, "bytes", sizes);
    bool others = false;

    for (int chief = 1; chief >= 0; chief--) {
        for (size_t i = 0; i < n; i++) {
            if (is_chief(ciphers[i]) != chief)
                continue;
            if (!chief && !others)
                fputs("</div><details><summary>The other ciphers</summary><div class='plots'>\n", out);
            others = others || !chief;
            if (batches)
                write_batches(rows, ciphers[i], sizes, sizes_n, out);
            else
                write_sizes(rows, ciphers[i], batch_n ? batch[0] : 1, out);
        }
    }
    if (others)
        fputs("</div></details><div>", out);
}

/* For each cipher and name: the best multiple of portable among the batches, at the largest size. */
static void write_multiples(const hf_rows *rows, const char *direction, FILE *out)
{
    static const char *const names[] = {"auto", "libcrypto", "bearssl-ct64"};
    const char *ciphers[HF_NAMES_MAX];
    double sizes[HF_NAMES_MAX];
    size_t n = hf_rows_texts(rows, BENCH, "cipher", ciphers), sizes_n = hf_rows_numbers(rows, BENCH, "bytes", sizes);
    hf_bars *bars = calloc(1, sizeof *bars);

    if (!bars)
        return;
    (void)snprintf(bars->title, sizeof bars->title, "Times portable C: %s, %.0f-byte records", direction,
                   sizes[sizes_n - 1]);
    bars->x_name = "multiple of our portable C in batches of the same size, at the best size of batches";
    bars->unit = "\xc3\x97";
    bars->reference = 1;
    (void)snprintf(bars->reference_name, sizeof bars->reference_name, "portable");
    for (size_t c = 0; c < n; c++) {
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            const hf_doc *best = NULL;
            for (size_t i = 0; i < rows->n; i++) {
                const hf_doc *row = rows->row[i];
                if (hf_row_is(row, "bench", BENCH) && hf_row_is(row, "provider", names[k]) &&
                    hf_row_is(row, "cipher", ciphers[c]) && hf_row_is(row, "direction", direction) &&
                    hf_doc_number(row, "bytes") == sizes[sizes_n - 1] &&
                    (!best || hf_doc_number(row, "times_portable") > hf_doc_number(best, "times_portable")))
                    best = row;
            }
            const char *style = strcmp(names[k], "auto") == 0 ? "c-ours" : hf_style_of(names[k]);
            hf_bar *bar = best ? hf_bars_add(bars, ciphers[c], strcmp(names[k], "auto") == 0 ? "handfast" : names[k],
                                             style, hf_doc_number(best, "times_portable"))
                               : NULL;
            if (bar)
                (void)snprintf(bar->note, sizeof bar->note, "%.2f GB/s", hf_doc_number(best, "gbps"));
        }
    }
    hf_bars_write(bars, out);
    free(bars);
}

void hf_html_records(const hf_rows *rows, FILE *out)
{
    double batch[HF_NAMES_MAX];

    if (!hf_rows_have(rows, BENCH))
        return;
    hf_html_section(
        out, "Records: throughput by size",
        "Sealing and opening TLS records one by one on one core. Solid lines are the providers of Handfast, "
        "measured through its record contract; the broad pale line is what it chooses by itself "
        "(<i>auto</i>). Dashed lines are bare loops around the same libraries, and peers.");
    write_all(rows, false, out);
    hf_html_section_end(out);
    if (hf_rows_numbers(rows, BENCH, "batch", batch) > 1) {
        hf_html_section(out, "Records in batches",
                        "Ciphers that are serial within a record (CBC with HMAC, CCM) gain from records of other "
                        "connections beside them; AES-GCM and ChaCha20-Poly1305 fill the units of the CPU with one "
                        "record, if it is long enough. Every record of a batch has its own key.");
        write_all(rows, true, out);
        hf_html_section_end(out);
    }
    hf_html_section(out, "Against portable C",
                    "Our portable code is constant-time C without intrinsics, compiled for this CPU&#8217;s vectors. "
                    "<i>bearssl-ct64</i> is the classic code of this kind.");
    write_multiples(rows, "seal", out);
    write_multiples(rows, "open", out);
    hf_html_section_end(out);
}

static void write_distance(const hf_rows *rows, const char *cipher, double limit, FILE *out)
{
    const char *names[HF_NAMES_MAX];
    double sizes[HF_NAMES_MAX];
    size_t n = hf_rows_texts(rows, BENCH, "provider", names), sizes_n = hf_rows_numbers(rows, BENCH, "bytes", sizes);
    hf_bars *bars = calloc(1, sizeof *bars);

    if (!bars)
        return;
    (void)snprintf(bars->title, sizeof bars->title, "%s: share of the CPU's limit, seal", cipher);
    bars->x_name = "per cent of the limit, best batch";
    bars->unit = " %";
    bars->reference = 100;
    (void)snprintf(bars->reference_name, sizeof bars->reference_name, "%.1f GB/s", limit);
    for (size_t s = sizes_n > 3 ? sizes_n - 3 : 0; s < sizes_n; s++) {
        char group[HF_PLOT_LABEL_MAX];
        (void)snprintf(group, sizeof group, "%.0f bytes", sizes[s]);
        for (size_t k = 0; k < n; k++) {
            double best = NAN;
            for (size_t i = 0; i < rows->n; i++) {
                const hf_doc *row = rows->row[i];
                double gbps = hf_doc_number(row, "gbps");
                if (hf_row_is(row, "bench", BENCH) && hf_row_is(row, "cipher", cipher) &&
                    hf_row_is(row, "direction", "seal") && hf_row_is(row, "provider", names[k]) &&
                    hf_doc_number(row, "bytes") == sizes[s] && !(gbps <= best))
                    best = gbps;
            }
            bool chosen = strcmp(names[k], "auto") == 0;
            (void)hf_bars_add(bars, group, names[k], chosen ? "c-ours" : hf_style_of(names[k]), 100 * best / limit);
        }
    }
    hf_bars_write(bars, out);
    free(bars);
}

void hf_html_limits(const hf_rows *rows, FILE *out)
{
    const char *ciphers[HF_NAMES_MAX];
    size_t n = hf_rows_texts(rows, "limits", "cipher", ciphers);

    if (n == 0 || !hf_rows_have(rows, BENCH))
        return;
    hf_html_section(out, "Distance to the CPU&#8217;s own limit",
                    "The limit is a loop that does nothing but the AES rounds and the carry-less multiplications that "
                    "AES-GCM needs, on registers, in chains that do not wait for each other: no loads, no stores, no "
                    "counters. Nobody can pass it.");
    for (size_t i = 0; i < n; i++)
        write_distance(rows, ciphers[i], limit_of(rows, ciphers[i]), out);
    hf_html_section_end(out);
}

void hf_html_scale(const hf_rows *rows, FILE *out)
{
    const char *ciphers[HF_NAMES_MAX];
    double sizes[HF_NAMES_MAX];
    size_t n = hf_rows_texts(rows, "scale", "cipher", ciphers),
           sizes_n = hf_rows_numbers(rows, "scale", "bytes", sizes);

    if (n == 0)
        return;
    hf_html_section(
        out, "From one connection to 50 000",
        "Each record belongs to another connection, in an order that no prefetcher knows; so the keys leave "
        "the caches as connections grow. <i>explained</i> is the cost with one connection plus what a loop "
        "needs that only touches the same key states.");
    for (size_t c = 0; c < n * sizes_n; c++) {
        const char *cipher = ciphers[c / sizes_n];
        hf_plot *plot = calloc(1, sizeof *plot);
        for (size_t i = 0; plot && i < rows->n; i++) {
            const hf_doc *row = rows->row[i];
            if (!hf_row_is(row, "bench", "scale") || !hf_row_is(row, "cipher", cipher) ||
                hf_doc_number(row, "bytes") != sizes[c % sizes_n])
                continue;
            double keys = hf_doc_number(row, "keys");
            (void)snprintf(plot->title, sizeof plot->title, "%s, seal, %.0f bytes in batches of %.0f", cipher,
                           hf_doc_number(row, "bytes"), hf_doc_number(row, "batch"));
            hf_plot_add(plot, "a record", "c-ours", keys, hf_doc_number(row, "ns_per_record"));
            hf_plot_add(plot, "explained", "c-token bare", keys, hf_doc_number(row, "explained_ns"));
            hf_plot_add(plot, "keys touched only", "c-other bare", keys, hf_doc_number(row, "touch_ns"));
        }
        if (plot) {
            plot->x_name = "connections";
            plot->y_name = "ns for a record";
            hf_plot_write(plot, out);
        }
        free(plot);
    }
    hf_html_section_end(out);
}
