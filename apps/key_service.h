/* What the key process offers over its socket: sign with this key and scheme, decrypt with this key. Nothing else.
 *
 * The other side may be a network process that somebody took over: it gets a result, HF_ERR_INVALID or HF_ERR_BUSY,
 * and whatever it sends, this side goes on. */
#ifndef HANDFAST_APPS_KEY_SERVICE_H
#define HANDFAST_APPS_KEY_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "handfast/handfast.h"
#include "key_wire.h"

#define HF_KEY_SERVICE_PENDING_MAX 4096 /* operations at once; more are answered HF_ERR_BUSY */
#define HF_KEY_SERVICE_SETS 8           /* sets of keys at once: that of now, a new one, and those before */
#define HF_KEY_RATE_MAX 1000000         /* --key-rate, operations per second */

/* At most `rate` operations a second, and as many at once: a bucket of tokens. */
typedef struct hf_rate {
    double rate, tokens; /* rate 0: no limit */
    uint64_t last_us;
} hf_rate;

void hf_rate_init(hf_rate *limit, unsigned per_second, uint64_t now_us);
/* Takes one token; false when there is none at this time (microseconds of a clock that does not go back). */
bool hf_rate_take(hf_rate *limit, uint64_t now_us);

/* The keys of the beginning, or of one reload (key_wire.h). */
typedef struct hf_service_set {
    bool used, open; /* open: takes operations */
    uint32_t number;
    hf_key *keys[HF_LIMIT_CREDENTIALS]; /* borrowed */
    size_t n;
    size_t users; /* operations whose result is not out, and calls that are inside of a key */
} hf_service_set;

typedef struct hf_key_service {
    int fd; /* SOCK_SEQPACKET, blocking */
    hf_rate rate;
    /* Text for the metrics endpoint (at most max bytes, its length is returned) and how many keys can serve now. */
    size_t (*report)(void *arg, char *out, size_t max, unsigned *out_serving);
    /* Whether the network process uses the keys of that reload. */
    void (*settle)(void *arg, uint32_t number, bool adopt);
    /* It asks for the ticket secret of that hour: hf_key_service_send_ticket, at some time. NULL: there are none. */
    void (*ticket)(void *arg, uint64_t hour);
    void *arg;
    pthread_mutex_t lock;                     /* guards what follows */
    pthread_cond_t quiet;                     /* a set has no users any more */
    hf_service_set sets[HF_KEY_SERVICE_SETS]; /* changed by one thread at a time: who opens and closes them */
    struct hf_service_op *first;              /* pending operations */
    /* Counters for the report, any thread. */
    atomic_ulong pending, refused_rate, malformed;
} hf_key_service;

typedef hf_status hf_key_certs_fn(hf_key *key, hf_status (*each)(void *arg, const uint8_t *der, size_t len), void *arg);

/* fd is borrowed; rate: operations per second, 0 for no limit. It has no keys yet. */
void hf_key_service_init(hf_key_service *service, int fd, unsigned rate);
/* After the release of the keys. */
void hf_key_service_cleanup(hf_key_service *service);

/* From now on these keys (borrowed) serve as the set of that number, which no open one has. False: there are
 * HF_KEY_SERVICE_SETS. Opening, closing and introducing: one thread at a time, any thread. */
bool hf_key_service_open_set(hf_key_service *service, uint32_t number, hf_key *const *keys, size_t n);
/* The set takes no more operations; waits until those that it has are over. Then its keys are the caller's again. */
void hf_key_service_close_set(hf_key_service *service, uint32_t number);

/* Sends the public faces of the keys of set 0, and the certificates that `certs` (may be NULL) finds for each; then
 * READY. False when the other side is gone. */
bool hf_key_service_introduce(hf_key_service *service, hf_key_certs_fn *certs);
/* The same for the set of a reload, then RELOADED. */
bool hf_key_service_show(hf_key_service *service, uint32_t number, hf_key_certs_fn *certs);
/* The keys of that reload could not be opened. */
void hf_key_service_refuse(hf_key_service *service, uint32_t number, hf_status status);
/* Any thread. secret: HF_WIRE_TICKET_SIZE bytes with HF_OK, else not looked at. */
void hf_key_service_send_ticket(hf_key_service *service, uint64_t hour, hf_status status, const uint8_t *secret);
/* Serves until the other side closes. Operations may then still run: the keys' release waits for them, and the
 * service must live until after it. */
void hf_key_service_run(hf_key_service *service);
/* One message, as hf_key_service_run takes it: for tests and fuzzing. `data` is wiped. */
void hf_key_service_take(hf_key_service *service, uint8_t *data, size_t len);

#endif
