/* `handfast-bench handshakes`: full handshakes per second of `handfast serve` with its key in a SoftHSM2 token, beside
 * what the token alone does on the same processor.
 *
 * The server, its token sessions included, has one processor; the clients have another. In every repetition the bare
 * loop of PKCS#11 calls runs on the server's processor first, while the server sleeps, then the clients run. */
#include "handshakes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "clock.h"
#include "load.h"
#include "measure.h"
#include "report.h"
#include "server.h"

const hf_handshake_kind hf_handshake_kinds[HF_HANDSHAKE_KINDS] = {
    {"rsa", "TLS 1.2 RSA transport", 0x009c, HF_BED_RSA},
    {"ecdhe-rsa", "TLS 1.2 ECDHE-RSA", 0xc02f, HF_BED_RSA},
    {"ecdhe-ecdsa", "TLS 1.2 ECDHE-ECDSA", 0xc02b, HF_BED_P256},
};

hf_rate_op hf_handshake_token_op(uint16_t scheme)
{
    switch (scheme) {
    case 0:
        return HF_RATE_DECRYPT;
    case HF_RSA_PKCS1_SHA256:
        return HF_RATE_SIGN_PKCS1;
    case HF_ECDSA_SECP256R1_SHA256:
        return HF_RATE_SIGN_ECDSA;
    default:
        return HF_RATE_SIGN_PSS; /* the others of an RSA key cost the same */
    }
}

enum { OPT_KIND = HF_BENCH_OPT_OWN, OPT_CLIENTS, OPT_KEY_THREADS, OPT_SERVER, OPT_MODULE };

static const struct option long_options[] = {
    HF_BENCH_LONG_OPTIONS,
    {"kind", required_argument, NULL, OPT_KIND},
    {"clients", required_argument, NULL, OPT_CLIENTS},
    {"key-threads", required_argument, NULL, OPT_KEY_THREADS},
    {"server", required_argument, NULL, OPT_SERVER},
    {"module", required_argument, NULL, OPT_MODULE},
    {NULL, 0, NULL, 0},
};

#define REPETITIONS 7
#define TIME_MS 2000
#define CLIENTS_MAX 4096

typedef struct options {
    hf_bench_options common;
    bool kinds[HF_HANDSHAKE_KINDS];
    bool any_kind;
    unsigned clients, key_threads;
    const char *program, *module;
    char found[HF_BED_PATH_MAX];
} options;

/* One sample a repetition. */
typedef struct samples {
    double per_s[HF_BENCH_REPETITIONS_MAX], server_cpu_s[HF_BENCH_REPETITIONS_MAX],
        client_cpu_s[HF_BENCH_REPETITIONS_MAX], p50_ms[HF_BENCH_REPETITIONS_MAX], p99_ms[HF_BENCH_REPETITIONS_MAX],
        token_per_s[HF_BENCH_REPETITIONS_MAX], token_cpu_s[HF_BENCH_REPETITIONS_MAX],
        busy[HF_BENCH_REPETITIONS_MAX]; /* part of its processor that the server used */
    uint16_t scheme, group;
} samples;

static void print_help(void)
{
    printf("usage: handfast-bench handshakes [options]\n\n"
           "Starts `handfast serve` on one processor with keys in a SoftHSM2 token made for this run, loads it from\n"
           "another processor with full handshakes, and compares with what the token itself does in a bare loop.\n\n"
           "  --kind NAME         rsa, ecdhe-rsa or ecdhe-ecdsa (repeatable); default: all\n"
           "  --clients N         connections at once (default 16)\n"
           "  --key-threads N     sessions of the server for each key (default 1)\n"
           "  --server PATH       the program `handfast` (default: beside this one)\n"
           "  --module PATH       SoftHSM2's module (default: where distributions put it)\n%s\n"
           "Defaults: %d repetitions of %d ms. --cpu is the server's processor.\n",
           hf_bench_options_help, REPETITIONS, TIME_MS);
}

static int take_kind(options *o, const char *value)
{
    for (size_t i = 0; i < HF_HANDSHAKE_KINDS; i++) {
        if (strcmp(hf_handshake_kinds[i].name, value) == 0) {
            o->kinds[i] = true;
            o->any_kind = true;
            return HF_BENCH_DONE;
        }
    }
    return hf_bench_usage("handshakes", "--kind %s: choose rsa, ecdhe-rsa or ecdhe-ecdsa", value);
}

static int take(void *arg, int opt, const char *value)
{
    options *o = arg;

    switch (opt) {
    case OPT_KIND:
        return take_kind(o, value);
    case OPT_CLIENTS:
        return hf_bench_take_number("handshakes", "clients", value, 1, CLIENTS_MAX, &o->clients);
    case OPT_KEY_THREADS:
        return hf_bench_take_number("handshakes", "key-threads", value, 1, HF_HSM_THREADS_MAX, &o->key_threads);
    case OPT_SERVER:
        o->program = value;
        return HF_BENCH_DONE;
    default:
        o->module = value;
        return HF_BENCH_DONE;
    }
}

static int parse(options *o, int argc, char **argv)
{
    memset(o, 0, sizeof *o);
    o->clients = 16;
    o->key_threads = 1;
    int result = hf_bench_parse("handshakes", argc, argv, long_options, &o->common, take, o);
    if (result != HF_BENCH_DONE || o->common.help)
        return result;
    for (size_t i = 0; i < HF_HANDSHAKE_KINDS && !o->any_kind; i++)
        o->kinds[i] = true;
    if (o->common.repetitions == 0)
        o->common.repetitions = o->common.quick ? 2 : REPETITIONS;
    if (o->common.time_ms == 0)
        o->common.time_ms = o->common.quick ? 200 : TIME_MS;
    if (!o->program && hf_server_find_program(o->found, sizeof o->found))
        o->program = o->found;
    if (!o->program)
        return hf_bench_usage("handshakes", "the program handfast is not beside this one: give --server PATH");
    return HF_BENCH_DONE;
}

static bool one_load(const options *o, const hf_server *server, hf_load *load, unsigned r, samples *out)
{
    hf_load_result got;
    uint64_t before = hf_server_cpu_ns(server);

    (void)hf_cpu_pin(hf_cpu_other(o->common.cpu));
    if (!hf_load_run(load, o->common.time_ms, &got))
        return false;
    double cpu_s = (double)(hf_server_cpu_ns(server) - before) / 1e9;
    double n = (double)got.handshakes;
    out->per_s[r] = n / got.seconds;
    out->server_cpu_s[r] = cpu_s / n;
    out->client_cpu_s[r] = got.client_cpu_s / n;
    out->busy[r] = cpu_s / got.seconds;
    out->p50_ms[r] = got.p50_ms;
    out->p99_ms[r] = got.p99_ms;
    out->scheme = got.scheme;
    out->group = got.group;
    return true;
}

static bool one_token(const options *o, hf_p11_loop *token, unsigned r, samples *out)
{
    hf_rate rate;

    (void)hf_cpu_pin(o->common.cpu);
    if (!hf_p11_loop_run(token, o->common.time_ms / 2, &rate))
        return false;
    out->token_per_s[r] = rate.per_s;
    out->token_cpu_s[r] = rate.cpu_s_each;
    return true;
}

static bool take_turns(const options *o, const hf_token_bed *bed, const hf_server *server, hf_load *load, samples *out)
{
    hf_p11_loop *token = NULL;

    /* Warm-up; it also tells which operation of the token to compare with. */
    bool good =
        one_load(o, server, load, 0, out) && hf_p11_loop_open(bed, hf_handshake_token_op(out->scheme), 1, &token);
    for (unsigned r = 0; good && r < o->common.repetitions; r++)
        good = one_token(o, token, r, out) && one_load(o, server, load, r, out);
    hf_p11_loop_close(token);
    return good;
}

/* The table's line and the reading of it: who was the limit. */
static void print_figures(const hf_handshake_kind *kind, const samples *s, size_t n)
{
    hf_figure per_s = hf_figure_of(s->per_s, n);
    double server_us = 1e6 * hf_figure_of(s->server_cpu_s, n).median;
    double client_us = 1e6 * hf_figure_of(s->client_cpu_s, n).median;
    double busy = hf_figure_of(s->busy, n).median;
    double token = hf_figure_of(s->token_per_s, n).median;
    double token_us = 1e6 * hf_figure_of(s->token_cpu_s, n).median;

    printf(
        "%-22s %7.0f/s  spread %.1f %%, server %.0f us CPU each (%.0f %% of its processor), p50 %.2f ms, p99 %.2f ms\n",
        kind->version, per_s.median, 100 * per_s.spread, server_us, 100 * busy, hf_figure_of(s->p50_ms, n).median,
        hf_figure_of(s->p99_ms, n).median);
    printf("  token alone (%s) %.0f/s, %.0f us CPU each; handshakes reach %.1f %% of it (by CPU time %.1f %%)\n",
           hf_rate_names[hf_handshake_token_op(s->scheme)], token, token_us,
           100 * hf_figure_of_ratio(s->per_s, s->token_per_s, n).median,
           100 * hf_figure_of_ratio(s->token_cpu_s, s->server_cpu_s, n).median);
    printf("  the rest of a handshake costs the server %.0f us; the clients %.0f us%s\n", server_us - token_us,
           client_us, client_us > 0.9 * server_us ? ": THE CLIENT IS THE LIMIT" : "");
    if (busy < 0.9)
        printf("  the server's processor was not full: the clients or other programs were the limit; trust the CPU "
               "time\n");
    (void)fflush(stdout);
}

static void write_figures(const options *o, const hf_handshake_kind *kind, const samples *s, hf_report *report)
{
    size_t n = o->common.repetitions;
    hf_figure per_s = hf_figure_of(s->per_s, n);
    hf_json *row = hf_report_row(report, "handshakes");

    hf_json_text(row, "server", "handfast");
    hf_json_text(row, "version", kind->version);
    hf_json_text(row, "key", hf_bed_labels[kind->key]);
    hf_json_integer(row, "clients", o->clients);
    hf_json_integer(row, "latency_ms", 0); /* added to the token */
    hf_json_number(row, "handshakes_per_s", per_s.median);
    hf_json_number(row, "server_cpu_s", hf_figure_of(s->server_cpu_s, n).median);
    hf_json_number(row, "client_cpu_s", hf_figure_of(s->client_cpu_s, n).median);
    hf_json_number(row, "server_busy", hf_figure_of(s->busy, n).median);
    hf_json_number(row, "p50_ms", hf_figure_of(s->p50_ms, n).median);
    hf_json_number(row, "p99_ms", hf_figure_of(s->p99_ms, n).median);
    hf_json_text(row, "token_operation", hf_rate_names[hf_handshake_token_op(s->scheme)]);
    hf_json_number(row, "token_ops_per_s", hf_figure_of(s->token_per_s, n).median);
    hf_json_number(row, "token_cpu_s", hf_figure_of(s->token_cpu_s, n).median);
    hf_json_number(row, "ratio_to_token", hf_figure_of_ratio(s->per_s, s->token_per_s, n).median);
    hf_json_number(row, "cpu_ratio_to_token", hf_figure_of_ratio(s->token_cpu_s, s->server_cpu_s, n).median);
    hf_json_number(row, "spread", per_s.spread);
    hf_report_row_close(row);
}

static bool measure(const options *o, const hf_token_bed *bed, const hf_server *server, const hf_handshake_kind *kind,
                    hf_report *report)
{
    samples *s = calloc(1, sizeof *s);
    hf_load *load = NULL;

    hf_bench_progress("%s", kind->version);
    bool good =
        s && hf_load_open(&server->address, kind->suite, o->clients, &load) && take_turns(o, bed, server, load, s);
    hf_load_close(load);
    hf_bench_progress(NULL);
    if (good) {
        print_figures(kind, s, o->common.repetitions);
        write_figures(o, kind, s, report);
    }
    free(s);
    return good;
}

static bool measure_all(const options *o, const hf_token_bed *bed, hf_report *report)
{
    const hf_server_options how = {.program = o->program,
                                   .keys = {true, true},
                                   .cpu = o->common.cpu,
                                   .key_threads = o->key_threads,
                                   .max_connections = 4 * o->clients + 64};
    hf_server server;

    if (!hf_server_start(&how, bed, &server))
        return false;
    printf("server on processor %d, clients on %d (%u at once)%s\n", o->common.cpu, hf_cpu_other(o->common.cpu),
           o->clients,
           hf_cpu_other(o->common.cpu) == o->common.cpu ? ": ONE PROCESSOR FOR BOTH, trust the CPU time only" : "");
    bool good = true;
    for (size_t i = 0; good && i < HF_HANDSHAKE_KINDS; i++)
        if (o->kinds[i])
            good = measure(o, bed, &server, &hf_handshake_kinds[i], report);
    return hf_server_stop(&server) && good;
}

int hf_bench_handshakes(int argc, char **argv)
{
    options o;
    hf_token_bed bed;
    hf_report report;

    int result = parse(&o, argc, argv);
    if (result == HF_BENCH_DONE && o.common.help)
        print_help();
    if (result != HF_BENCH_DONE || o.common.help)
        return result;
    if (!hf_token_bed_make(&bed, o.module))
        return HF_BENCH_FAILED;
    bool good = hf_report_open(&report, &o.common);
    if (good) {
        good = measure_all(&o, &bed, &report);
        good = hf_report_close(&report, good) && good;
    }
    hf_token_bed_free(&bed);
    return good ? HF_BENCH_DONE : HF_BENCH_FAILED;
}
