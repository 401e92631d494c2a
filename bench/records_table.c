/* Figures of records for people and for programs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "records.h"

#define PORTABLE "portable"
#define NEAR 0.03 /* closer to the best than this is not worth a line */

static const char *direction_name(hf_direction direction)
{
    return direction == HF_SEAL ? "seal" : "open";
}

/* The row of a candidate; makers_n when it is not there. */
static size_t row_of(const hf_rec_table *table, const char *name)
{
    size_t i = 0;

    while (i < table->makers_n && strcmp(table->makers[i]->name, name) != 0)
        i++;
    return i;
}

static void print_cell(const hf_rec_figure *figure, const hf_rec_figure *portable)
{
    char multiple[16] = "";

    if (portable && portable->gbps > 0)
        (void)snprintf(multiple, sizeof multiple, "%.*fx", figure->gbps / portable->gbps < 9.95,
                       figure->gbps / portable->gbps);
    printf(" %7.3f %6.2f %6s", figure->gbps, figure->cycles_per_byte, multiple);
}

/* One line such as "ipsecmb reaches 97.1 % of ipsec-mb-loop at 16384 bytes". */
static void print_comparison(const hf_rec_table *table, const char *ours, const char *theirs)
{
    size_t a = row_of(table, ours);
    size_t b = row_of(table, theirs);
    size_t last = table->options->sizes_n - 1;

    if (a == table->makers_n || b == table->makers_n)
        return;
    hf_figure ratio =
        hf_figure_of_ratio(table->figures[b][last].ns, table->figures[a][last].ns, table->options->common.repetitions);
    if (ratio.median < 2)
        printf("  %s: %.1f %% of %s", ours, 100 * ratio.median, theirs);
    else
        printf("  %s: %.1f times %s", ours, ratio.median, theirs);
    printf(" at %zu bytes (median of the repetitions' ratios, spread %.1f %%)\n", table->options->sizes[last],
           100 * ratio.spread);
}

/* Where the composition's choice is not the best that was measured. */
static void print_choice(const hf_rec_table *table)
{
    size_t chosen = row_of(table, "auto");

    for (size_t s = 0; chosen < table->makers_n && s < table->options->sizes_n; s++) {
        size_t best = chosen;
        for (size_t i = 0; i < table->makers_n; i++)
            if (table->figures[i][s].gbps > table->figures[best][s].gbps)
                best = i;
        hf_figure ratio = hf_figure_of_ratio(table->figures[best][s].ns, table->figures[chosen][s].ns,
                                             table->options->common.repetitions);
        if (ratio.median < 1 - NEAR)
            printf("  auto: %.1f %% of the best, %s, at %zu bytes\n", 100 * ratio.median, table->makers[best]->name,
                   table->options->sizes[s]);
    }
}

void hf_rec_table_print(const hf_rec_table *table)
{
    const hf_rec_options *options = table->options;
    size_t portable = row_of(table, PORTABLE);
    double spread = 0;

    printf("%s %s, batch %u: GB/s, cycles per byte, multiple of portable\n  %-20s", table->spec->name,
           direction_name(table->direction), table->batch, "bytes");
    for (size_t s = 0; s < options->sizes_n; s++)
        printf(" %21zu", options->sizes[s]);
    for (size_t i = 0; i < table->makers_n; i++) {
        printf("\n  %-20s", table->makers[i]->name);
        for (size_t s = 0; s < options->sizes_n; s++) {
            print_cell(&table->figures[i][s], portable < table->makers_n ? &table->figures[portable][s] : NULL);
            if (table->figures[i][s].spread > spread)
                spread = table->figures[i][s].spread;
        }
    }
    printf("\n  largest spread between quartiles: %.1f %%\n", 100 * spread);
    print_comparison(table, "ipsecmb", "ipsec-mb-loop");
    print_comparison(table, PORTABLE, "bearssl-ct64");
    print_choice(table);
    putchar('\n');
    (void)fflush(stdout);
}

void hf_rec_table_write(const hf_rec_table *table, hf_report *report)
{
    size_t portable = row_of(table, PORTABLE);

    for (size_t i = 0; i < table->makers_n; i++) {
        for (size_t s = 0; s < table->options->sizes_n; s++) {
            const hf_rec_figure *figure = &table->figures[i][s];
            double portable_gbps = portable < table->makers_n ? table->figures[portable][s].gbps : 0;
            hf_json *row = hf_report_row(report, "records");
            hf_json_text(row, "provider", table->makers[i]->name);
            hf_json_text(row, "cipher", table->spec->name);
            hf_json_text(row, "direction", direction_name(table->direction));
            hf_json_integer(row, "bytes", table->options->sizes[s]);
            hf_json_integer(row, "batch", table->batch);
            hf_json_number(row, "gbps", figure->gbps);
            hf_json_number(row, "cycles_per_byte", figure->cycles_per_byte);
            hf_json_number(row, "times_portable", portable_gbps > 0 ? figure->gbps / portable_gbps : (double)NAN);
            hf_json_number(row, "spread", figure->spread);
            hf_report_row_close(row);
        }
    }
}
