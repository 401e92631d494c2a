/* The servers under test, as children on one processor: `handfast serve`, and what it is measured beside (peers.c). */
#ifndef HF_BENCH_SERVER_H
#define HF_BENCH_SERVER_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>

#include "token_bed.h"

typedef struct hf_server {
    const char *name; /* "handfast", "handfast-isolated", "nginx", "nginx-file-key", "haproxy"; static */
    pid_t pid;        /* 0: none */
    struct sockaddr_in address;
    char log[HF_BED_PATH_MAX]; /* its stderr, in the bed's folder */
} hf_server;

typedef enum hf_server_work { HF_WORK_ECHO, HF_WORK_FILES, HF_WORK_FORWARD } hf_server_work;

/* How the server is to serve; the same for all of them as far as they can. */
typedef struct hf_server_options {
    const char *program; /* path of `handfast`, of nginx or of haproxy */
    int cpu;             /* to run on; -1: anywhere */
    hf_server_work work;
    const char *root;             /* of HF_WORK_FILES */
    uint16_t backend;             /* port on 127.0.0.1, of HF_WORK_FORWARD */
    bool tls13_only;              /* TLS_AES_128_GCM_SHA256 with X25519 and nothing else */
    bool key_in_file;             /* else in the token */
    bool isolate;                 /* of handfast: module, PIN and keys in a process of their own */
    bool resume;                  /* tickets allowed */
    unsigned key_threads;         /* of handfast: sessions for each key; 0: its default */
    unsigned max_connections;     /* of handfast and haproxy */
    bool keys[HF_BED_KEYS];       /* which of the bed's */
    const char *module;           /* PKCS#11 module; NULL: the bed's */
    const char *const *more_args; /* of handfast, NULL-terminated, or NULL */
} hf_server_options;

/* Starts `handfast serve` and waits until it listens. False after a message. */
bool hf_server_start(const hf_server_options *options, const hf_token_bed *bed, hf_server *out);
/* Ends it with SIGTERM and waits. False after a message when ours did not end well; of a peer it is only told. */
bool hf_server_stop(hf_server *server);
/* Processor time it used so far, with the processes below it, in nanoseconds; 0: it is gone. */
uint64_t hf_server_cpu_ns(const hf_server *server);
/* Its memory: resident pages that are not shared with others, in bytes; 0: unknown. */
uint64_t hf_server_private_bytes(const hf_server *server);

/* A path relative to the folder of this program; false when there is no such file. */
bool hf_server_find_beside(const char *name, char *out, size_t max);
/* "handfast" beside this program in the build tree (../apps) or installation (same folder); false when neither. */
bool hf_server_find_program(char *out, size_t max);

/* For servers of any kind: starts argv (NULL-terminated) on the processor with stdout to *out_fd, or to the log when
 * that is NULL. False after a message. */
bool hf_server_spawn(hf_server *server, const hf_token_bed *bed, const char *program, const char *const *argv, int cpu,
                     int *out_fd);
/* Waits until 127.0.0.1:port of server->address accepts; false after a message, with the log, when it does not. */
bool hf_server_wait(hf_server *server);

#endif
