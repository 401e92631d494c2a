/* A resumed session skips nothing that policy demands now: each demand with its negative, for TLS 1.3 and for tickets
 * and session IDs of TLS 1.2. Where it does not go on, a full handshake follows without an error. */
#include <stdio.h>

#include "resume_world.h"

TestSuite(resume_policy, .timeout = 300);

typedef enum how { BY_PSK13, BY_TICKET12, BY_ID12, HOWS } how;
static const char *const names[] = {"TLS 1.3", "TLS 1.2 ticket", "TLS 1.2 session ID"};

/* Both sides of one way to resume. */
typedef struct world {
    side client, server;
    hf_ticket_keys *keys;
    hf_session_cache *cache;
} world;

static world world_of(how h)
{
    world w = {0};
    resume_now = TEST_NOW;
    if (h == BY_ID12)
        cr_assert_eq(hf_session_cache_new(resume_env(), 8, 0, &w.cache), HF_OK);
    else
        w.keys = resume_keys();
    w.client = resume_client(h == BY_PSK13);
    w.server = resume_server(h == BY_PSK13, w.keys);
    w.server.cache = w.cache;
    return w;
}

static void world_end(world *w)
{
    hf_ticket_keys_release(w->keys);
    hf_session_cache_release(w->cache);
    resume_now = TEST_NOW;
}

/* One case: the first connection as usual, the second with what `change` makes of the sides. */
static void changed(void (*first)(world *), void (*second)(world *), outcome expected, const char *what)
{
    for (how h = BY_PSK13; h < HOWS; h++) {
        world w = world_of(h);
        char text[128];
        snprintf(text, sizeof text, "%s: %s", names[h], what);
        if (first)
            first(&w);
        hf_session *session = resume_first(&w.client, &w.server);
        cr_assert_not_null(session, "%s", text);
        second(&w);
        resume_second(&w.client, &w.server, session, expected, NULL, text);
        hf_session_free(session);
        world_end(&w);
    }
}

static void nothing(world *w)
{
    (void)w;
}
static void last_second(world *w)
{
    (void)w;
    resume_now += HF_DEFAULT_TICKET_LIFETIME - 1;
}
static void too_late(world *w)
{
    (void)w;
    resume_now += HF_DEFAULT_TICKET_LIFETIME;
}
static void clock_back(world *w)
{
    (void)w;
    resume_now -= HF_LIMIT_SESSION_SKEW;
}
static void clock_far_back(world *w)
{
    (void)w;
    resume_now -= HF_LIMIT_SESSION_SKEW + 1;
}

Test(resume_policy, age)
{
    changed(NULL, nothing, RESUMED, "at once");
    changed(NULL, last_second, RESUMED, "in its last second");
    changed(NULL, too_late, FULL, "too late");
    changed(NULL, clock_back, RESUMED, "clocks that differ a little");
    changed(NULL, clock_far_back, FULL, "a session from the future");
}

/* The server decides by its own clock, whatever the client believes. */
Test(resume_policy, age_by_the_clock_of_the_server)
{
    for (how h = BY_PSK13; h < HOWS; h++) {
        world w = world_of(h);
        hf_session *session = resume_first(&w.client, &w.server);
        w.client.env = world_env(); /* stands still */
        resume_now += HF_DEFAULT_TICKET_LIFETIME;
        resume_second(&w.client, &w.server, session, FULL, NULL, names[h]);
        hf_session_free(session);
        world_end(&w);
    }
}

/* However often it is resumed, a session goes back to a full handshake of the last day. */
Test(resume_policy, age_of_the_full_handshake)
{
    world w = world_of(BY_PSK13);
    hf_session *session = resume_first(&w.client, &w.server);
    for (int64_t age = HF_DEFAULT_TICKET_LIFETIME / 2; age < HF_LIMIT_SESSION_AGE;
         age += HF_DEFAULT_TICKET_LIFETIME / 2) {
        pair p;
        hf_session_info info;
        resume_now = TEST_NOW + age;
        resume_second(&w.client, &w.server, session, RESUMED, &p, "within the day");
        hf_session_free(session);
        session = pair_take_session(&p);
        cr_assert_not_null(session);
        hf_session_get_info(session, &info);
        cr_assert_leq(age + info.lifetime_s, HF_LIMIT_SESSION_AGE, "no ticket is good past it");
        pair_cleanup(&p);
    }
    resume_now = TEST_NOW + HF_LIMIT_SESSION_AGE;
    resume_second(&w.client, &w.server, session, FULL, NULL, "past the day");
    hf_session_free(session);
    world_end(&w);
}

/* ---- Server name ---- */

/* The state of a session with one field changed: what a client of another making could send. */
static hf_session *with_name(const hf_session *session, const char *name)
{
    hf_session_state s = session->state;
    hf_session *made;
    s.server_name = (hf_slice){(const uint8_t *)name, strlen(name)};
    cr_assert_eq(hf_session_new(resume_env(), &s, &made), HF_OK);
    return made;
}

static void insecure(world *w)
{
    w->client.insecure = true;
}

Test(resume_policy, server_name)
{
    static const struct {
        const char *name;
        outcome expected;
    } cases[] = {{WORLD_NAME, RESUMED}, {"SERVER.example", RESUMED}, {"other.example", FULL}, {"server.exampl", FULL}};
    for (how h = BY_PSK13; h < HOWS; h++) {
        world w = world_of(h);
        w.client.insecure = true; /* any name will do for the client */
        hf_session *session = resume_first(&w.client, &w.server);
        resume_second(&w.client, &w.server, session, RESUMED, NULL, names[h]);
        w.client.name = "other.example";
        resume_second(&w.client, &w.server, session, FULL, NULL, "a client offers no session of another name");
        for (size_t i = 0; i < 4; i++) {
            hf_session *other = with_name(session, cases[i].name);
            w.client.name = cases[i].name;
            resume_second(&w.client, &w.server, other, cases[i].expected, NULL, cases[i].name);
            hf_session_free(other);
        }
        hf_session *none = with_name(session, "");
        w.client.name = "";
        resume_second(&w.client, &w.server, none, FULL, NULL, "no name where there was one");
        hf_session_free(none);
        hf_session_free(session);
        world_end(&w);
    }
}

/* ---- What the client verified ---- */

static void secure(world *w)
{
    w->client.insecure = false;
}
static void nameless(world *w)
{
    w->client.name = "";
}
static void named(world *w)
{
    w->client.name = WORLD_NAME;
}

Test(resume_policy, verification_by_the_client)
{
    changed(insecure, secure, FULL, "an unverified session in a verifying configuration");
    changed(NULL, insecure, RESUMED, "a verified one where nothing is verified");
    changed(insecure, nothing, RESUMED, "unverified both times");
    changed(nameless, named, FULL, "verified without a name, now with one");
}

/* Other anchors: the session is not offered, and the full handshake tells why. */
Test(resume_policy, anchors_of_the_client_now)
{
    for (how h = BY_PSK13; h < HOWS; h++) {
        world w = world_of(h);
        pair p = {0};
        w.client.offer = resume_first(&w.client, &w.server);
        w.client.other_trust = true;
        world_run(&p, &w.client, &w.server);
        assert_refused(&p, &p.client, HF_ALERT_UNKNOWN_CA);
        pair_cleanup(&p);
        hf_session_free(w.client.offer);
        world_end(&w);
    }
}

/* ---- The client's certificate ---- */

static void client_cert(world *w)
{
    w->client.cert = world_client("P-256");
}
static void require(world *w)
{
    client_cert(w);
    w->server.client_auth = HF_CLIENT_AUTH_REQUIRED;
}
static void request(world *w)
{
    client_cert(w);
    w->server.client_auth = HF_CLIENT_AUTH_REQUEST;
}
static void optional(world *w)
{
    client_cert(w);
    w->server.client_auth = HF_CLIENT_AUTH_OPTIONAL;
}
static void request_of_nobody(world *w)
{
    w->server.client_auth = HF_CLIENT_AUTH_REQUEST;
}
static void optional_of_nobody(world *w)
{
    w->server.client_auth = HF_CLIENT_AUTH_OPTIONAL;
}
static void ask_nothing(world *w)
{
    w->server.client_auth = HF_CLIENT_AUTH_NONE;
}

Test(resume_policy, client_authentication)
{
    changed(require, nothing, RESUMED, "proved then, required now");
    changed(request, require, RESUMED, "proved then, to be verified now");
    changed(require, optional, RESUMED, "optional");
    changed(require, ask_nothing, RESUMED, "not asked now");
    changed(NULL, require, FULL, "never asked, required now");
    changed(NULL, request, FULL, "never asked, requested now");
    changed(request_of_nobody, nothing, FULL, "asked, none given: asked again");
    changed(optional_of_nobody, nothing, FULL, "optional, none given: asked again");
    changed(request_of_nobody, require, FULL, "none given then, required now");
}

/* What the server then tells of its client, by mode of now. */
Test(resume_policy, certificate_of_the_client_is_told)
{
    static const hf_client_auth modes[] = {HF_CLIENT_AUTH_NONE, HF_CLIENT_AUTH_REQUEST, HF_CLIENT_AUTH_OPTIONAL,
                                           HF_CLIENT_AUTH_REQUIRED};
    for (how h = BY_PSK13; h < HOWS; h++) {
        world w = world_of(h);
        require(&w);
        hf_session *session = resume_first(&w.client, &w.server);
        for (size_t i = 0; i < 4; i++) {
            pair p;
            hf_conn_info info;
            const uint8_t *der;
            size_t len;
            w.server.client_auth = modes[i];
            resume_second(&w.client, &w.server, session, RESUMED, &p, names[h]);
            hf_conn_get_info(p.server.conn, &info);
            cr_assert_eq(info.peer_verified, modes[i] >= HF_CLIENT_AUTH_OPTIONAL, "%s, mode %zu", names[h], i);
            cr_assert_not(info.client_cert_requested);
            hf_status status = hf_conn_peer_cert(p.server.conn, 0, &der, &len);
            cr_assert_eq(status, modes[i] ? HF_OK : HF_ERR_NOT_FOUND, "%s, mode %zu", names[h], i);
            if (status == HF_OK)
                cr_assert_arr_eq(der, world_client("P-256")->der, len);
            pair_cleanup(&p);
        }
        hf_session_free(session);
        world_end(&w);
    }
}

/* A certificate that does not verify now takes the session with it; the full handshake then refuses. */
Test(resume_policy, anchors_of_the_server_now)
{
    for (how h = BY_PSK13; h < HOWS; h++) {
        world w = world_of(h);
        pair p = {0};
        require(&w);
        w.client.offer = resume_first(&w.client, &w.server);
        w.server.other_trust = true;
        world_run(&p, &w.client, &w.server);
        cr_assert_eq(p.server.n_resumed, 0, "%s", names[h]);
        cr_assert_eq(hf_conn_status(p.server.conn), HF_SEND(HF_ALERT_UNKNOWN_CA), "%s", names[h]);
        pair_cleanup(&p);
        hf_session_free(w.client.offer);
        world_end(&w);
    }
}

/* A client whose chain is longer than a session may hold gets none. */
Test(resume_policy, chain_too_long_for_a_session)
{
    for (how h = BY_PSK13; h < HOWS; h++) {
        world w = world_of(h);
        pair p = {.pieces = PAIR_BYTES};
        request(&w);
        w.server.record_size_limit = 64; /* so that the certificate comes before Finished */
        w.client.record_size_limit = 16000;
        world_pair(&p, &w.client, &w.server);
        for (int i = 0; i < 100000 && !pair_connected(&p); i++) {
            pair_move(&p, &p.client);
            pair_move(&p, &p.server);
            hf_conn *conn = p.server.conn;
            if (!conn->peer_chain || conn->peer_chain_len > HF_LIMIT_SESSION_CHAIN)
                continue;
            hf_memory_free(&conn->memory, conn->peer_chain, conn->peer_chain_len); /* as if it had been so long */
            conn->peer_chain_len = HF_LIMIT_SESSION_CHAIN + 1;
            conn->peer_chain = hf_memory_new(&conn->memory, conn->peer_chain_len);
        }
        pair_run(&p);
        cr_assert(pair_connected(&p), "%s", names[h]);
        if (h == BY_ID12)
            cr_assert_eq(hf_session_cache_count(w.cache), 0);
        else
            cr_assert_eq(p.client.n_given, 0, "%s", names[h]);
        pair_cleanup(&p);
        world_end(&w);
    }
}

/* ---- Version, suite, application protocol ---- */

static void protocols_before(world *w)
{
    w->client.alpn[0] = w->server.alpn[0] = "h2";
}

Test(resume_policy, application_protocol_is_negotiated_anew)
{
    for (how h = BY_PSK13; h < HOWS; h++) {
        world w = world_of(h);
        pair p;
        hf_conn_info info;
        protocols_before(&w);
        hf_session *session = resume_first(&w.client, &w.server);
        w.client.alpn[0] = w.server.alpn[0] = "http/1.1";
        resume_second(&w.client, &w.server, session, RESUMED, &p, names[h]);
        hf_conn_get_info(p.client.conn, &info);
        cr_assert_str_eq(info.alpn, "http/1.1");
        pair_cleanup(&p);
        w.server.alpn[0] = "imap";
        w.client.offer = session;
        world_run(&p, &w.client, &w.server);
        assert_refused(&p, &p.server, HF_ALERT_NO_APPLICATION_PROTOCOL);
        pair_cleanup(&p);
        hf_session_free(session);
        world_end(&w);
    }
}

static void suite_of(const world *w, uint16_t of13, uint16_t of12, uint16_t *out)
{
    out[0] = w->client.tls13 ? of13 : of12;
}
static void suite_before(world *w)
{
    suite_of(w, 0x1301, 0xc02b, w->client.suites);
}
static void other_at_client(world *w)
{
    suite_of(w, 0x1302, 0xc02c, w->client.suites);
}
static void other_at_server(world *w)
{
    w->client.suites[0] = 0;
    suite_of(w, 0x1302, 0xc02c, w->server.suites);
}
static void same_hash(world *w)
{
    suite_of(w, 0x1303, 0xcca9, w->client.suites);
}
static void both_versions(world *w)
{
    w->client.tls13 = w->server.tls13 = !w->client.tls13;
}

Test(resume_policy, suite_and_version)
{
    changed(suite_before, nothing, RESUMED, "the same suite");
    changed(suite_before, other_at_client, FULL, "the client offers another one");
    changed(suite_before, other_at_server, FULL, "the server allows another one only");
    changed(NULL, both_versions, FULL, "another version");
    /* TLS 1.3 binds the hash only: RFC 8446 section 4.2.11. */
    world w = world_of(BY_PSK13);
    suite_before(&w);
    hf_session *session = resume_first(&w.client, &w.server);
    same_hash(&w);
    resume_second(&w.client, &w.server, session, RESUMED, NULL, "TLS 1.3: a suite of the same hash");
    hf_session_free(session);
    world_end(&w);
}

/* A PSK of SHA-384 where the server would rather have SHA-256, and asks for another group: the suite stays. */
Test(resume_policy, suite_of_the_session_through_a_retry)
{
    world w = world_of(BY_PSK13);
    w.client.suites[0] = 0x1302;
    hf_session *session = resume_first(&w.client, &w.server);
    static const uint16_t suites[] = {0x1301, 0x1302};
    memcpy(w.client.suites, suites, sizeof suites);
    memcpy(w.server.suites, suites, sizeof suites);
    resume_second(&w.client, &w.server, session, RESUMED, NULL, "without a retry");
    w.server.groups[0] = HF_GROUP_P384;
    resume_second(&w.client, &w.server, session, RESUMED, NULL, "through a retry");
    hf_session_free(session);
    world_end(&w);
}

/* ---- The keys of the tickets ---- */

Test(resume_policy, servers_that_share_secrets)
{
    static const uint8_t secret[32] = {7}, other[32] = {8};
    for (how h = BY_PSK13; h <= BY_TICKET12; h++) {
        world w = world_of(h);
        hf_ticket_keys *one = resume_installed_keys(secret), *two = resume_installed_keys(secret);
        hf_ticket_keys *stranger = resume_installed_keys(other);
        w.server.tickets = one;
        hf_session *session = resume_first(&w.client, &w.server);
        cr_assert_not_null(session);
        w.server.tickets = two;
        resume_second(&w.client, &w.server, session, RESUMED, NULL, "another server with the same secrets");
        w.server.tickets = stranger;
        resume_second(&w.client, &w.server, session, FULL, NULL, "one with others");
        w.server.tickets = w.keys;
        resume_second(&w.client, &w.server, session, FULL, NULL, "one that makes its own");
        w.server.tickets = NULL;
        resume_second(&w.client, &w.server, session, FULL, NULL, "one without tickets");

        resume_now += HF_DEFAULT_TICKET_PERIOD; /* the next secret is not there yet */
        w.server.tickets = two;
        pair p;
        resume_second(&w.client, &w.server, session, RESUMED, &p, "the ticket of the period before");
        cr_assert_eq(p.client.n_given, 0, "no secret, no ticket");
        pair_cleanup(&p);
        cr_assert_null(resume_first(&w.client, &w.server));
        resume_install(two, secret);
        resume_second(&w.client, &w.server, session, RESUMED, NULL, "and still when it is");

        uint64_t epoch = hf_ticket_keys_epoch(two, TEST_NOW);
        cr_assert_eq(hf_ticket_keys_install(two, epoch, other), HF_OK); /* replaced */
        resume_second(&w.client, &w.server, session, FULL, NULL, "the secret of the ticket was replaced");
        hf_session_free(session);
        hf_ticket_keys_release(one);
        hf_ticket_keys_release(two);
        hf_ticket_keys_release(stranger);
        world_end(&w);
    }
}

/* Every byte of a ticket, its length, and what is none at all: a full handshake, never an alert. */
Test(resume_policy, altered_tickets)
{
    for (how h = BY_PSK13; h <= BY_TICKET12; h++) {
        world w = world_of(h);
        hf_session *session = resume_first(&w.client, &w.server);
        static uint8_t ticket[4096];
        size_t len = session->state.ticket.len;
        cr_assert(len > 100 && len < sizeof ticket);
        for (size_t i = 0; i <= len + 1; i += i < 20 || i + 20 > len ? 1 : 7) {
            hf_session_state s = session->state;
            hf_session *altered;
            memcpy(ticket, s.ticket.ptr, len);
            ticket[len] = 0;
            s.ticket = (hf_slice){ticket, i == len ? len + 1 : i > len ? len - 1 : len};
            if (i < len)
                ticket[i] ^= 1;
            cr_assert_eq(hf_session_new(resume_env(), &s, &altered), HF_OK);
            resume_second(&w.client, &w.server, altered, FULL, NULL, names[h]);
            hf_session_free(altered);
        }
        for (size_t n = 1; n <= 70; n++) { /* short ones */
            hf_session_state s = session->state;
            hf_session *cut;
            s.ticket.len = n;
            cr_assert_eq(hf_session_new(resume_env(), &s, &cut), HF_OK);
            resume_second(&w.client, &w.server, cut, FULL, NULL, names[h]);
            hf_session_free(cut);
        }
        resume_second(&w.client, &w.server, session, RESUMED, NULL, "the true one");
        hf_session_free(session);
        world_end(&w);
    }
}

/* A ticket of one version is none of the other. */
Test(resume_policy, tickets_of_the_other_version)
{
    for (how h = BY_PSK13; h <= BY_TICKET12; h++) {
        world w = world_of(h);
        hf_session *session = resume_first(&w.client, &w.server);
        hf_session_state s = session->state;
        world v = world_of(h == BY_PSK13 ? BY_TICKET12 : BY_PSK13);
        hf_session *own = resume_first(&v.client, &v.server), *mixed;
        s = own->state;
        s.ticket = session->state.ticket;
        cr_assert_eq(hf_session_new(resume_env(), &s, &mixed), HF_OK);
        v.server.tickets = w.keys;
        resume_second(&v.client, &v.server, mixed, FULL, NULL, names[h]);
        hf_session_free(mixed);
        hf_session_free(own);
        hf_session_free(session);
        world_end(&w);
        world_end(&v);
    }
}

Test(resume_policy, number_of_tickets)
{
    world w = world_of(BY_PSK13);
    for (int n = -1; n <= HF_LIMIT_TICKETS; n++) {
        pair p = {0};
        w.server.n_tickets = n;
        world_run(&p, &w.client, &w.server);
        cr_assert(pair_connected(&p));
        size_t expected = n == 0 ? HF_DEFAULT_TICKETS : n < 0 ? 0 : (size_t)n;
        cr_assert_eq(p.client.n_given, expected, "%d", n);
        for (size_t i = 1; i < p.client.n_sessions; i++) {
            const hf_session_state *a = &p.client.sessions[0]->state, *b = &p.client.sessions[i]->state;
            cr_assert_neq(memcmp(a->secret.ptr, b->secret.ptr, a->secret.len), 0, "each its own secret");
            cr_assert_neq(memcmp(a->ticket.ptr, b->ticket.ptr, a->ticket.len), 0);
        }
        hf_session *session = pair_take_session(&p);
        pair_cleanup(&p);
        if (session)
            resume_second(&w.client, &w.server, session, RESUMED, NULL, "any of them");
        hf_session_free(session);
    }
    w.client.keep = false; /* a client that does not ask for tickets gets none */
    w.server.n_tickets = 2;
    pair p = {0};
    world_run(&p, &w.client, &w.server);
    cr_assert_eq(p.server.n_sent, 5, "ServerHello to Finished");
    pair_cleanup(&p);
    world_end(&w);
}

/* Accepted, but none is made: TLS 1.2 too. */
Test(resume_policy, tickets_that_are_only_accepted)
{
    world w = world_of(BY_TICKET12);
    hf_session *session = resume_first(&w.client, &w.server);
    w.server.n_tickets = -1;
    cr_assert_null(resume_first(&w.client, &w.server));
    resume_second(&w.client, &w.server, session, RESUMED, NULL, "accepted");
    hf_session_free(session);
    world_end(&w);
}

/* Behind the handshake a connection looks as if there had been no tickets. */
Test(resume_policy, nothing_idle_is_kept)
{
    world w = world_of(BY_PSK13);
    pair p = {0};
    hf_conn_info with, without;
    world_run(&p, &w.client, &w.server);
    hf_conn_get_info(p.server.conn, &with);
    for (size_t i = 0; i < sizeof p.server.conn->resumption_secret; i++)
        cr_assert_eq(p.server.conn->resumption_secret[i], 0, "a server keeps no resumption secret");
    pair_cleanup(&p);
    w.server.tickets = NULL;
    world_run(&p, &w.client, &w.server);
    hf_conn_get_info(p.server.conn, &without);
    cr_assert_eq(with.memory, without.memory, "a connection holds nothing for its tickets");
    pair_cleanup(&p);
    world_end(&w);
}
