/* What the tokens do, counted: the public numbers, and how they are kept. */
#ifndef HANDFAST_HSM_STATS_H
#define HANDFAST_HSM_STATS_H

#include "handfast/hsm.h"

/* Microseconds of a clock that only goes forward. */
uint64_t hf_now_us(void);

hf_hsm_result hf_result_of(hf_status status);
/* One operation that the token answered after `us`. The caller guards the numbers. */
void hf_stats_add_latency(hf_hsm_token_stats *stats, uint64_t us);
/* The bucket that a latency falls into, 0..HF_HSM_LATENCY_BUCKETS - 1. */
size_t hf_latency_bucket(uint64_t us);

#endif
