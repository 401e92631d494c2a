/* The loop of one connection over a blocking socket, and what it waits for: the socket and the private key. */
#include "drive.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* An operation of the private key on its way. A program with many connections would go on with the others here and come
 * back when `done` was called; this one has nothing else to do. */
typedef struct answer {
    pthread_mutex_t lock;
    pthread_cond_t came;
    hf_key_op *op;
} answer;

/* hf_key_done_fn: on any thread, and with a key in a file before submit returns. */
static void key_done(void *arg, hf_key_op *op)
{
    answer *a = arg;
    pthread_mutex_lock(&a->lock);
    a->op = op;
    pthread_cond_signal(&a->came);
    pthread_mutex_unlock(&a->lock);
}

static bool ask_key(hf_conn *conn)
{
    answer a = {.lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER};
    hf_key_op *op;

    if (hf_conn_key_take(conn, &op) != HF_OK)
        return false;
    op->key->ops->submit(op->key, op, key_done, &a);
    pthread_mutex_lock(&a.lock);
    while (!a.op)
        pthread_cond_wait(&a.came, &a.lock);
    pthread_mutex_unlock(&a.lock);
    return hf_conn_key_done(conn, a.op) == HF_OK; /* consumes it, whatever came of it */
}

static bool send_output(hf_conn *conn, int fd)
{
    const uint8_t *out;
    size_t len;

    if (hf_conn_output_buf(conn, &out, &len) != HF_OK)
        return false;
    ssize_t n = send(fd, out, len, MSG_NOSIGNAL);
    return n > 0 && hf_conn_output_ack(conn, (size_t)n) == HF_OK;
}

static bool receive_input(hf_conn *conn, int fd)
{
    uint8_t *in;
    size_t len;

    if (hf_conn_input_buf(conn, &in, &len) != HF_OK)
        return false;
    ssize_t n = recv(fd, in, len, 0);
    if (n <= 0)
        hf_conn_input_eof(conn); /* without the peer's close_notify the connection fails now */
    return hf_conn_input_ack(conn, n > 0 ? (size_t)n : 0) == HF_OK;
}

bool drive(hf_conn *conn, hf_worker *worker, int fd, unsigned until)
{
    for (bool good = true; good;) {
        hf_status sticky = hf_conn_step(conn, worker); /* of a failed connection the alert is still to be sent */
        unsigned wants = hf_conn_wants(conn);
        (void)sticky;
        if (wants & HF_WANT_OUTPUT)
            good = send_output(conn, fd);
        else if (wants & (until | HF_WANT_CLOSED))
            return wants & until;
        else if (wants & HF_WANT_KEY)
            good = ask_key(conn);
        else
            good = (wants & HF_WANT_INPUT) && receive_input(conn, fd);
    }
    return false;
}

bool finish(hf_conn *conn, hf_worker *worker, int fd)
{
    const uint8_t *data;
    size_t len;

    hf_conn_close(conn, worker);
    while (drive(conn, worker, fd, HF_WANT_PLAINTEXT)) /* not ours to read any more, but it stands before the end */
        if (hf_conn_plaintext_buf(conn, &data, &len) != HF_OK || hf_conn_plaintext_ack(conn, len) != HF_OK)
            return false;
    return hf_conn_wants(conn) == HF_WANT_CLOSED && hf_conn_status(conn) == HF_OK;
}

unsigned char *read_file(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rb");
    unsigned char *data = file ? malloc(1 << 16) : NULL;

    *out_len = data ? fread(data, 1, 1 << 16, file) : 0;
    if (file)
        (void)fclose(file);
    if (!data)
        fprintf(stderr, "%s cannot be read\n", path);
    return data;
}
