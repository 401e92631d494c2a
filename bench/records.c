/* `handfast-bench records`: how fast records are sealed and opened, by every provider, beside bare loops and peers.
 *
 * For each cipher, direction and size all candidates are made, compared with each other, and then measured in turns. */
#include "records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "clock.h"
#include "limits.h"

/* The candidates of one size while they are measured. */
typedef struct field {
    void *states[HF_REC_MAKERS_MAX];
    size_t n;
    hf_task tasks[HF_REC_MAKERS_MAX];
    double *cycles[HF_REC_MAKERS_MAX];
} field;

/* How far the run is. */
typedef struct progress {
    size_t cases, done;
    uint64_t begin_ns;
} progress;

static void tell_progress(progress *p, const hf_rec_case *c)
{
    double passed = (double)(hf_clock_wall_ns() - p->begin_ns) / 1e9;
    double left = p->done ? passed / (double)p->done * (double)(p->cases - p->done) : 0;

    hf_bench_progress("%zu of %zu: %s %s, %zu bytes, batch %zu; about %.0f s left", p->done + 1, p->cases,
                      c->spec->name, c->direction == HF_SEAL ? "seal" : "open", c->bytes, c->batch, left);
    p->done++;
}

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

/* The first batch of all candidates must be the same, or one of them does other work than the others. */
static bool agree(const field *f, const hf_rec_table *table)
{
    for (size_t i = 0; i < f->n; i++) {
        bool good = f->tasks[i].run(f->states[i], 1);
        for (size_t record = 0; good && record < table->batch; record++) {
            size_t len = 0, first_len = 0;
            const uint8_t *first = table->makers[0]->result(f->states[0], record, &first_len);
            const uint8_t *made = table->makers[i]->result(f->states[i], record, &len);
            good = len == first_len && memcmp(made, first, len) == 0;
        }
        if (!good) {
            hf_bench_fail("%s: a record of %s is not that of %s", table->spec->name, table->makers[i]->name,
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

static bool measure_size(hf_rec_table *table, size_t size, progress *done)
{
    const hf_rec_options *options = table->options;
    const hf_rec_case c = {.spec = table->spec,
                           .direction = table->direction,
                           .bytes = options->sizes[size],
                           .batch = table->batch,
                           .keys = table->batch};
    field f;
    size_t failed = 0;

    tell_progress(done, &c);
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

static bool measure_cipher(const hf_rec_options *options, const hf_rec_maker *makers, size_t n,
                           const hf_rec_table *what, progress *done, hf_report *report)
{
    hf_rec_table table = *what;
    bool good = true;

    for (size_t i = 0; i < n; i++)
        if (makers[i].offers(&makers[i], table.spec->id, table.direction))
            table.makers[table.makers_n++] = &makers[i];
    if (table.makers_n == 0)
        return true;
    for (size_t s = 0; good && s < options->sizes_n; s++)
        good = measure_size(&table, s, done);
    hf_bench_progress(NULL);
    if (good) {
        hf_rec_table_print(&table);
        hf_rec_table_write(&table, report);
    }
    table_free(&table);
    return good;
}

/* What the CPU's units could do, in the same run. */
static bool measure_limit(const hf_rec_options *options, hf_cipher_id id, hf_report *report)
{
    double ns[HF_BENCH_REPETITIONS_MAX], cycles[HF_BENCH_REPETITIONS_MAX];
    const char *how = NULL, *name = hf_cipher_spec_of(id)->name;
    size_t failed = 0;

    if (!hf_limit_has(id, &how))
        return true;
    hf_task task = hf_limit_task(id);
    task.ns = ns;
    task.cycles = cycles;
    if (!hf_measure(&task, 1, &options->common, &failed))
        return false;
    hf_figure time = hf_figure_of(ns, options->common.repetitions);
    double gbps = HF_LIMIT_BYTES / time.median;
    double each = hf_figure_of(cycles, options->common.repetitions).median / HF_LIMIT_BYTES;
    printf("%s: this CPU's units allow %.2f GB/s, %.3f cycles per byte (%s, nothing else)\n\n", name, gbps, each, how);
    hf_json *row = hf_report_row(report, "limits");
    hf_json_text(row, "cipher", name);
    hf_json_text(row, "software", how);
    hf_json_number(row, "gbps", gbps);
    hf_json_number(row, "cycles_per_byte", each > 0 ? each : (double)NAN);
    hf_json_number(row, "spread", time.spread);
    hf_report_row_close(row);
    return true;
}

static bool measure_all(const hf_rec_options *options, const hf_rec_maker *makers, size_t n, hf_report *report)
{
    hf_rec_table table = {.options = options};
    progress done = {.begin_ns = hf_clock_wall_ns()};

    for (int id = 0; id < HF_CIPHER_COUNT; id++)
        done.cases += options->ciphers[id] ? options->sizes_n * options->batches_n : 0;
    done.cases *= (size_t)options->directions[HF_SEAL] + options->directions[HF_OPEN];
    for (int id = 0; id < HF_CIPHER_COUNT; id++) {
        if (!options->ciphers[id])
            continue;
        table.spec = hf_cipher_spec_of((hf_cipher_id)id);
        if (!measure_limit(options, (hf_cipher_id)id, report))
            return false;
        for (int direction = HF_SEAL; direction <= HF_OPEN; direction++) {
            table.direction = (hf_direction)direction;
            for (size_t b = 0; options->directions[direction] && b < options->batches_n; b++) {
                table.batch = options->batches[b];
                if (!measure_cipher(options, makers, n, &table, &done, report))
                    return false;
            }
        }
    }
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
    bool good = hf_report_open(&report, &options.common);
    if (good) {
        good = measure_all(&options, makers, n, &report);
        good = hf_report_close(&report, good) && good;
    }
    hf_rec_makers_free(makers, n);
    return good ? HF_BENCH_DONE : HF_BENCH_FAILED;
}
