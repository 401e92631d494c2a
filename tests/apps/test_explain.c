/* Which of the ten steps an event belongs to, from both sides. */
#include <criterion/criterion.h>
#include <string.h>

#include "explain.h"

Test(explain, steps_of_tls12)
{
    static const struct {
        hf_role role;
        hf_event event;
        hf_exchange exchange;
        unsigned step;
    } all[] = {
        {HF_ROLE_CLIENT, {HF_EVENT_SENT, 1, 0, ""}, HF_EXCHANGE_ECDHE, 1},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 1, 0, ""}, HF_EXCHANGE_ECDHE, 1},
        {HF_ROLE_SERVER, {HF_EVENT_SENT, 11, 0, ""}, HF_EXCHANGE_ECDHE, 2},
        {HF_ROLE_SERVER, {HF_EVENT_SENT, 13, 0, ""}, HF_EXCHANGE_ECDHE, 2},
        {HF_ROLE_CLIENT, {HF_EVENT_RECEIVED, 11, 0, ""}, HF_EXCHANGE_ECDHE, 2},
        {HF_ROLE_CLIENT, {HF_EVENT_VERIFIED, 0, 0, "CN=x"}, HF_EXCHANGE_ECDHE, 3},
        {HF_ROLE_CLIENT, {HF_EVENT_SECRET, 0, 0, "premaster secret made"}, HF_EXCHANGE_RSA, 4},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 16, 0, ""}, HF_EXCHANGE_ECDHE, 4},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 11, 0, ""}, HF_EXCHANGE_ECDHE, 5},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 15, 0, ""}, HF_EXCHANGE_ECDHE, 5},
        {HF_ROLE_CLIENT, {HF_EVENT_KEY_STARTED, 0, 0, ""}, HF_EXCHANGE_ECDHE, 5},
        {HF_ROLE_SERVER, {HF_EVENT_KEY_STARTED, 0, 0, ""}, HF_EXCHANGE_RSA, 6},
        {HF_ROLE_SERVER, {HF_EVENT_KEY_STARTED, 0, 0, ""}, HF_EXCHANGE_ECDHE, 2},
        {HF_ROLE_SERVER, {HF_EVENT_VERIFIED, 0, 0, "CN=x"}, HF_EXCHANGE_ECDHE, 6},
        {HF_ROLE_SERVER, {HF_EVENT_SECRET, 0, 0, "master secret derived"}, HF_EXCHANGE_ECDHE, 6},
        {HF_ROLE_SERVER, {HF_EVENT_SECRET, 0, 0, "session keys derived"}, HF_EXCHANGE_ECDHE, 7},
        {HF_ROLE_SERVER, {HF_EVENT_SECRET, 0, 0, "master secret wiped"}, HF_EXCHANGE_ECDHE, 0},
        {HF_ROLE_CLIENT, {HF_EVENT_SENT, HF_MESSAGE_CHANGE_CIPHER_SPEC, 0, ""}, HF_EXCHANGE_ECDHE, 8},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 20, 0, ""}, HF_EXCHANGE_ECDHE, 8},
        {HF_ROLE_SERVER, {HF_EVENT_SENT, 20, 0, ""}, HF_EXCHANGE_ECDHE, 9},
        {HF_ROLE_CLIENT, {HF_EVENT_RECEIVED, 20, 0, ""}, HF_EXCHANGE_ECDHE, 9},
        {HF_ROLE_CLIENT, {HF_EVENT_CONNECTED, 0, 0, ""}, HF_EXCHANGE_ECDHE, 10},
        {HF_ROLE_CLIENT, {HF_EVENT_ALERT_SENT, 0, 0, ""}, HF_EXCHANGE_ECDHE, 0},
        {HF_ROLE_CLIENT, {HF_EVENT_SENT, 99, 0, ""}, HF_EXCHANGE_ECDHE, 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        cr_expect_eq(hf_explain_step(all[i].role, &all[i].event, all[i].exchange), all[i].step, "row %zu", i);
}

Test(explain, steps_of_tls13)
{
    static const struct {
        hf_role role;
        hf_event event;
        unsigned step;
    } all[] = {
        /* In the order of a client that has a certificate. */
        {HF_ROLE_CLIENT, {HF_EVENT_SENT, 1, 0, ""}, 1},
        {HF_ROLE_CLIENT, {HF_EVENT_RECEIVED, 2, 0, ""}, 2},
        {HF_ROLE_CLIENT, {HF_EVENT_SECRET, 0, 0, "shared secret agreed (ephemeral Diffie-Hellman)"}, 4},
        {HF_ROLE_CLIENT, {HF_EVENT_SECRET, 0, 0, "handshake keys derived"}, 4},
        {HF_ROLE_CLIENT, {HF_EVENT_RECEIVED, 8, 0, ""}, 3},
        {HF_ROLE_CLIENT, {HF_EVENT_CHOSE, 0, 0, ""}, 0},
        {HF_ROLE_CLIENT, {HF_EVENT_RECEIVED, 13, 0, ""}, 3},
        {HF_ROLE_CLIENT, {HF_EVENT_RECEIVED, 11, 0, ""}, 3},
        {HF_ROLE_CLIENT, {HF_EVENT_VERIFIED, 0, 0, "CN=x"}, 3},
        {HF_ROLE_CLIENT, {HF_EVENT_RECEIVED, 15, 0, ""}, 6},
        {HF_ROLE_CLIENT, {HF_EVENT_RECEIVED, 20, 0, ""}, 9},
        {HF_ROLE_CLIENT, {HF_EVENT_SECRET, 0, 0, "application traffic secrets derived"}, 7},
        {HF_ROLE_CLIENT, {HF_EVENT_SENT, 11, 0, ""}, 5},
        {HF_ROLE_CLIENT, {HF_EVENT_KEY_STARTED, 0, 0, ""}, 5},
        {HF_ROLE_CLIENT, {HF_EVENT_SENT, 15, 0, ""}, 5},
        {HF_ROLE_CLIENT, {HF_EVENT_SENT, 20, 0, ""}, 8},
        {HF_ROLE_CLIENT, {HF_EVENT_SECRET, 0, 0, "master secret and handshake state wiped"}, 0},
        {HF_ROLE_CLIENT, {HF_EVENT_CONNECTED, 0, 0, ""}, 10},
        {HF_ROLE_CLIENT, {HF_EVENT_RECEIVED, 4, 0, ""}, 10},
        {HF_ROLE_CLIENT, {HF_EVENT_RECEIVED, 24, 0, ""}, 10},
        {HF_ROLE_CLIENT, {HF_EVENT_SENT, HF_MESSAGE_CHANGE_CIPHER_SPEC, 0, ""}, 0},
        /* In the order of its server. */
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 1, 0, ""}, 1},
        {HF_ROLE_SERVER, {HF_EVENT_CHOSE, 0, 0, ""}, 2},
        {HF_ROLE_SERVER, {HF_EVENT_SECRET, 0, 0, "shared secret agreed (ephemeral Diffie-Hellman)"}, 2},
        {HF_ROLE_SERVER, {HF_EVENT_SENT, 2, 0, ""}, 2},
        {HF_ROLE_SERVER, {HF_EVENT_SECRET, 0, 0, "handshake keys derived"}, 4},
        {HF_ROLE_SERVER, {HF_EVENT_SENT, 11, 0, ""}, 3},
        {HF_ROLE_SERVER, {HF_EVENT_KEY_STARTED, 0, 0, ""}, 6},
        {HF_ROLE_SERVER, {HF_EVENT_KEY_DONE, 0, 0, ""}, 6},
        {HF_ROLE_SERVER, {HF_EVENT_SENT, 15, 0, ""}, 6},
        {HF_ROLE_SERVER, {HF_EVENT_SENT, 20, 0, ""}, 9},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 11, 0, ""}, 5},
        {HF_ROLE_SERVER, {HF_EVENT_VERIFIED, 0, 0, "CN=x"}, 5},
        {HF_ROLE_SERVER, {HF_EVENT_UNVERIFIED, 0, 0, "none"}, 5},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 15, 0, ""}, 5},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 20, 0, ""}, 8},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        cr_expect_eq(hf_explain_step(all[i].role, &all[i].event, HF_EXCHANGE_TLS13), all[i].step, "row %zu", i);
}

Test(explain, no_premaster_secret_in_tls13)
{
    for (unsigned step = 1; step <= HF_EXPLAIN_STEPS; step++) {
        cr_expect(hf_explain_heading(step, HF_EXCHANGE_TLS13)[0]);
        cr_expect(hf_explain_heading(step, HF_EXCHANGE_RSA)[0]);
        cr_expect_null(strstr(hf_explain_heading(step, HF_EXCHANGE_TLS13), "premaster"));
    }
    cr_expect_not_null(strstr(hf_explain_heading(4, HF_EXCHANGE_RSA), "premaster"));
}
