/* Time and processors; see clock.h. */
#include "clock.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define CHAIN 250000 /* additions in one run of the chain: 60 to 250 microseconds */
#define CHAIN_RUNS 8 /* the quickest counts: an interrupt can only make a run longer */
#define TSC_WINDOW_NS 20000000u

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;

    if (clock_gettime(id, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t hf_clock_wall_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t hf_clock_thread_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t hf_clock_process_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t hf_clock_other_process_ns(pid_t pid)
{
    clockid_t id;

    return clock_getcpuclockid(pid, &id) == 0 ? clock_ns(id) : 0;
}

/* CHAIN additions, ten to a turn of the loop, so that the loop's own instructions hide beside them. */
static bool run_chain(void)
{
#if defined(__x86_64__)
    uint64_t x = 0;
    for (unsigned i = 0; i < CHAIN / 10; i++)
        __asm__ volatile("add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\t"
                         "add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0"
                         : "+r"(x)
                         :
                         : "cc");
    return true;
#elif defined(__aarch64__)
    uint64_t x = 0;
    for (unsigned i = 0; i < CHAIN / 10; i++)
        __asm__ volatile("add %0, %0, #1\n\tadd %0, %0, #1\n\tadd %0, %0, #1\n\tadd %0, %0, #1\n\tadd %0, %0, #1\n\t"
                         "add %0, %0, #1\n\tadd %0, %0, #1\n\tadd %0, %0, #1\n\tadd %0, %0, #1\n\tadd %0, %0, #1"
                         : "+r"(x));
    return true;
#else
    return false;
#endif
}

double hf_clock_core_hz(void)
{
    uint64_t best = UINT64_MAX;

    for (unsigned i = 0; i < CHAIN_RUNS; i++) {
        uint64_t begin = hf_clock_thread_ns();
        if (!run_chain())
            return 0;
        uint64_t took = hf_clock_thread_ns() - begin;
        if (took > 0 && took < best)
            best = took;
    }
    return best == UINT64_MAX ? 0 : CHAIN * 1e9 / (double)best;
}

double hf_clock_tsc_hz(void)
{
#if defined(__x86_64__)
    uint64_t begin = hf_clock_wall_ns();
    uint64_t ticks = __rdtsc();
    uint64_t now = begin;
    while (now - begin < TSC_WINDOW_NS)
        now = hf_clock_wall_ns();
    return (double)(__rdtsc() - ticks) * 1e9 / (double)(now - begin);
#else
    return 0;
#endif
}

static cpu_set_t allowed;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void read_allowed(void)
{
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        CPU_ZERO(&allowed);
        CPU_SET(0, &allowed);
    }
}

int hf_cpu_last(void)
{
    return hf_cpu_other(-1);
}

int hf_cpu_other(int cpu)
{
    pthread_once(&once, read_allowed);
    for (int i = CPU_SETSIZE - 1; i >= 0; i--)
        if (CPU_ISSET(i, &allowed) && i != cpu)
            return i;
    return cpu < 0 ? 0 : cpu;
}

bool hf_cpu_pin(int cpu)
{
    cpu_set_t set;

    pthread_once(&once, read_allowed);
    if (cpu < 0)
        return sched_setaffinity(0, sizeof allowed, &allowed) == 0;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}
