/* `handfast-bench server`: what a second of the server's processor time is worth: bulk and small answers over TLS 1.3,
 * of `handfast serve` beside nginx (files) and HAProxy (forwarding to a backend).
 *
 * Each server has one worker on one processor; wrk, and the backend where there is one, have another. The servers take
 * turns within every repetition. Same certificate and key (P-256, from a file), same suite, same group. */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"
#include "clock.h"
#include "measure.h"
#include "peers.h"
#include "report.h"

enum { OPT_SERVER = HF_BENCH_OPT_OWN, OPT_WORK, OPT_MODULE };

static const struct option long_options[] = {
    HF_BENCH_LONG_OPTIONS,
    {"server", required_argument, NULL, OPT_SERVER},
    {"work", required_argument, NULL, OPT_WORK},
    {"module", required_argument, NULL, OPT_MODULE},
    {NULL, 0, NULL, 0},
};

#define REPETITIONS 5
#define TIME_MS 3000
#define QUICK_FEWER 16 /* times less connections */
#define BULK_SIZE ((size_t)1048576)
#define SMALL_SIZE ((size_t)256)
#define SERVERS_MAX 3

typedef struct work {
    const char *name; /* for --work */
    const char *kind; /* in the rows */
    hf_server_work how;
    const char *path;
    size_t body;
    unsigned connections;
} work;

static const work works[] = {
    {"files-bulk", "files", HF_WORK_FILES, "bulk.bin", BULK_SIZE, 64},
    {"files-small", "files", HF_WORK_FILES, "small.bin", SMALL_SIZE, 256},
    {"forward-bulk", "forward", HF_WORK_FORWARD, "bulk.bin", BULK_SIZE, 64},
    {"forward-small", "forward", HF_WORK_FORWARD, "small.bin", SMALL_SIZE, 256},
};

#define WORKS (sizeof works / sizeof works[0])

typedef struct options {
    hf_bench_options common;
    bool works[WORKS], any_work;
    unsigned fewer; /* connections are divided by this: --quick */
    const char *program, *module;
    char found[HF_BED_PATH_MAX], nginx[HF_BED_PATH_MAX], haproxy[HF_BED_PATH_MAX], wrk[HF_BED_PATH_MAX];
    char root[HF_BED_PATH_MAX];
} options;

static void print_help(void)
{
    printf(
        "usage: handfast-bench server [options]\n\n"
        "Loads `handfast serve` with wrk over TLS 1.3, beside nginx (files) and HAProxy (forwarding), one worker each\n"
        "on one processor, in turns. Tells requests and bytes for a second of the server's processor time.\n"
        "nginx, haproxy and wrk come from the distribution: scripts/install-deps bench.\n\n"
        "  --work NAME         files-bulk (1 MiB bodies, 64 connections), files-small (256 bytes, 256 connections),\n"
        "                      forward-bulk, forward-small (to a backend); repeatable; default: all\n"
        "  --server PATH       the program `handfast` (default: beside this one)\n"
        "  --module PATH       SoftHSM2's module (default: where distributions put it)\n%s\n"
        "Defaults: %d repetitions of %d ms (whole seconds). --cpu is the servers' processor.\n"
        "--quick also takes a sixteenth of the connections.\n",
        hf_bench_options_help, REPETITIONS, TIME_MS);
}

static int take(void *arg, int opt, const char *value)
{
    options *o = arg;

    if (opt == OPT_SERVER)
        o->program = value;
    else if (opt == OPT_MODULE)
        o->module = value;
    for (size_t i = 0; opt == OPT_WORK; i++) {
        if (i == WORKS)
            return hf_bench_usage("server", "--work %s: choose files-bulk, files-small, forward-bulk or forward-small",
                                  value);
        if (strcmp(works[i].name, value) == 0) {
            o->works[i] = o->any_work = true;
            break;
        }
    }
    return HF_BENCH_DONE;
}

static int parse(options *o, int argc, char **argv)
{
    memset(o, 0, sizeof *o);
    int result = hf_bench_parse("server", argc, argv, long_options, &o->common, take, o);
    if (result != HF_BENCH_DONE || o->common.help)
        return result;
    for (size_t i = 0; i < WORKS && !o->any_work; i++)
        o->works[i] = true;
    if (o->common.repetitions == 0)
        o->common.repetitions = o->common.quick ? 1 : REPETITIONS;
    o->fewer = o->common.quick ? QUICK_FEWER : 1;
    if (o->common.time_ms == 0)
        o->common.time_ms = o->common.quick ? 1000 : TIME_MS;
    if (!o->program && hf_server_find_program(o->found, sizeof o->found))
        o->program = o->found;
    if (!o->program)
        return hf_bench_usage("server", "the program handfast is not beside this one: give --server PATH");
    return HF_BENCH_DONE;
}

/* One server of a work, and a sample a repetition. */
typedef struct candidate {
    hf_server server;
    char software[HF_PEER_VERSION_MAX];
    double requests_per_cpu_s[HF_BENCH_REPETITIONS_MAX], requests_per_s[HF_BENCH_REPETITIONS_MAX],
        busy[HF_BENCH_REPETITIONS_MAX], client_busy[HF_BENCH_REPETITIONS_MAX], p50_ms[HF_BENCH_REPETITIONS_MAX],
        p99_ms[HF_BENCH_REPETITIONS_MAX];
} candidate;

static bool load_once(const options *o, const hf_token_bed *bed, const work *w, candidate *c, unsigned r,
                      unsigned seconds)
{
    hf_wrk_result got;
    uint64_t before = hf_server_cpu_ns(&c->server);

    if (!hf_wrk_run(o->wrk, hf_cpu_other(o->common.cpu), bed, &c->server, w->path, w->connections / o->fewer, seconds,
                    &got))
        return false;
    double cpu_s = (double)(hf_server_cpu_ns(&c->server) - before) / 1e9;
    c->requests_per_cpu_s[r] = cpu_s > 0 ? got.requests / cpu_s : 0;
    c->requests_per_s[r] = got.requests_per_s;
    c->busy[r] = cpu_s / got.seconds;
    c->client_busy[r] = got.client_cpu_s / got.seconds;
    c->p50_ms[r] = got.p50_ms;
    c->p99_ms[r] = got.p99_ms;
    return true;
}

static bool take_turns(const options *o, const hf_token_bed *bed, const work *w, candidate *c, size_t n)
{
    for (size_t i = 0; i < n && !o->common.quick; i++) {
        hf_bench_progress("%s: warming up %s", w->name, c[i].server.name);
        if (!load_once(o, bed, w, &c[i], 0, (o->common.time_ms + 999) / 1000))
            return false;
    }
    for (unsigned r = 0; r < o->common.repetitions; r++) {
        for (size_t k = 0; k < n; k++) {
            candidate *one = &c[(k + r) % n];
            hf_bench_progress("%s: %s, repetition %u of %u", w->name, one->server.name, r + 1, o->common.repetitions);
            if (!load_once(o, bed, w, one, r, (o->common.time_ms + 999) / 1000))
                return false;
        }
    }
    return true;
}

static void tell(const options *o, const work *w, const candidate *c, const candidate *first, hf_report *report)
{
    size_t n = o->common.repetitions;
    hf_figure each = hf_figure_of(c->requests_per_cpu_s, n);
    double busy = hf_figure_of(c->busy, n).median, rate = hf_figure_of(c->requests_per_s, n).median;

    printf("  %-10s %9.0f requests and %.3f GB a CPU second (spread %.1f %%), %9.0f a second with %.0f %% of its "
           "processor, p99 %.2f ms",
           c->server.name, each.median, each.median * (double)w->body / 1e9, 100 * each.spread, rate, 100 * busy,
           hf_figure_of(c->p99_ms, n).median);
    if (c != first)
        printf("; handfast: %.2f times",
               hf_figure_of_ratio(first->requests_per_cpu_s, c->requests_per_cpu_s, n).median);
    putchar('\n');
    hf_json *row = hf_report_row(report, "server");
    hf_json_text(row, "server", c->server.name);
    hf_json_text(row, "software", c->software);
    hf_json_text(row, "work", w->kind);
    hf_json_text(row, "version", "TLS 1.3");
    hf_json_text(row, "cipher", "AES-128-GCM");
    hf_json_integer(row, "body_bytes", w->body);
    hf_json_integer(row, "clients", w->connections / o->fewer);
    hf_json_number(row, "requests_per_cpu_s", each.median);
    hf_json_number(row, "gbytes_per_cpu_s", each.median * (double)w->body / 1e9);
    hf_json_number(row, "requests_per_s", rate);
    hf_json_number(row, "server_busy", busy);
    hf_json_number(row, "client_busy", hf_figure_of(c->client_busy, n).median);
    hf_json_number(row, "p50_ms", hf_figure_of(c->p50_ms, n).median);
    hf_json_number(row, "p99_ms", hf_figure_of(c->p99_ms, n).median);
    hf_json_number(row, "handfast_times",
                   hf_figure_of_ratio(first->requests_per_cpu_s, c->requests_per_cpu_s, n).median);
    hf_json_number(row, "spread", each.spread);
    hf_report_row_close(row);
}

/* Handfast first; then who does this kind of work, where it is installed. */
static bool start_all(const options *o, const hf_token_bed *bed, const work *w, uint16_t backend, candidate *c,
                      size_t *out_n)
{
    hf_server_options how = {.program = o->program,
                             .cpu = o->common.cpu,
                             .work = w->how,
                             .root = o->root,
                             .backend = backend,
                             .tls13_only = true,
                             .key_in_file = true,
                             .keys = {[HF_BED_P256] = true},
                             .max_connections = 4 * w->connections};

    if (!hf_server_start(&how, bed, &c[0].server))
        return false;
    *out_n = 1;
    hf_peer_version(o->program, "--version", c[0].software, sizeof c[0].software);
    bool nginx = w->how == HF_WORK_FILES;
    how.program = nginx ? o->nginx : o->haproxy;
    if (!how.program[0])
        return true;
    hf_peer_version(how.program, "-v", c[1].software, sizeof c[1].software);
    if (!(nginx ? hf_peer_nginx_start : hf_peer_haproxy_start)(&how, bed, &c[1].server))
        return false;
    *out_n = 2;
    return true;
}

static bool measure(const options *o, const hf_token_bed *bed, const work *w, hf_report *report)
{
    candidate *c = calloc(SERVERS_MAX, sizeof *c);
    hf_server backend = {.pid = 0};
    size_t n = 0;
    bool good = c != NULL;

    if (good && w->how == HF_WORK_FORWARD)
        good = hf_peer_backend_start(o->nginx, o->root, hf_cpu_other(o->common.cpu), bed, &backend);
    good = good && start_all(o, bed, w, ntohs(backend.address.sin_port), c, &n) && take_turns(o, bed, w, c, n);
    hf_bench_progress(NULL);
    if (good) {
        printf("%s: %zu-byte bodies, %u connections\n", w->kind, w->body, w->connections / o->fewer);
        for (size_t i = 0; i < n; i++)
            tell(o, w, &c[i], &c[0], report);
        (void)fflush(stdout);
    }
    for (size_t i = 0; i < n; i++)
        good = hf_server_stop(&c[i].server) && good;
    (void)hf_server_stop(&backend);
    free(c);
    return good;
}

static bool make_root(options *o, const hf_token_bed *bed)
{
    char path[HF_BED_PATH_MAX];
    uint8_t *body = calloc(1, BULK_SIZE);

    bool good = body && snprintf(o->root, sizeof o->root, "%s/root", bed->folder) < (int)sizeof o->root &&
                mkdir(o->root, S_IRWXU) == 0;
    for (size_t i = 0; good && i < BULK_SIZE; i++)
        body[i] = (uint8_t)(i * 31 + i / 256);
    good = good && hf_token_bed_file(bed, "root/bulk.bin", body, BULK_SIZE, path) &&
           hf_token_bed_file(bed, "root/small.bin", body, SMALL_SIZE, path);
    free(body);
    return good;
}

/* Peers that are missing are told; without wrk there is nothing to do. */
static bool find_peers(options *o)
{
    static const char hint[] = "install it, for example with scripts/install-deps bench";

    if (!hf_peer_find("wrk", o->wrk, sizeof o->wrk)) {
        hf_bench_fail("the load generator wrk is not installed: %s", hint);
        return false;
    }
    if (!hf_peer_find("nginx", o->nginx, sizeof o->nginx)) {
        o->nginx[0] = 0;
        hf_bench_fail("note: nginx is left out, and with it the backend for forwarding: %s", hint);
        o->works[2] = o->works[3] = false;
    }
    if (!hf_peer_find("haproxy", o->haproxy, sizeof o->haproxy)) {
        o->haproxy[0] = 0;
        hf_bench_fail("note: haproxy is left out: %s", hint);
    }
    return true;
}

int hf_bench_server(int argc, char **argv)
{
    options o;
    hf_token_bed bed;
    hf_report report;

    int result = parse(&o, argc, argv);
    if (result == HF_BENCH_DONE && o.common.help)
        print_help();
    if (result != HF_BENCH_DONE || o.common.help)
        return result;
    if (!find_peers(&o) || !hf_token_bed_make(&bed, o.module))
        return HF_BENCH_FAILED;
    bool good = make_root(&o, &bed) && hf_report_open(&report, &o.common);
    if (good) {
        printf("servers on processor %d, wrk on %d%s\n", o.common.cpu, hf_cpu_other(o.common.cpu),
               hf_cpu_other(o.common.cpu) == o.common.cpu ? ": ONE PROCESSOR FOR BOTH" : "");
        for (size_t i = 0; good && i < WORKS; i++)
            if (o.works[i])
                good = measure(&o, &bed, &works[i], &report);
        good = hf_report_close(&report, good) && good;
    }
    hf_token_bed_free(&bed);
    return good ? HF_BENCH_DONE : HF_BENCH_FAILED;
}
