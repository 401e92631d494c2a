/* What the server of a TLS 1.3 handshake hashes: each secret keys its HMAC once, however many others are derived from
 * it; and no state of a hash outlives the handshake, whichever way it ends. Seen through a SHA-256 that counts. */
#include <criterion/criterion.h>

#include "world.h"

static size_t begun, live; /* states: by init; by init or clone and not yet cleaned up */

static const hf_hash *real(void)
{
    return world_crypto()->hashes[HF_SHA256];
}

static hf_status counted_init(void *state)
{
    begun++;
    live++;
    return real()->init(state);
}

static hf_status counted_clone(void *state, const void *from)
{
    live++;
    return real()->clone(state, from);
}

static void counted_cleanup(void *state)
{
    live--;
    real()->cleanup(state);
}

static void start(pair *p, hf_session *offer, hf_ticket_keys *tickets)
{
    static hf_hash counted;
    static hf_crypto crypto;
    counted = *real();
    counted.init = counted_init;
    counted.clone = counted_clone;
    counted.cleanup = counted_cleanup;
    crypto = *world_crypto();
    crypto.hashes[HF_SHA256] = &counted;
    side client = {.tls13 = true, .suites = {0x1301}, .offer = offer, .keep = tickets != NULL};
    side server = {.tls13 = true, .cert = world_server("P-256"), .crypto = &crypto, .tickets = tickets};
    world_pair(p, &client, &server);
}

Test(hashing13, a_secret_is_keyed_once)
{
    pair p = {0};
    begun = live = 0;
    start(&p, NULL, NULL);
    pair_run(&p);
    cr_assert(pair_connected(&p));
    cr_assert_eq(live, 0, "nothing is left of the handshake, though the connection lives");
    /* Each HMAC key begins two. The transcript 1; the Handshake Secret, from a constant, 2, and keyed 2; two handshake
     * traffic secrets 4; what is signed, and what is verified of that, 2; our Finished 2; the hash of nothing 1, the
     * Master Secret 2, and keyed 2; two application traffic secrets 4; the client's Finished 2. */
    cr_assert_eq(begun, 24, "%zu", begun);
    pair_cleanup(&p);
    cr_assert_eq(live, 0);
}

Test(hashing13, a_resumed_session_too)
{
    const hf_crypto *crypto = world_crypto();
    hf_ticket_keys *tickets;
    pair p = {0};
    cr_assert_eq(hf_ticket_keys_new(world_env(), crypto, NULL, &tickets), HF_OK);
    start(&p, NULL, tickets);
    pair_run(&p);
    cr_assert(pair_connected(&p));
    cr_assert(pair_send(&p, &p.server, "x", 1));
    hf_session *session = pair_take_session(&p);
    cr_assert_not_null(session);
    pair_cleanup(&p);
    start(&p, session, tickets);
    pair_run(&p);
    cr_assert(pair_connected(&p));
    cr_assert_eq(p.server.n_resumed, 1);
    cr_assert_eq(live, 0);
    pair_cleanup(&p);
    hf_session_free(session);
    hf_ticket_keys_release(tickets);
    cr_assert_eq(live, 0);
}

Test(hashing13, an_end_before_the_end_leaves_none_either)
{
    size_t moves = 0, most = 0;
    for (bool all = false; !all; moves++) {
        pair p = {0};
        live = 0;
        start(&p, NULL, NULL);
        for (size_t i = 0; i < moves; i++)
            pair_move(&p, i % 2 ? &p.server : &p.client);
        most = live > most ? live : most;
        all = pair_connected(&p);
        pair_cleanup(&p);
        cr_assert_eq(live, 0, "after %zu moves", moves);
        cr_assert_leq(moves, 1000);
    }
    cr_assert_geq(most, 3, "it was ended with a transcript and a secret at hand");
}
