/* The per-thread side of a composition: one provider worker for each provider in use, and the counters that
 * prove which path ran. */
#include <stdlib.h>

#include "handfast/provider.h"

struct hf_worker {
    const hf_provider *providers[HF_PROVIDERS_MAX];
    void *workers[HF_PROVIDERS_MAX];
    size_t n;
    hf_worker_counts counts;
};

static hf_status add_provider(hf_worker *worker, const hf_provider *provider)
{
    for (size_t i = 0; i < worker->n; i++)
        if (worker->providers[i] == provider)
            return HF_OK;
    if (worker->n == HF_PROVIDERS_MAX)
        return HF_ERR_LIMIT;
    void *made = NULL;
    if (provider->worker_new) {
        hf_status status = provider->worker_new(&made);
        if (status != HF_OK)
            return status;
    }
    worker->providers[worker->n] = provider;
    worker->workers[worker->n++] = made;
    return HF_OK;
}

hf_status hf_worker_new(const hf_crypto *crypto, hf_worker **out)
{
    hf_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return HF_ERR_NO_MEMORY;
    for (size_t i = 0; i < HF_CIPHER_COUNT; i++) {
        if (!crypto->ciphers[i])
            continue;
        hf_status status = add_provider(worker, crypto->ciphers[i]->provider);
        if (status != HF_OK) {
            hf_worker_free(worker);
            return status;
        }
    }
    *out = worker;
    return HF_OK;
}

void hf_worker_free(hf_worker *worker)
{
    if (!worker)
        return;
    for (size_t i = 0; i < worker->n; i++)
        if (worker->providers[i]->worker_free)
            worker->providers[i]->worker_free(worker->workers[i]);
    free(worker);
}

void hf_worker_run(hf_worker *worker, const hf_cipher *cipher, hf_direction direction, hf_record_job *jobs, size_t n)
{
    void *below = NULL;
    for (size_t i = 0; i < worker->n; i++)
        if (worker->providers[i] == cipher->provider)
            below = worker->workers[i];
    if (direction == HF_SEAL)
        cipher->seal(below, jobs, n);
    else
        cipher->open(below, jobs, n);
    for (size_t i = 0; i < n; i++)
        if (jobs[i].status == HF_OK)
            worker->counts.bytes[cipher->id][direction] += direction == HF_SEAL ? jobs[i].in_len : jobs[i].out_len;
    worker->counts.records[cipher->id][direction] += n;
    worker->counts.calls[cipher->id][direction]++;
}

void hf_worker_get_counts(const hf_worker *worker, hf_worker_counts *out)
{
    *out = worker->counts;
}
