/* `handfast-bench records`: how fast records are sealed and opened, by every provider, beside bare loops and peers.
 *
 * For each cipher, direction and size all candidates are made, compared with each other, and then measured in turns. */
#include "records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "clock.h"

/* The candidates of one size while they are measured. */
typedef struct field {
    void *states[HF_REC_MAKERS_MAX];
    size_t n;
    hf_task tasks[HF_REC_MAKERS_MAX];
    double *cycles[HF_REC_MAKERS_MAX];
} field;

static void field_free(field *f, const hf_rec_table *table)
{
    for (size_t i = 0; i < f->n; i++) {
        table->makers[i]->destroy(f->states[i]);
        free(f->cycles[i]);
    }
}

static hf_status field_make(field *f, hf_rec_table *table, const hf_rec_case *c, size_t size)
{
    size_t repetitions = table->options->common.repetitions;

    memset(f, 0, sizeof *f);
    for (; f->n < table->makers_n; f->n++) {
        size_t i = f->n;
        hf_rec_figure *figure = &table->figures[i][size];
        hf_status status = table->makers[i]->make(table->makers[i], c, &f->states[i]);
        if (status != HF_OK)
            return status;
        f->cycles[i] = calloc(repetitions, sizeof *f->cycles[i]);
        figure->ns = calloc(repetitions, sizeof *figure->ns);
        f->tasks[i] =
            (hf_task){.run = table->makers[i]->run, .arg = f->states[i], .ns = figure->ns, .cycles = f->cycles[i]};
        if (!f->cycles[i] || !figure->ns) {
            f->n++;
            return HF_ERR_NO_MEMORY;
        }
    }
    return HF_OK;
}

/* The first records of all candidates must be the same, or one of them does other work than the others. */
static bool agree(const field *f, const hf_rec_table *table)
{
    const uint8_t *first = NULL;
    size_t first_len = 0;

    for (size_t i = 0; i < f->n; i++) {
        size_t len = 0;
        bool good = f->tasks[i].run(f->states[i], 1);
        const uint8_t *made = table->makers[i]->result(f->states[i], &len);
        if (!first) {
            first = made;
            first_len = len;
        }
        if (!good || len != first_len || memcmp(made, first, len) != 0) {
            hf_bench_fail("%s: the record of %s is not that of %s", table->spec->name, table->makers[i]->name,
                          table->makers[0]->name);
            return false;
        }
    }
    return true;
}

static void take_figures(const field *f, hf_rec_table *table, const hf_rec_case *c, size_t size)
{
    size_t repetitions = table->options->common.repetitions;
    double bytes = (double)(c->bytes * c->batch);

    for (size_t i = 0; i < f->n; i++) {
        hf_rec_figure *figure = &table->figures[i][size];
        hf_figure ns = hf_figure_of(figure->ns, repetitions);
        hf_figure cycles = hf_figure_of(f->cycles[i], repetitions);
        figure->gbps = ns.median > 0 ? bytes / ns.median : 0;
        figure->cycles_per_byte = cycles.median > 0 ? cycles.median / bytes : NAN;
        figure->spread = ns.spread;
    }
}

static bool measure_size(hf_rec_table *table, size_t size)
{
    const hf_rec_options *options = table->options;
    const hf_rec_case c = {
        .spec = table->spec, .direction = table->direction, .bytes = options->sizes[size], .batch = options->batch};
    field f;
    size_t failed = 0;

    hf_bench_progress("%s %s, %zu bytes", c.spec->name, c.direction == HF_SEAL ? "seal" : "open", c.bytes);
    hf_status status = field_make(&f, table, &c, size);
    bool good = status == HF_OK;
    if (!good)
        hf_bench_fail("%s: %s", c.spec->name, hf_status_text(status));
    good = good && agree(&f, table);
    if (good && !hf_measure(f.tasks, f.n, &options->common, &failed)) {
        hf_bench_fail("%s: %s failed on a record", c.spec->name, table->makers[failed]->name);
        good = false;
    }
    if (good)
        take_figures(&f, table, &c, size);
    field_free(&f, table);
    return good;
}

static void table_free(hf_rec_table *table)
{
    for (size_t i = 0; i < table->makers_n; i++)
        for (size_t s = 0; s < table->options->sizes_n; s++)
            free(table->figures[i][s].ns);
}

static bool measure_cipher(const hf_rec_options *options, const hf_rec_maker *makers, size_t n, hf_cipher_id id,
                           hf_direction direction, hf_report *report)
{
    hf_rec_table table = {.options = options, .spec = hf_cipher_spec_of(id), .direction = direction};
    bool good = true;

    for (size_t i = 0; i < n; i++)
        if (makers[i].offers(&makers[i], id))
            table.makers[table.makers_n++] = &makers[i];
    if (table.makers_n == 0)
        return true;
    for (size_t s = 0; good && s < options->sizes_n; s++)
        good = measure_size(&table, s);
    hf_bench_progress(NULL);
    if (good) {
        hf_rec_table_print(&table);
        hf_rec_table_write(&table, report);
    }
    table_free(&table);
    return good;
}

static bool measure_all(const hf_rec_options *options, const hf_rec_maker *makers, size_t n, hf_report *report)
{
    for (int id = 0; id < HF_CIPHER_COUNT; id++)
        for (int direction = HF_SEAL; direction <= HF_OPEN; direction++)
            if (options->ciphers[id] && options->directions[direction] &&
                !measure_cipher(options, makers, n, (hf_cipher_id)id, (hf_direction)direction, report))
                return false;
    return true;
}

int hf_bench_records(int argc, char **argv)
{
    hf_rec_options options;
    hf_rec_maker makers[HF_REC_MAKERS_MAX];
    size_t n = 0;
    hf_report report;

    int result = hf_rec_options_parse(&options, argc, argv);
    if (result != HF_BENCH_DONE || options.common.help)
        return result;
    if (!hf_cpu_pin(options.common.cpu))
        return hf_bench_fail("cannot run on processor %d only", options.common.cpu);
    hf_status status = hf_rec_makers(options.provider, makers, &n);
    if (status == HF_ERR_NOT_FOUND && options.provider)
        return hf_bench_usage("records", "--provider %s: no such provider in this build", options.provider);
    if (status != HF_OK || n == 0)
        return hf_bench_fail("no provider can run here: %s", hf_status_text(status));
    bool good = hf_report_open(&report, options.common.json, options.common.cpu);
    if (good) {
        good = measure_all(&options, makers, n, &report);
        good = hf_report_close(&report, good) && good;
    }
    hf_rec_makers_free(makers, n);
    return good ? HF_BENCH_DONE : HF_BENCH_FAILED;
}
