/* Reads JSON; see doc.h. Recursive descent, one function for each production of RFC 8259; the first error sticks. */
#include "doc.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct input {
    const char *at, *end;
    unsigned depth;
    const char *why; /* NULL while all is well */
} input;

static const char no_memory[] = "no memory";

static bool fail(input *in, const char *why)
{
    if (!in->why)
        in->why = why;
    return false;
}

static void skip_space(input *in)
{
    while (in->at < in->end && memchr(" \t\r\n", *in->at, 4))
        in->at++;
}

static bool take(input *in, char c)
{
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

static bool take_word(input *in, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(in->end - in->at) < len || memcmp(in->at, word, len) != 0)
        return fail(in, "an unknown word");
    in->at += len;
    return true;
}

static bool read_hex4(input *in, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit = in->at < in->end && *in->at ? strchr(digits, *in->at) : NULL;
        if (!digit)
            return fail(in, "a bad \\u escape");
        *out = *out << 4 | (uint32_t)((digit - digits) & 15);
        in->at++;
    }
    return true;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        c = 0xfffd;
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* After the backslash. An escape is never shorter in the file than as UTF-8, so the room of the file's text suffices.
 */
static bool read_escape(input *in, char **out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    uint32_t c = 0, low = 0;

    if (in->at == in->end)
        return fail(in, "an open string");
    const char *name = *in->at ? strchr(names, *in->at) : NULL;
    if (name) {
        in->at++;
        *(*out)++ = meant[name - names];
        return true;
    }
    if (!take(in, 'u') || !read_hex4(in, &c))
        return fail(in, "a bad escape");
    if (c >= 0xd800 && c < 0xdc00 && in->end - in->at >= 6 && in->at[0] == '\\' && in->at[1] == 'u') {
        in->at += 2;
        if (!read_hex4(in, &low))
            return false;
        if (low >= 0xdc00 && low < 0xe000)
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        else
            c = 0;
    }
    *out = put_utf8(*out, c);
    return true;
}

static char *read_string(input *in)
{
    if (!take(in, '"')) {
        fail(in, "a string is missing");
        return NULL;
    }
    const char *close = in->at;
    while (close < in->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    if (close >= in->end) {
        fail(in, "an open string");
        return NULL;
    }
    char *text = malloc((size_t)(close - in->at) + 1);
    char *out = text;
    if (!text) {
        fail(in, no_memory);
        return NULL;
    }
    while (in->at < close && !in->why) {
        unsigned char c = (unsigned char)*in->at++;
        if (c < 0x20)
            fail(in, "a control character in a string");
        else if (c == '\\')
            (void)read_escape(in, &out);
        else
            *out++ = (char)c;
    }
    *out = 0;
    in->at = close + 1;
    if (!in->why)
        return text;
    free(text);
    return NULL;
}

static bool read_digits(input *in)
{
    const char *begin = in->at;

    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        in->at++;
    return in->at > begin || fail(in, "a bad number");
}

static bool read_number(input *in, double *out)
{
    char text[64];
    const char *begin = in->at;

    (void)take(in, '-');
    if (!take(in, '0') && !read_digits(in))
        return false;
    if (take(in, '.') && !read_digits(in))
        return false;
    if (take(in, 'e') || take(in, 'E')) {
        (void)(take(in, '+') || take(in, '-'));
        if (!read_digits(in))
            return false;
    }
    size_t len = (size_t)(in->at - begin);
    if (len >= sizeof text)
        return fail(in, "a number of too many digits");
    memcpy(text, begin, len);
    text[len] = 0;
    *out = strtod(text, NULL);
    return true;
}

static hf_doc *read_value(input *in);

static bool read_members(input *in, hf_doc *doc, char close)
{
    hf_doc **last = &doc->child;

    skip_space(in);
    if (take(in, close))
        return true;
    do {
        char *key = NULL;
        skip_space(in);
        if (doc->type == HF_DOC_OBJECT) {
            key = read_string(in);
            skip_space(in);
            if (key && !take(in, ':'))
                fail(in, "a colon is missing");
        }
        *last = in->why ? NULL : read_value(in);
        if (!*last) {
            free(key);
            return false;
        }
        (*last)->key = key;
        last = &(*last)->next;
        skip_space(in);
    } while (take(in, ','));
    return take(in, close) || fail(in, "a comma or a bracket is missing");
}

static bool fill(input *in, hf_doc *doc)
{
    switch (*in->at) {
    case '{':
    case '[':
        doc->type = *in->at == '{' ? HF_DOC_OBJECT : HF_DOC_ARRAY;
        in->at++;
        return read_members(in, doc, doc->type == HF_DOC_OBJECT ? '}' : ']');
    case '"':
        doc->type = HF_DOC_TEXT;
        doc->text = read_string(in);
        return doc->text != NULL;
    case 't':
    case 'f':
        doc->type = HF_DOC_BOOL;
        doc->number = *in->at == 't';
        return take_word(in, doc->number > 0 ? "true" : "false");
    case 'n':
        return take_word(in, "null");
    default:
        doc->type = HF_DOC_NUMBER;
        return read_number(in, &doc->number);
    }
}

static hf_doc *read_value(input *in)
{
    hf_doc *doc = NULL;

    skip_space(in);
    if (in->at == in->end)
        fail(in, "it ends too early");
    else if (in->depth == HF_DOC_DEPTH_MAX)
        fail(in, "it is nested too deeply");
    else if (!(doc = calloc(1, sizeof *doc)))
        fail(in, no_memory);
    if (!doc)
        return NULL;
    in->depth++;
    if (!fill(in, doc)) {
        hf_doc_free(doc);
        doc = NULL;
    }
    in->depth--;
    return doc;
}

hf_doc *hf_doc_parse(const char *text, size_t len, const char **out_why)
{
    input in = {.at = text, .end = text + len};
    hf_doc *doc = read_value(&in);

    skip_space(&in);
    if (doc && in.at != in.end) {
        fail(&in, "something follows the value");
        hf_doc_free(doc);
        doc = NULL;
    }
    *out_why = in.why;
    return doc;
}

static char *read_file(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t len = 0, room = 0, n = 1;

    while (file && n > 0) {
        if (len == room) {
            room = room ? 2 * room : 65536;
            char *more = room > HF_DOC_SIZE_MAX ? NULL : realloc(text, room);
            if (!more) {
                errno = room > HF_DOC_SIZE_MAX ? EFBIG : ENOMEM;
                break;
            }
            text = more;
        }
        n = fread(text + len, 1, room - len, file);
        len += n;
    }
    bool good = file && n == 0 && !ferror(file);
    int error = errno;
    if (file)
        (void)fclose(file);
    *out_len = len;
    if (good)
        return text;
    free(text);
    errno = error;
    return NULL;
}

hf_doc *hf_doc_read(const char *path)
{
    size_t len = 0;
    const char *why = NULL;
    char *text = read_file(path, &len);

    if (!text) {
        hf_bench_fail("cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    hf_doc *doc = hf_doc_parse(text, len, &why);
    free(text);
    if (doc && (!hf_doc_get(doc, "environment") || !hf_doc_get(doc, "results"))) {
        why = "\"environment\" or \"results\" is missing";
        hf_doc_free(doc);
        doc = NULL;
    }
    if (!doc)
        hf_bench_fail("%s is no report of handfast-bench: %s", path, why);
    return doc;
}

void hf_doc_free(hf_doc *doc)
{
    while (doc) {
        hf_doc *next = doc->next;
        hf_doc_free(doc->child); /* as deep as HF_DOC_DEPTH_MAX */
        free(doc->key);
        free(doc->text);
        free(doc);
        doc = next;
    }
}

const hf_doc *hf_doc_get(const hf_doc *doc, const char *key)
{
    const hf_doc *member = doc && doc->type == HF_DOC_OBJECT ? doc->child : NULL;

    while (member && strcmp(member->key, key) != 0)
        member = member->next;
    return member;
}

const char *hf_doc_text(const hf_doc *doc, const char *key, const char *otherwise)
{
    const hf_doc *member = hf_doc_get(doc, key);

    return member && member->type == HF_DOC_TEXT ? member->text : otherwise;
}

double hf_doc_number(const hf_doc *doc, const char *key)
{
    const hf_doc *member = hf_doc_get(doc, key);

    return member && member->type == HF_DOC_NUMBER ? member->number : (double)NAN;
}

const hf_doc *hf_doc_rows(const hf_doc *report)
{
    const hf_doc *rows = hf_doc_get(report, "results");

    return rows && rows->type == HF_DOC_ARRAY ? rows->child : NULL;
}
