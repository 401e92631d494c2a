/* Our providers as candidates: through the contract, as the engine uses them (hf_worker_run). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candidate.h"
#include "handfast/providers.h"
#include "handfast/secret.h"

typedef struct state {
    hf_rec_case c;
    hf_worker *worker;
    const hf_cipher *cipher;
    hf_record_job *jobs;
    uint8_t *bodies, *plains; /* one of each for a job */
    uint8_t *keys;            /* c.keys of them */
    uint32_t *order;          /* more keys than jobs: who is next */
    size_t next;
    size_t key_stride, keys_made;
    size_t prefix, body_size, stride;
    uint8_t cbc_iv[HF_CBC_IV_SIZE];
    uint64_t sequence;
} state;

static bool offers(const hf_rec_maker *maker, hf_cipher_id id, hf_direction direction)
{
    const hf_rec_provider *p = maker->provider;

    (void)direction;
    return p->crypto.ciphers[id] != NULL;
}

static size_t align(size_t size)
{
    return (size + HF_RECORD_KEY_ALIGN - 1) & ~(size_t)(HF_RECORD_KEY_ALIGN - 1);
}

/* n key states for the connections `first` and on. */
static hf_status make_keys(const state *s, hf_direction direction, uint8_t *keys, size_t first, size_t n,
                           size_t *out_made)
{
    uint8_t key[HF_CIPHER_KEY_MAX], iv[HF_CIPHER_IV_MAX], mac_key[HF_CIPHER_MAC_KEY_MAX];
    const hf_cipher_spec *spec = s->c.spec;
    hf_record_keys from = {.mode = HF_RECORD_TLS12,
                           .direction = direction,
                           .key = key,
                           .iv = spec->iv_size ? iv : NULL,
                           .mac_key = spec->mac_key_size ? mac_key : NULL};

    for (*out_made = 0; *out_made < n; (*out_made)++) {
        hf_rec_keys(first + *out_made, key, iv, mac_key);
        hf_status status = s->cipher->key_init(keys + *out_made * s->key_stride, &from);
        if (status != HF_OK)
            return status;
    }
    return HF_OK;
}

static void set_jobs(state *s)
{
    bool seal = s->c.direction == HF_SEAL;

    for (size_t i = 0; i < s->c.batch; i++) {
        uint8_t *body = s->bodies + i * s->stride;
        hf_rec_pattern(body + s->prefix, s->c.bytes, 4);
        s->jobs[i] = (hf_record_job){.key = s->keys + i % s->c.keys * s->key_stride,
                                     .in = seal ? body + s->prefix : body,
                                     .in_len = seal ? s->c.bytes : s->body_size,
                                     .out = seal ? body : s->plains + i * s->stride,
                                     .out_max = s->body_size,
                                     .cbc_iv = seal && s->c.spec->block_size > 1 ? s->cbc_iv : NULL,
                                     .content_type = HF_REC_CONTENT_TYPE};
    }
}

/* Opening needs records that were sealed before: one for each job, sequence number 0. */
static hf_status seal_first(state *s)
{
    uint8_t *keys = aligned_alloc(HF_RECORD_KEY_ALIGN, s->key_stride * s->c.batch);
    size_t made = 0;
    hf_status status = keys ? make_keys(s, HF_SEAL, keys, 0, s->c.batch, &made) : HF_ERR_NO_MEMORY;

    for (size_t i = 0; status == HF_OK && i < s->c.batch; i++) {
        uint8_t *body = s->bodies + i * s->stride;
        hf_record_job job = {.key = keys + i * s->key_stride,
                             .in = body + s->prefix,
                             .in_len = s->c.bytes,
                             .out = body,
                             .out_max = s->body_size,
                             .cbc_iv = s->c.spec->block_size > 1 ? s->cbc_iv : NULL,
                             .content_type = HF_REC_CONTENT_TYPE};
        hf_worker_run(s->worker, s->cipher, HF_SEAL, &job, 1);
        status = job.status;
    }
    for (size_t i = 0; i < made; i++)
        s->cipher->key_cleanup(keys + i * s->key_stride);
    free(keys);
    return status;
}

static void destroy(void *p)
{
    state *s = p;

    for (size_t i = 0; i < s->keys_made; i++)
        s->cipher->key_cleanup(s->keys + i * s->key_stride);
    free(s->keys);
    free(s->order);
    free(s->bodies);
    free(s->plains);
    free(s->jobs);
    free(s);
}

static hf_status make(const hf_rec_maker *maker, const hf_rec_case *c, void **out)
{
    const hf_rec_provider *p = maker->provider;
    state *s = calloc(1, sizeof *s);

    if (!s)
        return HF_ERR_NO_MEMORY;
    s->c = *c;
    s->worker = p->worker;
    s->cipher = p->crypto.ciphers[c->spec->id];
    s->prefix = hf_record_prefix(c->spec, HF_RECORD_TLS12);
    s->body_size = hf_record_sealed_size(c->spec, HF_RECORD_TLS12, c->bytes, 0);
    s->stride = align(s->body_size);
    s->key_stride = align(s->cipher->key_state_size);
    s->jobs = calloc(c->batch, sizeof *s->jobs);
    s->keys = aligned_alloc(HF_RECORD_KEY_ALIGN, s->key_stride * c->keys);
    s->order = hf_rec_shuffled(c->keys);
    s->bodies = aligned_alloc(HF_RECORD_KEY_ALIGN, s->stride * c->batch);
    s->plains = aligned_alloc(HF_RECORD_KEY_ALIGN, s->stride * c->batch);
    hf_status status = s->jobs && s->keys && s->order && s->bodies && s->plains ? HF_OK : HF_ERR_NO_MEMORY;
    if (status == HF_OK) {
        memset(s->plains, 0, s->stride * c->batch); /* pages are there before the clock runs */
        memset(s->bodies, 0, s->stride * c->batch);
        status = make_keys(s, c->direction, s->keys, 0, c->keys, &s->keys_made);
    }
    if (status == HF_OK)
        set_jobs(s);
    if (status == HF_OK && c->direction == HF_OPEN)
        status = seal_first(s);
    if (status != HF_OK) {
        destroy(s);
        return status;
    }
    *out = s;
    return HF_OK;
}

/* The next connections, in an order that no prefetcher knows. */
static void take_turns(state *s)
{
    for (size_t i = 0; i < s->c.batch; i++) {
        s->jobs[i].key = s->keys + s->order[s->next] * s->key_stride;
        s->jobs[i].sequence = s->sequence * s->c.batch + i; /* a connection may have several of a batch */
        s->next = s->next + 1 < s->c.keys ? s->next + 1 : 0;
    }
}

bool hf_rec_provider_touch(void *p, uint64_t n)
{
    state *s = p;
    uint8_t sum = 0;

    for (; n > 0; n--) {
        take_turns(s);
        for (size_t i = 0; i < s->c.batch; i++) {
            const uint8_t *key = s->jobs[i].key;
            for (size_t at = 0; at < s->key_stride; at += HF_RECORD_KEY_ALIGN)
                sum ^= key[at];
        }
    }
    __asm__ volatile("" : : "r"(sum)); /* somebody wants it */
    return true;
}

size_t hf_rec_provider_key_size(const void *p)
{
    return ((const state *)p)->cipher->key_state_size;
}

static bool run(void *p, uint64_t n)
{
    state *s = p;
    bool good = true;
    bool seal = s->c.direction == HF_SEAL;

    while (n-- > 0) {
        if (seal) {
            hf_rec_cbc_iv(s->sequence, s->cbc_iv);
            for (size_t i = 0; i < s->c.batch; i++)
                s->jobs[i].sequence = s->sequence;
            s->sequence++;
        }
        if (s->c.rotate)
            take_turns(s);
        hf_worker_run(s->worker, s->cipher, s->c.direction, s->jobs, s->c.batch);
        for (size_t i = 0; i < s->c.batch; i++)
            good &= s->jobs[i].status == HF_OK;
    }
    return good;
}

static const uint8_t *result(const void *p, size_t i, size_t *out_len)
{
    const state *s = p;

    *out_len = s->jobs[i].out_len;
    return s->jobs[i].out;
}

hf_status hf_rec_provider_maker(const char *name, hf_rec_maker *out, const char **out_why)
{
    static char why[256];
    hf_rec_provider *p = calloc(1, sizeof *p);

    why[0] = 0;
    *out_why = why;
    if (!p)
        return HF_ERR_NO_MEMORY;
    hf_status status = hf_crypto_compose(name, &p->crypto, NULL, NULL, why, sizeof why);
    if (status == HF_OK)
        status = hf_worker_new(&p->crypto, &p->worker);
    if (status != HF_OK) {
        free(p);
        return status;
    }
    *out = (hf_rec_maker){
        .name = name, .provider = p, .offers = offers, .make = make, .run = run, .result = result, .destroy = destroy};
    return HF_OK;
}

void hf_rec_provider_maker_free(hf_rec_maker *maker)
{
    hf_rec_provider *p = (hf_rec_provider *)(uintptr_t)maker->provider;

    hf_worker_free(p->worker);
    free(p);
}
