/* Our own side failing while sessions are made and resumed: the n-th allocation, the n-th call of the generator. */
#include "faulty.h"
#include "resume_world.h"

TestSuite(resume_faults, .timeout = 600);

typedef struct lives {
    bool tls13, by_id, retry, at_server;
} lives;

/* Two lives of connections, the second of which resumes; what the failing end told first. */
static hf_status live(faulty *f, const lives *l, bool *out_resumed)
{
    hf_ticket_keys *keys = NULL;
    hf_session_cache *cache = NULL;
    hf_session *session = NULL;
    side client = resume_client(l->tls13), server = resume_server(l->tls13, NULL);
    hf_status status = HF_OK;
    *out_resumed = false;
    *(l->at_server ? &server.env : &client.env) = &f->env;
    const hf_env *env = l->at_server ? &f->env : resume_env();
    if (l->retry)
        server.groups[0] = HF_GROUP_P384;
    status = l->by_id ? hf_session_cache_new(env, 4, 0, &cache) : hf_ticket_keys_new(env, world_crypto(), NULL, &keys);
    server.tickets = keys;
    server.cache = cache;
    for (int second = 0; second < 2 && status == HF_OK; second++) {
        pair p = {.keep = true, .offer = session};
        hf_config *c = NULL, *s = NULL;
        status = side_try(&client, HF_ROLE_CLIENT, &c);
        if (status == HF_OK)
            status = side_try(&server, HF_ROLE_SERVER, &s);
        if (status == HF_OK)
            status = pair_start(&p, c, s, WORLD_NAME);
        hf_config_release(c);
        hf_config_release(s);
        if (status != HF_OK)
            break;
        pair_run(&p);
        end *e = l->at_server ? &p.server : &p.client;
        status = hf_conn_status(e->conn);
        if (status != HF_OK && e->n_alerts_sent > 0)
            cr_assert_eq(e->alerts_sent[0], HF_ALERT_INTERNAL_ERROR);
        *out_resumed = second && p.server.n_resumed == 1 && pair_connected(&p);
        hf_session_free(session);
        session = pair_take_session(&p);
        pair_cleanup(&p);
    }
    hf_session_free(session);
    hf_ticket_keys_release(keys);
    hf_session_cache_release(cache);
    return status;
}

static void every_failure(const lives *l, bool of_random)
{
    faulty f;
    bool resumed;
    faulty_init(&f);
    cr_assert_eq(live(&f, l, &resumed), HF_OK);
    cr_assert(resumed);
    size_t total = of_random ? f.randoms : f.allocs;
    for (size_t n = 1; n <= total; n++) {
        faulty_init(&f);
        *(of_random ? &f.fail_random : &f.fail_alloc) = n;
        hf_status status = live(&f, l, &resumed);
        /* A server whose tickets cannot be had for a moment promises none: the one call that is not asked for twice. */
        bool spared = status == HF_OK && of_random && l->at_server && !l->tls13;
        cr_assert(status == (of_random ? HF_ERR_RANDOM : HF_ERR_NO_MEMORY) || spared, "%zu of %zu: %s", n, total,
                  hf_status_text(status));
        cr_assert_eq(f.live, 0, "%zu: %zu blocks leaked", n, f.live);
        cr_assert_eq(f.bad_frees, 0, "%zu", n);
        cr_assert_eq(f.live_bytes, 0);
    }
}

Test(resume_faults, every_allocation_and_random)
{
    for (unsigned i = 0; i < 8; i++) {
        lives l = {.tls13 = i < 4, .by_id = i >= 6, .retry = i == 2 || i == 3, .at_server = i % 2};
        every_failure(&l, false);
        every_failure(&l, true);
    }
}
