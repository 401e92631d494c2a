/* `handfast-bench memory`: what an idle established connection costs the memory of `handfast serve`.
 *
 * The growth of the server's private pages while the second half of the connections is opened: engine, program and
 * allocator together, without what is made once or only for handshakes. The kernel's socket buffers are not in it. */
#include <stdio.h>
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

typedef struct options {
    hf_bench_options common;
    unsigned connections;
    const char *program, *module;
    char found[HF_BED_PATH_MAX];
} options;

static void print_help(void)
{
    printf("usage: handfast-bench memory [options]\n\n"
           "Opens idle TLS connections to `handfast serve` and tells how much its memory grew for each.\n\n"
           "  --connections N     idle connections (default 1000)\n"
           "  --server PATH       the program `handfast` (default: beside this one)\n"
           "  --module PATH       SoftHSM2's module (default: where distributions put it)\n%s\n"
           "Every kind of handshake is measured once, each with a server of its own; --time and --repetitions have no\n"
           "meaning here.\n",
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

/* The server's private pages with half of the connections open, and with all of them. */
static bool hold(const hf_server *server, uint16_t suite, unsigned n, size_t *out_engine, uint64_t out_private[2])
{
    hf_load *load = NULL;
    bool good = hf_load_open(&server->address, suite, n, &load);

    for (unsigned i = 0; good && i < 2; i++) {
        good = hf_load_hold(load, i == 0 ? n / 2 : n, out_engine);
        (void)usleep(SETTLE_MS * 1000); /* the server's last steps of the handshakes */
        out_private[i] = hf_server_private_bytes(server);
    }
    hf_load_close(load);
    return good;
}

static bool measure(const options *o, const hf_token_bed *bed, const hf_handshake_kind *kind, hf_report *report)
{
    const hf_server_options how = {.program = o->program,
                                   .keys = {true, true},
                                   .cpu = -1,
                                   .key_threads = 2,
                                   .max_connections = o->connections + 64};
    hf_server server;
    size_t engine = 0;
    uint64_t bytes[2] = {0, 0};

    hf_bench_progress("%s", kind->version);
    if (!hf_server_start(&how, bed, &server))
        return false;
    bool good = hold(&server, kind->suite, o->connections, &engine, bytes);
    good = hf_server_stop(&server) && good;
    hf_bench_progress(NULL);
    if (!good)
        return false;
    double each = ((double)bytes[1] - (double)bytes[0]) / (o->connections - o->connections / 2);
    printf("%-22s %6u idle: %.0f bytes each (all: %.1f MiB, half of them: %.1f MiB); our client's engine holds %zu\n",
           kind->version, o->connections, each, (double)bytes[1] / 1048576, (double)bytes[0] / 1048576, engine);
    (void)fflush(stdout);
    hf_json *row = hf_report_row(report, "memory");
    hf_json_text(row, "server", "handfast");
    hf_json_text(row, "version", kind->version);
    hf_json_integer(row, "connections", o->connections);
    hf_json_number(row, "bytes_each", each);
    hf_json_integer(row, "client_engine_bytes", engine);
    hf_report_row_close(row);
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
        for (size_t i = 0; good && i < HF_HANDSHAKE_KINDS; i++)
            good = measure(&o, &bed, &hf_handshake_kinds[i], &report);
        good = hf_report_close(&report, good) && good;
    }
    hf_token_bed_free(&bed);
    return good ? HF_BENCH_DONE : HF_BENCH_FAILED;
}
