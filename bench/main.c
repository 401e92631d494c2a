/* handfast-bench: measurements of Handfast and of what it stands on. docs/benchmarks.md tells the method. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "cli.h"
#include "handfast/handfast.h"
#include "report.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} benches[] = {
    {"records", hf_bench_records, "seal and open records: GB/s and cycles per byte of each provider"},
    {"scale", hf_bench_scale, "cost of a record as connections grow and their keys leave the caches"},
    {"keys", hf_bench_keys, "private-key operations per second in a SoftHSM2 token"},
    {"handshakes", hf_bench_handshakes, "full handshakes per second of `handfast serve` with a key in a token"},
    {"token", hf_bench_token, "handshakes with a token that is milliseconds away, beside nginx"},
    {"server", hf_bench_server, "throughput of `handfast serve` beside nginx and HAProxy"},
    {"memory", hf_bench_memory, "memory of `handfast serve` for an idle connection"},
    {"report", hf_bench_report, "page or comparison from the JSON of earlier runs"},
};

#define BENCHES (sizeof benches / sizeof benches[0])

static void print_help(void)
{
    printf("usage: handfast-bench NAME [options]\n\n");
    for (size_t i = 0; i < BENCHES; i++)
        printf("  %-12s %s\n", benches[i].name, benches[i].help);
    printf("\nhandfast-bench NAME --help tells the options. Exit codes: 0 done, 1 failed, 2 wrong usage.\n");
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return hf_bench_usage(NULL, "which benchmark?");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help();
        return HF_BENCH_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("handfast-bench %s\n", hf_version());
        return HF_BENCH_DONE;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a server under test that goes away is an error of send(2) */
    for (size_t i = 0; i < BENCHES; i++)
        if (strcmp(argv[1], benches[i].name) == 0)
            return benches[i].run(argc - 1, argv + 1);
    return hf_bench_usage(NULL, "%s: no such benchmark", argv[1]);
}
