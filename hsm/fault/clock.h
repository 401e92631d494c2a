/* The clock of the rules: CLOCK_MONOTONIC in nanoseconds. */
#ifndef HANDFAST_FAULT_CLOCK_H
#define HANDFAST_FAULT_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t hf_fault_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static inline void hf_fault_sleep_until(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000ULL), (long)(ns % 1000000000ULL)};

    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t,
                          NULL); /* a signal ends it early: the caller looks again */
}

#endif
