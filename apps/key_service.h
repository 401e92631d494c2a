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
#define HF_KEY_RATE_MAX 1000000         /* --key-rate, operations per second */

/* At most `rate` operations a second, and as many at once: a bucket of tokens. */
typedef struct hf_rate {
    double rate, tokens; /* rate 0: no limit */
    uint64_t last_us;
} hf_rate;

void hf_rate_init(hf_rate *limit, unsigned per_second, uint64_t now_us);
/* Takes one token; false when there is none at this time (microseconds of a clock that does not go back). */
bool hf_rate_take(hf_rate *limit, uint64_t now_us);

typedef struct hf_key_service {
    int fd; /* SOCK_SEQPACKET, blocking */
    hf_key *const *keys;
    size_t n;
    hf_rate rate;
    /* Text for the metrics endpoint (at most max bytes, its length is returned) and how many keys can serve now. */
    size_t (*report)(void *arg, char *out, size_t max, unsigned *out_serving);
    void (*reopen)(void *arg); /* the audit file was moved away */
    void *arg;
    pthread_mutex_t lock;
    struct hf_service_op *first; /* pending operations */
    /* Counters for the report, any thread. */
    atomic_ulong pending, refused_rate, malformed;
} hf_key_service;

/* fd is borrowed, and so are the keys; rate: operations per second, 0 for no limit. */
void hf_key_service_init(hf_key_service *service, int fd, hf_key *const *keys, size_t n, unsigned rate);
/* After the release of the keys. */
void hf_key_service_cleanup(hf_key_service *service);

/* Sends the public faces of the keys, and the certificates that `certs` finds for each. False when the other side is
 * gone. */
bool hf_key_service_introduce(hf_key_service *service,
                              hf_status (*certs)(hf_key *key,
                                                 hf_status (*each)(void *arg, const uint8_t *der, size_t len),
                                                 void *arg));
/* Serves until the other side closes. Operations may then still run: the keys' release waits for them, and the
 * service must live until after it. */
void hf_key_service_run(hf_key_service *service);
/* One message, as hf_key_service_run takes it: for tests and fuzzing. `data` is wiped. */
void hf_key_service_take(hf_key_service *service, uint8_t *data, size_t len);

#endif
