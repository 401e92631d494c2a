/* One TLS connection of the server: a socket, an engine, an application, moved by one loop's thread.
 *
 *   socket --recv--> hf_conn --plaintext--> application
 *   socket <--send-- hf_conn <----write---- application
 *
 * Bytes go straight between the socket and the engine's own buffers, so an idle connection holds none. Whoever
 * cannot take stops the one before: the application does not take plaintext, so the socket is not read. */
#ifndef HANDFAST_APPS_LINK_H
#define HANDFAST_APPS_LINK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "explain.h"
#include "handfast/handfast.h"
#include "key_bridge.h"

#define HF_LINK_BATCH 65536        /* bytes that an application writes at once: several records, one send */
#define HF_LINK_BATCH_LITTLE 16384 /* the same where records are so small that they are mostly overhead */
#define HF_LINK_ROUNDS 16          /* times round one connection in one pass of the loop */
#define HF_LINK_LINGER_MS                                                                                              \
    2000               /* after our last byte: how long the peer's are still read, so that no reset eats ours          \
                        */
#define HF_PEER_MAX 64 /* bytes of "address:port" */

/* Record sizes. A record can be used when its last byte is there: at the start of a connection and after a pause, while
 * TCP sends only a few packets at a time, a record is one packet; later the largest cost least. */
#define HF_SIZE_SMALL 1360      /* bytes of content: with header, tag and type in one packet of 1400 */
#define HF_SIZE_SMALL_FOR 65536 /* bytes that go out in small records */
#define HF_SIZE_PAUSE_MS 1000   /* without a write: then small again */

typedef struct hf_link hf_link;
typedef struct hf_loop hf_loop;

/* Whose connection: written out only where somebody reads it. */
typedef union hf_peer {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} hf_peer;

/* What is done with the plaintext. All on the loop's thread. */
typedef struct hf_app {
    const char *name;
    /* The handshake is complete. False: no memory or no backend; the connection is closed. */
    bool (*open)(hf_link *link);
    /* Moves data as far as possible without waiting. Calls hf_link_finish when everything is said; with
     * hf_loop_draining also when nothing is in progress. */
    void (*run)(hf_link *link);
    /* Frees app_state. */
    void (*close)(hf_link *link);
} hf_app;

typedef enum hf_link_state { HF_LINK_HANDSHAKE, HF_LINK_OPEN, HF_LINK_LINGER, HF_LINK_STATES } hf_link_state;

struct hf_link {
    uv_poll_t poll;
    hf_loop *loop;
    hf_conn *conn; /* NULL while lingering */
    const hf_app *app;
    void *app_state;
    hf_key_ticket *ticket;            /* a key operation is out */
    hf_explain *explain;              /* NULL: not wanted */
    hf_link *prev, *next;             /* in the loop's list of this state, oldest activity first */
    hf_link *ready_prev, *ready_next; /* among those that have the next turn, while queued */
    struct hf_tick_queue *queue;      /* which of them; NULL: not queued */
    size_t write_max;                 /* bytes that the application may write at once */
    size_t small_sent;                /* bytes in small records since the start or the last pause */
    size_t returned;                  /* bytes of the plaintext that are on their way back */
    uint64_t written;                 /* loop time of the last write, milliseconds */
    uint64_t since;                   /* loop time of the last activity, milliseconds */
    int fd;
    int events; /* what the poll handle waits for */
    hf_link_state state;
    bool readable;  /* the socket may have input */
    bool heard;     /* the peer sent at least one byte */
    bool eof;       /* the peer's end was read */
    bool broken;    /* the socket failed: nothing more can be sent */
    bool moved;     /* something moved in this round */
    bool finishing; /* the application is done; only output remains */
    bool writing;   /* what the application wrote is not sealed yet */
    hf_peer peer;
};

/* A new connection on an accepted socket; takes fd in every case. False after logging why. */
bool hf_link_start(hf_loop *loop, int fd, const hf_peer *peer);

/* Its turn in a pass of the loop, in this order: tick.c. */

/* Whether it moves on; what the last round did is forgotten. */
bool hf_link_begin_round(hf_link *link);
/* From the socket to a record in the loop's batch, or a step of the handshake. False: the batch is full. */
bool hf_link_receive(hf_link *link);
/* What was opened goes to the application; what it says goes to the batch. */
void hf_link_answer(hf_link *link);
/* What was sealed goes to the socket. */
void hf_link_send(hf_link *link);
/* Ends what is over and waits for the rest. May free the link. */
void hf_link_settle(hf_link *link);

/* Connected: how much may be written at once, by what a record holds. */
void hf_link_set_write_max(hf_link *link, size_t send_limit);
/* A deadline of its state passed. Frees the link, now or soon. */
void hf_link_expired(hf_link *link);
/* Ends it now, whatever is in flight. Frees the link. */
void hf_link_destroy(hf_link *link);
/* hf_key_bridge_collect's deliver: owner is the link. May free the link. */
void hf_link_key_done(void *owner, hf_key_op *op);

/* For applications. */

/* Whether a batch may be written now: the engine has room and nothing of before waits to be sent. */
bool hf_link_can_write(const hf_link *link);
/* Room for link->write_max bytes, HF_LINK_BATCH or less, for one hf_link_write. */
uint8_t *hf_link_room(hf_link *link);
/* Writes all of at most link->write_max bytes, from hf_link_room or from where they stay until the end of this round;
 * only after hf_link_can_write. False: the connection failed. */
bool hf_link_write(hf_link *link, const uint8_t *data, size_t len);
/* Sends the first len bytes of the plaintext back, without a copy; they are taken when they are sealed. As
 * hf_link_write. */
bool hf_link_return(hf_link *link, size_t len);
/* Plaintext that waits; false when there is none. */
bool hf_link_read(hf_link *link, const uint8_t **out_data, size_t *out_len);
void hf_link_take(hf_link *link, size_t len);
/* The peer closed its direction and all of its data was taken. */
bool hf_link_peer_done(hf_link *link);
/* Something moved outside of the engine (a backend): activity for time-outs, another round. */
void hf_link_activity(hf_link *link);
/* The application is done: close_notify after what was written. Its close is called soon. */
void hf_link_finish(hf_link *link);

#endif
