/* The network process's side of the socket pair. See key_client.h, key_wire.h.
 *
 * Each operation has a slot; its number and a generation are the message's id, so that a result finds its operation
 * without a search and a second result finds nothing. The lock guards slots and sockets; `done` is called without it.
 */
#include "key_client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "isolate.h"
#include "key_client_face.h"
#include "key_wire.h"
#include "log.h"

#define NONE UINT32_MAX

typedef struct slot {
    hf_key_op *op; /* NULL: free */
    hf_key_done_fn *done;
    void *arg;
    uint32_t generation, next; /* next: in the list of free or of waiting slots */
    bool sent;
    uint64_t since_ms;
} slot;

struct hf_key_client {
    int control, wake;
    pthread_t thread;
    bool started;
    hf_client_faces faces; /* constant after hf_key_client_wait */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t reported;
    int fd;         /* the key process; -1: none */
    bool connected; /* it has introduced itself */
    bool given_up, stopping;
    size_t introduced; /* keys that the process of now has shown */
    slot slots[HF_KEY_CLIENT_PENDING_MAX];
    uint32_t free, first, last; /* free slots; slots whose operation waits to be sent, oldest first */
    size_t pending;
    unsigned long processes, lost;
    uint64_t reluctant_until_ms; /* the key process admits no more operations */
    uint64_t report_id;          /* 0: nobody waits */
    char *report;
    size_t report_max, report_len;
    unsigned report_serving;
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static void wake_up(hf_key_client *client)
{
    uint64_t one = 1;
    ssize_t ignored = write(client->wake, &one, sizeof one);
    (void)ignored;
}

/* ---- Slots: all with the lock held ---- */

static slot *slot_take(hf_key_client *client)
{
    if (client->free == NONE)
        return NULL;
    slot *s = &client->slots[client->free];
    client->free = s->next;
    s->next = NONE;
    s->sent = false;
    s->since_ms = now_ms();
    client->pending++;
    return s;
}

static void slot_give(hf_key_client *client, slot *s)
{
    s->op = NULL;
    s->generation++;
    s->next = client->free;
    client->free = (uint32_t)(s - client->slots);
    client->pending--;
}

static uint64_t slot_id(const hf_key_client *client, const slot *s)
{
    return (uint64_t)s->generation << 32 | (uint32_t)(s - client->slots);
}

static void wait_in_line(hf_key_client *client, slot *s)
{
    uint32_t index = (uint32_t)(s - client->slots);
    s->next = NONE;
    if (client->last == NONE)
        client->first = index;
    else
        client->slots[client->last].next = index;
    client->last = index;
}

static slot *leave_line(hf_key_client *client)
{
    slot *s = &client->slots[client->first];
    client->first = s->next;
    if (client->first == NONE)
        client->last = NONE;
    return s;
}

/* ---- Sending: with the lock held, never blocking ---- */

static ssize_t send_now(const hf_key_client *client, const uint8_t *data, size_t len)
{
    return send(client->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* False: the socket does not take it now. */
static bool send_slot(hf_key_client *client, slot *s)
{
    uint8_t message[HF_WIRE_HEAD + 16 + HF_PREMASTER_SIZE + HF_WIRE_INPUT_MAX];
    const hf_key_op *op = s->op;
    hf_wire_request request = {.kind = op->kind,
                               .key = hf_client_key_index(op->key),
                               .scheme = op->scheme,
                               .client_version = op->client_version,
                               .conn_id = op->conn_id,
                               .fallback = op->kind == HF_KEY_OP_DECRYPT ? op->fallback : NULL,
                               .input = op->input,
                               .input_len = op->input_len};
    size_t len = hf_wire_put_request(message, sizeof message, slot_id(client, s), &request);
    s->sent = len > 0 && send_now(client, message, len) == (ssize_t)len;
    hf_wipe(message, sizeof message);
    return s->sent;
}

static void send_waiting(hf_key_client *client)
{
    while (client->connected && client->first != NONE && send_slot(client, &client->slots[client->first]))
        (void)leave_line(client);
}

static void send_empty(hf_key_client *client, hf_wire_type type, uint64_t id)
{
    uint8_t message[HF_WIRE_HEAD];
    size_t len = hf_wire_put_empty(message, sizeof message, type, id);
    if (client->connected)
        (void)send_now(client, message, len);
}

/* ---- Operations ---- */

static void finish(hf_key_op *op, hf_key_done_fn *done, void *arg, hf_status status)
{
    hf_wipe(op->result, sizeof op->result);
    op->result_len = 0;
    op->status = status;
    done(arg, op);
}

void hf_client_submit(hf_key_client *client, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    hf_status status = HF_OK;
    pthread_mutex_lock(&client->lock);
    if (client->stopping || (client->given_up && !client->connected))
        status = HF_ERR_TOKEN_ABSENT;
    else if (op->input_len > HF_WIRE_INPUT_MAX)
        status = HF_ERR_LIMIT;
    slot *s = status == HF_OK ? slot_take(client) : NULL;
    if (status == HF_OK && !s)
        status = HF_ERR_BUSY;
    if (s) {
        s->op = op;
        s->done = done;
        s->arg = arg;
        if (client->first != NONE || !client->connected || !send_slot(client, s)) {
            wait_in_line(client, s);
            wake_up(client);
        }
    }
    pthread_mutex_unlock(&client->lock);
    if (status != HF_OK)
        finish(op, done, arg, status);
}

/* Takes the first one with this done and arg out of the line; false when there is none (left). */
static bool cancel_waiting(hf_key_client *client, hf_key_done_fn *done, void *arg)
{
    hf_key_op *op = NULL;
    pthread_mutex_lock(&client->lock);
    uint32_t before = NONE;
    for (uint32_t i = client->first; i != NONE && !op; i = client->slots[i].next) {
        slot *s = &client->slots[i];
        if (s->done != done || s->arg != arg) {
            before = i;
            continue;
        }
        op = s->op;
        *(before == NONE ? &client->first : &client->slots[before].next) = s->next;
        if (client->last == i)
            client->last = before;
        slot_give(client, s);
        break;
    }
    pthread_mutex_unlock(&client->lock);
    if (op)
        finish(op, done, arg, HF_ERR_CANCELED);
    return op != NULL;
}

void hf_client_cancel(hf_key_client *client, hf_key_done_fn *done, void *arg)
{
    uint8_t message[HF_WIRE_HEAD];
    while (cancel_waiting(client, done, arg))
        ;
    /* Those that were sent come back canceled, or as usual. */
    pthread_mutex_lock(&client->lock);
    for (uint32_t i = 0; i < HF_KEY_CLIENT_PENDING_MAX && client->connected; i++) {
        slot *s = &client->slots[i];
        if (s->op && s->sent && s->done == done && s->arg == arg)
            (void)send_now(client, message,
                           hf_wire_put_empty(message, sizeof message, HF_WIRE_CANCEL, slot_id(client, s)));
    }
    pthread_mutex_unlock(&client->lock);
}

bool hf_client_admits(hf_key_client *client)
{
    pthread_mutex_lock(&client->lock);
    bool admits = client->connected ? now_ms() >= client->reluctant_until_ms : !client->given_up && !client->stopping;
    admits = admits && client->free != NONE;
    pthread_mutex_unlock(&client->lock);
    return admits;
}

static void take_result(hf_key_client *client, uint64_t id, const hf_wire_body *body)
{
    uint32_t index = (uint32_t)id;
    hf_key_op *op = NULL;
    slot copy = {0};
    uint32_t status = body->number & ~HF_WIRE_RELUCTANT;
    pthread_mutex_lock(&client->lock);
    client->reluctant_until_ms = body->number & HF_WIRE_RELUCTANT ? now_ms() + HF_KEY_CLIENT_RELUCTANT_MS : 0;
    if (index < HF_KEY_CLIENT_PENDING_MAX) {
        slot *s = &client->slots[index];
        if (s->op && s->sent && slot_id(client, s) == id) {
            copy = *s;
            op = s->op;
            slot_give(client, s);
        }
    }
    pthread_mutex_unlock(&client->lock);
    if (!op)
        return;
    bool good = status == HF_OK && body->len > 0 && body->len <= HF_KEY_RESULT_MAX &&
                (op->kind == HF_KEY_OP_SIGN || body->len == HF_PREMASTER_SIZE);
    if (!good) {
        bool known = status > 0 && status < HF_STATUS_SEND_ALERT;
        finish(op, copy.done, copy.arg, known ? (hf_status)status : HF_ERR_TOKEN);
        return;
    }
    memcpy(op->result, body->data, body->len);
    op->result_len = body->len;
    op->status = HF_OK;
    copy.done(copy.arg, op);
}

/* The key process has gone: what it was asked and has not answered. */
static void end_sent(hf_key_client *client)
{
    for (uint32_t i = 0; i < HF_KEY_CLIENT_PENDING_MAX; i++) {
        pthread_mutex_lock(&client->lock);
        slot copy = client->slots[i];
        bool ends = copy.op && copy.sent;
        if (ends) {
            client->lost++;
            slot_give(client, &client->slots[i]);
        }
        pthread_mutex_unlock(&client->lock);
        if (ends)
            finish(copy.op, copy.done, copy.arg, HF_ERR_TOKEN);
    }
}

/* What has waited since before that time; the line is in order of age. */
static void end_waiting(hf_key_client *client, uint64_t before_ms, hf_status status)
{
    for (;;) {
        pthread_mutex_lock(&client->lock);
        bool ends = client->first != NONE && client->slots[client->first].since_ms < before_ms;
        slot copy = {0};
        if (ends) {
            slot *s = leave_line(client);
            copy = *s;
            slot_give(client, s);
        }
        pthread_mutex_unlock(&client->lock);
        if (!ends)
            return;
        finish(copy.op, copy.done, copy.arg, status);
    }
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
        send_empty(client, HF_WIRE_ASK, client->report_id);
    while (client->report_id && pthread_cond_timedwait(&client->reported, &client->lock, &end) == 0)
        ;
    client->report_id = 0;
    size_t len = client->report_len;
    *out_serving = client->report_serving;
    pthread_mutex_unlock(&client->lock);
    return len;
}

void hf_key_client_reopen(hf_key_client *client)
{
    pthread_mutex_lock(&client->lock);
    send_empty(client, HF_WIRE_REOPEN, 0);
    pthread_mutex_unlock(&client->lock);
}

void hf_key_client_get_state(hf_key_client *client, hf_key_client_state *out)
{
    pthread_mutex_lock(&client->lock);
    *out = (hf_key_client_state){.connected = client->connected,
                                 .given_up = client->given_up,
                                 .restarts = client->processes ? client->processes - 1 : 0,
                                 .pending = client->pending,
                                 .lost = client->lost};
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
    client->introduced = 0;
    bool stopping = client->stopping;
    pthread_mutex_unlock(&client->lock);
    if (was && !stopping)
        hf_log_limited("the key process has gone; new handshakes wait for the next one");
    end_sent(client);
}

static void give_up(hf_key_client *client)
{
    pthread_mutex_lock(&client->lock);
    bool was = client->given_up;
    client->given_up = true;
    pthread_mutex_unlock(&client->lock);
    if (!was && client->started)
        hf_log_limited("no key process will be started any more: restart the server when the cause is mended");
    if (client->fd < 0)
        end_waiting(client, UINT64_MAX, HF_ERR_TOKEN_ABSENT);
}

/* A byte from the supervisor: with a socket, the next key process; without, there will be none. */
static void take_control(hf_key_client *client)
{
    char byte = 0;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } ancillary;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = ancillary.room, .msg_controllen = sizeof ancillary.room};
    int fd = -1;
    ssize_t got = recvmsg(client->control, &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
    if (fd < 0) {
        give_up(client);
        return;
    }
    disconnect(client); /* the former one is dead: its supervisor says so */
    pthread_mutex_lock(&client->lock);
    client->fd = fd;
    pthread_mutex_unlock(&client->lock);
}

static void introduced(hf_key_client *client)
{
    if (!hf_client_faces_whole(&client->faces, client->introduced)) {
        hf_log_limited("the key process came back with other keys; it is not used");
        disconnect(client);
        return;
    }
    pthread_mutex_lock(&client->lock);
    client->connected = true;
    client->processes++;
    bool again = client->processes > 1;
    send_waiting(client);
    pthread_mutex_unlock(&client->lock);
    const char works = HF_ISOLATE_WORKS;
    ssize_t ignored = send(client->control, &works, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
    if (again)
        hf_log_limited("the key process is back");
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
        return !client->connected && hf_wire_key_read(data, &head, &key) && key.index == client->introduced++ &&
               hf_client_faces_take(&client->faces, client, &key);
    case HF_WIRE_CERT:
        return !client->connected && hf_wire_body_read(data, &head, &body) &&
               hf_client_faces_take_cert(&client->faces, &body);
    case HF_WIRE_READY:
        if (client->connected || head.body_len != 0)
            return false;
        introduced(client);
        return true;
    case HF_WIRE_RESULT:
        if (!client->connected || !hf_wire_body_read(data, &head, &body))
            return false;
        take_result(client, head.id, &body);
        return true;
    case HF_WIRE_REPORT:
        if (!client->connected || !hf_wire_body_read(data, &head, &body))
            return false;
        take_report(client, head.id, &body);
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
        if (got <= 0 || !take_message(client, data, (size_t)got)) {
            if (got > 0)
                hf_log_limited("the key process sent a malformed message; it is not used any more");
            disconnect(client);
            return;
        }
        hf_wipe(data, (size_t)got);
    }
}

/* ---- The thread ---- */

static int wait_ms(hf_key_client *client)
{
    pthread_mutex_lock(&client->lock);
    bool waits = !client->connected && client->first != NONE;
    pthread_mutex_unlock(&client->lock);
    return waits ? 100 : -1;
}

/* Waits for something to happen and does it. */
static void turn(hf_key_client *client, uint8_t *data)
{
    pthread_mutex_lock(&client->lock);
    short wants = POLLIN;
    if (client->connected && client->first != NONE)
        wants |= POLLOUT;
    struct pollfd polls[3] = {{.fd = client->fd, .events = wants},
                              {.fd = client->given_up ? -1 : client->control, .events = POLLIN},
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
    send_waiting(client);
    bool alone = !client->connected;
    pthread_mutex_unlock(&client->lock);
    uint64_t now = now_ms();
    if (alone && now > HF_KEY_CLIENT_HOLD_MS)
        end_waiting(client, now - HF_KEY_CLIENT_HOLD_MS, HF_ERR_TOKEN_ABSENT);
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
    client->first = client->last = NONE;
    for (uint32_t i = 0; i < HF_KEY_CLIENT_PENDING_MAX; i++)
        client->slots[i].next = i + 1 < HF_KEY_CLIENT_PENDING_MAX ? i + 1 : NONE;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->reported, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (client->wake < 0) {
        hf_key_client_free(client);
        return NULL;
    }
    return client;
}

bool hf_key_client_wait(hf_key_client *client)
{
    uint8_t *data = malloc(HF_WIRE_MAX);
    while (data && !client->connected && !client->given_up)
        turn(client, data);
    free(data);
    return client->connected;
}

bool hf_key_client_start(hf_key_client *client)
{
    client->started = pthread_create(&client->thread, NULL, io_thread, client) == 0;
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
        wake_up(client);
        pthread_join(client->thread, NULL);
    }
    disconnect(client);
    end_waiting(client, UINT64_MAX, HF_ERR_CANCELED);
    if (client->wake >= 0)
        close(client->wake);
    hf_client_faces_cleanup(&client->faces);
    pthread_cond_destroy(&client->reported);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

size_t hf_key_client_count(const hf_key_client *client)
{
    return client->faces.n;
}

hf_key *hf_key_client_key(hf_key_client *client, size_t i)
{
    hf_key *key = hf_client_faces_key(&client->faces, i);
    key->ops->retain(key);
    return key;
}
