/* One JSON object on one line (RFC 8259), written into a buffer of the caller's; an error sticks. */
#ifndef HANDFAST_APPS_JSON_LINE_H
#define HANDFAST_APPS_JSON_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hf_json {
    char *data;
    size_t len, max;
    bool bad, members;
} hf_json;

void hf_json_start(hf_json *json, char *data, size_t max);
/* A member whose value is text of at most text_max bytes up to its NUL. What is no UTF-8 becomes U+FFFD. NULL: "". */
void hf_json_text(hf_json *json, const char *name, const char *text, size_t text_max);
void hf_json_number(hf_json *json, const char *name, uint64_t value);
void hf_json_hex(hf_json *json, const char *name, const uint8_t *data, size_t len);
/* A member whose value is the time in UTC with microseconds (RFC 3339). */
void hf_json_time(hf_json *json, const char *name, uint64_t us_since_1970);
/* Closes the object. Its length (no NUL is written); 0 when it did not fit. */
size_t hf_json_end(hf_json *json);

#endif
