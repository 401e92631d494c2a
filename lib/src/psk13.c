/* Pre-shared keys of TLS 1.3: how the server finds one and the client offers one. RFC 8446 section 4.2.11; with
 * (EC)DHE only (psk_dhe_ke, section 4.2.9), so that a stolen ticket key opens no recorded connection.
 *
 * The obfuscated age is not judged: it protects early data, which is never accepted, against replay.
 */
#include "extensions_psk.h"
#include "hello.h"
#include "negotiate.h"
#include "resume.h"

#define PSK_DHE_KE 1

static const hf_hash *hash_of(const hf_conn *conn, const hf_session_state *s)
{
    return conn->config->crypto.hashes[hf_suite_by_id(s->suite)->prf_hash];
}

/* The hash of everything up to the binders, which stand at the end of the hello (section 4.2.11.2). */
static hf_status hash_hello(hf_conn *conn, const hf_hash *hash, hf_slice hello, size_t binders, uint8_t *out)
{
    hf_slice before = hf_transcript_messages(&conn->hs->transcript); /* a HelloRetryRequest, and the hello before it */
    hf_hash_state state;

    hf_status status = hash->init(state.bytes);
    if (status != HF_OK)
        return status;
    if (before.len > 0)
        status = hash->update(state.bytes, before.ptr, before.len);
    if (status == HF_OK)
        status = hash->update(state.bytes, hello.ptr, hello.len - binders);
    if (status == HF_OK)
        status = hash->final(state.bytes, out);
    hash->cleanup(state.bytes);
    return status;
}

/* ---- Server ---- */

static bool fits13(hf_conn *conn, const hf_client_hello *hello, const hf_session_state *s)
{
    hf_choice13 choice;
    const char *why;

    return s->version == HF_TLS13 && hash_of(conn, s) && (!conn->hs->retried || hash_of(conn, s) == conn->hs->hash) &&
           hf_choose_resumed13(conn->config, hello, hash_of(conn, s)->id, &choice, &why) == HF_OK &&
           hf_session_fits_server(conn, hello, s);
}

static hf_status check_binder(hf_conn *conn, const hf_message *message, const hf_client_hello *hello,
                              const hf_session_state *s, hf_slice binder, const char **why)
{
    const hf_hash *hash = hash_of(conn, s);
    uint8_t transcript[HF_HASH_SIZE_MAX], expected[HF_HASH_SIZE_MAX];

    hf_status status = hash_hello(conn, hash, message->raw, HF_PSK_BINDERS_SIZE(&hello->ext), transcript);
    if (status == HF_OK)
        status = hf_psk_binder(hash, s->secret.ptr, transcript, expected);
    if (status == HF_OK && (binder.len != hash->size || !hf_ct_equal(binder.ptr, expected, hash->size))) {
        *why = "the binder of the client's pre-shared key is wrong";
        status = HF_SEND(HF_ALERT_DECRYPT_ERROR);
    }
    hf_wipe(expected, sizeof expected);
    return status;
}

hf_status hf_psk13_find(hf_conn *conn, const hf_message *message, const hf_client_hello *hello, const char **why)
{
    hf_handshake *hs = conn->hs;
    hf_reader identities = hf_reader_of_slice(hello->ext.psk_identities);
    hf_slice identity;
    uint32_t age;

    hs->wants_tickets = hf_bytes_have(hello->ext.psk_modes, PSK_DHE_KE);
    hf_session_free(hs->session); /* of the hello before a HelloRetryRequest */
    hs->session = NULL;
    if (!conn->config->ticket_keys || !hs->wants_tickets || !hf_has(&hello->ext, HF_EXT_PRE_SHARED_KEY))
        return HF_OK;
    for (uint16_t i = 0; i < HF_LIMIT_PSK_IDENTITIES && hf_psk_identity_next(&identities, &identity, &age); i++) {
        hf_session *session;
        hf_status status = hf_ticket_open(conn, identity, &session);
        if (status != HF_OK)
            return status;
        if (!session)
            continue;
        if (!fits13(conn, hello, &session->state)) {
            hf_session_free(session);
            continue;
        }
        hs->session = session;
        hs->psk_selected = i;
        return check_binder(conn, message, hello, &session->state, hf_psk_binder_at(hello->ext.psk_binders, i), why);
    }
    return HF_OK;
}

/* ---- Client ---- */

void hf_psk13_ask(hf_extensions *ext)
{
    static const uint8_t modes[] = {PSK_DHE_KE};

    ext->present |= HF_EXT_BIT(HF_EXT_PSK_KEY_EXCHANGE_MODES);
    ext->psk_modes = (hf_slice){modes, sizeof modes};
}

void hf_psk13_offer(hf_conn *conn, uint8_t *room, size_t size, hf_extensions *ext)
{
    static const uint8_t no_binder[HF_HASH_SIZE_MAX]; /* filled in when the rest is written */
    const hf_session_state *s = &conn->hs->session->state;
    uint32_t age_ms = (uint32_t)((uint64_t)(hf_now(conn) - s->created) * 1000);
    hf_writer w = hf_writer_of(room, size);

    size_t mark = hf_write_begin(&w, 2);
    hf_write_bytes(&w, s->ticket.ptr, s->ticket.len);
    hf_write_end(&w, mark, 2);
    hf_write_uint(&w, age_ms + s->age_add, 4);
    ext->psk_identities = (hf_slice){room, w.len};
    mark = hf_write_begin(&w, 1);
    hf_write_bytes(&w, no_binder, hash_of(conn, s)->size);
    hf_write_end(&w, mark, 1);
    ext->psk_binders = (hf_slice){room + ext->psk_identities.len, w.len - ext->psk_identities.len};
    ext->present |= HF_EXT_BIT(HF_EXT_PRE_SHARED_KEY);
}

hf_status hf_psk13_bind(hf_conn *conn, hf_writer *w)
{
    const hf_session_state *s = &conn->hs->session->state;
    const hf_hash *hash = hash_of(conn, s);
    uint8_t transcript[HF_HASH_SIZE_MAX];

    if (!hf_writer_ok(w))
        return HF_ERR_BUFFER;
    hf_status status = hash_hello(conn, hash, (hf_slice){w->buf, w->len}, 2 + 1 + (size_t)hash->size, transcript);
    if (status == HF_OK)
        status = hf_psk_binder(hash, s->secret.ptr, transcript, w->buf + w->len - hash->size);
    return status;
}

hf_status hf_psk13_settle(hf_conn *conn, const hf_server_hello *hello, const char **why)
{
    hf_handshake *hs = conn->hs;

    if (!hf_has(&hello->ext, HF_EXT_PRE_SHARED_KEY))
        return HF_OK;
    *why = "the server chose a pre-shared key that we did not offer";
    if (hello->ext.psk_selected != 0 || hash_of(conn, &hs->session->state) != hs->hash)
        return HF_SEND(HF_ALERT_ILLEGAL_PARAMETER);
    return hf_session_adopt(conn, HF_RESUMED_TICKET);
}
