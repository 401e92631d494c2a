/* The load: clients of our own engine; see load.h. One epoll, non-blocking sockets, one slot a connection. */
#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "handfast/providers.h"
#include "known_key.h"
#include "measure.h"

#define EVENTS 64
#define LATENCIES_MAX ((size_t)1 << 20) /* of one run; later ones are not kept */
#define SOURCES 200 /* addresses 127.0.1.1 and on: closed connections keep their port for a minute */
#define PATIENCE_MS 60000
#define TICKET_MS 1500 /* that long a ticket may take */

typedef struct slot {
    int fd; /* -1: free */
    hf_conn *conn;
    uint64_t begin_ns;
    bool connected, held;
    uint32_t events; /* that epoll watches */
} slot;

struct hf_load {
    struct sockaddr_in server;
    hf_load_client client;
    int epoll;
    slot *slots;
    unsigned n;
    unsigned source;
    hf_load_options options;
    hf_session *session; /* to resume, or NULL */
    uint64_t resumed;
    bool hold;                 /* leave connections open */
    unsigned held, hold_until; /* how many are open, and are wanted */
    double *latencies;         /* milliseconds */
    uint64_t done;
    hf_conn_info info; /* of the last handshake; only its numbers are used */
};

bool hf_load_client_make(const hf_load_options *options, hf_load_client *client)
{
    /* The key share is X25519; P-256 is named for the curve of an ECDSA certificate (RFC 8422 section 5.1.1). */
    static const uint16_t groups[] = {HF_GROUP_X25519, HF_GROUP_P256};
    char why[256] = "";

    hf_status status = hf_crypto_compose(NULL, &client->crypto, NULL, NULL, why, sizeof why);
    if (status == HF_OK)
        hf_known_key_use(&client->crypto);
    if (status == HF_OK)
        status = hf_worker_new(&client->crypto, &client->worker);
    if (status == HF_OK)
        status = hf_config_new(hf_env_system(), &client->crypto, &client->config);
    if (status == HF_OK)
        status = hf_config_set_policy(client->config, HF_POLICY_COMPATIBLE);
    if (status == HF_OK)
        status = hf_config_set_versions(client->config, options->version, options->version);
    if (status == HF_OK)
        status = hf_config_set_suites(client->config, &options->suite, 1);
    if (status == HF_OK)
        status = hf_config_set_groups(client->config, groups, 2);
    if (status == HF_OK)
        status = hf_config_set_insecure(client->config, true);
    if (status == HF_OK)
        status = hf_config_build(client->config, HF_ROLE_CLIENT, why, sizeof why);
    if (status != HF_OK)
        hf_bench_fail("the client cannot be set up: %s", why[0] ? why : hf_status_text(status));
    return status == HF_OK;
}

void hf_load_client_free(hf_load_client *client)
{
    hf_config_release(client->config);
    hf_worker_free(client->worker);
}

bool hf_load_open(const struct sockaddr_in *server, const hf_load_options *options, unsigned connections, hf_load **out)
{
    hf_load *load = calloc(1, sizeof *load);

    if (!load)
        return false;
    load->server = *server;
    load->options = *options;
    load->n = connections;
    load->slots = calloc(connections, sizeof *load->slots);
    load->latencies = calloc(LATENCIES_MAX, sizeof *load->latencies);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; load->slots && i < connections; i++)
        load->slots[i].fd = -1;
    if (!load->slots || !load->latencies || load->epoll < 0 || !hf_load_client_make(options, &load->client)) {
        hf_load_close(load);
        return false;
    }
    *out = load;
    return true;
}

static void slot_close(slot *s)
{
    if (s->fd >= 0)
        close(s->fd);
    hf_conn_free(s->conn);
    *s = (slot){.fd = -1};
}

static bool slot_fail(slot *s, const char *what)
{
    const char *reason = s->conn ? hf_conn_reason(s->conn) : NULL;

    hf_bench_fail("a client failed: %s%s%s", what, reason && reason[0] ? ": " : "", reason ? reason : "");
    slot_close(s);
    return false;
}

/* The first session that comes is kept. */
static void take_session(void *user, hf_conn *conn, hf_session *session)
{
    hf_load *load = user;

    (void)conn;
    if (load->session)
        hf_session_free(session);
    else
        load->session = session;
}

static bool slot_open(hf_load *load, slot *s)
{
    const hf_conn_options options = {.user = load,
                                     .server_name = load->options.resume ? "localhost" : NULL,
                                     .session = load->session,
                                     .on_session = load->options.resume ? take_session : NULL};
    const int one = 1, small = 4096;
    struct sockaddr_in from = {.sin_family = AF_INET};

    from.sin_addr.s_addr = htonl(0x7f000101u + load->source++ % SOURCES);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return slot_fail(s, strerror(errno));
    (void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (load->options.hold == HF_LOAD_BUSY) /* so that what is not read piles up at the server */
        (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    (void)setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    s->begin_ns = hf_clock_wall_ns();
    s->events = EPOLLOUT;
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = s};
    if (bind(s->fd, (const struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(s->fd, (const struct sockaddr *)&load->server, sizeof load->server) != 0 && errno != EINPROGRESS) ||
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, s->fd, &event) != 0)
        return slot_fail(s, strerror(errno));
    if (hf_conn_new(load->client.config, &options, &s->conn) != HF_OK)
        return slot_fail(s, "out of memory");
    return true;
}

/* Sends what waits. False when the socket broke. */
static bool flush_output(slot *s)
{
    const uint8_t *data;
    size_t len;

    while (hf_conn_wants(s->conn) & HF_WANT_OUTPUT) {
        if (hf_conn_output_buf(s->conn, &data, &len) != HF_OK)
            return false;
        ssize_t n = send(s->fd, data, len, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
        if (hf_conn_output_ack(s->conn, (size_t)n) != HF_OK)
            return false;
    }
    return true;
}

/* Receives once. *out_got: something came. False when the connection ended. */
static bool fill_input(slot *s, bool *out_got)
{
    uint8_t *room;
    size_t len;

    *out_got = false;
    if (!(hf_conn_wants(s->conn) & HF_WANT_INPUT))
        return true;
    if (hf_conn_input_buf(s->conn, &room, &len) != HF_OK)
        return false;
    ssize_t n = recv(s->fd, room, len, 0);
    int error = errno;
    if (hf_conn_input_ack(s->conn, n > 0 ? (size_t)n : 0) != HF_OK)
        return false;
    *out_got = n > 0;
    return n > 0 || (n < 0 && (error == EAGAIN || error == EINTR || error == ENOTCONN));
}

static bool watch_for(hf_load *load, slot *s, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = s};

    if (events == s->events)
        return true;
    s->events = events;
    return epoll_ctl(load->epoll, EPOLL_CTL_MOD, s->fd, &event) == 0;
}

static bool watch(hf_load *load, slot *s)
{
    return watch_for(load, s, EPOLLIN | (hf_conn_wants(s->conn) & HF_WANT_OUTPUT ? EPOLLOUT : 0u));
}

/* HF_LOAD_BUSY: writes until the socket takes no more. */
static bool write_much(hf_load *load, slot *s)
{
    static const uint8_t data[16384];
    size_t taken = 1;

    while (taken > 0) {
        if (hf_conn_write(s->conn, load->client.worker, data, sizeof data, &taken) != HF_OK || !flush_output(s))
            return false;
        if (hf_conn_wants(s->conn) & HF_WANT_OUTPUT)
            break;
    }
    return true;
}

static bool hold_here(hf_load *load, slot *s)
{
    load->held += !s->held;
    s->held = true;
    return true;
}

/* HF_LOAD_BUSY: the server is written to, and not read from, for as long as it takes anything. */
static bool keep_busy(hf_load *load, slot *s)
{
    return write_much(load, s) && watch_for(load, s, EPOLLOUT) && hold_here(load, s);
}

/* HF_LOAD_HANDSHAKING: the hello goes out, and nothing is read. */
static bool stop_after_hello(hf_load *load, slot *s)
{
    if (hf_conn_step(s->conn, load->client.worker) != HF_OK || !flush_output(s))
        return false;
    if (hf_conn_wants(s->conn) & HF_WANT_OUTPUT)
        return true;
    return watch_for(load, s, 0) && hold_here(load, s);
}

/* The handshake is complete: note it, and end the connection or hold it. */
static bool completed(hf_load *load, slot *s)
{
    if (load->done < LATENCIES_MAX)
        load->latencies[load->done] = (double)(hf_clock_wall_ns() - s->begin_ns) / 1e6;
    load->done++;
    hf_conn_get_info(s->conn, &load->info);
    load->resumed += load->info.resumed;
    s->connected = true;
    if (load->hold)
        return load->options.hold == HF_LOAD_BUSY ? keep_busy(load, s) : hold_here(load, s);
    hf_conn_close(s->conn, load->client.worker);
    (void)flush_output(s);
    slot_close(s);
    return slot_open(load, s);
}

static bool slot_move(hf_load *load, slot *s)
{
    bool got = true;

    if (load->hold && load->options.hold == HF_LOAD_HANDSHAKING)
        return stop_after_hello(load, s) || slot_fail(s, strerror(errno));
    if (load->hold && load->options.hold == HF_LOAD_BUSY && s->connected)
        return keep_busy(load, s) || slot_fail(s, strerror(errno));
    while (got) {
        if (hf_conn_step(s->conn, load->client.worker) != HF_OK)
            return slot_fail(s, hf_status_text(hf_conn_status(s->conn)));
        bool complete = !s->connected && (hf_conn_wants(s->conn) & HF_WANT_ROOM);
        if (complete && !load->hold) /* its Finished goes with the close_notify: it is the handshake that is measured */
            return completed(load, s);
        if (!flush_output(s))
            return slot_fail(s, strerror(errno));
        if (complete)
            return completed(load, s);
        if (!fill_input(s, &got))
            return slot_fail(s, "the server closed the connection");
    }
    return watch(load, s) || slot_fail(s, strerror(errno));
}

/* Until the time is over, or (hold) all connections are there. */
static bool run_until(hf_load *load, uint64_t until_ns)
{
    struct epoll_event events[EVENTS];

    while (hf_clock_wall_ns() < until_ns && !(load->hold && load->held == load->hold_until)) {
        int n = epoll_wait(load->epoll, events, EVENTS, 10);
        for (int i = 0; i < n; i++)
            if (!slot_move(load, events[i].data.ptr))
                return false;
    }
    return true;
}

bool hf_load_run(hf_load *load, unsigned ms, hf_load_result *out)
{
    load->done = 0;
    load->resumed = 0;
    load->hold = false;
    for (unsigned i = 0; i < load->n; i++)
        if (!slot_open(load, &load->slots[i]))
            return false;
    uint64_t cpu = hf_clock_thread_ns();
    uint64_t begin = hf_clock_wall_ns();
    bool good = run_until(load, begin + (uint64_t)ms * 1000000u);
    /* On a slow machine the time may be too short for even one. */
    while (good && load->done == 0 && hf_clock_wall_ns() - begin < PATIENCE_MS * 1000000ull)
        good = run_until(load, hf_clock_wall_ns() + (uint64_t)ms * 1000000u);
    *out = (hf_load_result){.handshakes = load->done,
                            .resumed = load->resumed,
                            .seconds = (double)(hf_clock_wall_ns() - begin) / 1e9,
                            .client_cpu_s = (double)(hf_clock_thread_ns() - cpu) / 1e9,
                            .scheme = load->info.server_scheme,
                            .group = load->info.group};
    hf_load_drop(load);
    if (good && load->done == 0) {
        hf_bench_fail("no handshake was completed in %d ms", PATIENCE_MS);
        return false;
    }
    size_t kept = load->done < LATENCIES_MAX ? (size_t)load->done : LATENCIES_MAX;
    if (good) {
        hf_sort(load->latencies, kept);
        out->p50_ms = hf_quantile(load->latencies, kept, 0.50);
        out->p99_ms = hf_quantile(load->latencies, kept, 0.99);
    }
    return good;
}

bool hf_load_prime(hf_load *load, bool *out_got)
{
    uint64_t until = hf_clock_wall_ns() + TICKET_MS * 1000000ull;
    size_t memory = 0;

    bool good = hf_load_hold(load, 1, &memory);
    load->hold_until = load->n + 1; /* go on reading: in TLS 1.3 tickets come after the handshake */
    while (good && !load->session && hf_clock_wall_ns() < until)
        good = run_until(load, hf_clock_wall_ns() + 20000000u);
    hf_load_drop(load);
    *out_got = load->session != NULL;
    return good;
}

bool hf_load_hold(hf_load *load, unsigned n, size_t *out_memory)
{
    uint64_t until = hf_clock_wall_ns() + PATIENCE_MS * 1000000ull;
    bool good = n <= load->n;

    load->hold = true;
    /* A few at a time, so that the server's backlog does not overflow. */
    while (good && load->held < n) {
        unsigned first = load->held;
        load->hold_until = n - first < EVENTS ? n : first + EVENTS;
        for (unsigned i = first; good && i < load->hold_until; i++)
            good = slot_open(load, &load->slots[i]);
        good = good && run_until(load, until) && load->held == load->hold_until;
    }
    if (!good)
        hf_bench_fail("only %u of %u connections could be opened", load->held, n);
    *out_memory = load->info.memory;
    return good;
}

void hf_load_drop(hf_load *load)
{
    load->held = 0;
    for (unsigned i = 0; i < load->n; i++)
        slot_close(&load->slots[i]);
}

void hf_load_close(hf_load *load)
{
    if (!load)
        return;
    if (load->slots)
        hf_load_drop(load);
    hf_session_free(load->session);
    hf_load_client_free(&load->client);
    if (load->epoll >= 0)
        close(load->epoll);
    free(load->latencies);
    free(load->slots);
    free(load);
}
