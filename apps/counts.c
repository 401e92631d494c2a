/* What one loop's thread counts. See counts.h. */
#include "counts.h"

void hf_count_handshake(hf_counts *counts, const hf_conn *conn)
{
    hf_conn_info info;
    hf_conn_get_info(conn, &info);
    hf_count(&counts->handshakes[info.version == HF_TLS13 ? HF_COUNT_TLS13 : HF_COUNT_TLS12][info.resumed]);
}

void hf_count_failure(hf_counts *counts, hf_status status)
{
    if ((unsigned)status <= HF_STATUS_MAX)
        hf_count(&counts->failures[status]);
}

void hf_count_records(hf_counts *counts, const hf_worker *worker)
{
    hf_worker_counts now;
    hf_worker_get_counts(worker, &now);
    for (size_t i = 0; i < HF_CIPHER_COUNT; i++) {
        for (size_t direction = 0; direction < 2; direction++) {
            atomic_store_explicit(&counts->records[i][direction], now.records[i][direction], memory_order_relaxed);
            atomic_store_explicit(&counts->bytes[i][direction], now.bytes[i][direction], memory_order_relaxed);
        }
    }
}

static void add(_Atomic uint64_t *sum, _Atomic uint64_t *more, size_t n)
{
    for (size_t i = 0; i < n; i++)
        atomic_store_explicit(&sum[i], sum[i] + atomic_load_explicit(&more[i], memory_order_relaxed),
                              memory_order_relaxed);
}

void hf_counts_add(hf_counts *sum, hf_counts *counts)
{
    add(&sum->accepted, &counts->accepted, 1);
    add(&sum->handshakes[0][0], &counts->handshakes[0][0], HF_COUNT_VERSIONS * (size_t)2);
    add(sum->failures, counts->failures, HF_STATUS_MAX + 1);
    add(&sum->records[0][0], &counts->records[0][0], HF_CIPHER_COUNT * (size_t)2);
    add(&sum->bytes[0][0], &counts->bytes[0][0], HF_CIPHER_COUNT * (size_t)2);
}
