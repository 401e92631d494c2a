/* The key process at work: messages in, operations to the token, results out. See key_service.h.
 *
 * The thread that reads never waits for the token; results are sent by the token's own threads. A peer that does not
 * read its results blocks those, and so nobody but itself. */
#include "key_service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "log.h"
#include "now.h"

/* ---- Rate ---- */

void hf_rate_init(hf_rate *limit, unsigned per_second, uint64_t now_us)
{
    *limit = (hf_rate){.rate = per_second, .tokens = per_second, .last_us = now_us};
}

bool hf_rate_take(hf_rate *limit, uint64_t now_us)
{
    if (limit->rate <= 0)
        return true;
    if (now_us > limit->last_us) {
        limit->tokens += limit->rate * (double)(now_us - limit->last_us) / 1e6;
        limit->last_us = now_us;
    }
    if (limit->tokens > limit->rate)
        limit->tokens = limit->rate;
    if (limit->tokens < 1)
        return false;
    limit->tokens -= 1;
    return true;
}

/* ---- Sending ---- */

static bool send_all(hf_key_service *service, const uint8_t *data, size_t len)
{
    ssize_t sent;
    do
        sent = len ? send(service->fd, data, len, MSG_NOSIGNAL) : -1;
    while (sent < 0 && len && errno == EINTR);
    return sent == (ssize_t)len;
}

static bool send_body(hf_key_service *service, hf_wire_type type, uint64_t id, const hf_wire_body *body)
{
    uint8_t *message = malloc(HF_WIRE_MAX);
    bool sent = message && send_all(service, message, hf_wire_put_body(message, HF_WIRE_MAX, type, id, body));
    free(message);
    return sent;
}

static void send_result(hf_key_service *service, uint64_t id, hf_status status, bool admits, const uint8_t *result,
                        size_t len)
{
    uint8_t message[HF_WIRE_HEAD + 4 + HF_KEY_RESULT_MAX];
    hf_wire_body body = {.number = (uint32_t)status | (admits ? 0 : HF_WIRE_RELUCTANT),
                         .data = result,
                         .len = status == HF_OK ? len : 0};
    (void)send_all(service, message, hf_wire_put_body(message, sizeof message, HF_WIRE_RESULT, id, &body));
    hf_wipe(message, sizeof message);
}

/* ---- Operations ---- */

typedef struct hf_service_op {
    hf_key_op op; /* first: it comes back as a pointer to this */
    hf_key_service *service;
    hf_service_set *set;
    hf_key *key;
    struct hf_service_op *next, *previous; /* among the pending ones */
    uint64_t wire_id;
    uint8_t input[];
} service_op;

static bool admits(const hf_key *key)
{
    return !key->ops->admits || key->ops->admits(key);
}

/* A set and its keys stay as long as it has users. With the lock held. */
static void use(hf_service_set *set)
{
    set->users++;
}

static void leave(hf_key_service *service, hf_service_set *set)
{
    pthread_mutex_lock(&service->lock);
    if (--set->users == 0)
        pthread_cond_broadcast(&service->quiet);
    pthread_mutex_unlock(&service->lock);
}

/* With the lock held. */
static hf_service_set *find_set(hf_key_service *service, uint32_t number)
{
    for (size_t i = 0; i < HF_KEY_SERVICE_SETS; i++)
        if (service->sets[i].used && service->sets[i].number == number)
            return &service->sets[i];
    return NULL;
}

/* The set whose key that is, used by the caller now; NULL: no such key. */
static hf_service_set *set_of(hf_key_service *service, uint32_t index, hf_key **out_key)
{
    size_t i = index % HF_LIMIT_CREDENTIALS;
    pthread_mutex_lock(&service->lock);
    hf_service_set *set = find_set(service, index / HF_LIMIT_CREDENTIALS);
    if (set && (!set->open || i >= set->n))
        set = NULL;
    if (set) {
        use(set);
        *out_key = set->keys[i];
    }
    pthread_mutex_unlock(&service->lock);
    return set;
}

static void list(hf_key_service *service, service_op *mine)
{
    pthread_mutex_lock(&service->lock);
    use(mine->set);
    mine->next = service->first;
    if (mine->next)
        mine->next->previous = mine;
    service->first = mine;
    pthread_mutex_unlock(&service->lock);
}

static void unlist(hf_key_service *service, service_op *mine)
{
    pthread_mutex_lock(&service->lock);
    if (mine->next)
        mine->next->previous = mine->previous;
    *(mine->previous ? &mine->previous->next : &service->first) = mine->next;
    pthread_mutex_unlock(&service->lock);
}

static void finished(void *arg, hf_key_op *op)
{
    service_op *mine = arg;
    hf_key_service *service = mine->service;
    hf_service_set *set = mine->set;
    (void)op;
    unlist(service, mine);
    size_t len = mine->op.result_len <= HF_KEY_RESULT_MAX ? mine->op.result_len : 0;
    send_result(service, mine->wire_id, mine->op.status, admits(mine->key), mine->op.result, len);
    hf_wipe(mine, sizeof *mine + mine->op.input_len);
    free(mine);
    atomic_fetch_sub(&service->pending, 1);
    leave(service, set);
}

static bool can_make(const hf_key *key, uint16_t scheme)
{
    for (size_t i = 0; i < HF_KEY_SCHEMES_MAX && key->schemes[i]; i++)
        if (key->schemes[i] == scheme)
            return true;
    return false;
}

/* Bytes of the digest that a scheme signs; 0: Ed25519, which signs the message. */
static size_t digest_size(uint16_t scheme)
{
    switch (scheme) {
    case HF_RSA_PKCS1_SHA256:
    case HF_RSA_PSS_RSAE_SHA256:
    case HF_RSA_PSS_PSS_SHA256:
    case HF_ECDSA_SECP256R1_SHA256:
        return 32;
    case HF_RSA_PKCS1_SHA384:
    case HF_RSA_PSS_RSAE_SHA384:
    case HF_RSA_PSS_PSS_SHA384:
    case HF_ECDSA_SECP384R1_SHA384:
        return 48;
    case HF_ED25519:
        return 0;
    default:
        return 64;
    }
}

static hf_status judge(hf_key_service *service, const hf_key *key, const hf_wire_request *request)
{
    if (request->kind == HF_KEY_OP_SIGN) {
        size_t size = digest_size(request->scheme);
        if (!can_make(key, request->scheme) || (size && request->input_len != size) || request->input_len == 0)
            return HF_ERR_INVALID;
    } else if (!key->can_decrypt || request->input_len == 0) {
        return HF_ERR_INVALID;
    }
    if (atomic_load(&service->pending) >= HF_KEY_SERVICE_PENDING_MAX)
        return HF_ERR_BUSY;
    if (!hf_rate_take(&service->rate, hf_time_us(CLOCK_MONOTONIC))) {
        atomic_fetch_add(&service->refused_rate, 1);
        hf_log_limited("the key process refused an operation: more than --key-rate allows");
        return HF_ERR_BUSY;
    }
    return HF_OK;
}

static hf_status submit_to(hf_key_service *service, hf_service_set *set, hf_key *key, uint64_t id,
                           const hf_wire_request *request)
{
    hf_status status = judge(service, key, request);
    if (status != HF_OK)
        return status;
    service_op *mine = calloc(1, sizeof *mine + request->input_len);
    if (!mine)
        return HF_ERR_NO_MEMORY;
    mine->service = service;
    mine->wire_id = id;
    memcpy(mine->input, request->input, request->input_len);
    mine->op = (hf_key_op){.id = id,
                           .conn_id = request->conn_id,
                           .key = key,
                           .kind = request->kind,
                           .scheme = request->scheme,
                           .client_version = request->client_version,
                           .input = mine->input,
                           .input_len = request->input_len,
                           .status = HF_ERR_STATE};
    if (request->fallback)
        memcpy(mine->op.fallback, request->fallback, HF_PREMASTER_SIZE);
    mine->set = set;
    mine->key = key;
    atomic_fetch_add(&service->pending, 1);
    list(service, mine);
    key->ops->submit(key, &mine->op, finished, mine);
    return HF_OK;
}

static hf_status submit(hf_key_service *service, uint64_t id, const hf_wire_request *request)
{
    hf_key *key = NULL;
    hf_service_set *set = set_of(service, request->key, &key);
    if (!set)
        return HF_ERR_INVALID;
    hf_status status = submit_to(service, set, key, id, request);
    leave(service, set);
    return status;
}

/* Only this thread makes operations, so what is found stays what it is, though it may end meanwhile: cancel compares
 * the pointer and does not follow it. */
static void cancel(hf_key_service *service, uint64_t id)
{
    pthread_mutex_lock(&service->lock);
    service_op *mine = service->first;
    while (mine && mine->wire_id != id)
        mine = mine->next;
    hf_service_set *set = mine ? mine->set : NULL;
    hf_key *key = mine ? mine->key : NULL;
    if (set)
        use(set);
    pthread_mutex_unlock(&service->lock);
    if (key && key->ops->cancel)
        key->ops->cancel(key, finished, mine);
    if (set)
        leave(service, set);
}

static void send_report(hf_key_service *service, uint64_t id)
{
    size_t max = HF_WIRE_MAX - HF_WIRE_HEAD - 4;
    char *text = malloc(max);
    unsigned serving = 0;
    if (text) {
        size_t len = service->report ? service->report(service->arg, text, max, &serving) : 0;
        hf_wire_body body = {.number = serving, .data = (const uint8_t *)text, .len = len};
        (void)send_body(service, HF_WIRE_REPORT, id, &body);
    }
    free(text);
}

void hf_key_service_send_ticket(hf_key_service *service, uint64_t hour, hf_status status, const uint8_t *secret)
{
    uint8_t message[HF_WIRE_HEAD + 4 + HF_WIRE_TICKET_SIZE];
    hf_wire_body body = {.number = (uint32_t)status, .data = secret, .len = status == HF_OK ? HF_WIRE_TICKET_SIZE : 0};
    (void)send_all(service, message, hf_wire_put_body(message, sizeof message, HF_WIRE_TICKET_SECRET, hour, &body));
    hf_wipe(message, sizeof message);
}

void hf_key_service_take(hf_key_service *service, uint8_t *data, size_t len)
{
    hf_wire_head head;
    hf_wire_request request;
    bool good = hf_wire_head_read(data, len, &head);
    bool empty = good && head.body_len == 0;

    if (good && (head.type == HF_WIRE_SIGN || head.type == HF_WIRE_DECRYPT)) {
        good = hf_wire_request_read(data, &head, &request);
        hf_status status = good ? submit(service, head.id, &request) : HF_OK;
        if (status != HF_OK)
            send_result(service, head.id, status, status != HF_ERR_BUSY, NULL, 0);
    } else if (empty && head.type == HF_WIRE_ASK) {
        send_report(service, head.id);
    } else if (empty && (head.type == HF_WIRE_ADOPT || head.type == HF_WIRE_DROP) && head.id <= UINT32_MAX) {
        if (service->settle)
            service->settle(service->arg, (uint32_t)head.id, head.type == HF_WIRE_ADOPT);
    } else if (empty && head.type == HF_WIRE_TICKET) {
        if (service->ticket)
            service->ticket(service->arg, head.id);
        else
            hf_key_service_send_ticket(service, head.id, HF_ERR_INVALID, NULL);
    } else if (empty && head.type == HF_WIRE_CANCEL) {
        cancel(service, head.id);
    } else {
        good = false;
    }
    if (!good) {
        atomic_fetch_add(&service->malformed, 1);
        hf_log_limited("the key process dropped a malformed message: the network process is broken or taken over");
    }
    hf_wipe(data, len);
}

void hf_key_service_init(hf_key_service *service, int fd, unsigned rate)
{
    memset(service, 0, sizeof *service);
    service->fd = fd;
    hf_rate_init(&service->rate, rate, hf_time_us(CLOCK_MONOTONIC));
    pthread_mutex_init(&service->lock, NULL);
    pthread_cond_init(&service->quiet, NULL);
}

void hf_key_service_cleanup(hf_key_service *service)
{
    pthread_cond_destroy(&service->quiet);
    pthread_mutex_destroy(&service->lock);
}

void hf_key_service_run(hf_key_service *service)
{
    uint8_t *data = malloc(HF_WIRE_MAX + 1);
    while (data) {
        /* MSG_TRUNC: the real length, so that what was cut counts as too long. */
        ssize_t got = recv(service->fd, data, HF_WIRE_MAX + 1, MSG_TRUNC);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        hf_key_service_take(service, data, (size_t)got <= HF_WIRE_MAX ? (size_t)got : HF_WIRE_MAX + 1);
    }
    free(data);
}

/* ---- Sets of keys ---- */

bool hf_key_service_open_set(hf_key_service *service, uint32_t number, hf_key *const *keys, size_t n)
{
    hf_service_set *set = NULL;
    pthread_mutex_lock(&service->lock);
    for (size_t i = 0; i < HF_KEY_SERVICE_SETS && !set && n <= HF_LIMIT_CREDENTIALS; i++)
        if (!service->sets[i].used)
            set = &service->sets[i];
    if (set) {
        *set = (hf_service_set){.used = true, .open = true, .number = number, .n = n};
        memcpy(set->keys, keys, n * sizeof *keys);
    }
    pthread_mutex_unlock(&service->lock);
    return set != NULL;
}

void hf_key_service_close_set(hf_key_service *service, uint32_t number)
{
    pthread_mutex_lock(&service->lock);
    hf_service_set *set = find_set(service, number);
    if (set) {
        set->open = false;
        while (set->users > 0)
            pthread_cond_wait(&service->quiet, &service->lock);
        *set = (hf_service_set){.used = false};
    }
    pthread_mutex_unlock(&service->lock);
}

/* ---- Introduction ---- */

typedef struct introduction {
    hf_key_service *service;
    uint32_t index;
} introduction;

static hf_status send_cert(void *arg, const uint8_t *der, size_t len)
{
    const introduction *to = arg;
    hf_wire_body body = {.number = to->index, .data = der, .len = len};
    return send_body(to->service, HF_WIRE_CERT, 0, &body) ? HF_OK : HF_ERR_IO;
}

static bool send_key(hf_key_service *service, const hf_key *key, uint32_t index)
{
    hf_wire_key face = {.index = index,
                        .type = key->type,
                        .bits = key->bits,
                        .group = key->group,
                        .can_decrypt = key->can_decrypt,
                        .label = key->label,
                        .label_len = strnlen(key->label, HF_WIRE_TEXT_MAX),
                        .where = key->where,
                        .where_len = strlen(key->where),
                        .spki = key->spki,
                        .spki_len = key->spki_len};
    memcpy(face.schemes, key->schemes, sizeof face.schemes);
    uint8_t *message = malloc(HF_WIRE_MAX);
    bool sent = message && send_all(service, message, hf_wire_put_key(message, HF_WIRE_MAX, &face));
    free(message);
    return sent;
}

static bool show(hf_key_service *service, uint32_t number, hf_key_certs_fn *certs)
{
    hf_key *key = NULL;
    hf_service_set *set;
    bool sent = true;
    for (uint32_t i = 0; sent && (set = set_of(service, HF_WIRE_INDEX(number, i), &key)); i++) {
        introduction to = {.service = service, .index = HF_WIRE_INDEX(number, i)};
        sent = send_key(service, key, to.index) && (!certs || certs(key, send_cert, &to) != HF_ERR_IO);
        bool last = i + 1 == set->n;
        leave(service, set);
        if (last)
            break;
    }
    return sent;
}

bool hf_key_service_introduce(hf_key_service *service, hf_key_certs_fn *certs)
{
    uint8_t message[HF_WIRE_HEAD];
    return show(service, 0, certs) &&
           send_all(service, message, hf_wire_put_empty(message, sizeof message, HF_WIRE_READY, 0));
}

bool hf_key_service_show(hf_key_service *service, uint32_t number, hf_key_certs_fn *certs)
{
    hf_wire_body body = {.number = HF_OK};
    return show(service, number, certs) && send_body(service, HF_WIRE_RELOADED, number, &body);
}

void hf_key_service_refuse(hf_key_service *service, uint32_t number, hf_status status)
{
    hf_wire_body body = {.number = (uint32_t)status};
    (void)send_body(service, HF_WIRE_RELOADED, number, &body);
}
