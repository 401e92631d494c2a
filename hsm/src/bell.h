/* What threads wait at for something to do, and callers ring without ever waiting: pthread_cond_signal may wait until
 * those it woke before have run, and these have a low priority. */
#ifndef HANDFAST_HSM_BELL_H
#define HANDFAST_HSM_BELL_H

#include <stdatomic.h>
#include <stdint.h>

/* Zero is a bell. */
typedef struct hf_bell {
    atomic_uint rung; /* so often */
} hf_bell;

/* Wakes one of those that wait, or all of them; whoever has looked at the bell and not begun to wait yet is among
 * them. Never blocks. */
void hf_bell_ring(hf_bell *bell);
void hf_bell_ring_all(hf_bell *bell);

/* A look at the bell, taken before the thread finds that it has nothing to do. */
unsigned hf_bell_look(const hf_bell *bell);
/* Waits until the bell is rung after that look, or until then (CLOCK_MONOTONIC, microseconds); may return early. */
void hf_bell_wait(hf_bell *bell, unsigned look, uint64_t until_us);

#endif
