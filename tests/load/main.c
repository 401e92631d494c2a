/* Correctness at load: many connections to `handfast serve --echo` at once, of all suites and both versions, with
 * random sizes and pauses; some close well, some half, some are cut off, some reset, at any moment. Every byte that
 * comes back is compared. The server must lose nobody, hold nothing afterwards, and end cleanly.
 *
 *   load PROGRAM CONNECTIONS SECONDS [SEED]
 *
 * The tests run it small; by hand it is for ten thousand connections and more. */
#include "load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define STALL_SECONDS 120

_Noreturn void load_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "load: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void raise_descriptors(size_t connections)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < connections + 100)
        load_fail("%zu connections need more than the %lu descriptors allowed here", connections,
                  (unsigned long)limit.rlim_cur);
}

/* All connections that there shall be, their handshakes done and nothing said yet. */
static void open_all(load *l, size_t connections)
{
    double end = now() + STALL_SECONDS;
    for (size_t connected = 0; connected < connections;) {
        load_move(l, true, false);
        load_open(l, &connected);
        if (now() > end)
            load_fail("%zu of %zu connected", connected, connections);
    }
}

/* Every kind of end, and data. */
static bool load_saw_all(const load *l)
{
    const load_totals *sum = load_sum(l);
    return sum->clean > 0 && sum->half_closed > 0 && sum->cut_off > 0 && sum->killed > 0 && sum->bytes > 0;
}

/* Until all have ended by themselves: whoever does not has stalled. */
static void finish(load *l)
{
    double end = now() + STALL_SECONDS;
    while (load_open(l, NULL) > 0) {
        load_move(l, false, true);
        if (now() > end)
            load_fail("%zu connections have stalled", load_open(l, NULL));
    }
}

static void await_descriptors(const load_server *s, unsigned before)
{
    double end = now() + STALL_SECONDS;
    while (load_server_descriptors(s) > before) {
        if (now() > end)
            load_fail("the server holds %u descriptors, %u before", load_server_descriptors(s), before);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4)
        load_fail("usage: load PROGRAM CONNECTIONS SECONDS [SEED]");
    size_t connections = strtoul(argv[2], NULL, 10);
    double seconds = strtod(argv[3], NULL);
    uint32_t seed = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : (uint32_t)time(NULL);
    load_server server;
    printf("seed %u\n", seed);
    raise_descriptors(connections);
    load_server_start(&server, argv[1], (unsigned)connections + 100);
    unsigned descriptors = load_server_descriptors(&server), memory = load_server_memory(&server);

    load *l = load_new(server.port, connections, seed);
    open_all(l, connections);
    unsigned idle = load_server_memory(&server);
    printf("%zu connections; the server holds %.2f KiB for each\n", connections,
           ((double)idle - (double)memory) / (double)connections);
    double begin = now();
    while (now() < begin + seconds || (!load_saw_all(l) && now() < begin + STALL_SECONDS))
        load_move(l, true, true);
    finish(l);
    await_descriptors(&server, descriptors);
    const load_totals *sum = load_sum(l);
    printf("%lu connections: %lu closed, %lu half-closed, %lu cut off, %lu reset; %lu key updates; %.1f MB compared\n",
           sum->connections, sum->clean, sum->half_closed, sum->cut_off, sum->killed, sum->key_updates,
           (double)sum->bytes / 1e6);
    if (!load_saw_all(l))
        load_fail("not everything happened that should: run it longer");
    load_free(l);
    if (!load_server_stop(&server))
        load_fail("the server did not end cleanly");
    return 0;
}
