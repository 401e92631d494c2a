/* An HTTP/1.1 response as it comes in. See http_response.h. */
#include "http_response.h"

#include <string.h>
#include <strings.h>

void hf_response_init(hf_response *response, bool (*body)(void *arg, const uint8_t *data, size_t len), void *arg)
{
    memset(response, 0, sizeof *response);
    response->body = body;
    response->arg = arg;
}

static bool parse_number(const char *text, unsigned base, const char *enders, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0;
    for (;; i++) {
        unsigned digit;
        if (text[i] >= '0' && text[i] <= '9')
            digit = (unsigned)(text[i] - '0');
        else if (base == 16 && (text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'f')
            digit = (unsigned)((text[i] | 0x20) - 'a') + 10;
        else
            break;
        if (value > (UINT64_MAX >> 5))
            return false;
        value = value * base + digit;
    }
    *out = value;
    return i > 0 && (!text[i] || strchr(enders, text[i]));
}

static hf_response_state take_status(hf_response *r)
{
    uint64_t status = 0;
    if (strncmp(r->line, "HTTP/1.", 7) != 0 || !r->line[7] || r->line[8] != ' ' ||
        !parse_number(r->line + 9, 10, " ", &status) || status < 100 || status > 999)
        return HF_RESPONSE_BAD;
    r->status = (unsigned)status;
    r->chunked = r->has_length = false;
    return HF_RESPONSE_FIELDS;
}

static hf_response_state after_head(hf_response *r)
{
    if (r->status < 200) {
        r->head_len = 0;
        return HF_RESPONSE_STATUS; /* 100 Continue and the like */
    }
    if (r->status == 204 || r->status == 304)
        return HF_RESPONSE_DONE;
    if (r->chunked)
        return HF_RESPONSE_CHUNK_SIZE;
    if (!r->has_length)
        return HF_RESPONSE_TO_END;
    r->left = r->length;
    return r->left ? HF_RESPONSE_LENGTH : HF_RESPONSE_DONE;
}

static hf_response_state take_field(hf_response *r)
{
    if (!r->line[0])
        return after_head(r);
    char *colon = strchr(r->line, ':');
    if (!colon)
        return HF_RESPONSE_BAD;
    *colon = 0;
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    if (strcasecmp(r->line, "transfer-encoding") == 0) {
        if (strcasecmp(value, "chunked") != 0)
            return HF_RESPONSE_BAD; /* we asked for nothing else */
        r->chunked = true;
    } else if (strcasecmp(r->line, "content-length") == 0) {
        uint64_t length;
        if (!parse_number(value, 10, " \t", &length) || (r->has_length && length != r->length))
            return HF_RESPONSE_BAD;
        r->has_length = true;
        r->length = length;
    }
    return HF_RESPONSE_FIELDS;
}

static hf_response_state take_line(hf_response *r)
{
    switch (r->state) {
    case HF_RESPONSE_STATUS:
        return take_status(r);
    case HF_RESPONSE_FIELDS:
        return take_field(r);
    case HF_RESPONSE_CHUNK_SIZE:
        if (!parse_number(r->line, 16, "; \t", &r->left))
            return HF_RESPONSE_BAD;
        r->head_len = 0;
        return r->left ? HF_RESPONSE_CHUNK : HF_RESPONSE_TRAILER;
    case HF_RESPONSE_CHUNK_END:
        return r->line[0] ? HF_RESPONSE_BAD : HF_RESPONSE_CHUNK_SIZE;
    case HF_RESPONSE_TRAILER:
        return r->line[0] ? HF_RESPONSE_TRAILER : HF_RESPONSE_DONE;
    default:
        return HF_RESPONSE_BAD;
    }
}

static void take_byte(hf_response *r, uint8_t byte)
{
    if (++r->head_len > HF_RESPONSE_HEAD_MAX || r->line_len + 1 >= sizeof r->line || !byte) {
        r->state = HF_RESPONSE_BAD;
        return;
    }
    if (byte != '\n') {
        r->line[r->line_len++] = (char)byte;
        return;
    }
    if (r->line_len && r->line[r->line_len - 1] == '\r')
        r->line_len--;
    r->line[r->line_len] = 0;
    r->line_len = 0;
    r->state = take_line(r);
}

static size_t take_body(hf_response *r, const uint8_t *data, size_t len)
{
    size_t n = r->state != HF_RESPONSE_TO_END && len > r->left ? (size_t)r->left : len;
    if (!r->body(r->arg, data, n)) {
        r->state = HF_RESPONSE_BAD;
        return n;
    }
    if (r->state == HF_RESPONSE_TO_END)
        return n;
    r->left -= n;
    if (r->left == 0)
        r->state = r->state == HF_RESPONSE_CHUNK ? HF_RESPONSE_CHUNK_END : HF_RESPONSE_DONE;
    return n;
}

void hf_response_take(hf_response *r, const uint8_t *data, size_t len)
{
    size_t at = 0;
    while (at < len && r->state != HF_RESPONSE_DONE && r->state != HF_RESPONSE_BAD) {
        if (r->state == HF_RESPONSE_LENGTH || r->state == HF_RESPONSE_CHUNK || r->state == HF_RESPONSE_TO_END)
            at += take_body(r, data + at, len - at);
        else
            take_byte(r, data[at++]);
    }
}

bool hf_response_end(hf_response *r)
{
    if (r->state == HF_RESPONSE_TO_END)
        r->state = HF_RESPONSE_DONE;
    return r->state == HF_RESPONSE_DONE;
}
