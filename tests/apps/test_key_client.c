/* The network process's keys and the key process's service, joined by their sockets; the test is the supervisor. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handfast/providers.h"
#include "isolate.h"
#include "key_client.h"
#include "key_service.h"

#define WAIT_STEPS 6000 /* of 10 ms */

/* ---- A key process of one thread, with a key that can be made to wait ---- */

typedef struct holder {
    hf_key face; /* first */
    hf_key *inner;
    pthread_mutex_t lock;
    bool closed, reluctant;
    struct {
        hf_key_op *op;
        hf_key_done_fn *done;
        void *arg;
    } waiting[16];
    atomic_int n, canceled;
} holder;

static void holder_submit(hf_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    holder *h = (holder *)key;
    pthread_mutex_lock(&h->lock);
    bool closed = h->closed;
    if (closed) {
        cr_assert_lt(h->n, 16);
        h->waiting[h->n].op = op;
        h->waiting[h->n].done = done;
        h->waiting[h->n].arg = arg;
        h->n++;
    }
    pthread_mutex_unlock(&h->lock);
    if (!closed)
        h->inner->ops->submit(h->inner, op, done, arg);
}

static void holder_cancel(hf_key *key, hf_key_done_fn *done, void *arg)
{
    holder *h = (holder *)key;
    hf_key_op *op = NULL;
    pthread_mutex_lock(&h->lock);
    for (int i = 0; i < h->n; i++) {
        if (h->waiting[i].op && h->waiting[i].done == done && h->waiting[i].arg == arg) {
            op = h->waiting[i].op;
            h->waiting[i].op = NULL;
        }
    }
    pthread_mutex_unlock(&h->lock);
    if (!op)
        return;
    atomic_fetch_add(&h->canceled, 1);
    op->status = HF_ERR_CANCELED;
    done(arg, op);
}

static void holder_open(holder *h)
{
    pthread_mutex_lock(&h->lock);
    h->closed = false;
    int n = h->n;
    pthread_mutex_unlock(&h->lock);
    for (int i = 0; i < n; i++)
        if (h->waiting[i].op)
            h->inner->ops->submit(h->inner, h->waiting[i].op, h->waiting[i].done, h->waiting[i].arg);
    h->n = 0;
}

static bool holder_admits(const hf_key *key)
{
    return !((const holder *)key)->reluctant;
}

static void holder_count(hf_key *key)
{
    (void)key;
}

static const hf_key_ops holder_ops = {.submit = holder_submit,
                                      .retain = holder_count,
                                      .release = holder_count,
                                      .cancel = holder_cancel,
                                      .admits = holder_admits};

static void holder_init(holder *h)
{
    memset(h, 0, sizeof *h);
    EVP_PKEY *pkey = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    cr_assert(pkey && PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1);
    long len = BIO_get_mem_data(bio, &pem);
    cr_assert_eq(hf_pem_key_new((const uint8_t *)pem, (size_t)len, "test key", &h->inner), HF_OK);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    pthread_mutex_init(&h->lock, NULL);
    h->face = *h->inner;
    h->face.ops = &holder_ops;
}

typedef struct process {
    hf_key_service service;
    hf_key *keys[1];
    pthread_t thread;
    bool running; /* and to be joined */
    int fd;
} process;

static hf_status one_cert(hf_key *key, hf_status (*each)(void *arg, const uint8_t *der, size_t len), void *arg)
{
    (void)key;
    return each(arg, (const uint8_t *)"a certificate", 13);
}

static size_t report(void *arg, char *out, size_t max, unsigned *out_serving)
{
    (void)arg;
    (void)max;
    memcpy(out, "up 1\n\x01", 6);
    *out_serving = 1;
    return 6;
}

static void *process_thread(void *arg)
{
    process *p = arg;
    if (hf_key_service_introduce(&p->service, one_cert))
        hf_key_service_run(&p->service);
    return NULL;
}

/* What the supervisor does: a socket for the network process. */
static void hand_over(int control, int fd)
{
    char byte = 'K';
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } ancillary = {{0}};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = ancillary.room, .msg_controllen = sizeof ancillary.room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    cr_assert_eq(sendmsg(control, &message, 0), 1);
    close(fd);
}

static void process_start(process *p, holder *h, int control, unsigned rate)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    p->fd = pair[1];
    p->keys[0] = &h->face;
    hf_key_service_init(&p->service, p->fd, p->keys, 1, rate);
    p->service.report = report;
    hand_over(control, pair[0]);
    cr_assert_eq(pthread_create(&p->thread, NULL, process_thread, p), 0);
    p->running = true;
}

/* May be called again. */
static void process_kill(process *p)
{
    if (!p->running)
        return;
    p->running = false;
    shutdown(p->fd, SHUT_RDWR);
    pthread_join(p->thread, NULL);
}

static void process_end(process *p)
{
    for (int i = 0; i < WAIT_STEPS && atomic_load(&p->service.pending); i++)
        usleep(10000);
    cr_assert_eq(atomic_load(&p->service.pending), 0);
    close(p->fd);
    hf_key_service_cleanup(&p->service);
}

/* ---- A network process ---- */

typedef struct asked {
    hf_key_op op; /* first */
    uint8_t digest[32];
    atomic_int done;
} asked;

static void done(void *arg, hf_key_op *op)
{
    asked *a = arg;
    cr_assert_eq(op, &a->op);
    atomic_fetch_add(&a->done, 1);
}

static void ask(asked *a, hf_key *key, uint16_t scheme, size_t len)
{
    memset(a, 0, sizeof *a);
    memset(a->digest, 7, sizeof a->digest);
    a->op = (hf_key_op){.id = 1,
                        .conn_id = 2,
                        .key = key,
                        .kind = HF_KEY_OP_SIGN,
                        .scheme = scheme,
                        .input = a->digest,
                        .input_len = len,
                        .status = HF_ERR_STATE};
    key->ops->submit(key, &a->op, done, a);
}

static void await_done(asked *a)
{
    for (int i = 0; i < WAIT_STEPS && !a->done; i++)
        usleep(10000);
    cr_assert_eq(a->done, 1, "an operation did not come back once");
}

static void expect(asked *a, hf_status status)
{
    await_done(a);
    cr_assert_eq(a->op.status, status, "%s", hf_status_text(a->op.status));
    cr_assert_eq(a->op.result_len, status == HF_OK ? 256 : 0);
}

typedef struct world {
    holder h;
    process p;
    hf_key_client *client;
    hf_key *key;
    int control[2];
} world;

static void set_up(world *w, unsigned rate)
{
    holder_init(&w->h);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, w->control), 0);
    w->client = hf_key_client_new(w->control[0]);
    cr_assert(w->client);
    process_start(&w->p, &w->h, w->control[1], rate);
    cr_assert(hf_key_client_wait(w->client));
    cr_assert_eq(hf_key_client_count(w->client), 1);
    w->key = hf_key_client_key(w->client, 0);
    cr_assert(hf_key_client_start(w->client));
}

static void tear_down(world *w)
{
    process_kill(&w->p);
    process_end(&w->p);
    hf_key_client_free(w->client);
    close(w->control[0]);
    close(w->control[1]);
    w->h.inner->ops->release(w->h.inner);
    pthread_mutex_destroy(&w->h.lock);
}

static hf_status see_cert(void *arg, const uint8_t *der, size_t len)
{
    *(size_t *)arg += len;
    return memcmp(der, "a certificate", 13) == 0 ? HF_OK : HF_ERR_DECODE;
}

Test(key_client, signs_and_shows_the_key)
{
    world w;
    asked a;
    size_t certs = 0;
    set_up(&w, 0);
    cr_assert_str_eq(w.key->label, "test key");
    cr_assert_eq(w.key->spki_len, w.h.inner->spki_len);
    cr_assert_arr_eq(w.key->spki, w.h.inner->spki, w.key->spki_len);
    cr_assert(w.key->can_decrypt);
    cr_assert_eq(hf_key_client_certs(w.key, see_cert, &certs), HF_OK);
    cr_assert_eq(certs, 13);
    for (int i = 0; i < 20; i++) {
        ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
        expect(&a, HF_OK);
    }
    tear_down(&w);
}

Test(key_client, the_service_refuses_what_is_none_of_its_business)
{
    world w;
    asked a;
    set_up(&w, 0);
    ask(&a, w.key, HF_ECDSA_SECP256R1_SHA256, 32); /* not a scheme of this key */
    expect(&a, HF_ERR_INVALID);
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 31); /* not a digest */
    expect(&a, HF_ERR_INVALID);
    ask(&a, w.key, 0, 32);
    expect(&a, HF_ERR_INVALID);
    tear_down(&w);
}

Test(key_client, rate)
{
    world w;
    asked a[4];
    bool refused = false;
    set_up(&w, 3);
    for (int tries = 0; tries < 100 && !refused; tries++) { /* on a slow machine four may take more than a third */
        for (int i = 0; i < 4; i++)
            ask(&a[i], w.key, HF_RSA_PKCS1_SHA256, 32);
        for (int i = 0; i < 3 && tries == 0; i++)
            expect(&a[i], HF_OK);
        for (int i = 0; i < 4; i++) {
            await_done(&a[i]);
            refused = refused || a[i].op.status == HF_ERR_BUSY;
        }
    }
    cr_assert(refused, "more than three in a second");
    cr_assert_geq(atomic_load(&w.p.service.refused_rate), 1);
    tear_down(&w);
}

static void await_waiting(world *w, int n)
{
    for (int i = 0; i < WAIT_STEPS && atomic_load(&w->h.n) < n; i++)
        usleep(10000);
    cr_assert_geq(atomic_load(&w->h.n), n);
}

Test(key_client, death_takes_what_was_sent_and_nothing_else)
{
    world w;
    asked sent[3], later[3];
    process second;
    hf_key_client_state state;
    set_up(&w, 0);
    w.h.closed = true;
    for (int i = 0; i < 3; i++)
        ask(&sent[i], w.key, HF_RSA_PKCS1_SHA256, 32);
    await_waiting(&w, 3);
    process_kill(&w.p);
    for (int i = 0; i < 3; i++)
        expect(&sent[i], HF_ERR_TOKEN);
    for (int i = 0; i < 3; i++)
        ask(&later[i], w.key, HF_RSA_PKCS1_SHA256, 32); /* they wait for the next one */
    hf_key_client_get_state(w.client, &state);
    cr_assert_eq(state.pending, 3);
    cr_assert_not(state.connected);
    holder_open(&w.h);
    process_start(&second, &w.h, w.control[1], 0);
    for (int i = 0; i < 3; i++)
        expect(&later[i], HF_OK);
    hf_key_client_get_state(w.client, &state);
    cr_assert_eq(state.restarts, 1);
    cr_assert_eq(state.lost, 3);
    process_kill(&second);
    process_end(&second);
    tear_down(&w);
}

Test(key_client, gives_up_with_its_supervisor)
{
    world w;
    asked a;
    set_up(&w, 0);
    shutdown(w.control[1], SHUT_RDWR);
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32); /* the process that is there goes on */
    expect(&a, HF_OK);
    process_kill(&w.p);
    hf_key_client_state state = {.connected = true};
    for (int i = 0; i < WAIT_STEPS && (state.connected || !state.given_up); i++) {
        usleep(10000);
        hf_key_client_get_state(w.client, &state);
    }
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, HF_ERR_TOKEN_ABSENT);
    cr_assert_not(w.key->ops->admits(w.key));
    tear_down(&w);
}

Test(key_client, another_key_is_not_taken)
{
    world w;
    asked a;
    holder other;
    process second;
    set_up(&w, 0);
    holder_init(&other);
    process_kill(&w.p);
    process_start(&second, &other, w.control[1], 0);
    pthread_join(second.thread, NULL); /* its socket was closed */
    process_end(&second);
    hf_key_client_state state;
    hf_key_client_get_state(w.client, &state);
    cr_assert_not(state.connected);
    shutdown(w.control[1], SHUT_RDWR);
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, HF_ERR_TOKEN_ABSENT);
    other.inner->ops->release(other.inner);
    tear_down(&w);
}

Test(key_client, cancel)
{
    world w;
    asked a, b;
    set_up(&w, 0);
    w.h.closed = true;
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    ask(&b, w.key, HF_RSA_PKCS1_SHA256, 32);
    await_waiting(&w, 2);
    w.key->ops->cancel(w.key, done, &a); /* in the token's queue */
    expect(&a, HF_ERR_CANCELED);
    cr_assert_eq(w.h.canceled, 1);
    cr_assert_eq(b.done, 0);
    holder_open(&w.h);
    expect(&b, HF_OK);
    process_kill(&w.p);
    hf_key_client_state state = {.connected = true};
    for (int i = 0; i < WAIT_STEPS && state.connected; i++) {
        usleep(10000);
        hf_key_client_get_state(w.client, &state);
    }
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    ask(&b, w.key, HF_RSA_PKCS1_SHA256, 32);
    w.key->ops->cancel(w.key, done, &b); /* waiting for a process: the last of the line, then the only one */
    expect(&b, HF_ERR_CANCELED);
    cr_assert_eq(a.done, 0);
    w.key->ops->cancel(w.key, done, &a);
    expect(&a, HF_ERR_CANCELED);
    tear_down(&w);
}

Test(key_client, reluctance_is_told)
{
    world w;
    asked a;
    set_up(&w, 0);
    cr_assert(w.key->ops->admits(w.key));
    w.h.reluctant = true;
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, HF_OK);
    cr_assert_not(w.key->ops->admits(w.key));
    w.h.reluctant = false;
    for (int i = 0; i < WAIT_STEPS && !w.key->ops->admits(w.key); i++)
        usleep(10000);
    cr_assert(w.key->ops->admits(w.key), "it is reluctant for ever");
    tear_down(&w);
}

Test(key_client, report)
{
    world w;
    char text[64];
    unsigned serving = 0;
    set_up(&w, 0);
    size_t len = 0;
    for (int tries = 0; tries < 60 && len == 0; tries++) /* it waits for a second each time */
        len = hf_key_client_report(w.client, text, sizeof text, &serving);
    cr_assert_eq(len, 6);
    cr_assert_arr_eq(text, "up 1\n?", 6);
    cr_assert_eq(serving, 1);
    process_kill(&w.p);
    cr_assert_eq(hf_key_client_report(w.client, text, sizeof text, &serving), 0);
    cr_assert_eq(serving, 0);
    tear_down(&w);
}

/* ---- A key process that answers what it likes ---- */

static uint64_t next_request(int fd)
{
    uint8_t data[HF_WIRE_HEAD + 16 + HF_PREMASTER_SIZE + HF_WIRE_INPUT_MAX];
    hf_wire_head head;
    ssize_t got = recv(fd, data, sizeof data, 0);
    cr_assert_gt(got, 0);
    cr_assert(hf_wire_head_read(data, (size_t)got, &head));
    cr_assert_eq(head.type, HF_WIRE_SIGN);
    return head.id;
}

static void answer_with(int fd, uint64_t id, uint8_t byte)
{
    uint8_t result[256], message[HF_WIRE_HEAD + 4 + sizeof result];
    memset(result, byte, sizeof result);
    hf_wire_body body = {.number = HF_OK, .data = result, .len = sizeof result};
    size_t len = hf_wire_put_body(message, sizeof message, HF_WIRE_RESULT, id, &body);
    cr_assert_eq(send(fd, message, len, 0), (ssize_t)len);
}

/* The next operation gets the slot of the one before: an answer that comes twice must not be its answer. */
Test(key_client, an_answer_that_comes_twice_is_not_the_next_ones)
{
    world w = {.client = NULL};
    asked a, b;
    int pair[2];
    holder_init(&w.h);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, w.control), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    w.client = hf_key_client_new(w.control[0]);
    cr_assert(w.client);
    w.p.keys[0] = &w.h.face;
    hf_key_service_init(&w.p.service, pair[1], w.p.keys, 1, 0);
    cr_assert(hf_key_service_introduce(&w.p.service, NULL));
    hand_over(w.control[1], pair[0]);
    cr_assert(hf_key_client_wait(w.client));
    cr_assert(hf_key_client_start(w.client));
    w.key = hf_key_client_key(w.client, 0);

    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    uint64_t first = next_request(pair[1]);
    answer_with(pair[1], first, 1);
    expect(&a, HF_OK);
    ask(&b, w.key, HF_RSA_PKCS1_SHA256, 32);
    uint64_t second = next_request(pair[1]);
    cr_assert_eq((uint32_t)first, (uint32_t)second, "another slot: this test would not see the mistake");
    answer_with(pair[1], first, 2); /* once more */
    answer_with(pair[1], second, 3);
    expect(&b, HF_OK);
    cr_assert_eq(b.op.result[0], 3, "an old answer was taken");
    cr_assert_eq(a.op.result[0], 1);

    hf_key_client_free(w.client);
    hf_key_service_cleanup(&w.p.service);
    close(pair[1]);
    close(w.control[0]);
    close(w.control[1]);
    w.h.inner->ops->release(w.h.inner);
    pthread_mutex_destroy(&w.h.lock);
}

/* ---- Bytes of an intruder ---- */

Test(key_service, survives_any_bytes)
{
    world w;
    asked a;
    set_up(&w, 0);
    uint32_t seed = 12345;
    unsigned sent = 0;
    for (int i = 0; i < 20000; i++) {
        uint8_t data[300];
        size_t len = 0;
        for (; len < sizeof data; len++) {
            seed = seed * 1664525 + 1013904223;
            data[len] = (uint8_t)(seed >> 24);
        }
        len = 1 + seed % (sizeof data - 1);
        if (i % 2) { /* a good head before a bad body */
            memset(data, 0, HF_WIRE_HEAD);
            data[1] = HF_WIRE_VERSION;
            data[3] = (uint8_t)(1 + seed % 6);
            len = len < HF_WIRE_HEAD ? HF_WIRE_HEAD : len;
            data[6] = (uint8_t)((len - HF_WIRE_HEAD) >> 8);
            data[7] = (uint8_t)(len - HF_WIRE_HEAD);
        }
        hf_key_service_take(&w.p.service, data, len);
        for (size_t j = 0; j < len; j++)
            cr_assert_eq(data[j], 0, "a message was not wiped");
        sent++;
    }
    cr_assert_geq(atomic_load(&w.p.service.malformed), 15000);
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, HF_OK);
    tear_down(&w);
}
