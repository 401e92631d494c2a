/* The kernel of one width, made of the parts: included by kernel_wide.c and kernel_narrow.c behind their vectors. */
#ifndef HANDFAST_VAES_KERNEL_H
#define HANDFAST_VAES_KERNEL_H

#include "ghash.h"
#include "text.h"

#include "finish.h"

#include "short.h"

#include "bulk.h"
#include "lanes.h"

#include "fours.h"

#include "record.h"

#include "batch.h"

/* One direction of one cipher. A record by itself is a function of its own, so that registers are given out well. */
#define DIRECTION(name, rounds, seal)                                                                                  \
    static __attribute__((noinline)) void name##_alone(const hf_vaes_record *r)                                        \
    {                                                                                                                  \
        batch_alone(r, rounds, seal);                                                                                  \
    }                                                                                                                  \
    static void name(void *worker, hf_record_job *jobs, size_t n)                                                      \
    {                                                                                                                  \
        (void)worker;                                                                                                  \
        batch_jobs(jobs, n, rounds, seal, name##_alone);                                                               \
    }

DIRECTION(seal_128, HF_VAES_ROUNDS_128, true)
DIRECTION(open_128, HF_VAES_ROUNDS_128, false)
DIRECTION(seal_256, HF_VAES_ROUNDS_256, true)
DIRECTION(open_256, HF_VAES_ROUNDS_256, false)
#undef DIRECTION

#define KERNEL                                                                                                         \
    {                                                                                                                  \
        .seal_128 = seal_128, .open_128 = open_128, .seal_256 = seal_256, .open_256 = open_256                         \
    }

#endif
