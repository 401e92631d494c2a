/* The handshake told in ten steps, as it happens: what was sent, what was chosen, where each secret was made. */
#include "explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define STEPS 10

struct hf_explain {
    hf_role role;
    const char *who;
    const hf_crypto *crypto;
    unsigned step; /* the heading that was printed last */
};

static const char *const headings[STEPS + 1] = {
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
    FINISHED = 20
};

static unsigned message_step(unsigned message, bool from_client)
{
    switch (message) {
    case CLIENT_HELLO:
        return 1;
    case SERVER_HELLO:
    case ENCRYPTED_EXTENSIONS:
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

static unsigned secret_step(const char *text, hf_role role)
{
    if (!text || strstr(text, "wiped"))
        return 0;
    if (strstr(text, "premaster") || strstr(text, "agreed"))
        return role == HF_ROLE_CLIENT ? 4 : 6;
    if (strstr(text, "master"))
        return 6;
    return strstr(text, "key") || strstr(text, "traffic") ? 7 : 0;
}

unsigned hf_explain_step(hf_role role, const hf_event *event, bool rsa_transport)
{
    bool client = role == HF_ROLE_CLIENT;
    switch (event->kind) {
    case HF_EVENT_SENT:
        return message_step(event->message, client);
    case HF_EVENT_RECEIVED:
        return message_step(event->message, !client);
    case HF_EVENT_CHOSE:
        return 2;
    case HF_EVENT_VERIFIED:
    case HF_EVENT_UNVERIFIED:
        return client ? 3 : 6;
    case HF_EVENT_KEY_STARTED:
    case HF_EVENT_KEY_DONE:
        return client ? 5 : rsa_transport ? 6 : 2;
    case HF_EVENT_SECRET:
        return secret_step(event->text, role);
    case HF_EVENT_CONNECTED:
        return 10;
    default:
        return 0;
    }
}

hf_explain *hf_explain_new(hf_role role, const char *who, const hf_crypto *crypto)
{
    hf_explain *explain = calloc(1, sizeof *explain);
    if (!explain)
        return NULL;
    explain->role = role;
    explain->who = who;
    explain->crypto = crypto;
    return explain;
}

void hf_explain_free(hf_explain *explain)
{
    free(explain);
}

static void put(const hf_explain *explain, const char *indent, const char *text)
{
    char clean[HF_LINE_MAX];
    hf_cli_clean(clean, sizeof clean, text);
    fprintf(stderr, "%s%s%s%s\n", explain->who, explain->who[0] ? " " : "", indent, clean);
}

static const char *group_provider(const hf_explain *explain, uint16_t group)
{
    for (size_t i = 0; i < sizeof explain->crypto->groups / sizeof explain->crypto->groups[0]; i++) {
        const hf_group *g = explain->crypto->groups[i];
        if (g && g->id == group)
            return g->provider->name;
    }
    return "unknown";
}

static void put_chosen(const hf_explain *explain, const hf_conn_info *info)
{
    char line[HF_LINE_MAX], exchange[128] = "RSA key transport";
    const char *suite = info->suite ? hf_suite_name(info->suite) : NULL;
    if (info->group)
        snprintf(exchange, sizeof exchange, "%s by %s", hf_group_name(info->group),
                 group_provider(explain, info->group));
    snprintf(line, sizeof line, "chose TLS 1.%d, %s, %s, records: %s by %s%s%s%s%s",
             info->version >= 0x0301 ? info->version - 0x0301 : 0, suite ? suite : "no suite yet", exchange,
             info->cipher ? info->cipher : "unknown", info->record_provider ? info->record_provider : "unknown",
             info->extended_master_secret ? ", extended master secret" : "",
             info->encrypt_then_mac ? ", encrypt-then-MAC" : "", info->server_name ? ", server name " : "",
             info->server_name ? info->server_name : "");
    put(explain, "     ", line);
    if (info->alpn) {
        snprintf(line, sizeof line, "application protocol: %s", info->alpn);
        put(explain, "     ", line);
    }
}

static void put_event(const hf_explain *explain, const hf_event *event, const hf_conn_info *info)
{
    static const char *const words[] = {
        [HF_EVENT_SENT] = "sent",
        [HF_EVENT_RECEIVED] = "received",
        [HF_EVENT_CHOSE] = "chose",
        [HF_EVENT_VERIFIED] = "verified:",
        [HF_EVENT_UNVERIFIED] = "accepted without verification:",
        [HF_EVENT_KEY_STARTED] = "private key asked:",
        [HF_EVENT_KEY_DONE] = "private key answered",
        [HF_EVENT_SECRET] = "secret:",
        [HF_EVENT_CONNECTED] = "connected",
        [HF_EVENT_ALERT_SENT] = "sent the alert",
        [HF_EVENT_ALERT_RECEIVED] = "received the alert",
        [HF_EVENT_CLOSED] = "closed",
    };
    char line[HF_LINE_MAX];
    const char *text = event->text ? event->text : "";
    bool message = event->kind == HF_EVENT_SENT || event->kind == HF_EVENT_RECEIVED;
    if ((size_t)event->kind >= sizeof words / sizeof words[0])
        return;
    if (event->kind == HF_EVENT_CHOSE) {
        put_chosen(explain, info);
        return;
    }
    if (message)
        snprintf(line, sizeof line, "%s %s, %zu bytes%s%s", words[event->kind], hf_message_name(event->message),
                 event->size, text[0] ? ": " : "", text);
    else if (event->kind == HF_EVENT_ALERT_SENT || event->kind == HF_EVENT_ALERT_RECEIVED)
        snprintf(line, sizeof line, "%s %s", words[event->kind], hf_alert_name(event->message));
    else
        snprintf(line, sizeof line, "%s %s", words[event->kind], text);
    put(explain, "     ", line);
}

void hf_explain_key(hf_explain *explain, const hf_key_op *op)
{
    char line[HF_LINE_MAX];
    if (!explain)
        return;
    snprintf(line, sizeof line, "private key in a %s: %s", op->key->where ? op->key->where : "place unknown",
             op->key->label ? op->key->label : "");
    put(explain, "     ", line);
}

void hf_explain_event(hf_explain *explain, hf_conn *conn, const hf_event *event)
{
    hf_conn_info info;
    hf_conn_get_info(conn, &info);
    unsigned step = hf_explain_step(explain->role, event, info.suite != 0 && info.group == 0);
    if (step && step != explain->step) {
        char heading[HF_LINE_MAX];
        snprintf(heading, sizeof heading, "(%u) %s", step, headings[step]);
        put(explain, "", heading);
        explain->step = step;
    }
    put_event(explain, event, &info);
}
