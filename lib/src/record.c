/* The record layer, receiving: framing, opening, limits. RFC 5246 section 6.2. Its other half is record_seal.c.
 *
 * A record is prepared (its sequence number taken), run by the worker, and committed: one at a time here, or together
 * with those of other connections (batch.c). It is opened in place in the input buffer.
 */
#include "conn.h"

#define BODY13_MAX (HF_PLAINTEXT_MAX + 256) /* RFC 8446 section 5.2 */

hf_status hf_protection_init(hf_conn *conn, hf_protection *p, const hf_cipher *cipher, const hf_record_keys *keys)
{
    hf_protection made = {.cipher = cipher, .spec = hf_cipher_spec_of(cipher->id), .mode = keys->mode};

    made.block_size = cipher->key_state_size + HF_RECORD_KEY_ALIGN - 1;
    made.block = hf_memory_new(&conn->memory, made.block_size);
    if (!made.block)
        return HF_ERR_NO_MEMORY;
    made.state = (void *)(((uintptr_t)made.block + HF_RECORD_KEY_ALIGN - 1) & ~(uintptr_t)(HF_RECORD_KEY_ALIGN - 1));
    hf_status status = cipher->key_init(made.state, keys);
    if (status != HF_OK) {
        hf_memory_free(&conn->memory, made.block, made.block_size);
        return status;
    }
    *p = made;
    return HF_OK;
}

void hf_protection_cleanup(hf_memory *memory, hf_protection *p)
{
    if (p->cipher) {
        p->cipher->key_cleanup(p->state);
        hf_memory_free(memory, p->block, p->block_size);
    }
    *p = (hf_protection){0};
}

/* ---- Opening ---- */

/* What stands where a record header should: worth a word to the operator. RFC 5246 appendix E.2 (SSL 2.0). */
static void refuse_first_bytes(hf_conn *conn, const uint8_t *header)
{
    if ((header[0] & 0x80) && header[2] == 1)
        hf_fail(conn, HF_SEND(HF_ALERT_PROTOCOL_VERSION), "the peer speaks SSL 2.0");
    else if (header[0] >= 'A' && header[0] <= 'Z' && header[1] >= 'A' && header[1] <= 'Z')
        hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "the peer does not speak TLS (plain HTTP?)");
    else
        hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "the peer does not speak TLS");
}

/* Whether a record of this type is protected: in TLS 1.3 ChangeCipherSpec never is, and an alert of a peer that could
 * not follow to the handshake keys is not yet (RFC 8446 sections 5 and 6). */
static bool is_protected(const hf_conn *conn, uint8_t type)
{
    if (!conn->read.cipher || conn->read.mode != HF_RECORD_TLS13)
        return conn->read.cipher != NULL;
    return type != HF_CONTENT_CHANGE_CIPHER_SPEC && !(type == HF_CONTENT_ALERT && conn->hs && conn->read.sequence == 0);
}

/* Early data that a server was sent and did not accept (RFC 8446 section 4.2.10). With handshake keys it is what they
 * do not open; after a HelloRetryRequest, where there are none yet, it is what is protected at all. */
static bool may_be_early(const hf_conn *conn, const hf_record *record)
{
    return record->type == HF_CONTENT_APPLICATION_DATA && record->size <= conn->early_left;
}

static bool is_early(const hf_conn *conn, const hf_record *record)
{
    return !conn->read.cipher && may_be_early(conn, record);
}

static size_t body_limit(const hf_conn *conn, uint8_t type)
{
    if (type == HF_CONTENT_APPLICATION_DATA && conn->early_left > 0)
        return BODY13_MAX;
    if (!is_protected(conn, type))
        return HF_PLAINTEXT_MAX;
    return conn->read.mode == HF_RECORD_TLS13 ? BODY13_MAX : HF_RECORD_BODY_MAX;
}

static bool is_content_type(uint8_t type)
{
    return type >= HF_CONTENT_CHANGE_CIPHER_SPEC && type <= HF_CONTENT_APPLICATION_DATA;
}

/* What is wrong with a header; HF_OK: nothing. */
static hf_status judge_header(const hf_conn *conn, const uint8_t *header, const char **out_why)
{
    unsigned version = (unsigned)header[1] << 8 | header[2];
    size_t len = (size_t)header[3] << 8 | header[4];

    if (!is_content_type(header[0])) {
        *out_why = "record of unknown content type";
        return HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE);
    }
    /* Any {03,XX} until the version is settled (RFC 5246 appendix E.1), then exactly that; TLS 1.3 ignores it. */
    if (version >> 8 != 3 || (conn->version == HF_TLS12 && version != conn->version)) {
        *out_why = "record of a wrong protocol version";
        return HF_SEND(HF_ALERT_PROTOCOL_VERSION);
    }
    if (len > body_limit(conn, header[0])) {
        *out_why = "record longer than the protocol allows";
        return HF_SEND(HF_ALERT_RECORD_OVERFLOW);
    }
    if (conn->read.mode == HF_RECORD_TLS13 && is_protected(conn, header[0]) &&
        header[0] != HF_CONTENT_APPLICATION_DATA) {
        *out_why = "record that should be protected";
        return HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE);
    }
    return HF_OK;
}

/* TLSInnerPlaintext: content, type, zeros (RFC 8446 section 5.2). */
static bool strip_inner(hf_conn *conn, hf_record *record)
{
    size_t len = record->content_len;

    if (len > conn->receive_limit + 1) {
        hf_fail(conn, HF_SEND(HF_ALERT_RECORD_OVERFLOW), "record content longer than negotiated");
        return false;
    }
    while (len > 0 && record->content[len - 1] == 0)
        len--;
    record->type = len > 0 ? record->content[len - 1] : 0;
    if (record->type < HF_CONTENT_ALERT || record->type > HF_CONTENT_APPLICATION_DATA) {
        hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "protected record of a wrong content type");
        return false;
    }
    record->content_len = len - 1;
    return true;
}

/* RFC 6066 section 4, RFC 8449 section 4: the limit that we asked for. */
static bool check_content(hf_conn *conn, const hf_record *record)
{
    size_t limit = conn->read.cipher || conn->limit_unprotected ? conn->receive_limit : HF_PLAINTEXT_MAX;

    if (record->content_len > limit) {
        hf_fail(conn, HF_SEND(HF_ALERT_RECORD_OVERFLOW), "record content longer than negotiated");
        return false;
    }
    if (record->content_len == 0 && record->type != HF_CONTENT_APPLICATION_DATA) {
        hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "empty record of a type that may not be empty");
        return false;
    }
    return true;
}

/* The record that stands at the start of the input; false: it is not there as a whole. */
static bool whole_record(const hf_conn *conn, hf_record *out)
{
    uint8_t *header = hf_buffer_data(&conn->in);
    size_t have = hf_buffer_len(&conn->in);

    if (have < HF_RECORD_HEADER_SIZE)
        return false;
    size_t len = (size_t)header[3] << 8 | header[4];
    *out = (hf_record){header[0], header + HF_RECORD_HEADER_SIZE, len, HF_RECORD_HEADER_SIZE + len};
    return have >= out->size;
}

bool hf_record_is_protected(const hf_conn *conn, hf_record *out)
{
    const char *why;

    return whole_record(conn, out) && judge_header(conn, hf_buffer_data(&conn->in), &why) == HF_OK &&
           is_protected(conn, out->type) && conn->read.sequence <= HF_SEQUENCE_MAX;
}

void hf_open_prepare(hf_conn *conn, const hf_record *record, hf_task *out)
{
    hf_protection *p = &conn->read;
    size_t prefix = hf_record_prefix(p->spec, p->mode), len = record->content_len;

    *out = (hf_task){.conn = conn, .cipher = p->cipher, .direction = HF_OPEN, .record = *record};
    out->job = (hf_record_job){.key = p->state,
                               .sequence = p->sequence++,
                               .in = record->content,
                               .in_len = len,
                               .out = record->content + (len < prefix ? len : prefix),
                               .out_max = len,
                               .content_type = record->type};
}

bool hf_open_commit(hf_conn *conn, const hf_task *task, hf_record *out)
{
    hf_record record = task->record;

    if (task->job.status == HF_ERR_VERIFY) {
        hf_fail(conn, HF_SEND(HF_ALERT_BAD_RECORD_MAC), "record failed its integrity check");
        return false;
    }
    if (task->job.status != HF_OK) {
        hf_fail(conn, task->job.status, "opening a record failed");
        return false;
    }
    record.content = task->job.out;
    record.content_len = task->job.out_len;
    if ((conn->read.mode == HF_RECORD_TLS13 && !strip_inner(conn, &record)) || !check_content(conn, &record))
        return false;
    *out = record;
    return true;
}

/* Looks at the first five bytes of a record as soon as they are there. False: failed. */
static bool check_header(hf_conn *conn)
{
    const uint8_t *header = hf_buffer_data(&conn->in);
    const char *why = "";
    hf_status status = judge_header(conn, header, &why);

    if (status != HF_OK && !conn->peer_spoke && !is_content_type(header[0]))
        refuse_first_bytes(conn, header);
    else if (status != HF_OK)
        hf_fail(conn, status, why);
    if (status != HF_OK)
        return false;
    if (!conn->peer_spoke) { /* a refusal before the version is settled comes in the peer's own: RFC 7507 section 3 */
        conn->peer_spoke = true;
        if (header[2] < (HF_TLS12 & 0xff))
            conn->hello_version = (uint16_t)(header[1] << 8 | header[2]);
        else
            conn->hello_version = HF_TLS12;
    }
    return true;
}

static bool skip_early(hf_conn *conn, const hf_record *record)
{
    conn->early_left -= record->size;
    hf_record_drop(conn, record);
    return false;
}

/* One record; *out_skipped: it was early data, and is gone. */
static bool next_record(hf_conn *conn, hf_record *out, bool *out_skipped)
{
    hf_record record;
    hf_task task;

    *out_skipped = false;
    if (hf_buffer_len(&conn->in) < HF_RECORD_HEADER_SIZE || !check_header(conn) || !whole_record(conn, &record))
        return false;
    if (is_early(conn, &record)) {
        *out_skipped = true;
        return skip_early(conn, &record);
    }
    if (!is_protected(conn, record.type)) {
        if (!check_content(conn, &record))
            return false;
        *out = record;
        return true;
    }
    if (conn->read.sequence > HF_SEQUENCE_MAX) {
        hf_fail(conn, HF_ERR_LIMIT, "record sequence number exhausted");
        return false;
    }
    hf_open_prepare(conn, &record, &task);
    hf_worker_run(conn->worker, task.cipher, HF_OPEN, &task.job, 1);
    if (task.job.status == HF_ERR_VERIFY && may_be_early(conn, &record)) {
        conn->read.sequence--; /* it was not of this key */
        *out_skipped = true;
        return skip_early(conn, &record);
    }
    conn->early_left = 0; /* the first record that opens ends it */
    return hf_open_commit(conn, &task, out);
}

bool hf_record_next(hf_conn *conn, hf_record *out)
{
    bool skipped, got;

    do {
        got = next_record(conn, out, &skipped);
    } while (skipped);
    return got;
}

void hf_record_drop(hf_conn *conn, const hf_record *record)
{
    hf_wipe(record->content, record->content_len);
    hf_buffer_consume(&conn->in, record->size);
}
