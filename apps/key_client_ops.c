/* Operations of the network process on their way to the key process and back. See key_client.h, key_wire.h.
 *
 * Each operation has a slot; its number and a generation are the message's id, so that a result finds its operation
 * without a search and a second result finds nothing. The lock guards slots and sockets; `done` is called without it.
 */
#include <string.h>
#include <sys/socket.h>

#include "key_client_inside.h"
#include "now.h"

/* ---- Slots: all with the lock held ---- */

void hf_client_slots_init(hf_key_client *client)
{
    client->first = client->last = HF_SLOT_NONE;
    for (uint32_t i = 0; i < HF_KEY_CLIENT_PENDING_MAX; i++)
        client->slots[i].next = i + 1 < HF_KEY_CLIENT_PENDING_MAX ? i + 1 : HF_SLOT_NONE;
}

static hf_slot *slot_take(hf_key_client *client)
{
    if (client->free == HF_SLOT_NONE)
        return NULL;
    hf_slot *s = &client->slots[client->free];
    client->free = s->next;
    s->next = HF_SLOT_NONE;
    s->sent = false;
    s->since_ms = hf_time_ms();
    client->pending++;
    return s;
}

static void slot_give(hf_key_client *client, hf_slot *s)
{
    s->op = NULL;
    s->generation++;
    s->next = client->free;
    client->free = (uint32_t)(s - client->slots);
    client->pending--;
}

static uint64_t slot_id(const hf_key_client *client, const hf_slot *s)
{
    return (uint64_t)s->generation << 32 | (uint32_t)(s - client->slots);
}

static void wait_in_line(hf_key_client *client, hf_slot *s)
{
    uint32_t index = (uint32_t)(s - client->slots);
    s->next = HF_SLOT_NONE;
    if (client->last == HF_SLOT_NONE)
        client->first = index;
    else
        client->slots[client->last].next = index;
    client->last = index;
}

static hf_slot *leave_line(hf_key_client *client)
{
    hf_slot *s = &client->slots[client->first];
    client->first = s->next;
    if (client->first == HF_SLOT_NONE)
        client->last = HF_SLOT_NONE;
    return s;
}

/* ---- Sending: with the lock held, never blocking ---- */

static ssize_t send_now(const hf_key_client *client, const uint8_t *data, size_t len)
{
    return send(client->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* False: the socket does not take it now. */
static bool send_slot(hf_key_client *client, hf_slot *s)
{
    uint8_t message[HF_WIRE_HEAD + 16 + HF_PREMASTER_SIZE + HF_WIRE_INPUT_MAX];
    const hf_key_op *op = s->op;
    hf_wire_request request = {.kind = op->kind,
                               .key = hf_client_key_index(op->key, &client->faces, client->processes),
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

/* False: there is one that the socket does not take now. */
static bool send_note(hf_key_client *client)
{
    uint8_t message[HF_WIRE_HEAD];
    if (!client->note || !client->connected)
        return true;
    size_t len = hf_wire_put_empty(message, sizeof message, client->note, client->note_number);
    if (send_now(client, message, len) != (ssize_t)len)
        return false;
    client->note = 0;
    return true;
}

void hf_client_send_note(hf_key_client *client, hf_wire_type type, uint32_t number)
{
    /* There is at most one: the key process shows the next keys after it knows of these. */
    client->note = type;
    client->note_number = number;
    if (!send_note(client))
        hf_client_wake(client);
}

void hf_client_send_waiting(hf_key_client *client)
{
    if (!send_note(client))
        return;
    while (client->connected && client->first != HF_SLOT_NONE && send_slot(client, &client->slots[client->first]))
        (void)leave_line(client);
}

void hf_client_send_empty(hf_key_client *client, hf_wire_type type, uint64_t id)
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
    hf_slot *s = status == HF_OK ? slot_take(client) : NULL;
    if (status == HF_OK && !s)
        status = HF_ERR_BUSY;
    if (s) {
        s->op = op;
        s->done = done;
        s->arg = arg;
        if (client->first != HF_SLOT_NONE || !client->connected || !send_slot(client, s)) {
            wait_in_line(client, s);
            hf_client_wake(client);
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
    uint32_t before = HF_SLOT_NONE;
    for (uint32_t i = client->first; i != HF_SLOT_NONE && !op; i = client->slots[i].next) {
        hf_slot *s = &client->slots[i];
        if (s->done != done || s->arg != arg) {
            before = i;
            continue;
        }
        op = s->op;
        *(before == HF_SLOT_NONE ? &client->first : &client->slots[before].next) = s->next;
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
        hf_slot *s = &client->slots[i];
        if (s->op && s->sent && s->done == done && s->arg == arg)
            (void)send_now(client, message,
                           hf_wire_put_empty(message, sizeof message, HF_WIRE_CANCEL, slot_id(client, s)));
    }
    pthread_mutex_unlock(&client->lock);
}

bool hf_client_admits(hf_key_client *client)
{
    pthread_mutex_lock(&client->lock);
    bool admits =
        client->connected ? hf_time_ms() >= client->reluctant_until_ms : !client->given_up && !client->stopping;
    admits = admits && client->free != HF_SLOT_NONE;
    client->refused += !admits;
    pthread_mutex_unlock(&client->lock);
    return admits;
}

void hf_client_take_result(hf_key_client *client, uint64_t id, const hf_wire_body *body)
{
    uint32_t index = (uint32_t)id;
    hf_key_op *op = NULL;
    hf_slot copy = {0};
    uint32_t status = body->number & ~HF_WIRE_RELUCTANT;
    pthread_mutex_lock(&client->lock);
    client->reluctant_until_ms = body->number & HF_WIRE_RELUCTANT ? hf_time_ms() + HF_KEY_CLIENT_RELUCTANT_MS : 0;
    if (index < HF_KEY_CLIENT_PENDING_MAX) {
        hf_slot *s = &client->slots[index];
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
void hf_client_end_sent(hf_key_client *client)
{
    for (uint32_t i = 0; i < HF_KEY_CLIENT_PENDING_MAX; i++) {
        pthread_mutex_lock(&client->lock);
        hf_slot copy = client->slots[i];
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
void hf_client_end_waiting(hf_key_client *client, uint64_t before_ms, hf_status status)
{
    for (;;) {
        pthread_mutex_lock(&client->lock);
        bool ends = client->first != HF_SLOT_NONE && client->slots[client->first].since_ms < before_ms;
        hf_slot copy = {0};
        if (ends) {
            hf_slot *s = leave_line(client);
            copy = *s;
            slot_give(client, s);
        }
        pthread_mutex_unlock(&client->lock);
        if (!ends)
            return;
        finish(copy.op, copy.done, copy.arg, status);
    }
}
