/* A session's state as a ticket, and back: RFC 5077 section 4.
 *
 *   ticket = name[16] || salt[32] || AEAD(key, state)        key, iv = HKDF(secret of the name, salt)
 *
 * The salt is random, so each key seals one message: there are no nonces to keep apart between threads and servers.
 * The AEAD is a record cipher of the composition, in the form of one TLS 1.3 record.
 */
#include "resume.h"

#define KEY_LABEL "handfast ticket key "
#define INNER_TYPE HF_CONTENT_HANDSHAKE /* TLSInnerPlaintext needs one */

static const hf_cipher *ticket_cipher(const hf_conn *conn)
{
    const hf_crypto *crypto = &conn->config->crypto;
    return crypto->ciphers[HF_AES_256_GCM] ? crypto->ciphers[HF_AES_256_GCM] : crypto->ciphers[HF_CHACHA20_POLY1305];
}

/* The key of one ticket; other ciphers have other keys. */
static hf_status make_key(hf_conn *conn, const hf_ticket_secret *secret, const uint8_t *salt, hf_direction direction,
                          hf_protection *out)
{
    const hf_hash *hash = conn->config->crypto.hashes[HF_SHA256];
    const hf_cipher *cipher = ticket_cipher(conn);
    uint8_t info[sizeof KEY_LABEL] = KEY_LABEL;
    uint8_t prk[HF_HASH_SIZE_MAX], block[HF_CIPHER_KEY_MAX + HF_CIPHER_IV_MAX];
    hf_record_keys keys = {
        .mode = HF_RECORD_TLS13, .direction = direction, .key = block, .iv = block + HF_CIPHER_KEY_MAX};

    info[sizeof info - 1] = (uint8_t)cipher->id;
    hf_status status = hf_hkdf_extract(hash, salt, HF_TICKET_SALT_SIZE, secret->secret, sizeof secret->secret, prk);
    if (status == HF_OK)
        status = hf_hkdf_expand(hash, prk, hash->size, info, sizeof info, block, sizeof block);
    if (status == HF_OK)
        status = hf_protection_init(conn, out, cipher, &keys);
    hf_wipe(prk, sizeof prk);
    hf_wipe(block, sizeof block);
    return status;
}

static hf_status run(hf_conn *conn, hf_protection *p, hf_direction direction, hf_record_job *job)
{
    job->key = p->state;
    job->content_type = INNER_TYPE;
    hf_worker_run(conn->worker, p->cipher, direction, job, 1);
    hf_protection_cleanup(&conn->memory, p);
    return job->status;
}

hf_status hf_ticket_seal(hf_conn *conn, const hf_session_state *state, hf_writer *w)
{
    const hf_env *env = conn->memory.env;
    size_t len = hf_session_state_size(state);
    hf_ticket_secret secret;
    hf_protection p;

    if (!conn->config->ticket_keys || !ticket_cipher(conn))
        return HF_ERR_NOT_FOUND;
    hf_status status = hf_ticket_keys_current(conn->config->ticket_keys, hf_now(conn), &secret);
    if (status != HF_OK)
        return status;
    uint8_t *out = hf_write_room(w, len + HF_TICKET_OVERHEAD);
    if (!out) {
        status = HF_ERR_BUFFER;
        goto out;
    }
    uint8_t *salt = out + HF_TICKET_NAME_SIZE, *body = salt + HF_TICKET_SALT_SIZE;
    memcpy(out, secret.name, HF_TICKET_NAME_SIZE);
    status = env->random(env->random_arg, salt, HF_TICKET_SALT_SIZE);
    if (status == HF_OK)
        status = make_key(conn, &secret, salt, HF_SEAL, &p);
    if (status != HF_OK)
        goto out;
    hf_writer plain = hf_writer_of(body, len); /* sealed in place */
    hf_session_state_write(&plain, state);
    hf_record_job job = {.in = body, .in_len = len, .out = body, .out_max = len + 1 + 16};
    status = run(conn, &p, HF_SEAL, &job);
    if (status == HF_OK && (!hf_writer_ok(&plain) || job.out_len != len + 1 + 16))
        status = HF_ERR_CRYPTO;
    if (status != HF_OK)
        hf_wipe(body, len);
out:
    hf_wipe(&secret, sizeof secret);
    return status;
}

/* Into a session of its own: what was opened is wiped with it. */
static hf_status open_body(hf_conn *conn, hf_protection *p, hf_slice body, hf_session **out)
{
    hf_session *session;

    hf_status status = hf_session_alloc(&conn->config->env, body.len, &session);
    if (status != HF_OK) {
        hf_protection_cleanup(&conn->memory, p);
        return status;
    }
    hf_record_job job = {.in = body.ptr, .in_len = body.len, .out = session->bytes, .out_max = body.len};
    status = run(conn, p, HF_OPEN, &job);
    if (status == HF_OK && (job.out_len < 1 || session->bytes[job.out_len - 1] != INNER_TYPE))
        status = HF_ERR_DECODE;
    if (status == HF_OK)
        status = hf_session_decode(session, job.out_len - 1);
    if (status == HF_OK)
        *out = session;
    else
        hf_session_free(session);
    return status;
}

hf_status hf_ticket_open(hf_conn *conn, hf_slice ticket, hf_session **out)
{
    hf_reader r = hf_reader_of_slice(ticket);
    hf_slice name, salt, body;
    hf_ticket_secret secret;
    hf_protection p;

    *out = NULL;
    if (!conn->config->ticket_keys || !ticket_cipher(conn) || !hf_read_bytes(&r, HF_TICKET_NAME_SIZE, &name) ||
        !hf_read_bytes(&r, HF_TICKET_SALT_SIZE, &salt) || !hf_read_bytes(&r, hf_reader_left(&r), &body) ||
        body.len > HF_RECORD_BODY_MAX)
        return HF_OK;
    hf_status status = hf_ticket_keys_find(conn->config->ticket_keys, hf_now(conn), name.ptr, &secret);
    if (status != HF_OK)
        return HF_OK;
    status = make_key(conn, &secret, salt.ptr, HF_OPEN, &p);
    hf_wipe(&secret, sizeof secret);
    if (status == HF_OK)
        status = open_body(conn, &p, body, out);
    return status == HF_ERR_VERIFY || status == HF_ERR_DECODE ? HF_OK : status;
}
