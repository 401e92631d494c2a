/* The text that the metrics endpoint gives (Prometheus exposition format 0.0.4). */
#ifndef HANDFAST_APPS_METRICS_TEXT_H
#define HANDFAST_APPS_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counts.h"
#include "handfast/hsm.h"
#include "key_watch.h"

/* A buffer of the caller's; what does not fit makes it bad. */
typedef struct hf_text {
    char *data;
    size_t len, max;
    bool bad;
} hf_text;

void hf_text_add(hf_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The two lines before a metric. type: "counter", "gauge", "histogram". */
void hf_text_metric(hf_text *text, const char *name, const char *type, const char *help);
/* A label's value with its escapes; everything but printable ASCII becomes '?'. */
void hf_text_label(hf_text *text, const char *value);

/* What all loops counted together; crypto tells which provider runs a cipher. */
void hf_metrics_counts(hf_text *text, const hf_crypto *crypto, hf_counts *sum);
/* The tokens of the watched keys, and the audit file. *out_serving: how many of the keys can serve now. */
void hf_metrics_keys(hf_text *text, hf_key_watch *watch, unsigned *out_serving);
/* Handshakes that this process refused for its keys' sake: told by the one that serves, which is not always the one
 * that has the keys. */
void hf_metrics_refused(hf_text *text, uint64_t n);

#endif
