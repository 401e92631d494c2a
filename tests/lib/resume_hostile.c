/* TLS 1.3 resumption against peers that do it wrongly: hellos, tickets and answers changed on their way; early data. */

#include "engine13_peer.h"
#include "extensions_psk.h"
#include "resume_offer.h"

TestSuite(resume_hostile, .timeout = 600);

/* ---- TLS 1.3: what a client may say of its PSK ---- */

/* The hello with `before` identities that are none in front of the true one, rightly bound. */
static void with_identities(unit *u, const hf_session *session, size_t before)
{
    static offer o;
    static unit copy;
    const hf_hash *hash = world_crypto()->hashes[hf_suite_by_id(session->state.suite)->prf_hash];
    copy = *u;
    cr_assert_eq(hf_client_hello_parse(unit_body(&copy), &o.hello), HF_OK);
    hf_writer ids = hf_writer_of(o.identities, sizeof o.identities);
    hf_writer binders = hf_writer_of(o.binders, sizeof o.binders);
    for (size_t i = 0; i < before; i++) {
        hf_write_bytes(&ids, "\0\5junk!\0\0\0\0", 11);
        hf_write_u8(&binders, 32);
        hf_write_bytes(&binders, "0123456789abcdef0123456789abcdef", 32);
    }
    hf_write_bytes(&ids, o.hello.ext.psk_identities.ptr, o.hello.ext.psk_identities.len);
    hf_write_u8(&binders, hash->size);
    uint8_t *binder = hf_write_room(&binders, hash->size);
    memset(binder, 0, hash->size);
    o.hello.ext.psk_identities = (hf_slice){o.identities, ids.len};
    o.hello.ext.psk_binders = (hf_slice){o.binders, binders.len};
    write_offer(&o, u);
    uint8_t digest[64];
    cr_assert_eq(hf_hash_once(hash, o.message, o.len - HF_PSK_BINDERS_SIZE(&o.hello.ext), digest), HF_OK);
    cr_assert_eq(hf_psk_binder(hash, session->state.secret.ptr, digest, binder), HF_OK);
    write_offer(&o, u);
}

Test(resume_hostile, identities_in_front_of_the_true_one)
{
    for (size_t before = 0; before <= HF_LIMIT_PSK_IDENTITIES; before++) {
        hf_ticket_keys *keys = resume_keys();
        side client = resume_client(true), server = resume_server(true, keys);
        pair p;
        gate13 g;
        unit u;
        client.offer = resume_first(&client, &server);
        open13(&p, &g, &client, &server, true);
        reach13(&g, HF_MSG_CLIENT_HELLO, &u);
        with_identities(&u, client.offer, before);
        gate13_pass(&g, &u);
        lives13(&g, "identities");
        cr_assert_eq(p.server.n_resumed, before < HF_LIMIT_PSK_IDENTITIES, "%zu before", before);
        if (before > 0 && before < HF_LIMIT_PSK_IDENTITIES) /* our client offered one */
            cr_assert_eq(hf_conn_status(p.client.conn), HF_SEND(HF_ALERT_ILLEGAL_PARAMETER));
        close13(&p, &g);
        no_keys(keys, client.offer);
    }
}

/* Every byte of the hello is bound, and every byte of the binder counts. */
Test(resume_hostile, binder)
{
    hf_ticket_keys *keys = resume_keys();
    side client = resume_client(true), server = resume_server(true, keys);
    client.offer = resume_first(&client, &server);
    for (int retry = 0; retry < 2; retry++) {
        server.groups[0] = retry ? HF_GROUP_P384 : 0;
        for (size_t back = 1; back <= 33; back++) {
            pair p;
            gate13 g;
            unit u;
            open13(&p, &g, &client, &server, true);
            reach13(&g, HF_MSG_CLIENT_HELLO, &u);
            if (retry) {
                gate13_pass(&g, &u);
                reach13(&g, HF_MSG_CLIENT_HELLO, &u);
            }
            if (back <= 32)
                u.bytes[u.len - back] ^= 1;
            else
                u.bytes[HF_RECORD_HEADER_SIZE + HF_MSG_HEADER_SIZE + 2 + 5] ^= 1; /* of the random */
            gate13_pass(&g, &u);
            refused13(&g, HF_ALERT_DECRYPT_ERROR, "binder");
            cr_assert_eq(p.server.n_resumed, 0);
            close13(&p, &g);
        }
    }
    no_keys(keys, client.offer);
}

/* Binds the offer to the session as a client that has its secret would; the first 32 bytes of the first binder. */
static void bind_offer(offer *o, const hf_session *session, const hf_hash *hash)
{
    uint8_t transcript[HF_HASH_SIZE_MAX];
    size_t binders = 2 + o->hello.ext.psk_binders.len;
    hf_hash_state state;

    cr_assert_eq(hash->init(state.bytes), HF_OK);
    cr_assert_eq(hash->update(state.bytes, o->message, o->len - binders), HF_OK);
    cr_assert_eq(hash->final(state.bytes, transcript), HF_OK);
    hash->cleanup(state.bytes);
    cr_assert_eq(hf_psk_binder(hash, session->state.secret.ptr, transcript, o->message + o->len - binders + 3), HF_OK);
}

/* A binder of another hash's length does not fit the PSK, though it begins as the right one does. */
Test(resume_hostile, binder_of_another_length)
{
    hf_ticket_keys *keys = resume_keys();
    side client = resume_client(true), server = resume_server(true, keys);
    static offer o;
    pair p;
    gate13 g;
    unit u, copy;
    client.offer = resume_first(&client, &server);
    for (uint8_t len = 32; len <= 48; len += 16) {
        open13(&p, &g, &client, &server, true);
        reach13(&g, HF_MSG_CLIENT_HELLO, &u);
        copy = u;
        cr_assert_eq(hf_client_hello_parse(unit_body(&copy), &o.hello), HF_OK);
        o.binders[0] = len;
        memset(o.binders + 1, 1, len);
        o.hello.ext.psk_binders = (hf_slice){o.binders, 1 + (size_t)len};
        write_offer(&o, &u);
        bind_offer(&o, client.offer, p.server.conn->config->crypto.hashes[HF_SHA256]);
        unit_of_message(&u, o.message, o.len);
        gate13_pass(&g, &u);
        if (len == 32) /* else this test would see no length */
            lives13(&g, "the right one");
        else
            refused13(&g, HF_ALERT_DECRYPT_ERROR, "length");
        cr_assert_eq(p.server.n_resumed, len == 32);
        close13(&p, &g);
    }
    no_keys(keys, client.offer);
}

typedef void change(hf_client_hello *hello);

static void without_dhe(hf_client_hello *h)
{
    h->ext.psk_modes = (hf_slice){(const uint8_t *)"\0", 1};
}
static void without_modes(hf_client_hello *h)
{
    drop13(&h->ext, HF_EXT_PSK_KEY_EXCHANGE_MODES);
    drop13(&h->ext, HF_EXT_PRE_SHARED_KEY);
}
static void without_schemes(hf_client_hello *h)
{
    drop13(&h->ext, HF_EXT_SIGNATURE_ALGORITHMS);
}
static void junk_alone(hf_client_hello *h)
{
    drop13(&h->ext, HF_EXT_SIGNATURE_ALGORITHMS);
    h->ext.psk_identities = (hf_slice){(const uint8_t *)"\0\5junk!\0\0\0\0", 11};
}

static void changed_hello(change *by, int alert, const char *what)
{
    hf_ticket_keys *keys = resume_keys();
    side client = resume_client(true), server = resume_server(true, keys);
    static offer o;
    pair p;
    gate13 g;
    unit u, copy;
    client.offer = resume_first(&client, &server);
    open13(&p, &g, &client, &server, true);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    copy = u;
    cr_assert_eq(hf_client_hello_parse(unit_body(&copy), &o.hello), HF_OK);
    by(&o.hello);
    write_offer(&o, &u);
    gate13_pass(&g, &u);
    if (alert < 0)
        lives13(&g, what);
    else
        refused13(&g, (hf_alert)alert, what);
    cr_assert_eq(p.server.n_resumed, 0, "%s", what);
    cr_assert_eq(p.server.key_started, alert < 0, "%s", what);
    cr_assert(alert >= 0 || !p.server.conn->hs->wants_tickets, "%s: and no tickets", what);
    close13(&p, &g);
    no_keys(keys, client.offer);
}

Test(resume_hostile, hellos)
{
    changed_hello(without_dhe, -1, "a PSK without (EC)DHE is not taken");
    changed_hello(without_modes, -1, "no modes, no PSK");
    changed_hello(junk_alone, HF_ALERT_MISSING_EXTENSION, "nothing to resume and nothing to sign with (section 9.2)");
    changed_hello(without_schemes, HF_ALERT_DECRYPT_ERROR, "a hello that was changed under its binder");
}

/* ---- Early data, which is refused: RFC 8446 section 4.2.10 ---- */

/* A record of early data as the server sees it: protected by keys that it does not have. */
static void put_early(gate13 *g, size_t len)
{
    static uint8_t record[HF_RECORD_HEADER_SIZE + HF_PLAINTEXT_MAX + 257];
    const uint8_t header[HF_RECORD_HEADER_SIZE] = {HF_CONTENT_APPLICATION_DATA, 3, 3, (uint8_t)(len >> 8),
                                                   (uint8_t)len};
    memcpy(record, header, sizeof header);
    memset(record + sizeof header, 0xed, len);
    gate13_put_raw(g, record, sizeof header + len);
}

/* The hello announces early data, and `n` records of it follow; then the handshake goes on. The announcement breaks the
 * transcript, so the server is watched only as far as it judges records. */
static void early(bool announced, bool retry, size_t n, size_t len, int alert, const char *what)
{
    side client = side13(), server = side13();
    pair p;
    gate13 g;
    unit u;
    if (retry)
        server.groups[0] = HF_GROUP_P384;
    open13(&p, &g, &client, &server, true);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    if (announced)
        append13(&u, HF_EXT_TYPE_EARLY_DATA, "", 0);
    gate13_pass(&g, &u);
    for (size_t i = 0; i < n; i++)
        put_early(&g, len);
    if (alert >= 0) {
        refused13(&g, (hf_alert)alert, what);
    } else {
        lives13(&g, what);
        cr_assert_eq(wire_len(&p.server.plain), 0, "%s: nothing is shown", what);
        cr_assert_eq(p.server.conn->read.sequence, 0, "%s: no sequence number is used up", what);
        if (!retry) { /* what opens is not early data any more, though it is no Finished */
            gate13_put_message(&g, HF_MSG_FINISHED, "0123456789abcdef0123456789abcdef", 32);
            refused13(&g, HF_ALERT_DECRYPT_ERROR, what);
        }
    }
    close13(&p, &g);
}

Test(resume_hostile, early_data_is_skipped)
{
    const size_t full = HF_LIMIT_EARLY_DATA / (HF_RECORD_HEADER_SIZE + 1019);
    for (int retry = 0; retry < 2; retry++) {
        int beyond = retry ? HF_ALERT_UNEXPECTED_MESSAGE : HF_ALERT_BAD_RECORD_MAC;
        early(true, retry, 1, 20, -1, "one record");
        early(true, retry, 5, 100, -1, "several");
        early(true, retry, 1, HF_PLAINTEXT_MAX + 256, -1, "the largest");
        early(true, retry, 1, HF_PLAINTEXT_MAX + 257, HF_ALERT_RECORD_OVERFLOW, "larger than a record may be");
        early(true, retry, full, 1019, -1, "up to the limit");
        early(true, retry, full + 1, 1019, beyond, "beyond it");
        early(true, retry, HF_LIMIT_EARLY_DATA / HF_RECORD_HEADER_SIZE + 1, 0, beyond, "records without a byte");
        early(false, retry, 1, 20, beyond, "not announced");
    }
}

/* Behind a record that opened, one that does not is an attack, whatever room for early data is left. */
Test(resume_hostile, early_data_ends_with_the_first_record_that_opens)
{
    side client = side13(), server = side13();
    pair p;
    gate13 g;
    unit u;
    open13(&p, &g, &client, &server, true);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    append13(&u, HF_EXT_TYPE_EARLY_DATA, "", 0);
    gate13_pass(&g, &u);
    put_early(&g, 20);
    lives13(&g, "early data");
    gate13_put(&g, HF_CONTENT_HANDSHAKE, "\x14", 1); /* the beginning of a Finished */
    lives13(&g, "a record that opens");
    put_early(&g, 20);
    refused13(&g, HF_ALERT_BAD_RECORD_MAC, "a record that does not");
    close13(&p, &g);
}

/* Not again after a HelloRetryRequest: section 4.1.2. */
Test(resume_hostile, early_data_in_a_second_hello)
{
    side client = side13(), server = {.tls13 = true, .groups = {HF_GROUP_P384}};
    pair p;
    gate13 g;
    unit u;
    open13(&p, &g, &client, &server, true);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    gate13_pass(&g, &u);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    append13(&u, HF_EXT_TYPE_EARLY_DATA, "", 0);
    gate13_pass(&g, &u);
    refused13(&g, HF_ALERT_ILLEGAL_PARAMETER, "early_data in the second hello");
    close13(&p, &g);
}

/* ---- TLS 1.3: a session that is good in one hello and not in the other ---- */

/* The suite stays what the HelloRetryRequest said (section 4.1.4), so a session that comes or goes changes nothing. */
static void session_through_a_retry(bool comes)
{
    static const uint16_t suites[] = {0x1301, 0x1302};
    static const uint8_t secret[32] = {5};
    static offer o;
    hf_ticket_keys *keys = resume_installed_keys(secret), *none;
    hf_ticket_options options = {.installed = true};
    side client = resume_client(true), server = resume_server(true, keys);
    hf_client_hello first;
    pair p;
    gate13 g;
    unit u, copy1, copy2;
    cr_assert_eq(hf_ticket_keys_new(resume_env(), world_crypto(), &options, &none), HF_OK);
    client.suites[0] = 0x1302;
    client.offer = resume_first(&client, &server);
    memcpy(client.suites, suites, sizeof suites);
    memcpy(server.suites, suites, sizeof suites);
    server.groups[0] = HF_GROUP_P384;
    server.tickets = comes ? none : keys;
    open13(&p, &g, &client, &server, true);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    copy1 = u;
    cr_assert_eq(hf_client_hello_parse(unit_body(&copy1), &first), HF_OK);
    gate13_pass(&g, &u);
    cr_assert_eq(p.server.conn->suite_id, comes ? 0x1301 : 0x1302);
    reach13(&g, HF_MSG_CLIENT_HELLO, &u);
    if (comes) { /* a client should not offer it again, and may */
        resume_install(none, secret);
        copy2 = u;
        cr_assert_eq(hf_client_hello_parse(unit_body(&copy2), &o.hello), HF_OK);
        cr_assert_not(o.hello.ext.present & HF_EXT_BIT(HF_EXT_PRE_SHARED_KEY), "ours does not");
        o.hello.ext.present |= HF_EXT_BIT(HF_EXT_PRE_SHARED_KEY);
        o.hello.ext.psk_identities = first.ext.psk_identities;
        o.hello.ext.psk_binders = first.ext.psk_binders;
        write_offer(&o, &u);
    } else {
        resume_now += HF_DEFAULT_TICKET_LIFETIME;
    }
    gate13_pass(&g, &u);
    lives13(&g, comes ? "a session of another hash comes" : "the session goes");
    cr_assert_eq(p.server.n_resumed, 0);
    cr_assert_eq(p.server.conn->suite_id, comes ? 0x1301 : 0x1302);
    if (!comes)
        completes13(&g, "a full handshake with the session's suite");
    close13(&p, &g);
    resume_now = TEST_NOW;
    hf_ticket_keys_release(none);
    no_keys(keys, client.offer);
}

Test(resume_hostile, session_through_a_retry)
{
    session_through_a_retry(false);
    session_through_a_retry(true);
}

/* ---- TLS 1.3: what a server may answer ---- */

static void answer(void (*by)(hf_server_hello *), bool offers, hf_alert alert, const char *what)
{
    hf_ticket_keys *keys = resume_keys();
    side client = resume_client(true), server = resume_server(true, keys);
    static uint8_t message[4096];
    pair p;
    gate13 g;
    unit u, copy;
    hf_server_hello hello;
    client.offer = offers ? resume_first(&client, &server) : NULL;
    open13(&p, &g, &client, &server, false);
    reach13(&g, HF_MSG_SERVER_HELLO, &u);
    copy = u;
    cr_assert_eq(hf_server_hello_parse(unit_body(&copy), &hello), HF_OK);
    by(&hello);
    hf_writer w = hf_writer_of(message, sizeof message);
    hf_server_hello_write(&w, &hello);
    unit_of_message(&u, message, w.len);
    gate13_pass(&g, &u);
    refused13(&g, alert, what);
    cr_assert_eq(p.client.n_resumed, 0);
    close13(&p, &g);
    no_keys(keys, client.offer);
}

static void second_identity(hf_server_hello *h)
{
    h->ext.psk_selected = 1;
}
static void unasked(hf_server_hello *h)
{
    h->ext.present |= HF_EXT_BIT(HF_EXT_PRE_SHARED_KEY);
}
static void other_hash(hf_server_hello *h)
{
    h->cipher_suite = 0x1302;
}
static void no_share(hf_server_hello *h)
{
    drop13(&h->ext, HF_EXT_KEY_SHARE);
}

Test(resume_hostile, answers)
{
    answer(second_identity, true, HF_ALERT_ILLEGAL_PARAMETER, "an identity that was not offered");
    answer(unasked, false, HF_ALERT_UNSUPPORTED_EXTENSION, "a PSK that was not offered");
    answer(other_hash, true, HF_ALERT_ILLEGAL_PARAMETER, "a suite of another hash than the PSK");
    answer(no_share, true, HF_ALERT_MISSING_EXTENSION, "a PSK without (EC)DHE");
}

/* A ticket that somebody else saw is nothing without its secret. */
Test(resume_hostile, a_client_without_the_secret)
{
    hf_ticket_keys *keys = resume_keys();
    side client = resume_client(true), server = resume_server(true, keys);
    pair p = {0};
    hf_session *session = resume_first(&client, &server), *stolen;
    hf_session_state s = session->state;
    static const uint8_t other[32] = {1};
    s.secret.ptr = other;
    cr_assert_eq(hf_session_new(resume_env(), &s, &stolen), HF_OK);
    client.offer = stolen;
    world_run(&p, &client, &server);
    assert_refused(&p, &p.server, HF_ALERT_DECRYPT_ERROR);
    pair_cleanup(&p);
    hf_session_free(stolen);
    no_keys(keys, session);
}

/* Tickets that a client does not keep. */
Test(resume_hostile, tickets_for_a_client)
{
    static const struct {
        const char *body;
        size_t len;
        size_t given;
        uint32_t lifetime;
    } cases[] = {
        {"\0\0\0\1age!\1n\0\1t\0\0", 15, 1, 1},
        {"\0\0\0\0age!\1n\0\1t\0\0", 15, 0, 0},
        {"\0\11\x3a\x80"
         "age!\1n\0\1t\0\0",
         15, 1, HF_LIMIT_SESSION_AGE},
        {"\xff\xff\xff\xff"
         "age!\1n\0\1t\0\0",
         15, 1, HF_LIMIT_SESSION_AGE},
        {"\0\0\0\1age!\0\0\1t\0\0", 14, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        side client = resume_client(true), server = resume_server(true, NULL);
        pair p;
        gate13 g;
        connect13(&p, &g, &client, &server, false);
        gate13_put_message(&g, HF_MSG_NEW_SESSION_TICKET, cases[i].body, cases[i].len);
        lives13(&g, "ticket");
        cr_assert_eq(p.client.n_given, cases[i].given, "%zu", i);
        if (cases[i].given) {
            hf_session_info info;
            hf_session_get_info(p.client.sessions[0], &info);
            cr_assert_eq(info.lifetime_s, cases[i].lifetime, "%zu: %u", i, info.lifetime_s);
        }
        for (size_t n = 0; n < 2 * HF_LIMIT_TICKETS_TAKEN; n++)
            gate13_put_message(&g, HF_MSG_NEW_SESSION_TICKET, cases[0].body, cases[0].len);
        lives13(&g, "more than we take");
        cr_assert_eq(p.client.n_given, HF_LIMIT_TICKETS_TAKEN);
        close13(&p, &g);
    }
}
