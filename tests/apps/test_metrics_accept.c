/* The metrics' thread while no descriptor is left for a visitor: it waits a little, and does not ask again at once. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics.h"
#include "net.h"

static atomic_int refusals = 3; /* still to come */
static atomic_int looks;        /* at the listener, right after a refusal */
static atomic_int turns;        /* after a refusal */
static _Thread_local bool refused;

int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    if (atomic_load(&refusals) == 0)
        return __real_accept4(fd, address, len, flags);
    atomic_fetch_sub(&refusals, 1);
    refused = true;
    errno = EMFILE;
    return -1;
}

int __real_poll(struct pollfd *polls, nfds_t n, int timeout_ms);
int __wrap_poll(struct pollfd *polls, nfds_t n, int timeout_ms);
int __wrap_poll(struct pollfd *polls, nfds_t n, int timeout_ms)
{
    if (refused && n > HF_METRICS_CLIENTS) {
        refused = false;
        atomic_fetch_add(&turns, 1);
        if (polls[HF_METRICS_CLIENTS].fd >= 0)
            atomic_fetch_add(&looks, 1);
        else
            cr_assert_geq(timeout_ms, 0, "it would never look again");
    }
    return __real_poll(polls, n, timeout_ms);
}

Test(metrics, no_descriptor_for_a_visitor)
{
    static const char request[] = "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const hf_host_port any = {.host = "127.0.0.1", .port = "0"};
    struct sockaddr_storage address;
    socklen_t len = 0;
    char answer[512] = "";
    size_t got = 0;

    cr_assert(hf_net_resolve(&any, true, &address, &len));
    int fd = hf_net_listen(&address, len, 1);
    cr_assert_geq(fd, 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    hf_metrics *metrics = hf_metrics_start(fd, &(hf_metrics_sources){.server = NULL});
    cr_assert_not_null(metrics);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(client, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(send(client, request, strlen(request), 0), (ssize_t)strlen(request));
    for (ssize_t n = 1; n > 0 && got + 1 < sizeof answer; got += (size_t)n) {
        n = recv(client, answer + got, sizeof answer - 1 - got, 0);
        cr_assert_geq(n, 0);
    }
    cr_assert_not_null(strstr(answer, "404"), "%s", answer);
    close(client);
    hf_metrics_stop(metrics);
    cr_assert_eq(atomic_load(&turns), 3);
    cr_assert_eq(atomic_load(&looks), 0, "it asks again at once");
}
