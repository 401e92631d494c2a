/* A session before the one that is fuzzed, so that the input reaches the abbreviated machines. Bits of the input's byte
 * 0: 0x80 an honest connection comes first and its session is offered; 0x40 in TLS 1.2 by a session ID. */
#ifndef TESTS_FUZZ_RESUME_H
#define TESTS_FUZZ_RESUME_H

#include <stdlib.h>

#include "fake_crypto.h"
#include "lib/pair.h"

typedef struct resumable {
    bool wanted;
    hf_ticket_keys *keys;
    hf_session_cache *cache;
    hf_session *session;
} resumable;

static inline resumable resumable_of(uint8_t byte)
{
    resumable r = {.wanted = byte & 0x80};
    if (!r.wanted)
        return r;
    hf_status s = byte & 0x40 ? hf_session_cache_new(fake_env(), 4, 0, &r.cache)
                              : hf_ticket_keys_new(fake_env(), fake_crypto(), NULL, &r.keys);
    if (s != HF_OK)
        abort();
    return r;
}

static inline hf_status resumable_configure(const resumable *r, hf_config *config)
{
    hf_status s = hf_config_set_tickets(config, r->keys, HF_DEFAULT_TICKETS);
    return s == HF_OK ? hf_config_set_session_cache(config, r->cache) : s;
}

/* The honest connection; p is left as it was, but with an offer. */
static inline void resumable_first(resumable *r, pair *p, hf_config *client, hf_config *server)
{
    if (!r->wanted)
        return;
    p->keep = true;
    if (pair_start(p, client, server, "fuzz.example") != HF_OK)
        abort();
    pair_run(p);
    r->session = pair_take_session(p);
    pair_cleanup(p);
    p->keep = true;
    p->offer = r->session;
}

static inline void resumable_cleanup(resumable *r)
{
    hf_session_free(r->session);
    hf_ticket_keys_release(r->keys);
    hf_session_cache_release(r->cache);
}

#endif
