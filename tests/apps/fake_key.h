/* A small world for tests: a key whose answers wait behind a gate, a server's and a client's configuration, and a
 * blocking client. */
#ifndef TESTS_APPS_FAKE_KEY_H
#define TESTS_APPS_FAKE_KEY_H

#include <stdatomic.h>

#include "handfast/handfast.h"

#define FAKE_WAITING_MAX 16

typedef struct fake_world {
    hf_key face;   /* first: the key of the server's credential */
    hf_key *inner; /* a PEM key that does the work */
    atomic_int references, gate_closed, n_waiting;
    struct {
        hf_key_op *op;
        hf_key_done_fn *done;
        void *arg;
    } waiting[FAKE_WAITING_MAX];
    int n_released;
    bool queued;   /* what waits has not begun: cancel takes it out */
    int n_cancels; /* calls of cancel */
    hf_crypto crypto;
    hf_config *server, *client;
} fake_world;

void fake_world_init(fake_world *world);
void fake_world_cleanup(fake_world *world);

/* Waits until n operations in all have come to the closed gate. */
void fake_await(fake_world *world, int n);
/* Lets the oldest waiting operation through, on a thread of its own, and waits for that thread. */
void fake_release(fake_world *world);

/* Runs a handshake in memory until the server wants its key; the operation is taken. The caller frees both. */
hf_key_op *fake_operation(fake_world *world, hf_conn **out_server, hf_conn **out_client);

/* A client over a blocking socket to 127.0.0.1. */
typedef struct fake_client {
    int fd;
    hf_conn *conn;
    hf_worker *worker;
} fake_client;

/* Connects; greet: also finishes the handshake, else only the ClientHello is sent. */
void fake_client_open(fake_client *client, fake_world *world, int port, bool greet);
/* Finishes the handshake. */
void fake_client_greet(fake_client *client);
/* Sends len bytes and reads as many back: whether they are the same. */
bool fake_client_echo(fake_client *client, size_t len);
/* Reads to the end of the connection: whether it came. */
bool fake_client_ended(fake_client *client);
void fake_client_close(fake_client *client);

#endif
