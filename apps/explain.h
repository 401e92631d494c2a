/* The handshake told in the ten steps of the classic one (RFC 5246 section 7.3), as it happens; TLS 1.3 in the same
 * ten, where they have their place in it. */
#ifndef HANDFAST_APPS_EXPLAIN_H
#define HANDFAST_APPS_EXPLAIN_H

#include "handfast/handfast.h"

typedef struct hf_explain hf_explain;

#define HF_EXPLAIN_WHO_MAX 96

/* who: stands before each line, e.g. the peer's address; "" for none; copied, up to HF_EXPLAIN_WHO_MAX - 1 bytes.
 * crypto: tells who made what; borrowed. NULL when out of memory. */
hf_explain *hf_explain_new(hf_role role, const char *who, const hf_crypto *crypto);
void hf_explain_free(hf_explain *explain); /* NULL is allowed */

/* To be called by hf_conn_options.on_event. Writes lines to stderr. */
void hf_explain_event(hf_explain *explain, hf_conn *conn, const hf_event *event);

/* A private-key operation leaves for its key. */
void hf_explain_key(hf_explain *explain, const hf_key_op *op); /* explain NULL is allowed */

/* ---- The steps: explain_steps.c ---- */

#define HF_EXPLAIN_STEPS 10

/* How the secret comes about: it decides which side's private key does what, and when. */
typedef enum hf_exchange { HF_EXCHANGE_RSA, HF_EXCHANGE_ECDHE, HF_EXCHANGE_TLS13 } hf_exchange;

/* Which of the ten steps an event belongs to, 1..HF_EXPLAIN_STEPS; 0: none of its own (it stays with the step before).
 */
unsigned hf_explain_step(hf_role role, const hf_event *event, hf_exchange exchange);
/* What a step is called. Static storage. */
const char *hf_explain_heading(unsigned step, hf_exchange exchange);

#endif
