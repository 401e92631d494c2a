/* TLS 1.3: every handshake message, application data and ChangeCipherSpec at every point of a handshake where it may
 * not stand, rightly protected: unexpected_message (RFC 8446 sections 4, 5 and 6.2), for both machines. */
#include "engine13_peer.h"

TestSuite(order13, .timeout = 300);

#define APPLICATION_DATA 0x300u
#define EMPTY_DATA 0x301u
static const unsigned injected[] = {HF_MSG_HELLO_REQUEST,
                                    HF_MSG_CLIENT_HELLO,
                                    HF_MSG_SERVER_HELLO,
                                    HF_MSG_NEW_SESSION_TICKET,
                                    HF_MSG_END_OF_EARLY_DATA,
                                    HF_MSG_ENCRYPTED_EXTENSIONS,
                                    HF_MSG_CERTIFICATE,
                                    HF_MSG_SERVER_KEY_EXCHANGE,
                                    HF_MSG_CERTIFICATE_REQUEST,
                                    HF_MSG_SERVER_HELLO_DONE,
                                    HF_MSG_CERTIFICATE_VERIFY,
                                    HF_MSG_CLIENT_KEY_EXCHANGE,
                                    HF_MSG_FINISHED,
                                    HF_MSG_KEY_UPDATE,
                                    HF_MSG_MESSAGE_HASH,
                                    99,
                                    HF_MESSAGE_CHANGE_CIPHER_SPEC,
                                    APPLICATION_DATA,
                                    EMPTY_DATA};
#define N_INJECTED (sizeof injected / sizeof injected[0])

static void inject(gate13 *g, unsigned message)
{
    if (message == HF_MESSAGE_CHANGE_CIPHER_SPEC)
        gate13_put_plain(g, HF_CONTENT_CHANGE_CIPHER_SPEC, "\1", 1);
    else if (message == APPLICATION_DATA)
        gate13_put(g, HF_CONTENT_APPLICATION_DATA, "early", 5);
    else if (message == EMPTY_DATA)
        gate13_put(g, HF_CONTENT_APPLICATION_DATA, "", 0);
    else
        gate13_put_message(g, (uint8_t)message, "body",
                           message == HF_MSG_HELLO_REQUEST || message == HF_MSG_END_OF_EARLY_DATA ? 0 : 4);
}

/* Whether it may stand where the honest peer's next message is `next` (0: the handshake is over), its last `last`. */
static bool is_legal(unsigned message, unsigned next, unsigned last, bool at_server)
{
    if (next == 0)
        return message == HF_MSG_KEY_UPDATE || message == APPLICATION_DATA || message == EMPTY_DATA ||
               (!at_server && message == HF_MSG_NEW_SESSION_TICKET);
    if (message == next)
        return true;
    return (message == HF_MSG_CERTIFICATE_REQUEST && next == HF_MSG_CERTIFICATE && !at_server &&
            last != HF_MSG_CERTIFICATE_REQUEST) ||
           (message == HF_MSG_CERTIFICATE && next == HF_MSG_CERTIFICATE_REQUEST);
}

typedef struct kind {
    const char *name;
    side client, server;
} kind;

/* Passes `passed` messages, then injects. false: the handshake has not so many. */
static bool try_at(const kind *k, bool at_server, size_t passed, unsigned message)
{
    pair p;
    gate13 g;
    unit u;
    unsigned last = 0;
    size_t n = 0;
    open13(&p, &g, &k->client, &k->server, at_server);
    bool more;
    while ((more = gate13_next(&g, &u))) {
        bool ccs = u.message == HF_MESSAGE_CHANGE_CIPHER_SPEC;
        if (!ccs && n == passed)
            break;
        gate13_pass(&g, &u);
        last = ccs ? last : u.message;
        n += !ccs;
    }
    lives13(&g, k->name);
    unsigned next = more ? u.message : 0;
    char what[160];
    snprintf(what, sizeof what, "%s, %s: %u after %zu messages", k->name, at_server ? "server" : "client", message, n);
    if (n == passed && !is_legal(message, next, last, at_server)) {
        inject(&g, message);
        bool begun = at_server ? last != 0 : true; /* the first ClientHello was sent or received */
        bool dropped = message == HF_MESSAGE_CHANGE_CIPHER_SPEC && begun && next != 0;
        /* As long as it may be a server of TLS 1.2: RFC 5246 section 7.4.1.1. */
        bool ignored = message == HF_MSG_HELLO_REQUEST && !at_server && last == 0;
        if (dropped || ignored) {
            lives13(&g, what);
            if (more)
                gate13_pass(&g, &u);
            completes13(&g, what);
        } else {
            refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, what);
        }
    }
    close13(&p, &g);
    return n == passed;
}

static void every_message_everywhere(const kind *k, bool at_server, size_t messages)
{
    size_t passed = 0;
    for (bool reached = true; reached; passed += reached)
        for (size_t i = 0; i < N_INJECTED; i++)
            reached = try_at(k, at_server, passed, injected[i]);
    cr_assert_eq(passed, messages + 1, "%zu points", passed);
}

static kind make(const char *name, bool retry, bool asks)
{
    kind k = {name, side13(), side13()};
    if (retry)
        k.server.groups[0] = HF_GROUP_P384;
    if (asks) {
        k.client.cert = world_client("P-256");
        k.server.client_auth = HF_CLIENT_AUTH_REQUIRED;
    }
    return k;
}

/* ClientHello, [ClientHello], [Certificate, CertificateVerify], Finished */
Test(order13, server)
{
    kind k = make("plain", false, false);
    every_message_everywhere(&k, true, 2);
}
Test(order13, server_after_retry)
{
    kind k = make("retry", true, false);
    every_message_everywhere(&k, true, 3);
}
Test(order13, server_with_client_authentication)
{
    kind k = make("retry, client authentication", true, true);
    every_message_everywhere(&k, true, 5);
}

/* [HelloRetryRequest], ServerHello, EncryptedExtensions, [CertificateRequest], Certificate, CertificateVerify,
 * Finished */
Test(order13, client)
{
    kind k = make("plain", false, false);
    every_message_everywhere(&k, false, 5);
}
Test(order13, client_after_retry)
{
    kind k = make("retry", true, false);
    every_message_everywhere(&k, false, 6);
}
Test(order13, client_with_client_authentication)
{
    kind k = make("client authentication", false, true);
    every_message_everywhere(&k, false, 6);
}

/* A session goes on: ClientHello, [ClientHello], Finished; ServerHello, EncryptedExtensions, Finished. */
Test(order13, resumed)
{
    hf_ticket_keys *keys;
    cr_assert_eq(hf_ticket_keys_new(world_env(), world_crypto(), NULL, &keys), HF_OK);
    for (int retry = 0; retry < 2; retry++) {
        kind k = make(retry ? "resumed, retry" : "resumed", retry, false);
        pair p = {0};
        k.client.keep = true;
        k.server.tickets = keys;
        world_run(&p, &k.client, &k.server);
        k.client.offer = pair_take_session(&p);
        cr_assert_not_null(k.client.offer);
        pair_cleanup(&p);
        k.server.n_tickets = -1; /* what may follow is the same as without */
        every_message_everywhere(&k, true, retry ? 3 : 2);
        every_message_everywhere(&k, false, retry ? 4 : 3);
        hf_session_free(k.client.offer);
    }
    hf_ticket_keys_release(keys);
}

/* Leaves one message out: the next one is then unexpected. */
static void skip(const kind *k, bool at_server, unsigned message)
{
    pair p;
    gate13 g;
    unit u;
    open13(&p, &g, &k->client, &k->server, at_server);
    reach13(&g, message, &u);
    cr_assert(gate13_next(&g, &u));
    gate13_pass(&g, &u);
    refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "a message was left out");
    close13(&p, &g);
}

/* Leaves out all from one message on but Finished, which is right for what was sent: CVE-2020-24613. */
static void finish_early(const kind *k, bool at_server, unsigned message)
{
    pair p;
    gate13 g;
    unit u;
    uint8_t verify_data[HF_HASH_SIZE_MAX];
    open13(&p, &g, &k->client, &k->server, at_server);
    reach13(&g, message, &u);
    hf_conn *to = g.to->conn;
    cr_assert_eq(hf_verify_data13(to, (hf_role)!to->role, verify_data), HF_OK);
    gate13_put_message(&g, HF_MSG_FINISHED, verify_data, to->hs->hash->size);
    if (message == HF_MSG_FINISHED)
        cr_assert_eq(hf_conn_status(to), HF_OK, "where it belongs it is right: %s", hf_conn_reason(to));
    else
        refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "Finished too early");
    close13(&p, &g);
}

Test(order13, left_out)
{
    static const uint8_t of_server[] = {HF_MSG_ENCRYPTED_EXTENSIONS, HF_MSG_CERTIFICATE_REQUEST, HF_MSG_CERTIFICATE,
                                        HF_MSG_CERTIFICATE_VERIFY, HF_MSG_FINISHED};
    kind k = make("client authentication", false, true);
    for (size_t i = 0; i < sizeof of_server; i++)
        finish_early(&k, false, of_server[i]);
    for (size_t i = 2; i < sizeof of_server; i++)
        finish_early(&k, true, of_server[i]);
    skip(&k, false, HF_MSG_ENCRYPTED_EXTENSIONS);
    skip(&k, false, HF_MSG_CERTIFICATE);
    skip(&k, false, HF_MSG_CERTIFICATE_VERIFY);
    skip(&k, true, HF_MSG_CERTIFICATE);
    skip(&k, true, HF_MSG_CERTIFICATE_VERIFY);
    k.server.client_auth = HF_CLIENT_AUTH_REQUEST; /* also where the certificate itself may be missing */
    skip(&k, true, HF_MSG_CERTIFICATE_VERIFY);
    finish_early(&k, true, HF_MSG_CERTIFICATE);
    finish_early(&k, true, HF_MSG_CERTIFICATE_VERIFY);
}

/* Sent twice. */
static void twice(const kind *k, bool at_server, unsigned message)
{
    pair p;
    gate13 g;
    unit u;
    open13(&p, &g, &k->client, &k->server, at_server);
    reach13(&g, message, &u);
    gate13_pass(&g, &u);
    lives13(&g, "the first");
    gate13_pass(&g, &u);
    refused13(&g, HF_ALERT_UNEXPECTED_MESSAGE, "the second");
    close13(&p, &g);
}

Test(order13, twice)
{
    static const uint8_t at_client[] = {HF_MSG_ENCRYPTED_EXTENSIONS, HF_MSG_CERTIFICATE_REQUEST, HF_MSG_CERTIFICATE,
                                        HF_MSG_CERTIFICATE_VERIFY};
    kind k = make("client authentication", false, true);
    for (size_t i = 0; i < sizeof at_client; i++)
        twice(&k, false, at_client[i]);
    twice(&k, true, HF_MSG_CERTIFICATE);
    twice(&k, true, HF_MSG_CERTIFICATE_VERIFY);
}

/* Handshake messages may come in pieces of any size, each a record, and all that do not end a key in one. */
Test(order13, messages_in_pieces)
{
    static const size_t pieces[] = {1, 3, 4, 5, 64};
    kind k = make("client authentication", true, true);
    for (size_t at_server = 0; at_server < 2; at_server++)
        for (size_t i = 0; i < 5; i++) {
            pair p;
            gate13 g;
            unit u;
            open13(&p, &g, &k.client, &k.server, at_server);
            while (gate13_next(&g, &u)) {
                size_t at = HF_RECORD_HEADER_SIZE, piece = u.message == HF_MSG_FINISHED ? u.len : pieces[i];
                if (u.bytes[0] != HF_CONTENT_HANDSHAKE || piece > u.len || u.len / piece > 40) {
                    gate13_pass(&g, &u);
                    continue;
                }
                for (; at < u.len; at += piece)
                    gate13_put(&g, HF_CONTENT_HANDSHAKE, u.bytes + at, u.len - at < piece ? u.len - at : piece);
            }
            completes13(&g, "in pieces");
            close13(&p, &g);
        }
}
