/* Counters of the loops as text; the building of that text. See metrics_text.h. */
#include "metrics_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void hf_text_add(hf_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = text->bad ? -1 : vsnprintf(text->data + text->len, text->max - text->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= text->max - text->len)
        text->bad = true;
    else
        text->len += (size_t)n;
}

void hf_text_metric(hf_text *text, const char *name, const char *type, const char *help)
{
    hf_text_add(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void hf_text_label(hf_text *text, const char *value)
{
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            hf_text_add(text, "\\%c", *value);
        else
            hf_text_add(text, "%c", *value >= 0x20 && *value < 0x7f ? *value : '?');
    }
}

static uint64_t value_of(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static const char *local_reason(unsigned status)
{
    static const char *const names[] = {
        [HF_ERR_NO_MEMORY] = "no_memory",
        [HF_ERR_RANDOM] = "random",
        [HF_ERR_INVALID] = "invalid",
        [HF_ERR_STATE] = "state",
        [HF_ERR_UNSUPPORTED] = "unsupported",
        [HF_ERR_LIMIT] = "limit",
        [HF_ERR_BUFFER] = "buffer",
        [HF_ERR_CRYPTO] = "crypto",
        [HF_ERR_SELF_TEST] = "self_test",
        [HF_ERR_VERIFY] = "verify",
        [HF_ERR_DECODE] = "decode",
        [HF_ERR_TRUNCATED] = "peer_left",
        [HF_ERR_CLOSED] = "closed",
        [HF_ERR_STALE] = "stale",
        [HF_ERR_TIMEOUT] = "timeout",
        [HF_ERR_CANCELED] = "canceled",
        [HF_ERR_IO] = "io",
        [HF_ERR_NOT_FOUND] = "not_found",
        [HF_ERR_AMBIGUOUS] = "ambiguous",
        [HF_ERR_MODULE] = "module",
        [HF_ERR_TOKEN_ABSENT] = "token_absent",
        [HF_ERR_TOKEN] = "token",
        [HF_ERR_PIN_INCORRECT] = "pin_incorrect",
        [HF_ERR_PIN_LOCKED] = "pin_locked",
        [HF_ERR_PIN_SOURCE] = "pin_source",
        [HF_ERR_KEY_UNSAFE] = "key_unsafe",
        [HF_ERR_KEY_MISMATCH] = "key_mismatch",
        [HF_ERR_KEY_UNUSABLE] = "key_unusable",
        [HF_ERR_BUSY] = "key_busy",
    };
    const char *name = status < sizeof names / sizeof names[0] ? names[status] : NULL;
    return name ? name : "other";
}

static void failures(hf_text *text, hf_counts *sum)
{
    static const char name[] = "handfast_handshake_failures_total";
    hf_text_metric(text, name, "counter",
                   "Handshakes that failed, by the alert that was sent or received, or by what went wrong here.");
    for (unsigned status = 1; status <= HF_STATUS_MAX; status++) {
        uint64_t n = value_of(&sum->failures[status]);
        if (n == 0)
            continue;
        bool sent = hf_status_is_send((hf_status)status), got = hf_status_is_got((hf_status)status);
        hf_text_add(text, "%s{side=\"%s\",reason=\"%s\"} %" PRIu64 "\n", name,
                    sent  ? "alert_sent"
                    : got ? "alert_received"
                          : "local",
                    sent || got ? hf_alert_name(status & 0xff) : local_reason(status), n);
    }
}

static void records(hf_text *text, const hf_crypto *crypto, hf_counts *sum)
{
    static const struct {
        const char *name, *help;
    } metrics[] = {{"handfast_records_total", "TLS records sealed and opened (half a second old at most)."},
                   {"handfast_record_bytes_total", "Bytes of content in them."}};
    for (size_t m = 0; m < 2; m++) {
        hf_text_metric(text, metrics[m].name, "counter", metrics[m].help);
        for (size_t i = 0; i < HF_CIPHER_COUNT; i++) {
            if (!crypto->ciphers[i])
                continue;
            for (int direction = 0; direction < 2; direction++)
                hf_text_add(text, "%s{cipher=\"%s\",provider=\"%s\",direction=\"%s\"} %" PRIu64 "\n", metrics[m].name,
                            hf_cipher_spec_of((hf_cipher_id)i)->name, crypto->ciphers[i]->provider->name,
                            direction == HF_SEAL ? "seal" : "open",
                            value_of(m == 0 ? &sum->records[i][direction] : &sum->bytes[i][direction]));
        }
    }
}

void hf_metrics_counts(hf_text *text, const hf_crypto *crypto, hf_counts *sum)
{
    hf_text_metric(text, "handfast_connections_total", "counter", "Connections accepted.");
    hf_text_add(text, "handfast_connections_total %" PRIu64 "\n", value_of(&sum->accepted));
    hf_text_metric(text, "handfast_handshakes_total", "counter", "Handshakes completed.");
    for (int version = 0; version < HF_COUNT_VERSIONS; version++)
        for (int resumed = 0; resumed < 2; resumed++)
            hf_text_add(text, "handfast_handshakes_total{version=\"%s\",resumed=\"%s\"} %" PRIu64 "\n",
                        version == HF_COUNT_TLS13 ? "1.3" : "1.2", resumed ? "yes" : "no",
                        value_of(&sum->handshakes[version][resumed]));
    failures(text, sum);
    records(text, crypto, sum);
}
