/* `handfast-bench handshakes`: handshakes per second of `handfast serve` with its key in a SoftHSM2 token, beside nginx
 * with the same key in the same token, and beside what the token alone does on the same processor.
 *
 * A server, its token sessions included, has one processor; the clients have another. In every repetition the bare loop
 * of PKCS#11 calls runs on the servers' processor first, while they sleep, then the clients visit one server after the
 * other. */
#include "handshakes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "clock.h"
#include "measure.h"
#include "peers.h"
#include "report.h"

enum { OPT_KIND = HF_BENCH_OPT_OWN, OPT_CLIENTS, OPT_KEY_THREADS, OPT_SERVER, OPT_MODULE, OPT_ISOLATE, OPT_NO_PEERS };

static const struct option long_options[] = {
    HF_BENCH_LONG_OPTIONS,
    {"kind", required_argument, NULL, OPT_KIND},
    {"clients", required_argument, NULL, OPT_CLIENTS},
    {"key-threads", required_argument, NULL, OPT_KEY_THREADS},
    {"server", required_argument, NULL, OPT_SERVER},
    {"module", required_argument, NULL, OPT_MODULE},
    {"isolate", no_argument, NULL, OPT_ISOLATE},
    {"no-peers", no_argument, NULL, OPT_NO_PEERS},
    {NULL, 0, NULL, 0},
};

#define REPETITIONS 5
#define TIME_MS 1500
#define CLIENTS_MAX 4096
#define SERVERS_MAX 4 /* handfast, the same isolated, nginx, nginx with the key in a file */
#define FULL 0.9      /* a processor that is busier than this was the limit */

typedef struct options {
    hf_bench_options common;
    bool kinds[HF_HANDSHAKE_KINDS];
    bool any_kind, no_peers, isolate;
    unsigned clients, key_threads;
    const char *program, *module;
    char found[HF_BED_PATH_MAX], nginx[HF_BED_PATH_MAX];
} options;

/* One server, and a sample a repetition. */
typedef struct candidate {
    hf_server server;
    hf_load *load;
    bool measured; /* false: it gives no sessions to resume */
    char software[HF_PEER_VERSION_MAX];
    double per_s[HF_BENCH_REPETITIONS_MAX], server_cpu_s[HF_BENCH_REPETITIONS_MAX],
        client_cpu_s[HF_BENCH_REPETITIONS_MAX], p50_ms[HF_BENCH_REPETITIONS_MAX], p99_ms[HF_BENCH_REPETITIONS_MAX],
        busy[HF_BENCH_REPETITIONS_MAX],        /* part of its processor that the server used */
        client_busy[HF_BENCH_REPETITIONS_MAX]; /* and the clients of theirs */
    uint16_t scheme;
} candidate;

/* All of one kind. */
typedef struct field {
    const hf_handshake_kind *kind;
    candidate c[SERVERS_MAX];
    size_t n;
    double token_per_s[HF_BENCH_REPETITIONS_MAX], token_cpu_s[HF_BENCH_REPETITIONS_MAX];
} field;

static void print_help(void)
{
    printf(
        "usage: handfast-bench handshakes [options]\n\n"
        "Starts `handfast serve` on one processor with its key in a SoftHSM2 token made for this run, and nginx with\n"
        "the same key in the same token (by OpenSSL's PKCS#11 engine) and in a file; loads them in turns from another\n"
        "processor; and compares with what the token itself does in a bare loop.\n\n"
        "  --kind NAME         one of " HF_HANDSHAKE_NAMES "\n"
        "                      (repeatable); default: all\n"
        "  --clients N         connections at once (default 16)\n"
        "  --key-threads N     sessions of handfast for each key (default 1)\n"
        "  --isolate           handfast also with module, PIN and keys in a process of their own (serve --isolate)\n"
        "  --no-peers          handfast only\n"
        "  --server PATH       the program `handfast` (default: beside this one)\n"
        "  --module PATH       SoftHSM2's module (default: where distributions put it)\n%s\n"
        "Defaults: %d repetitions of %d ms. --cpu is the servers' processor.\n",
        hf_bench_options_help, REPETITIONS, TIME_MS);
}

static int take_kind(options *o, const char *value)
{
    const hf_handshake_kind *kind = hf_handshake_kind_by_name(value);

    if (!kind)
        return hf_bench_usage("handshakes", "--kind %s: choose one of " HF_HANDSHAKE_NAMES, value);
    o->kinds[kind - hf_handshake_kinds] = true;
    o->any_kind = true;
    return HF_BENCH_DONE;
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
    case OPT_ISOLATE:
        o->isolate = true;
        return HF_BENCH_DONE;
    case OPT_NO_PEERS:
        o->no_peers = true;
        return HF_BENCH_DONE;
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
        o->common.repetitions = o->common.quick ? 1 : REPETITIONS;
    if (o->common.time_ms == 0)
        o->common.time_ms = o->common.quick ? 100 : TIME_MS;
    if (!o->program && hf_server_find_program(o->found, sizeof o->found))
        o->program = o->found;
    if (!o->program)
        return hf_bench_usage("handshakes", "the program handfast is not beside this one: give --server PATH");
    return HF_BENCH_DONE;
}

static bool one_load(const options *o, const hf_handshake_kind *kind, candidate *c, unsigned r)
{
    hf_load_result got;
    uint64_t before = hf_server_cpu_ns(&c->server);

    (void)hf_cpu_pin(hf_cpu_other(o->common.cpu));
    if (!hf_load_run(c->load, o->common.time_ms, &got))
        return false;
    if (kind->load.resume && got.resumed != got.handshakes) {
        hf_bench_fail("%s resumed only %llu of %llu sessions", c->server.name, (unsigned long long)got.resumed,
                      (unsigned long long)got.handshakes);
        return false;
    }
    double cpu_s = (double)(hf_server_cpu_ns(&c->server) - before) / 1e9;
    double n = (double)got.handshakes;
    c->per_s[r] = n / got.seconds;
    c->server_cpu_s[r] = cpu_s / n;
    c->client_cpu_s[r] = got.client_cpu_s / n;
    c->busy[r] = cpu_s / got.seconds;
    c->client_busy[r] = got.client_cpu_s / got.seconds;
    c->p50_ms[r] = got.p50_ms;
    c->p99_ms[r] = got.p99_ms;
    c->scheme = got.scheme;
    return true;
}

static bool one_token(const options *o, hf_p11_loop *token, unsigned r, field *f)
{
    hf_rate rate;

    (void)hf_cpu_pin(o->common.cpu);
    if (!hf_p11_loop_run(token, o->common.time_ms / 2, &rate))
        return false;
    f->token_per_s[r] = rate.per_s;
    f->token_cpu_s[r] = rate.cpu_s_each;
    return true;
}

/* What the token would do in the full handshake, for a resumed one too: that is what resumption saves. */
static hf_rate_op token_op(const field *f)
{
    if (f->kind->load.resume)
        return HF_RATE_SIGN_PSS;
    return hf_handshake_token_op(f->c[0].scheme);
}

static bool take_turns(const options *o, const hf_token_bed *bed, field *f)
{
    hf_p11_loop *token = NULL;
    bool good = true;

    for (size_t i = 0; good && i < f->n; i++) /* warm-up; it also tells which operation of the token to compare with */
        good = !f->c[i].measured || one_load(o, f->kind, &f->c[i], 0);
    good = good && hf_p11_loop_open(bed, token_op(f), 1, &token);
    for (unsigned r = 0; good && r < o->common.repetitions; r++) {
        good = one_token(o, token, r, f);
        for (size_t k = 0; good && k < f->n; k++) {
            candidate *c = &f->c[(k + r) % f->n];
            hf_bench_progress("%s: %s, repetition %u of %u", f->kind->version, c->server.name, r + 1,
                              o->common.repetitions);
            good = !c->measured || one_load(o, f->kind, c, r);
        }
    }
    hf_p11_loop_close(token);
    return good;
}

/* The table's line and the reading of it: who was the limit. */
static void print_figures(const field *f, const candidate *c, size_t n)
{
    hf_figure per_s = hf_figure_of(c->per_s, n);
    double server_us = 1e6 * hf_figure_of(c->server_cpu_s, n).median;
    double client_us = 1e6 * hf_figure_of(c->client_cpu_s, n).median;
    double busy = hf_figure_of(c->busy, n).median, client_busy = hf_figure_of(c->client_busy, n).median;

    printf("  %-15s %6.0f/s  spread %.1f %%, server %.0f us CPU each (%.0f %% of its processor), clients %.0f us, p50 "
           "%.2f ms, p99 %.2f ms",
           c->server.name, per_s.median, 100 * per_s.spread, server_us, 100 * busy, client_us,
           hf_figure_of(c->p50_ms, n).median, hf_figure_of(c->p99_ms, n).median);
    if (c == &f->c[0])
        printf("; %.1f %% of the token alone (by CPU time %.1f %%)",
               100 * hf_figure_of_ratio(c->per_s, f->token_per_s, n).median,
               100 * hf_figure_of_ratio(f->token_cpu_s, c->server_cpu_s, n).median);
    else if (f->c[0].measured)
        printf("; handfast: %.2f times by the clock, %.2f times by CPU time",
               hf_figure_of_ratio(f->c[0].per_s, c->per_s, n).median,
               hf_figure_of_ratio(c->server_cpu_s, f->c[0].server_cpu_s, n).median);
    if (busy < FULL)
        printf("; %s: trust the CPU time", client_busy > FULL ? "THE CLIENT WAS THE LIMIT" : "no processor was full");
    putchar('\n');
}

static void write_figures(const options *o, const field *f, const candidate *c, hf_report *report)
{
    size_t n = o->common.repetitions;
    hf_figure per_s = hf_figure_of(c->per_s, n);
    hf_json *row = hf_report_row(report, "handshakes");

    hf_json_text(row, "server", c->server.name);
    hf_json_text(row, "software", c->software);
    hf_json_text(row, "version", f->kind->version);
    hf_json_text(row, "key", hf_bed_labels[f->kind->key]);
    hf_json_integer(row, "clients", o->clients);
    hf_json_integer(row, "latency_ms", 0); /* added to the token */
    hf_json_number(row, "handshakes_per_s", per_s.median);
    hf_json_number(row, "server_cpu_s", hf_figure_of(c->server_cpu_s, n).median);
    hf_json_number(row, "client_cpu_s", hf_figure_of(c->client_cpu_s, n).median);
    hf_json_number(row, "server_busy", hf_figure_of(c->busy, n).median);
    hf_json_number(row, "client_busy", hf_figure_of(c->client_busy, n).median);
    hf_json_number(row, "p50_ms", hf_figure_of(c->p50_ms, n).median);
    hf_json_number(row, "p99_ms", hf_figure_of(c->p99_ms, n).median);
    hf_json_text(row, "token_operation", hf_rate_names[token_op(f)]);
    hf_json_number(row, "token_ops_per_s", hf_figure_of(f->token_per_s, n).median);
    hf_json_number(row, "token_cpu_s", hf_figure_of(f->token_cpu_s, n).median);
    hf_json_number(row, "ratio_to_token", hf_figure_of_ratio(c->per_s, f->token_per_s, n).median);
    hf_json_number(row, "cpu_ratio_to_token", hf_figure_of_ratio(f->token_cpu_s, c->server_cpu_s, n).median);
    hf_json_number(row, "handfast_times", hf_figure_of_ratio(c->server_cpu_s, f->c[0].server_cpu_s, n).median);
    hf_json_number(row, "spread", per_s.spread);
    hf_report_row_close(row);
}

static void tell(const options *o, const field *f, hf_report *report)
{
    size_t n = o->common.repetitions;
    bool any = false;

    for (size_t i = 0; i < f->n; i++)
        any = any || f->c[i].measured;

    if (!any)
        return;
    printf("%s, %s\n  token alone (%s)  %6.0f/s, %.0f us CPU each\n", f->kind->version, hf_bed_labels[f->kind->key],
           hf_rate_names[token_op(f)], hf_figure_of(f->token_per_s, n).median,
           1e6 * hf_figure_of(f->token_cpu_s, n).median);
    for (size_t i = 0; i < f->n; i++) {
        if (!f->c[i].measured)
            continue;
        print_figures(f, &f->c[i], n);
        write_figures(o, f, &f->c[i], report);
    }
    (void)fflush(stdout);
}

/* nginx with the key in the token, then in a file. RSA key transport with the token does not exist there: libp11 cannot
 * decrypt for OpenSSL 3.0, and such handshakes fail. */
static bool start_peers(const options *o, const hf_token_bed *bed, hf_server_options how, field *f)
{
    bool transport = f->kind->load.suite == 0x009c;

    how.program = o->nginx;
    for (int in_file = 0; in_file < 2; in_file++) {
        candidate *c = &f->c[f->n];
        how.key_in_file = in_file;
        if (!o->nginx[0] || (!in_file && (transport || !hf_peer_engine())))
            continue;
        if (!hf_peer_nginx_start(&how, bed, &c->server))
            return false;
        hf_peer_version(o->nginx, "-v", c->software, sizeof c->software);
        f->n++;
    }
    if (transport && o->nginx[0])
        printf(
            "(nginx with RSA key transport: key in a file only; OpenSSL's engine cannot decrypt with a token's key)\n");
    return true;
}

static bool start_all(const options *o, const hf_token_bed *bed, field *f)
{
    hf_server_options how = {.program = o->program,
                             .cpu = o->common.cpu,
                             .work = HF_WORK_ECHO,
                             .key_threads = o->key_threads,
                             .resume = f->kind->load.resume,
                             .max_connections = 4 * o->clients + 64};

    how.keys[f->kind->key] = true;
    for (int isolate = 0; isolate <= (int)o->isolate; isolate++) {
        candidate *c = &f->c[f->n];
        how.isolate = isolate;
        if (!hf_server_start(&how, bed, &c->server))
            return false;
        f->n++;
        hf_peer_version(o->program, "--version", c->software, sizeof c->software);
    }
    if (!start_peers(o, bed, how, f))
        return false;
    for (size_t i = 0; i < f->n; i++) {
        candidate *c = &f->c[i];
        c->measured = true;
        if (!hf_load_open(&c->server.address, &f->kind->load, o->clients, &c->load))
            return false;
        if (f->kind->load.resume && !hf_load_prime(c->load, &c->measured))
            return false;
        if (!c->measured)
            printf("(%s: %s is left out: it gives no session to resume)\n", f->kind->version, c->server.name);
    }
    return true;
}

static bool measure(const options *o, const hf_token_bed *bed, const hf_handshake_kind *kind, hf_report *report)
{
    field *f = calloc(1, sizeof *f);

    if (!f)
        return false;
    f->kind = kind;
    bool good = start_all(o, bed, f) && take_turns(o, bed, f);
    hf_bench_progress(NULL);
    if (good)
        tell(o, f, report);
    for (size_t i = 0; i < f->n; i++) {
        hf_load_close(f->c[i].load);
        good = hf_server_stop(&f->c[i].server) && good;
    }
    free(f);
    return good;
}

static bool measure_all(const options *o, const hf_token_bed *bed, hf_report *report)
{
    bool good = true;

    printf("servers on processor %d, clients on %d (%u at once)%s\n", o->common.cpu, hf_cpu_other(o->common.cpu),
           o->clients,
           hf_cpu_other(o->common.cpu) == o->common.cpu ? ": ONE PROCESSOR FOR BOTH, trust the CPU time only" : "");
    for (size_t i = 0; good && i < HF_HANDSHAKE_KINDS; i++)
        if (o->kinds[i])
            good = measure(o, bed, &hf_handshake_kinds[i], report);
    return good;
}

/* Peers that are missing are told. */
static void find_peers(options *o)
{
    static const char hint[] = "install it, for example with scripts/install-deps bench";

    if (o->no_peers)
        return;
    if (!hf_peer_find("nginx", o->nginx, sizeof o->nginx)) {
        o->nginx[0] = 0;
        hf_bench_fail("note: nginx is left out: %s", hint);
    } else if (!hf_peer_engine()) {
        hf_bench_fail("note: nginx with its key in the token is left out: OpenSSL's engine pkcs11 is missing; %s",
                      hint);
    }
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
    find_peers(&o);
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
