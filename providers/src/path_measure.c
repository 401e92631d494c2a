/* Measures which provider serves how many records of which size fastest: the table of paths for the machine at hand.
 *
 * All providers of a cell are interleaved and the best of several turns counts, so that a disturbance hits all alike.
 * Keys differ from record to record, as in a server. */
#include "paths.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handfast/secret.h"

#define TURNS 5         /* of each provider in a cell */
#define RECORDS_MAX 32  /* of the last class of batch */
#define CLEAR_GAIN 1.03 /* less than this is noise: the default stays */
#define BODY_ROOM (HF_RECORD_BODY_MAX + HF_RECORD_KEY_ALIGN)

static const size_t trial_bytes[HF_PATH_SIZES] = {64, 256, 1400, 4096, HF_PLAINTEXT_MAX};
static const size_t trial_records[HF_PATH_BATCHES] = {1, 2, 4, 8, 16, RECORDS_MAX};

/* One provider with its worker and keys for one cipher. */
typedef struct rival {
    const hf_cipher *cipher;
    void *worker;
    uint8_t *states[2]; /* RECORDS_MAX of them by direction */
    size_t stride, made[2];
} rival;

typedef struct bench {
    const hf_cipher_spec *spec;
    rival rivals[HF_PROVIDERS_MAX]; /* cipher NULL: not in the race */
    uint8_t *content, *bodies;      /* RECORDS_MAX slots of BODY_ROOM */
    hf_record_job jobs[RECORDS_MAX];
} bench;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static hf_record_mode mode_of(const hf_cipher_spec *spec)
{
    return spec->block_size > 1 ? HF_RECORD_TLS12 : HF_RECORD_TLS13;
}

static void make_keys(rival *r, const hf_cipher_spec *spec, hf_direction direction)
{
    uint8_t key[HF_CIPHER_KEY_MAX] = {0}, iv[HF_CIPHER_IV_MAX] = {0}, mac_key[HF_CIPHER_MAC_KEY_MAX] = {0};
    hf_record_keys keys = {.mode = mode_of(spec),
                           .direction = direction,
                           .key = key,
                           .iv = spec->block_size > 1 ? NULL : iv,
                           .mac_key = spec->mac_key_size > 0 ? mac_key : NULL};

    for (size_t i = 0; i < RECORDS_MAX; i++) {
        key[0] = (uint8_t)i;
        if (r->cipher->key_init(r->states[direction] + i * r->stride, &keys) != HF_OK)
            return;
        r->made[direction]++;
    }
}

static void rival_free(rival *r)
{
    for (size_t direction = 0; direction < 2; direction++) {
        for (size_t i = 0; i < r->made[direction]; i++)
            r->cipher->key_cleanup(r->states[direction] + i * r->stride);
        free(r->states[direction]);
    }
    if (r->worker)
        r->cipher->provider->worker_free(r->worker);
    *r = (rival){.cipher = NULL};
}

static void rival_new(rival *r, const hf_provider *provider, const hf_cipher_spec *spec)
{
    const char *why;

    *r = (rival){.cipher = hf_provider_cipher(provider, spec->id)};
    if (!r->cipher || provider == hf_provider_by_name("mixed") || (provider->available && !provider->available(&why)) ||
        hf_self_test_cipher(r->cipher) != HF_OK) {
        r->cipher = NULL;
        return;
    }
    r->stride = (r->cipher->key_state_size + HF_RECORD_KEY_ALIGN - 1) / HF_RECORD_KEY_ALIGN * HF_RECORD_KEY_ALIGN;
    bool good = !provider->worker_new || provider->worker_new(&r->worker) == HF_OK;
    for (int direction = 0; direction < 2 && good; direction++) {
        r->states[direction] = aligned_alloc(HF_RECORD_KEY_ALIGN, RECORDS_MAX * r->stride);
        if (r->states[direction])
            make_keys(r, spec, (hf_direction)direction);
        good = r->made[direction] == RECORDS_MAX;
    }
    if (!good)
        rival_free(r);
}

/* One pass over n records; false: the provider failed. */
static bool pass(bench *b, rival *r, hf_direction direction, size_t bytes, size_t n)
{
    static const uint8_t iv[HF_CBC_IV_SIZE];
    size_t prefix = hf_record_prefix(b->spec, mode_of(b->spec));
    size_t sealed = hf_record_sealed_size(b->spec, mode_of(b->spec), bytes, 0);

    for (size_t i = 0; i < n; i++) {
        uint8_t *body = b->bodies + i * BODY_ROOM, *content = b->content + i * BODY_ROOM;
        bool seal = direction == HF_SEAL;
        b->jobs[i] = (hf_record_job){.key = r->states[direction] + i * r->stride,
                                     .sequence = 1,
                                     .in = seal ? content : body,
                                     .in_len = seal ? bytes : sealed,
                                     .out = seal ? body : content,
                                     .out_max = seal ? sealed : sealed - prefix,
                                     .cbc_iv = seal && b->spec->block_size > 1 ? iv : NULL,
                                     .content_type = 23};
    }
    (direction == HF_SEAL ? r->cipher->seal : r->cipher->open)(r->worker, b->jobs, n);
    bool good = true;
    for (size_t i = 0; i < n; i++)
        good = good && b->jobs[i].status == HF_OK;
    return good;
}

/* GB/s of one turn of about `budget` seconds. */
static double turn(bench *b, rival *r, hf_direction direction, size_t bytes, size_t n, double budget)
{
    size_t passes = 0;
    double start = seconds(), used;

    do {
        if (!pass(b, r, direction, bytes, n))
            return 0;
        passes++;
        used = seconds() - start;
    } while (used < budget);
    return (double)(passes * n * bytes) / used * 1e-9;
}

static void measure_cell(bench *b, hf_path_cell *cell, double budget)
{
    memset(cell->gbps, 0, sizeof cell->gbps);
    for (size_t t = 0; t < TURNS; t++)
        for (size_t k = 0; k < HF_PROVIDERS_MAX; k++) {
            rival *r = &b->rivals[k];
            if (!r->cipher)
                continue;
            /* what this rival opens, another may have overwritten */
            if (cell->direction == HF_OPEN && !pass(b, r, HF_SEAL, cell->bytes, cell->records))
                continue;
            double gbps = turn(b, r, cell->direction, cell->bytes, cell->records, budget / TURNS);
            cell->gbps[k] = gbps > cell->gbps[k] ? gbps : cell->gbps[k];
        }
}

static void choose(const hf_provider *const *list, const hf_provider *known, hf_path_cell *cell)
{
    double of_known = 0, most = 0;

    cell->best = known;
    for (size_t k = 0; k < HF_PROVIDERS_MAX && list[k]; k++)
        if (list[k] == known)
            of_known = cell->gbps[k];
    for (size_t k = 0; k < HF_PROVIDERS_MAX && list[k]; k++)
        if (cell->gbps[k] > most && cell->gbps[k] > of_known * CLEAR_GAIN) {
            cell->best = list[k];
            most = cell->gbps[k];
        }
}

static void measure_cipher(bench *b, double budget, hf_path_table *table,
                           void (*each)(void *arg, const hf_path_cell *cell), void *arg)
{
    const hf_provider *const *list = hf_providers();

    for (size_t k = 0; k < HF_PROVIDERS_MAX && list[k]; k++)
        rival_new(&b->rivals[k], list[k], b->spec);
    for (size_t at = 0; at < 2 * HF_PATH_SIZES * HF_PATH_BATCHES; at++) {
        size_t direction = at / (HF_PATH_SIZES * HF_PATH_BATCHES);
        size_t size = at / HF_PATH_BATCHES % HF_PATH_SIZES, batch = at % HF_PATH_BATCHES;
        hf_path_cell cell = {.id = b->spec->id,
                             .direction = (hf_direction)direction,
                             .bytes = trial_bytes[size],
                             .records = trial_records[batch]};
        const hf_provider **best = &table->best[b->spec->id][direction][size][batch];
        if (!*best)
            continue;
        measure_cell(b, &cell, budget);
        choose(list, *best, &cell);
        *best = cell.best;
        if (each)
            each(arg, &cell);
    }
    for (size_t k = 0; k < HF_PROVIDERS_MAX; k++)
        if (b->rivals[k].cipher)
            rival_free(&b->rivals[k]);
}

hf_status hf_path_table_measure(unsigned milliseconds, hf_path_table *out,
                                void (*each)(void *arg, const hf_path_cell *cell), void *arg)
{
    hf_path_table table;

    if (milliseconds < 1 || milliseconds > 1000)
        return HF_ERR_INVALID;
    bench *b = calloc(1, sizeof *b);
    if (b) {
        b->content = calloc(RECORDS_MAX, BODY_ROOM);
        b->bodies = calloc(RECORDS_MAX, BODY_ROOM);
    }
    hf_status status = b && b->content && b->bodies ? HF_OK : HF_ERR_NO_MEMORY;
    hf_path_table_default(&table);
    for (int id = 0; id < HF_CIPHER_COUNT && status == HF_OK; id++) {
        b->spec = hf_cipher_spec_of((hf_cipher_id)id);
        measure_cipher(b, milliseconds * 1e-3, &table, each, arg);
    }
    if (b) {
        free(b->content);
        free(b->bodies);
    }
    free(b);
    if (status == HF_OK)
        *out = table;
    return status;
}
