/* The record layer: framing, protection, sequence numbers, limits. RFC 5246 section 6.2.
 *
 * Records are prepared (sequence number and room reserved), run by the worker, and committed in the connection's
 * order. Opening is in place in the input buffer; sealing goes from the caller's bytes into the output buffer.
 */
#include "conn.h"

#define OVERHEAD_MAX (HF_RECORD_HEADER_SIZE + HF_RECORD_BODY_MAX - HF_PLAINTEXT_MAX)
#define BODY13_MAX (HF_PLAINTEXT_MAX + 256) /* RFC 8446 section 5.2 */
#define SEQUENCE_MAX (UINT64_MAX - 1)       /* "MUST NOT wrap": RFC 5246 section 6.1 */

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

static size_t body_limit(const hf_conn *conn, uint8_t type)
{
    if (!is_protected(conn, type))
        return HF_PLAINTEXT_MAX;
    return conn->read.mode == HF_RECORD_TLS13 ? BODY13_MAX : HF_RECORD_BODY_MAX;
}

static bool check_header(hf_conn *conn, const uint8_t *header)
{
    unsigned version = (unsigned)header[1] << 8 | header[2];
    size_t len = (size_t)header[3] << 8 | header[4];

    if (header[0] < HF_CONTENT_CHANGE_CIPHER_SPEC || header[0] > HF_CONTENT_APPLICATION_DATA) {
        if (!conn->peer_spoke)
            refuse_first_bytes(conn, header);
        else
            hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "record of unknown content type");
        return false;
    }
    /* Any {03,XX} until the version is settled (RFC 5246 appendix E.1), then exactly that; TLS 1.3 ignores it. */
    if (version >> 8 != 3 || (conn->version == HF_TLS12 && version != conn->version)) {
        hf_fail(conn, HF_SEND(HF_ALERT_PROTOCOL_VERSION), "record of a wrong protocol version");
        return false;
    }
    if (len > body_limit(conn, header[0])) {
        hf_fail(conn, HF_SEND(HF_ALERT_RECORD_OVERFLOW), "record longer than the protocol allows");
        return false;
    }
    return true;
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

static bool open_in_place(hf_conn *conn, uint8_t *body, size_t len, hf_record *record)
{
    hf_protection *p = &conn->read;
    uint8_t *out = body + (len < hf_record_prefix(p->spec, p->mode) ? len : hf_record_prefix(p->spec, p->mode));

    if (p->sequence > SEQUENCE_MAX) {
        hf_fail(conn, HF_ERR_LIMIT, "record sequence number exhausted");
        return false;
    }
    hf_record_job job = {.key = p->state,
                         .sequence = p->sequence++,
                         .in = body,
                         .in_len = len,
                         .out = out,
                         .out_max = len,
                         .content_type = record->type};
    hf_worker_run(conn->worker, p->cipher, HF_OPEN, &job, 1);
    if (job.status == HF_ERR_VERIFY) {
        hf_fail(conn, HF_SEND(HF_ALERT_BAD_RECORD_MAC), "record failed its integrity check");
        return false;
    }
    if (job.status != HF_OK) {
        hf_fail(conn, job.status, "opening a record failed");
        return false;
    }
    record->content = out;
    record->content_len = job.out_len;
    return true;
}

bool hf_record_next(hf_conn *conn, hf_record *out)
{
    size_t have = hf_buffer_len(&conn->in);
    uint8_t *header = hf_buffer_data(&conn->in);

    if (have < HF_RECORD_HEADER_SIZE)
        return false;
    if (!check_header(conn, header))
        return false;
    if (!conn->peer_spoke) { /* a refusal before the version is settled comes in the peer's own: RFC 7507 section 3 */
        conn->peer_spoke = true;
        if (header[2] < (HF_TLS12 & 0xff))
            conn->hello_version = (uint16_t)(header[1] << 8 | header[2]);
        else
            conn->hello_version = HF_TLS12;
    }
    size_t len = (size_t)header[3] << 8 | header[4];
    if (have < HF_RECORD_HEADER_SIZE + len)
        return false;

    hf_record record = {header[0], header + HF_RECORD_HEADER_SIZE, len, HF_RECORD_HEADER_SIZE + len};
    if (is_protected(conn, record.type)) {
        bool tls13 = conn->read.mode == HF_RECORD_TLS13;
        if (tls13 && record.type != HF_CONTENT_APPLICATION_DATA) {
            hf_fail(conn, HF_SEND(HF_ALERT_UNEXPECTED_MESSAGE), "record that should be protected");
            return false;
        }
        if (!open_in_place(conn, record.content, len, &record) || (tls13 && !strip_inner(conn, &record)))
            return false;
    }
    if (!check_content(conn, &record))
        return false;
    *out = record;
    return true;
}

void hf_record_drop(hf_conn *conn, const hf_record *record)
{
    hf_wipe(record->content, record->content_len);
    hf_buffer_consume(&conn->in, record->size);
}

/* ---- Sealing ---- */

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

/* Seals one record behind conn->out.end, where the room was reserved. data may be in place. */
static hf_status seal(hf_conn *conn, uint8_t type, const uint8_t *data, size_t len)
{
    hf_protection *p = &conn->write;
    uint8_t *header = conn->out.data + conn->out.end;
    size_t body_len = sealed_size(conn, len) - HF_RECORD_HEADER_SIZE;
    uint8_t iv[HF_CBC_IV_SIZE];

    if (!p->cipher) {
        if (data != header + HF_RECORD_HEADER_SIZE && len)
            memcpy(header + HF_RECORD_HEADER_SIZE, data, len);
    } else {
        hf_record_job job = {.key = p->state,
                             .sequence = p->sequence,
                             .in = data,
                             .in_len = len,
                             .out = header + HF_RECORD_HEADER_SIZE,
                             .out_max = body_len,
                             .content_type = type,
                             .padding = padding_for(conn, len)};
        if (p->sequence > SEQUENCE_MAX)
            return HF_ERR_LIMIT;
        if (p->spec->block_size > 1) {
            const hf_env *env = conn->memory.env;
            hf_status status = env->random(env->random_arg, iv, sizeof iv);
            if (status != HF_OK)
                return status;
            job.cbc_iv = iv;
        }
        p->sequence++;
        hf_worker_run(conn->worker, p->cipher, HF_SEAL, &job, 1);
        if (job.status != HF_OK || job.out_len != body_len)
            return job.status != HF_OK ? job.status : HF_ERR_CRYPTO;
    }
    if (p->cipher && p->mode == HF_RECORD_TLS13)
        type = HF_CONTENT_APPLICATION_DATA; /* the true one is inside */
    put_header(conn, header, type, body_len);
    conn->out.end += HF_RECORD_HEADER_SIZE + body_len;
    return HF_OK;
}

hf_status hf_record_write(hf_conn *conn, uint8_t type, const uint8_t *data, size_t len)
{
    /* Alerts and the last flight must always fit: the limit for data is checked by hf_conn_write. */
    const size_t max = HF_LIMIT_OUTPUT + 2 * HF_LIMIT_HANDSHAKE_TOTAL;
    size_t full = len / conn->send_limit, rest = len % conn->send_limit;
    size_t total = full * sealed_size(conn, conn->send_limit) + (rest ? sealed_size(conn, rest) : 0);

    hf_status status = hf_buffer_reserve(&conn->memory, &conn->out, total, max);
    while (status == HF_OK && len > 0) {
        size_t n = len < conn->send_limit ? len : conn->send_limit;
        status = seal(conn, type, data, n);
        data += n;
        len -= n;
    }
    return status;
}

hf_status hf_record_room(hf_conn *conn, uint8_t **out, size_t *out_len)
{
    size_t prefix = conn->write.cipher ? hf_record_prefix(conn->write.spec, conn->write.mode) : 0;
    hf_status status = hf_buffer_reserve(&conn->memory, &conn->out, sealed_size(conn, conn->send_limit),
                                         HF_LIMIT_OUTPUT + OVERHEAD_MAX + HF_PLAINTEXT_MAX);
    if (status != HF_OK)
        return status;
    *out = conn->out.data + conn->out.end + HF_RECORD_HEADER_SIZE + prefix;
    *out_len = conn->send_limit;
    return HF_OK;
}

hf_status hf_record_seal_room(hf_conn *conn, uint8_t type, size_t len)
{
    size_t prefix = conn->write.cipher ? hf_record_prefix(conn->write.spec, conn->write.mode) : 0;
    return seal(conn, type, conn->out.data + conn->out.end + HF_RECORD_HEADER_SIZE + prefix, len);
}
