/* The load: clients of our own engine on one thread, each connecting, shaking hands and closing, again and again. */
#ifndef HF_BENCH_LOAD_H
#define HF_BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "handfast/handfast.h"

/* In which state hf_load_hold leaves its connections. */
typedef enum hf_load_state {
    HF_LOAD_IDLE,        /* established, nothing on its way */
    HF_LOAD_HANDSHAKING, /* the hello was sent, and the server waits for an answer to its own */
    HF_LOAD_BUSY         /* more was sent than the server can send back (--echo), and nothing is taken from it */
} hf_load_state;

/* What the clients ask for: one version, one suite, X25519. */
typedef struct hf_load_options {
    uint16_t version; /* HF_TLS12 or HF_TLS13 */
    uint16_t suite;
    bool resume; /* hf_load_prime takes a session, that all handshakes then resume; else none is asked for */
    hf_load_state hold;
} hf_load_options;

/* The client's side of the engine, for one thread. */
typedef struct hf_load_client {
    hf_crypto crypto;
    hf_config *config;
    hf_worker *worker;
} hf_load_client;

/* client: zeroed. False after a message; free it in every case. */
bool hf_load_client_make(const hf_load_options *options, hf_load_client *client);
void hf_load_client_free(hf_load_client *client);

typedef struct hf_load hf_load;

/* The server's chain is not verified (it is self-signed, and the client is not
 * what is measured); its signature is. False after a message. */
bool hf_load_open(const struct sockaddr_in *server, const hf_load_options *options, unsigned connections,
                  hf_load **out);
/* One full handshake, and the session that the server gives for it. *out_got: there is one (false: the server gives
 * none). False after a message. */
bool hf_load_prime(hf_load *load, bool *out_got);

typedef struct hf_load_result {
    uint64_t handshakes; /* that were completed within the time */
    uint64_t resumed;    /* of them */
    double seconds;
    double client_cpu_s;   /* of this thread */
    double p50_ms, p99_ms; /* from connect(2) to the end of the handshake, as the client sees it */
    uint16_t scheme;       /* of the server's signature; 0 with RSA key transport */
    uint16_t group;
} hf_load_result;

/* Full handshakes for `ms` milliseconds; connections under way at the end are given up. False after a message. */
bool hf_load_run(hf_load *load, unsigned ms, hf_load_result *out);

/* Opens connections until n (up to the number given to open) are there, and leaves them idle; false after a message.
 * out_memory: what one of our engine's connections holds, in bytes. */
bool hf_load_hold(hf_load *load, unsigned n, size_t *out_memory);
/* Closes what is open. */
void hf_load_drop(hf_load *load);
void hf_load_close(hf_load *load);

#endif
