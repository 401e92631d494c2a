/* Names to addresses to sockets. */
#include "net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct addrinfo *lookup(const hf_host_port *at, bool passive)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
    int error = getaddrinfo(at->host[0] ? at->host : NULL, at->port, &hints, &found);
    if (error != 0) {
        hf_cli_error("cannot find the address of %s: %s", at->host, gai_strerror(error));
        return NULL;
    }
    return found;
}

bool hf_net_resolve(const hf_host_port *at, bool passive, struct sockaddr_storage *out, socklen_t *out_len)
{
    struct addrinfo *found = lookup(at, passive);
    if (!found)
        return false;
    memset(out, 0, sizeof *out);
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *out_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

void hf_net_name(const struct sockaddr_storage *address, socklen_t len, char *out, size_t max)
{
    char host[64], port[8];
    if (getnameinfo((const struct sockaddr *)address, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(out, max, "unknown address");
    else
        snprintf(out, max, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

bool hf_net_is_free(const struct sockaddr_storage *address, socklen_t len)
{
    int on = 1;
    char name[80];
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool taken = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                 bind(fd, (const struct sockaddr *)address, len) != 0 && errno == EADDRINUSE;
    if (fd >= 0)
        close(fd);
    if (taken) {
        hf_net_name(address, len, name, sizeof name);
        hf_cli_error("cannot listen on %s: %s; end what listens there, or choose another", name, strerror(EADDRINUSE));
    }
    return !taken;
}

int hf_net_listen(struct sockaddr_storage *address, socklen_t len, int backlog)
{
    int on = 1;
    char name[80];
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
        /* Clients speak first: a connection is accepted when their first bytes are there, with one wake-up for both; a
         * silent one when the kernel has asked it again, after a second. */
        setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof on) == 0 &&
        /* Connections inherit these two. */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)address, len) == 0 && listen(fd, backlog) == 0 &&
        getsockname(fd, (struct sockaddr *)address, &len) == 0)
        return fd;
    int error = errno;
    hf_net_name(address, len, name, sizeof name);
    hf_cli_error("cannot listen on %s: %s", name, strerror(error));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 0, or errno. */
static int try_connect(int fd, const struct addrinfo *to, int64_t deadline)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    for (;;) {
        int64_t left = deadline - now_ms();
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int n = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            return ETIMEDOUT;
        return n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 ? errno : error;
    }
}

int hf_net_connect(const hf_host_port *to, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    struct addrinfo *found = lookup(to, false);
    int error = 0, fd = -1, on = 1;
    if (!found)
        return -1;
    for (const struct addrinfo *a = found; a; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        error = fd < 0 ? errno : try_connect(fd, a, deadline);
        if (error == 0)
            break;
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    if (fd < 0)
        hf_cli_error("cannot connect to %s port %s: %s", to->host, to->port, strerror(error));
    else
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}
