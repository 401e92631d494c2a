/* What the load test's two halves share: the server under test, and the clients that press it. */
#ifndef TESTS_LOAD_H
#define TESTS_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- load_server.c ---- */

typedef struct load_server {
    pid_t pid;
    unsigned port;
    char folder[64];
} load_server;

/* Starts `program serve --echo` with a certificate made for it. */
void load_server_start(load_server *s, const char *program, unsigned max_connections);
/* Its open descriptors and its resident memory, KiB. */
unsigned load_server_descriptors(const load_server *s);
unsigned load_server_memory(const load_server *s);
/* SIGTERM; whether it ended with 0 in time. */
bool load_server_stop(load_server *s);

/* ---- load_client.c ---- */

/* Says what happened and ends the test. */
_Noreturn void load_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

typedef struct load_totals {
    unsigned long connections, clean, half_closed, cut_off, killed, key_updates;
    unsigned long long bytes; /* echoed and compared */
} load_totals;

typedef struct load load;
load *load_new(unsigned port, size_t connections, uint32_t seed);
void load_free(load *l);
/* Moves whoever can move for a while (at most 20 ms of waiting). refill: who ends is replaced by a new one; push: the
 * connections do what they are there for, a few at a time; else all of them at once. */
void load_move(load *l, bool refill, bool push);
/* How many are open, and how many of those have done their handshake. */
size_t load_open(const load *l, size_t *out_connected);
const load_totals *load_sum(const load *l);

#endif
