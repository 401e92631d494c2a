/* The client's pump: socket <-> engine <-> standard input and output, or one HTTP request. See handfast.h, top. */
#include "connect_io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void set_deadline(hf_client *c)
{
    c->deadline = now_ms() + (int64_t)c->options->timeout * 1000;
}

static void fail(hf_client *c, const char *what, const char *why)
{
    if (!c->failed)
        hf_cli_error("%s%s%s", what, why && why[0] ? ": " : "", why ? why : "");
    c->failed = true;
}

static bool write_out(const uint8_t *data, size_t len)
{
    while (len) {
        ssize_t n = write(STDOUT_FILENO, data, len);
        if (n < 0 && errno == EAGAIN) {
            poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, -1);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* ---- The handshake is complete ---- */

static void tell_summary(const hf_client *c)
{
    hf_conn_info info;
    hf_conn_get_info(c->conn, &info);
    if (c->options->quiet)
        return;
    char alpn[HF_LINE_MAX];
    hf_cli_clean(alpn, sizeof alpn, info.alpn);
    const char *suite = hf_suite_name(info.suite);
    fprintf(stderr, "connected: TLS 1.%d, %s, %s%s%s, records: %s by %s, %s%s%s%s%s\n", info.version - 0x0301,
            suite ? suite : "unknown suite",
            info.group     ? hf_group_name(info.group)
            : info.resumed ? "the session's secret"
                           : "RSA key transport",
            info.server_scheme ? ", " : "", info.server_scheme ? hf_scheme_name(info.server_scheme) : "",
            info.cipher ? info.cipher : "unknown", info.record_provider ? info.record_provider : "unknown",
            info.peer_verified ? "server verified" : "server NOT verified", info.ocsp_good ? ", OCSP good" : "",
            info.resumption == HF_RESUMED_TICKET       ? ", resumed by a ticket"
            : info.resumption == HF_RESUMED_SESSION_ID ? ", resumed by a session ID"
                                                       : "",
            alpn[0] ? ", ALPN " : "", alpn);
}

/* The request of --get, into scratch. */
static void put_request(hf_client *c)
{
    const hf_host_port *to = &c->options->to;
    bool v6 = strchr(to->host, ':') != NULL, plain_port = strcmp(to->port, "443") == 0;
    const char *host = c->options->name != to->host ? c->options->name : to->host;
    int len = snprintf((char *)c->scratch, HF_CONNECT_BATCH,
                       "GET %s HTTP/1.1\r\nHost: %s%s%s%s%s\r\nUser-Agent: handfast/%s\r\nAccept: */*\r\n"
                       "Connection: close\r\n\r\n",
                       c->options->get_path, v6 && host == to->host ? "[" : "", host, v6 && host == to->host ? "]" : "",
                       plain_port ? "" : ":", plain_port ? "" : to->port, hf_version());
    c->begin = 0;
    c->end = (size_t)len;
    c->input_ended = true;
}

static void check_connected(hf_client *c)
{
    hf_conn_info info;
    if (c->connected)
        return;
    hf_conn_get_info(c->conn, &info);
    if (!info.connected)
        return;
    c->connected = true;
    c->deadline = -1;
    tell_summary(c);
    hf_export_tell(&c->tls->export, c->conn, NULL);
    if (c->options->get_path) {
        put_request(c);
        set_deadline(c);
    }
}

/* How long our close_notify has still to wait, milliseconds. In TLS 1.3 not at all: each direction closes by itself
 * (RFC 8446 section 6.1). */
static int64_t quiet_left(const hf_client *c)
{
    hf_conn_info info;
    hf_conn_get_info(c->conn, &info);
    if (info.version >= HF_TLS13)
        return 0;
    return c->quiet_since + HF_CONNECT_QUIET_MS - now_ms();
}

/* ---- Moving: each returns whether something moved ---- */

static bool move_key(hf_client *c)
{
    hf_key_op *op;
    if (!(hf_conn_wants(c->conn) & HF_WANT_KEY) || hf_conn_key_take(c->conn, &op) != HF_OK)
        return false;
    hf_explain_key(c->explain, op);
    op = hf_key_bridge_submit(c->keys, op, c, &c->ticket);
    if (op && hf_conn_key_done(c->conn, op) != HF_OK)
        fail(c, "the private key's answer was not accepted", NULL);
    return true;
}

static bool move_plaintext(hf_client *c)
{
    const uint8_t *data;
    size_t len;
    if (!(hf_conn_wants(c->conn) & HF_WANT_PLAINTEXT) || hf_conn_plaintext_buf(c->conn, &data, &len) != HF_OK ||
        len == 0)
        return false;
    if (c->options->get_path)
        hf_response_take(&c->response, data, len);
    else if (!write_out(data, len))
        fail(c, "cannot write standard output", strerror(errno));
    if (c->options->get_path || c->closing)
        set_deadline(c);
    c->quiet_since = now_ms();
    return hf_conn_plaintext_ack(c->conn, len) == HF_OK;
}

/* The server said all it had to say, and all of it was taken. */
static bool server_done(const hf_client *c)
{
    hf_conn_info info;
    hf_conn_get_info(c->conn, &info);
    return info.got_close_notify && !(hf_conn_wants(c->conn) & (HF_WANT_INPUT | HF_WANT_PLAINTEXT));
}

static bool move_write(hf_client *c)
{
    size_t taken = 0;
    if (!c->connected || c->closing || !(hf_conn_wants(c->conn) & HF_WANT_ROOM))
        return false;
    if (c->begin < c->end) {
        hf_status status = hf_conn_write(c->conn, c->worker, c->scratch + c->begin, c->end - c->begin, &taken);
        if (status != HF_OK)
            fail(c, "cannot send", hf_status_text(status));
        hf_wipe(c->scratch + c->begin, taken);
        c->begin += taken;
        return taken > 0;
    }
    bool answered = c->options->get_path ? c->response.state == HF_RESPONSE_DONE : quiet_left(c) <= 0;
    if (!(c->input_ended && answered) && !server_done(c)) /* TLS 1.2 has closed our direction with the server's */
        return false;
    hf_conn_close(c->conn, c->worker);
    c->closing = true;
    set_deadline(c);
    return true;
}

static bool move_output(hf_client *c)
{
    const uint8_t *data;
    size_t len;
    if (c->eof || !(hf_conn_wants(c->conn) & HF_WANT_OUTPUT) || hf_conn_output_buf(c->conn, &data, &len) != HF_OK)
        return false;
    ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n < 0) {
        fail(c, "the connection broke", strerror(errno));
        return false;
    }
    if (c->closing)
        set_deadline(c);
    return hf_conn_output_ack(c->conn, (size_t)n) == HF_OK;
}

static bool move_input(hf_client *c)
{
    uint8_t *room;
    size_t len;
    unsigned wants = hf_conn_wants(c->conn);
    if (c->eof || !(wants & HF_WANT_INPUT) || (wants & HF_WANT_PLAINTEXT))
        return false;
    /* Asked first, so that the engine gives room only when there is something to put there. */
    if (poll(&(struct pollfd){.fd = c->fd, .events = POLLIN}, 1, 0) <= 0)
        return false;
    if (hf_conn_input_buf(c->conn, &room, &len) != HF_OK) {
        fail(c, "out of memory", NULL);
        return false;
    }
    ssize_t n = recv(c->fd, room, len, 0);
    int error = errno;
    hf_status status = hf_conn_input_ack(c->conn, n > 0 ? (size_t)n : 0);
    if (n < 0 && (error == EAGAIN || error == EINTR))
        return false;
    if (n <= 0) {
        c->eof = true;
        hf_conn_input_eof(c->conn);
        if (n < 0)
            fail(c, "the connection broke", strerror(error));
    }
    return status == HF_OK;
}

/* ---- Waiting ---- */

static void deliver(void *owner, hf_key_op *op)
{
    hf_client *c = owner;
    c->ticket = NULL;
    if (hf_conn_key_done(c->conn, op) != HF_OK)
        fail(c, "the private key's answer was not accepted", NULL);
}

static void read_stdin(hf_client *c)
{
    ssize_t n = read(STDIN_FILENO, c->scratch, HF_CONNECT_BATCH);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0)
        fail(c, "cannot read standard input", strerror(errno));
    c->begin = 0;
    c->end = n > 0 ? (size_t)n : 0;
    c->input_ended = n <= 0;
    c->quiet_since = now_ms();
}

static int poll_timeout(const hf_client *c)
{
    int64_t left = c->deadline < 0 ? -1 : c->deadline - now_ms();
    if (c->deadline >= 0 && left < 0)
        left = 0;
    if (c->connected && c->input_ended && !c->closing && !c->options->get_path) {
        int64_t quiet = quiet_left(c);
        if (left < 0 || quiet < left)
            left = quiet < 0 ? 0 : quiet;
    }
    return (int)left;
}

static void wait_events(hf_client *c)
{
    unsigned wants = hf_conn_wants(c->conn);
    bool read_input = c->connected && !c->input_ended && c->begin == c->end && !(wants & HF_WANT_OUTPUT);
    short socket_events = 0;
    if ((wants & HF_WANT_INPUT) && !(wants & HF_WANT_PLAINTEXT) && !c->eof)
        socket_events |= POLLIN;
    if (wants & HF_WANT_OUTPUT)
        socket_events |= POLLOUT;
    struct pollfd fds[3] = {
        {.fd = socket_events ? c->fd : -1, .events = socket_events},
        {.fd = c->key_fd, .events = POLLIN},
        {.fd = read_input ? STDIN_FILENO : -1, .events = POLLIN},
    };
    int n = poll(fds, 3, poll_timeout(c));
    if (n < 0 && errno != EINTR)
        fail(c, "poll", strerror(errno));
    if (n == 0 && c->deadline >= 0 && now_ms() >= c->deadline)
        fail(c,
             !c->connected ? "the handshake took longer than --timeout"
             : c->closing  ? "the server did not close within --timeout"
                           : "the server did not answer within --timeout",
             NULL);
    if (n > 0 && fds[1].revents) {
        uint64_t count;
        if (read(c->key_fd, &count, sizeof count) < 0 && errno != EAGAIN)
            fail(c, "eventfd", strerror(errno));
        hf_key_bridge_collect(c->keys, deliver);
    }
    if (n > 0 && fds[2].revents)
        read_stdin(c);
}

static bool move(hf_client *c)
{
    hf_status status = hf_conn_step(c->conn, c->worker);
    (void)status; /* it sticks, and wants says CLOSED */
    bool moved = move_key(c);
    check_connected(c);
    moved |= move_plaintext(c);
    moved |= move_write(c);
    moved |= move_output(c);
    moved |= move_input(c);
    return moved;
}

/* With --get: whether the response came whole and says yes. */
static void judge_response(hf_client *c)
{
    char status[32];
    if (!hf_response_end(&c->response)) {
        fail(c,
             c->response.state == HF_RESPONSE_BAD ? "the response is not valid HTTP/1.1" : "the response was cut off",
             NULL);
        return;
    }
    snprintf(status, sizeof status, "status %u", c->response.status);
    if (c->response.status < 200 || c->response.status > 299)
        fail(c, "the server refused the request", status);
}

static int judge(hf_client *c)
{
    hf_status status = hf_conn_status(c->conn);
    bool whole = c->options->get_path && c->response.state == HF_RESPONSE_DONE;
    if (!c->failed && status != HF_OK && status != HF_ERR_CLOSED && !(status == HF_ERR_TRUNCATED && whole)) {
        const char *reason = hf_conn_reason(c->conn);
        char line[HF_LINE_MAX];
        snprintf(line, sizeof line, "%s%s%s", hf_status_text(status), reason && reason[0] ? ": " : "",
                 reason ? reason : "");
        fail(c, c->connected ? "the connection failed" : "the handshake failed", line);
    }
    if (!c->failed && c->options->get_path)
        judge_response(c);
    return c->failed ? HF_EXIT_FAILED : HF_EXIT_DONE;
}

int hf_client_run(hf_client *c)
{
    set_deadline(c);
    for (;;) {
        bool moved = move(c);
        unsigned wants = hf_conn_wants(c->conn);
        bool bad = c->response.state == HF_RESPONSE_BAD;
        if (c->failed || bad || ((wants & HF_WANT_CLOSED) && (!(wants & HF_WANT_OUTPUT) || c->eof)))
            break;
        /* The response is whole by its own length: no need to wait for the server's close. */
        if (c->options->get_path && c->closing && !(wants & HF_WANT_OUTPUT))
            break;
        if (!moved)
            wait_events(c);
    }
    return judge(c);
}
