/* The provider "mixed": a cipher that two providers serve together, each the sizes and batches at which it is the
 * faster.
 *
 * A key's state holds the states of both, in the directions in which both serve; each call goes to one of them as a
 * whole. What decides, the table of paths (paths.c), looks at numbers and sizes of records only, which are public. */
#include "builtin.h"
#include "paths.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct pair {
    const hf_cipher *cipher[2];                        /* first, second */
    size_t offset[2];                                  /* of their states in ours */
    size_t size;                                       /* of ours */
    uint8_t choice[2][HF_PATH_SIZES][HF_PATH_BATCHES]; /* 0 or 1, by direction */
    bool serves[2][2];                                 /* by direction, then first and second */
} pair;

/* The head of a state; those of the two follow at HF_RECORD_KEY_ALIGN. */
typedef struct mixed_key {
    const pair *pair;
    uint8_t direction;
} mixed_key;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pair pairs[HF_CIPHER_COUNT]; /* cipher[1] NULL: no mix. Constant after `once`, as the three below */
static hf_cipher ciphers[HF_CIPHER_COUNT];
static const hf_cipher *list[HF_CIPHER_COUNT + 1];
static const hf_provider *below[HF_PROVIDERS_MAX]; /* whose workers we need */

/* ---- Keys ---- */

static void cleanup(void *state)
{
    const mixed_key *key = state;

    for (size_t i = 0; i < 2; i++)
        if (key->pair->serves[key->direction][i])
            key->pair->cipher[i]->key_cleanup((uint8_t *)state + key->pair->offset[i]);
    hf_wipe(state, key->pair->size);
}

static hf_status init(const pair *p, void *state, const hf_record_keys *keys)
{
    mixed_key *key = state;
    hf_status status = HF_OK;
    size_t done = 0;

    *key = (mixed_key){p, (uint8_t)keys->direction};
    for (size_t i = 0; i < 2 && status == HF_OK; i++) {
        if (p->serves[keys->direction][i])
            status = p->cipher[i]->key_init((uint8_t *)state + p->offset[i], keys);
        done += status == HF_OK;
    }
    if (status != HF_OK && done == 1 && p->serves[keys->direction][0])
        p->cipher[0]->key_cleanup((uint8_t *)state + p->offset[0]);
    return status;
}

/* ---- Records ---- */

/* One worker of each provider below. */
typedef struct mixed_worker {
    void *of[HF_PROVIDERS_MAX];
} mixed_worker;

static void *worker_of(const mixed_worker *worker, const hf_provider *provider)
{
    for (size_t i = 0; i < HF_PROVIDERS_MAX; i++)
        if (below[i] == provider)
            return worker->of[i];
    return NULL;
}

static void run(mixed_worker *worker, hf_direction direction, hf_record_job *jobs, size_t n)
{
    size_t bytes = 0;

    if (n == 0)
        return;
    const pair *p = ((const mixed_key *)jobs[0].key)->pair;
    for (size_t i = 0; i < n; i++)
        bytes += jobs[i].in_len;
    size_t which = p->choice[direction][hf_path_size_class(bytes / n)][hf_path_batch_class(n)];
    const hf_cipher *cipher = p->cipher[which];

    for (size_t i = 0; i < n; i++)
        jobs[i].key = (uint8_t *)jobs[i].key + p->offset[which];
    (direction == HF_SEAL ? cipher->seal : cipher->open)(worker_of(worker, cipher->provider), jobs, n);
    for (size_t i = 0; i < n; i++)
        jobs[i].key = (uint8_t *)jobs[i].key - p->offset[which];
}

static void seal(void *worker, hf_record_job *jobs, size_t n)
{
    run(worker, HF_SEAL, jobs, n);
}

static void open_all(void *worker, hf_record_job *jobs, size_t n)
{
    run(worker, HF_OPEN, jobs, n);
}

/* A descriptor's functions are not told whose they are: one key_init for each cipher. */
#define KEY_INIT(ID)                                                                                                   \
    static hf_status key_init_##ID(void *state, const hf_record_keys *keys)                                            \
    {                                                                                                                  \
        return init(&pairs[ID], state, keys);                                                                          \
    }
KEY_INIT(HF_AES_128_GCM)
KEY_INIT(HF_AES_256_GCM)
KEY_INIT(HF_CHACHA20_POLY1305)
KEY_INIT(HF_AES_128_CCM)
KEY_INIT(HF_AES_128_CBC_SHA1)
KEY_INIT(HF_AES_256_CBC_SHA1)
KEY_INIT(HF_AES_128_CBC_SHA256)
KEY_INIT(HF_AES_256_CBC_SHA256)
KEY_INIT(HF_AES_256_CBC_SHA384)

static hf_status (*const key_inits[HF_CIPHER_COUNT])(void *state, const hf_record_keys *keys) = {
    key_init_HF_AES_128_GCM,        key_init_HF_AES_256_GCM,        key_init_HF_CHACHA20_POLY1305,
    key_init_HF_AES_128_CCM,        key_init_HF_AES_128_CBC_SHA1,   key_init_HF_AES_256_CBC_SHA1,
    key_init_HF_AES_128_CBC_SHA256, key_init_HF_AES_256_CBC_SHA256, key_init_HF_AES_256_CBC_SHA384};

/* ---- Settling ---- */

static size_t aligned(size_t size)
{
    return (size + HF_RECORD_KEY_ALIGN - 1) / HF_RECORD_KEY_ALIGN * HF_RECORD_KEY_ALIGN;
}

static void need_worker(const hf_provider *provider)
{
    size_t i = 0;
    while (below[i] && below[i] != provider)
        i++;
    below[i] = provider;
}

/* Fills the pair of a cipher when two providers serve it and both pass their self-test. */
static bool settle_pair(const hf_path_table *table, hf_cipher_id id)
{
    pair *p = &pairs[id];
    const hf_provider *by[2];

    hf_path_pair(table, id, &by[0], &by[1]);
    if (!by[1])
        return false;
    for (size_t i = 0; i < 2; i++) {
        p->cipher[i] = hf_provider_cipher(by[i], id);
        if (!p->cipher[i] || hf_self_test_cipher(p->cipher[i]) != HF_OK)
            return false;
    }
    for (size_t cell = 0; cell < 2 * HF_PATH_SIZES * HF_PATH_BATCHES; cell++) {
        size_t direction = cell / (HF_PATH_SIZES * HF_PATH_BATCHES);
        bool second = (&table->best[id][0][0][0])[cell] == by[1];
        (&p->choice[0][0][0])[cell] = second;
        p->serves[direction][second] = true;
    }
    p->offset[0] = aligned(sizeof(mixed_key));
    p->offset[1] = p->offset[0] + aligned(p->cipher[0]->key_state_size);
    p->size = p->offset[1] + p->cipher[1]->key_state_size;
    ciphers[id] = (hf_cipher){.id = id,
                              .provider = &hf_provider_mixed,
                              .key_state_size = p->size,
                              .key_init = key_inits[id],
                              .key_cleanup = cleanup,
                              .seal = seal,
                              .open = open_all};
    need_worker(by[0]);
    need_worker(by[1]);
    return true;
}

static void settle(void)
{
    size_t n = 0;

    for (int id = 0; id < HF_CIPHER_COUNT; id++)
        if (settle_pair(hf_paths(), (hf_cipher_id)id))
            list[n++] = &ciphers[id];
}

static bool available(const char **why)
{
    (void)pthread_once(&once, settle);
    *why = list[0] ? "" : "no cipher has two providers here";
    return list[0] != NULL;
}

static const char *version(void)
{
    return "two providers together";
}

static void worker_free(void *p)
{
    mixed_worker *worker = p;

    for (size_t i = 0; worker && i < HF_PROVIDERS_MAX; i++)
        if (worker->of[i])
            below[i]->worker_free(worker->of[i]);
    free(worker);
}

static hf_status worker_new(void **out)
{
    mixed_worker *worker = calloc(1, sizeof *worker);

    if (!worker)
        return HF_ERR_NO_MEMORY;
    for (size_t i = 0; i < HF_PROVIDERS_MAX && below[i]; i++) {
        hf_status status = below[i]->worker_new ? below[i]->worker_new(&worker->of[i]) : HF_OK;
        if (status != HF_OK) {
            worker_free(worker);
            return status;
        }
    }
    *out = worker;
    return HF_OK;
}

const hf_provider hf_provider_mixed = {
    .name = "mixed",
    .version = version,
    .available = available,
    .ciphers = list,
    .worker_new = worker_new,
    .worker_free = worker_free,
};
