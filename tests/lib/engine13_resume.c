/* Resumption in TLS 1.3: what goes on, and what policy demands each time anew (RFC 8446 sections 2.2, 4.2.11, 4.6.1).
 */
#include "resume_world.h"

TestSuite(resume13, .timeout = 300, .init = NULL);

Test(resume13, a_session_goes_on_without_the_private_key)
{
    static const uint16_t suites[] = {0x1301, 0x1302, 0x1303, 0x1304};
    hf_ticket_keys *keys = resume_keys();
    for (size_t i = 0; i < 4; i++) {
        for (int retry = 0; retry < 2; retry++) {
            side client = resume_client(true), server = resume_server(true, keys);
            pair p;
            hf_conn_info info;
            client.suites[0] = suites[i];
            if (retry)
                server.groups[0] = HF_GROUP_P384; /* the binder is over a HelloRetryRequest */
            hf_session *session = resume_first(&client, &server);
            for (int again = 0; again < 3; again++) { /* each session from the resumed one before */
                resume_second(&client, &server, session, RESUMED, &p, "again");
                hf_conn_get_info(p.client.conn, &info);
                cr_assert(info.peer_verified);
                cr_assert_eq(info.resumption, HF_RESUMED_TICKET);
                cr_assert_eq(info.suite, suites[i]);
                cr_assert_eq(info.group, retry ? HF_GROUP_P384 : HF_GROUP_X25519, "(EC)DHE each time");
                cr_assert_eq(info.server_scheme, 0);
                const uint8_t *der;
                size_t len;
                cr_assert_eq(hf_conn_peer_cert(p.client.conn, 0, &der, &len), HF_OK, "the session's certificate");
                cr_assert_eq(len, world_server("P-256")->der_len);
                cr_assert_arr_eq(der, world_server("P-256")->der, len);
                hf_session_free(session);
                session = pair_take_session(&p);
                cr_assert_not_null(session);
                pair_cleanup(&p);
            }
            hf_session_free(session);
        }
    }
    hf_ticket_keys_release(keys);
}

Test(resume13, in_pieces)
{
    hf_ticket_keys *keys = resume_keys();
    side client = resume_client(true), server = resume_server(true, keys);
    client.offer = resume_first(&client, &server);
    for (pair_pieces pieces = PAIR_BYTES; pieces <= PAIR_RANDOM; pieces++) {
        pair p = {.pieces = pieces, .seed = 5};
        world_run(&p, &client, &server);
        cr_assert(pair_connected(&p));
        cr_assert_eq(p.server.n_resumed, 1);
        cr_assert_eq(p.client.n_given, HF_DEFAULT_TICKETS);
        pair_cleanup(&p);
    }
    hf_session_free(client.offer);
    hf_ticket_keys_release(keys);
}
