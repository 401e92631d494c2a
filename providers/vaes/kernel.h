/* The kernel of one width, made of the parts: included by kernel_wide.c and kernel_narrow.c behind their vectors. */
#ifndef HANDFAST_VAES_KERNEL_H
#define HANDFAST_VAES_KERNEL_H

#include "ghash.h"
#include "text.h"

#include "finish.h"

#include "short.h"

#include "bulk.h"
#include "lanes.h"

#include "record.h"

#include "batch.h"

static void seal_128(void *worker, hf_record_job *jobs, size_t n)
{
    (void)worker;
    batch_jobs(jobs, n, HF_VAES_ROUNDS_128, true);
}

static void open_128(void *worker, hf_record_job *jobs, size_t n)
{
    (void)worker;
    batch_jobs(jobs, n, HF_VAES_ROUNDS_128, false);
}

static void seal_256(void *worker, hf_record_job *jobs, size_t n)
{
    (void)worker;
    batch_jobs(jobs, n, HF_VAES_ROUNDS_256, true);
}

static void open_256(void *worker, hf_record_job *jobs, size_t n)
{
    (void)worker;
    batch_jobs(jobs, n, HF_VAES_ROUNDS_256, false);
}

#define KERNEL                                                                                                         \
    {                                                                                                                  \
        .seal_128 = seal_128, .open_128 = open_128, .seal_256 = seal_256, .open_256 = open_256                         \
    }

#endif
