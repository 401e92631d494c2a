/* Batches: records of many connections on one way through the provider. See batch.h; record.c and record_seal.c have
 * the parts for one record.
 *
 * Running gathers the jobs of one cipher and direction, wherever they stand, into one array for one call. Committing
 * goes twice over the batch: first what was sealed, so that whatever an opened record makes us send (an alert, an
 * answer to KeyUpdate) comes behind it, then what was opened. */
#include "handfast/batch.h"

#include "conn.h"

struct hf_batch {
    hf_memory memory; /* its env stands behind */
    hf_env env;
    size_t max, n;
    hf_task *tasks;      /* in order of preparing */
    hf_record_job *jobs; /* one call's */
    size_t *from;        /* the task of each */
};

/* ---- Life ---- */

hf_status hf_batch_new(const hf_env *env, size_t max_jobs, hf_batch **out)
{
    if (max_jobs < 1 || max_jobs > HF_LIMIT_BATCH_JOBS)
        return HF_ERR_INVALID;
    hf_memory memory = {env, 0};
    hf_batch *batch = hf_memory_new(&memory, sizeof *batch);
    if (!batch)
        return HF_ERR_NO_MEMORY;
    batch->env = *env;
    batch->memory = (hf_memory){&batch->env, 0};
    batch->max = max_jobs;
    batch->tasks = hf_memory_new(&batch->memory, max_jobs * sizeof *batch->tasks);
    batch->jobs = hf_memory_new(&batch->memory, max_jobs * sizeof *batch->jobs);
    batch->from = hf_memory_new(&batch->memory, max_jobs * sizeof *batch->from);
    if (!batch->tasks || !batch->jobs || !batch->from) {
        hf_batch_free(batch);
        return HF_ERR_NO_MEMORY;
    }
    *out = batch;
    return HF_OK;
}

void hf_batch_free(hf_batch *batch)
{
    if (!batch)
        return;
    for (size_t i = 0; i < batch->n; i++) {
        hf_conn *conn = batch->tasks[i].conn;
        if (!conn)
            continue;
        hf_batch_forget(conn);
        hf_fail(conn, HF_ERR_CANCELED, "its records were dropped"); /* sequence numbers are gone: no alert can follow */
        hf_settle(conn);
    }
    hf_memory_free(&batch->memory, batch->tasks, batch->max * sizeof *batch->tasks);
    hf_memory_free(&batch->memory, batch->jobs, batch->max * sizeof *batch->jobs);
    hf_memory_free(&batch->memory, batch->from, batch->max * sizeof *batch->from);
    hf_env env = batch->env;
    hf_memory memory = {&env, sizeof *batch};
    hf_memory_free(&memory, batch, sizeof *batch);
}

size_t hf_batch_len(const hf_batch *batch)
{
    return batch->n;
}

/* ---- Preparing ---- */

static bool may_join(const hf_conn *conn, const hf_batch *batch)
{
    return !conn->batch || conn->batch == batch;
}

hf_status hf_conn_batch_open(hf_conn *conn, hf_batch *batch)
{
    hf_record record;

    if (conn->status != HF_OK)
        return conn->status;
    if (!conn->connected || conn->opening || conn->plain_len > 0 || conn->got_close || !may_join(conn, batch))
        return HF_ERR_STATE;
    if (batch->n == batch->max)
        return HF_ERR_LIMIT;
    if (!hf_record_is_protected(conn, &record)) /* what may be wrong is for hf_conn_step, which can send an alert */
        return HF_ERR_STATE;
    hf_open_prepare(conn, &record, &batch->tasks[batch->n]);
    conn->batch = batch;
    conn->opening++;
    batch->n++;
    return HF_OK;
}

/* The next record of data into the batch. */
static hf_status add_seal(hf_conn *conn, hf_batch *batch, const uint8_t *data, size_t len)
{
    hf_status status = hf_seal_prepare(conn, HF_CONTENT_APPLICATION_DATA, data, len, &batch->tasks[batch->n]);
    if (status != HF_OK)
        return status;
    conn->batch = batch;
    conn->sealing++;
    batch->n++;
    return HF_OK;
}

hf_status hf_conn_batch_write(hf_conn *conn, hf_batch *batch, const uint8_t *data, size_t len, size_t *out_taken)
{
    *out_taken = 0;
    hf_status status = hf_may_write(conn);
    if (status == HF_OK && !may_join(conn, batch))
        status = HF_ERR_STATE;
    if (status != HF_OK)
        return status;
    size_t most = hf_record_content_max(conn), slots = batch->max - batch->n, taken = 0;
    size_t n = hf_takeable(conn, len);
    size_t under_this_key = hf_under_this_key(conn, n);
    if (under_this_key > 0 || conn->sealing > 0) /* else one more, which brings the KeyUpdate behind it */
        n = under_this_key;
    else
        n = n < most ? n : most;
    if (slots < (n + most - 1) / most)
        n = slots * most;

    status = hf_seal_reserve(conn, n, most);
    while (status == HF_OK && taken < n) {
        size_t part = n - taken < most ? n - taken : most;
        status = add_seal(conn, batch, data + taken, part);
        if (status == HF_OK)
            taken += part;
    }
    if (taken == 0 && status != HF_OK)
        return status;
    *out_taken = taken; /* what was prepared goes; a fault that lasts is met again with the rest */
    return HF_OK;
}

/* ---- Running ---- */

static bool is_of(const hf_task *task, const hf_conn *only)
{
    return task->conn && (!only || task->conn == only);
}

/* All jobs that go with the i-th task, in one call. */
static void run_group(hf_batch *batch, hf_worker *worker, size_t i, const hf_conn *only)
{
    const hf_cipher *cipher = batch->tasks[i].cipher;
    hf_direction direction = batch->tasks[i].direction;
    size_t n = 0;

    for (; i < batch->n; i++) {
        hf_task *task = &batch->tasks[i];
        if (!is_of(task, only) || task->cipher != cipher || task->direction != direction)
            continue;
        if (direction == HF_SEAL)
            hf_seal_place(task);
        task->ran = true;
        batch->jobs[n] = task->job;
        batch->from[n++] = i;
    }
    hf_worker_run(worker, cipher, direction, batch->jobs, n);
    for (size_t k = 0; k < n; k++)
        batch->tasks[batch->from[k]].job = batch->jobs[k];
}

/* ---- Committing ---- */

/* One record of the connection is through. */
static void done_with(hf_task *task)
{
    hf_conn *conn = task->conn;

    if (task->direction == HF_SEAL)
        conn->sealing--;
    else
        conn->opening--;
    if (conn->sealing == 0 && conn->opening == 0)
        conn->batch = NULL;
    task->conn = NULL;
}

static void fail(hf_conn *conn, hf_worker *worker, hf_status status)
{
    hf_batch_forget(conn);
    conn->worker = worker;
    hf_fail(conn, status, "sealing a record failed");
    hf_settle(conn);
}

static void commit_seal(hf_task *task, hf_worker *worker)
{
    hf_conn *conn = task->conn;
    hf_status status = hf_seal_commit(conn, task);

    done_with(task);
    if (status == HF_OK && conn->sealing == 0) { /* the last of its records: the keys may change behind it */
        conn->worker = worker;
        status = hf_post13_after_write(conn);
        conn->worker = NULL;
    }
    if (status != HF_OK)
        fail(conn, worker, status);
}

static void commit_open(hf_task *task, hf_worker *worker)
{
    hf_conn *conn = task->conn;
    hf_record record;

    done_with(task);
    conn->worker = worker;
    if (hf_open_commit(conn, task, &record))
        hf_take_record(conn, &record);
    hf_settle(conn);
}

static void run(hf_batch *batch, hf_worker *worker, const hf_conn *only)
{
    for (size_t i = 0; i < batch->n; i++)
        if (!batch->tasks[i].ran && is_of(&batch->tasks[i], only))
            run_group(batch, worker, i, only);
    for (size_t i = 0; i < batch->n; i++)
        if (is_of(&batch->tasks[i], only) && batch->tasks[i].direction == HF_SEAL)
            commit_seal(&batch->tasks[i], worker);
    for (size_t i = 0; i < batch->n; i++)
        if (is_of(&batch->tasks[i], only) && batch->tasks[i].direction == HF_OPEN)
            commit_open(&batch->tasks[i], worker);
}

void hf_batch_run(hf_batch *batch, hf_worker *worker)
{
    run(batch, worker, NULL);
    batch->n = 0;
}

void hf_batch_flush(hf_conn *conn, hf_worker *worker)
{
    if (conn->batch)
        run(conn->batch, worker, conn);
}

void hf_batch_forget(hf_conn *conn)
{
    hf_batch *batch = conn->batch;

    for (size_t i = 0; batch && i < batch->n; i++)
        if (batch->tasks[i].conn == conn)
            batch->tasks[i].conn = NULL;
    conn->batch = NULL;
    conn->opening = conn->sealing = 0;
    conn->out_pending = 0;
}
