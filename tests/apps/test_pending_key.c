/* The server's loop while a token does not answer: the other connections go on; answers that come late are nobody's. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <unistd.h>

#include "app.h"
#include "fake_key.h"
#include "loop.h"
#include "net.h"

#define SIZE 100000
#define PATIENT_MS 60000
#define SHORT_MS 100 /* set once the connection has come as far as it shall, however long that took */

typedef struct scene {
    fake_world world;
    hf_server server;
    hf_loop loop;
    int port;
} scene;

static void set_up(scene *s)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&address;
    memset(s, 0, sizeof *s);
    fake_world_init(&s->world);
    hf_keylog_init(&s->server.tls.keylog);
    s->server.tls.crypto = s->world.crypto;
    s->server.tls.config = s->world.server;
    s->server.app = &hf_app_echo;
    s->server.root_fd = -1;
    s->server.handshake_timeout_ms = PATIENT_MS;
    s->server.idle_timeout_ms = 60000;
    s->server.max_connections = 100;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = hf_net_listen(&address, sizeof *in, 16);
    cr_assert_geq(fd, 0);
    s->port = ntohs(in->sin_port);
    cr_assert(hf_loop_start(&s->loop, &s->server, fd));
}

static void tear_down(scene *s)
{
    hf_loop_stop(&s->loop);
    hf_loop_join(&s->loop);
    cr_assert_eq(s->server.connections, 0);
    fake_world_cleanup(&s->world); /* no operation is left */
}

Test(pending_key, others_go_on)
{
    scene s;
    fake_client first, second, third;
    set_up(&s);
    fake_client_open(&first, &s.world, s.port, true);
    s.world.gate_closed = 1;
    fake_client_open(&second, &s.world, s.port, false);
    fake_await(&s.world, 1);
    fake_client_open(&third, &s.world, s.port, false);
    fake_await(&s.world, 2);
    for (int i = 0; i < 5; i++)
        cr_assert(fake_client_echo(&first, SIZE));

    fake_client_close(&second); /* leaves while the token is at its signature */
    fake_release(&s.world);
    fake_release(&s.world);
    fake_client_greet(&third);
    cr_assert(fake_client_echo(&third, SIZE));
    cr_assert(fake_client_echo(&first, SIZE));
    fake_client_close(&first);
    fake_client_close(&third);
    tear_down(&s);
}

Test(pending_key, answer_after_the_handshake_limit)
{
    scene s;
    fake_client late, next;
    set_up(&s);
    s.world.gate_closed = 1;
    fake_client_open(&late, &s.world, s.port, false);
    fake_await(&s.world, 1);
    s.server.handshake_timeout_ms = SHORT_MS;
    cr_assert(fake_client_ended(&late)); /* the server gave it up; its operation is still out */
    cr_assert_eq(s.world.n_released, 0);
    fake_release(&s.world);
    s.world.gate_closed = 0;
    s.server.handshake_timeout_ms = PATIENT_MS;
    fake_client_open(&next, &s.world, s.port, true);
    cr_assert(fake_client_echo(&next, SIZE));
    fake_client_close(&late);
    fake_client_close(&next);
    tear_down(&s);
}

Test(pending_key, server_ends_before_the_answer)
{
    scene s;
    fake_client late;
    set_up(&s);
    s.world.gate_closed = 1;
    fake_client_open(&late, &s.world, s.port, false);
    fake_await(&s.world, 1);
    s.server.handshake_timeout_ms = SHORT_MS;
    hf_loop_stop(&s.loop);
    hf_loop_join(&s.loop); /* the connection ran into its limit; the operation is out */
    fake_release(&s.world);
    fake_client_close(&late);
    cr_assert_eq(s.server.connections, 0);
    fake_world_cleanup(&s.world);
}
