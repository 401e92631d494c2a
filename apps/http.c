/* HTTP/1.1 requests: request line, the few header fields that matter, percent-decoding (RFC 9112, RFC 3986).
 *
 * Strict where leniency helps smuggling: CRLF only, no folding, no blanks before a colon, one Host. A request with a
 * body is answered and the connection closed, so that its bytes are never taken for another request. */
#include "http.h"

#include <string.h>
#include <strings.h>

typedef struct slice {
    const char *at;
    size_t len;
} slice;

typedef struct fields {
    unsigned hosts, count;
    bool close, body;
} fields;

size_t hf_http_head_end(const char *data, size_t len, size_t seen)
{
    for (size_t i = seen > 3 ? seen - 3 : 0; i + 4 <= len; i++)
        if (memcmp(data + i, "\r\n\r\n", 4) == 0)
            return i + 4;
    return 0;
}

static bool equal(slice s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

static bool equal_nocase(slice s, const char *text)
{
    return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}

/* The part before `end`, which is skipped in *rest; false when end is not there. */
static bool cut(slice *rest, char end, slice *out)
{
    const char *found = rest->len ? memchr(rest->at, end, rest->len) : NULL;
    if (!found)
        return false;
    size_t len = (size_t)(found - rest->at);
    *out = (slice){rest->at, len};
    rest->at += len + 1;
    rest->len -= len + 1;
    return true;
}

/* One line without its CRLF; false for a bare LF, a stray CR or NUL. */
static bool cut_line(slice *rest, slice *out)
{
    slice line;
    if (!cut(rest, '\n', &line) || line.len == 0 || line.at[line.len - 1] != '\r')
        return false;
    line.len--;
    *out = line;
    return line.len == 0 || (!memchr(line.at, '\r', line.len) && !memchr(line.at, 0, line.len));
}

static bool is_token(slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !(c && strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.len > 0;
}

static slice trim(slice s)
{
    while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = (slice){s.at + 1, s.len - 1};
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static bool list_has(slice list, const char *word)
{
    slice item;
    while (cut(&list, ',', &item))
        if (equal_nocase(trim(item), word))
            return true;
    return equal_nocase(trim(list), word);
}

static bool take_field(fields *all, slice line)
{
    slice name, value = line;
    if (!cut(&value, ':', &name) || !is_token(name))
        return false;
    value = trim(value);
    if (equal_nocase(name, "host"))
        all->hosts++;
    else if (equal_nocase(name, "connection"))
        all->close = all->close || list_has(value, "close");
    else if (equal_nocase(name, "transfer-encoding"))
        all->body = true;
    else if (equal_nocase(name, "content-length"))
        all->body = all->body || !equal(value, "0");
    return true;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Path and query: a slash in the query is none of the path's. */
static slice after_authority(slice rest)
{
    while (rest.len && rest.at[0] != '/' && rest.at[0] != '?')
        rest = (slice){rest.at + 1, rest.len - 1};
    return rest;
}

/* origin-form or absolute-form (RFC 9112 section 3.2) to a decoded path. */
static bool take_target(slice target, hf_http_request *out)
{
    for (size_t i = 0; i < target.len; i++)
        if (target.at[i] <= 0x20 || target.at[i] >= 0x7f || target.at[i] == '#')
            return false;
    if (target.len == 0)
        return false;
    if (target.at[0] != '/') {
        size_t scheme = target.len > 8 && strncasecmp(target.at, "https://", 8) == 0  ? 8
                        : target.len > 7 && strncasecmp(target.at, "http://", 7) == 0 ? 7
                                                                                      : 0;
        if (!scheme)
            return false;
        target = after_authority((slice){target.at + scheme, target.len - scheme});
    }
    slice path = target;
    cut(&target, '?', &path);
    if (path.len == 0) /* of absolute-form only: RFC 9110 section 4.2.3 */
        path = (slice){"/", 1};
    for (size_t i = 0; i < path.len; i++) {
        char c = path.at[i];
        if (c == '%') {
            int high = i + 2 < path.len ? hex(path.at[i + 1]) : -1, low = i + 2 < path.len ? hex(path.at[i + 2]) : -1;
            if (high < 0 || low < 0 || (high | low) == 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        out->path[out->path_len++] = c;
    }
    out->path[out->path_len] = 0;
    return out->path_len > 0 && out->path[0] == '/';
}

static unsigned take_request_line(slice line, hf_http_request *out, bool *out_http10)
{
    slice method, target;
    if (!cut(&line, ' ', &method) || !is_token(method) || !cut(&line, ' ', &target))
        return 400;
    if (target.len > HF_HTTP_TARGET_MAX)
        return 414;
    *out_http10 = equal(line, "HTTP/1.0");
    if (!*out_http10 && !equal(line, "HTTP/1.1"))
        return line.len == 8 && memcmp(line.at, "HTTP/", 5) == 0 ? 505 : 400;
    out->head = equal(method, "HEAD");
    if (!out->head && !equal(method, "GET"))
        return 405;
    return take_target(target, out) ? 200 : 400;
}

unsigned hf_http_parse(const char *head, size_t len, hf_http_request *out)
{
    slice rest = {head, len}, line;
    fields all = {0};
    bool http10 = false;
    memset(out, 0, sizeof *out);
    if (!cut_line(&rest, &line))
        return 400;
    unsigned status = take_request_line(line, out, &http10);
    if (status != 200)
        return status;
    while (cut_line(&rest, &line) && line.len) {
        if (++all.count > HF_HTTP_FIELDS_MAX)
            return 431;
        if (!take_field(&all, line))
            return 400;
    }
    if (line.len || rest.len || all.hosts > 1 || (all.hosts == 0 && !http10))
        return 400;
    out->keep_alive = !http10 && !all.close && !all.body;
    return 200;
}

const char *hf_http_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } all[] = {{200, "OK"},
               {301, "Moved Permanently"},
               {400, "Bad Request"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {408, "Request Timeout"},
               {414, "URI Too Long"},
               {431, "Request Header Fields Too Large"},
               {500, "Internal Server Error"},
               {503, "Service Unavailable"},
               {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].status == status)
            return all[i].reason;
    return "Unknown";
}
