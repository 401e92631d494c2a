/* Keying material for the application: RFC 5705 (TLS 1.2) and RFC 8446 section 7.5 (TLS 1.3).
 *
 * What it takes is kept only where the configuration says so, apart from the connection, and is wiped with it. In
 * TLS 1.2 that is the master secret itself, so nothing is given without the extended one, which alone binds it to one
 * handshake (RFC 7627 section 5.4).
 */
#include "exporter.h"

#include "prf12.h"

#define RANDOMS_SIZE ((size_t)2 * HF_RANDOM_SIZE)

_Static_assert(HF_PRF_SEED_MAX >= HF_LIMIT_EXPORT_LABEL + RANDOMS_SIZE + 2 + HF_LIMIT_EXPORT_CONTEXT,
               "the seed of TLS 1.2 holds label, randoms and context");
_Static_assert(HF_PREMASTER_SIZE <= HF_HASH_SIZE_MAX, "the master secret has room");

static hf_exporter *make_room(hf_conn *conn)
{
    if (!conn->exporter)
        conn->exporter = hf_memory_new(&conn->memory, sizeof *conn->exporter);
    return conn->exporter;
}

hf_status hf_exporter_keep12(hf_conn *conn)
{
    const hf_handshake *hs = conn->hs;

    if (!conn->config->exporters || conn->version != HF_TLS12 || !conn->extended_master_secret)
        return HF_OK;
    hf_exporter *exporter = make_room(conn);
    if (!exporter)
        return HF_ERR_NO_MEMORY;
    exporter->hash = hs->hash;
    memcpy(exporter->secret, hs->master_secret, sizeof hs->master_secret);
    memcpy(exporter->randoms, hs->client_random, HF_RANDOM_SIZE);
    memcpy(exporter->randoms + HF_RANDOM_SIZE, hs->server_random, HF_RANDOM_SIZE);
    hf_emit(conn, HF_EVENT_SECRET, 0, 0, "master secret kept for exporters");
    return HF_OK;
}

hf_status hf_exporter_keep13(hf_conn *conn, const uint8_t *transcript_hash)
{
    if (!conn->config->exporters)
        return HF_OK;
    hf_exporter *exporter = make_room(conn);
    if (!exporter)
        return HF_ERR_NO_MEMORY;
    exporter->hash = conn->hs->hash;
    hf_status status =
        hf_schedule13_derive(&conn->hs->schedule, HF_PHASE_MASTER, "exp master", transcript_hash, exporter->secret);
    if (status == HF_OK)
        hf_emit(conn, HF_EVENT_SECRET, 0, 0, "exporter secret derived");
    return status;
}

void hf_exporter_forget(hf_conn *conn)
{
    hf_memory_free(&conn->memory, conn->exporter, sizeof *conn->exporter);
    conn->exporter = NULL;
}

/* ---- Exporting ---- */

/* Labels that TLS itself uses with the master secret: RFC 5705 section 4, RFC 7627 section 6. */
static bool is_reserved(const char *label)
{
    static const char *const reserved[] = {"client finished", "server finished", "master secret",
                                           "extended master secret", "key expansion"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(label, reserved[i]) == 0)
            return true;
    return false;
}

/* PRF(master_secret, label, client_random + server_random [+ context_length + context]) */
static hf_status export12(const hf_exporter *exporter, const char *label, const hf_export_context *context,
                          uint8_t *out, size_t out_len)
{
    uint8_t seed[2 + HF_LIMIT_EXPORT_CONTEXT];
    hf_writer w = hf_writer_of(seed, sizeof seed);

    if (context) {
        hf_write_u16(&w, (uint16_t)context->len);
        hf_write_bytes(&w, context->data, context->len);
    }
    return hf_prf12(exporter->hash, exporter->secret, HF_PREMASTER_SIZE, label, exporter->randoms, RANDOMS_SIZE, seed,
                    w.len, out, out_len);
}

/* HKDF-Expand-Label(Derive-Secret(exporter_master_secret, label, ""), "exporter", Hash(context), length) */
static hf_status export13(const hf_exporter *exporter, const char *label, const hf_export_context *context,
                          uint8_t *out, size_t out_len)
{
    static const uint8_t nothing[1];
    const hf_hash *hash = exporter->hash;
    uint8_t digest[HF_HASH_SIZE_MAX], secret[HF_HASH_SIZE_MAX];
    hf_slice of_digest = {digest, hash->size};

    hf_status status = hf_hash_once(hash, nothing, 0, digest);
    if (status == HF_OK)
        status = hf_expand_label(hash, exporter->secret, label, of_digest, secret, hash->size);
    if (status == HF_OK && context && context->len > 0)
        status = hf_hash_once(hash, context->data, context->len, digest);
    if (status == HF_OK)
        status = hf_expand_label(hash, secret, "exporter", of_digest, out, out_len);
    hf_wipe(secret, sizeof secret);
    return status;
}

hf_status hf_conn_export(const hf_conn *conn, const char *label, const hf_export_context *context, uint8_t *out,
                         size_t out_len)
{
    size_t label_len = strlen(label);

    memset(out, 0, out_len);
    if (label_len == 0 || label_len > HF_LIMIT_EXPORT_LABEL || is_reserved(label) || out_len == 0 ||
        out_len > HF_LIMIT_EXPORT || (context && context->len > HF_LIMIT_EXPORT_CONTEXT))
        return HF_ERR_INVALID;
    if (!conn->config->exporters || !conn->connected || conn->status != HF_OK)
        return HF_ERR_STATE;
    if (!conn->exporter) /* TLS 1.2 without extended master secret */
        return HF_ERR_UNSUPPORTED;
    hf_status status = conn->version == HF_TLS13 ? export13(conn->exporter, label, context, out, out_len)
                                                 : export12(conn->exporter, label, context, out, out_len);
    if (status != HF_OK)
        hf_wipe(out, out_len);
    return status;
}
