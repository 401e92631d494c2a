/* `handfast-bench memory`: what a connection costs the memory of `handfast serve`: idle, in its handshake, and busy.
 *
 * The growth of the server's private pages while the second half of the connections is opened: engine, program and
 * allocator together, without what is made once. What the kernel holds for both ends is told apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "handshakes.h"
#include "load.h"
#include "measure.h"
#include "report.h"
#include "server.h"

enum { OPT_CONNECTIONS = HF_BENCH_OPT_OWN, OPT_SERVER, OPT_MODULE };

static const struct option long_options[] = {
    HF_BENCH_LONG_OPTIONS,
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"server", required_argument, NULL, OPT_SERVER},
    {"module", required_argument, NULL, OPT_MODULE},
    {NULL, 0, NULL, 0},
};

#define CONNECTIONS_MAX 60000
#define SETTLE_MS 300
#define BUSY_QUICK_MAX 16
#define BUSY_MAX 100 /* the kernel holds megabytes for each of these */

typedef struct options {
    hf_bench_options common;
    unsigned connections;
    const char *program, *module;
    char found[HF_BED_PATH_MAX];
} options;

static void print_help(void)
{
    printf("usage: handfast-bench memory [options]\n\n"
           "Opens TLS connections to `handfast serve` and tells how much its memory grew for each: idle; handshaking,\n"
           "where the client does not answer; busy, where the server has more to send than the client takes.\n\n"
           "  --connections N     connections (default 1000; busy: at most 100,\n"
           "                      with --quick 16)\n"
           "  --server PATH       the program `handfast` (default: beside this one)\n"
           "  --module PATH       SoftHSM2's module (default: where distributions put it)\n%s\n"
           "Each state is measured once, with a server of its own; --time and --repetitions have no meaning here.\n",
           hf_bench_options_help);
}

static int take(void *arg, int opt, const char *value)
{
    options *o = arg;

    switch (opt) {
    case OPT_CONNECTIONS:
        return hf_bench_take_number("memory", "connections", value, 2, CONNECTIONS_MAX, &o->connections);
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
    int result = hf_bench_parse("memory", argc, argv, long_options, &o->common, take, o);
    if (result != HF_BENCH_DONE || o->common.help)
        return result;
    if (o->connections == 0)
        o->connections = o->common.quick ? 100 : 1000;
    if (!o->program && hf_server_find_program(o->found, sizeof o->found))
        o->program = o->found;
    if (!o->program)
        return hf_bench_usage("memory", "the program handfast is not beside this one: give --server PATH");
    return HF_BENCH_DONE;
}

static const struct {
    const char *name;
    hf_load_state state;
} states[] = {{"idle", HF_LOAD_IDLE}, {"handshaking", HF_LOAD_HANDSHAKING}, {"busy", HF_LOAD_BUSY}};

#define STATES (sizeof states / sizeof states[0])

/* What the server and the kernel hold with half of the connections, and with all of them; in bytes. */
typedef struct held {
    uint64_t private_pages[2], kernel[2];
    size_t engine; /* of one connection of our client's */
} held;

/* Kernel memory for objects and for socket buffers, of the whole machine: other programs show in it. */
static uint64_t kernel_bytes(void)
{
    char line[256];
    unsigned long slab_kib = 0, pages = 0;
    FILE *file = fopen("/proc/meminfo", "re");

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Slab: %lu kB", &slab_kib) == 1)
            break;
    if (file)
        (void)fclose(file);
    file = fopen("/proc/net/sockstat", "re");
    while (file && fgets(line, sizeof line, file)) {
        const char *mem = strncmp(line, "TCP:", 4) == 0 ? strstr(line, " mem ") : NULL;
        if (mem)
            pages = strtoul(mem + 5, NULL, 10);
    }
    if (file)
        (void)fclose(file);
    return (uint64_t)slab_kib * 1024 + (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool hold(const hf_server *server, const hf_load_options *how, unsigned n, held *out)
{
    hf_load *load = NULL;
    bool good = hf_load_open(&server->address, how, n, &load);

    for (unsigned i = 0; good && i < 2; i++) {
        good = hf_load_hold(load, i == 0 ? n / 2 : n, &out->engine);
        (void)usleep(SETTLE_MS * 1000); /* the server's last steps */
        out->private_pages[i] = hf_server_private_bytes(server);
        out->kernel[i] = kernel_bytes();
    }
    hf_load_close(load);
    return good;
}

static void tell(unsigned connections, const hf_handshake_kind *kind, const char *state, const held *h,
                 hf_report *report)
{
    double n = connections - connections / 2;
    double each = ((double)h->private_pages[1] - (double)h->private_pages[0]) / n;
    double kernel = ((double)h->kernel[1] - (double)h->kernel[0]) / n;

    printf("%-22s %6u %-12s %8.0f bytes each (all: %.1f MiB); the kernel, for both ends: %.0f\n", kind->version,
           connections, state, each, (double)h->private_pages[1] / 1048576, kernel);
    (void)fflush(stdout);
    hf_json *row = hf_report_row(report, "memory");
    hf_json_text(row, "server", "handfast");
    hf_json_text(row, "version", kind->version);
    hf_json_text(row, "state", state);
    hf_json_integer(row, "connections", connections);
    hf_json_number(row, "bytes_each", each);
    hf_json_number(row, "kernel_bytes_both_ends", kernel);
    hf_json_integer(row, "client_engine_bytes", h->engine);
    hf_report_row_close(row);
}

static bool measure(const options *o, const hf_token_bed *bed, const hf_handshake_kind *kind, size_t state,
                    hf_report *report)
{
    static const char *const patient[] = {"--handshake-timeout", "600", NULL}; /* for those that are held in it */
    hf_server_options how = {.program = o->program,
                             .cpu = -1,
                             .key_threads = 2,
                             .max_connections = o->connections + 64,
                             .more_args = patient};
    hf_load_options load = kind->load;
    load.hold = states[state].state;
    hf_server server;
    held h = {.engine = 0};
    unsigned max = load.hold != HF_LOAD_BUSY ? CONNECTIONS_MAX : o->common.quick ? BUSY_QUICK_MAX : BUSY_MAX;
    unsigned n = o->connections > max ? max : o->connections;

    hf_bench_progress("%s, %s", kind->version, states[state].name);
    how.keys[kind->key] = true;
    if (!hf_server_start(&how, bed, &server))
        return false;
    bool good = hold(&server, &load, n, &h);
    good = hf_server_stop(&server) && good;
    hf_bench_progress(NULL);
    if (good)
        tell(n, kind, states[state].name, &h, report);
    return good;
}

/* One kind for each version is enough: what a connection keeps does not depend on the key. */
static bool measure_all(const options *o, const hf_token_bed *bed, hf_report *report)
{
    static const char *const kinds[] = {"ecdhe-rsa", "tls13-rsa"};

    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (size_t s = 0; s < STATES; s++)
            if (!measure(o, bed, hf_handshake_kind_by_name(kinds[k]), s, report))
                return false;
    return true;
}

static bool raise_descriptors(unsigned connections)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= connections + 64)
        return true;
    hf_bench_fail("%u connections need more descriptors than the %lu allowed here (ulimit -n)", connections,
                  (unsigned long)limit.rlim_max);
    return false;
}

int hf_bench_memory(int argc, char **argv)
{
    options o;
    hf_token_bed bed;
    hf_report report;

    int result = parse(&o, argc, argv);
    if (result == HF_BENCH_DONE && o.common.help)
        print_help();
    if (result != HF_BENCH_DONE || o.common.help)
        return result;
    if (!raise_descriptors(o.connections) || !hf_token_bed_make(&bed, o.module))
        return HF_BENCH_FAILED;
    bool good = hf_report_open(&report, &o.common);
    if (good) {
        good = measure_all(&o, &bed, &report);
        good = hf_report_close(&report, good) && good;
    }
    hf_token_bed_free(&bed);
    return good ? HF_BENCH_DONE : HF_BENCH_FAILED;
}
