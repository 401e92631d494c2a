/* Room `priority`: how far a token's threads stand back from those that serve connections.
 *
 * A token that computes on our CPUs does so behind whoever serves connections that are established: with more threads
 * than CPUs (the pool is crowded) all together would else have most of the time. All of a token alike, or operations
 * would overtake each other. But so low a priority gives them next to nothing while other programs want every CPU: no
 * handshake would be served, and a lost token would not come back. So it gives way: the pool has the priority of one
 * that is not crowded once an operation, a probe or a reconnection has gone on for HF_POOL_STARVED_MS, its thread still
 * waits for a CPU and not for the wire, and for as long again this process had less than half of the CPUs that it may
 * use. (Where it has them, its own threads wait for each other, as they should.) It stands back again when that was not
 * seen for HF_POOL_CALM_MS.
 *
 * Everybody may lower a thread's priority, and only the privileged may raise it. So threads that are too low are
 * relieved: the keeper, which has the priority of who opened the key, starts one anew for each (hf_worker_relieve).
 * It is no matter when any of it fails. */
#define _GNU_SOURCE /* CPU_COUNT */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "key.h"

#define STAT_MAX 512 /* its state stands in the first few dozen bytes */
#define NICE_MAX 19

static int wanted_nice(const hf_pool *pool)
{
    bool far = pool->crowded && !pool->gives_way;
    int nice = pool->nice + (far ? HF_POOL_NICE_FAR : HF_POOL_NICE_NEAR);

    return nice > NICE_MAX ? NICE_MAX : nice;
}

void hf_priority_begin(hf_worker_thread *w)
{
    w->tid = (pid_t)syscall(SYS_gettid);
    w->nice = getpriority(PRIO_PROCESS, 0); /* of this thread, on Linux: that of who started it */
}

void hf_priority_lower(hf_worker_thread *w)
{
    int wanted = wanted_nice(w->pool);

    if (w->nice >= wanted)
        return;
    w->nice = wanted;
    (void)setpriority(PRIO_PROCESS, 0, wanted);
}

void hf_priority_watch(hf_pool *pool, uint64_t since_us)
{
    for (const hf_member *m = pool->crowded ? pool->members : NULL; m; m = m->next)
        hf_keeper_by(m->key, since_us + (uint64_t)HF_POOL_STARVED_MS * 1000);
}

bool hf_thread_wants_cpu(pid_t tid)
{
    char path[64], text[STAT_MAX];

    (void)snprintf(path, sizeof path, "/proc/self/task/%ld/stat", (long)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true; /* nobody can tell: service comes first */
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *name_end = strrchr(text, ')'); /* a name may hold any character; what follows are numbers */
    return !name_end || strncmp(name_end, ") R", 3) == 0;
}

/* A thread that has been busy for so long and wants a CPU. *out_next: when, at the earliest, there may be one. */
static bool any_late(const hf_pool *pool, uint64_t now_us, uint64_t limit_us, uint64_t *out_next)
{
    for (const hf_worker_thread *w = pool->workers; w; w = w->next) {
        uint64_t at = w->since_us + limit_us;
        if (!w->busy)
            continue;
        if (at <= now_us && hf_thread_wants_cpu(w->tid))
            return true;
        if (at <= now_us)
            at = now_us + limit_us; /* it waits for the wire: again later */
        if (at < *out_next)
            *out_next = at;
    }
    return false;
}

bool hf_cpus_are_others(uint64_t used_us, uint64_t wall_us, unsigned cpus)
{
    return used_us < wall_us * cpus / 2;
}

static uint64_t process_cpu_us(void)
{
    struct timespec t;

    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0 ? 0 : (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static unsigned cpus_allowed(const hf_pool *pool)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : pool->cpus;
}

/* A look at the threads: one that waits for too long is noted, and the next look says whether others have the CPUs
 * while any of ours wants one. A thread seen at the first has often got through by the second, and another one waits.
 */
static bool starved(hf_pool *pool, uint64_t now_us, uint64_t *out_next)
{
    const uint64_t limit = (uint64_t)HF_POOL_STARVED_MS * 1000;
    bool others = false;

    if (pool->late_us && pool->late_us + limit <= now_us) {
        uint64_t passed = now_us - pool->late_us, ignored = UINT64_MAX;
        others = passed < 3 * limit && any_late(pool, now_us, 0, &ignored) &&
                 hf_cpus_are_others(process_cpu_us() - pool->late_cpu_us, passed, cpus_allowed(pool));
        pool->late_us = 0;
    }
    if (!pool->late_us && any_late(pool, now_us, limit, out_next)) {
        pool->late_us = now_us;
        pool->late_cpu_us = process_cpu_us();
    }
    if (pool->late_us)
        *out_next = pool->late_us + limit;
    return others;
}

/* A new thread has the priority of who starts it. */
static void relieve_all(hf_pool *pool)
{
    int wanted = wanted_nice(pool);
    bool able = getpriority(PRIO_PROCESS, 0) <= wanted;
    bool any = false;

    for (hf_worker_thread *w = able && !pool->stopping ? pool->workers : NULL; w; w = w->next)
        if (w->nice > wanted && !w->relieved && !w->ended)
            any = hf_worker_relieve(w) || any;
    if (any)
        hf_bell_ring_all(&pool->work); /* those that are idle leave at once, the others when they are back */
}

uint64_t hf_priority_tick(hf_pool *pool, uint64_t now_us)
{
    uint64_t next = UINT64_MAX;

    if (!pool->crowded)
        return next;
    if (starved(pool, now_us, &next)) {
        pool->gives_way = true;
        pool->calm_us = now_us + (uint64_t)HF_POOL_CALM_MS * 1000;
    } else if (pool->gives_way && pool->calm_us <= now_us) {
        pool->gives_way = false;
    }
    if (pool->gives_way) {
        relieve_all(pool);
        next = pool->calm_us < next ? pool->calm_us : next;
    }
    return next;
}
