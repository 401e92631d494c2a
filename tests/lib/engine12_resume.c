/* Resumption in TLS 1.2 by tickets and by session IDs: RFC 5077, RFC 5246 section 7.3, RFC 7627 section 5.3. */
#include "gate.h"
#include "resume_world.h"

TestSuite(resume12, .timeout = 300);

static hf_session_cache *cache_of(size_t capacity)
{
    hf_session_cache *cache;
    cr_assert_eq(hf_session_cache_new(resume_env(), capacity, 0, &cache), HF_OK);
    return cache;
}

/* What a second connection looks like, by ticket or by ID, with any suite. */
static void goes_on(bool by_id, bool client13, uint16_t suite)
{
    hf_ticket_keys *keys = by_id ? NULL : resume_keys();
    side client = resume_client(client13), server = resume_server(false, keys);
    pair p;
    hf_conn_info info;
    if (by_id)
        server.cache = cache_of(4);
    client.policy = server.policy = HF_POLICY_COMPATIBLE;
    server.cert = NULL; /* RSA, for every suite of the list */
    server.suites[0] = suite;
    hf_session *session = resume_first(&client, &server);
    cr_assert_not_null(session);
    hf_session_info s;
    hf_session_get_info(session, &s);
    cr_assert_eq(s.version, HF_TLS12);
    cr_assert_eq(s.suite, suite);
    cr_assert_eq(s.by_id, by_id);
    cr_assert(s.verified);
    cr_assert_str_eq(s.server_name, WORLD_NAME);
    for (int again = 0; again < 2; again++) {
        resume_second(&client, &server, session, RESUMED, &p, "again");
        hf_conn_get_info(p.client.conn, &info);
        cr_assert_eq(info.resumption, by_id ? HF_RESUMED_SESSION_ID : HF_RESUMED_TICKET);
        cr_assert_eq(info.suite, suite);
        cr_assert(info.extended_master_secret);
        cr_assert(info.peer_verified);
        cr_assert_eq(info.server_scheme, 0);
        cr_assert_eq(p.client.n_given, 0, "the secret does not live longer by being used");
        cr_assert_arr_eq(p.client.logged_secret, p.server.logged_secret, 48);
        pair_cleanup(&p);
    }
    hf_session_free(session);
    hf_ticket_keys_release(keys);
    hf_session_cache_release(server.cache);
}

Test(resume12, by_ticket_and_by_id)
{
    static const uint16_t suites[] = {0xc02f, 0xc030, 0xcca8, 0xc027, 0xc013, 0x009c, 0x002f};
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        for (int client13 = 0; client13 < 2; client13++) {
            goes_on(false, client13, suites[i]);
            goes_on(true, client13, suites[i]);
        }
}
