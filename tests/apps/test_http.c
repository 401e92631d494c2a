/* HTTP requests: what is taken, what is refused, and with which status. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

static unsigned parse(const char *text, hf_http_request *out)
{
    /* An exact copy on the heap, so that a sanitizer sees a read beyond it. */
    size_t len = strlen(text);
    char *copy = malloc(len);
    memcpy(copy, text, len);
    unsigned status = hf_http_parse(copy, len, out);
    free(copy);
    return status;
}

Test(http, head_end_is_found_across_pieces)
{
    const char *text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nmore";
    size_t end = strlen(text) - 4;
    cr_assert_eq(hf_http_head_end(text, strlen(text), 0), end);
    for (size_t len = 0, seen = 0; len < end; seen = len, len++)
        cr_assert_eq(hf_http_head_end(text, len, seen), 0);
    for (size_t seen = 0; seen < end; seen++)
        cr_assert_eq(hf_http_head_end(text, end, seen), end, "seen %zu", seen);
}

Test(http, requests)
{
    static const struct {
        const char *text, *path;
        unsigned status;
        bool head, keep_alive;
    } all[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", 200, false, true},
        {"HEAD /x HTTP/1.1\r\nhost:a\r\n\r\n", "/x", 200, true, true},
        {"GET /a%20b%2Fc?d=%zz HTTP/1.1\r\nHost: a\r\n\r\n", "/a b/c", 200, false, true},
        {"GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", "/x", 200, false, true},
        {"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "/", 200, false, true},
        {"GET http://a?b=/x HTTP/1.1\r\nHost: a\r\n\r\n", "/", 200, false, true},
        {"GET / HTTP/1.0\r\n\r\n", "/", 200, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", "/", 200, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closer\r\n\r\n", "/", 200, false, true},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "/", 200, false, true},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", "/", 200, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "/", 200, false, false},
        {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "", 405, false, false},
        {"get / HTTP/1.1\r\nHost: a\r\n\r\n", "", 405, false, false},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "", 505, false, false},
        {"GET / FTP\r\nHost: a\r\n\r\n", "", 400, false, false},
        {"GET /\r\nHost: a\r\n\r\n", "", 400, false, false},
        {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "", 400, false, false},
        {"GET  HTTP/1.1\r\nHost: a\r\n\r\n", "", 400, false, false},
        {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "", 400, false, false},
        {"GET a/x HTTP/1.1\r\nHost: a\r\n\r\n", "", 400, false, false},
        {"GET /# HTTP/1.1\r\nHost: a\r\n\r\n", "", 400, false, false},
        {"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", "", 400, false, false},
        {"GET /% HTTP/1.1\r\nHost: a\r\n\r\n", "", 400, false, false},
        {"GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", "", 400, false, false},
        {"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "", 400, false, false},
        {"GET / HTTP/1.1\r\n\r\n", "", 400, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "", 400, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "", 400, false, false},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "", 400, false, false},
        {"GET / HTTP/1.1\r\n: a\r\n\r\n", "", 400, false, false},
        {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "", 400, false, false},
        {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "", 400, false, false},
        {"\r\n\r\n", "", 400, false, false},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        hf_http_request request;
        unsigned status = parse(all[i].text, &request);
        cr_expect_eq(status, all[i].status, "%u: %s", status, all[i].text);
        if (status != 200)
            continue;
        cr_expect_str_eq(request.path, all[i].path);
        cr_expect_eq(request.head, all[i].head, "%s", all[i].text);
        cr_expect_eq(request.keep_alive, all[i].keep_alive, "%s", all[i].text);
    }
}

Test(http, limits)
{
    hf_http_request request;
    char text[HF_HTTP_HEAD_MAX];
    char target[HF_HTTP_TARGET_MAX + 2];
    memset(target, '/', sizeof target);
    target[HF_HTTP_TARGET_MAX] = 0;
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    cr_assert_eq(parse(text, &request), 200);
    cr_assert_eq(request.path_len, HF_HTTP_TARGET_MAX);
    target[HF_HTTP_TARGET_MAX] = '/';
    target[HF_HTTP_TARGET_MAX + 1] = 0;
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    cr_assert_eq(parse(text, &request), 414);
    for (int fields = HF_HTTP_FIELDS_MAX - 1; fields <= HF_HTTP_FIELDS_MAX; fields++) {
        strcpy(text, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (int i = 0; i < fields; i++)
            strcat(text, "A: b\r\n");
        strcat(text, "\r\n");
        cr_assert_eq(parse(text, &request), fields < HF_HTTP_FIELDS_MAX ? 200 : 431);
    }
}

Test(http, every_prefix_is_refused_not_misread)
{
    const char *text = "GET /a?b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (size_t len = 0; len < strlen(text); len++) {
        char part[128];
        hf_http_request request;
        memcpy(part, text, len);
        part[len] = 0;
        cr_assert_neq(parse(part, &request), 200, "%zu bytes", len);
    }
}
