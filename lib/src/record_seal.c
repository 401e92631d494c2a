/* The record layer, sending: framing, padding, sealing, limits. RFC 5246 section 6.2. Its other half is record.c.
 *
 * A record is prepared (its sequence number and its room behind the output reserved), run by the worker, and committed
 * in the connection's order: a few of one connection here, or those of many together (batch.c). The content goes from
 * the caller's bytes into the output buffer, without a copy between.
 */
#include "conn.h"

#define OVERHEAD_MAX (HF_RECORD_HEADER_SIZE + HF_RECORD_BODY_MAX - HF_PLAINTEXT_MAX)
/* Alerts and the last flight must always fit: the limit for data is checked by hf_conn_write. */
#define OUTPUT_MAX (HF_LIMIT_OUTPUT + 2 * HF_LIMIT_HANDSHAKE_TOTAL)
#define TOGETHER 8 /* records of one write that are sealed in one call: as many as a full output has */

/* Zero bytes behind a content, by the configuration's policy (RFC 8446 section 5.4). */
static size_t padding_for(const hf_conn *conn, size_t len)
{
    size_t multiple = conn->config->record_padding;

    if (!conn->write.cipher || conn->write.mode != HF_RECORD_TLS13 || multiple <= 1)
        return 0;
    size_t padded = (len + multiple - 1) / multiple * multiple;
    return (padded < conn->send_limit ? padded : conn->send_limit) - len;
}

static size_t sealed_size(const hf_conn *conn, size_t len)
{
    const hf_protection *p = &conn->write;
    if (!p->cipher)
        return HF_RECORD_HEADER_SIZE + len;
    return HF_RECORD_HEADER_SIZE + hf_record_sealed_size(p->spec, p->mode, len, padding_for(conn, len));
}

static void put_header(const hf_conn *conn, uint8_t *at, uint8_t type, size_t body_len)
{
    /* legacy_record_version stays that of TLS 1.2: RFC 8446 section 5.1. */
    uint16_t version = conn->version ? HF_TLS12 : conn->hello_version;

    at[0] = type;
    at[1] = (uint8_t)(version >> 8);
    at[2] = (uint8_t)version;
    at[3] = (uint8_t)(body_len >> 8);
    at[4] = (uint8_t)body_len;
}

size_t hf_record_content_max(const hf_conn *conn)
{
    return conn->record_size < conn->send_limit ? conn->record_size : conn->send_limit;
}

hf_status hf_seal_reserve(hf_conn *conn, size_t len, size_t content_max)
{
    size_t full = len / content_max, rest = len % content_max;
    size_t total = full * sealed_size(conn, content_max) + (rest ? sealed_size(conn, rest) : 0);

    conn->room_len = 0; /* what was handed out stands where these records go, or where the buffer was */
    return hf_buffer_reserve(&conn->memory, &conn->out, conn->out_pending + total, OUTPUT_MAX);
}

hf_status hf_seal_prepare(hf_conn *conn, uint8_t type, const uint8_t *data, size_t len, hf_task *out)
{
    hf_protection *p = &conn->write;

    if (p->cipher && p->sequence > HF_SEQUENCE_MAX)
        return HF_ERR_LIMIT;
    *out = (hf_task){.conn = conn, .cipher = p->cipher, .direction = HF_SEAL, .at = conn->out_pending};
    out->job = (hf_record_job){.key = p->state,
                               .in = data,
                               .in_len = len,
                               .out_max = sealed_size(conn, len) - HF_RECORD_HEADER_SIZE,
                               .content_type = type,
                               .padding = padding_for(conn, len)};
    if (p->cipher && p->spec->block_size > 1) {
        const hf_env *env = conn->memory.env;
        hf_status status = env->random(env->random_arg, out->iv, sizeof out->iv);
        if (status != HF_OK)
            return status;
        out->job.cbc_iv = out->iv;
    }
    if (p->cipher)
        out->job.sequence = p->sequence++;
    conn->out_pending += HF_RECORD_HEADER_SIZE + out->job.out_max;
    return HF_OK;
}

void hf_seal_place(hf_task *task)
{
    task->job.out = task->conn->out.data + task->conn->out.end + task->at + HF_RECORD_HEADER_SIZE;
}

hf_status hf_seal_commit(hf_conn *conn, const hf_task *task)
{
    const hf_record_job *job = &task->job;

    if (job->status != HF_OK || job->out_len != job->out_max)
        return job->status != HF_OK ? job->status : HF_ERR_CRYPTO;
    bool hidden = task->cipher && conn->write.mode == HF_RECORD_TLS13; /* the true type is inside */
    put_header(conn, job->out - HF_RECORD_HEADER_SIZE, hidden ? HF_CONTENT_APPLICATION_DATA : job->content_type,
               job->out_len);
    conn->out.end += HF_RECORD_HEADER_SIZE + job->out_len;
    conn->out_pending -= HF_RECORD_HEADER_SIZE + job->out_len;
    return HF_OK;
}

/* Without a cipher the content is copied where it is not in place. */
static void run_plain(hf_task *task)
{
    hf_record_job *job = &task->job;

    if (job->in != job->out && job->in_len)
        memcpy(job->out, job->in, job->in_len);
    job->out_len = job->in_len;
    job->status = HF_OK;
}

/* Runs and commits n tasks of the connection, all under its present keys. */
static hf_status seal_now(hf_conn *conn, hf_task *tasks, size_t n)
{
    hf_record_job jobs[TOGETHER];
    hf_status status = HF_OK;

    for (size_t i = 0; i < n; i++) {
        hf_seal_place(&tasks[i]);
        if (!conn->write.cipher)
            run_plain(&tasks[i]);
        jobs[i] = tasks[i].job;
    }
    if (conn->write.cipher && n > 0)
        hf_worker_run(conn->worker, conn->write.cipher, HF_SEAL, jobs, n);
    for (size_t i = 0; i < n && status == HF_OK; i++) {
        tasks[i].job = jobs[i];
        status = hf_seal_commit(conn, &tasks[i]);
    }
    conn->out_pending = 0;
    return status;
}

hf_status hf_record_write(hf_conn *conn, uint8_t type, const uint8_t *data, size_t len)
{
    hf_task tasks[TOGETHER];
    size_t most = type == HF_CONTENT_APPLICATION_DATA ? hf_record_content_max(conn) : conn->send_limit;
    hf_status status = hf_seal_reserve(conn, len, most);

    while (status == HF_OK && len > 0) {
        size_t n = 0;
        while (status == HF_OK && n < TOGETHER && len > 0) {
            size_t part = len < most ? len : most;
            status = hf_seal_prepare(conn, type, data, part, &tasks[n]);
            if (status != HF_OK)
                break;
            data += part;
            len -= part;
            n++;
        }
        hf_status ran = seal_now(conn, tasks, n);
        status = ran != HF_OK ? ran : status;
    }
    return status;
}

hf_status hf_record_room(hf_conn *conn, uint8_t **out, size_t *out_len)
{
    size_t prefix = conn->write.cipher ? hf_record_prefix(conn->write.spec, conn->write.mode) : 0;
    size_t most = hf_record_content_max(conn);
    hf_status status = hf_buffer_reserve(&conn->memory, &conn->out, sealed_size(conn, most),
                                         HF_LIMIT_OUTPUT + OVERHEAD_MAX + HF_PLAINTEXT_MAX);
    if (status != HF_OK)
        return status;
    *out = conn->out.data + conn->out.end + HF_RECORD_HEADER_SIZE + prefix;
    *out_len = most;
    return HF_OK;
}

hf_status hf_record_seal_room(hf_conn *conn, uint8_t type, size_t len)
{
    size_t prefix = conn->write.cipher ? hf_record_prefix(conn->write.spec, conn->write.mode) : 0;
    hf_task task;
    hf_status status =
        hf_seal_prepare(conn, type, conn->out.data + conn->out.end + HF_RECORD_HEADER_SIZE + prefix, len, &task);
    return status == HF_OK ? seal_now(conn, &task, 1) : status;
}
