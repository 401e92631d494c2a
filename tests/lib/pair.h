/* A client and a server of the engine, joined in memory: two wires, pumped in pieces of any size. Records on a wire
 * can be looked at, changed, held back, or put in by the test. Free of Criterion, so that fuzz targets use it too;
 * what cannot fail in a sound program aborts. */
#ifndef TESTS_PAIR_H
#define TESTS_PAIR_H

#include "handfast/handfast.h"

typedef struct wire {
    uint8_t *data;
    size_t start, end, size;
    bool closed; /* the sender's end of stream */
} wire;

void wire_put(wire *w, const void *bytes, size_t len);
size_t wire_len(const wire *w);
uint8_t *wire_data(wire *w);
void wire_drop(wire *w, size_t len);

#define END_ALERTS 16
#define END_SESSIONS 8

typedef struct end {
    hf_conn *conn;
    hf_worker *worker;
    hf_status status; /* of the last step */
    wire out;         /* what the engine sent and the peer has not read */
    wire plain;       /* application data received */
    bool hold_key;    /* do not take key operations */
    bool hold_plain;  /* do not take plaintext */
    bool held_out;    /* the peer does not read `out` but its own `injected`: the test moves records (gate.h) */
    wire injected;
    bool eof_told;
    uint8_t alerts_sent[END_ALERTS], alerts_got[END_ALERTS];
    size_t n_alerts_sent, n_alerts_got;
    size_t n_sent, n_received; /* messages, ChangeCipherSpec included */
    size_t n_connected, n_closed, key_started, key_done;
    size_t n_resumed;
    hf_session *sessions[END_SESSIONS]; /* what a client was given, the newest last; freed with the pair */
    size_t n_sessions, n_given;         /* held; in all */
    size_t n_key_logs;                  /* what the key log was told */
    uint8_t logged_random[32], logged_secret[48];
} end;

typedef enum pair_pieces { PAIR_WHOLE, PAIR_BYTES, PAIR_RANDOM } pair_pieces;

typedef struct pair {
    end client, server;
    pair_pieces pieces;
    uint32_t seed;
    hf_session *offer; /* set before the start: what the client resumes; borrowed */
    bool keep;         /* set before the start: the client takes sessions */
} pair;

/* The client's newest session out of the pair; NULL when there is none. hf_session_free. */
hf_session *pair_take_session(pair *p);

/* Makes both connections; name: what the client verifies, may be NULL. On error nothing is left to clean. */
hf_status pair_start(pair *p, hf_config *client, hf_config *server, const char *name);
/* Moves both until neither can. */
void pair_run(pair *p);
void pair_cleanup(pair *p);

/* One move of one end; whether anything moved. */
bool pair_move(pair *p, end *e);
end *pair_peer(pair *p, end *e);

/* Writes all of data at e and moves both; false when e takes no more. */
bool pair_send(pair *p, end *e, const void *data, size_t len);

/* The status an end fails with, and whether both ends are connected and healthy. */
bool pair_connected(const pair *p);

/* The last alert that e sent / got; -1 when none. */
int end_alert_sent(const end *e);
int end_alert_got(const end *e);

/* Whether needle stands somewhere in hay. */
bool bytes_contain(const uint8_t *hay, size_t len, const void *needle, size_t needle_len);

/* A generator for tests: xorshift32. */
uint32_t pair_random(uint32_t *seed);

#endif
