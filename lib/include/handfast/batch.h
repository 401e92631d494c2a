/* Records of many connections in one call of the provider.
 *
 * A connection's records are prepared (sequence number and room are reserved), run together with those of others, and
 * committed in each connection's order. One pass of a server's loop:
 *
 *   for each connection with input     hf_conn_batch_open(conn, batch)
 *   hf_batch_run(batch, worker)        one call for each cipher opens them all; plaintext waits, or alerts were
 * answered for each connection with an answer hf_conn_batch_write(conn, batch, data, len, &taken) hf_batch_run(batch,
 * worker)        one call for each cipher seals them all; output waits
 *
 * Nothing is copied: records are opened in place in the input buffer and sealed from the caller's bytes into the output
 * buffer. Nothing is allocated for a record. A record that fails ends its own connection and no other.
 *
 * While records of a connection are on their way (prepared and not run):
 *   - calls with a worker (hf_conn_step, hf_conn_write, hf_conn_close, ...) first run and commit that connection's
 *     records, alone, so order is kept whatever is called;
 *   - calls without one that stand on the same buffer give HF_ERR_STATE: hf_conn_input_buf and _ack,
 * hf_conn_plaintext_buf while a record is being opened; hf_conn_output_buf and _ack, hf_conn_room_buf while one is
 * being sealed. hf_conn_wants() does not ask for them;
 *   - hf_conn_free is allowed: its records are dropped.
 *
 * Threads: a batch belongs to one thread, as do its connections and the worker it runs on. */
#ifndef HANDFAST_BATCH_H
#define HANDFAST_BATCH_H

#include "handfast/handfast.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_LIMIT_BATCH_JOBS 4096 /* records that one batch may hold */

typedef struct hf_batch hf_batch;

/* A batch for up to max_jobs records, 1..HF_LIMIT_BATCH_JOBS; HF_ERR_INVALID, HF_ERR_NO_MEMORY. Everything it will ever
 * need is allocated here, from env (copied; its functions outlive the batch). */
HF_API hf_status hf_batch_new(const hf_env *env, size_t max_jobs, hf_batch **out) HF_MUST_CHECK;
/* Frees it. Records that still wait are dropped, and their connections fail with HF_ERR_CANCELED. NULL is allowed. */
HF_API void hf_batch_free(hf_batch *batch);

/* How many records wait to be run. */
HF_API size_t hf_batch_len(const hf_batch *batch);

/* Prepares the next record of the input; at most one for a connection, because any record of TLS 1.3 may change the
 * keys. HF_OK: it waits for the run. HF_ERR_LIMIT: the batch is full: run it, then again. HF_ERR_STATE: there is
 * nothing to prepare (no whole record, the handshake is not complete, plaintext waits to be taken, or the connection
 * waits in another batch): hf_conn_step does what is to be done. Else the connection's sticky status. */
HF_API hf_status hf_conn_batch_open(hf_conn *conn, hf_batch *batch) HF_MUST_CHECK;

/* Prepares records of data, in order behind what was written before; hf_conn_write without the wait. data: len bytes,
 * borrowed and unchanged until the batch is run. *out_taken: 0..len; less than len when the output has its fill, the
 * batch is full, or the key is due for its KeyUpdate: after the run the rest is offered again. Errors as of
 * hf_conn_write (then nothing was taken), and HF_ERR_STATE when the connection waits in another batch. */
HF_API hf_status hf_conn_batch_write(hf_conn *conn, hf_batch *batch, const uint8_t *data, size_t len,
                                     size_t *out_taken) HF_MUST_CHECK;

/* Runs all that wait, one call of the provider for each cipher and direction, and commits them: sealed records become
 * output, an opened one does what its type means (plaintext, alert, KeyUpdate), as in hf_conn_step. Each connection's
 * fate is its own status; callbacks (hf_conn_options) are called from here. The batch is empty afterwards. */
HF_API void hf_batch_run(hf_batch *batch, hf_worker *worker);

#ifdef __cplusplus
}
#endif

#endif
