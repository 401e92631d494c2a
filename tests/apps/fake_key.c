/* A key behind a gate, and the world around it. */
#include "fake_key.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handfast/providers.h"

#define WAIT_STEPS 6000 /* of 10 ms */

/* ---- The key ---- */

static void fake_submit(hf_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    fake_world *world = (fake_world *)key;
    if (!world->gate_closed) {
        world->inner->ops->submit(world->inner, op, done, arg);
        return;
    }
    int i = world->n_waiting;
    cr_assert_lt(i, FAKE_WAITING_MAX);
    world->waiting[i].op = op;
    world->waiting[i].done = done;
    world->waiting[i].arg = arg;
    atomic_fetch_add(&world->n_waiting, 1);
}

static void fake_retain(hf_key *key)
{
    atomic_fetch_add(&((fake_world *)key)->references, 1);
}

static void fake_drop(hf_key *key)
{
    atomic_fetch_sub(&((fake_world *)key)->references, 1);
}

static void fake_cancel(hf_key *key, hf_key_done_fn *done, void *arg)
{
    fake_world *world = (fake_world *)key;
    world->n_cancels++;
    for (int i = world->n_released; world->queued && i < world->n_waiting; i++)
        if (world->waiting[i].done == done && world->waiting[i].arg == arg) {
            cr_assert_eq(i, world->n_released, "the tests cancel the oldest");
            world->n_released++;
            world->waiting[i].op->status = HF_ERR_CANCELED;
            done(arg, world->waiting[i].op);
        }
}

void fake_await(fake_world *world, int n)
{
    for (int i = 0; i < WAIT_STEPS && world->n_waiting < n; i++)
        usleep(10000);
    cr_assert_geq(world->n_waiting, n, "an operation did not come to its key");
}

static void *release_thread(void *arg)
{
    fake_world *world = arg;
    int i = world->n_released;
    world->inner->ops->submit(world->inner, world->waiting[i].op, world->waiting[i].done, world->waiting[i].arg);
    return NULL;
}

void fake_release(fake_world *world)
{
    pthread_t thread;
    cr_assert_lt(world->n_released, world->n_waiting);
    cr_assert_eq(pthread_create(&thread, NULL, release_thread, world), 0);
    pthread_join(thread, NULL);
    world->n_released++;
}

/* ---- Certificate and configurations ---- */

static size_t self_signed(EVP_PKEY *key, uint8_t **out_der)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"fake", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    cr_assert(X509_sign(cert, key, EVP_sha256()));
    int len = i2d_X509(cert, out_der);
    X509_free(cert);
    return (size_t)len;
}

static void make_configs(fake_world *world, const uint8_t *der, size_t der_len)
{
    char why[256] = "";
    hf_credential credential = {.certs = &der, .cert_lens = &der_len, .n = 1, .key = &world->face};
    cr_assert_eq(hf_config_new(hf_env_system(), &world->crypto, &world->server), HF_OK);
    cr_assert_eq(hf_config_add_credential(world->server, &credential), HF_OK);
    cr_assert_eq(hf_config_build(world->server, HF_ROLE_SERVER, why, sizeof why), HF_OK, "%s", why);
    cr_assert_eq(hf_config_new(hf_env_system(), &world->crypto, &world->client), HF_OK);
    cr_assert_eq(hf_config_set_insecure(world->client, true), HF_OK);
    cr_assert_eq(hf_config_build(world->client, HF_ROLE_CLIENT, why, sizeof why), HF_OK, "%s", why);
}

void fake_world_init(fake_world *world)
{
    static const hf_key_ops ops = {
        .submit = fake_submit, .retain = fake_retain, .release = fake_drop, .cancel = fake_cancel};
    char why[256] = "", *pem = NULL;
    uint8_t *der = NULL;
    memset(world, 0, sizeof *world);
    cr_assert_eq(hf_crypto_compose(NULL, &world->crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    cr_assert(key && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    long pem_len = BIO_get_mem_data(bio, &pem);
    cr_assert_eq(hf_pem_key_new((const uint8_t *)pem, (size_t)pem_len, "fake", &world->inner), HF_OK);
    world->face = *world->inner; /* its public half, */
    world->face.ops = &ops;      /* with our functions before it */
    size_t der_len = self_signed(key, &der);
    make_configs(world, der, der_len);
    OPENSSL_free(der);
    BIO_free(bio);
    EVP_PKEY_free(key);
}

void fake_world_cleanup(fake_world *world)
{
    hf_config_release(world->server);
    hf_config_release(world->client);
    cr_assert_eq(world->references, 0, "operations or configurations still hold the key");
    world->inner->ops->release(world->inner);
}

/* ---- In memory ---- */

static void carry(hf_conn *from, hf_conn *to)
{
    const uint8_t *out;
    uint8_t *in;
    size_t out_len, in_len;
    while ((hf_conn_wants(from) & HF_WANT_OUTPUT) && (hf_conn_wants(to) & HF_WANT_INPUT)) {
        cr_assert_eq(hf_conn_output_buf(from, &out, &out_len), HF_OK);
        cr_assert_eq(hf_conn_input_buf(to, &in, &in_len), HF_OK);
        size_t n = out_len < in_len ? out_len : in_len;
        memcpy(in, out, n);
        cr_assert_eq(hf_conn_input_ack(to, n), HF_OK);
        cr_assert_eq(hf_conn_output_ack(from, n), HF_OK);
    }
}

hf_key_op *fake_operation(fake_world *world, hf_conn **out_server, hf_conn **out_client)
{
    hf_worker *worker;
    hf_key_op *op = NULL;
    cr_assert_eq(hf_worker_new(&world->crypto, &worker), HF_OK);
    cr_assert_eq(hf_conn_new(world->server, NULL, out_server), HF_OK);
    cr_assert_eq(hf_conn_new(world->client, NULL, out_client), HF_OK);
    cr_assert_eq(hf_conn_step(*out_client, worker), HF_OK);
    carry(*out_client, *out_server);
    cr_assert_eq(hf_conn_step(*out_server, worker), HF_OK);
    cr_assert(hf_conn_wants(*out_server) & HF_WANT_KEY);
    cr_assert_eq(hf_conn_key_take(*out_server, &op), HF_OK);
    hf_worker_free(worker);
    return op;
}

/* ---- Over a socket ---- */

static void flush(fake_client *c)
{
    const uint8_t *data;
    size_t len;
    while ((hf_conn_wants(c->conn) & HF_WANT_OUTPUT) && hf_conn_output_buf(c->conn, &data, &len) == HF_OK) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
        cr_assert_gt(n, 0);
        cr_assert_eq(hf_conn_output_ack(c->conn, (size_t)n), HF_OK);
    }
}

/* As recv does without a time limit: a stop and its end interrupt what has one. */
static ssize_t receive(fake_client *c, void *room, size_t len)
{
    ssize_t n;
    do
        n = recv(c->fd, room, len, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Waits for input once; false at the end. */
static bool fill(fake_client *c)
{
    uint8_t *room;
    size_t len;
    cr_assert_eq(hf_conn_input_buf(c->conn, &room, &len), HF_OK);
    ssize_t n = receive(c, room, len);
    cr_assert_eq(hf_conn_input_ack(c->conn, n > 0 ? (size_t)n : 0), HF_OK);
    return n > 0;
}

void fake_client_greet(fake_client *c)
{
    hf_conn_info info;
    for (;;) {
        cr_assert_eq(hf_conn_step(c->conn, c->worker), HF_OK, "%s", hf_conn_reason(c->conn));
        flush(c);
        hf_conn_get_info(c->conn, &info);
        if (info.connected)
            return;
        cr_assert(fill(c), "the server left during the handshake");
    }
}

void fake_client_open(fake_client *c, fake_world *world, int port, bool greet)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval wait = {.tv_sec = 60};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(c->fd, (struct sockaddr *)&to, sizeof to), 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    cr_assert_eq(hf_worker_new(&world->crypto, &c->worker), HF_OK);
    cr_assert_eq(hf_conn_new(world->client, NULL, &c->conn), HF_OK);
    cr_assert_eq(hf_conn_step(c->conn, c->worker), HF_OK);
    flush(c);
    if (greet)
        fake_client_greet(c);
}

bool fake_client_echo(fake_client *c, size_t len)
{
    uint8_t *data = malloc(len);
    size_t taken = 0, got = 0, n;
    const uint8_t *plain;
    bool same = true;
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 31 + i / 256);
    for (size_t at = 0; at < len; at += taken) {
        cr_assert_eq(hf_conn_write(c->conn, c->worker, data + at, len - at, &taken), HF_OK);
        cr_assert_gt(taken, 0);
        flush(c);
    }
    while (got < len) {
        cr_assert_eq(hf_conn_step(c->conn, c->worker), HF_OK);
        if (hf_conn_wants(c->conn) & HF_WANT_PLAINTEXT) {
            cr_assert_eq(hf_conn_plaintext_buf(c->conn, &plain, &n), HF_OK);
            same = same && got + n <= len && memcmp(plain, data + got, n) == 0;
            got += n;
            cr_assert_eq(hf_conn_plaintext_ack(c->conn, n), HF_OK);
        } else if (!fill(c)) {
            same = false;
            break;
        }
    }
    free(data);
    return same;
}

bool fake_client_ended(fake_client *c)
{
    uint8_t rest[4096];
    ssize_t n;
    while ((n = receive(c, rest, sizeof rest)) > 0)
        ;
    return n == 0;
}

void fake_client_close(fake_client *c)
{
    close(c->fd);
    hf_conn_free(c->conn);
    hf_worker_free(c->worker);
}
