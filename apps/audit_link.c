/* What the chain needs to know of one line of an audit file. Pure. See audit.h. */
#include <openssl/evp.h>
#include <string.h>

#include "audit.h"

bool hf_audit_hash(const char *line, size_t len, uint8_t out[HF_AUDIT_HASH])
{
    return EVP_Digest(line, len, out, NULL, EVP_sha256(), NULL) == 1;
}

typedef struct cursor {
    const char *at, *end;
} cursor;

static bool skip(cursor *in, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, text, len) != 0)
        return false;
    in->at += len;
    return true;
}

static bool take_number(cursor *in, uint64_t *out)
{
    const char *start = in->at;
    uint64_t value = 0;
    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
        unsigned digit = (unsigned)(*in->at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return in->at > start;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hash(cursor *in, uint8_t out[HF_AUDIT_HASH])
{
    if (in->end - in->at < 2 * HF_AUDIT_HASH)
        return false;
    for (size_t i = 0; i < HF_AUDIT_HASH; i++) {
        int high = digit_of(in->at[2 * i]), low = digit_of(in->at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    in->at += 2 * HF_AUDIT_HASH;
    return true;
}

static bool take_time(cursor *in, char *out, size_t max)
{
    size_t len = 0;
    while (in->at + len < in->end && in->at[len] != '"')
        len++;
    if (len == 0 || len >= max)
        return false;
    memcpy(out, in->at, len);
    out[len] = 0;
    in->at += len;
    return true;
}

bool hf_audit_link_read(const char *line, size_t len, hf_audit_link *out)
{
    cursor in = {.at = line, .end = line + len};
    hf_audit_link link = {.seq = 0};
    memset(out, 0, sizeof *out);
    /* Written by hf_audit in just this form, so nothing of JSON's freedom is needed. */
    if (!skip(&in, "{\"seq\":") || !take_number(&in, &link.seq) || link.seq == 0 || !skip(&in, ",\"prev\":\"") ||
        !take_hash(&in, link.prev) || !skip(&in, "\",\"time\":\"") || !take_time(&in, link.time, sizeof link.time) ||
        line[len - 1] != '}')
        return false;
    if (skip(&in, "\",\"event\":\"missing\",\"uses\":") && !take_number(&in, &link.missing))
        return false;
    *out = link;
    return true;
}
