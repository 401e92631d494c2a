/* The metrics endpoint's thread: a few connections at once, one request each, a deadline for each. See metrics.h. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"
#include "log.h"
#include "metrics.h"
#include "now.h"

typedef struct visitor {
    int fd; /* -1: none */
    uint64_t end_ms;
    char request[HF_HTTP_HEAD_MAX];
    size_t request_len;
    char *answer; /* NULL: the request is still coming in */
    size_t answer_len, sent;
} visitor;

struct hf_metrics {
    hf_metrics_sources sources;
    int fd, stop;
    bool full; /* accept failed: the next turn does without it */
    pthread_t thread;
    visitor visitors[HF_METRICS_CLIENTS];
};

static void leave(visitor *v)
{
    if (v->fd >= 0)
        close(v->fd);
    free(v->answer);
    memset(v, 0, sizeof *v);
    v->fd = -1;
}

static void welcome(hf_metrics *metrics)
{
    for (size_t i = 0; i < HF_METRICS_CLIENTS; i++) {
        visitor *v = &metrics->visitors[i];
        if (v->fd >= 0)
            continue;
        v->fd = accept4(metrics->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        v->end_ms = hf_time_ms() + HF_METRICS_TIMEOUT_MS;
        metrics->full = v->fd < 0; /* the visitor waits on, so poll would return at once */
        return;
    }
}

/* A whole answer with its head. */
static void answer(visitor *v, unsigned status, const char *type, const char *body, size_t len, bool head_only)
{
    char head[256];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
                     "Connection: close\r\n\r\n",
                     status, hf_http_reason(status), type, len);
    size_t head_len = n > 0 && (size_t)n < sizeof head ? (size_t)n : 0;
    if (head_only)
        len = 0;
    v->answer = malloc(head_len + len + 1);
    if (!v->answer || !head_len) {
        leave(v);
        return;
    }
    memcpy(v->answer, head, head_len);
    if (len)
        memcpy(v->answer + head_len, body, len);
    v->answer_len = head_len + len;
}

static void answer_word(visitor *v, unsigned status, bool head_only)
{
    char body[64];
    int n = snprintf(body, sizeof body, "%s\n", status == 200 ? "ok" : hf_http_reason(status));
    answer(v, status, "text/plain; charset=utf-8", body, n > 0 ? (size_t)n : 0, head_only);
}

static void respond(hf_metrics *metrics, visitor *v, size_t head_len)
{
    hf_http_request request;
    unsigned serving = 0, status = hf_http_parse(v->request, head_len, &request);
    bool metrics_asked = status == 200 && strcmp(request.path, "/metrics") == 0;
    bool health_asked = status == 200 && strcmp(request.path, "/healthz") == 0;
    if (!metrics_asked && !health_asked) {
        answer_word(v, status == 200 ? 404 : status, request.head);
        return;
    }
    char *text = malloc(HF_METRICS_TEXT_MAX);
    size_t len = text ? hf_metrics_write(&metrics->sources, text, HF_METRICS_TEXT_MAX, &serving) : 0;
    if (health_asked)
        answer_word(v, serving ? 200 : 503, request.head);
    else if (len)
        answer(v, 200, "text/plain; version=0.0.4; charset=utf-8", text, len, request.head);
    else
        answer_word(v, 503, request.head);
    free(text);
}

static void receive(hf_metrics *metrics, visitor *v)
{
    size_t seen = v->request_len;
    ssize_t n = recv(v->fd, v->request + v->request_len, sizeof v->request - v->request_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        leave(v);
        return;
    }
    v->request_len += (size_t)n;
    size_t head_len = hf_http_head_end(v->request, v->request_len, seen);
    if (head_len)
        respond(metrics, v, head_len);
    else if (v->request_len == sizeof v->request)
        answer_word(v, 431, false);
}

static void transmit(visitor *v)
{
    ssize_t n = send(v->fd, v->answer + v->sent, v->answer_len - v->sent, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        v->sent += (size_t)n;
    if (n <= 0 || v->sent == v->answer_len) {
        if (n > 0)
            shutdown(v->fd, SHUT_WR);
        leave(v);
    }
}

static void turn(hf_metrics *metrics)
{
    struct pollfd polls[HF_METRICS_CLIENTS + 2];
    bool room = false, any = false, pause = metrics->full;
    metrics->full = false;
    for (size_t i = 0; i < HF_METRICS_CLIENTS; i++) {
        const visitor *v = &metrics->visitors[i];
        room = room || v->fd < 0;
        any = any || v->fd >= 0;
        polls[i] = (struct pollfd){.fd = v->fd, .events = v->answer ? POLLOUT : POLLIN};
    }
    polls[HF_METRICS_CLIENTS] = (struct pollfd){.fd = room && !pause ? metrics->fd : -1, .events = POLLIN};
    polls[HF_METRICS_CLIENTS + 1] = (struct pollfd){.fd = metrics->stop, .events = POLLIN};
    if (poll(polls, HF_METRICS_CLIENTS + 2, pause ? HF_METRICS_BACKOFF_MS : any ? 500 : -1) < 0)
        return;
    uint64_t now = hf_time_ms();
    for (size_t i = 0; i < HF_METRICS_CLIENTS; i++) {
        visitor *v = &metrics->visitors[i];
        if (v->fd >= 0 && polls[i].revents && !v->answer)
            receive(metrics, v);
        else if (v->fd >= 0 && polls[i].revents)
            transmit(v);
        if (v->fd >= 0 && now >= v->end_ms)
            leave(v);
    }
    if (polls[HF_METRICS_CLIENTS].revents)
        welcome(metrics);
}

static bool stopping(const hf_metrics *metrics)
{
    struct pollfd poll_stop = {.fd = metrics->stop, .events = POLLIN};
    return poll(&poll_stop, 1, 0) > 0;
}

static void *metrics_thread(void *arg)
{
    hf_metrics *metrics = arg;
    while (!stopping(metrics))
        turn(metrics);
    return NULL;
}

hf_metrics *hf_metrics_start(int fd, const hf_metrics_sources *sources)
{
    hf_metrics *metrics = calloc(1, sizeof *metrics);
    if (!metrics) {
        close(fd);
        return NULL;
    }
    metrics->sources = *sources;
    metrics->fd = fd;
    metrics->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (size_t i = 0; i < HF_METRICS_CLIENTS; i++)
        metrics->visitors[i].fd = -1;
    if (metrics->stop >= 0 && pthread_create(&metrics->thread, NULL, metrics_thread, metrics) == 0)
        return metrics;
    hf_log_limited("cannot start the metrics: %s", strerror(errno));
    close(fd);
    if (metrics->stop >= 0)
        close(metrics->stop);
    free(metrics);
    return NULL;
}

void hf_metrics_stop(hf_metrics *metrics)
{
    uint64_t one = 1;
    if (!metrics)
        return;
    if (write(metrics->stop, &one, sizeof one) == (ssize_t)sizeof one)
        pthread_join(metrics->thread, NULL);
    for (size_t i = 0; i < HF_METRICS_CLIENTS; i++)
        leave(&metrics->visitors[i]);
    close(metrics->fd);
    close(metrics->stop);
    free(metrics);
}
