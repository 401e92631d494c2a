/* The command lines of handfast-bench; see cli.h. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

const char hf_bench_options_help[] =
    "  --json FILE         also write the environment and every measurement to FILE\n"
    "  --html FILE         also write a page with plots to FILE\n"
    "  --compare FILE      also print every figure beside that of an earlier run (its --json FILE)\n"
    "  --repetitions N     interleaved repetitions; the median is told\n"
    "  --time MS           milliseconds of one repetition\n"
    "  --cpu N             processor to run on (default: the last one)\n"
    "  --quick             few and short repetitions: to see that it works, not for figures\n"
    "  --help              this text\n";

int hf_bench_usage(const char *bench, const char *format, ...)
{
    va_list args;

    hf_bench_progress(NULL);
    fprintf(stderr, "handfast-bench%s%s: ", bench ? " " : "", bench ? bench : "");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "; see: handfast-bench%s%s --help\n", bench ? " " : "", bench ? bench : "");
    return HF_BENCH_USAGE;
}

int hf_bench_fail(const char *format, ...)
{
    va_list args;

    hf_bench_progress(NULL);
    fputs("handfast-bench: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return HF_BENCH_FAILED;
}

void hf_bench_progress(const char *format, ...)
{
    static bool shown;
    va_list args;

    if (!isatty(STDERR_FILENO) || (!format && !shown))
        return;
    fputs("\r\033[K", stderr);
    shown = format != NULL;
    if (format) {
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
    }
    fflush(stderr);
}

bool hf_bench_number(const char *text, unsigned long min, unsigned long max, unsigned long *out)
{
    char *end = NULL;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno != 0 || *end != 0 || n < min || n > max)
        return false;
    *out = n;
    return true;
}

int hf_bench_take_number(const char *bench, const char *option, const char *value, unsigned long min, unsigned long max,
                         unsigned *out)
{
    unsigned long n = 0;

    if (!hf_bench_number(value, min, max, &n))
        return hf_bench_usage(bench, "--%s %s: not a number in %lu..%lu", option, value, min, max);
    *out = (unsigned)n;
    return HF_BENCH_DONE;
}

static int take_cpu(const char *bench, const char *value, hf_bench_options *options)
{
    unsigned cpu = 0;
    int result = hf_bench_take_number(bench, "cpu", value, 0, (unsigned long)hf_cpu_last(), &cpu);

    if (result == HF_BENCH_DONE)
        options->cpu = (int)cpu;
    return result;
}

static int take_shared(const char *bench, int opt, const char *value, hf_bench_options *options)
{
    switch (opt) {
    case HF_BENCH_OPT_JSON:
        options->json = value;
        return HF_BENCH_DONE;
    case HF_BENCH_OPT_HTML:
        options->html = value;
        return HF_BENCH_DONE;
    case HF_BENCH_OPT_COMPARE:
        options->compare = value;
        return HF_BENCH_DONE;
    case HF_BENCH_OPT_TIME:
        return hf_bench_take_number(bench, "time", value, 1, HF_BENCH_TIME_MAX, &options->time_ms);
    case HF_BENCH_OPT_REPETITIONS:
        return hf_bench_take_number(bench, "repetitions", value, 1, HF_BENCH_REPETITIONS_MAX, &options->repetitions);
    case HF_BENCH_OPT_CPU:
        return take_cpu(bench, value, options);
    case HF_BENCH_OPT_QUICK:
        options->quick = true;
        return HF_BENCH_DONE;
    default:
        options->help = true;
        return HF_BENCH_DONE;
    }
}

int hf_bench_parse(const char *bench, int argc, char **argv, const struct option *longs, hf_bench_options *options,
                   hf_bench_take_fn *take, void *arg)
{
    options->cpu = hf_cpu_last();
    optind = 0;
    opterr = 0;
    for (int opt; (opt = getopt_long(argc, argv, ":", longs, NULL)) != -1;) {
        if (opt == ':' || opt == '?')
            return hf_bench_usage(bench, "%s: %s", argv[optind - 1],
                                  opt == ':' ? "a value is missing" : "unknown option");
        int result = opt < HF_BENCH_OPT_OWN ? take_shared(bench, opt, optarg, options) : take(arg, opt, optarg);
        if (result != HF_BENCH_DONE || options->help)
            return result;
    }
    if (optind < argc)
        return hf_bench_usage(bench, "%s: no such argument", argv[optind]);
    return HF_BENCH_DONE;
}
