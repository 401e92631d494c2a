/* Which of the ten steps an event belongs to, and what the steps are called.
 *
 * TLS 1.2 (RFC 5246 section 7.3) goes through them in order. TLS 1.3 (RFC 8446 section 2) has all ten but not in that
 * order: the shares of the secret travel in the hellos (4 at once), the server proves its key by a signature (6) and is
 * done (9) before the client answers (5, 8). */
#include <string.h>

#include "explain.h"

static const char *const headings12[HF_EXPLAIN_STEPS + 1] = {
    "",
    "the client says hello: version, cipher settings, random",
    "the server answers: hello, certificate, and a certificate request when it needs one",
    "the client authenticates the server, or refuses",
    "the client sends its share of the premaster secret",
    "the client's own certificate, and its signature over the handshake",
    "the server authenticates the client; both derive the master secret",
    "both derive the session keys",
    "the client changes to the new keys and sends Finished",
    "the server changes to the new keys and sends Finished",
    "application data flows under the session keys",
};

static const char *const headings13[HF_EXPLAIN_STEPS + 1] = {
    "",
    "the client says hello: version, cipher settings, random, and its ephemeral share",
    "the server answers: hello with its own ephemeral share, or which share it wants",
    "the server's certificate, encrypted already; the client authenticates it, or refuses",
    "the client sent its share of the secret already in its hello: both have agreed, the handshake goes on encrypted",
    "the client's own certificate, and its signature over the handshake; the server authenticates it",
    "the server proves that it has the private key: its signature over the handshake",
    "both derive the session keys",
    "the client sends Finished and changes to the session keys",
    "the server sends Finished and changes to the session keys",
    "application data flows under the session keys",
};

/* HandshakeType, RFC 5246 section 7.4 and RFC 8446 section 4. */
enum {
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    NEW_SESSION_TICKET = 4,
    ENCRYPTED_EXTENSIONS = 8,
    CERTIFICATE = 11,
    SERVER_KEY_EXCHANGE = 12,
    CERTIFICATE_REQUEST = 13,
    SERVER_HELLO_DONE = 14,
    CERTIFICATE_VERIFY = 15,
    CLIENT_KEY_EXCHANGE = 16,
    FINISHED = 20,
    KEY_UPDATE = 24
};

const char *hf_explain_heading(unsigned step, hf_exchange exchange)
{
    return exchange == HF_EXCHANGE_TLS13 ? headings13[step] : headings12[step];
}

/* ---- TLS 1.2 ---- */

static unsigned message_step12(unsigned message, bool from_client)
{
    switch (message) {
    case CLIENT_HELLO:
        return 1;
    case SERVER_HELLO:
    case SERVER_KEY_EXCHANGE:
    case CERTIFICATE_REQUEST:
    case SERVER_HELLO_DONE:
        return 2;
    case CERTIFICATE:
    case CERTIFICATE_VERIFY:
        return from_client ? 5 : 2;
    case CLIENT_KEY_EXCHANGE:
        return 4;
    case FINISHED:
    case HF_MESSAGE_CHANGE_CIPHER_SPEC:
        return from_client ? 8 : 9;
    case NEW_SESSION_TICKET:
        return 9;
    default:
        return 0;
    }
}

static unsigned secret_step12(const char *text, bool client)
{
    if (!text || strstr(text, "wiped"))
        return 0;
    if (strstr(text, "premaster"))
        return client ? 4 : 6;
    if (strstr(text, "master"))
        return 6;
    return strstr(text, "key") ? 7 : 0;
}

static unsigned step12(const hf_event *event, bool client, bool rsa)
{
    switch (event->kind) {
    case HF_EVENT_SENT:
        return message_step12(event->message, client);
    case HF_EVENT_RECEIVED:
        return message_step12(event->message, !client);
    case HF_EVENT_CHOSE:
        return 2;
    case HF_EVENT_VERIFIED:
    case HF_EVENT_UNVERIFIED:
        return client ? 3 : 6;
    case HF_EVENT_KEY_STARTED:
    case HF_EVENT_KEY_DONE:
        return client ? 5 : rsa ? 6 : 2;
    case HF_EVENT_SECRET:
        return secret_step12(event->text, client);
    case HF_EVENT_CONNECTED:
        return 10;
    default:
        return 0;
    }
}

/* ---- TLS 1.3 ---- */

static unsigned message_step13(unsigned message, bool from_client)
{
    switch (message) {
    case CLIENT_HELLO:
        return 1;
    case SERVER_HELLO:
        return 2;
    case ENCRYPTED_EXTENSIONS:
    case CERTIFICATE_REQUEST:
        return 3;
    case CERTIFICATE:
        return from_client ? 5 : 3;
    case CERTIFICATE_VERIFY:
        return from_client ? 5 : 6;
    case FINISHED:
        return from_client ? 8 : 9;
    case NEW_SESSION_TICKET:
    case KEY_UPDATE:
        return 10;
    default: /* a ChangeCipherSpec changes nothing: it is for middleboxes */
        return 0;
    }
}

/* The server agrees before its hello leaves, the client after it came. */
static unsigned secret_step13(const char *text, bool client)
{
    if (!text || strstr(text, "wiped"))
        return 0;
    if (strstr(text, "agreed"))
        return client ? 4 : 2;
    if (strstr(text, "handshake keys"))
        return 4;
    return strstr(text, "traffic") ? 7 : 0;
}

static unsigned step13(const hf_event *event, bool client)
{
    switch (event->kind) {
    case HF_EVENT_SENT:
        return message_step13(event->message, client);
    case HF_EVENT_RECEIVED:
        return message_step13(event->message, !client);
    case HF_EVENT_CHOSE:
        return client ? 0 : 2; /* the last of it comes to the client with EncryptedExtensions */
    case HF_EVENT_VERIFIED:
    case HF_EVENT_UNVERIFIED:
        return client ? 3 : 5;
    case HF_EVENT_KEY_STARTED:
    case HF_EVENT_KEY_DONE:
        return client ? 5 : 6;
    case HF_EVENT_SECRET:
        return secret_step13(event->text, client);
    case HF_EVENT_CONNECTED:
        return 10;
    default:
        return 0;
    }
}

unsigned hf_explain_step(hf_role role, const hf_event *event, hf_exchange exchange)
{
    bool client = role == HF_ROLE_CLIENT;
    return exchange == HF_EXCHANGE_TLS13 ? step13(event, client) : step12(event, client, exchange == HF_EXCHANGE_RSA);
}
