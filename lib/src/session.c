/* The state of a session: its encoding, and the counted object that holds it. Nothing here decides anything. */
#include "session.h"

#include <string.h>

#include "suites.h"

#define FORMAT 1 /* of the encoding; another one is not ours */

enum { EXTENDED_MASTER_SECRET = 1, ENCRYPT_THEN_MAC = 2, VERIFIED = 4, ALL_FLAGS = 7 };

/* ---- Encoding ---- */

static void write_u64(hf_writer *w, uint64_t v)
{
    hf_write_uint(w, (uint32_t)(v >> 32), 4);
    hf_write_uint(w, (uint32_t)v, 4);
}

static void write_vec(hf_writer *w, unsigned length_bytes, hf_slice s)
{
    size_t mark = hf_write_begin(w, length_bytes);
    hf_write_bytes(w, s.ptr, s.len);
    hf_write_end(w, mark, length_bytes);
}

size_t hf_session_state_size(const hf_session_state *in)
{
    return 1 + 2 + 2 + 8 + 8 + 4 + 4 + 1 + (1 + in->secret.len) + (1 + in->server_name.len) + (1 + in->alpn.len) +
           (3 + in->chain.len) + (2 + in->ticket.len) + (1 + in->session_id.len);
}

void hf_session_state_write(hf_writer *w, const hf_session_state *in)
{
    hf_write_u8(w, FORMAT);
    hf_write_u16(w, in->version);
    hf_write_u16(w, in->suite);
    write_u64(w, (uint64_t)in->created);
    write_u64(w, (uint64_t)in->authenticated);
    hf_write_uint(w, in->lifetime_s, 4);
    hf_write_uint(w, in->age_add, 4);
    hf_write_u8(w, (uint8_t)((in->extended_master_secret ? EXTENDED_MASTER_SECRET : 0) |
                             (in->encrypt_then_mac ? ENCRYPT_THEN_MAC : 0) | (in->verified ? VERIFIED : 0)));
    write_vec(w, 1, in->secret);
    write_vec(w, 1, in->server_name);
    write_vec(w, 1, in->alpn);
    write_vec(w, 3, in->chain);
    write_vec(w, 2, in->ticket);
    write_vec(w, 1, in->session_id);
}

static bool read_u32(hf_reader *r, uint32_t *out)
{
    uint16_t high, low;
    if (!hf_read_u16(r, &high) || !hf_read_u16(r, &low))
        return false;
    *out = (uint32_t)high << 16 | low;
    return true;
}

static bool read_time(hf_reader *r, int64_t *out)
{
    uint32_t high, low;
    if (!read_u32(r, &high) || !read_u32(r, &low) || high > INT32_MAX)
        return false;
    *out = (int64_t)((uint64_t)high << 32 | low);
    return true;
}

static bool is_chain(hf_slice chain)
{
    hf_reader r = hf_reader_of_slice(chain);
    hf_slice der;
    size_t n = 0;

    while (n < HF_CHAIN_MAX && hf_read_vec24(&r, 1, HF_CERT_SIZE_MAX, &der))
        n++;
    return hf_reader_done(&r);
}

/* What a state of ours always has. */
static bool is_sound(const hf_session_state *s, uint8_t flags)
{
    const hf_suite *suite = hf_suite_by_id(s->suite);

    if (!suite || (flags & ~ALL_FLAGS) || s->lifetime_s == 0 || s->lifetime_s > HF_LIMIT_SESSION_LIFETIME ||
        !is_chain(s->chain))
        return false;
    if (s->version == HF_TLS13)
        return suite->kx == HF_KX_TLS13 && s->secret.len == (suite->prf_hash == HF_SHA384 ? 48 : 32) &&
               s->session_id.len == 0;
    return s->version == HF_TLS12 && suite->kx != HF_KX_TLS13 && s->secret.len == HF_PREMASTER_SIZE;
}

hf_status hf_session_state_parse(hf_slice bytes, hf_session_state *out)
{
    hf_reader r = hf_reader_of_slice(bytes);
    hf_session_state s = {0};
    uint8_t format, flags;

    *out = s;
    if (!hf_read_u8(&r, &format) || format != FORMAT || !hf_read_u16(&r, &s.version) || !hf_read_u16(&r, &s.suite) ||
        !read_time(&r, &s.created) || !read_time(&r, &s.authenticated) || !read_u32(&r, &s.lifetime_s) ||
        !read_u32(&r, &s.age_add) || !hf_read_u8(&r, &flags) || !hf_read_vec8(&r, 1, 255, &s.secret) ||
        !hf_read_vec8(&r, 0, HF_LIMIT_NAME, &s.server_name) || !hf_read_vec8(&r, 0, HF_LIMIT_ALPN_SIZE, &s.alpn) ||
        !hf_read_vec24(&r, 0, HF_LIMIT_SESSION_CHAIN, &s.chain) || !hf_read_vec16(&r, 0, 0xffff, &s.ticket) ||
        !hf_read_vec8(&r, 0, 32, &s.session_id) || !hf_reader_done(&r) || !is_sound(&s, flags))
        return HF_ERR_DECODE;
    s.extended_master_secret = flags & EXTENDED_MASTER_SECRET;
    s.encrypt_then_mac = flags & ENCRYPT_THEN_MAC;
    s.verified = flags & VERIFIED;
    *out = s;
    return HF_OK;
}

/* ---- The object ---- */

hf_status hf_session_alloc(const hf_env *env, size_t len, hf_session **out)
{
    size_t size = sizeof(hf_session) + len;
    hf_session *session = env->alloc(env->alloc_arg, size);

    if (!session)
        return HF_ERR_NO_MEMORY;
    memset(session, 0, size);
    atomic_init(&session->references, 1);
    session->env = *env;
    session->size = size;
    session->len = len;
    *out = session;
    return HF_OK;
}

hf_status hf_session_decode(hf_session *session, size_t len)
{
    hf_status status = hf_session_state_parse((hf_slice){session->bytes, len}, &session->state);
    hf_slice name = session->state.server_name;

    if (status == HF_OK && name.len > 0)
        memcpy(session->server_name, name.ptr, name.len);
    return status;
}

hf_status hf_session_new(const hf_env *env, const hf_session_state *state, hf_session **out)
{
    size_t len = hf_session_state_size(state);
    hf_session *session;

    hf_status status = hf_session_alloc(env, len, &session);
    if (status != HF_OK)
        return status;
    hf_writer w = hf_writer_of(session->bytes, len);
    hf_session_state_write(&w, state);
    status = hf_writer_ok(&w) ? hf_session_decode(session, w.len) : HF_ERR_INVALID;
    if (status != HF_OK) {
        hf_session_free(session);
        return status;
    }
    *out = session;
    return HF_OK;
}

hf_session *hf_session_retain(hf_session *session)
{
    atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
    return session;
}

void hf_session_free(hf_session *session)
{
    if (!session || atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) != 1)
        return;
    hf_env env = session->env;
    size_t size = session->size;
    hf_wipe(session, size);
    env.free(env.alloc_arg, session, size);
}

void hf_session_get_info(const hf_session *session, hf_session_info *out)
{
    const hf_session_state *s = &session->state;

    *out = (hf_session_info){.version = s->version,
                             .suite = s->suite,
                             .created = s->created,
                             .lifetime_s = s->lifetime_s,
                             .verified = s->verified,
                             .by_id = s->version == HF_TLS12 && s->ticket.len == 0};
    out->server_name = session->server_name[0] ? session->server_name : NULL;
}
