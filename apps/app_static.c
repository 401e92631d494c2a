/* --root: the files of a folder over HTTP/1.1, GET and HEAD.
 *
 * A connection between two requests holds only this small state: a head that came as a whole is read where the engine
 * put it (a buffer lives only while one is coming in parts), and an answer is built in the loop's room, its head and
 * the beginning of its file together, so that a small answer is one record and one packet. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "folder.h"
#include "http.h"
#include "loop.h"
#include "small_files.h"

#define HEAD_MS 15000      /* from the first byte of a request head to its last */
#define REQUESTS_MAX 10000 /* on one connection */

typedef struct site {
    char *head; /* HF_HTTP_HEAD_MAX bytes, NULL between requests */
    size_t head_len;
    uint64_t head_since;
    hf_small_file *file; /* what goes out: a kept file, or ... */
    int fd;              /* ... an open one; else NULL and -1 */
    uint64_t offset, size;
    unsigned requests;
    bool keep_alive;
} site;

static bool site_open(hf_link *link)
{
    site *s = calloc(1, sizeof *s);
    if (!s)
        return false;
    s->fd = -1;
    s->keep_alive = true;
    link->app_state = s;
    return true;
}

static void forget_head(site *s)
{
    if (s->head)
        hf_wipe(s->head, s->head_len); /* may carry cookies */
    free(s->head);
    s->head = NULL;
    s->head_len = 0;
}

static bool is_sending(const site *s)
{
    return s->file || s->fd >= 0;
}

static void forget_file(site *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    hf_small_file_release(s->file);
    s->file = NULL;
}

/* Up to `want` bytes of the file from where it stands; 0 or less: it became shorter, or cannot be read. */
static ssize_t read_part(const site *s, uint8_t *room, size_t want)
{
    if (!s->file)
        return pread(s->fd, room, want, (off_t)s->offset);
    memcpy(room, s->file->body + s->offset, want);
    return (ssize_t)want;
}

static void site_close(hf_link *link)
{
    site *s = link->app_state;
    forget_head(s);
    forget_file(s);
    free(s);
}

/* The file's next part behind `used` bytes of the room, and all of that goes out. */
static bool send_part(hf_link *link, uint8_t *room, size_t used)
{
    site *s = link->app_state;
    uint64_t left = is_sending(s) ? s->size - s->offset : 0;
    size_t most = link->write_max - used, want = left < most ? (size_t)left : most;
    ssize_t n = want ? read_part(s, room + used, want) : 0;
    if (want && n <= 0) { /* the promised length cannot be kept */
        hf_conn_fail(link->conn, link->loop->worker, HF_ERR_IO, "a file changed while it was sent");
        return false;
    }
    s->offset += (uint64_t)n;
    if (s->offset == s->size)
        forget_file(s);
    return used + (size_t)n == 0 || hf_link_write(link, room, used + (size_t)n);
}

/* The head of an answer, and the whole of an answer that is not a file. */
static bool answer(hf_link *link, unsigned status, const char *type, uint64_t size, const char *extra, bool head)
{
    site *s = link->app_state;
    char body[128] = "";
    if (status != 200) {
        snprintf(body, sizeof body, "%u %s\n", status, hf_http_reason(status));
        size = strlen(body);
        type = "text/plain; charset=utf-8";
    }
    uint8_t *room = hf_link_room(link);
    int len = snprintf((char *)room, link->write_max,
                       "HTTP/1.1 %u %s\r\nDate: %s\r\nServer: handfast\r\nContent-Type: %s\r\n"
                       "Content-Length: %" PRIu64 "\r\nX-Content-Type-Options: nosniff\r\n%s%s\r\n%s",
                       status, hf_http_reason(status), hf_loop_date(link->loop), type, size, extra,
                       s->keep_alive ? "" : "Connection: close\r\n", head ? "" : body);
    return len > 0 && (size_t)len < link->write_max && send_part(link, room, (size_t)len);
}

/* The redirect of a folder without its last '/': the path is encoded again, as it was decoded. */
static bool answer_redirect(hf_link *link, const hf_http_request *request)
{
    char extra[3 * HF_HTTP_TARGET_MAX + 32] = "Location: ";
    size_t n = strlen(extra);
    for (size_t i = 0; i < request->path_len; i++) {
        unsigned char c = (unsigned char)request->path[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("/-._~", c);
        n += (size_t)snprintf(extra + n, sizeof extra - n, plain ? "%c" : "%%%02X", c);
    }
    snprintf(extra + n, sizeof extra - n, "/\r\n");
    return answer(link, 301, "", 0, extra, request->head);
}

static bool refuse(hf_link *link, unsigned status, bool head)
{
    site *s = link->app_state;
    s->keep_alive = false;
    return answer(link, status, "", 0, status == 405 ? "Allow: GET, HEAD\r\n" : "", head);
}

static bool respond(hf_link *link, unsigned status, const hf_http_request *request)
{
    site *s = link->app_state;
    if (status != 200)
        return refuse(link, status, request->head);
    s->keep_alive = request->keep_alive && ++s->requests < REQUESTS_MAX && !hf_loop_draining(link->loop);
    s->offset = s->size = 0;
    status = hf_small_files_find(link->loop->files, request->path, uv_now(&link->loop->uv), &s->file, &s->fd, &s->size);
    if (s->file)
        s->size = s->file->size;
    if (status == 301)
        return answer_redirect(link, request);
    if (status != 200)
        return answer(link, status, "", 0, "", request->head);
    if (request->head)
        forget_file(s);
    return answer(link, 200, hf_folder_type(request->path), s->size, "", request->head);
}

/* Keeps a part of a head; what follows the head stays with the engine. Its length, or 0: not complete. */
static size_t collect_head(hf_link *link, const uint8_t *data, size_t len)
{
    site *s = link->app_state;
    if (!s->head) {
        s->head = malloc(HF_HTTP_HEAD_MAX);
        s->head_since = uv_now(&link->loop->uv);
        if (!s->head) {
            hf_link_finish(link);
            return 0;
        }
    }
    size_t before = s->head_len, room = HF_HTTP_HEAD_MAX - before;
    size_t n = len < room ? len : room;
    memcpy(s->head + before, data, n);
    s->head_len += n;
    size_t end = hf_http_head_end(s->head, s->head_len, before);
    hf_link_take(link, end ? end - before : n);
    return end;
}

/* True while there is more to do at once. */
static bool read_request(hf_link *link)
{
    site *s = link->app_state;
    hf_http_request request;
    const uint8_t *data;
    size_t len;
    if (!hf_link_read(link, &data, &len))
        return false;
    size_t whole =
        s->head ? 0 : hf_http_head_end((const char *)data, len < HF_HTTP_HEAD_MAX ? len : HF_HTTP_HEAD_MAX, 0);
    if (whole) { /* as it mostly comes */
        unsigned status = hf_http_parse((const char *)data, whole, &request);
        hf_link_take(link, whole);
        return respond(link, status, &request);
    }
    size_t end = collect_head(link, data, len);
    if (end) {
        unsigned status = hf_http_parse(s->head, end, &request);
        forget_head(s);
        return respond(link, status, &request);
    }
    if (s->head_len == HF_HTTP_HEAD_MAX)
        return refuse(link, memchr(s->head, '\n', s->head_len) ? 431 : 414, false);
    if (s->head && uv_now(&link->loop->uv) - s->head_since > HEAD_MS)
        return refuse(link, 408, false);
    return true;
}

static void site_run(hf_link *link)
{
    site *s = link->app_state;
    bool more = true;
    while (more && !link->finishing && hf_link_can_write(link)) {
        if (is_sending(s))
            more = send_part(link, hf_link_room(link), 0);
        else if (!s->keep_alive)
            hf_link_finish(link);
        else
            more = read_request(link);
    }
    if (!is_sending(s) && (hf_link_peer_done(link) || (!s->head && hf_loop_draining(link->loop))))
        hf_link_finish(link);
}

const hf_app hf_app_static = {"static", site_open, site_run, site_close};
