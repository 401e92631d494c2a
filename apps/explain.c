/* The handshake told in ten steps, as it happens: what was sent, what was chosen, where each secret was made. */
#include "explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define SERVER_HELLO 2 /* HandshakeType, RFC 8446 section 4 */

struct hf_explain {
    hf_role role;
    char who[HF_EXPLAIN_WHO_MAX];
    const hf_crypto *crypto;
    unsigned step;    /* the heading that was printed last */
    bool held;        /* a ServerHello came whose version, so its heading, is told with the next event */
    size_t held_size; /* its bytes */
};

hf_explain *hf_explain_new(hf_role role, const char *who, const hf_crypto *crypto)
{
    hf_explain *explain = calloc(1, sizeof *explain);
    if (!explain)
        return NULL;
    explain->role = role;
    (void)snprintf(explain->who, sizeof explain->who, "%s", who);
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
    if (info->resumed)
        snprintf(exchange, sizeof exchange, "the secret of an earlier session");
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
        [HF_EVENT_RESUMED] = "resumed: the session of an earlier connection goes on",
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

static hf_exchange exchange_of(const hf_conn_info *info)
{
    if (info->version == HF_TLS13)
        return HF_EXCHANGE_TLS13;
    return info->suite != 0 && info->group == 0 && !info->resumed ? HF_EXCHANGE_RSA : HF_EXCHANGE_ECDHE;
}

static void tell(hf_explain *explain, const hf_event *event, const hf_conn_info *info, hf_exchange exchange)
{
    unsigned step = hf_explain_step(explain->role, event, exchange);
    if (step && step != explain->step) {
        char heading[HF_LINE_MAX];
        snprintf(heading, sizeof heading, "(%u) %s", step, hf_explain_heading(step, exchange));
        put(explain, "", heading);
        explain->step = step;
    }
    put_event(explain, event, info);
}

void hf_explain_event(hf_explain *explain, hf_conn *conn, const hf_event *event)
{
    hf_conn_info info;
    hf_conn_get_info(conn, &info);
    if (explain->held) {
        hf_event hello = {HF_EVENT_RECEIVED, SERVER_HELLO, explain->held_size, ""};
        explain->held = false;
        /* Without a version it was a HelloRetryRequest, of TLS 1.3, or nothing that we understood. */
        tell(explain, &hello, &info, info.version ? exchange_of(&info) : HF_EXCHANGE_TLS13);
    }
    if (event->kind == HF_EVENT_RECEIVED && event->message == SERVER_HELLO) {
        explain->held = true;
        explain->held_size = event->size;
        return;
    }
    tell(explain, event, &info, exchange_of(&info));
}
