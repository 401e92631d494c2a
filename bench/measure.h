/* Measuring fairly: candidates take turns within every repetition, so that whatever else the machine does meets all of
 * them alike; the first turn warms up and is thrown away; the median is told, with the spread between the quartiles. */
#ifndef HF_BENCH_MEASURE_H
#define HF_BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"

/* One candidate. run does `n` units of work and answers whether all of them succeeded. */
typedef struct hf_task {
    bool (*run)(void *arg, uint64_t n);
    void *arg;
    uint64_t n;     /* units in one repetition; found by hf_measure */
    double *ns;     /* one sample a repetition, in order: nanoseconds of processor time for one unit */
    double *cycles; /* the same in cycles of the core; 0 where its clock is unknown */
} hf_task;

/* Fills ns and cycles (options->repetitions each, the caller's). False when a run failed: *out_failed says which. */
bool hf_measure(hf_task *tasks, size_t n, const hf_bench_options *options, size_t *out_failed);

typedef struct hf_figure {
    double median;
    double spread; /* (third quartile - first quartile) / median */
} hf_figure;

/* Of n >= 1 samples, which are left as they are; n up to HF_BENCH_REPETITIONS_MAX. */
hf_figure hf_figure_of(const double *samples, size_t n);
/* Of the ratios a[i] / b[i]: samples of one repetition met the same conditions, so their ratio is steadier. */
hf_figure hf_figure_of_ratio(const double *a, const double *b, size_t n);
/* The p-th quantile (0..1) of sorted samples, n >= 1. */
double hf_quantile(const double *sorted, size_t n, double p);
void hf_sort(double *samples, size_t n);

#endif
