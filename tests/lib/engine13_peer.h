/* What the TLS 1.3 suites share: a pair with a gate before the end under test, and what must follow. */
#ifndef TESTS_ENGINE13_PEER_H
#define TESTS_ENGINE13_PEER_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "gate13.h"
#include "world.h"

/* The usual sides: TLS 1.3, and a client that could do TLS 1.2 too. */
static inline side side13(void)
{
    return (side){.tls13 = true};
}

/* A fresh pair with the gate before the server, or the client. */
static inline void open13(pair *p, gate13 *g, const side *client, const side *server, bool at_server)
{
    memset(p, 0, sizeof *p);
    world_pair(p, client, server);
    gate13_init(g, p, at_server ? &p->client : &p->server);
}

/* The same between two that are connected. */
static inline void connect13(pair *p, gate13 *g, const side *client, const side *server, bool at_server)
{
    open13(p, g, client, server, at_server);
    gate13_pass_all(g);
    cr_assert(pair_connected(p), "client: %s, server: %s", hf_conn_reason(p->client.conn),
              hf_conn_reason(p->server.conn));
}

static inline void close13(pair *p, gate13 *g)
{
    gate13_cleanup(g);
    pair_cleanup(p);
}

/* Up to the sender's next message of a type. */
static inline void reach13(gate13 *g, unsigned message, unit *u)
{
    cr_assert(gate13_until(g, message, u), "message %u: %s", message, hf_conn_reason(g->to->conn));
    cr_assert_eq(hf_conn_status(g->to->conn), HF_OK, "%s", hf_conn_reason(g->to->conn));
}

/* The end under test refused with exactly this alert, told its peer so, and shows nothing. */
static inline void refused13(gate13 *g, hf_alert alert, const char *what)
{
    hf_status status = hf_conn_status(g->to->conn);
    cr_assert_eq(status, HF_SEND(alert), "%s: %s (%s), not %s", what, hf_status_text(status),
                 hf_conn_reason(g->to->conn), hf_alert_name(alert));
    cr_assert_eq(g->to->n_alerts_sent, 1, "%s: %zu alerts", what, g->to->n_alerts_sent);
    cr_assert_eq(end_alert_sent(g->to), (int)alert, "%s", what);
    cr_assert(hf_conn_wants(g->to->conn) & HF_WANT_CLOSED, "%s", what);
    cr_assert_eq(wire_len(&g->to->plain), 0, "%s: nothing is shown", what);
}

static inline void lives13(gate13 *g, const char *what)
{
    hf_status status = hf_conn_status(g->to->conn);
    cr_assert_eq(status, HF_OK, "%s: %s (%s)", what, hf_status_text(status), hf_conn_reason(g->to->conn));
    cr_assert_eq(g->to->n_alerts_sent, 0, "%s", what);
}

/* The rest passes, and both are connected. */
static inline void completes13(gate13 *g, const char *what)
{
    gate13_pass_all(g);
    lives13(g, what);
    cr_assert(pair_connected(g->p), "%s: client %s, server %s", what, hf_conn_reason(g->p->client.conn),
              hf_conn_reason(g->p->server.conn));
}

/* Appends one extension at the end of the extensions of a hello. */
static inline void append13(unit *u, uint16_t type, const void *data, size_t len)
{
    uint8_t *body = u->bytes + HF_RECORD_HEADER_SIZE + HF_MSG_HEADER_SIZE;
    size_t at = 34;             /* version and random */
    at += 1 + (size_t)body[at]; /* session id */
    if (u->bytes[HF_RECORD_HEADER_SIZE] == HF_MSG_CLIENT_HELLO) {
        at += 2 + ((size_t)body[at] << 8 | body[at + 1]);
        at += 1 + (size_t)body[at];
    } else {
        at += 3;
    }
    uint8_t *length = body + at;
    size_t block = ((size_t)length[0] << 8 | length[1]) + 4 + len;
    uint8_t *tail = u->bytes + u->len;
    const uint8_t header[4] = {(uint8_t)(type >> 8), (uint8_t)type, (uint8_t)(len >> 8), (uint8_t)len};
    memcpy(tail, header, sizeof header);
    if (len)
        memcpy(tail + 4, data, len);
    length[0] = (uint8_t)(block >> 8);
    length[1] = (uint8_t)block;
    size_t message = u->len - HF_RECORD_HEADER_SIZE + 4 + len - HF_MSG_HEADER_SIZE;
    u->bytes[6] = (uint8_t)(message >> 16);
    u->bytes[7] = (uint8_t)(message >> 8);
    u->bytes[8] = (uint8_t)message;
    u->len += 4 + len;
    u->bytes[3] = (uint8_t)((u->len - HF_RECORD_HEADER_SIZE) >> 8);
    u->bytes[4] = (uint8_t)(u->len - HF_RECORD_HEADER_SIZE);
}

/* Leaves an extension out. */
static inline void drop13(hf_extensions *ext, hf_ext which)
{
    ext->present &= ~HF_EXT_BIT(which);
}

#endif
