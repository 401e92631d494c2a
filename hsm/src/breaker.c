/* Room `breaker`: closed, open, half open. Probes come at growing intervals with some jitter, so that many servers do
 * not knock at a token that starts in the same moment. */
#include "breaker.h"

#include <openssl/rand.h>

/* 75 % to 125 %. Without random numbers there is no jitter: nothing depends on it. */
static uint64_t jittered(uint64_t us)
{
    uint8_t byte = 128;

    (void)RAND_bytes(&byte, 1);
    return us * (384 + (uint64_t)byte) / 512;
}

static void open_until_probe(hf_breaker *b, uint64_t now_us)
{
    unsigned doublings = b->probes < 8 ? b->probes : 8;
    uint64_t wait = (uint64_t)HF_BREAKER_PROBE_MIN_US << doublings;

    b->state = HF_HSM_BREAKER_OPEN;
    b->probe_us = now_us + jittered(wait < HF_BREAKER_PROBE_MAX_US ? wait : HF_BREAKER_PROBE_MAX_US);
}

void hf_breaker_good(hf_breaker *b)
{
    if (b->state == HF_HSM_BREAKER_CLOSED)
        b->failures = 0;
}

bool hf_breaker_bad(hf_breaker *b, bool gone, uint64_t now_us)
{
    if (b->state != HF_HSM_BREAKER_CLOSED)
        return false;
    b->failures++;
    if (!gone && b->failures < HF_BREAKER_FAILURES)
        return false;
    b->probes = 0;
    open_until_probe(b, now_us);
    return true;
}

bool hf_breaker_probe(hf_breaker *b, uint64_t now_us)
{
    if (b->state != HF_HSM_BREAKER_OPEN || now_us < b->probe_us)
        return false;
    b->state = HF_HSM_BREAKER_HALF_OPEN;
    return true;
}

void hf_breaker_probed(hf_breaker *b, bool good, uint64_t now_us)
{
    if (good) {
        *b = (hf_breaker){.state = HF_HSM_BREAKER_CLOSED};
        return;
    }
    b->probes++;
    open_until_probe(b, now_us);
}
