/* One TLS connection of the server: the pump between its socket, its engine and its application. See link.h.
 *
 * The socket is polled and read into the engine's buffers directly; libuv's streams would want buffers that live
 * from the start of a write to its end. Life: HANDSHAKE -> OPEN -> LINGER -> freed; a broken socket skips ahead. */
#include "link.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"

static void set_state(hf_link *link, hf_link_state state)
{
    hf_loop_list_remove(link->loop, link);
    link->state = state;
    link->since = uv_now(&link->loop->uv);
    hf_loop_list_add(link->loop, link);
}

void hf_link_activity(hf_link *link)
{
    link->moved = true;
    if (link->since != uv_now(&link->loop->uv) && link->state == HF_LINK_OPEN)
        set_state(link, HF_LINK_OPEN); /* to the young end of its list */
}

/* "address:port", for people. */
static const char *name_peer(const hf_link *link, char out[HF_PEER_MAX])
{
    const hf_peer *peer = &link->peer;
    socklen_t len = peer->any.sa_family == AF_INET ? sizeof peer->v4 : sizeof peer->v6;
    char host[48], port[8];
    if (getnameinfo(&peer->any, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(out, HF_PEER_MAX, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    else
        snprintf(out, HF_PEER_MAX, "unknown peer");
    return out;
}

/* ---- Ending ---- */

/* One line for a handshake that failed, or for a connection that we or a broken rule ended. */
static void log_end(const hf_link *link)
{
    hf_status status = hf_conn_status(link->conn);
    bool opened = link->state != HF_LINK_HANDSHAKE;
    if (!opened && status != HF_OK)
        hf_count_failure(&link->loop->counts, status);
    bool quiet = status == HF_OK || status == HF_ERR_CLOSED || (status == HF_ERR_TRUNCATED && (opened || !link->heard));
    if (link->loop->draining && status == HF_OK)
        quiet = true;
    if (quiet)
        return;
    const char *reason = hf_conn_reason(link->conn);
    char peer[HF_PEER_MAX];
    hf_log_limited("%s: %s: %s%s%s%s", name_peer(link, peer), opened ? "connection ended" : "handshake failed",
                   hf_status_text(status), reason && reason[0] ? " (" : "", reason ? reason : "",
                   reason && reason[0] ? ")" : "");
}

/* The engine and the application are done with; the socket may live on. */
static void end_tls(hf_link *link)
{
    if (!link->conn)
        return;
    log_end(link);
    hf_key_ticket_forget(link->ticket);
    link->ticket = NULL;
    if (link->app_state)
        link->app->close(link);
    link->app_state = NULL;
    hf_conn_free(link->conn);
    link->conn = NULL;
    hf_explain_free(link->explain);
    link->explain = NULL;
}

static void poll_closed(uv_handle_t *handle)
{
    hf_link *link = handle->data;
    hf_loop *loop = link->loop;
    free(link);
    hf_loop_link_gone(loop);
}

void hf_link_destroy(hf_link *link)
{
    end_tls(link);
    hf_tick_forget(link);
    hf_loop_list_remove(link->loop, link);
    uv_close((uv_handle_t *)&link->poll, poll_closed); /* first: it takes the descriptor out of the kernel's list */
    close(link->fd);
}

static void start_linger(hf_link *link)
{
    end_tls(link);
    if (link->eof || shutdown(link->fd, SHUT_WR) != 0)
        link->broken = true; /* nothing comes any more: it said so, or reset the connection meanwhile */
    set_state(link, HF_LINK_LINGER);
}

/* ---- Moving ---- */

static bool again(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* What there is to send now. While a token has the handshake's signature, what comes before that waits for it: a flight
 * that goes out whole is a packet less for both sides, and costs the peer only what it would have done meanwhile. An
 * alert waits for nothing. */
static bool wants_to_send(const hf_link *link)
{
    bool flight_grows = link->ticket && hf_conn_status(link->conn) == HF_OK;
    return !flight_grows && (hf_conn_wants(link->conn) & HF_WANT_OUTPUT);
}

static void send_output(hf_link *link)
{
    const uint8_t *data;
    size_t len;
    while (!link->broken && wants_to_send(link)) {
        if (hf_conn_output_buf(link->conn, &data, &len) != HF_OK)
            return;
        ssize_t n = send(link->fd, data, len, MSG_NOSIGNAL);
        if (n < 0) {
            link->broken = !again(errno);
            return;
        }
        if (hf_conn_output_ack(link->conn, (size_t)n) != HF_OK)
            link->broken = true;
        hf_link_activity(link);
        if ((size_t)n < len)
            return;
    }
}

static void receive_input(hf_link *link)
{
    uint8_t *room;
    size_t len;
    unsigned wants = hf_conn_wants(link->conn);
    if (!link->readable || link->eof || !(wants & HF_WANT_INPUT) || (wants & HF_WANT_PLAINTEXT))
        return;
    if (hf_conn_input_buf(link->conn, &room, &len) != HF_OK) {
        link->broken = true;
        return;
    }
    ssize_t n = recv(link->fd, room, len, 0);
    int error = errno;
    if (hf_conn_input_ack(link->conn, n > 0 ? (size_t)n : 0) != HF_OK)
        link->broken = true;
    if (n == 0 || (n < 0 && !again(error))) {
        link->eof = true;
        link->moved = true;
        link->broken = link->broken || n < 0;
        hf_conn_input_eof(link->conn);
        return;
    }
    link->readable = n > 0 && (size_t)n == len; /* a short read emptied the socket */
    if (n > 0) {
        link->heard = true;
        hf_link_activity(link);
    }
}

/* Input that nobody waits for any more. */
static void discard_input(hf_link *link)
{
    for (unsigned i = 0; link->readable && !link->eof && i < HF_LINK_ROUNDS; i++) {
        ssize_t n = recv(link->fd, link->loop->scratch, HF_LINK_BATCH, 0);
        if (n == 0 || (n < 0 && !again(errno)))
            link->eof = true;
        else if (n < HF_LINK_BATCH)
            link->readable = false;
    }
}

static void ask_key(hf_link *link)
{
    hf_key_op *op;
    if (hf_conn_key_take(link->conn, &op) != HF_OK)
        return;
    hf_explain_key(link->explain, op);
    op = hf_key_bridge_submit(link->loop->keys, op, link, &link->ticket);
    if (op && hf_conn_key_done(link->conn, op) != HF_OK)
        link->broken = true;
    link->moved = true;
}

void hf_link_key_done(void *owner, hf_key_op *op)
{
    hf_link *link = owner;
    link->ticket = NULL;
    if (hf_conn_key_done(link->conn, op) != HF_OK)
        link->broken = true;
    hf_tick_ready(link);
}

static void open_app(hf_link *link)
{
    hf_conn_info info;
    hf_conn_get_info(link->conn, &info);
    if (!info.connected)
        return;
    char peer[HF_PEER_MAX];
    if (link->loop->server->tls.export.label[0])
        hf_export_tell(&link->loop->server->tls.export, link->conn, name_peer(link, peer));
    set_state(link, HF_LINK_OPEN);
    hf_count_handshake(&link->loop->counts, link->conn);
    link->moved = true;
    hf_link_set_write_max(link, info.send_limit);
    if (!link->app->open(link))
        hf_conn_fail(link->conn, link->loop->worker, HF_ERR_IO, "the service behind is not available");
}

/* ---- A turn ---- */

bool hf_link_begin_round(hf_link *link)
{
    bool moves = link->moved && !link->broken && link->state != HF_LINK_LINGER;
    link->moved = false;
    return moves;
}

bool hf_link_receive(hf_link *link)
{
    if (link->finishing)
        discard_input(link);
    else
        receive_input(link);
    hf_status status = hf_conn_batch_open(link->conn, link->loop->tick.batch);
    if (status == HF_ERR_LIMIT)
        return false;
    if (status == HF_OK)
        link->moved = true;
    else
        status = hf_conn_step(link->conn, link->loop->worker);
    return true; /* a failure sticks, and wants says CLOSED; an alert may remain to be sent */
}

void hf_link_answer(hf_link *link)
{
    if (hf_conn_wants(link->conn) & HF_WANT_KEY)
        ask_key(link);
    if (link->state == HF_LINK_HANDSHAKE)
        open_app(link);
    /* Asked again: an application that could not open has no state to run with. */
    if (link->state == HF_LINK_OPEN && !link->finishing && !(hf_conn_wants(link->conn) & HF_WANT_CLOSED))
        link->app->run(link);
}

void hf_link_send(hf_link *link)
{
    link->writing = false;
    if (link->returned && hf_conn_status(link->conn) == HF_OK)
        hf_link_take(link, link->returned);
    link->returned = 0;
    send_output(link);
}

static void polled(uv_poll_t *poll, int status, int events);

void hf_link_settle(hf_link *link)
{
    int events = UV_READABLE;
    if (link->state != HF_LINK_LINGER) {
        unsigned wants = hf_conn_wants(link->conn);
        if (!(wants & HF_WANT_OUTPUT) && (link->finishing || (wants & HF_WANT_CLOSED)))
            start_linger(link);
        else if (!link->finishing && (!(wants & HF_WANT_INPUT) || (wants & HF_WANT_PLAINTEXT)))
            events = 0;
        if (link->state != HF_LINK_LINGER && wants_to_send(link))
            events |= UV_WRITABLE;
    }
    if (link->state == HF_LINK_LINGER)
        discard_input(link);
    if (link->broken || (link->eof && link->state == HF_LINK_LINGER)) {
        hf_link_destroy(link);
        return;
    }
    /* Input that is not wanted just now (a key operation is out) mostly does not come: to stop listening for it costs
     * two system calls a handshake, so that waits until there is some. That somebody left is heard of as well. */
    if (!link->readable)
        events |= link->state == HF_LINK_HANDSHAKE ? UV_READABLE : link->events & UV_READABLE;
    if (link->eof)
        events &= ~UV_READABLE;
    if (events != link->events) {
        link->events = events;
        if (events)
            uv_poll_start(&link->poll, events, polled);
        else
            uv_poll_stop(&link->poll);
    }
    if (link->moved && link->state != HF_LINK_LINGER) /* it had its rounds; the others go first */
        hf_tick_ready(link);
}

static void polled(uv_poll_t *poll, int status, int events)
{
    hf_link *link = poll->data;
    if (status < 0)
        link->broken = true; /* POLLERR: a reset */
    if (events & UV_READABLE)
        link->readable = true;
    hf_tick_ready(link);
}

void hf_link_expired(hf_link *link)
{
    hf_loop *loop = link->loop;
    if (link->state == HF_LINK_HANDSHAKE)
        hf_conn_fail(link->conn, loop->worker, HF_ERR_TIMEOUT, "the handshake took longer than --handshake-timeout");
    if (link->state == HF_LINK_OPEN && !link->finishing) {
        hf_link_finish(link);
        set_state(link, HF_LINK_OPEN); /* as long again for what is still to be sent */
        hf_tick_ready(link);
        return;
    }
    if (link->conn)
        send_output(link);
    hf_link_destroy(link);
}

/* ---- Starting ---- */

static void on_event(void *user, hf_conn *conn, const hf_event *event)
{
    hf_link *link = user;
    hf_explain_event(link->explain, conn, event);
}

static void on_key_log(void *user, const char *label, const uint8_t client_random[32], const uint8_t *secret,
                       size_t secret_len)
{
    hf_link *link = user;
    hf_keylog_line(&link->loop->server->tls.keylog, label, client_random, secret, secret_len);
}

static hf_status new_conn(hf_link *link)
{
    hf_server *server = link->loop->server;
    hf_conn_options options = {.user = link};
    char peer[HF_PEER_MAX];
    if (server->explain) {
        link->explain = hf_explain_new(HF_ROLE_SERVER, name_peer(link, peer), &server->tls.crypto);
        options.on_event = link->explain ? on_event : NULL;
    }
    if (server->tls.keylog.fd >= 0)
        options.on_key_log = on_key_log;
    hf_config *config = hf_tls_config(&server->tls); /* a reload may swap it at any time */
    hf_status status = hf_conn_new(config, &options, &link->conn);
    hf_config_release(config);
    return status;
}

bool hf_link_start(hf_loop *loop, int fd, const hf_peer *peer)
{
    hf_link *link = calloc(1, sizeof *link);
    if (!link || uv_poll_init(&loop->uv, &link->poll, fd) != 0) {
        hf_log_limited("a connection was refused: out of memory");
        atomic_fetch_sub(&loop->server->connections, 1);
        free(link);
        close(fd);
        return false;
    }
    hf_count(&loop->counts.accepted);
    link->poll.data = link;
    link->loop = loop;
    link->fd = fd;
    link->app = loop->server->app;
    link->state = HF_LINK_HANDSHAKE;
    link->readable = true; /* mostly its first bytes came with it: net.c */
    link->since = uv_now(&loop->uv);
    link->peer = *peer;
    loop->n_links++;
    hf_loop_list_add(loop, link);
    hf_status status = new_conn(link);
    if (status != HF_OK) {
        char name[HF_PEER_MAX];
        hf_log_limited("%s: a connection was refused: %s", name_peer(link, name), hf_status_text(status));
        hf_link_destroy(link);
        return false;
    }
    hf_tick_ready(link);
    return true;
}
