/* The listening socket: whom it gives, and when. */
#include "net.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 60000

Test(apps_net, gives_a_connection_when_its_first_bytes_are_there)
{
    struct sockaddr_storage address = {.ss_family = AF_INET};
    struct sockaddr_in *at = (struct sockaddr_in *)&address;
    int seconds = 0;
    socklen_t len = sizeof seconds;
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    int listener = hf_net_listen(&address, sizeof *at, 8);
    cr_assert(listener >= 0);
    cr_assert_eq(getsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, &len), 0);
    cr_expect_eq(seconds, 1, "the kernel waits for them, but not for long");
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(client, (struct sockaddr *)&address, sizeof *at), 0);
    cr_assert_eq(send(client, "hello", 5, MSG_NOSIGNAL), 5);
    struct pollfd there = {.fd = listener, .events = POLLIN};
    cr_assert_eq(poll(&there, 1, PATIENCE_MS), 1);
    int server = accept(listener, NULL, NULL);
    cr_assert(server >= 0);
    char got[8];
    cr_expect_eq(recv(server, got, sizeof got, MSG_DONTWAIT), 5, "they came with it");
    close(server);
    close(client);
    close(listener);
}
