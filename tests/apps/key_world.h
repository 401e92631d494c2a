/* A network process's keys and a key process's service, joined by their sockets; the test is the supervisor. */
#ifndef HANDFAST_TESTS_KEY_WORLD_H
#define HANDFAST_TESTS_KEY_WORLD_H

#include <pthread.h>
#include <stdatomic.h>

#include "control.h"
#include "handfast/handfast.h"
#include "key_client.h"
#include "key_service.h"

#define WAIT_STEPS 6000 /* of 10 ms */

/* An RSA key that can be made to wait. */
typedef struct holder {
    hf_key face; /* first */
    hf_key *inner;
    pthread_mutex_t lock;
    bool closed, reluctant;
    struct {
        hf_key_op *op;
        hf_key_done_fn *done;
        void *arg;
    } waiting[16];
    atomic_int n, canceled;
} holder;

void holder_init(holder *h);
void holder_cleanup(holder *h);
/* What waits goes on. */
void holder_open(holder *h);

/* A key process of one thread. */
typedef struct process {
    hf_key_service service;
    hf_key *keys[1];
    pthread_t thread;
    bool running; /* and to be joined */
    int fd;
    atomic_uint adopted, dropped; /* the numbers of which the network process has said so last */
} process;

hf_status one_cert(hf_key *key, hf_status (*each)(void *arg, const uint8_t *der, size_t len), void *arg);
/* What the supervisor does: a socket (closed here) for the network process; the key process was started after so many
 * reloads. */
void hand_over(int control, int fd, uint32_t reloads);
void process_start(process *p, holder *h, int control, unsigned rate);
void process_start_after(process *p, holder *h, int control, uint32_t reloads);
/* May be called again. */
void process_kill(process *p);
void process_end(process *p);

/* An operation of the network process. */
typedef struct asked {
    hf_key_op op; /* first */
    uint8_t digest[32];
    atomic_int done;
} asked;

void came_back(void *arg, hf_key_op *op);
void ask(asked *a, hf_key *key, uint16_t scheme, size_t len);
void await_done(asked *a);
void expect(asked *a, hf_status status);

typedef struct world {
    holder h;
    process p;
    hf_key_client *client;
    hf_key *key;
    int control[2];
} world;

void set_up(world *w, unsigned rate);
void tear_down(world *w);
void await_waiting(world *w, int n);

#endif
