/* The pump behind pair.h. */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h" /* the composition that a configuration holds */

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "pair: %s\n", what);
    abort();
}

uint32_t pair_random(uint32_t *seed)
{
    uint32_t x = *seed ? *seed : 0x9e3779b9;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *seed = x;
}

bool bytes_contain(const uint8_t *hay, size_t len, const void *needle, size_t needle_len)
{
    for (size_t i = 0; i + needle_len <= len; i++)
        if (memcmp(hay + i, needle, needle_len) == 0)
            return true;
    return false;
}

/* ---- Wires ---- */

size_t wire_len(const wire *w)
{
    return w->end - w->start;
}

uint8_t *wire_data(wire *w)
{
    return w->data + w->start;
}

void wire_put(wire *w, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    if (w->size - w->end < len) {
        size_t have = wire_len(w);
        size_t size = 2 * (have + len);
        uint8_t *data = malloc(size);
        must(data != NULL, "out of memory");
        if (have)
            memcpy(data, w->data + w->start, have);
        free(w->data);
        *w = (wire){data, 0, have, size, w->closed};
    }
    memcpy(w->data + w->end, bytes, len);
    w->end += len;
}

void wire_drop(wire *w, size_t len)
{
    must(len <= wire_len(w), "more dropped than there is");
    w->start += len;
    if (w->start == w->end)
        w->start = w->end = 0;
}

/* ---- Ends ---- */

static void on_event(void *user, hf_conn *conn, const hf_event *event)
{
    end *e = user;
    (void)conn;
    switch (event->kind) {
    case HF_EVENT_SENT:
        e->n_sent++;
        break;
    case HF_EVENT_RECEIVED:
        e->n_received++;
        break;
    case HF_EVENT_ALERT_SENT:
        if (e->n_alerts_sent < END_ALERTS)
            e->alerts_sent[e->n_alerts_sent++] = (uint8_t)event->message;
        break;
    case HF_EVENT_ALERT_RECEIVED:
        if (e->n_alerts_got < END_ALERTS)
            e->alerts_got[e->n_alerts_got++] = (uint8_t)event->message;
        break;
    case HF_EVENT_KEY_STARTED:
        e->key_started++;
        break;
    case HF_EVENT_KEY_DONE:
        e->key_done++;
        break;
    case HF_EVENT_CONNECTED:
        e->n_connected++;
        break;
    case HF_EVENT_RESUMED:
        e->n_resumed++;
        break;
    case HF_EVENT_CLOSED:
        e->n_closed++;
        break;
    default:
        break;
    }
}

static void on_key_log(void *user, const char *label, const uint8_t client_random[32], const uint8_t *secret,
                       size_t secret_len)
{
    end *e = user;
    e->n_key_logs++;
    if (strcmp(label, "CLIENT_RANDOM") != 0) /* TLS 1.3 has several */
        return;
    must(secret_len == sizeof e->logged_secret, "a master secret of TLS 1.2");
    memcpy(e->logged_random, client_random, sizeof e->logged_random);
    memcpy(e->logged_secret, secret, secret_len);
}

int end_alert_sent(const end *e)
{
    return e->n_alerts_sent ? e->alerts_sent[e->n_alerts_sent - 1] : -1;
}

int end_alert_got(const end *e)
{
    return e->n_alerts_got ? e->alerts_got[e->n_alerts_got - 1] : -1;
}

static void on_session(void *user, hf_conn *conn, hf_session *session)
{
    end *e = user;
    (void)conn;
    e->n_given++;
    if (e->n_sessions == END_SESSIONS)
        hf_session_free(e->sessions[--e->n_sessions]);
    e->sessions[e->n_sessions++] = session;
}

hf_session *pair_take_session(pair *p)
{
    return p->client.n_sessions ? p->client.sessions[--p->client.n_sessions] : NULL;
}

static hf_status end_start(end *e, hf_config *config, const char *name, const pair *p)
{
    hf_conn_options options = {.server_name = name,
                               .user = e,
                               .on_event = on_event,
                               .on_key_log = on_key_log,
                               .session = p->offer,
                               .on_session = p->keep ? on_session : NULL};
    hf_status status = hf_conn_new(config, &options, &e->conn);
    if (status == HF_OK)
        status = hf_worker_new(&config->crypto, &e->worker);
    return status;
}

static void end_cleanup(end *e)
{
    hf_conn_free(e->conn);
    for (size_t i = 0; i < e->n_sessions; i++)
        hf_session_free(e->sessions[i]);
    hf_worker_free(e->worker);
    free(e->out.data);
    free(e->injected.data);
    free(e->plain.data);
}

hf_status pair_start(pair *p, hf_config *client, hf_config *server, const char *name)
{
    *p = (pair){.pieces = p->pieces, .seed = p->seed, .offer = p->offer, .keep = p->keep};
    hf_status status = end_start(&p->client, client, name, p);
    if (status == HF_OK)
        status = end_start(&p->server, server, NULL, p);
    if (status != HF_OK)
        pair_cleanup(p);
    return status;
}

void pair_cleanup(pair *p)
{
    end_cleanup(&p->client);
    end_cleanup(&p->server);
    memset(p, 0, sizeof *p);
}

end *pair_peer(pair *p, end *e)
{
    return e == &p->client ? &p->server : &p->client;
}

/* ---- The pump ---- */

static size_t piece(pair *p, size_t len)
{
    if (p->pieces == PAIR_BYTES)
        return len ? 1 : 0;
    if (p->pieces == PAIR_RANDOM && len > 1) {
        size_t most = pair_random(&p->seed) % 8 == 0 ? len : len < 64 ? len : 64;
        return 1 + pair_random(&p->seed) % most;
    }
    return len;
}

static void key_returned(void *arg, hf_key_op *op)
{
    end *e = arg;
    must(hf_conn_key_done(e->conn, op) == HF_OK, "the connection waits for its operation");
}

static bool move_out(pair *p, end *e)
{
    const uint8_t *bytes;
    size_t len;
    must(hf_conn_output_buf(e->conn, &bytes, &len) == HF_OK && len > 0, "OUTPUT gives bytes");
    len = piece(p, len);
    wire_put(&e->out, bytes, len);
    must(hf_conn_output_ack(e->conn, len) == HF_OK, "what was given can be acknowledged");
    return true;
}

static bool move_plain(pair *p, end *e)
{
    const uint8_t *bytes;
    size_t len;
    must(hf_conn_plaintext_buf(e->conn, &bytes, &len) == HF_OK && len > 0, "PLAINTEXT gives bytes");
    len = piece(p, len);
    wire_put(&e->plain, bytes, len);
    must(hf_conn_plaintext_ack(e->conn, len) == HF_OK, "what was given can be acknowledged");
    return true;
}

static bool move_in(pair *p, end *e, wire *in)
{
    uint8_t *room;
    size_t max;
    if (wire_len(in) == 0) {
        if (!in->closed || e->eof_told)
            return false;
        hf_conn_input_eof(e->conn);
        return e->eof_told = true;
    }
    hf_status status = hf_conn_input_buf(e->conn, &room, &max);
    if (status == HF_ERR_NO_MEMORY) { /* an allocator that fails on purpose: the application gives up */
        hf_conn_fail(e->conn, e->worker, status, "no room for input");
        return true;
    }
    must(status == HF_OK && max > 0, "INPUT gives room");
    size_t len = piece(p, wire_len(in) < max ? wire_len(in) : max);
    memcpy(room, wire_data(in), len);
    must(hf_conn_input_ack(e->conn, len) == HF_OK, "what was filled can be acknowledged");
    wire_drop(in, len);
    return true;
}

bool pair_move(pair *p, end *e)
{
    end *peer = pair_peer(p, e);
    bool moved = false;

    e->status = hf_conn_step(e->conn, e->worker);
    unsigned wants = hf_conn_wants(e->conn);
    if (wants & HF_WANT_OUTPUT)
        moved |= move_out(p, e);
    if ((wants & HF_WANT_KEY) && !e->hold_key) {
        hf_key_op *op;
        must(hf_conn_key_take(e->conn, &op) == HF_OK, "KEY gives an operation");
        op->key->ops->submit(op->key, op, key_returned, e);
        moved = true;
    }
    if ((wants & HF_WANT_PLAINTEXT) && !e->hold_plain)
        moved |= move_plain(p, e);
    if (wants & HF_WANT_INPUT)
        moved |= move_in(p, e, peer->held_out ? &e->injected : &peer->out);
    return moved;
}

void pair_run(pair *p)
{
    bool moved = true;
    for (size_t i = 0; moved; i++) {
        must(i < 100u << 20, "the pair comes to rest");
        moved = pair_move(p, &p->client);
        moved |= pair_move(p, &p->server);
    }
}

bool pair_connected(const pair *p)
{
    hf_conn_info client, server;
    hf_conn_get_info(p->client.conn, &client);
    hf_conn_get_info(p->server.conn, &server);
    return client.connected && server.connected && hf_conn_status(p->client.conn) == HF_OK &&
           hf_conn_status(p->server.conn) == HF_OK;
}

/* Through the copying call, or in place, as the pieces' generator has it. */
static hf_status write_some(pair *p, end *e, const uint8_t *data, size_t len, size_t *taken)
{
    uint8_t *room;
    size_t max;
    if (p->pieces != PAIR_RANDOM || pair_random(&p->seed) % 2)
        return hf_conn_write(e->conn, e->worker, data, p->pieces == PAIR_BYTES ? (len ? 1 : 0) : len, taken);
    hf_status status = hf_conn_room_buf(e->conn, &room, &max);
    if (status != HF_OK)
        return status;
    *taken = piece(p, len < max ? len : max);
    memcpy(room, data, *taken);
    return hf_conn_room_ack(e->conn, e->worker, *taken);
}

bool pair_send(pair *p, end *e, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        size_t taken = 0;
        if ((hf_conn_wants(e->conn) & HF_WANT_ROOM) && write_some(p, e, at, len, &taken) != HF_OK)
            return false;
        at += taken;
        len -= taken;
        bool moved = pair_move(p, e);
        moved |= pair_move(p, pair_peer(p, e));
        if (!moved && taken == 0)
            return false;
    }
    pair_run(p);
    return true;
}
