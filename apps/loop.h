/* One thread of the server: a loop, a listening socket of its own (SO_REUSEPORT), a worker, its connections. */
#ifndef HANDFAST_APPS_LOOP_H
#define HANDFAST_APPS_LOOP_H

#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <uv.h>

#include "counts.h"
#include "link.h"
#include "tick.h"
#include "tls_setup.h"

#define HF_THREADS_MAX 256
#define HF_ACCEPT_BATCH 64       /* connections accepted before the others have their turn */
#define HF_ACCEPT_BACKOFF_MS 100 /* pause after accept ran out of descriptors or memory */
#define HF_DEADLINES_MS 500      /* how often deadlines are looked at */
#define HF_DRAIN_DEADLINES_MS 50
#define HF_DRAIN_MS 10000      /* from the signal to the end of connections that do not end by themselves */
#define HF_DRAIN_QUIET_MS 1000 /* a forwarded connection without a byte for this long counts as idle then */
#define HF_BACKLOG 4096

typedef enum hf_reload_result { HF_RELOAD_DONE, HF_RELOAD_FAILED, HF_RELOAD_RESULTS } hf_reload_result;

/* What all threads share; constant while they run, but for the counters and the configuration (hf_tls_config). */
typedef struct hf_server {
    hf_tls tls;
    const hf_app *app;
    int root_fd;                     /* static: the folder; else -1 */
    struct sockaddr_storage backend; /* forwarding: where to */
    socklen_t backend_len;
    const char *backend_name;
    uint64_t handshake_timeout_ms, idle_timeout_ms;
    unsigned long max_connections;
    size_t record_size; /* largest content of a record; 0: small at a start, then full */
    atomic_ulong connections;
    atomic_ulong reloads[HF_RELOAD_RESULTS];
    double started; /* seconds of the monotonic clock */
    bool explain;
} hf_server;

typedef struct hf_link_list {
    hf_link *first, *last;
} hf_link_list;

struct hf_loop {
    uv_loop_t uv;
    uv_thread_t thread;
    uv_poll_t listener;
    uv_timer_t deadlines, backoff;
    hf_tick tick;
    uv_async_t stop;
    uv_poll_t keys_ready;
    hf_server *server;
    hf_worker *worker;
    hf_key_bridge *keys;
    int keys_fd;                  /* eventfd: operations came back */
    struct hf_small_files *files; /* static: what is kept of the folder; else NULL */
    uint8_t *scratch;             /* HF_LINK_BATCH bytes, for what is read and thrown away */
    hf_link_list lists[HF_LINK_STATES];
    size_t n_links;
    uint64_t drain_since;
    time_t date_of; /* the second that `date` tells, as HTTP wants it */
    char date[32];
    int listen_fd;
    hf_counts counts; /* for the metrics */
    bool accepting, draining, ending;
};

/* Makes the loop with its listening socket (taken over) and starts its thread. False after saying why. */
bool hf_loop_start(hf_loop *loop, hf_server *server, int listen_fd);
/* Any thread, once: stop accepting, drain, end. */
void hf_loop_stop(hf_loop *loop);
/* Waits for the end and frees what is left. */
void hf_loop_join(hf_loop *loop);

/* The time for a Date field (RFC 9110 section 5.6.7). */
const char *hf_loop_date(hf_loop *loop);

/* For link.c. */
void hf_loop_list_add(hf_loop *loop, hf_link *link);
void hf_loop_list_remove(hf_loop *loop, hf_link *link);
/* A link's memory was freed. */
void hf_loop_link_gone(hf_loop *loop);

#endif
