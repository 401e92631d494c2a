/* The circuit breaker of one token: whether it gets operations. A pure state machine; the caller brings the clock and
 * guards it. */
#ifndef HANDFAST_HSM_BREAKER_H
#define HANDFAST_HSM_BREAKER_H

#include "handfast/hsm.h"

#define HF_BREAKER_FAILURES 3          /* in a row, that open it */
#define HF_BREAKER_PROBE_MIN_US 50000  /* before the first probe; doubles */
#define HF_BREAKER_PROBE_MAX_US 400000 /* before any: a token that is back is in use within a second */

typedef struct hf_breaker {
    hf_hsm_breaker state;
    unsigned failures; /* in a row */
    unsigned probes;   /* failed in a row */
    uint64_t probe_us; /* OPEN: when it is tried again */
} hf_breaker;

/* An operation went well. */
void hf_breaker_good(hf_breaker *b);
/* One failed for the token's reason; `gone`: no need to count. True when this has opened it. */
bool hf_breaker_bad(hf_breaker *b, bool gone, uint64_t now_us);
/* Whether it is time for a probe; it is half open then. */
bool hf_breaker_probe(hf_breaker *b, uint64_t now_us);
/* The probe's end. */
void hf_breaker_probed(hf_breaker *b, bool good, uint64_t now_us);

#endif
