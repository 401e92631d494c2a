/* `handfast-bench keys`: private-key operations per second in a SoftHSM2 token, through the key contract and by a bare
 * loop of PKCS#11 calls in turns; and the check of an ECDSA signature of our own (own_check.h). One thread runs on one
 * processor; several share all that there are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "clock.h"
#include "measure.h"
#include "own_check.h"
#include "rate.h"
#include "report.h"

enum { OPT_THREADS = HF_BENCH_OPT_OWN, OPT_MODULE };

static const struct option long_options[] = {
    HF_BENCH_LONG_OPTIONS,
    {"threads", required_argument, NULL, OPT_THREADS},
    {"module", required_argument, NULL, OPT_MODULE},
    {NULL, 0, NULL, 0},
};

#define REPETITIONS 7
#define TIME_MS 500
#define THREADS_LISTS_MAX 8

typedef struct options {
    hf_bench_options common;
    unsigned threads[THREADS_LISTS_MAX];
    size_t threads_n;
    const char *module;
} options;

enum { CONTRACT, BARE, WAYS };
static const char *const way_names[WAYS] = {[CONTRACT] = "handfast", [BARE] = "pkcs11-loop"};

typedef struct samples {
    double per_s[WAYS][HF_BENCH_REPETITIONS_MAX];
    double cpu_s[WAYS][HF_BENCH_REPETITIONS_MAX];
} samples;

static void print_help(void)
{
    printf(
        "usage: handfast-bench keys [options]\n\n"
        "Makes a SoftHSM2 token in a temporary folder and uses its keys as fast as they go: \"handfast\" is our way "
        "to\n"
        "a key in a token, \"pkcs11-loop\" a bare loop of PKCS#11 calls. \"verify-own-ecdsa\" is the check of our own\n"
        "signatures before they are sent, by libcrypto and with a prepared key.\n\n"
        "  --threads N         sessions used at once (repeatable); default: 1 and 2\n"
        "  --module PATH       SoftHSM2's module (default: where distributions put it)\n%s\n"
        "Defaults: %d repetitions of %d ms.\n",
        hf_bench_options_help, REPETITIONS, TIME_MS);
}

static int take(void *arg, int opt, const char *value)
{
    options *o = arg;

    if (opt == OPT_MODULE) {
        o->module = value;
        return HF_BENCH_DONE;
    }
    if (o->threads_n == THREADS_LISTS_MAX)
        return hf_bench_usage("keys", "--threads is given more than %d times", THREADS_LISTS_MAX);
    int result = hf_bench_take_number("keys", "threads", value, 1, HF_HSM_THREADS_MAX, &o->threads[o->threads_n]);
    if (result == HF_BENCH_DONE)
        o->threads_n++;
    return result;
}

static void set_defaults(options *o)
{
    if (o->threads_n == 0) {
        o->threads[0] = 1;
        o->threads[1] = 2;
        o->threads_n = 2;
    }
    if (o->common.repetitions == 0)
        o->common.repetitions = o->common.quick ? 3 : REPETITIONS;
    if (o->common.time_ms == 0)
        o->common.time_ms = o->common.quick ? 20 : TIME_MS;
}

static void tell(const samples *s, const options *o, hf_rate_op op, unsigned threads, hf_report *report)
{
    hf_figure ratio = hf_figure_of_ratio(s->per_s[CONTRACT], s->per_s[BARE], o->common.repetitions);

    for (int way = 0; way < WAYS; way++) {
        hf_figure per_s = hf_figure_of(s->per_s[way], o->common.repetitions);
        hf_figure cpu_s = hf_figure_of(s->cpu_s[way], o->common.repetitions);
        printf("%-9s %-18s %7u  %-12s %9.0f %8.1f %6.1f", hf_bed_labels[hf_rate_key(op)], hf_rate_names[op], threads,
               way_names[way], per_s.median, cpu_s.median * 1e6, 100 * per_s.spread);
        printf(way == CONTRACT ? "  %.1f %% of the loop\n" : "\n", 100 * ratio.median);
        hf_json *row = hf_report_row(report, "keys");
        hf_json_text(row, "provider", way_names[way]);
        hf_json_text(row, "key", hf_bed_labels[hf_rate_key(op)]);
        hf_json_text(row, "operation", hf_rate_names[op]);
        hf_json_integer(row, "threads", threads);
        hf_json_number(row, "ops_per_s", per_s.median);
        hf_json_number(row, "cpu_s_each", cpu_s.median);
        hf_json_number(row, "spread", per_s.spread);
        hf_report_row_close(row);
    }
    (void)fflush(stdout);
}

static bool take_turns(hf_key_loop *contract, hf_p11_loop *bare, const options *o, samples *out)
{
    hf_rate rate[WAYS];

    if (!hf_key_loop_run(contract, o->common.time_ms, &rate[CONTRACT])) /* warm-up */
        return false;
    for (unsigned r = 0; r < o->common.repetitions; r++) {
        if (!hf_key_loop_run(contract, o->common.time_ms, &rate[CONTRACT]) ||
            !hf_p11_loop_run(bare, o->common.time_ms, &rate[BARE]))
            return false;
        for (int way = 0; way < WAYS; way++) {
            out->per_s[way][r] = rate[way].per_s;
            out->cpu_s[way][r] = rate[way].cpu_s_each;
        }
    }
    return true;
}

static bool measure(const hf_token_bed *bed, const options *o, hf_rate_op op, unsigned threads, hf_report *report)
{
    hf_key_loop *contract = NULL;
    hf_p11_loop *bare = NULL;
    samples *s = calloc(1, sizeof *s);

    hf_bench_progress("%s, %u threads", hf_rate_names[op], threads);
    /* The key's threads inherit where they may run. The login is one for all sessions: the loop closes first. */
    bool good = s && hf_cpu_pin(threads == 1 ? o->common.cpu : -1) && hf_key_loop_open(bed, op, threads, &contract) &&
                hf_p11_loop_open(bed, op, threads, &bare) && take_turns(contract, bare, o, s);
    hf_p11_loop_close(bare);
    hf_key_loop_close(contract);
    hf_bench_progress(NULL);
    if (good)
        tell(s, o, op, threads, report);
    free(s);
    return good;
}

static bool measure_all(const hf_token_bed *bed, const options *o, hf_report *report)
{
    printf("%-9s %-18s %7s  %-12s %9s %8s %6s\n", "key", "operation", "threads", "way", "ops/s", "CPU us", "+-%");
    for (int op = 0; op < HF_RATE_OPS; op++)
        for (size_t i = 0; i < o->threads_n; i++)
            if (!measure(bed, o, (hf_rate_op)op, o->threads[i], report))
                return false;
    return hf_own_check_measure(&o->common, report);
}

int hf_bench_keys(int argc, char **argv)
{
    options o = {.threads_n = 0};
    hf_token_bed bed;
    hf_report report;

    int result = hf_bench_parse("keys", argc, argv, long_options, &o.common, take, &o);
    if (result == HF_BENCH_DONE && o.common.help)
        print_help();
    if (result != HF_BENCH_DONE || o.common.help)
        return result;
    set_defaults(&o);
    if (!hf_token_bed_make(&bed, o.module))
        return HF_BENCH_FAILED;
    bool good = hf_report_open(&report, &o.common);
    if (good) {
        good = measure_all(&bed, &o, &report);
        good = hf_report_close(&report, good) && good;
    }
    hf_token_bed_free(&bed);
    return good ? HF_BENCH_DONE : HF_BENCH_FAILED;
}
