/* A ClientHello that offers a session, taken apart, changed and written again. */
#ifndef TESTS_RESUME_OFFER_H
#define TESTS_RESUME_OFFER_H

#include "gate.h"
#include "resume_world.h"

typedef struct offer {
    hf_client_hello hello;
    uint8_t identities[4096], binders[512], message[8192];
    size_t len; /* of the message */
} offer;

static inline void write_offer(offer *o, unit *u)
{
    hf_writer w = hf_writer_of(o->message, sizeof o->message);
    hf_client_hello_write(&w, &o->hello);
    cr_assert(hf_writer_ok(&w));
    o->len = w.len;
    unit_of_message(u, o->message, w.len);
}

static inline void no_keys(hf_ticket_keys *keys, hf_session *session)
{
    hf_session_free(session);
    hf_ticket_keys_release(keys);
}

#endif
