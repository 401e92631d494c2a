/* The command lines of handfast-bench: exit codes, messages, and the options that its benchmarks share. */
#ifndef HF_BENCH_CLI_H
#define HF_BENCH_CLI_H

#include <getopt.h>
#include <stdbool.h>

enum { HF_BENCH_DONE = 0, HF_BENCH_FAILED = 1, HF_BENCH_USAGE = 2 };

#define HF_BENCH_TIME_MAX 60000 /* milliseconds of one repetition */
#define HF_BENCH_REPETITIONS_MAX 1000

typedef struct hf_bench_options {
    const char *json;     /* file for the rows, or NULL */
    const char *html;     /* file for the page, or NULL */
    const char *compare;  /* an earlier run's file of rows, or NULL */
    unsigned time_ms;     /* of one repetition of one candidate */
    unsigned repetitions; /* of each candidate; the median counts */
    int cpu;              /* to run on */
    bool quick;           /* few and short repetitions: to see that it works, not for figures */
    bool help;
} hf_bench_options;

/* Values of the shared long options; a benchmark's own begin at HF_BENCH_OPT_OWN. */
enum {
    HF_BENCH_OPT_JSON = 0x100,
    HF_BENCH_OPT_HTML,
    HF_BENCH_OPT_COMPARE,
    HF_BENCH_OPT_TIME,
    HF_BENCH_OPT_REPETITIONS,
    HF_BENCH_OPT_CPU,
    HF_BENCH_OPT_QUICK,
    HF_BENCH_OPT_HELP,
    HF_BENCH_OPT_OWN
};

#define HF_BENCH_LONG_OPTIONS                                                                                          \
    {"json", required_argument, NULL, HF_BENCH_OPT_JSON}, {"html", required_argument, NULL, HF_BENCH_OPT_HTML},        \
        {"compare", required_argument, NULL, HF_BENCH_OPT_COMPARE},                                                    \
        {"time", required_argument, NULL, HF_BENCH_OPT_TIME},                                                          \
        {"repetitions", required_argument, NULL, HF_BENCH_OPT_REPETITIONS},                                            \
        {"cpu", required_argument, NULL, HF_BENCH_OPT_CPU}, {"quick", no_argument, NULL, HF_BENCH_OPT_QUICK},          \
    {                                                                                                                  \
        "help", no_argument, NULL, HF_BENCH_OPT_HELP                                                                   \
    }

/* Lines of --help for the shared options. */
extern const char hf_bench_options_help[];

/* What one benchmark does with its own options: HF_BENCH_DONE, or HF_BENCH_USAGE after a message. */
typedef int hf_bench_take_fn(void *arg, int opt, const char *value);

/* Parses. Shared options go to `options` (zeroed by the caller: time and repetitions stay 0 when not given, the CPU
 * is the last one), all others to `take`. Arguments without a dash are refused. HF_BENCH_DONE or HF_BENCH_USAGE. */
int hf_bench_parse(const char *bench, int argc, char **argv, const struct option *longs, hf_bench_options *options,
                   hf_bench_take_fn *take, void *arg);

/* A number in min..max; what is anything else is refused. */
bool hf_bench_number(const char *text, unsigned long min, unsigned long max, unsigned long *out);
/* The same for an option; HF_BENCH_DONE, or HF_BENCH_USAGE after a message. */
int hf_bench_take_number(const char *bench, const char *option, const char *value, unsigned long min, unsigned long max,
                         unsigned *out);

/* One line on stderr, and the exit code that goes with it. */
int hf_bench_usage(const char *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));
int hf_bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line on stderr that is overwritten by the next one, when stderr is a terminal. NULL takes it away. */
void hf_bench_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
