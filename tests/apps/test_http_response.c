/* HTTP responses, whole and byte by byte. */
#include <criterion/criterion.h>
#include <string.h>

#include "http_response.h"

static char got[256];
static size_t got_len;

static bool body(void *arg, const uint8_t *data, size_t len)
{
    (void)arg;
    memcpy(got + got_len, data, len);
    got_len += len;
    return true;
}

static void feed(hf_response *r, const char *text, size_t piece)
{
    hf_response_init(r, body, NULL);
    got_len = 0;
    for (size_t at = 0, len = strlen(text); at < len; at += piece)
        hf_response_take(r, (const uint8_t *)text + at, len - at < piece ? len - at : piece);
    got[got_len] = 0;
}

Test(response, good)
{
    static const struct {
        const char *text, *body;
        unsigned status;
    } all[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", "abc", 200},
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", 200},
        {"HTTP/1.0 404 No\nContent-Length: 1\n\nx", "x", 404},
        {"HTTP/1.1 204 No\r\n\r\n", "", 204},
        {"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: x\r\n\r\n",
         "abc0123456789", 200},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        for (size_t piece = 1; piece < 200; piece += 7) {
            hf_response r;
            feed(&r, all[i].text, piece);
            cr_assert_eq(r.state, HF_RESPONSE_DONE, "%s", all[i].text);
            cr_assert_eq(r.status, all[i].status);
            cr_assert_str_eq(got, all[i].body);
        }
    }
}

Test(response, without_length_ends_with_the_connection)
{
    hf_response r;
    feed(&r, "HTTP/1.1 200 OK\r\n\r\nabc", 1);
    cr_assert_eq(r.state, HF_RESPONSE_TO_END);
    cr_assert(hf_response_end(&r));
    cr_assert_str_eq(got, "abc");
}

Test(response, cut_off)
{
    static const char *const all[] = {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                                      "HTTP/1.1 100 C\r\n\r\n"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        hf_response r;
        feed(&r, all[i], 1);
        cr_assert_not(hf_response_end(&r), "%s", all[i]);
    }
}

Test(response, bad)
{
    static const char *const all[] = {
        "SSH-2.0-x\r\n",
        "HTTP/1.1 abc\r\n",
        "HTTP/1.1 99 x\r\n",
        "HTTP/2 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        hf_response r;
        feed(&r, all[i], 1);
        cr_assert_eq(r.state, HF_RESPONSE_BAD, "%s", all[i]);
    }
}

Test(response, limits)
{
    hf_response r;
    hf_response_init(&r, body, NULL);
    hf_response_take(&r, (const uint8_t *)"HTTP/1.1 200 OK\r\n", 17);
    for (int i = 0; i < HF_RESPONSE_HEAD_MAX && r.state == HF_RESPONSE_FIELDS; i++)
        hf_response_take(&r, (const uint8_t *)"A: b\r\n", 6);
    cr_assert_eq(r.state, HF_RESPONSE_BAD);
    hf_response_init(&r, body, NULL);
    for (int i = 0; i < HF_RESPONSE_LINE_MAX; i++)
        hf_response_take(&r, (const uint8_t *)"x", 1);
    cr_assert_eq(r.state, HF_RESPONSE_BAD);
}
