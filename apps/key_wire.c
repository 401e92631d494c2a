/* Messages between the network process and the key process: encode beside decode. See key_wire.h. */
#include "key_wire.h"

#include <string.h>

/* ---- Writing: a cursor whose error sticks ---- */

typedef struct out_cursor {
    uint8_t *data;
    size_t len, max;
    bool bad;
} out_cursor;

static void put_bytes(out_cursor *out, const void *data, size_t len)
{
    if (out->bad || len > out->max - out->len) {
        out->bad = true;
        return;
    }
    if (len)
        memcpy(out->data + out->len, data, len);
    out->len += len;
}

static void put_number(out_cursor *out, uint64_t value, size_t bytes)
{
    uint8_t raw[8];
    for (size_t i = 0; i < bytes; i++)
        raw[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    put_bytes(out, raw, bytes);
}

static void put_text(out_cursor *out, const void *data, size_t len)
{
    out->bad = out->bad || len > UINT16_MAX;
    put_number(out, len, 2);
    put_bytes(out, data, len);
}

static out_cursor start(uint8_t *data, size_t max, hf_wire_type type, uint64_t id)
{
    out_cursor out = {.data = data, .max = max < HF_WIRE_MAX ? max : HF_WIRE_MAX};
    put_number(&out, HF_WIRE_VERSION, 2);
    put_number(&out, type, 2);
    put_number(&out, 0, 4); /* the length, when it is known */
    put_number(&out, id, 8);
    return out;
}

static size_t finish(out_cursor *out)
{
    if (out->bad)
        return 0;
    out_cursor length = {.data = out->data + 4, .max = 4};
    put_number(&length, out->len - HF_WIRE_HEAD, 4);
    return out->len;
}

size_t hf_wire_put_request(uint8_t *data, size_t max, uint64_t id, const hf_wire_request *request)
{
    bool sign = request->kind == HF_KEY_OP_SIGN;
    out_cursor out = start(data, max, sign ? HF_WIRE_SIGN : HF_WIRE_DECRYPT, id);
    put_number(&out, request->key, 4);
    put_number(&out, sign ? request->scheme : request->client_version, 2);
    put_number(&out, request->conn_id, 8);
    if (!sign)
        put_bytes(&out, request->fallback, HF_PREMASTER_SIZE);
    out.bad = out.bad || request->input_len > HF_WIRE_INPUT_MAX;
    put_text(&out, request->input, request->input_len);
    return finish(&out);
}

size_t hf_wire_put_key(uint8_t *data, size_t max, const hf_wire_key *key)
{
    out_cursor out = start(data, max, HF_WIRE_KEY, 0);
    put_number(&out, key->index, 4);
    put_number(&out, key->type, 1);
    put_number(&out, key->bits, 4);
    put_number(&out, key->group, 2);
    put_number(&out, key->can_decrypt, 1);
    for (size_t i = 0; i < HF_KEY_SCHEMES_MAX; i++)
        put_number(&out, key->schemes[i], 2);
    put_text(&out, key->label, key->label_len);
    put_text(&out, key->where, key->where_len);
    put_text(&out, key->spki, key->spki_len);
    return finish(&out);
}

size_t hf_wire_put_body(uint8_t *data, size_t max, hf_wire_type type, uint64_t id, const hf_wire_body *body)
{
    out_cursor out = start(data, max, type, id);
    put_number(&out, body->number, 4);
    put_bytes(&out, body->data, body->len);
    return finish(&out);
}

size_t hf_wire_put_empty(uint8_t *data, size_t max, hf_wire_type type, uint64_t id)
{
    out_cursor out = start(data, max, type, id);
    return finish(&out);
}

/* ---- Reading ---- */

typedef struct in_cursor {
    const uint8_t *at;
    size_t left;
    bool bad;
} in_cursor;

static const uint8_t *take_bytes(in_cursor *in, size_t len)
{
    if (in->bad || len > in->left) {
        in->bad = true;
        return NULL;
    }
    const uint8_t *found = in->at;
    in->at += len;
    in->left -= len;
    return found;
}

static uint64_t take_number(in_cursor *in, size_t bytes)
{
    const uint8_t *raw = take_bytes(in, bytes);
    uint64_t value = 0;
    for (size_t i = 0; raw && i < bytes; i++)
        value = value << 8 | raw[i];
    return value;
}

static const uint8_t *take_text(in_cursor *in, size_t max, size_t *out_len)
{
    size_t len = (size_t)take_number(in, 2);
    in->bad = in->bad || len > max;
    const uint8_t *text = take_bytes(in, len);
    *out_len = text ? len : 0;
    return text;
}

static bool whole(const in_cursor *in)
{
    return !in->bad && in->left == 0;
}

bool hf_wire_head_read(const uint8_t *data, size_t len, hf_wire_head *out)
{
    in_cursor in = {.at = data, .left = len};
    uint64_t version = take_number(&in, 2), type = take_number(&in, 2), body_len = take_number(&in, 4),
             id = take_number(&in, 8);
    memset(out, 0, sizeof *out);
    if (in.bad || version != HF_WIRE_VERSION || body_len != in.left || len > HF_WIRE_MAX ||
        !((type >= HF_WIRE_SIGN && type <= HF_WIRE_TICKET) || (type >= HF_WIRE_KEY && type <= HF_WIRE_TICKET_SECRET)))
        return false;
    *out = (hf_wire_head){.type = (hf_wire_type)type, .id = id, .body_len = in.left};
    return true;
}

static in_cursor body_of(const uint8_t *data, const hf_wire_head *head)
{
    return (in_cursor){.at = data + HF_WIRE_HEAD, .left = head->body_len};
}

bool hf_wire_request_read(const uint8_t *data, const hf_wire_head *head, hf_wire_request *out)
{
    in_cursor in = body_of(data, head);
    hf_wire_request request = {.kind = head->type == HF_WIRE_SIGN ? HF_KEY_OP_SIGN : HF_KEY_OP_DECRYPT};

    memset(out, 0, sizeof *out);
    if (head->type != HF_WIRE_SIGN && head->type != HF_WIRE_DECRYPT)
        return false;
    request.key = (uint32_t)take_number(&in, 4);
    uint16_t parameter = (uint16_t)take_number(&in, 2);
    request.conn_id = take_number(&in, 8);
    if (request.kind == HF_KEY_OP_SIGN) {
        request.scheme = parameter;
    } else {
        request.client_version = parameter;
        request.fallback = take_bytes(&in, HF_PREMASTER_SIZE);
    }
    request.input = take_text(&in, HF_WIRE_INPUT_MAX, &request.input_len);
    if (!whole(&in))
        return false;
    *out = request;
    return true;
}

bool hf_wire_key_read(const uint8_t *data, const hf_wire_head *head, hf_wire_key *out)
{
    in_cursor in = body_of(data, head);
    hf_wire_key key = {.index = 0};

    memset(out, 0, sizeof *out);
    if (head->type != HF_WIRE_KEY)
        return false;
    key.index = (uint32_t)take_number(&in, 4);
    uint64_t type = take_number(&in, 1);
    key.type = (hf_key_type)type;
    key.bits = (unsigned)take_number(&in, 4);
    key.group = (uint16_t)take_number(&in, 2);
    uint64_t decrypt = take_number(&in, 1);
    key.can_decrypt = decrypt == 1;
    for (size_t i = 0; i < HF_KEY_SCHEMES_MAX; i++)
        key.schemes[i] = (uint16_t)take_number(&in, 2);
    key.label = (const char *)take_text(&in, HF_WIRE_TEXT_MAX, &key.label_len);
    key.where = (const char *)take_text(&in, HF_WIRE_TEXT_MAX, &key.where_len);
    key.spki = take_text(&in, UINT16_MAX, &key.spki_len);
    if (!whole(&in) || decrypt > 1 || type > HF_KEY_ED25519 || key.schemes[HF_KEY_SCHEMES_MAX - 1] != 0)
        return false;
    *out = key;
    return true;
}

bool hf_wire_body_read(const uint8_t *data, const hf_wire_head *head, hf_wire_body *out)
{
    in_cursor in = body_of(data, head);
    hf_wire_body body = {.number = (uint32_t)take_number(&in, 4)};

    memset(out, 0, sizeof *out);
    body.len = in.left;
    body.data = take_bytes(&in, in.left);
    if (!whole(&in))
        return false;
    *out = body;
    return true;
}
