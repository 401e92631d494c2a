/* One thread of the server: accepts on its own socket, looks at deadlines, drains when told to stop. See loop.h. */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli.h"
#include "log.h"
#include "small_files.h"

/* ---- Lists of connections: oldest activity first, so that deadlines are found at the head ---- */

void hf_loop_list_add(hf_loop *loop, hf_link *link)
{
    hf_link_list *list = &loop->lists[link->state];
    link->prev = list->last;
    link->next = NULL;
    if (list->last)
        list->last->next = link;
    else
        list->first = link;
    list->last = link;
}

void hf_loop_list_remove(hf_loop *loop, hf_link *link)
{
    hf_link_list *list = &loop->lists[link->state];
    if (link->prev)
        link->prev->next = link->next;
    else
        list->first = link->next;
    if (link->next)
        link->next->prev = link->prev;
    else
        list->last = link->prev;
    link->prev = link->next = NULL;
}

/* ---- Accepting ---- */

static void accept_ready(uv_poll_t *poll, int status, int events);

static void accept_on(hf_loop *loop, bool on)
{
    if (loop->accepting == on || (on && loop->draining))
        return;
    loop->accepting = on;
    if (on)
        uv_poll_start(&loop->listener, UV_READABLE, accept_ready);
    else
        uv_poll_stop(&loop->listener);
}

static void backoff_over(uv_timer_t *timer)
{
    accept_on(timer->data, true);
}

static void back_off(hf_loop *loop, const char *why)
{
    hf_log_limited("cannot accept a connection: %s; raise the limit (ulimit -n) or lower --max-connections", why);
    accept_on(loop, false);
    uv_timer_start(&loop->backoff, backoff_over, HF_ACCEPT_BACKOFF_MS, 0);
}

static void accept_ready(uv_poll_t *poll, int status, int events)
{
    hf_loop *loop = poll->data;
    hf_server *server = loop->server;
    (void)status;
    (void)events;
    for (unsigned i = 0; i < HF_ACCEPT_BATCH; i++) {
        if (atomic_fetch_add(&server->connections, 1) >= server->max_connections) {
            atomic_fetch_sub(&server->connections, 1);
            accept_on(loop, false); /* the timer tries again */
            return;
        }
        hf_peer peer = {.any.sa_family = AF_UNSPEC};
        socklen_t len = sizeof peer;
        int fd = accept4(loop->listen_fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        int error = errno;
        if (fd < 0)
            atomic_fetch_sub(&server->connections, 1);
        if (fd < 0 && (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)) {
            back_off(loop, strerror(error));
            return;
        }
        if (fd < 0 && (error == EAGAIN || error == EWOULDBLOCK))
            return;
        if (fd >= 0 && !hf_link_start(loop, fd, &peer)) {
            back_off(loop, strerror(ENOMEM));
            return;
        }
    }
}

/* ---- Ending ---- */

static void close_handles(hf_loop *loop)
{
    if (loop->ending || loop->n_links)
        return;
    loop->ending = true;
    hf_key_bridge_close(loop->keys); /* before its descriptor goes */
    loop->keys = NULL;
    uv_close((uv_handle_t *)&loop->deadlines, NULL);
    uv_close((uv_handle_t *)&loop->backoff, NULL);
    hf_tick_close(loop);
    uv_close((uv_handle_t *)&loop->stop, NULL);
    uv_close((uv_handle_t *)&loop->keys_ready, NULL);
}

void hf_loop_link_gone(hf_loop *loop)
{
    loop->n_links--;
    atomic_fetch_sub(&loop->server->connections, 1);
    if (loop->draining)
        close_handles(loop);
}

static void run_all(hf_loop *loop, hf_link_state state)
{
    for (hf_link *link = loop->lists[state].first; link; link = link->next)
        hf_tick_ready(link);
}

static void destroy_all(hf_loop *loop)
{
    for (int state = 0; state < HF_LINK_STATES; state++)
        while (loop->lists[state].first)
            hf_link_destroy(loop->lists[state].first);
}

static void expire(hf_loop *loop, hf_link_state state, uint64_t limit_ms)
{
    uint64_t now = uv_now(&loop->uv);
    /* Each one is looked at once: an expired link may go to the young end of its list. */
    for (size_t n = loop->n_links; n > 0; n--) {
        hf_link *link = loop->lists[state].first;
        if (!link || now - link->since < limit_ms)
            return;
        hf_link_expired(link);
    }
}

static void look_at_deadlines(uv_timer_t *timer)
{
    hf_loop *loop = timer->data;
    expire(loop, HF_LINK_HANDSHAKE, loop->server->handshake_timeout_ms);
    expire(loop, HF_LINK_OPEN, loop->server->idle_timeout_ms);
    expire(loop, HF_LINK_LINGER, HF_LINK_LINGER_MS);
    hf_log_flush();
    hf_count_records(&loop->counts, loop->worker);
    if (!loop->draining) {
        if (!uv_is_active((uv_handle_t *)&loop->backoff))
            accept_on(loop, true);
        return;
    }
    if (uv_now(&loop->uv) - loop->drain_since >= HF_DRAIN_MS) {
        if (loop->n_links)
            hf_log_limited("%zu connections were cut off after %d seconds", loop->n_links, HF_DRAIN_MS / 1000);
        destroy_all(loop);
    } else {
        run_all(loop, HF_LINK_OPEN);
    }
}

static void stop_asked(uv_async_t *async)
{
    hf_loop *loop = async->data;
    if (loop->draining)
        return;
    accept_on(loop, false);
    loop->draining = true;
    loop->drain_since = uv_now(&loop->uv);
    uv_close((uv_handle_t *)&loop->listener, NULL);
    close(loop->listen_fd);
    uv_timer_start(&loop->deadlines, look_at_deadlines, HF_DRAIN_DEADLINES_MS, HF_DRAIN_DEADLINES_MS);
    run_all(loop, HF_LINK_OPEN);
    close_handles(loop);
}

static void keys_collect(uv_poll_t *poll, int status, int events)
{
    hf_loop *loop = poll->data;
    uint64_t n;
    (void)status;
    (void)events;
    if (read(loop->keys_fd, &n, sizeof n) < 0 || !loop->keys) /* EAGAIN: collected before */
        return;
    hf_key_bridge_collect(loop->keys, hf_link_key_done);
}

/* Not uv_async_send: its receiver spins until the sender has returned, which a token's thread of low priority may not
 * do for long. */
static void keys_wake(void *arg)
{
    const int *fd = arg;
    uint64_t one = 1;
    if (write(*fd, &one, sizeof one) < 0) { /* the counter is full: it is awake already */
    }
}

const char *hf_loop_date(hf_loop *loop)
{
    time_t now = time(NULL);
    struct tm utc;
    if (now != loop->date_of && gmtime_r(&now, &utc) &&
        strftime(loop->date, sizeof loop->date, "%a, %d %b %Y %H:%M:%S GMT", &utc))
        loop->date_of = now;
    return loop->date;
}

/* ---- Life ---- */

static void loop_thread(void *arg)
{
    hf_loop *loop = arg;
    loop->keys = hf_key_bridge_new(keys_wake, &loop->keys_fd);
    if (!loop->keys) {
        hf_cli_error("out of memory for a thread; it serves nobody");
        return;
    }
    accept_on(loop, true);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

static bool init_handles(hf_loop *loop)
{
    if (uv_poll_init(&loop->uv, &loop->listener, loop->listen_fd) != 0 ||
        uv_timer_init(&loop->uv, &loop->deadlines) != 0 || uv_timer_init(&loop->uv, &loop->backoff) != 0 ||
        uv_async_init(&loop->uv, &loop->stop, stop_asked) != 0)
        return false;
    loop->keys_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->keys_fd < 0 || uv_poll_init(&loop->uv, &loop->keys_ready, loop->keys_fd) != 0)
        return false;
    loop->listener.data = loop->deadlines.data = loop->backoff.data = loop->stop.data = loop->keys_ready.data = loop;
    return hf_tick_init(loop) && uv_poll_start(&loop->keys_ready, UV_READABLE, keys_collect) == 0 &&
           uv_timer_start(&loop->deadlines, look_at_deadlines, HF_DEADLINES_MS, HF_DEADLINES_MS) == 0;
}

bool hf_loop_start(hf_loop *loop, hf_server *server, int listen_fd)
{
    memset(loop, 0, sizeof *loop);
    loop->server = server;
    loop->listen_fd = listen_fd;
    loop->scratch = malloc(HF_LINK_BATCH);
    if (server->root_fd >= 0)
        loop->files = hf_small_files_new(server->root_fd);
    bool memory = loop->scratch && (loop->files || server->root_fd < 0);
    hf_status status = memory ? hf_worker_new(&server->tls.crypto, &loop->worker) : HF_ERR_NO_MEMORY;
    int error = status == HF_OK ? uv_loop_init(&loop->uv) : 0;
    if (status == HF_OK && error == 0 && init_handles(loop) && uv_thread_create(&loop->thread, loop_thread, loop) == 0)
        return true;
    /* The program ends now: handles of a half-made loop are the system's to collect. */
    hf_cli_error("cannot start a thread: %s",
                 status != HF_OK ? hf_status_text(status) : "out of memory or descriptors");
    return false;
}

void hf_loop_stop(hf_loop *loop)
{
    uv_async_send(&loop->stop);
}

void hf_loop_join(hf_loop *loop)
{
    uv_thread_join(&loop->thread);
    if (uv_loop_close(&loop->uv) != 0)
        hf_cli_warn("a loop ended with open handles");
    close(loop->keys_fd);
    hf_tick_cleanup(loop);
    hf_worker_free(loop->worker);
    hf_small_files_free(loop->files);
    hf_wipe(loop->scratch, HF_LINK_BATCH);
    free(loop->scratch);
}
