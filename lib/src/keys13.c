/* Traffic secrets and keys of TLS 1.3: RFC 8446 sections 7.1 to 7.3. */
#include "conn.h"
#include "exporter.h"

static const hf_slice no_context = {0};

/* ---- Keys of a traffic secret ---- */

static hf_status make_protection(hf_conn *conn, hf_direction direction, const hf_hmac *secret, hf_protection *out)
{
    const hf_suite *suite = hf_suite_by_id(conn->suite_id);
    const hf_cipher *cipher = conn->config->crypto.ciphers[suite->cipher];
    uint8_t key[HF_CIPHER_KEY_MAX], iv[HF_CIPHER_IV_MAX];
    hf_record_keys keys = {.mode = HF_RECORD_TLS13, .direction = direction, .key = key, .iv = iv};

    hf_status status =
        hf_expand_label_keyed(secret, "key", no_context, key, hf_cipher_spec_of(suite->cipher)->key_size);
    if (status == HF_OK)
        status = hf_expand_label_keyed(secret, "iv", no_context, iv, sizeof iv);
    if (status == HF_OK)
        status = hf_protection_init(conn, out, cipher, &keys);
    hf_wipe(key, sizeof key);
    hf_wipe(iv, sizeof iv);
    return status;
}

static hf_status protect(hf_conn *conn, hf_direction direction, const hf_hmac *secret)
{
    hf_protection *p = direction == HF_SEAL ? &conn->write : &conn->read;
    hf_protection made;

    hf_status status = make_protection(conn, direction, secret, &made);
    if (status != HF_OK)
        return status;
    hf_protection_cleanup(&conn->memory, p);
    *p = made;
    return HF_OK;
}

hf_status hf_set_traffic13(hf_conn *conn, hf_direction direction, const uint8_t *secret)
{
    uint8_t *kept = direction == HF_SEAL ? conn->write_secret : conn->read_secret;
    hf_hmac keyed;

    hf_status status = hf_hmac_init(&keyed, conn->hash13, secret, conn->hash13->size);
    if (status != HF_OK)
        return status;
    status = protect(conn, direction, &keyed);
    hf_hmac_cleanup(&keyed);
    if (status == HF_OK)
        memmove(kept, secret, conn->hash13->size);
    return status;
}

hf_status hf_update_traffic13(hf_conn *conn, hf_direction direction)
{
    const uint8_t *kept = direction == HF_SEAL ? conn->write_secret : conn->read_secret;
    uint8_t next[HF_HASH_SIZE_MAX];

    hf_status status = hf_expand_label(conn->hash13, kept, "traffic upd", no_context, next, conn->hash13->size);
    if (status == HF_OK)
        status = hf_set_traffic13(conn, direction, next);
    hf_wipe(next, sizeof next);
    return status;
}

/* ---- The schedule, bound to the transcript ---- */

static void log_secret(hf_conn *conn, const char *label, const uint8_t *secret)
{
    if (conn->options.on_key_log)
        conn->options.on_key_log(conn->options.user, label, conn->hs->client_random, secret, conn->hash13->size);
}

static hf_status derive(hf_conn *conn, hf_phase13 phase, const char *label, const char *log_label,
                        const uint8_t *transcript_hash, uint8_t *out)
{
    hf_status status = hf_schedule13_derive(&conn->hs->schedule, phase, label, transcript_hash, out);
    if (status == HF_OK)
        log_secret(conn, log_label, out);
    return status;
}

/* The handshake traffic secret of one side: its record keys take over, the key of its Finished is kept. */
static hf_status enter_side(hf_conn *conn, hf_role side, const uint8_t *transcript_hash)
{
    static const char *const labels[2][2] = {
        [HF_ROLE_CLIENT] = {"c hs traffic", "CLIENT_HANDSHAKE_TRAFFIC_SECRET"},
        [HF_ROLE_SERVER] = {"s hs traffic", "SERVER_HANDSHAKE_TRAFFIC_SECRET"},
    };
    const hf_hash *hash = conn->hash13;
    uint8_t secret[HF_HASH_SIZE_MAX];
    hf_hmac keyed;

    hf_status status = derive(conn, HF_PHASE_HANDSHAKE, labels[side][0], labels[side][1], transcript_hash, secret);
    if (status == HF_OK)
        status = hf_hmac_init(&keyed, hash, secret, hash->size);
    hf_wipe(secret, sizeof secret);
    if (status != HF_OK)
        return status;
    status = hf_expand_label_keyed(&keyed, "finished", no_context, conn->hs->finished_keys[side], hash->size);
    if (status == HF_OK)
        status = protect(conn, side == conn->role ? HF_SEAL : HF_OPEN, &keyed);
    hf_hmac_cleanup(&keyed);
    return status;
}

static hf_status start_schedule(hf_handshake *hs)
{
    if (!hs->resumed)
        return hf_schedule13_start(&hs->schedule, hs->hash, hs->premaster, hs->premaster_len);
    hf_status status = hf_schedule13_start_psk(&hs->schedule, hs->hash, hs->session->state.secret.ptr);
    if (status == HF_OK)
        status = hf_schedule13_handshake(&hs->schedule, hs->premaster, hs->premaster_len);
    return status;
}

hf_status hf_enter_handshake13(hf_conn *conn)
{
    hf_handshake *hs = conn->hs;
    uint8_t transcript_hash[HF_HASH_SIZE_MAX];

    conn->hash13 = hs->hash;
    hf_status status = start_schedule(hs);
    hf_wipe(hs->premaster, sizeof hs->premaster);
    hs->premaster_len = 0;
    if (status == HF_OK)
        status = hf_transcript_digest(&hs->transcript, transcript_hash);
    if (status == HF_OK)
        status = enter_side(conn, HF_ROLE_CLIENT, transcript_hash);
    if (status == HF_OK)
        status = enter_side(conn, HF_ROLE_SERVER, transcript_hash);
    if (status == HF_OK)
        hf_emit(conn, HF_EVENT_SECRET, 0, 0, "handshake keys derived: the rest of the handshake is encrypted");
    return status;
}

hf_status hf_derive_application13(hf_conn *conn, uint8_t *out_client, uint8_t *out_server)
{
    hf_handshake *hs = conn->hs;
    uint8_t transcript_hash[HF_HASH_SIZE_MAX];

    hf_status status = hf_schedule13_master(&hs->schedule);
    if (status == HF_OK)
        status = hf_transcript_digest(&hs->transcript, transcript_hash);
    if (status == HF_OK)
        status = derive(conn, HF_PHASE_MASTER, "c ap traffic", "CLIENT_TRAFFIC_SECRET_0", transcript_hash, out_client);
    if (status == HF_OK)
        status = derive(conn, HF_PHASE_MASTER, "s ap traffic", "SERVER_TRAFFIC_SECRET_0", transcript_hash, out_server);
    if (status == HF_OK)
        status = hf_exporter_keep13(conn, transcript_hash);
    if (status == HF_OK)
        hf_emit(conn, HF_EVENT_SECRET, 0, 0, "application traffic secrets derived: encryption, decryption, integrity");
    return status;
}

hf_status hf_derive_resumption13(hf_conn *conn, uint8_t *out)
{
    uint8_t transcript[HF_HASH_SIZE_MAX];

    hf_status status = hf_transcript_digest(&conn->hs->transcript, transcript);
    if (status == HF_OK)
        status = hf_schedule13_derive(&conn->hs->schedule, HF_PHASE_MASTER, "res master", transcript, out);
    return status;
}

hf_status hf_verify_data13(hf_conn *conn, hf_role of, uint8_t *out)
{
    hf_handshake *hs = conn->hs;
    uint8_t transcript[HF_HASH_SIZE_MAX];

    hf_status status = hf_transcript_digest(&hs->transcript, transcript);
    if (status != HF_OK)
        return status;
    return hf_finished_mac13(hs->hash, hs->finished_keys[of], transcript, out);
}
