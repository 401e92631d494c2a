/* `handfast-bench scale`: what a record costs when its connection is one of many, so that its key is in no cache.
 *
 * The connections take turns in an order that no prefetcher knows; buffers stay the same, so that only the key states
 * leave the caches. Beside it a loop that only touches the same key states in the same order: what cache misses alone
 * explain. All numbers of connections take turns within every repetition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "clock.h"
#include "records.h"

enum { OPT_CIPHER = HF_BENCH_OPT_OWN, OPT_PROVIDER, OPT_SIZE, OPT_BATCH, OPT_KEYS };

static const struct option long_options[] = {
    HF_BENCH_LONG_OPTIONS,
    {"cipher", required_argument, NULL, OPT_CIPHER},
    {"provider", required_argument, NULL, OPT_PROVIDER},
    {"size", required_argument, NULL, OPT_SIZE},
    {"batch", required_argument, NULL, OPT_BATCH},
    {"keys", required_argument, NULL, OPT_KEYS},
    {NULL, 0, NULL, 0},
};

#define REPETITIONS 9
#define TIME_MS 20
#define KEYS_MAX 1000000
#define COUNTS_MAX 12

typedef struct options {
    hf_bench_options common;
    bool ciphers[HF_CIPHER_COUNT];
    const char *provider;
    unsigned size, batch;
    unsigned keys[COUNTS_MAX];
    size_t keys_n;
} options;

/* One cipher: for each number of connections a task that seals and one that touches, with their samples. */
typedef struct field {
    void *states[COUNTS_MAX];
    size_t n;
    hf_task tasks[2 * COUNTS_MAX];
    double ns[2 * COUNTS_MAX][HF_BENCH_REPETITIONS_MAX], cycles[2 * COUNTS_MAX][HF_BENCH_REPETITIONS_MAX];
} field;

static void print_help(void)
{
    printf(
        "usage: handfast-bench scale [options]\n\n"
        "Seals records of more and more connections, so that their keys leave the caches; and tells how much of the\n"
        "growth a loop explains that only touches the same key states.\n\n"
        "  --cipher NAME       one cipher (repeatable); default: AES-128-GCM, ChaCha20-Poly1305, "
        "AES-128-CBC-HMAC-SHA256\n"
        "  --provider NAME     default: auto, what the composition chooses\n"
        "  --size BYTES        content of a record (default 256)\n"
        "  --batch N           records in one call (default 16)\n"
        "  --keys LIST         numbers of connections, ascending (default 1,16,100,1000,4000,16000,50000)\n%s\n"
        "Defaults: %d repetitions of %d ms.\n",
        hf_bench_options_help, REPETITIONS, TIME_MS);
}

static int take(void *arg, int opt, const char *value)
{
    options *o = arg;
    hf_cipher_id id;

    switch (opt) {
    case OPT_CIPHER:
        if (!hf_rec_cipher_by_name(value, &id))
            return hf_bench_usage("scale", "--cipher %s: no such cipher", value);
        o->ciphers[id] = true;
        return HF_BENCH_DONE;
    case OPT_PROVIDER:
        o->provider = value;
        return HF_BENCH_DONE;
    case OPT_SIZE:
        return hf_bench_take_number("scale", "size", value, 1, HF_PLAINTEXT_MAX, &o->size);
    case OPT_BATCH:
        return hf_bench_take_number("scale", "batch", value, 1, HF_REC_BATCH_MAX, &o->batch);
    default:
        return hf_rec_take_list("scale", "keys", value, KEYS_MAX, o->keys, COUNTS_MAX, &o->keys_n);
    }
}

static int parse(options *o, int argc, char **argv)
{
    static const unsigned keys[] = {1, 16, 100, 1000, 4000, 16000, 50000};
    bool any = false;

    memset(o, 0, sizeof *o);
    o->provider = "auto";
    o->size = 256;
    o->batch = 16;
    int result = hf_bench_parse("scale", argc, argv, long_options, &o->common, take, o);
    if (result != HF_BENCH_DONE || o->common.help)
        return result;
    for (int id = 0; id < HF_CIPHER_COUNT; id++)
        any |= o->ciphers[id];
    if (!any)
        o->ciphers[HF_AES_128_GCM] = o->ciphers[HF_CHACHA20_POLY1305] = o->ciphers[HF_AES_128_CBC_SHA256] = true;
    if (o->keys_n == 0) {
        memcpy(o->keys, keys, sizeof keys);
        o->keys_n = sizeof keys / sizeof keys[0];
    }
    for (size_t i = 1; i < o->keys_n; i++)
        if (o->keys[i] <= o->keys[i - 1])
            return hf_bench_usage("scale", "--keys: %u does not come after %u", o->keys[i], o->keys[i - 1]);
    if (o->common.repetitions == 0)
        o->common.repetitions = o->common.quick ? 2 : REPETITIONS;
    if (o->common.time_ms == 0)
        o->common.time_ms = o->common.quick ? 1 : TIME_MS;
    return HF_BENCH_DONE;
}

static hf_status field_make(const options *o, const hf_rec_maker *maker, hf_cipher_id id, field *f)
{
    hf_rec_case c = {
        .spec = hf_cipher_spec_of(id), .direction = HF_SEAL, .bytes = o->size, .batch = o->batch, .rotate = true};

    for (; f->n < o->keys_n; f->n++) {
        c.keys = o->keys[f->n];
        hf_status status = maker->make(maker, &c, &f->states[f->n]);
        if (status != HF_OK)
            return status;
        for (size_t k = 0; k < 2; k++) {
            size_t i = 2 * f->n + k;
            f->tasks[i] = (hf_task){.run = k ? hf_rec_provider_touch : maker->run,
                                    .arg = f->states[f->n],
                                    .ns = f->ns[i],
                                    .cycles = f->cycles[i]};
        }
    }
    return HF_OK;
}

static void tell(const options *o, hf_cipher_id id, const hf_rec_maker *maker, const field *f, hf_report *report)
{
    const char *name = hf_cipher_spec_of(id)->name;
    size_t reps = o->common.repetitions;
    double batch = o->batch, first = 0, first_touch = 0;

    printf("%s seal by %s, %u bytes, batches of %u, key state of %zu bytes\n  %11s %13s %13s %13s %8s\n", name,
           maker->name, o->size, o->batch, hf_rec_provider_key_size(f->states[0]), "connections", "ns/record",
           "touching, ns", "explained, ns", "beyond");
    for (size_t i = 0; i < f->n; i++) {
        hf_figure seal = hf_figure_of(f->ns[2 * i], reps);
        double each = seal.median / batch, touch = hf_figure_of(f->ns[2 * i + 1], reps).median / batch;
        if (i == 0) {
            first = each;
            first_touch = touch;
        }
        double explained = first + (touch > first_touch ? touch - first_touch : 0);
        printf("  %11u %13.1f %13.1f %13.1f %7.2fx\n", o->keys[i], each, touch, explained, each / explained);
        hf_json *row = hf_report_row(report, "scale");
        hf_json_text(row, "provider", maker->name);
        hf_json_text(row, "cipher", name);
        hf_json_text(row, "direction", "seal");
        hf_json_integer(row, "bytes", o->size);
        hf_json_integer(row, "batch", o->batch);
        hf_json_integer(row, "keys", o->keys[i]);
        hf_json_integer(row, "key_state_bytes", hf_rec_provider_key_size(f->states[i]));
        hf_json_number(row, "ns_per_record", each);
        hf_json_number(row, "touch_ns", touch);
        hf_json_number(row, "explained_ns", explained);
        hf_json_number(row, "beyond_explained", each / explained);
        hf_json_number(row, "spread", seal.spread);
        hf_report_row_close(row);
    }
    putchar('\n');
    (void)fflush(stdout);
}

static bool measure(const options *o, const hf_rec_maker *maker, hf_cipher_id id, hf_report *report)
{
    field *f = calloc(1, sizeof *f);
    const char *name = hf_cipher_spec_of(id)->name;
    size_t failed = 0;

    if (!f)
        return false;
    hf_bench_progress("%s: making keys", name);
    hf_status status = field_make(o, maker, id, f);
    hf_bench_progress("%s: %zu numbers of connections", name, f->n);
    bool good = status == HF_OK && hf_measure(f->tasks, 2 * f->n, &o->common, &failed);
    hf_bench_progress(NULL);
    if (!good)
        hf_bench_fail("%s of %s: %s", name, maker->name, status == HF_OK ? "a record failed" : hf_status_text(status));
    else
        tell(o, id, maker, f, report);
    for (size_t i = 0; i < f->n; i++)
        maker->destroy(f->states[i]);
    free(f);
    return good;
}

int hf_bench_scale(int argc, char **argv)
{
    options o;
    hf_rec_maker maker;
    hf_report report;
    const char *why = "";

    int result = parse(&o, argc, argv);
    if (result == HF_BENCH_DONE && o.common.help)
        print_help();
    if (result != HF_BENCH_DONE || o.common.help)
        return result;
    if (!hf_cpu_pin(o.common.cpu))
        return hf_bench_fail("cannot run on processor %d only", o.common.cpu);
    if (hf_rec_provider_maker(o.provider, &maker, &why) != HF_OK)
        return hf_bench_usage("scale", "--provider %s: %s", o.provider,
                              why[0] ? why : "no such provider in this build");
    bool good = hf_report_open(&report, &o.common);
    if (good) {
        for (int id = 0; good && id < HF_CIPHER_COUNT; id++)
            if (o.ciphers[id] && maker.offers(&maker, (hf_cipher_id)id, HF_SEAL))
                good = measure(&o, &maker, (hf_cipher_id)id, &report);
        good = hf_report_close(&report, good) && good;
    }
    hf_rec_provider_maker_free(&maker);
    return good ? HF_BENCH_DONE : HF_BENCH_FAILED;
}
