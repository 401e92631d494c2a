/* The CPU's own limit for AES-GCM: what the units for AES rounds and carry-less multiplication can do when nothing else
 * is in their way: no loads, no stores, no counters, no reduction. */
#ifndef HF_BENCH_LIMITS_H
#define HF_BENCH_LIMITS_H

#include "handfast/provider.h"
#include "measure.h"

/* Whether this CPU has such units for the cipher, and we a loop that fills them; out_how: its instructions, static. */
bool hf_limit_has(hf_cipher_id id, const char **out_how);
/* A task whose unit is HF_LIMIT_BYTES bytes; ns and cycles are the caller's to give. */
#define HF_LIMIT_BYTES 512
hf_task hf_limit_task(hf_cipher_id id);

#endif
