/* A client on an established connection; see probe.h. Blocking, one request at a time. */
#include "probe.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "measure.h"

#define PAUSE_US 2000
#define PATIENCE_S 30
#define SAMPLES_MAX ((size_t)1 << 16)
#define ANSWER_MAX 4096
#define NICE (-10) /* where the thread may not have a real-time priority */

static const char request[] = "GET /small.bin HTTP/1.1\r\nHost: localhost\r\n\r\n";

struct hf_probe {
    hf_load_client client;
    hf_conn *conn;
    int fd;
    size_t body;
    pthread_t thread;
    atomic_bool stop;
    bool failed;
    double *samples; /* milliseconds */
    size_t samples_n;
};

static bool send_all(hf_probe *p)
{
    const uint8_t *data;
    size_t len;

    while (hf_conn_wants(p->conn) & HF_WANT_OUTPUT) {
        if (hf_conn_output_buf(p->conn, &data, &len) != HF_OK)
            return false;
        ssize_t n = send(p->fd, data, len, MSG_NOSIGNAL);
        if (n <= 0 || hf_conn_output_ack(p->conn, (size_t)n) != HF_OK)
            return false;
    }
    return true;
}

static bool receive(hf_probe *p)
{
    uint8_t *room;
    size_t len;

    if (!(hf_conn_wants(p->conn) & HF_WANT_INPUT) || hf_conn_input_buf(p->conn, &room, &len) != HF_OK)
        return false;
    ssize_t n = 0;
    do /* a stop and its end interrupt what has a time limit */
        n = recv(p->fd, room, len, 0);
    while (n < 0 && errno == EINTR);
    return hf_conn_input_ack(p->conn, n > 0 ? (size_t)n : 0) == HF_OK && n > 0;
}

/* Until the connection wants one of these. */
static bool go_until(hf_probe *p, unsigned wanted)
{
    for (;;) {
        if (hf_conn_step(p->conn, p->client.worker) != HF_OK || !send_all(p))
            return false;
        if (hf_conn_wants(p->conn) & wanted)
            return true;
        if (!receive(p))
            return false;
    }
}

/* The answer's head and `body` bytes behind it. */
static bool complete(const char *answer, size_t len, size_t body)
{
    const char *end = memmem(answer, len, "\r\n\r\n", 4);

    return end && len >= (size_t)(end - answer) + 4 + body;
}

static bool ask(hf_probe *p)
{
    char answer[ANSWER_MAX];
    const uint8_t *data;
    size_t len = 0, n = 0, taken = 0;

    if (hf_conn_write(p->conn, p->client.worker, (const uint8_t *)request, sizeof request - 1, &taken) != HF_OK ||
        taken != sizeof request - 1)
        return false;
    while (!complete(answer, len, p->body)) {
        if (!go_until(p, HF_WANT_PLAINTEXT) || hf_conn_plaintext_buf(p->conn, &data, &n) != HF_OK ||
            n > sizeof answer - len)
            return false;
        memcpy(answer + len, data, n);
        len += n;
        if (hf_conn_plaintext_ack(p->conn, n) != HF_OK)
            return false;
    }
    return memcmp(answer, "HTTP/1.1 200", 12) == 0;
}

static bool connect_to(hf_probe *p, const struct sockaddr_in *server)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    const int one = 1;

    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0)
        return false;
    (void)setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return connect(p->fd, (const struct sockaddr *)server, sizeof *server) == 0;
}

bool hf_probe_open(const struct sockaddr_in *server, const hf_load_options *options, size_t body, hf_probe **out)
{
    hf_probe *p = calloc(1, sizeof *p);

    if (!p)
        return false;
    p->fd = -1;
    p->body = body;
    p->samples = calloc(SAMPLES_MAX, sizeof *p->samples);
    bool good = p->samples && hf_load_client_make(options, &p->client);
    if (good && (!connect_to(p, server) || hf_conn_new(p->client.config, NULL, &p->conn) != HF_OK ||
                 !go_until(p, HF_WANT_ROOM) || !ask(p))) {
        hf_bench_fail("the client of small requests failed: %s", p->conn ? hf_conn_reason(p->conn) : strerror(errno));
        good = false;
    }
    if (!good) {
        hf_probe_close(p);
        return false;
    }
    *out = p;
    return true;
}

/* It goes before the load beside it: its own waiting for the processor is not the server's. For root only; else it
 * stays as it is. */
static void go_first(void)
{
    const struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};

    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &lowest) != 0)
        (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE); /* of this thread, on Linux */
}

static void *run(void *arg)
{
    hf_probe *p = arg;

    go_first();
    while (!p->failed && !atomic_load(&p->stop)) {
        uint64_t begin = hf_clock_wall_ns();
        p->failed = !ask(p);
        if (!p->failed && p->samples_n < SAMPLES_MAX)
            p->samples[p->samples_n++] = (double)(hf_clock_wall_ns() - begin) / 1e6;
        (void)usleep(PAUSE_US);
    }
    return NULL;
}

bool hf_probe_start(hf_probe *probe)
{
    probe->samples_n = 0;
    atomic_store(&probe->stop, false);
    if (pthread_create(&probe->thread, NULL, run, probe) == 0)
        return true;
    hf_bench_fail("no thread for the client of small requests");
    return false;
}

bool hf_probe_stop(hf_probe *probe, hf_probe_result *out)
{
    atomic_store(&probe->stop, true);
    (void)pthread_join(probe->thread, NULL);
    if (probe->failed || probe->samples_n == 0) {
        hf_bench_fail("a small request failed: %s", hf_conn_reason(probe->conn));
        return false;
    }
    hf_sort(probe->samples, probe->samples_n);
    *out = (hf_probe_result){.requests = probe->samples_n,
                             .p50_ms = hf_quantile(probe->samples, probe->samples_n, 0.50),
                             .p99_ms = hf_quantile(probe->samples, probe->samples_n, 0.99)};
    return true;
}

void hf_probe_close(hf_probe *probe)
{
    if (!probe)
        return;
    if (probe->fd >= 0)
        close(probe->fd);
    hf_conn_free(probe->conn);
    hf_load_client_free(&probe->client);
    free(probe->samples);
    free(probe);
}
