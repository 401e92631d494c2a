/* Writes JSON; see json.h. */
#include "json.h"

#include <inttypes.h>
#include <math.h>

static void write_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < 0x20)
            fprintf(file, "\\u%04x", c);
        else
            fputc(c, file);
    }
    fputc('"', file);
}

/* Comma, new line and key: what stands before every value. Objects in arrays, our rows, take one line each. */
static void begin(hf_json *json, const char *key)
{
    if (!json->first)
        fputc(',', json->file);
    if (json->depth == 1 || (json->depth == 2 && !key))
        fputc('\n', json->file);
    else if (!json->first)
        fputc(' ', json->file);
    json->first = false;
    if (key) {
        write_string(json->file, key);
        fputs(": ", json->file);
    }
}

static void open_with(hf_json *json, const char *key, char bracket)
{
    if (json->depth > 0)
        begin(json, key);
    fputc(bracket, json->file);
    json->depth++;
    json->first = true;
}

static void close_with(hf_json *json, char bracket)
{
    json->depth--;
    json->first = false;
    fputc(bracket, json->file);
    if (json->depth == 0)
        fputc('\n', json->file);
}

void hf_json_open_object(hf_json *json, const char *key)
{
    open_with(json, key, '{');
}

void hf_json_close_object(hf_json *json)
{
    close_with(json, '}');
}

void hf_json_open_array(hf_json *json, const char *key)
{
    open_with(json, key, '[');
}

void hf_json_close_array(hf_json *json)
{
    close_with(json, ']');
}

void hf_json_text(hf_json *json, const char *key, const char *value)
{
    begin(json, key);
    if (value)
        write_string(json->file, value);
    else
        fputs("null", json->file);
}

void hf_json_number(hf_json *json, const char *key, double value)
{
    begin(json, key);
    if (isfinite(value))
        fprintf(json->file, "%.6g", value);
    else
        fputs("null", json->file);
}

void hf_json_integer(hf_json *json, const char *key, uint64_t value)
{
    begin(json, key);
    fprintf(json->file, "%" PRIu64, value);
}

void hf_json_bool(hf_json *json, const char *key, bool value)
{
    begin(json, key);
    fputs(value ? "true" : "false", json->file);
}
