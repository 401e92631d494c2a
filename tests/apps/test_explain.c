/* Which of the ten steps an event belongs to, from both sides. */
#include <criterion/criterion.h>

#include "explain.h"

Test(explain, steps)
{
    static const struct {
        hf_role role;
        hf_event event;
        bool rsa;
        unsigned step;
    } all[] = {
        {HF_ROLE_CLIENT, {HF_EVENT_SENT, 1, 0, ""}, false, 1},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 1, 0, ""}, false, 1},
        {HF_ROLE_SERVER, {HF_EVENT_SENT, 11, 0, ""}, false, 2},
        {HF_ROLE_SERVER, {HF_EVENT_SENT, 13, 0, ""}, false, 2},
        {HF_ROLE_CLIENT, {HF_EVENT_RECEIVED, 11, 0, ""}, false, 2},
        {HF_ROLE_CLIENT, {HF_EVENT_VERIFIED, 0, 0, "CN=x"}, false, 3},
        {HF_ROLE_CLIENT, {HF_EVENT_SECRET, 0, 0, "premaster secret made"}, true, 4},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 16, 0, ""}, false, 4},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 11, 0, ""}, false, 5},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 15, 0, ""}, false, 5},
        {HF_ROLE_CLIENT, {HF_EVENT_KEY_STARTED, 0, 0, ""}, false, 5},
        {HF_ROLE_SERVER, {HF_EVENT_KEY_STARTED, 0, 0, ""}, true, 6},
        {HF_ROLE_SERVER, {HF_EVENT_KEY_STARTED, 0, 0, ""}, false, 2},
        {HF_ROLE_SERVER, {HF_EVENT_VERIFIED, 0, 0, "CN=x"}, false, 6},
        {HF_ROLE_SERVER, {HF_EVENT_SECRET, 0, 0, "master secret derived"}, false, 6},
        {HF_ROLE_SERVER, {HF_EVENT_SECRET, 0, 0, "session keys derived"}, false, 7},
        {HF_ROLE_SERVER, {HF_EVENT_SECRET, 0, 0, "master secret wiped"}, false, 0},
        {HF_ROLE_CLIENT, {HF_EVENT_SENT, HF_MESSAGE_CHANGE_CIPHER_SPEC, 0, ""}, false, 8},
        {HF_ROLE_SERVER, {HF_EVENT_RECEIVED, 20, 0, ""}, false, 8},
        {HF_ROLE_SERVER, {HF_EVENT_SENT, 20, 0, ""}, false, 9},
        {HF_ROLE_CLIENT, {HF_EVENT_RECEIVED, 20, 0, ""}, false, 9},
        {HF_ROLE_CLIENT, {HF_EVENT_CONNECTED, 0, 0, ""}, false, 10},
        {HF_ROLE_CLIENT, {HF_EVENT_ALERT_SENT, 0, 0, ""}, false, 0},
        {HF_ROLE_CLIENT, {HF_EVENT_SENT, 99, 0, ""}, false, 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        cr_expect_eq(hf_explain_step(all[i].role, &all[i].event, all[i].rsa), all[i].step, "row %zu", i);
}
