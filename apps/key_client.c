/* The network process's side of the socket pair: key processes that come and go, reports, the thread that moves
 * results. See key_client.h; the operations themselves stand in key_client_ops.c. */
#include "key_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli.h"
#include "control.h"
#include "isolate.h"
#include "key_client_inside.h"
#include "now.h"
#include "public_files.h"

void hf_client_wake(hf_key_client *client)
{
    uint64_t one = 1;
    ssize_t ignored = write(client->wake, &one, sizeof one);
    (void)ignored;
}

/* ---- Reports ---- */

static void take_report(hf_key_client *client, uint64_t id, const hf_wire_body *body)
{
    pthread_mutex_lock(&client->lock);
    if (id && id == client->report_id && body->len <= client->report_max) {
        client->report_len = body->len;
        for (size_t i = 0; i < body->len; i++)
            client->report[i] =
                body->data[i] == '\n' || (body->data[i] >= 0x20 && body->data[i] < 0x7f) ? (char)body->data[i] : '?';
        client->report_serving = body->number;
        client->report_id = 0;
        pthread_cond_signal(&client->reported);
    }
    pthread_mutex_unlock(&client->lock);
}

size_t hf_key_client_report(hf_key_client *client, char *out, size_t max, unsigned *out_serving)
{
    static uint64_t last; /* guarded by the lock */
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += HF_KEY_CLIENT_REPORT_MS / 1000;
    pthread_mutex_lock(&client->lock);
    client->report = out;
    client->report_max = max;
    client->report_len = 0;
    client->report_serving = 0;
    client->report_id = client->connected ? ++last : 0;
    if (client->report_id)
        hf_client_send_empty(client, HF_WIRE_ASK, client->report_id);
    while (client->report_id && pthread_cond_timedwait(&client->reported, &client->lock, &end) == 0)
        ;
    client->report_id = 0;
    size_t len = client->report_len;
    *out_serving = client->report_serving;
    pthread_mutex_unlock(&client->lock);
    return len;
}

void hf_key_client_get_state(hf_key_client *client, hf_key_client_state *out)
{
    pthread_mutex_lock(&client->lock);
    *out = (hf_key_client_state){.connected = client->connected,
                                 .given_up = client->given_up,
                                 .restarts = client->processes ? client->processes - 1 : 0,
                                 .pending = client->pending,
                                 .lost = client->lost,
                                 .refused = client->refused};
    pthread_mutex_unlock(&client->lock);
}

/* ---- The key process comes and goes ---- */

static void disconnect(hf_key_client *client)
{
    pthread_mutex_lock(&client->lock);
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    bool was = client->connected;
    client->connected = false;
    client->note = 0;
    hf_client_lose_ticket(client);
    bool stopping = client->stopping;
    pthread_mutex_unlock(&client->lock);
    client->ready = false;
    hf_client_faces_cleanup(&client->coming);
    if (was && !stopping)
        hf_cli_warn("the key process has gone; new handshakes wait for the next one");
    hf_client_end_sent(client);
}

static void give_up(hf_key_client *client)
{
    pthread_mutex_lock(&client->lock);
    bool was = client->given_up;
    client->given_up = true;
    pthread_cond_broadcast(&client->reloaded);
    pthread_mutex_unlock(&client->lock);
    if (!was && client->started)
        hf_cli_warn("no key process will be started any more: restart the server when the cause is mended");
    if (client->fd < 0)
        hf_client_end_waiting(client, UINT64_MAX, HF_ERR_TOKEN_ABSENT);
}

/* The former one is dead: its supervisor says so. fd: -1: there was no descriptor left for this one's socket, so it
 * finds nobody and ends, and another one follows. */
static void take_key_process(hf_key_client *client, int fd, uint32_t reloads)
{
    disconnect(client);
    if (fd < 0)
        hf_cli_warn("no descriptor is left for a key process: raise the limit on open files (ulimit -n)");
    client->started_after = reloads;
    pthread_mutex_lock(&client->lock);
    client->fd = fd;
    pthread_mutex_unlock(&client->lock);
}

/* A word from the supervisor. */
static void take_control(hf_key_client *client)
{
    hf_control message;
    int fd;
    hf_control_result got = hf_control_receive(client->control, &message, &fd);
    if (got == HF_CONTROL_NOTHING)
        return;
    if (got == HF_CONTROL_GOT && message.kind == HF_CONTROL_FILE) {
        hf_public_files_put(message.index, message.number, fd, message.error);
        return;
    }
    if (got == HF_CONTROL_GOT && message.kind == HF_CONTROL_KEY) {
        take_key_process(client, fd, message.number);
        return;
    }
    if (fd >= 0)
        close(fd);
    bool staples = message.kind == HF_CONTROL_STAPLES;
    if (got == HF_CONTROL_GOT && (staples || message.kind == HF_CONTROL_RELOAD)) {
        hf_client_take_reload(client, message.number, staples);
        return;
    }
    client->alone = got == HF_CONTROL_GONE;
    give_up(client);
}

static void introduced(hf_key_client *client)
{
    if (!hf_client_take_introduction(client)) {
        hf_cli_warn("the key process came back with other keys; it is not used");
        disconnect(client);
        return;
    }
    client->ready = true;
    pthread_mutex_lock(&client->lock);
    bool again = client->processes > 1;
    hf_client_send_waiting(client);
    pthread_mutex_unlock(&client->lock);
    const char works = HF_ISOLATE_WORKS;
    ssize_t ignored = send(client->control, &works, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
    if (again)
        hf_cli_warn("the key process is back");
}

/* One message; false: not one that belongs here. */
static bool take_message(hf_key_client *client, const uint8_t *data, size_t len)
{
    hf_wire_head head;
    hf_wire_key key;
    hf_wire_body body;
    if (!hf_wire_head_read(data, len, &head))
        return false;
    switch (head.type) {
    case HF_WIRE_KEY:
        return hf_wire_key_read(data, &head, &key) && hf_client_faces_take(&client->coming, client, &key);
    case HF_WIRE_CERT:
        return hf_wire_body_read(data, &head, &body) && hf_client_faces_take_cert(&client->coming, &body);
    case HF_WIRE_READY:
        if (client->ready || head.body_len != 0 || !hf_client_faces_whole(&client->coming, 0))
            return false;
        introduced(client);
        return true;
    case HF_WIRE_RELOADED:
        return client->ready && hf_wire_body_read(data, &head, &body) &&
               hf_client_take_reloaded(client, head.id, &body);
    case HF_WIRE_RESULT:
        if (!client->connected || !hf_wire_body_read(data, &head, &body))
            return false;
        hf_client_take_result(client, head.id, &body);
        return true;
    case HF_WIRE_REPORT:
        if (!client->connected || !hf_wire_body_read(data, &head, &body))
            return false;
        take_report(client, head.id, &body);
        return true;
    case HF_WIRE_TICKET_SECRET:
        if (!client->ready || !hf_wire_body_read(data, &head, &body))
            return false;
        hf_client_take_ticket(client, head.id, &body);
        return true;
    default:
        return false;
    }
}

static void receive(hf_key_client *client, uint8_t *data)
{
    for (unsigned i = 0; i < 64 && client->fd >= 0; i++) {
        ssize_t got = recv(client->fd, data, HF_WIRE_MAX, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        bool good = got > 0 && take_message(client, data, (size_t)got);
        if (got > 0)
            hf_wipe(data, (size_t)got); /* it may have held a premaster secret */
        if (good)
            continue;
        if (got > 0)
            hf_cli_warn("the key process sent a malformed message; it is not used any more");
        disconnect(client);
        return;
    }
}

/* ---- The thread ---- */

static int wait_ms(hf_key_client *client)
{
    pthread_mutex_lock(&client->lock);
    bool waits = !client->connected && client->first != HF_SLOT_NONE;
    pthread_mutex_unlock(&client->lock);
    return waits ? 100 : -1;
}

/* Waits for something to happen and does it. */
static void turn(hf_key_client *client, uint8_t *data)
{
    pthread_mutex_lock(&client->lock);
    short wants = POLLIN;
    if (client->connected && (client->first != HF_SLOT_NONE || client->note))
        wants |= POLLOUT;
    struct pollfd polls[3] = {{.fd = client->fd, .events = wants},
                              {.fd = client->alone ? -1 : client->control, .events = POLLIN},
                              {.fd = client->wake, .events = POLLIN}};
    pthread_mutex_unlock(&client->lock);
    if (poll(polls, 3, wait_ms(client)) < 0)
        return;
    uint64_t count;
    if (polls[2].revents && read(client->wake, &count, sizeof count) < 0)
        (void)0; /* it was empty */
    if (polls[0].revents)
        receive(client, data);
    if (polls[1].revents)
        take_control(client);
    pthread_mutex_lock(&client->lock);
    hf_client_send_waiting(client);
    bool alone = !client->connected;
    pthread_mutex_unlock(&client->lock);
    uint64_t now = hf_time_ms();
    if (alone && now > HF_KEY_CLIENT_HOLD_MS)
        hf_client_end_waiting(client, now - HF_KEY_CLIENT_HOLD_MS, HF_ERR_TOKEN_ABSENT);
}

bool hf_client_turn(hf_key_client *client)
{
    uint8_t *data = malloc(HF_WIRE_MAX);
    if (data)
        turn(client, data);
    free(data);
    return data != NULL;
}

static bool is_stopping(hf_key_client *client)
{
    pthread_mutex_lock(&client->lock);
    bool stopping = client->stopping;
    pthread_mutex_unlock(&client->lock);
    return stopping;
}

static void *io_thread(void *arg)
{
    hf_key_client *client = arg;
    uint8_t *data = malloc(HF_WIRE_MAX);
    while (data && !is_stopping(client))
        turn(client, data);
    if (!data)
        give_up(client);
    free(data);
    return NULL;
}

/* ---- Life ---- */

hf_key_client *hf_key_client_new(int control)
{
    hf_key_client *client = calloc(1, sizeof *client);
    pthread_condattr_t monotonic;
    if (!client)
        return NULL;
    client->control = control;
    client->fd = -1;
    client->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    hf_client_slots_init(client);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->reported, &monotonic);
    pthread_cond_init(&client->ticketed, &monotonic);
    pthread_cond_init(&client->reloaded, NULL);
    pthread_condattr_destroy(&monotonic);
    if (client->wake < 0) {
        hf_key_client_free(client);
        return NULL;
    }
    return client;
}

bool hf_key_client_wait(hf_key_client *client)
{
    while (!client->connected && !client->given_up && hf_client_turn(client))
        ;
    return client->connected;
}

bool hf_key_client_start(hf_key_client *client)
{
    client->started = true; /* before the thread looks at it */
    if (pthread_create(&client->thread, NULL, io_thread, client) != 0)
        client->started = false;
    return client->started;
}

void hf_key_client_free(hf_key_client *client)
{
    if (!client)
        return;
    pthread_mutex_lock(&client->lock);
    client->stopping = true;
    pthread_mutex_unlock(&client->lock);
    if (client->started) {
        hf_client_wake(client);
        pthread_join(client->thread, NULL);
    }
    disconnect(client);
    hf_client_end_waiting(client, UINT64_MAX, HF_ERR_CANCELED);
    if (client->wake >= 0)
        close(client->wake);
    hf_client_faces_cleanup(&client->faces);
    hf_client_faces_cleanup(&client->fresh);
    pthread_cond_destroy(&client->reported);
    pthread_cond_destroy(&client->reloaded);
    pthread_cond_destroy(&client->ticketed);
    pthread_mutex_destroy(&client->lock);
    free(client);
}
