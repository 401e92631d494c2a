/* See key_world.h. */
#include "key_world.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handfast/providers.h"

/* ---- A key process of one thread, with a key that can be made to wait ---- */

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

void holder_open(holder *h)
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

/* Making an RSA key takes long: those of holders that are over are used again. Holders that live at once differ. */
static BIO *made[4];
static size_t n_alive;

static BIO *key_text(size_t i)
{
    cr_assert_lt(i, sizeof made / sizeof made[0]);
    if (!made[i]) {
        EVP_PKEY *pkey = EVP_RSA_gen(2048);
        made[i] = BIO_new(BIO_s_mem());
        cr_assert(pkey && PEM_write_bio_PrivateKey(made[i], pkey, NULL, NULL, 0, NULL, NULL) == 1);
        EVP_PKEY_free(pkey);
    }
    return made[i];
}

void holder_init(holder *h)
{
    char *pem = NULL;
    memset(h, 0, sizeof *h);
    long len = BIO_get_mem_data(key_text(n_alive++), &pem);
    cr_assert_eq(hf_pem_key_new((const uint8_t *)pem, (size_t)len, "test key", &h->inner), HF_OK);
    pthread_mutex_init(&h->lock, NULL);
    h->face = *h->inner;
    h->face.ops = &holder_ops;
}

void holder_cleanup(holder *h)
{
    h->inner->ops->release(h->inner);
    pthread_mutex_destroy(&h->lock);
    n_alive--;
}

hf_status one_cert(hf_key *key, hf_status (*each)(void *arg, const uint8_t *der, size_t len), void *arg)
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

static void settle(void *arg, uint32_t number, bool adopt)
{
    process *p = arg;
    atomic_store(adopt ? &p->adopted : &p->dropped, number);
}

static void *process_thread(void *arg)
{
    process *p = arg;
    if (hf_key_service_introduce(&p->service, one_cert))
        hf_key_service_run(&p->service);
    return NULL;
}

/* What the supervisor does: a socket for the network process. */
void hand_over(int control, int fd, uint32_t reloads)
{
    cr_assert(hf_control_send(control, &(hf_control){.kind = HF_CONTROL_KEY, .number = reloads}, fd));
    close(fd);
}

static void start(process *p, holder *h, int control, unsigned rate, uint32_t reloads)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    p->fd = pair[1];
    p->keys[0] = &h->face;
    hf_key_service_init(&p->service, p->fd, rate);
    cr_assert(hf_key_service_open_set(&p->service, 0, p->keys, 1));
    p->service.report = report;
    p->service.settle = settle;
    p->service.arg = p;
    atomic_init(&p->adopted, 0);
    atomic_init(&p->dropped, 0);
    hand_over(control, pair[0], reloads);
    cr_assert_eq(pthread_create(&p->thread, NULL, process_thread, p), 0);
    p->running = true;
}

void process_start(process *p, holder *h, int control, unsigned rate)
{
    start(p, h, control, rate, 0);
}

void process_start_after(process *p, holder *h, int control, uint32_t reloads)
{
    start(p, h, control, 0, reloads);
}

/* May be called again. */
void process_kill(process *p)
{
    if (!p->running)
        return;
    p->running = false;
    shutdown(p->fd, SHUT_RDWR);
    pthread_join(p->thread, NULL);
}

void process_end(process *p)
{
    for (int i = 0; i < WAIT_STEPS && atomic_load(&p->service.pending); i++)
        usleep(10000);
    cr_assert_eq(atomic_load(&p->service.pending), 0);
    close(p->fd);
    hf_key_service_cleanup(&p->service);
}

/* ---- A network process ---- */

void came_back(void *arg, hf_key_op *op)
{
    asked *a = arg;
    cr_assert_eq(op, &a->op);
    atomic_fetch_add(&a->done, 1);
}

void ask(asked *a, hf_key *key, uint16_t scheme, size_t len)
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
    key->ops->submit(key, &a->op, came_back, a);
}

void await_done(asked *a)
{
    for (int i = 0; i < WAIT_STEPS && !a->done; i++)
        usleep(10000);
    cr_assert_eq(a->done, 1, "an operation did not come back once");
}

void expect(asked *a, hf_status status)
{
    await_done(a);
    cr_assert_eq(a->op.status, status, "%s", hf_status_text(a->op.status));
    cr_assert_eq(a->op.result_len, status == HF_OK ? 256 : 0);
}

void set_up(world *w, unsigned rate)
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

void tear_down(world *w)
{
    process_kill(&w->p);
    process_end(&w->p);
    w->key->ops->release(w->key);
    hf_key_client_free(w->client);
    close(w->control[0]);
    close(w->control[1]);
    holder_cleanup(&w->h);
}

void await_waiting(world *w, int n)
{
    for (int i = 0; i < WAIT_STEPS && atomic_load(&w->h.n) < n; i++)
        usleep(10000);
    cr_assert_geq(atomic_load(&w->h.n), n);
}
