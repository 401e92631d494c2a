/* Measuring fairly; see measure.h. */
#include "measure.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define N_MAX ((uint64_t)1 << 40)

/* Processor time of n units, in nanoseconds, at least 1; 0 when a unit failed. */
static uint64_t time_units(const hf_task *task, uint64_t n)
{
    uint64_t begin = hf_clock_thread_ns();

    if (!task->run(task->arg, n))
        return 0;
    uint64_t took = hf_clock_thread_ns() - begin;
    return took > 0 ? took : 1;
}

/* Finds how many units fill the time, which warms caches, branch predictors and the core's clock as well. */
static bool calibrate(hf_task *task, uint64_t want_ns)
{
    uint64_t n = 1;

    for (;;) {
        uint64_t took = time_units(task, n);
        if (took == 0)
            return false;
        if (took >= want_ns / 2 || n >= N_MAX) {
            double units = (double)n * (double)want_ns / (double)took;
            task->n = units < 1 ? 1 : (uint64_t)units;
            return true;
        }
        n *= took < want_ns / 16 ? 8 : 2;
    }
}

static bool measure_one(hf_task *task, unsigned repetition, double hz)
{
    uint64_t took = time_units(task, task->n);

    if (took == 0)
        return false;
    task->ns[repetition] = (double)took / (double)task->n;
    task->cycles[repetition] = task->ns[repetition] * hz / 1e9;
    return true;
}

bool hf_measure(hf_task *tasks, size_t n, const hf_bench_options *options, size_t *out_failed)
{
    for (size_t i = 0; i < n; i++) {
        *out_failed = i;
        if (!calibrate(&tasks[i], (uint64_t)options->time_ms * 1000000u))
            return false;
    }
    for (unsigned r = 0; r < options->repetitions; r++) {
        double hz = hf_clock_core_hz();
        for (size_t i = 0; i < n; i++) {
            *out_failed = (i + r) % n; /* nobody always follows the same neighbour's cache and clock */
            if (!measure_one(&tasks[*out_failed], r, hz))
                return false;
        }
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;

    return *x < *y ? -1 : *x > *y;
}

void hf_sort(double *samples, size_t n)
{
    qsort(samples, n, sizeof *samples, compare);
}

double hf_quantile(const double *sorted, size_t n, double p)
{
    double at = p * (double)(n - 1);
    size_t below = (size_t)at;

    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

hf_figure hf_figure_of(const double *samples, size_t n)
{
    double sorted[HF_BENCH_REPETITIONS_MAX];

    memcpy(sorted, samples, n * sizeof *sorted);
    hf_sort(sorted, n);
    double median = hf_quantile(sorted, n, 0.5);
    double between = hf_quantile(sorted, n, 0.75) - hf_quantile(sorted, n, 0.25);
    return (hf_figure){.median = median, .spread = median > 0 ? between / median : 0};
}

hf_figure hf_figure_of_ratio(const double *a, const double *b, size_t n)
{
    double ratios[HF_BENCH_REPETITIONS_MAX];

    for (size_t i = 0; i < n; i++)
        ratios[i] = b[i] > 0 ? a[i] / b[i] : 0;
    return hf_figure_of(ratios, n);
}
