/* The statistics of handfast-bench, and its way of measuring in turns. */
#include <criterion/criterion.h>
#include <string.h>

#include "measure.h"

#define NEAR 1e-9

static bool near(double a, double b)
{
    return a - b < NEAR && b - a < NEAR;
}

Test(bench_figure, median_and_quartiles)
{
    const double odd[] = {5, 1, 4, 2, 3};
    const double even[] = {4, 1, 3, 2};
    hf_figure figure = hf_figure_of(odd, 5);

    cr_assert(near(figure.median, 3));
    cr_assert(near(figure.spread, 2.0 / 3)); /* (4 - 2) / 3 */
    figure = hf_figure_of(even, 4);
    cr_assert(near(figure.median, 2.5));
    cr_assert(near(figure.spread, 1.5 / 2.5)); /* (3.25 - 1.75) / 2.5 */
    cr_assert(near(odd[0], 5));                /* samples stay in order */
}

Test(bench_figure, one_sample)
{
    const double one[] = {7};
    hf_figure figure = hf_figure_of(one, 1);

    cr_assert(near(figure.median, 7));
    cr_assert(near(figure.spread, 0));
}

Test(bench_figure, an_outlier_does_not_move_the_median)
{
    const double samples[] = {10, 10, 10, 10, 1000000};

    cr_assert(near(hf_figure_of(samples, 5).median, 10));
    cr_assert(near(hf_figure_of(samples, 5).spread, 0));
}

Test(bench_figure, ratios_are_taken_repetition_by_repetition)
{
    const double a[] = {1, 20, 300};
    const double b[] = {2, 40, 600};

    cr_assert(near(hf_figure_of_ratio(a, b, 3).median, 0.5));
    cr_assert(near(hf_figure_of_ratio(a, b, 3).spread, 0));
}

Test(bench_figure, quantiles)
{
    const double sorted[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

    cr_assert(near(hf_quantile(sorted, 11, 0), 0));
    cr_assert(near(hf_quantile(sorted, 11, 0.5), 5));
    cr_assert(near(hf_quantile(sorted, 11, 0.99), 9.9));
    cr_assert(near(hf_quantile(sorted, 11, 1), 10));
}

/* Tasks that leave a trace of who ran when. */
#define TURNS_MAX 4096
static char turns[TURNS_MAX];
static size_t turns_n;

typedef struct player {
    char name;
    uint64_t fail_after; /* runs */
    uint64_t runs;
} player;

static bool play(void *arg, uint64_t n)
{
    player *p = arg;

    for (volatile uint64_t i = 0; i < n * 100; i++)
        ;
    if (turns_n < TURNS_MAX)
        turns[turns_n++] = p->name;
    return ++p->runs <= p->fail_after;
}

Test(bench_measure, candidates_take_turns)
{
    enum { REPETITIONS = 4 };
    double ns[2][REPETITIONS], cycles[2][REPETITIONS];
    player a = {'a', UINT64_MAX, 0}, b = {'b', UINT64_MAX, 0};
    hf_task tasks[] = {{.run = play, .arg = &a, .ns = ns[0], .cycles = cycles[0]},
                       {.run = play, .arg = &b, .ns = ns[1], .cycles = cycles[1]}};
    const hf_bench_options options = {.time_ms = 1, .repetitions = REPETITIONS};
    size_t failed = 99;

    turns_n = 0;
    cr_assert(hf_measure(tasks, 2, &options, &failed));
    cr_assert_geq(turns_n, 2u * REPETITIONS);
    cr_assert_eq(memcmp(turns + turns_n - 2 * REPETITIONS, "abbaabba", 2 * REPETITIONS), 0);
    for (size_t i = 0; i < REPETITIONS; i++)
        cr_assert(ns[0][i] > 0 && ns[1][i] > 0 && cycles[0][i] >= 0);
}

Test(bench_measure, a_failure_names_its_task)
{
    double ns[2][3], cycles[2][3];
    player a = {'a', UINT64_MAX, 0}, b = {'b', 0, 0};
    hf_task tasks[] = {{.run = play, .arg = &a, .ns = ns[0], .cycles = cycles[0]},
                       {.run = play, .arg = &b, .ns = ns[1], .cycles = cycles[1]}};
    const hf_bench_options options = {.time_ms = 1, .repetitions = 3};
    size_t failed = 99;

    cr_assert_not(hf_measure(tasks, 2, &options, &failed));
    cr_assert_eq(failed, 1);
}
