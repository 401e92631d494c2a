/* --backend: forwards the plaintext to a TCP service, both ways, with half-close both ways.
 *
 *   client's close_notify -> shutdown(SHUT_WR) to the backend;  backend's end -> close_notify to the client.
 * Whatever ends the connection before the client's close_notify (it broke, it was idle for too long, the server stops)
 * resets it towards the backend, which so cannot take a cut-off request for a whole one. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app.h"
#include "log.h"
#include "loop.h"

typedef struct backend {
    uv_poll_t poll;
    hf_link *link; /* NULL once closed */
    int fd;
    int events;
    bool connected, readable, writable;
    bool told_end; /* the client's end was passed on */
    bool eof;      /* the backend's end was read */
    bool failed;
} backend;

static void polled(uv_poll_t *poll, int status, int events);

static void wait_for(backend *b, int events)
{
    if (events == b->events)
        return;
    b->events = events;
    if (events)
        uv_poll_start(&b->poll, events, polled);
    else
        uv_poll_stop(&b->poll);
}

static bool backend_open(hf_link *link)
{
    const hf_server *server = link->loop->server;
    backend *b = calloc(1, sizeof *b);
    int fd = b ? socket(server->backend.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0 || uv_poll_init(&link->loop->uv, &b->poll, fd) != 0) {
        hf_log_limited("backend %s: %s", server->backend_name, strerror(errno));
        if (fd >= 0)
            close(fd);
        free(b);
        return false;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    b->poll.data = b;
    b->link = link;
    b->fd = fd;
    link->app_state = b;
    if (connect(fd, (const struct sockaddr *)&server->backend, server->backend_len) != 0 && errno != EINPROGRESS) {
        hf_log_limited("backend %s: %s", server->backend_name, strerror(errno));
        b->failed = true;
        return false;
    }
    wait_for(b, UV_WRITABLE);
    return true;
}

static void freed(uv_handle_t *handle)
{
    free(handle->data);
}

static void backend_close(hf_link *link)
{
    backend *b = link->app_state;
    if (!hf_link_peer_done(link)) {
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        setsockopt(b->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    uv_poll_stop(&b->poll);
    close(b->fd);
    b->link = NULL;
    uv_close((uv_handle_t *)&b->poll, freed);
}

static void fail(backend *b, int error)
{
    if (!b->failed)
        hf_log_limited("backend %s: %s: %s", b->link->loop->server->backend_name,
                       b->connected ? "the connection broke" : "cannot connect", strerror(error));
    b->failed = true;
}

static void finish_connect(backend *b)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (!b->writable || b->connected)
        return;
    if (getsockopt(b->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
        fail(b, error ? error : errno);
    else
        b->connected = true;
}

/* Client to backend, straight from the engine's buffer. */
static void push(backend *b)
{
    const uint8_t *data;
    size_t len;
    while (b->writable && !b->failed && hf_link_read(b->link, &data, &len)) {
        ssize_t n = send(b->fd, data, len, MSG_NOSIGNAL);
        if (n >= 0)
            hf_link_take(b->link, (size_t)n);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            b->writable = false;
        else if (errno != EINTR)
            fail(b, errno);
    }
    if (!b->told_end && !b->failed && hf_link_peer_done(b->link)) {
        shutdown(b->fd, SHUT_WR);
        b->told_end = true;
    }
}

/* Backend to client, several records at once. */
static void pull(backend *b)
{
    hf_link *link = b->link;
    while (b->readable && !b->eof && !b->failed && hf_link_can_write(link)) {
        uint8_t *room = hf_link_room(link);
        ssize_t n = recv(b->fd, room, link->write_max, 0);
        if (n > 0) {
            hf_link_activity(link);
            hf_link_write(link, room, (size_t)n);
            return; /* one batch, then it is sent */
        }
        if (n == 0) {
            b->eof = true;
            hf_conn_close(link->conn, link->loop->worker);
            link->moved = true;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            b->readable = false;
        } else if (errno != EINTR) {
            fail(b, errno);
        }
    }
}

static bool quiet(const hf_link *link)
{
    return hf_loop_draining(link->loop) && uv_now(&link->loop->uv) - link->since >= HF_DRAIN_QUIET_MS;
}

static void backend_run(hf_link *link)
{
    backend *b = link->app_state;
    finish_connect(b);
    if (b->connected) {
        push(b);
        pull(b);
    }
    if (b->failed) { /* not close_notify: what the client got may be cut off */
        wait_for(b, 0);
        hf_conn_fail(link->conn, link->loop->worker, HF_ERR_IO, "the backend failed");
        link->moved = true;
        return;
    }
    if ((b->eof && b->told_end) || quiet(link)) {
        wait_for(b, 0);
        hf_link_finish(link);
        return;
    }
    int events = 0;
    if (!b->connected || (!b->writable && !b->told_end))
        events |= UV_WRITABLE;
    if (b->connected && !b->readable && !b->eof)
        events |= UV_READABLE;
    wait_for(b, events);
}

static void polled(uv_poll_t *poll, int status, int events)
{
    backend *b = poll->data;
    if (!b->link)
        return;
    if (status < 0) { /* POLLERR: read and write tell which error */
        b->events = 0;
        uv_poll_stop(&b->poll);
        events = UV_READABLE | UV_WRITABLE;
    }
    if (events & UV_READABLE)
        b->readable = true;
    if (events & UV_WRITABLE)
        b->writable = true;
    hf_tick_ready(b->link);
}

const hf_app hf_app_backend = {"backend", backend_open, backend_run, backend_close};
