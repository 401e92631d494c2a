/* The kernel. Compiled for AVX-512 with IFMA; provider.c asks the CPU first. */
#include "batch.h"

void hf_ifma_seal(void *worker, hf_record_job *jobs, size_t n)
{
    (void)worker;
    batch_jobs(jobs, n, true);
}

void hf_ifma_open(void *worker, hf_record_job *jobs, size_t n)
{
    (void)worker;
    batch_jobs(jobs, n, false);
}
