/* One JSON object on one line. See json_line.h. */
#include "json_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void put(hf_json *json, const char *data, size_t len)
{
    if (json->bad || len > json->max - json->len) {
        json->bad = true;
        return;
    }
    memcpy(json->data + json->len, data, len);
    json->len += len;
}

static void put_text(hf_json *json, const char *text)
{
    put(json, text, strlen(text));
}

void hf_json_start(hf_json *json, char *data, size_t max)
{
    *json = (hf_json){.data = data, .max = max};
    put_text(json, "{");
}

static void put_name(hf_json *json, const char *name)
{
    put_text(json, json->members ? ",\"" : "\"");
    put_text(json, name); /* ours: nothing to escape */
    put_text(json, "\":");
    json->members = true;
}

/* Length of the character that starts at s (RFC 3629: shortest form, no surrogates); 0: it is none. */
static size_t utf8_length(const uint8_t *s, size_t left)
{
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t n = 1; n <= 4 && n <= left; n++) {
        if ((s[0] & forms[n - 1].mask) != forms[n - 1].lead)
            continue;
        uint32_t value = s[0] & (uint8_t)~forms[n - 1].mask;
        for (size_t i = 1; i < n; i++) {
            if ((s[i] & 0xc0) != 0x80)
                return 0;
            value = value << 6 | (s[i] & 0x3f);
        }
        bool good = value >= forms[n - 1].least && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
        return good ? n : 0;
    }
    return 0;
}

void hf_json_text(hf_json *json, const char *name, const char *text, size_t text_max)
{
    size_t len = text ? strnlen(text, text_max) : 0;
    put_name(json, name);
    put_text(json, "\"");
    for (size_t i = 0; i < len;) {
        const uint8_t c = (uint8_t)text[i];
        size_t n = utf8_length((const uint8_t *)text + i, len - i);
        char escape[8];
        if (n == 0) {
            put_text(json, "\\ufffd");
            n = 1;
        } else if (c == '"' || c == '\\') {
            put(json, (const char[]){'\\', (char)c}, 2);
        } else if (c < 0x20 || c == 0x7f) {
            snprintf(escape, sizeof escape, "\\u%04x", c);
            put_text(json, escape);
        } else {
            put(json, text + i, n);
        }
        i += n;
    }
    put_text(json, "\"");
}

void hf_json_number(hf_json *json, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    put_name(json, name);
    put_text(json, text);
}

void hf_json_hex(hf_json *json, const char *name, const uint8_t *data, size_t len)
{
    char digits[3];
    put_name(json, name);
    put_text(json, "\"");
    for (size_t i = 0; i < len; i++) {
        snprintf(digits, sizeof digits, "%02x", data[i]);
        put_text(json, digits);
    }
    put_text(json, "\"");
}

void hf_json_time(hf_json *json, const char *name, uint64_t us_since_1970)
{
    time_t seconds = (time_t)(us_since_1970 / 1000000);
    struct tm parts;
    char text[64];
    if (!gmtime_r(&seconds, &parts)) {
        json->bad = true;
        return;
    }
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", parts.tm_year + 1900, parts.tm_mon + 1,
             parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (unsigned)(us_since_1970 % 1000000));
    hf_json_text(json, name, text, sizeof text);
}

size_t hf_json_end(hf_json *json)
{
    put_text(json, "}");
    return json->bad ? 0 : json->len;
}
