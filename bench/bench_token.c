/* `handfast-bench token`: a token that is milliseconds away, as a network HSM is. The fault module stands before
 * SoftHSM2 and adds latency to every private-key operation; handfast and nginx take turns under a storm of full
 * handshakes, while somebody on an established connection asks for a small file. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "handshakes.h"
#include "measure.h"
#include "peers.h"
#include "probe.h"
#include "records.h"
#include "report.h"

enum {
    OPT_LATENCY = HF_BENCH_OPT_OWN,
    OPT_CLIENTS,
    OPT_KIND,
    OPT_KEY_THREADS,
    OPT_SERVER,
    OPT_MODULE,
    OPT_FAULT,
    OPT_NO_PEERS,
    OPT_ALL_CPUS
};

static const struct option long_options[] = {
    HF_BENCH_LONG_OPTIONS,
    {"latency", required_argument, NULL, OPT_LATENCY},
    {"clients", required_argument, NULL, OPT_CLIENTS},
    {"kind", required_argument, NULL, OPT_KIND},
    {"key-threads", required_argument, NULL, OPT_KEY_THREADS},
    {"server", required_argument, NULL, OPT_SERVER},
    {"module", required_argument, NULL, OPT_MODULE},
    {"fault-module", required_argument, NULL, OPT_FAULT},
    {"no-peers", no_argument, NULL, OPT_NO_PEERS},
    {"all-cpus", no_argument, NULL, OPT_ALL_CPUS},
    {NULL, 0, NULL, 0},
};

#define REPETITIONS 3
#define TIME_MS 2000
#define CLIENTS_MAX 4096
#define LATENCY_MAX 1000 /* milliseconds */
#define LIST_MAX 8
#define SERVERS_MAX 2
#define BODY 256
#define KEY_THREADS 32
#define STORM_NICE 5 /* so much less priority than the servers */
#define REST_LOOK_US 50000
#define REST_NS (REST_LOOK_US * 10ull) /* a hundredth of the time */
#define REST_MAX_MS 10000

typedef struct options {
    hf_bench_options common;
    unsigned latencies[LIST_MAX], clients[LIST_MAX];
    size_t latencies_n, clients_n;
    const hf_handshake_kind *kind;
    unsigned key_threads;
    bool no_peers, all_cpus;
    const char *program, *module, *fault;
    char found[HF_BED_PATH_MAX], found_fault[HF_BED_PATH_MAX], nginx[HF_BED_PATH_MAX], root[HF_BED_PATH_MAX];
} options;

/* One server, and a sample a repetition. */
typedef struct candidate {
    hf_server server;
    hf_load *load;
    hf_probe *probe;
    char software[HF_PEER_VERSION_MAX];
    double per_s[HF_BENCH_REPETITIONS_MAX], server_cpu_s[HF_BENCH_REPETITIONS_MAX],
        client_cpu_s[HF_BENCH_REPETITIONS_MAX], p50_ms[HF_BENCH_REPETITIONS_MAX], p99_ms[HF_BENCH_REPETITIONS_MAX],
        quiet_p50_ms[HF_BENCH_REPETITIONS_MAX], quiet_p99_ms[HF_BENCH_REPETITIONS_MAX],
        storm_p50_ms[HF_BENCH_REPETITIONS_MAX], storm_p99_ms[HF_BENCH_REPETITIONS_MAX];
    size_t quiet_n, storm_n; /* requests that the last p99 is made of */
} candidate;

/* One latency and number of clients. */
typedef struct field {
    unsigned latency_ms, clients;
    candidate c[SERVERS_MAX];
    size_t n;
} field;

static void print_help(void)
{
    printf(
        "usage: handfast-bench token [options]\n\n"
        "Puts the fault module before a SoftHSM2 token made for this run, so that each private-key operation takes so\n"
        "much longer, and loads `handfast serve` and nginx (by OpenSSL's PKCS#11 engine) in turns with full "
        "handshakes.\n"
        "Tells handshakes a second, and how long a small request on an established connection takes: before the\n"
        "storm, and in it.\n\n"
        "  --latency LIST      milliseconds added (default 5,20)\n"
        "  --clients LIST      connections at once (default 32,256)\n"
        "  --kind NAME         one of " HF_HANDSHAKE_NAMES "\n"
        "                      (default tls13-rsa)\n"
        "  --key-threads N     sessions of handfast (default %d)\n"
        "  --no-peers          handfast only\n"
        "  --all-cpus          servers may use every processor, beside the clients; without it they share one with\n"
        "                      what SoftHSM2 computes for them\n"
        "  --server PATH       the program `handfast` (default: beside this one)\n"
        "  --module PATH       SoftHSM2's module (default: where distributions put it)\n"
        "  --fault-module PATH libhandfast-fault.so (default: of the build tree or installation)\n%s\n"
        "Defaults: %d repetitions of %d ms. --cpu is the servers' processor.\n",
        KEY_THREADS, hf_bench_options_help, REPETITIONS, TIME_MS);
}

static int take(void *arg, int opt, const char *value)
{
    options *o = arg;

    switch (opt) {
    case OPT_LATENCY:
        return hf_rec_take_list("token", "latency", value, LATENCY_MAX, o->latencies, LIST_MAX, &o->latencies_n);
    case OPT_CLIENTS:
        return hf_rec_take_list("token", "clients", value, CLIENTS_MAX, o->clients, LIST_MAX, &o->clients_n);
    case OPT_KIND:
        o->kind = hf_handshake_kind_by_name(value);
        return o->kind ? HF_BENCH_DONE : hf_bench_usage("token", "--kind %s: choose one of " HF_HANDSHAKE_NAMES, value);
    case OPT_KEY_THREADS:
        return hf_bench_take_number("token", "key-threads", value, 1, HF_HSM_THREADS_MAX, &o->key_threads);
    case OPT_NO_PEERS:
        o->no_peers = true;
        return HF_BENCH_DONE;
    case OPT_ALL_CPUS:
        o->all_cpus = true;
        return HF_BENCH_DONE;
    case OPT_SERVER:
        o->program = value;
        return HF_BENCH_DONE;
    case OPT_FAULT:
        o->fault = value;
        return HF_BENCH_DONE;
    default:
        o->module = value;
        return HF_BENCH_DONE;
    }
}

static bool find_fault(char *out, size_t max)
{
    static const char *const places[] = {"../hsm/fault/libhandfast-fault.so", "../lib/pkcs11/libhandfast-fault.so",
                                         "../lib/x86_64-linux-gnu/pkcs11/libhandfast-fault.so",
                                         "../lib/aarch64-linux-gnu/pkcs11/libhandfast-fault.so"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (hf_server_find_beside(places[i], out, max))
            return true;
    return false;
}

static int parse(options *o, int argc, char **argv)
{
    static const unsigned latencies[] = {5, 20}, clients[] = {32, 256};

    memset(o, 0, sizeof *o);
    o->key_threads = KEY_THREADS;
    o->kind = hf_handshake_kind_by_name("tls13-rsa");
    int result = hf_bench_parse("token", argc, argv, long_options, &o->common, take, o);
    if (result != HF_BENCH_DONE || o->common.help)
        return result;
    if (o->latencies_n == 0) {
        memcpy(o->latencies, latencies, sizeof latencies);
        o->latencies_n = 2;
    }
    if (o->clients_n == 0) {
        memcpy(o->clients, clients, sizeof clients);
        o->clients_n = 2;
    }
    if (o->common.repetitions == 0)
        o->common.repetitions = o->common.quick ? 1 : REPETITIONS;
    if (o->common.time_ms == 0)
        o->common.time_ms = o->common.quick ? 200 : TIME_MS;
    if (!o->program && hf_server_find_program(o->found, sizeof o->found))
        o->program = o->found;
    if (!o->program)
        return hf_bench_usage("token", "the program handfast is not beside this one: give --server PATH");
    if (!o->fault && find_fault(o->found_fault, sizeof o->found_fault))
        o->fault = o->found_fault;
    if (!o->fault)
        return hf_bench_usage("token", "libhandfast-fault.so was not found: give --fault-module PATH");
    return HF_BENCH_DONE;
}

/* Operations of the last storm may still be in the token: what is quiet begins when the server rests. */
static void wait_for_rest(const hf_server *server)
{
    uint64_t until = hf_clock_wall_ns() + REST_MAX_MS * 1000000ull;
    uint64_t spent = REST_NS;

    while (spent >= REST_NS && hf_clock_wall_ns() < until) {
        uint64_t before = hf_server_cpu_ns(server);
        (void)usleep(REST_LOOK_US);
        spent = hf_server_cpu_ns(server) - before;
    }
}

/* The storm comes from a thread of its own, which may lower its priority for good: its clients stand for other
 * machines, which would not take processors from a server. All servers meet the same. */
typedef struct storm {
    hf_load *load;
    unsigned ms;
    hf_load_result got;
    bool good;
} storm;

static void *run_storm(void *arg)
{
    storm *s = arg;

    (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + STORM_NICE); /* of this thread, on Linux */
    s->good = hf_load_run(s->load, s->ms, &s->got);
    return NULL;
}

/* The time without a storm, then the storm. */
static bool one_turn(const options *o, candidate *c, unsigned r)
{
    hf_probe_result quiet, stormy;
    storm s = {.load = c->load, .ms = o->common.time_ms};
    pthread_t thread;

    wait_for_rest(&c->server);
    (void)hf_cpu_pin(hf_cpu_other(o->common.cpu));
    if (!hf_probe_start(c->probe))
        return false;
    (void)usleep(o->common.time_ms * 1000);
    if (!hf_probe_stop(c->probe, &quiet) || !hf_probe_start(c->probe))
        return false;
    uint64_t before = hf_server_cpu_ns(&c->server);
    bool started = pthread_create(&thread, NULL, run_storm, &s) == 0;
    if (started)
        (void)pthread_join(thread, NULL);
    double cpu_s = (double)(hf_server_cpu_ns(&c->server) - before) / 1e9;
    if (!hf_probe_stop(c->probe, &stormy) || !started || !s.good)
        return false;
    double n = (double)s.got.handshakes;
    c->per_s[r] = n / s.got.seconds;
    c->server_cpu_s[r] = cpu_s / n;
    c->client_cpu_s[r] = s.got.client_cpu_s / n;
    c->p50_ms[r] = s.got.p50_ms;
    c->p99_ms[r] = s.got.p99_ms;
    c->quiet_p50_ms[r] = quiet.p50_ms;
    c->quiet_p99_ms[r] = quiet.p99_ms;
    c->storm_p50_ms[r] = stormy.p50_ms;
    c->storm_p99_ms[r] = stormy.p99_ms;
    c->quiet_n = quiet.requests;
    c->storm_n = stormy.requests;
    return true;
}

static bool take_turns(const options *o, field *f)
{
    for (size_t i = 0; i < f->n; i++) {
        candidate *c = &f->c[i];
        if (!hf_load_open(&c->server.address, &o->kind->load, f->clients, &c->load) ||
            !hf_probe_open(&c->server.address, &o->kind->load, BODY, &c->probe) || !one_turn(o, c, 0))
            return false; /* the first turn warms up */
    }
    for (unsigned r = 0; r < o->common.repetitions; r++) {
        for (size_t k = 0; k < f->n; k++) {
            candidate *c = &f->c[(k + r) % f->n];
            hf_bench_progress("%u ms, %u clients: %s, repetition %u of %u", f->latency_ms, f->clients, c->server.name,
                              r + 1, o->common.repetitions);
            if (!one_turn(o, c, r))
                return false;
        }
    }
    return true;
}

static double median(const double *samples, size_t n)
{
    return hf_figure_of(samples, n).median;
}

static void tell_one(const options *o, const field *f, const candidate *c, hf_report *report)
{
    size_t n = o->common.repetitions;
    hf_figure per_s = hf_figure_of(c->per_s, n);
    bool ours = c == &f->c[0];
    double sessions = ours ? o->key_threads : 1;
    double bound = sessions * 1000 / f->latency_ms;

    printf(
        "  %-9s %7.0f handshakes/s (spread %.1f %%), p50 %.1f ms, p99 %.1f ms, server %.0f us CPU each; small request "
        "p99 %.2f ms quiet, %.2f ms in the storm",
        c->server.name, per_s.median, 100 * per_s.spread, median(c->p50_ms, n), median(c->p99_ms, n),
        1e6 * median(c->server_cpu_s, n), median(c->quiet_p99_ms, n), median(c->storm_p99_ms, n));
    if (ours)
        printf("; %.0f %% of sessions / latency\n", 100 * per_s.median / bound);
    else
        printf("; handfast: %.1f times\n", hf_figure_of_ratio(f->c[0].per_s, c->per_s, n).median);
    hf_json *row = hf_report_row(report, "token");
    hf_json_text(row, "server", c->server.name);
    hf_json_text(row, "software", c->software);
    hf_json_text(row, "version", o->kind->version);
    hf_json_text(row, "key", hf_bed_labels[o->kind->key]);
    hf_json_integer(row, "clients", f->clients);
    hf_json_integer(row, "latency_ms", f->latency_ms);
    hf_json_integer(row, "sessions", (uint64_t)sessions);
    hf_json_number(row, "handshakes_per_s", per_s.median);
    hf_json_number(row, "sessions_per_latency", bound);
    hf_json_text(row, "server_cpus", o->all_cpus ? "all" : "one");
    hf_json_number(row, "server_cpu_s", median(c->server_cpu_s, n));
    hf_json_number(row, "client_cpu_s", median(c->client_cpu_s, n));
    hf_json_number(row, "p50_ms", median(c->p50_ms, n));
    hf_json_number(row, "p99_ms", median(c->p99_ms, n));
    hf_json_number(row, "request_quiet_p50_ms", median(c->quiet_p50_ms, n));
    hf_json_number(row, "request_quiet_p99_ms", median(c->quiet_p99_ms, n));
    hf_json_integer(row, "request_quiet_n", c->quiet_n);
    hf_json_integer(row, "request_n", c->storm_n);
    hf_json_number(row, "request_p50_ms", median(c->storm_p50_ms, n));
    hf_json_number(row, "request_p99_ms", median(c->storm_p99_ms, n));
    hf_json_number(row, "handfast_times", hf_figure_of_ratio(f->c[0].per_s, c->per_s, n).median);
    hf_json_number(row, "spread", per_s.spread);
    hf_report_row_close(row);
}

static bool start_all(const options *o, const hf_token_bed *bed, field *f)
{
    hf_server_options how = {.program = o->program,
                             .cpu = o->all_cpus ? -1 : o->common.cpu,
                             .work = HF_WORK_FILES,
                             .root = o->root,
                             .module = o->fault,
                             .key_threads = o->key_threads,
                             .max_connections = 4 * f->clients + 64};

    how.keys[o->kind->key] = true;
    if (!hf_server_start(&how, bed, &f->c[0].server))
        return false;
    f->n = 1;
    hf_peer_version(o->program, "--version", f->c[0].software, sizeof f->c[0].software);
    how.program = o->nginx;
    if (!o->nginx[0])
        return true;
    if (!hf_peer_nginx_start(&how, bed, &f->c[1].server))
        return false;
    f->n = 2;
    hf_peer_version(o->nginx, "-v", f->c[1].software, sizeof f->c[1].software);
    return true;
}

static bool write_fault(const hf_token_bed *bed, unsigned latency_ms)
{
    char text[2 * HF_BED_PATH_MAX], path[HF_BED_PATH_MAX];

    (void)snprintf(text, sizeof text, "module = \"%s\"\nlatency C_Sign, C_Decrypt, C_Encrypt = %ums\n", bed->module,
                   latency_ms);
    return hf_token_bed_file(bed, "fault.conf", text, strlen(text), path) &&
           setenv("HANDFAST_FAULT_CONF", path, 1) == 0;
}

static bool measure(const options *o, const hf_token_bed *bed, unsigned latency_ms, unsigned clients, hf_report *report)
{
    field *f = calloc(1, sizeof *f);

    if (!f)
        return false;
    f->latency_ms = latency_ms;
    f->clients = clients;
    bool good = write_fault(bed, latency_ms) && start_all(o, bed, f) && take_turns(o, f);
    hf_bench_progress(NULL);
    if (good) {
        printf("token %u ms away, %u clients, %s\n", latency_ms, clients, o->kind->version);
        for (size_t i = 0; i < f->n; i++)
            tell_one(o, f, &f->c[i], report);
        (void)fflush(stdout);
    }
    for (size_t i = 0; i < f->n; i++) {
        hf_probe_close(f->c[i].probe);
        hf_load_close(f->c[i].load);
        good = hf_server_stop(&f->c[i].server) && good;
    }
    free(f);
    return good;
}

static bool make_root(options *o, const hf_token_bed *bed)
{
    char path[HF_BED_PATH_MAX];
    uint8_t body[BODY] = {0};

    return snprintf(o->root, sizeof o->root, "%s/root", bed->folder) < (int)sizeof o->root &&
           mkdir(o->root, S_IRWXU) == 0 && hf_token_bed_file(bed, "root/small.bin", body, sizeof body, path);
}

static void find_peers(options *o)
{
    bool nginx = !o->no_peers && hf_peer_find("nginx", o->nginx, sizeof o->nginx);

    if (nginx && hf_peer_engine())
        return;
    o->nginx[0] = 0;
    if (!o->no_peers)
        hf_bench_fail("note: nginx is left out: %s missing; install it, for example with scripts/install-deps bench",
                      nginx ? "OpenSSL's engine pkcs11 is" : "it is");
}

int hf_bench_token(int argc, char **argv)
{
    options o;
    hf_token_bed bed;
    hf_report report;

    int result = parse(&o, argc, argv);
    if (result == HF_BENCH_DONE && o.common.help)
        print_help();
    if (result != HF_BENCH_DONE || o.common.help)
        return result;
    if (access(o.fault, R_OK) != 0)
        return hf_bench_fail("cannot read the fault module %s", o.fault);
    find_peers(&o);
    if (!hf_token_bed_make(&bed, o.module))
        return HF_BENCH_FAILED;
    bool good = make_root(&o, &bed) && hf_report_open(&report, &o.common);
    if (good) {
        for (size_t l = 0; good && l < o.latencies_n; l++)
            for (size_t c = 0; good && c < o.clients_n; c++)
                good = measure(&o, &bed, o.latencies[l], o.clients[c], &report);
        good = hf_report_close(&report, good) && good;
    }
    hf_token_bed_free(&bed);
    return good ? HF_BENCH_DONE : HF_BENCH_FAILED;
}
