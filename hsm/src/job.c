/* Room `job`: one operation on its way: taken in, settled once, handed back once. */
#include <stdlib.h>
#include <string.h>

#include "handfast/secret.h"
#include "key.h"

hf_job *hf_job_new(hf_hsm_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg, uint64_t timeout_us)
{
    hf_jobs_free_spent(key);
    hf_job *job = calloc(1, sizeof *job + op->input_len + 1);
    if (!job)
        return NULL;
    job->key = key;
    job->op = op;
    job->done = done;
    job->arg = arg;
    job->kind = op->kind;
    job->scheme = op->kind == HF_KEY_OP_SIGN ? op->scheme : 0;
    job->client_version = op->client_version;
    job->id = op->id;
    job->conn_id = op->conn_id;
    job->submitted_us = hf_now_us();
    job->deadline_us = job->submitted_us + timeout_us;
    job->refs = 1;
    for (size_t i = 0; i < 2; i++)
        job->tries[i].item = (hf_queue_item){.deadline_us = job->deadline_us, .at = HF_QUEUE_OUT};
    memcpy(job->fallback, op->fallback, sizeof job->fallback);
    job->input_len = op->input_len;
    if (op->input_len)
        memcpy(job->input, op->input, op->input_len);
    return job;
}

void hf_job_unref(hf_job *job)
{
    hf_hsm_key *key = job->key;

    if (--job->refs > 0)
        return;
    hf_wipe(job, sizeof *job + job->input_len);
    hf_job *first = atomic_load(&key->spent);
    do
        job->next_done = first;
    while (!atomic_compare_exchange_weak(&key->spent, &first, job));
    hf_hsm_key_unhold(key);
}

/* Memory that one thread allocates and another frees goes through the allocator's lock, and a loop would wait there for
 * a token's thread. So jobs are freed where they are allocated, by whoever submits the next one. */
void hf_jobs_free_spent(hf_hsm_key *key)
{
    hf_job *job = atomic_exchange(&key->spent, NULL);

    while (job) {
        hf_job *next = job->next_done;
        free(job);
        job = next;
    }
}

static void unlist(hf_job *job)
{
    hf_hsm_key *k = job->key;

    *(job->before ? &job->before->after : &k->first) = job->after;
    *(job->after ? &job->after->before : &k->last) = job->before;
    job->before = job->after = NULL;
}

bool hf_job_finish(hf_job *job, hf_status status, const uint8_t *result, size_t result_len, hf_job **list)
{
    if (job->finished)
        return false;
    job->finished = true;
    job->status = status;
    unlist(job);
    for (size_t i = 0; i < 2; i++) {
        hf_try *t = &job->tries[i];
        if (!t->member || t->running)
            continue; /* who runs it sees that it came too late */
        hf_pool *pool = t->member->pool;
        if (t->item.at != HF_QUEUE_OUT)
            hf_queue_remove(&pool->queue, &t->item);
        pool->stats.results[status == HF_OK ? HF_HSM_RESULT_CANCELED : hf_result_of(status)]++;
        t->member = NULL;
    }
    hf_key_op *op = job->op;
    hf_wipe(op->result, sizeof op->result);
    op->result_len = 0;
    if (status == HF_OK && result_len <= sizeof op->result) {
        memcpy(op->result, result, result_len);
        op->result_len = result_len;
    }
    op->status = status;
    job->next_done = *list;
    *list = job;
    return true;
}

void hf_job_give(hf_job *job)
{
    bool before = hf_thread_mark(true);
    hf_key_op *op = job->op;

    job->op = NULL;
    job->done(job->arg, op); /* op is no longer ours */
    (void)hf_thread_mark(before);
}

void hf_job_returned(hf_job *job)
{
    hf_hsm_key *k = job->key;

    if (--k->active == 0)
        pthread_cond_broadcast(&k->calm);
    hf_job_weigh(k);
    hf_job_unref(job);
}

void hf_jobs_deliver(hf_job *list)
{
    while (list) {
        hf_job *job = list;
        list = job->next_done;
        hf_job_give(job);
        hf_hub_lock();
        hf_job_returned(job);
        hf_hub_unlock();
    }
}
