/* A client on a connection that was established before the storm: it asks for a small file, waits for the answer,
 * pauses, and asks again, and notes how long each answer took. On a thread of its own. */
#ifndef HF_BENCH_PROBE_H
#define HF_BENCH_PROBE_H

#include "load.h"

typedef struct hf_probe hf_probe;

typedef struct hf_probe_result {
    size_t requests;
    double p50_ms, p99_ms;
} hf_probe_result;

/* Connects, shakes hands and asks once for /small.bin, which must have `body` bytes. False after a message. */
bool hf_probe_open(const struct sockaddr_in *server, const hf_load_options *options, size_t body, hf_probe **out);
/* The thread begins to ask; it inherits the processor of the caller. */
bool hf_probe_start(hf_probe *probe);
/* It ends after the answer that it waits for. False after a message. */
bool hf_probe_stop(hf_probe *probe, hf_probe_result *out);
void hf_probe_close(hf_probe *probe); /* NULL is allowed */

#endif
