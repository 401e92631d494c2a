/* The command line of `handfast-bench records`. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "records.h"

enum { OPT_CIPHER = HF_BENCH_OPT_OWN, OPT_PROVIDER, OPT_SIZE, OPT_BATCH, OPT_DIRECTION };

static const struct option long_options[] = {
    HF_BENCH_LONG_OPTIONS,
    {"cipher", required_argument, NULL, OPT_CIPHER},
    {"provider", required_argument, NULL, OPT_PROVIDER},
    {"size", required_argument, NULL, OPT_SIZE},
    {"batch", required_argument, NULL, OPT_BATCH},
    {"direction", required_argument, NULL, OPT_DIRECTION},
    {NULL, 0, NULL, 0},
};

#define REPETITIONS 15
#define TIME_MS 10
#define QUICK_REPETITIONS 3
#define QUICK_TIME_MS 1

static void print_help(void)
{
    printf(
        "usage: handfast-bench records [options]\n\n"
        "Seals and opens TLS 1.2 records with every provider of this build, and with other libraries beside them:\n"
        "\"ipsec-mb-loop\" calls ipsec-mb directly, \"bearssl-ct64\" is portable constant-time code. Prints GB/s (1e9\n"
        "bytes of content a second), cycles of the core for a byte, and the multiple of \"portable\".\n\n"
        "  --cipher NAME       one cipher (repeatable), e.g. AES-128-GCM; default: all\n"
        "  --provider NAME     one candidate only; default: all\n"
        "  --size BYTES        content of a record (repeatable); default: 64, 256, 1400, 4096, 16384\n"
        "  --batch N           records in one call, each of another connection (default 1)\n"
        "  --direction NAME    seal or open; default: both\n%s\n"
        "Defaults: %d repetitions of %d ms.\n",
        hf_bench_options_help, REPETITIONS, TIME_MS);
}

static int take_cipher(hf_rec_options *options, const char *value)
{
    for (int id = 0; id < HF_CIPHER_COUNT; id++) {
        const hf_cipher_spec *spec = hf_cipher_spec_of((hf_cipher_id)id);
        if (strcasecmp(spec->name, value) == 0) {
            options->ciphers[id] = true;
            return HF_BENCH_DONE;
        }
    }
    return hf_bench_usage("records", "--cipher %s: no such cipher", value);
}

static int take_size(hf_rec_options *options, const char *value)
{
    unsigned size = 0;

    if (options->sizes_n == HF_REC_SIZES_MAX)
        return hf_bench_usage("records", "--size is given more than %d times", HF_REC_SIZES_MAX);
    int result = hf_bench_take_number("records", "size", value, 1, HF_PLAINTEXT_MAX, &size);
    if (result == HF_BENCH_DONE)
        options->sizes[options->sizes_n++] = size;
    return result;
}

static int take_direction(hf_rec_options *options, const char *value)
{
    bool seal = strcmp(value, "seal") == 0;

    if (!seal && strcmp(value, "open") != 0)
        return hf_bench_usage("records", "--direction %s: choose seal or open", value);
    options->directions[seal ? HF_SEAL : HF_OPEN] = true;
    return HF_BENCH_DONE;
}

static int take(void *arg, int opt, const char *value)
{
    hf_rec_options *options = arg;

    switch (opt) {
    case OPT_CIPHER:
        return take_cipher(options, value);
    case OPT_PROVIDER:
        options->provider = value;
        return HF_BENCH_DONE;
    case OPT_SIZE:
        return take_size(options, value);
    case OPT_BATCH:
        return hf_bench_take_number("records", "batch", value, 1, HF_REC_BATCH_MAX, &options->batch);
    default:
        return take_direction(options, value);
    }
}

static void set_defaults(hf_rec_options *options)
{
    static const size_t sizes[] = {64, 256, 1400, 4096, 16384};
    bool any = false;

    for (int id = 0; id < HF_CIPHER_COUNT; id++)
        any |= options->ciphers[id];
    for (int id = 0; id < HF_CIPHER_COUNT && !any; id++)
        options->ciphers[id] = true;
    if (options->sizes_n == 0) {
        memcpy(options->sizes, sizes, sizeof sizes);
        options->sizes_n = sizeof sizes / sizeof sizes[0];
    }
    if (!options->directions[HF_SEAL] && !options->directions[HF_OPEN])
        options->directions[HF_SEAL] = options->directions[HF_OPEN] = true;
    if (options->common.repetitions == 0)
        options->common.repetitions = options->common.quick ? QUICK_REPETITIONS : REPETITIONS;
    if (options->common.time_ms == 0)
        options->common.time_ms = options->common.quick ? QUICK_TIME_MS : TIME_MS;
}

int hf_rec_options_parse(hf_rec_options *options, int argc, char **argv)
{
    memset(options, 0, sizeof *options);
    options->batch = 1;
    int result = hf_bench_parse("records", argc, argv, long_options, &options->common, take, options);
    if (result == HF_BENCH_DONE && options->common.help)
        print_help();
    set_defaults(options);
    return result;
}
