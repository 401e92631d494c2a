/* The time, in the units that the programs count in. */
#ifndef HANDFAST_APPS_NOW_H
#define HANDFAST_APPS_NOW_H

#include <stdint.h>
#include <time.h>

/* Microseconds of a clock: CLOCK_MONOTONIC only goes forward, CLOCK_REALTIME counts from 1970. */
static inline uint64_t hf_time_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static inline uint64_t hf_time_ms(void)
{
    return hf_time_us(CLOCK_MONOTONIC) / 1000u;
}

#endif
