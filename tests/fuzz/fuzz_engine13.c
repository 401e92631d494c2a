/* Fuzz target of a TLS 1.3 state machine and its record layer (FUZZ_SERVER: which side is attacked). As fuzz_engine.c,
 * but the gate opens the honest peer's records and seals again under the target's own keys, so that the input reaches
 * what stands behind record protection:
 *
 *   byte 0  suite; a session before (fuzz_resume.h)      byte 1  client authentication and certificate, small records,
 * ALPN then orders, each a byte and its arguments
 *
 * Whoever connected must have seen the very handshake that the peer sent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "fake_crypto.h"
#include "fuzz_resume.h"
#include "lib/gate13.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fuzz_engine13: %s\n", what);
    abort();
}

enum { CLIENT_AUTH = 3, CLIENT_CERT = 4, SMALL_LIMIT = 8, ALPN = 16, PADDING = 32 };

static hf_status add(hf_config *config, fake_credential *c)
{
    const uint8_t *certs[] = {c->der};
    return hf_config_add_credential(config, &(hf_credential){certs, &c->der_len, 1, &c->key});
}

static hf_config *configure(hf_role role, uint8_t suite, uint8_t flags, const resumable *past)
{
    static const uint16_t suites[] = {0x1301, 0x1302, 0x1303, 0x1304};
    static const char *const names[] = {"h2", "http/1.1"};
    bool server = role == HF_ROLE_SERVER;
    hf_config *config;
    hf_trust *trust;
    check(hf_config_new(fake_env(), fake_crypto(), &config) == HF_OK, "a configuration");
    hf_status s = hf_config_set_policy(config, HF_POLICY_INTERMEDIATE);
    if (s == HF_OK && !server)
        s = hf_config_set_suites(config, &suites[suite % 4], 1);
    if (s == HF_OK && (server || (flags & CLIENT_CERT)))
        s = add(config, fake_ec());
    if (s == HF_OK && server)
        s = hf_config_set_client_auth(config, (hf_client_auth)(flags & CLIENT_AUTH));
    if (s == HF_OK && (flags & SMALL_LIMIT))
        s = hf_config_set_record_size_limit(config, 64);
    if (s == HF_OK && (flags & PADDING))
        s = hf_config_set_record_padding(config, 128);
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

typedef struct run {
    hf_reader in;
    pair p;
    gate13 g;
    bool altered; /* a handshake message did not arrive as it was sent */
} run;

static uint8_t byte(run *r)
{
    uint8_t b = 0;
    (void)hf_read_u8(&r->in, &b);
    return b;
}

static hf_slice bytes(run *r)
{
    static const uint8_t none[1];
    uint16_t n = 0;
    hf_slice s = {none, 0};
    if (!hf_read_u16(&r->in, &n))
        return s;
    n = (uint16_t)(n % 1024);
    if (n && !hf_read_bytes(&r->in, n, &s))
        (void)hf_read_bytes(&r->in, hf_reader_left(&r->in), &s);
    return s.len ? s : (hf_slice){none, 0};
}

static void at_next(run *r, unsigned order)
{
    static unit u;
    if (!gate13_next(&r->g, &u))
        return;
    bool handshake = u.bytes[0] == HF_CONTENT_HANDSHAKE && r->g.to->n_connected == 0;
    if (order == 1 && u.len > HF_RECORD_HEADER_SIZE) { /* change a byte of what is inside */
        size_t at = HF_RECORD_HEADER_SIZE + ((size_t)byte(r) << 8 | byte(r)) % (u.len - HF_RECORD_HEADER_SIZE);
        uint8_t by = byte(r);
        u.bytes[at] ^= by;
        r->altered |= handshake && by;
    } else if (order == 2) { /* twice */
        gate13_pass(&r->g, &u);
    } else if (order == 3) { /* not at all */
        r->altered |= handshake;
        return;
    } else if (order == 4 && handshake) { /* in two records */
        size_t cut = HF_RECORD_HEADER_SIZE + 1 + byte(r) % (u.len - HF_RECORD_HEADER_SIZE);
        gate13_put(&r->g, u.bytes[0], u.bytes + HF_RECORD_HEADER_SIZE, cut - HF_RECORD_HEADER_SIZE);
        memmove(u.bytes + HF_RECORD_HEADER_SIZE, u.bytes + cut, u.len - cut);
        u.len -= cut - HF_RECORD_HEADER_SIZE;
    }
    gate13_pass(&r->g, &u);
}

static void write_data(run *r, end *e)
{
    static uint8_t zeros[1 << 15];
    size_t taken;
    if (hf_conn_wants(e->conn) & HF_WANT_ROOM)
        (void)!hf_conn_write(e->conn, e->worker, zeros, (size_t)byte(r) * 97, &taken);
}

static void obey(run *r)
{
    unsigned order = byte(r) % 16;
    uint8_t type;
    hf_slice s;
    switch (order) {
    case 5:
        s = bytes(r);
        gate13_put_raw(&r->g, s.ptr, s.len);
        break;
    case 6:
        type = byte(r);
        s = bytes(r);
        gate13_put_padded(&r->g, type, s.ptr, s.len, byte(r));
        break;
    case 7:
        type = byte(r);
        s = bytes(r);
        gate13_put_message(&r->g, type, s.ptr, s.len);
        break;
    case 8:
        type = byte(r);
        s = bytes(r);
        gate13_put_plain(&r->g, type, s.ptr, s.len);
        break;
    case 9:
        write_data(r, r->g.from);
        break;
    case 10:
        write_data(r, r->g.to);
        break;
    case 11:
        hf_conn_close(byte(r) % 2 ? r->g.to->conn : r->g.from->conn, r->g.to->worker);
        break;
    case 12: /* a KeyUpdate, and the keys behind it */
        gate13_put_message(&r->g, HF_MSG_KEY_UPDATE, byte(r) % 2 ? "\1" : "\0", 1);
        if (r->g.out.cipher)
            gate13_update(&r->g);
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

static void judge(run *r)
{
    end *to = r->g.to;
    hf_status status = hf_conn_status(to->conn);
    hf_conn_info info;
    check(!(r->altered && to->n_connected), "connected over a handshake that was altered");
    check(to->n_connected <= 1, "connected once");
    check(status == HF_OK || (hf_conn_wants(to->conn) & HF_WANT_CLOSED), "a failed connection is closed");
    check(!hf_status_is_send(status) || end_alert_sent(to) == ((int)status & 0xff) ||
              end_alert_sent(to) == HF_ALERT_CLOSE_NOTIFY,
          "the alert that the status names");
    check(!hf_status_is_got(status) || to->n_alerts_got > 0, "an alert that was received");
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
    gate13_init(&r.g, &r.p, FUZZ_SERVER ? &r.p.client : &r.p.server);
    for (size_t i = 0; i < 64 && !hf_reader_done(&r.in); i++)
        obey(&r);
    gate13_pass_all(&r.g);
    judge(&r);
    gate13_cleanup(&r.g);
    pair_cleanup(&r.p);
    resumable_cleanup(&past);
    return 0;
}
