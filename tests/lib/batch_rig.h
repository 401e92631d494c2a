/* Many connections whose servers share one batch and one worker; the test moves their bytes. */
#ifndef TESTS_BATCH_RIG_H
#define TESTS_BATCH_RIG_H

#include <criterion/criterion.h>

#include "faulty.h"
#include "handfast/batch.h"
#include "world.h"

#define RIG_MAX 48

typedef struct rig {
    pair pairs[RIG_MAX];
    size_t n;
    hf_batch *batch;
    hf_worker *worker;
    hf_worker_counts before;
} rig;

/* n connected pairs; how: what the i-th one speaks. */
void rig_start(rig *r, size_t n, void (*how)(size_t i, side *client, side *server));
void rig_cleanup(rig *r);
/* They all speak TLS 1.3 with AES-128-GCM, or TLS 1.2 with AES-128-CBC and HMAC-SHA1. */
void rig_tls13(size_t i, side *client, side *server);
void rig_cbc(size_t i, side *client, side *server);

/* The content of the i-th connection's message: reproducible noise. Static storage of 70,000 bytes, good until the
 * call after the next. */
const uint8_t *rig_noise(size_t i, size_t len);

/* The i-th client sends; all that it has to send is in the server's input buffer afterwards. */
void rig_client_says(rig *r, size_t i, const void *data, size_t len);
void rig_to_server(rig *r, size_t i);
/* Moves the i-th pair until it rests (the server through its own worker). */
void rig_settle(rig *r, size_t i);
/* The plaintext that waits at the i-th server is exactly this; it is taken. */
void rig_assert_server_got(rig *r, size_t i, const void *data, size_t len);
void rig_assert_client_got(rig *r, size_t i, const void *data, size_t len);

/* Calls and records of the shared worker since rig_mark, over all ciphers. */
void rig_mark(rig *r);
uint64_t rig_calls(rig *r, hf_direction direction);
uint64_t rig_records(rig *r, hf_direction direction);

hf_conn *rig_server(rig *r, size_t i);
hf_conn *rig_client(rig *r, size_t i);

#endif
