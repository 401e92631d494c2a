/* The metrics endpoint: plain HTTP, GET /metrics and GET /healthz, on a thread and a socket of its own.
 *
 * For a scraper and a load balancer near by: no TLS, no authentication, so it belongs on a loopback or management
 * address. Bounded: HF_METRICS_CLIENTS at once, HF_METRICS_TIMEOUT_MS for each, one request each. */
#ifndef HANDFAST_APPS_METRICS_H
#define HANDFAST_APPS_METRICS_H

#include <stdbool.h>

#include "key_client.h"
#include "key_watch.h"
#include "loop.h"

#define HF_METRICS_CLIENTS 8       /* connections at once; more wait in the listening queue */
#define HF_METRICS_TIMEOUT_MS 2000 /* from accept to close */
#define HF_METRICS_BACKOFF_MS 100  /* pause after accept ran out of descriptors or memory */
#define HF_METRICS_TEXT_MAX 262144 /* bytes of the answer */

typedef struct hf_metrics hf_metrics;

/* What is told of; all borrowed until hf_metrics_stop. */
typedef struct hf_metrics_sources {
    hf_server *server;
    hf_loop *loops;
    unsigned n_loops;
    hf_key_watch *watch;   /* NULL: the keys are in the key process */
    hf_key_client *client; /* NULL: the keys are in this process */
} hf_metrics_sources;

/* Takes over the listening socket. NULL after saying why. */
hf_metrics *hf_metrics_start(int fd, const hf_metrics_sources *sources);
/* NULL is allowed. */
void hf_metrics_stop(hf_metrics *metrics);

/* Seconds of a clock that only goes forward, for hf_server.started. */
double hf_metrics_now(void);

/* The whole text of /metrics; how many keys can serve. Length; 0: it did not fit. One thread at a time. */
size_t hf_metrics_write(const hf_metrics_sources *sources, char *out, size_t max, unsigned *out_serving);

#endif
