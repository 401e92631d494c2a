/* The clients: each has a stream of its own, a size, and a fate. See load.h.
 *
 * The stream of a connection is a function of its seed and the position, so that what comes back is compared without
 * being kept. A connection speaks in bursts of random size; between them it waits until it is picked again. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handfast/handfast.h"
#include "handfast/providers.h"
#include "load.h"

#define PICKED 64    /* connections that get another burst in one move */
#define ADDRESSES 64 /* of 127.0.0.x that connections come from: each has its own ports */
#define PART 20000   /* bytes written at once, at most */
#define DIALED 200   /* handshakes under way at once */

typedef enum fate {
    CLOSES,      /* all came back; close_notify both ways */
    HALF_CLOSES, /* close_notify behind the last byte, then the rest comes back (TLS 1.3) */
    CUTS_OFF,    /* shuts its direction down without close_notify, somewhere */
    IS_KILLED    /* reset, somewhere, in the handshake too */
} fate;

typedef struct client {
    hf_conn *conn; /* NULL: a free place */
    int fd;
    uint32_t seed;
    fate fate;
    uint64_t total, allowed, written, compared; /* bytes of the stream */
    uint64_t end_at;                            /* the position at which its fate comes */
    bool connected, ended, tls13;
    bool early; /* reset during the handshake */
    int events;
} client;

struct load {
    client *all;
    size_t n, open, connected;
    unsigned port;
    uint32_t seed;
    int epoll;
    hf_worker *worker;
    hf_crypto crypto;
    hf_config *configs[8];
    size_t n_configs;
    load_totals sum;
};

static const uint16_t suites[] = {0x1301, 0x1302, 0x1303, 0x1304, 0xc02b, 0xcca9, 0xc009, 0xc023};

static uint32_t draw(uint32_t *seed)
{
    uint32_t x = *seed ? *seed : 0x9e3779b9;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *seed = x;
}

static uint8_t byte_at(uint32_t seed, uint64_t at)
{
    uint32_t x = (uint32_t)(at >> 2) * 0x9e3779b1u ^ seed;
    x ^= x >> 15;
    x *= 0x85ebca77u;
    return (uint8_t)(x >> (8 * (at & 3)));
}

/* ---- One connection ---- */

static void done(load *l, client *c)
{
    hf_conn_free(c->conn);
    close(c->fd);
    l->open--;
    l->connected -= c->connected;
    *c = (client){0};
}

static void dial(load *l, client *c)
{
    struct sockaddr_in from = {.sin_family = AF_INET},
                       to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->port)};
    int on = 1;
    uint32_t size = draw(&l->seed);
    *c = (client){.seed = draw(&l->seed), .fate = (fate)(draw(&l->seed) % 4)};
    c->total = 1 + draw(&l->seed) % (size % 16 == 0 ? 1000000 : size % 4 == 0 ? 65536 : 2000);
    c->end_at = draw(&l->seed) % (c->total + c->total / 4);
    c->early = c->fate == IS_KILLED && draw(&l->seed) % 4 == 0;
    if (c->early)
        c->end_at = 0;
    size_t config = draw(&l->seed) % l->n_configs;
    c->tls13 = suites[config] < 0x1400;
    if (c->fate == HALF_CLOSES && !c->tls13) /* TLS 1.2 closes both directions at once */
        c->fate = CLOSES;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + draw(&l->seed) % ADDRESSES);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        load_fail("no socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS))
        load_fail("cannot connect: %s", strerror(errno));
    if (hf_conn_new(l->configs[config], NULL, &c->conn) != HF_OK)
        load_fail("no connection");
    c->events = EPOLLIN | EPOLLOUT;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event);
    l->open++;
    l->sum.connections++;
}

/* Whether the connection may break now: its fate has come, or is such that the server may end it. */
static bool may_break(const client *c)
{
    return c->ended && (c->fate == CUTS_OFF || c->fate == IS_KILLED);
}

static void broke(load *l, client *c, const char *what)
{
    if (!may_break(c))
        load_fail("a connection (fate %d, %llu of %llu bytes compared) broke: %s, %s", c->fate,
                  (unsigned long long)c->compared, (unsigned long long)c->total, what, hf_conn_reason(c->conn));
    done(l, c);
}

static void compare(load *l, client *c, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] != byte_at(c->seed, c->compared + i))
            load_fail("byte %llu of a connection is wrong", (unsigned long long)(c->compared + i));
    c->compared += len;
    l->sum.bytes += len;
    if (c->compared > c->written)
        load_fail("more came back than was sent");
}

static bool say(load *l, client *c)
{
    static uint8_t part[PART];
    uint64_t most = c->allowed < c->total ? c->allowed : c->total;
    size_t len = 1 + draw(&l->seed) % PART, taken = 0;
    if (c->written >= most)
        return false;
    if (len > most - c->written)
        len = (size_t)(most - c->written);
    for (size_t i = 0; i < len; i++)
        part[i] = byte_at(c->seed, c->written + i);
    if (hf_conn_write(c->conn, l->worker, part, len, &taken) != HF_OK)
        return false;
    c->written += taken;
    if (c->tls13 && draw(&l->seed) % 256 == 0 && hf_conn_key_update(c->conn, l->worker, draw(&l->seed) % 2) == HF_OK)
        l->sum.key_updates++;
    return taken > 0;
}

/* What the connection is to do at last, when it is time. False: it is gone. */
static bool meet_fate(load *l, client *c)
{
    struct linger reset = {.l_onoff = 1};
    if (c->ended)
        return true;
    switch (c->fate) {
    case CLOSES:
        if (c->compared < c->total)
            return true;
        hf_conn_close(c->conn, l->worker);
        l->sum.clean++;
        break;
    case HALF_CLOSES:
        if (c->written < c->total)
            return true;
        hf_conn_close(c->conn, l->worker);
        l->sum.half_closed++;
        break;
    case CUTS_OFF:
        if (c->written < c->end_at && c->written < c->total)
            return true;
        shutdown(c->fd, SHUT_WR);
        l->sum.cut_off++;
        break;
    case IS_KILLED:
        if (c->written < c->end_at && c->written < c->total && !(c->allowed && draw(&l->seed) % 8192 == 0))
            return true;
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        l->sum.killed++;
        c->ended = true;
        done(l, c);
        return false;
    }
    c->ended = true;
    return true;
}

/* One round; whether anything moved. False also when the client is gone (conn NULL). */
static bool round_of(load *l, client *c)
{
    const uint8_t *data;
    uint8_t *room;
    size_t len;
    bool moved = false;
    hf_status status = hf_conn_step(c->conn, l->worker);
    unsigned wants = hf_conn_wants(c->conn);
    if (status != HF_OK && !(wants & HF_WANT_OUTPUT)) {
        broke(l, c, hf_status_text(status));
        return false;
    }
    hf_conn_info info;
    hf_conn_get_info(c->conn, &info);
    if (info.connected && !c->connected)
        l->connected++;
    c->connected = info.connected;
    if ((wants & HF_WANT_PLAINTEXT) && hf_conn_plaintext_buf(c->conn, &data, &len) == HF_OK) {
        len = 1 + draw(&l->seed) % len;
        compare(l, c, data, len);
        moved = hf_conn_plaintext_ack(c->conn, len) == HF_OK;
    }
    if ((wants & HF_WANT_ROOM) && !c->ended)
        moved |= say(l, c);
    bool early = c->early && !c->connected && draw(&l->seed) % 4 == 0;
    if ((c->connected || early) && !meet_fate(l, c))
        return false;
    if (hf_conn_output_buf(c->conn, &data, &len) == HF_OK) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR && may_break(c)) {
            broke(l, c, strerror(errno));
            return false;
        }
        moved |= n > 0 && hf_conn_output_ack(c->conn, (size_t)n) == HF_OK;
    }
    if ((hf_conn_wants(c->conn) & HF_WANT_INPUT) && hf_conn_input_buf(c->conn, &room, &len) == HF_OK) {
        ssize_t n = recv(c->fd, room, len, 0);
        hf_status acked = hf_conn_input_ack(c->conn, n > 0 ? (size_t)n : 0);
        if (n == 0)
            hf_conn_input_eof(c->conn);
        else if (acked != HF_OK || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            broke(l, c, strerror(errno));
            return false;
        }
        moved |= n >= 0;
    }
    return moved;
}

static void move(load *l, client *c)
{
    while (c->conn && round_of(l, c)) {
    }
    if (!c->conn)
        return;
    unsigned wants = hf_conn_wants(c->conn);
    if ((wants & HF_WANT_CLOSED) && !(wants & HF_WANT_OUTPUT)) {
        if (!may_break(c) && c->compared != c->total)
            load_fail("a connection ended with %llu of %llu bytes", (unsigned long long)c->compared,
                      (unsigned long long)c->total);
        done(l, c);
        return;
    }
    int events = EPOLLIN | (wants & HF_WANT_OUTPUT ? (int)EPOLLOUT : 0);
    if (events != c->events) {
        struct epoll_event event = {.events = (uint32_t)events, .data.ptr = c};
        epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &event);
        c->events = events;
    }
}

/* ---- All of them ---- */

static hf_config *configure(load *l, uint16_t suite)
{
    hf_config *config = NULL;
    if (hf_config_new(hf_env_system(), &l->crypto, &config) != HF_OK ||
        hf_config_set_policy(config, HF_POLICY_COMPATIBLE) != HF_OK ||
        hf_config_set_suites(config, &suite, 1) != HF_OK || hf_config_set_insecure(config, true) != HF_OK ||
        hf_config_build(config, HF_ROLE_CLIENT, NULL, 0) != HF_OK)
        load_fail("no configuration for suite %04x", suite);
    return config;
}

load *load_new(unsigned port, size_t connections, uint32_t seed)
{
    load *l = calloc(1, sizeof *l);
    if (!l || !(l->all = calloc(connections, sizeof *l->all)))
        load_fail("no memory");
    l->n = connections;
    l->port = port;
    l->seed = seed;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    char why[256] = "";
    if (l->epoll < 0 || hf_crypto_compose(NULL, &l->crypto, NULL, NULL, why, sizeof why) != HF_OK ||
        hf_worker_new(&l->crypto, &l->worker) != HF_OK)
        load_fail("cannot start: %s", why);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        l->configs[l->n_configs++] = configure(l, suites[i]);
    return l;
}

void load_free(load *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->all[i].conn)
            done(l, &l->all[i]);
    for (size_t i = 0; i < l->n_configs; i++)
        hf_config_release(l->configs[i]);
    hf_worker_free(l->worker);
    close(l->epoll);
    free(l->all);
    free(l);
}

static void refill_places(load *l)
{
    for (size_t i = 0; i < l->n && l->open - l->connected < DIALED; i++)
        if (!l->all[i].conn)
            dial(l, &l->all[i]);
}

/* Another burst for some; without end when nobody new comes. */
static void push_some(load *l, bool all)
{
    for (size_t i = 0; i < (all ? l->n : PICKED); i++) {
        client *c = &l->all[all ? i : draw(&l->seed) % l->n];
        if (!c->conn || c->allowed == UINT64_MAX)
            continue;
        c->allowed = all ? UINT64_MAX : c->allowed + 1 + draw(&l->seed) % 30000;
        move(l, c);
    }
}

void load_move(load *l, bool refill, bool push)
{
    struct epoll_event events[512];
    if (refill && l->open < l->n)
        refill_places(l);
    int n = epoll_wait(l->epoll, events, sizeof events / sizeof events[0], push && refill ? 1 : 20);
    for (int i = 0; i < n; i++) {
        client *c = events[i].data.ptr;
        if (c->conn)
            move(l, c);
    }
    if (push)
        push_some(l, !refill);
}

size_t load_open(const load *l, size_t *out_connected)
{
    if (out_connected)
        *out_connected = l->connected;
    return l->open;
}

const load_totals *load_sum(const load *l)
{
    return &l->sum;
}
