/* Fuzz target of a whole state machine and its record layer (FUZZ_SERVER: which side is attacked). An honest peer runs
 * a handshake with the target through a gate; the input says what happens at the gate:
 *
 *   byte 0       suite; a session before (fuzz_resume.h)      byte 1   client authentication, certificate, limits,
 * ALPN, policy, version then orders, each a byte and its arguments: pass the next record / change a byte of it / cut it
 * / double it / drop it put in raw bytes / a record / a handshake message, protected as the peer would write data,
 * close, hand back key operations wrong or not at all, end the stream
 *
 * Beyond "does not crash": whoever connected must have seen the very handshake that the peer sent, and what came
 * through as data must be what was written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "fake_crypto.h"
#include "fuzz_resume.h"
#include "lib/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fuzz_engine: %s\n", what);
    abort();
}

/* What happened, for whoever looks at a finding. */
static void explain(const char *who, const end *e)
{
    fprintf(stderr, "%s: %s (%s), sent %d, got %d, connected %zu\n", who, hf_status_text(hf_conn_status(e->conn)),
            hf_conn_reason(e->conn), end_alert_sent(e), end_alert_got(e), e->n_connected);
}

/* ---- Configurations ---- */

enum {
    CLIENT_AUTH = 3,
    CLIENT_CERT = 4,
    SMALL_LIMIT = 8,
    SMALL_FRAGMENT = 16,
    ALPN = 32,
    INTERMEDIATE = 64,
    VERSION13 = 128
};

static hf_status add(hf_config *config, fake_credential *c)
{
    const uint8_t *certs[] = {c->der};
    return hf_config_add_credential(config, &(hf_credential){certs, &c->der_len, 1, &c->key});
}

/* A suite of TLS 1.2; NULL: leave the choice to the policy. */
static const hf_suite_info *suite_of(uint8_t wish)
{
    const hf_suite_info *info = hf_suite_at(wish % 32);
    return info && info->id >> 8 != 0x13 ? info : NULL;
}

static hf_config *configure(hf_role role, uint8_t suite, uint8_t flags, const resumable *past)
{
    const hf_suite_info *info = suite_of(suite);
    static const char *const names[] = {"h2", "http/1.1"};
    hf_config *config;
    hf_trust *trust;
    bool server = role == HF_ROLE_SERVER, intermediate = flags & INTERMEDIATE;
    hf_status s = hf_config_new(fake_env(), fake_crypto(), &config);
    check(s == HF_OK, "a configuration");
    s = hf_config_set_policy(config, intermediate ? HF_POLICY_INTERMEDIATE : HF_POLICY_COMPATIBLE);
    if (s == HF_OK && !(flags & VERSION13))
        s = hf_config_set_versions(config, HF_TLS12, HF_TLS12);
    if (s == HF_OK && info && !intermediate && !server && !(flags & VERSION13))
        s = hf_config_set_suites(config, &info->id, 1);
    if (s == HF_OK && server)
        s = add(config, fake_rsa());
    if (s == HF_OK && (server || (flags & CLIENT_CERT)))
        s = add(config, fake_ec());
    if (s == HF_OK && server)
        s = hf_config_set_client_auth(config, (hf_client_auth)(flags & CLIENT_AUTH));
    if (s == HF_OK && (flags & SMALL_LIMIT))
        s = hf_config_set_record_size_limit(config, 64);
    if (s == HF_OK && (flags & SMALL_FRAGMENT))
        s = hf_config_set_max_fragment_length(config, 512);
    if (s == HF_OK && (flags & ALPN))
        s = hf_config_set_alpn(config, names, server ? 2 : 1);
    if (s == HF_OK)
        s = fake_crypto()->pki->trust_new(NULL, 0, &trust);
    if (s == HF_OK)
        s = hf_config_set_trust(config, trust);
    if (s == HF_OK && server)
        s = resumable_configure(past, config);
    if (s == HF_OK)
        s = hf_config_build(config, role, NULL, 0);
    check(s == HF_OK, "a configuration that builds");
    return config;
}

/* ---- The orders ---- */

typedef struct run {
    hf_reader in;
    pair p;
    gate g;
    bool altered;   /* a handshake message did not arrive as it was sent */
    bool put;       /* something of ours was put in, or records were lost: sequence numbers are off */
    bool connected; /* the target, ever */
    size_t written, written_at_target;
} run;

static uint8_t byte(run *r)
{
    uint8_t b = 0;
    (void)hf_read_u8(&r->in, &b);
    return b;
}

static hf_slice bytes(run *r)
{
    uint16_t n = 0;
    hf_slice s = {0};
    if (!hf_read_u16(&r->in, &n))
        return s;
    n = (uint16_t)(n % 1024);
    if (!hf_read_bytes(&r->in, n, &s))
        (void)hf_read_bytes(&r->in, hf_reader_left(&r->in), &s);
    return s;
}

static bool may_put(run *r)
{
    return !r->g.protecting || (r->g.from->conn->write.cipher && !r->g.from->conn->sent_close);
}

static void change(run *r, unit *u)
{
    size_t at = ((size_t)byte(r) << 8 | byte(r)) % u->len;
    uint8_t by = byte(r);
    u->bytes[at] ^= by;
    if (!by)
        return;
    r->put = true;
    /* A record header may differ in its version; what is in a record before the target connected may not. */
    if (at >= HF_RECORD_HEADER_SIZE && u->message != UNIT_OTHER && r->g.to->n_connected == 0)
        r->altered = true;
}

static void at_next(run *r, unsigned order)
{
    static unit u;
    if (!gate_next(&r->g, &u))
        return;
    switch (order) {
    case 1:
        change(r, &u);
        gate_pass(&r->g, &u);
        break;
    case 2:
        r->put = true;
        u.len = 1 + byte(r) % u.len;
        gate_pass(&r->g, &u);
        break;
    case 3:
        r->put = true;
        gate_pass(&r->g, &u);
        gate_put_raw(&r->g, u.bytes, u.len);
        break;
    case 4:
        r->put = true;
        if (u.message < HF_MESSAGE_CHANGE_CIPHER_SPEC)
            r->altered = true;
        break;
    default:
        gate_pass(&r->g, &u);
    }
}

static void put(run *r, unsigned order)
{
    uint8_t type = order == 5 ? 0 : byte(r);
    hf_slice s = bytes(r);
    static const uint8_t none[1];
    const uint8_t *p = s.len ? s.ptr : none;
    if (order != 5 && !may_put(r))
        return;
    r->put = true;
    if (order == 5)
        gate_put_raw(&r->g, p, s.len);
    else if (order == 6)
        gate_put(&r->g, type, p, s.len);
    else
        gate_put_message(&r->g, type, p, s.len);
}

static void write_data(run *r, end *e, size_t *count)
{
    static uint8_t zeros[1 << 16];
    size_t n = (size_t)byte(r) * 97, taken = 0;
    if (hf_conn_wants(e->conn) & HF_WANT_ROOM)
        (void)!hf_conn_write(e->conn, e->worker, zeros, n, &taken);
    *count += taken;
}

static void key_back(run *r)
{
    hf_key_op *op;
    if (hf_conn_key_take(r->g.to->conn, &op) != HF_OK)
        return;
    switch (byte(r) % 4) {
    case 0:
        hf_key_op_free(op);
        return;
    case 1:
        op->status = HF_ERR_TOKEN;
        break;
    case 2:
        op->status = HF_OK;
        op->result_len = byte(r);
        break;
    default:
        op->id++;
    }
    hf_status status = hf_conn_key_done(r->g.to->conn, op);
    check(status == HF_OK || status == HF_ERR_STALE, "an operation comes back or is stale");
}

static void obey(run *r)
{
    unsigned order = byte(r) % 16;
    switch (order) {
    case 5:
    case 6:
    case 7:
        put(r, order);
        break;
    case 8:
        write_data(r, r->g.from, &r->written);
        break;
    case 9:
        write_data(r, r->g.to, &r->written_at_target);
        break;
    case 10:
        hf_conn_close(byte(r) % 2 ? r->g.to->conn : r->g.from->conn,
                      r->g.to->worker); /* any worker of the composition will do */
        break;
    case 11:
        r->g.to->hold_key = !r->g.to->hold_key;
        break;
    case 12:
        key_back(r);
        break;
    case 13:
        r->g.to->injected.closed = true;
        break;
    case 14:
        r->p.pieces = (pair_pieces)(byte(r) % 3);
        break;
    default:
        at_next(r, order);
    }
    pair_run(&r->p);
}

/* ---- What must hold ---- */

static void judge(run *r)
{
    end *to = r->g.to;
    hf_status status = hf_conn_status(to->conn);
    check(!(r->altered && to->n_connected), "connected over a handshake that was altered");
    check(to->n_connected <= 1, "connected once");
    check(status == HF_OK || (hf_conn_wants(to->conn) & HF_WANT_CLOSED), "a failed connection is closed");
    check(to->n_alerts_sent <= 12, "alerts are few");
    /* After our close_notify nothing more is said. */
    check(!hf_status_is_send(status) || end_alert_sent(to) == ((int)status & 0xff) ||
              end_alert_sent(to) == HF_ALERT_CLOSE_NOTIFY,
          "the alert that the status names");
    check(!hf_status_is_got(status) || to->n_alerts_got > 0, "an alert that was received");
    if (!r->put) {
        check(wire_len(&to->plain) <= r->written, "no more than was written");
        for (size_t i = 0; i < wire_len(&to->plain); i++)
            check(wire_data(&to->plain)[i] == 0, "what was written");
    }
    hf_conn_info info;
    hf_conn_get_info(to->conn, &info);
    check(info.memory < 1u << 21, "memory is bounded");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static run r;
    if (size < 2)
        return -1;
    memset(&r, 0, sizeof r);
    r.in = hf_reader_of(data, size);
    fake_restart();
    uint8_t suite = byte(&r), flags = byte(&r);
    resumable past = resumable_of(suite);
    hf_config *client = configure(HF_ROLE_CLIENT, suite, flags, &past);
    hf_config *server = configure(HF_ROLE_SERVER, suite, flags, &past);
    resumable_first(&past, &r.p, client, server);
    check(pair_start(&r.p, client, server, "fuzz.example") == HF_OK, "a pair");
    hf_config_release(client);
    hf_config_release(server);
    gate_init(&r.g, &r.p, FUZZ_SERVER ? &r.p.client : &r.p.server);
    for (size_t i = 0; i < 64 && !hf_reader_done(&r.in); i++)
        obey(&r);
    r.g.to->hold_key = false;
    gate_pass_all(&r.g);
    if (getenv("FUZZ_EXPLAIN")) {
        explain("target", r.g.to);
        explain("peer", r.g.from);
    }
    judge(&r);
    gate_cleanup(&r.g);
    pair_cleanup(&r.p);
    resumable_cleanup(&past);
    return 0;
}
