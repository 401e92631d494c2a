/* The server under test: `handfast serve` as a child, on one processor, with keys of a token bed. */
#ifndef HF_BENCH_SERVER_H
#define HF_BENCH_SERVER_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>

#include "token_bed.h"

typedef struct hf_server_options {
    const char *program;  /* path of `handfast` */
    int cpu;              /* to run on; -1: anywhere */
    unsigned key_threads; /* sessions for each key */
    unsigned max_connections;
} hf_server_options;

typedef struct hf_server {
    pid_t pid; /* 0: none */
    struct sockaddr_in address;
    char log[HF_BED_PATH_MAX]; /* its stderr, in the bed's folder */
} hf_server;

/* Starts it and waits until it listens. False after a message. */
bool hf_server_start(const hf_server_options *options, const hf_token_bed *bed, hf_server *out);
/* Ends it with SIGTERM and waits. False after a message when it did not end well. */
bool hf_server_stop(hf_server *server);
/* Processor time it used so far, in nanoseconds; 0: it is gone. */
uint64_t hf_server_cpu_ns(const hf_server *server);
/* Its memory: resident pages that are not shared with others, in bytes; 0: unknown. */
uint64_t hf_server_private_bytes(const hf_server *server);

/* "handfast" beside this program in the build tree (../apps) or installation (same folder); false when neither. */
bool hf_server_find_program(char *out, size_t max);

#endif
