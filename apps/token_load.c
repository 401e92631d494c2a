/* `handfast token check --load`: operations at full speed for some seconds, through the same pool as a server's. */
#include "token_load.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES_MAX 65536 /* latencies that one thread keeps; later ones are only counted */
#define FAILURES_MAX 4    /* kinds of failure that are printed */
#define INPUT_MAX 1024    /* bytes: a ciphertext of RSA-8192 */
#define MESSAGE_SIZE 64   /* Ed25519 signs a message */

typedef struct loader {
    hf_key *key;
    uint64_t end_us;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t come;
    bool done;
    uint32_t *samples; /* microseconds */
    size_t samples_n;
    uint64_t good, failed;
    struct {
        hf_status status;
        uint64_t n;
    } failures[FAILURES_MAX];
} loader;

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Bytes of the digest that a scheme signs (RFC 8446 section 4.2.3). */
static size_t digest_size(uint16_t scheme)
{
    switch (scheme) {
    case HF_ED25519:
        return MESSAGE_SIZE;
    case HF_RSA_PSS_RSAE_SHA256:
    case HF_RSA_PKCS1_SHA256:
    case HF_ECDSA_SECP256R1_SHA256:
        return 32;
    case HF_RSA_PSS_RSAE_SHA384:
    case HF_RSA_PKCS1_SHA384:
    case HF_ECDSA_SECP384R1_SHA384:
        return 48;
    default:
        return 64;
    }
}

static void on_done(void *arg, hf_key_op *op)
{
    loader *l = arg;

    (void)op;
    pthread_mutex_lock(&l->lock);
    l->done = true;
    pthread_cond_signal(&l->come);
    pthread_mutex_unlock(&l->lock);
}

static void count(loader *l, hf_status status, uint64_t us)
{
    if (status == HF_OK) {
        l->good++;
        if (l->samples_n < SAMPLES_MAX)
            l->samples[l->samples_n++] = (uint32_t)us;
        return;
    }
    l->failed++;
    for (size_t i = 0; i < FAILURES_MAX; i++)
        if (l->failures[i].n == 0 || l->failures[i].status == status) {
            l->failures[i].status = status;
            l->failures[i].n++;
            return;
        }
}

/* A key that cannot sign decrypts; what comes out does not matter, and the token does the same work. */
static void *work(void *arg)
{
    static const uint8_t input[INPUT_MAX] = {0, 2, 1};
    loader *l = arg;
    hf_key_op *op = calloc(1, sizeof *op);

    while (op && now_us() < l->end_us) {
        uint64_t start = now_us();
        op->key = l->key;
        op->kind = l->key->schemes[0] ? HF_KEY_OP_SIGN : HF_KEY_OP_DECRYPT;
        op->scheme = l->key->schemes[0];
        op->client_version = 0x0303;
        op->input = input;
        op->input_len = op->scheme ? digest_size(op->scheme) : (l->key->bits + 7) / 8;
        l->done = false;
        l->key->ops->submit(l->key, op, on_done, l);
        pthread_mutex_lock(&l->lock);
        while (!l->done)
            pthread_cond_wait(&l->come, &l->lock);
        pthread_mutex_unlock(&l->lock);
        count(l, op->status, now_us() - start);
    }
    free(op);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static double ms(const uint32_t *sorted, size_t n, unsigned percent)
{
    return n ? sorted[(n - 1) * percent / 100] / 1000.0 : 0;
}

static bool print_latencies(const loader *loaders, unsigned n)
{
    size_t total = 0;
    size_t at = 0;

    for (unsigned i = 0; i < n; i++)
        total += loaders[i].samples_n;
    uint32_t *all = calloc(total + 1, sizeof *all);
    if (!all)
        return false;
    for (unsigned i = 0; i < n; i++) {
        memcpy(all + at, loaders[i].samples, loaders[i].samples_n * sizeof *all);
        at += loaders[i].samples_n;
    }
    qsort(all, total, sizeof *all, by_size);
    printf("latency p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, longest %.2f ms\n", ms(all, total, 50), ms(all, total, 90),
           ms(all, total, 99), ms(all, total, 100));
    free(all);
    return true;
}

static uint64_t print_failures(const loader *loaders, unsigned n)
{
    uint64_t failed = 0;

    for (unsigned i = 0; i < n; i++)
        failed += loaders[i].failed;
    printf("failed  %llu\n", (unsigned long long)failed);
    for (unsigned i = 0; i < n; i++)
        for (size_t f = 0; f < FAILURES_MAX && loaders[i].failures[f].n; f++)
            printf("        %llu: %s\n", (unsigned long long)loaders[i].failures[f].n,
                   hf_status_text(loaders[i].failures[f].status));
    return failed;
}

static void print_stats(hf_key *key)
{
    hf_hsm_stats stats;

    if (hf_hsm_key_stats(key, &stats) != HF_OK)
        return;
    for (size_t i = 0; i < stats.n; i++) {
        const hf_hsm_token_stats *t = &stats.tokens[i];
        printf("token   \"%s\": breaker %s, %u of at most %u sessions, %u threads\n", t->token,
               hf_hsm_breaker_name(t->breaker), t->sessions, t->sessions_limit, t->threads);
        printf("        %llu reconnects, %llu logins, %llu threads that hung, %llu retries\n",
               (unsigned long long)t->reconnects, (unsigned long long)t->logins, (unsigned long long)t->hung,
               (unsigned long long)t->retries);
        for (size_t b = 0; b < HF_HSM_LATENCY_BUCKETS; b++) {
            if (t->latency[b] && hf_hsm_latency_bound_us(b) != UINT64_MAX)
                printf("        up to %8.2f ms in the token: %llu\n", (double)hf_hsm_latency_bound_us(b) / 1000,
                       (unsigned long long)t->latency[b]);
            else if (t->latency[b])
                printf("        longer: %llu\n", (unsigned long long)t->latency[b]);
        }
    }
}

static bool start_all(loader *loaders, unsigned n, hf_key *key, uint64_t end_us)
{
    bool good = true;

    for (unsigned i = 0; i < n && good; i++) {
        loader *l = &loaders[i];
        l->key = key;
        l->end_us = end_us;
        pthread_mutex_init(&l->lock, NULL);
        pthread_cond_init(&l->come, NULL);
        l->samples = calloc(SAMPLES_MAX, sizeof *l->samples);
        l->started = l->samples && pthread_create(&l->thread, NULL, work, l) == 0;
        good = l->started;
    }
    return good;
}

static int report(const loader *loaders, unsigned n, hf_key *key, double seconds)
{
    uint64_t good = 0;

    for (unsigned i = 0; i < n; i++)
        good += loaders[i].good;
    printf("load    %u at once for %.1f s: %.0f %s/s\n", n, seconds, (double)good / seconds,
           key->schemes[0] ? "signatures" : "decryptions");
    bool said = print_latencies(loaders, n);
    uint64_t failed = print_failures(loaders, n);
    print_stats(key);
    if (fflush(stdout) == 0 && !ferror(stdout) && said && failed == 0 && good > 0)
        return TOKEN_DONE;
    fputs("handfast token check: operations failed under load: see the lines above\n", stderr);
    return TOKEN_FAILED;
}

int hf_token_load(const hf_token_args *a, char *why)
{
    loader *loaders = calloc(a->load, sizeof *loaders);
    hf_key *key = NULL;
    int code = TOKEN_FAILED;

    hf_status status = hf_hsm_key_open(&a->hsm, a->key_uri, &key, why, TOKEN_WHY_MAX);
    if (status != HF_OK || !loaders) {
        fprintf(stderr, "handfast token check: %s\n", why[0] ? why : hf_status_text(status));
        free(loaders);
        return TOKEN_FAILED;
    }
    uint64_t start = now_us();
    bool good = start_all(loaders, a->load, key, start + TOKEN_LOAD_SECONDS * 1000000ull);
    for (unsigned i = 0; i < a->load; i++)
        if (loaders[i].started)
            (void)pthread_join(loaders[i].thread, NULL);
    if (good)
        code = report(loaders, a->load, key, (double)(now_us() - start) / 1e6);
    else
        fputs("handfast token check: out of memory or threads: ask for fewer operations at once\n", stderr);
    for (unsigned i = 0; i < a->load; i++)
        free(loaders[i].samples);
    key->ops->release(key);
    free(loaders);
    return code;
}
