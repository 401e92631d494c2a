/* What one loop's thread counts, for the metrics: written by that thread alone, read by any. */
#ifndef HANDFAST_APPS_COUNTS_H
#define HANDFAST_APPS_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "handfast/handfast.h"

enum { HF_COUNT_TLS12, HF_COUNT_TLS13, HF_COUNT_VERSIONS };

typedef struct hf_counts {
    _Atomic uint64_t accepted;
    _Atomic uint64_t handshakes[HF_COUNT_VERSIONS][2]; /* by version; resumed */
    _Atomic uint64_t failures[HF_STATUS_MAX + 1];      /* handshakes by the status that ended them */
    _Atomic uint64_t records[HF_CIPHER_COUNT][2], bytes[HF_CIPHER_COUNT][2]; /* as of the last tick */
} hf_counts;

static inline void hf_count(_Atomic uint64_t *counter)
{
    /* One writer: no locked instruction is needed. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* The handshake of conn is complete / has failed with its status. */
void hf_count_handshake(hf_counts *counts, const hf_conn *conn);
void hf_count_failure(hf_counts *counts, hf_status status);
/* Takes over what the worker counted. */
void hf_count_records(hf_counts *counts, const hf_worker *worker);
/* Adds all of `counts` to *sum, which nobody else uses. */
void hf_counts_add(hf_counts *sum, hf_counts *counts);

#endif
