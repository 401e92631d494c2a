/* What stands below resumption: the encoding of a session, the secrets of tickets over time, the cache of IDs. */
#include <pthread.h>

#include "faulty.h"
#include "resume_world.h"

TestSuite(resume_state, .timeout = 600);

/* ---- The encoding ---- */

static const uint8_t secret48[48] = {1, 2, 3};
static const uint8_t chain[] = {0, 0, 3, 'a', 'b', 'c', 0, 0, 1, 'd'};

static hf_session_state state13(void)
{
    return (hf_session_state){.version = HF_TLS13,
                              .suite = 0x1301,
                              .created = TEST_NOW,
                              .authenticated = TEST_NOW - 5,
                              .lifetime_s = 7200,
                              .age_add = 0xfffefdfc,
                              .verified = true,
                              .secret = {secret48, 32},
                              .server_name = {(const uint8_t *)"server.example", 14},
                              .alpn = {(const uint8_t *)"h2", 2},
                              .chain = {chain, sizeof chain},
                              .ticket = {(const uint8_t *)"ticket", 6}};
}

static hf_session_state state12(void)
{
    hf_session_state s = state13();
    s.version = HF_TLS12;
    s.suite = 0xc02f;
    s.secret.len = 48;
    s.extended_master_secret = true;
    s.encrypt_then_mac = true;
    s.verified = false;
    s.ticket.len = 0;
    s.session_id = (hf_slice){secret48, 32};
    return s;
}

static size_t encode(const hf_session_state *s, uint8_t *out, size_t max)
{
    hf_writer w = hf_writer_of(out, max);
    hf_session_state_write(&w, s);
    cr_assert(hf_writer_ok(&w));
    cr_assert_eq(w.len, hf_session_state_size(s));
    return w.len;
}

static bool same(hf_slice a, hf_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static void assert_same(const hf_session_state *a, const hf_session_state *b)
{
    cr_assert(a->version == b->version && a->suite == b->suite && a->created == b->created &&
              a->authenticated == b->authenticated && a->lifetime_s == b->lifetime_s && a->age_add == b->age_add);
    cr_assert(a->extended_master_secret == b->extended_master_secret && a->encrypt_then_mac == b->encrypt_then_mac &&
              a->verified == b->verified);
    cr_assert(same(a->secret, b->secret) && same(a->server_name, b->server_name) && same(a->alpn, b->alpn) &&
              same(a->chain, b->chain) && same(a->ticket, b->ticket) && same(a->session_id, b->session_id));
}

Test(resume_state, round_trip_prefixes_and_more)
{
    const hf_session_state states[] = {state13(), state12()};
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[512];
        hf_session_state back;
        size_t len = encode(&states[i], bytes, sizeof bytes);
        cr_assert_eq(hf_session_state_parse((hf_slice){bytes, len}, &back), HF_OK);
        assert_same(&back, &states[i]);
        for (size_t n = 0; n < len; n++) {
            cr_assert_eq(hf_session_state_parse((hf_slice){bytes, n}, &back), HF_ERR_DECODE, "%zu of %zu", n, len);
            cr_assert(back.version == 0 && back.secret.ptr == NULL, "zeroed");
        }
        bytes[len] = 0;
        cr_assert_eq(hf_session_state_parse((hf_slice){bytes, len + 1}, &back), HF_ERR_DECODE);
    }
}

static hf_status reparse(const hf_session_state *s)
{
    static uint8_t bytes[1 << 16];
    hf_session_state back;
    size_t len = encode(s, bytes, sizeof bytes);
    return hf_session_state_parse((hf_slice){bytes, len}, &back);
}

#define WITH(start, change)                                                                                            \
    do {                                                                                                               \
        hf_session_state s = start;                                                                                    \
        change;                                                                                                        \
        cr_expect_eq(reparse(&s), HF_ERR_DECODE, #change);                                                             \
    } while (0)

Test(resume_state, what_is_no_state_of_ours)
{
    static uint8_t big[HF_LIMIT_SESSION_CHAIN + 1];
    WITH(state13(), s.version = 0x0302);
    WITH(state13(), s.version = HF_TLS12);
    WITH(state12(), s.version = HF_TLS13);
    WITH(state13(), s.suite = 0x1305);
    WITH(state13(), s.suite = 0xc02f);
    WITH(state13(), s.suite = 0x1302); /* of another hash than the secret has */
    WITH(state13(), s.secret.len = 31);
    WITH(state13(), s.secret.len = 48);
    WITH(state12(), s.secret.len = 47);
    WITH(state13(), s.lifetime_s = 0);
    WITH(state13(), s.lifetime_s = HF_LIMIT_SESSION_LIFETIME + 1);
    WITH(state13(), s.created = -1);
    WITH(state13(), s.authenticated = -1);
    WITH(state13(), s.chain.len -= 1);
    WITH(state13(), s.session_id = ((hf_slice){secret48, 32}));
    WITH(state12(), s.session_id = ((hf_slice){secret48, 33}));
    WITH(state13(), s.chain = ((hf_slice){big, sizeof big}));
    uint8_t bytes[512];
    hf_session_state s = state13(), back;
    size_t len = encode(&s, bytes, sizeof bytes);
    bytes[0] = 2; /* another format */
    cr_expect_eq(hf_session_state_parse((hf_slice){bytes, len}, &back), HF_ERR_DECODE);
    bytes[0] = 1;
    bytes[29] |= 8; /* a flag of later */
    cr_expect_eq(hf_session_state_parse((hf_slice){bytes, len}, &back), HF_ERR_DECODE);
}

/* The length fields, one more and one less. */
Test(resume_state, lengths_off_by_one)
{
    hf_session_state s = state13(), back;
    uint8_t bytes[512];
    size_t len = encode(&s, bytes, sizeof bytes);
    const size_t at[] = {30, 63, 78, 83, 86, 92, 95, 102}; /* of the two certificates, too */
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
        for (int by = -1; by <= 1; by += 2) {
            bytes[at[i]] = (uint8_t)(bytes[at[i]] + by);
            cr_expect_eq(hf_session_state_parse((hf_slice){bytes, len}, &back), HF_ERR_DECODE, "%zu %+d", at[i], by);
            bytes[at[i]] = (uint8_t)(bytes[at[i]] - by);
        }
    cr_assert_eq(hf_session_state_parse((hf_slice){bytes, len}, &back), HF_OK, "and all of them right");
}

/* ---- Ticket keys ---- */

static hf_ticket_keys *keys_of(const hf_env *env, uint32_t period, uint32_t lifetime, bool installed)
{
    hf_ticket_keys *keys;
    hf_ticket_options options = {period, lifetime, installed};
    cr_assert_eq(hf_ticket_keys_new(env, world_crypto(), &options, &keys), HF_OK);
    return keys;
}

Test(resume_state, ticket_keys_have_a_range)
{
    hf_ticket_keys *keys;
    hf_ticket_options o = {.lifetime_s = HF_LIMIT_SESSION_LIFETIME + 1};
    cr_assert_eq(hf_ticket_keys_new(resume_env(), world_crypto(), &o, &keys), HF_ERR_INVALID);
    o = (hf_ticket_options){.period_s = 1, .lifetime_s = HF_LIMIT_TICKET_KEYS - 1};
    cr_assert_eq(hf_ticket_keys_new(resume_env(), world_crypto(), &o, &keys), HF_ERR_INVALID);
    o.lifetime_s--;
    cr_assert_eq(hf_ticket_keys_new(resume_env(), world_crypto(), &o, &keys), HF_OK);
    hf_ticket_keys_release(keys);
    hf_crypto none = {0};
    cr_assert_eq(hf_ticket_keys_new(resume_env(), &none, NULL, &keys), HF_ERR_UNSUPPORTED);
    hf_ticket_keys_release(NULL);
}

/* A secret makes tickets for its period, opens them for the lifetime, and is gone. */
Test(resume_state, secrets_come_and_go)
{
    static const uint32_t lifetimes[] = {1, 99, 100, 101, 199, 200, 250};
    for (size_t i = 0; i < sizeof lifetimes / sizeof lifetimes[0]; i++) {
        faulty f;
        faulty_init(&f);
        int64_t start = TEST_NOW / 100 * 100, last = start + 99;
        hf_ticket_keys *keys = keys_of(&f.env, 100, lifetimes[i], false);
        hf_ticket_secret first, again, found, later;
        cr_assert_eq(hf_ticket_keys_current(keys, start, &first), HF_OK);
        cr_assert_eq(hf_ticket_keys_current(keys, last, &again), HF_OK);
        cr_assert_eq(memcmp(&first, &again, sizeof first), 0, "one secret a period");
        cr_assert_eq(f.randoms, 1);
        cr_assert_eq(hf_ticket_keys_current(keys, start + 100, &later), HF_OK);
        cr_assert_neq(memcmp(first.secret, later.secret, 32), 0);
        cr_assert_neq(memcmp(first.name, later.name, 16), 0);
        int64_t until = last + lifetimes[i] - 1; /* of the last ticket, its last second */
        cr_assert_eq(hf_ticket_keys_find(keys, until, first.name, &found), HF_OK, "%u", lifetimes[i]);
        cr_assert_arr_eq(found.secret, first.secret, 32);
        cr_assert(faulty_holds(&f, first.secret, 32));
        int64_t over = (until / 100 + 2) * 100;
        cr_assert_eq(hf_ticket_keys_find(keys, over, first.name, &found), HF_ERR_NOT_FOUND, "%u", lifetimes[i]);
        cr_assert_not(faulty_holds(&f, first.secret, 32), "wiped");
        hf_ticket_keys_release(keys);
        cr_assert_eq(f.live, 0);
        cr_assert_eq(f.dirty_frees, 0, "wiped before it is given back");
    }
}

/* Asking whether a secret is there wipes what is too old: a server that nobody talks to may do so. */
Test(resume_state, asking_wipes)
{
    faulty f;
    faulty_init(&f);
    hf_ticket_keys *keys = keys_of(&f.env, 100, 100, false);
    hf_ticket_secret first;
    int64_t now = f.env.unix_time(f.env.time_arg);
    cr_assert_eq(hf_ticket_keys_current(keys, now - 500, &first), HF_OK);
    cr_assert(faulty_holds(&f, first.secret, 32));
    cr_assert_not(hf_ticket_keys_has(keys, hf_ticket_keys_epoch(keys, now)));
    cr_assert_not(faulty_holds(&f, first.secret, 32));
    hf_ticket_keys_release(keys);
}

Test(resume_state, installed_secrets)
{
    hf_ticket_keys *keys = keys_of(resume_env(), 100, 200, true);
    uint64_t now = hf_ticket_keys_epoch(keys, resume_now);
    uint8_t secret[32] = {5};
    hf_ticket_secret s, t;
    cr_assert_eq(now, (uint64_t)resume_now / 100);
    cr_assert_eq(hf_ticket_keys_epoch(keys, -1), 0);
    cr_assert_eq(hf_ticket_keys_current(keys, resume_now, &s), HF_ERR_NOT_FOUND, "none is made");
    cr_assert_eq(hf_ticket_keys_install(keys, now + 2, secret), HF_ERR_STALE);
    cr_assert_eq(hf_ticket_keys_install(keys, now - 3, secret), HF_ERR_STALE);
    cr_assert_eq(hf_ticket_keys_install(keys, now - 2, secret), HF_OK, "a ticket of then may still come");
    secret[1]++;
    cr_assert_eq(hf_ticket_keys_install(keys, now + 1, secret), HF_OK);
    cr_assert_not(hf_ticket_keys_has(keys, now));
    cr_assert(hf_ticket_keys_has(keys, now + 1));
    cr_assert_eq(hf_ticket_keys_current(keys, resume_now, &s), HF_ERR_NOT_FOUND, "the next one is not used early");
    secret[1]++;
    cr_assert_eq(hf_ticket_keys_install(keys, now, secret), HF_OK);
    cr_assert_eq(hf_ticket_keys_current(keys, resume_now, &s), HF_OK);
    cr_assert_arr_eq(s.secret, secret, 32);
    secret[1] = 77;
    cr_assert_eq(hf_ticket_keys_install(keys, now, secret), HF_OK, "replaced");
    cr_assert_eq(hf_ticket_keys_find(keys, resume_now, s.name, &t), HF_ERR_NOT_FOUND);
    hf_ticket_keys *own = keys_of(resume_env(), 100, 200, false);
    cr_assert_eq(hf_ticket_keys_install(own, now, secret), HF_ERR_STATE);
    hf_ticket_keys_release(own);
    hf_ticket_keys_release(keys);
}

static void *use_keys(void *arg)
{
    static atomic_int clock; /* one for all of them */
    hf_ticket_keys *keys = arg;
    for (int i = 0; i < 20000; i++) {
        hf_ticket_secret s, found;
        int64_t now = TEST_NOW + atomic_fetch_add(&clock, 1) / 40;
        if (hf_ticket_keys_current(keys, now, &s) != HF_OK || hf_ticket_keys_find(keys, now, s.name, &found) != HF_OK)
            return keys;
    }
    return NULL;
}

Test(resume_state, keys_of_many_threads)
{
    hf_ticket_keys *keys = keys_of(resume_env(), 60, 3600, false);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, use_keys, keys), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed;
        cr_assert_eq(pthread_join(threads[i], &failed), 0);
        cr_assert_null(failed);
    }
    hf_ticket_keys_release(keys);
}

/* ---- The cache ---- */

static hf_session *session_of(const hf_env *env, int64_t created)
{
    hf_session_state s = state12();
    hf_session *session;
    s.created = created;
    cr_assert_eq(hf_session_new(env, &s, &session), HF_OK);
    return session;
}

static void id_of(unsigned i, uint8_t id[32])
{
    memset(id, 0, 32);
    id[0] = (uint8_t)(i % 3); /* few buckets: lists */
    id[31] = (uint8_t)i;
}

static void put(hf_session_cache *cache, const hf_env *env, unsigned i)
{
    uint8_t id[32];
    hf_session *session = session_of(env, TEST_NOW);
    id_of(i, id);
    hf_session_cache_put(cache, id, session);
    hf_session_free(session);
}

static bool has(hf_session_cache *cache, unsigned i, int64_t now)
{
    uint8_t id[32];
    id_of(i, id);
    hf_session *session = hf_session_cache_get(cache, id, now);
    hf_session_free(session);
    return session != NULL;
}

Test(resume_state, cache_forgets_the_least_recently_used)
{
    faulty f;
    faulty_init(&f);
    hf_session_cache *cache;
    cr_assert_eq(hf_session_cache_new(&f.env, 0, 0, &cache), HF_ERR_INVALID);
    cr_assert_eq(hf_session_cache_new(&f.env, HF_LIMIT_SESSION_CACHE + 1, 0, &cache), HF_ERR_INVALID);
    cr_assert_eq(hf_session_cache_new(&f.env, 1, HF_LIMIT_SESSION_LIFETIME + 1, &cache), HF_ERR_INVALID);
    cr_assert_eq(hf_session_cache_new(&f.env, 5, 0, &cache), HF_OK);
    for (unsigned i = 0; i < 5; i++)
        put(cache, &f.env, i);
    cr_assert_eq(hf_session_cache_count(cache), 5);
    cr_assert(has(cache, 0, TEST_NOW), "used: the newest now");
    put(cache, &f.env, 5); /* 1 goes */
    cr_assert_eq(hf_session_cache_count(cache), 5);
    cr_assert_not(has(cache, 1, TEST_NOW));
    for (unsigned i = 0; i <= 5; i++)
        cr_assert_eq(has(cache, i, TEST_NOW), i != 1, "%u", i);
    put(cache, &f.env, 3); /* again: replaced */
    cr_assert_eq(hf_session_cache_count(cache), 5);
    uint8_t id[32];
    id_of(3, id);
    hf_session_cache_remove(cache, id);
    hf_session_cache_remove(cache, id);
    cr_assert_not(has(cache, 3, TEST_NOW));
    cr_assert_eq(hf_session_cache_count(cache), 4);
    cr_assert(has(cache, 4, TEST_NOW + 7199));
    cr_assert_not(has(cache, 4, TEST_NOW + 7200), "too old");
    cr_assert_eq(hf_session_cache_count(cache), 3, "and gone");
    id_of(0, id);
    hf_session *held = hf_session_cache_get(cache, id, TEST_NOW); /* outlives its cache */
    hf_session_cache_release(cache);
    cr_assert_eq(held->state.secret.len, 48);
    hf_session_free(held);
    hf_session_cache_release(NULL);
    cr_assert_eq(f.live, 0);
    cr_assert_eq(f.dirty_frees, 0, "wiped");
    cr_assert_eq(f.bad_frees, 0);
}

static void *use_cache(void *arg)
{
    hf_session_cache *cache = arg;
    for (unsigned i = 0; i < 20000; i++) {
        put(cache, world_env(), i % 40);
        (void)has(cache, (i * 7) % 40, TEST_NOW);
    }
    return NULL;
}

Test(resume_state, cache_of_many_threads)
{
    hf_session_cache *cache;
    pthread_t threads[4];
    cr_assert_eq(hf_session_cache_new(world_env(), 16, 0, &cache), HF_OK);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, use_cache, cache), 0);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert_eq(hf_session_cache_count(cache), 16);
    hf_session_cache_release(cache);
}

Test(resume_state, configuration)
{
    hf_config *config;
    hf_ticket_keys *keys = keys_of(resume_env(), 0, 0, false);
    cr_assert_eq(hf_config_new(resume_env(), world_crypto(), &config), HF_OK);
    cr_assert_eq(hf_config_set_tickets(config, keys, HF_LIMIT_TICKETS + 1), HF_ERR_INVALID);
    cr_assert_eq(hf_config_set_tickets(config, keys, 1), HF_OK);
    cr_assert_eq(hf_config_set_tickets(config, keys, 2), HF_OK, "again");
    cr_assert_eq(hf_config_set_tickets(config, NULL, 2), HF_OK, "and off");
    hf_config_release(config);
    side s = {0};
    config = side_config(&s, HF_ROLE_SERVER);
    cr_assert_eq(hf_config_set_tickets(config, keys, 1), HF_ERR_STATE);
    cr_assert_eq(hf_config_set_session_cache(config, NULL), HF_ERR_STATE);
    hf_config_release(config);
    hf_ticket_keys_release(keys);
}
