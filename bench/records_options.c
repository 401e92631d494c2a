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
#define TIME_MS 5
#define QUICK_REPETITIONS 3
#define QUICK_TIME_MS 1

static void print_help(void)
{
    printf(
        "usage: handfast-bench records [options]\n\n"
        "Seals and opens TLS 1.2 records with every provider of this build, and with other libraries beside them:\n"
        "\"auto\" is what the composition chooses; \"ipsec-mb-loop\" calls ipsec-mb directly, \"ipsec-mb-jobs-...\" "
        "are\n"
        "its lanes by code path, \"libcrypto-evp\" and \"libcrypto-stitched\" are bare EVP, \"bearssl-ct64\" is "
        "portable\n"
        "constant-time code. Every record of a batch has its own key. Prints GB/s (1e9 bytes of content a second),\n"
        "cycles of the core for a byte, and the multiple of \"portable\".\n\n"
        "  --cipher NAME       one cipher (repeatable), e.g. AES-128-GCM; default: all\n"
        "  --provider NAME     one candidate only; default: all\n"
        "  --size LIST         content of a record, bytes (repeatable); default: 64,256,1400,4096,16384\n"
        "  --batch LIST        records in one call, each of another connection (repeatable); default: 1,2,4,8,16,32\n"
        "  --direction NAME    seal or open; default: both\n%s\n"
        "Defaults: %d repetitions of %d ms; everything takes about ten minutes. --quick: batches 1 and 8.\n",
        hf_bench_options_help, REPETITIONS, TIME_MS);
}

int hf_rec_take_list(const char *bench, const char *option, const char *value, unsigned max_value, unsigned *list,
                     size_t max, size_t *n)
{
    char one[16];

    for (const char *at = value;; at++) {
        size_t len = strcspn(at, ",");
        if (*n == max)
            return hf_bench_usage(bench, "--%s %s: too many values", option, value);
        (void)snprintf(one, sizeof one, "%.*s", (int)(len < sizeof one ? len : sizeof one - 1), at);
        int result = hf_bench_take_number(bench, option, one, 1, max_value, &list[*n]);
        if (result != HF_BENCH_DONE)
            return result;
        (*n)++;
        at += len;
        if (*at == 0)
            return HF_BENCH_DONE;
    }
}

bool hf_rec_cipher_by_name(const char *name, hf_cipher_id *out)
{
    for (int id = 0; id < HF_CIPHER_COUNT; id++) {
        if (strcasecmp(hf_cipher_spec_of((hf_cipher_id)id)->name, name) == 0) {
            *out = (hf_cipher_id)id;
            return true;
        }
    }
    return false;
}

static int take_cipher(hf_rec_options *options, const char *value)
{
    hf_cipher_id id;

    if (!hf_rec_cipher_by_name(value, &id))
        return hf_bench_usage("records", "--cipher %s: no such cipher", value);
    options->ciphers[id] = true;
    return HF_BENCH_DONE;
}

static int take_size(hf_rec_options *options, const char *value)
{
    unsigned sizes[HF_REC_SIZES_MAX];
    size_t n = 0;

    int result =
        hf_rec_take_list("records", "size", value, HF_PLAINTEXT_MAX, sizes, HF_REC_SIZES_MAX - options->sizes_n, &n);
    for (size_t i = 0; result == HF_BENCH_DONE && i < n; i++)
        options->sizes[options->sizes_n++] = sizes[i];
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
        return hf_rec_take_list("records", "batch", value, HF_REC_BATCH_MAX, options->batches, HF_REC_BATCHES_MAX,
                                &options->batches_n);
    default:
        return take_direction(options, value);
    }
}

static void set_defaults(hf_rec_options *options)
{
    static const size_t sizes[] = {64, 256, 1400, 4096, 16384};
    static const unsigned batches[] = {1, 2, 4, 8, 16, 32};
    static const unsigned quick_batches[] = {1, 8};
    bool any = false;

    for (int id = 0; id < HF_CIPHER_COUNT; id++)
        any |= options->ciphers[id];
    for (int id = 0; id < HF_CIPHER_COUNT && !any; id++)
        options->ciphers[id] = true;
    if (options->sizes_n == 0) {
        memcpy(options->sizes, sizes, sizeof sizes);
        options->sizes_n = sizeof sizes / sizeof sizes[0];
    }
    if (options->batches_n == 0) {
        const unsigned *some = options->common.quick ? quick_batches : batches;
        options->batches_n =
            options->common.quick ? sizeof quick_batches / sizeof quick_batches[0] : sizeof batches / sizeof batches[0];
        memcpy(options->batches, some, options->batches_n * sizeof *some);
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
    int result = hf_bench_parse("records", argc, argv, long_options, &options->common, take, options);
    if (result == HF_BENCH_DONE && options->common.help)
        print_help();
    set_defaults(options);
    return result;
}
