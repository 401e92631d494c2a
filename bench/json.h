/* Writes JSON (RFC 8259) to a stream. Keys are NULL inside of arrays. Numbers that JSON cannot say become null. */
#ifndef HF_BENCH_JSON_H
#define HF_BENCH_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct hf_json {
    FILE *file;
    unsigned depth;
    bool first; /* nothing stands yet in the innermost object or array */
} hf_json;

void hf_json_open_object(hf_json *json, const char *key);
void hf_json_close_object(hf_json *json);
void hf_json_open_array(hf_json *json, const char *key);
void hf_json_close_array(hf_json *json);
void hf_json_text(hf_json *json, const char *key, const char *value);
void hf_json_number(hf_json *json, const char *key, double value);
void hf_json_integer(hf_json *json, const char *key, uint64_t value);
void hf_json_bool(hf_json *json, const char *key, bool value);

#endif
