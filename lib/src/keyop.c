/* Private-key operations as detached objects; see key.h for the contract.
 *
 * An operation lives in one allocation with its input inline, its own copy of the environment and a reference to its
 * key: nothing in it points to the connection.
 */
#include "conn.h"
#include "own_verifier.h"

typedef struct hf_key_box {
    hf_key_op op; /* first: hf_key_op_free gets a pointer to it */
    hf_env env;
    hf_key *key;
    size_t size;
    uint8_t input[];
} hf_key_box;

void hf_key_op_free(hf_key_op *op)
{
    if (!op)
        return;
    hf_key_box *box = (hf_key_box *)op;
    hf_env env = box->env;
    hf_key *key = box->key;
    size_t size = box->size;

    hf_wipe(box, size);
    env.free(env.alloc_arg, box, size);
    key->ops->release(key);
}

hf_status hf_key_admit(const hf_own_credential *credential, const char **why)
{
    const hf_key *key = credential->key;

    if (!key->ops->admits || key->ops->admits(key))
        return HF_OK;
    *why = "the private key is overloaded or out of reach: no new handshake is taken";
    return HF_ERR_BUSY;
}

/* Unique in the process as the connection's first one is, which is random: the others count on. 0 says "none". */
static uint64_t next_id(hf_handshake *hs)
{
    if (++hs->last_op_id == 0)
        hs->last_op_id = 1;
    return hs->last_op_id;
}

static hf_status op_new(hf_conn *conn, hf_key *key, size_t input_len, hf_key_box **out)
{
    const hf_env *env = conn->memory.env;
    size_t size = sizeof(hf_key_box) + input_len;

    hf_key_box *box = env->alloc(env->alloc_arg, size);
    if (!box)
        return HF_ERR_NO_MEMORY;
    memset(box, 0, size);
    box->env = *env;
    box->key = key;
    box->size = size;
    key->ops->retain(key);
    box->op.id = next_id(conn->hs);
    box->op.conn_id = conn->id;
    box->op.key = key;
    box->op.input = box->input;
    box->op.input_len = input_len;
    box->op.status = HF_ERR_STATE; /* until somebody ran it */
    *out = box;
    return HF_OK;
}

static void hand_out(hf_conn *conn, hf_key_box *box, const char *text)
{
    conn->hs->op_ready = &box->op;
    conn->hs->op_id = box->op.id;
    hf_emit(conn, HF_EVENT_KEY_STARTED, 0, 0, text);
}

/* The digest of the parts under the scheme's hash. */
static hf_status digest_parts(hf_conn *conn, hf_hash_id id, const hf_slice *parts, size_t n, uint8_t *out,
                              size_t *out_len)
{
    const hf_hash *hash = conn->config->crypto.hashes[id];
    hf_hash_state state;

    if (!hash)
        return HF_ERR_UNSUPPORTED;
    hf_status status = hash->init(state.bytes);
    if (status != HF_OK)
        return status;
    for (size_t i = 0; i < n && status == HF_OK; i++)
        if (parts[i].len > 0)
            status = hash->update(state.bytes, parts[i].ptr, parts[i].len);
    if (status == HF_OK)
        status = hash->final(state.bytes, out);
    hash->cleanup(state.bytes);
    *out_len = hash->size;
    return status;
}

static size_t parts_len(const hf_slice *parts, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    return len;
}

static void join_parts(const hf_slice *parts, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len)
            memcpy(out, parts[i].ptr, parts[i].len);
        out += parts[i].len;
    }
}

hf_status hf_key_sign(hf_conn *conn, const hf_own_credential *credential, uint16_t scheme_id, const hf_slice *parts,
                      size_t n_parts)
{
    const hf_scheme *scheme = hf_scheme_by_id(scheme_id);
    uint8_t digest[HF_HASH_SIZE_MAX];
    size_t len;
    hf_status status = HF_OK;
    hf_key_box *box;

    if (!scheme)
        return HF_ERR_UNSUPPORTED;
    if (scheme_id == HF_ED25519)
        len = parts_len(parts, n_parts);
    else
        status = digest_parts(conn, scheme->hash, parts, n_parts, digest, &len);
    if (status == HF_OK)
        status = op_new(conn, credential->key, len, &box);
    if (status != HF_OK)
        return status;
    if (scheme_id == HF_ED25519)
        join_parts(parts, n_parts, box->input);
    else
        memcpy(box->input, digest, len);
    box->op.kind = HF_KEY_OP_SIGN;
    box->op.scheme = scheme_id;
    hand_out(conn, box, hf_scheme_name(scheme_id));
    return HF_OK;
}

hf_status hf_key_decrypt(hf_conn *conn, const hf_own_credential *credential, hf_slice encrypted)
{
    const hf_env *env = conn->memory.env;
    hf_key_box *box;

    hf_status status = op_new(conn, credential->key, encrypted.len, &box);
    if (status != HF_OK)
        return status;
    /* Made before anything is known of the padding: RFC 5246 section 7.4.7.1. */
    status = env->random(env->random_arg, box->op.fallback, sizeof box->op.fallback);
    if (status != HF_OK) {
        hf_key_op_free(&box->op);
        return status;
    }
    if (encrypted.len)
        memcpy(box->input, encrypted.ptr, encrypted.len);
    box->op.kind = HF_KEY_OP_DECRYPT;
    box->op.client_version = conn->hs->client_version;
    hand_out(conn, box, "decrypt premaster secret");
    return HF_OK;
}

hf_key_op *hf_key_result(hf_conn *conn)
{
    hf_key_op *op = conn->hs->op_done;
    if (op) {
        conn->hs->op_done = NULL;
        conn->hs->op_id = 0;
    }
    return op;
}

hf_status hf_conn_key_take(hf_conn *conn, hf_key_op **out)
{
    if (conn->status != HF_OK || !conn->hs || !conn->hs->op_ready)
        return HF_ERR_STATE;
    *out = conn->hs->op_ready;
    conn->hs->op_ready = NULL;
    conn->hs->op_out = true;
    return HF_OK;
}

hf_status hf_conn_key_done(hf_conn *conn, hf_key_op *op)
{
    hf_handshake *hs = conn->hs;

    if (conn->status != HF_OK || !hs || !hs->op_out || op->id != hs->op_id) {
        hf_key_op_free(op);
        return HF_ERR_STALE;
    }
    hs->op_out = false;
    hs->op_done = op;
    return HF_OK;
}

hf_status hf_check_signature(hf_conn *conn, const hf_cert *cert, uint16_t scheme_id, const hf_slice *parts,
                             size_t n_parts, hf_slice signature)
{
    const hf_pki *pki = conn->config->crypto.pki;
    const hf_scheme *scheme = hf_scheme_by_id(scheme_id);
    uint8_t digest[HF_HASH_SIZE_MAX];
    size_t len;

    if (!scheme)
        return HF_ERR_UNSUPPORTED;
    if (scheme_id != HF_ED25519) {
        hf_status status = digest_parts(conn, scheme->hash, parts, n_parts, digest, &len);
        if (status != HF_OK)
            return status;
        return pki->verify_digest(cert, scheme_id, digest, len, signature.ptr, signature.len);
    }
    len = parts_len(parts, n_parts);
    uint8_t *message = hf_memory_new(&conn->memory, len);
    if (!message)
        return HF_ERR_NO_MEMORY;
    join_parts(parts, n_parts, message);
    hf_status status = pki->verify(cert, scheme_id, message, len, signature.ptr, signature.len);
    hf_memory_free(&conn->memory, message, len);
    return status;
}

/* With what was prepared of our key, where that takes it; else as a peer's signature. */
static hf_status check_own(hf_conn *conn, uint16_t scheme_id, const hf_slice *parts, size_t n_parts, hf_slice signature)
{
    const hf_own_credential *own = conn->hs->credential;
    const hf_scheme *scheme = hf_scheme_by_id(scheme_id);
    uint8_t digest[HF_HASH_SIZE_MAX];
    size_t len;

    if (!hf_own_verifier_takes(own, scheme))
        return hf_check_signature(conn, own->cert, scheme_id, parts, n_parts, signature);
    hf_status status = digest_parts(conn, scheme->hash, parts, n_parts, digest, &len);
    if (status != HF_OK)
        return status;
    return own->verifier.verifier->verify_digest(own->verifier.state, digest, len, signature.ptr, signature.len);
}

hf_status hf_checked_signature(hf_conn *conn, const hf_key_op *op, const hf_slice *parts, size_t n_parts)
{
    if (op->result_len == 0 || op->result_len > HF_KEY_RESULT_MAX)
        return HF_ERR_CRYPTO;
    hf_status status = check_own(conn, op->scheme, parts, n_parts, (hf_slice){op->result, op->result_len});
    if (status != HF_OK)
        return status == HF_ERR_VERIFY ? HF_ERR_CRYPTO : status;
    hf_emit(conn, HF_EVENT_KEY_DONE, 0, 0, "signature verified with our certificate");
    return HF_OK;
}
