/* The client's connection: a socket, an engine, and what stands at the other side of it, moved by poll(2). */
#ifndef HANDFAST_APPS_CONNECT_IO_H
#define HANDFAST_APPS_CONNECT_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "connect_options.h"
#include "explain.h"
#include "handfast/handfast.h"
#include "http_response.h"
#include "key_bridge.h"
#include "tls_setup.h"

#define HF_CONNECT_BATCH 65536 /* bytes read from standard input at once */
/* TLS 1.2 has no half-close: a peer that gets close_notify drops what it still had to say (RFC 5246 section 7.2.1). So
 * after the end of standard input the answer is waited for until the server is silent for this long. */
#define HF_CONNECT_QUIET_MS 1000

typedef struct hf_client {
    const hf_connect_options *options;
    const hf_tls *tls;
    hf_conn *conn;
    hf_worker *worker;
    hf_key_bridge *keys;
    hf_key_ticket *ticket;
    hf_explain *explain;
    uint8_t *scratch;     /* HF_CONNECT_BATCH bytes from standard input */
    size_t begin, end;    /* of scratch: not yet taken by the engine */
    hf_response response; /* with --get */
    int fd, key_fd;       /* the socket; an eventfd: a key operation came back */
    int64_t quiet_since;  /* monotonic milliseconds of the last byte moved, once standard input has ended */
    int64_t deadline;     /* monotonic milliseconds; -1: none */
    hf_session *session;  /* the newest that the server gave; owned */
    bool connected;       /* the handshake is complete and told of */
    bool input_ended;     /* standard input, or the request was sent */
    bool closing;         /* close_notify was asked for */
    bool eof;             /* the peer's end was read */
    bool failed;          /* said why */
} hf_client;

/* Runs from the first byte to the last. HF_EXIT_*, after saying why. */
int hf_client_run(hf_client *client);

#endif
