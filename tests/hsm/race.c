/* Threads against each other: submitters, keys that come and go, release with operations pending and inside a
 * completion. A plain program and no Criterion suite, because Criterion cannot start under ThreadSanitizer, which is
 * what this is for. Works on the template token itself: nothing here writes to it. Counts must come out exactly. */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handfast/hsm.h"

enum { SUBMITTERS = 8, EACH = 60, REOPENERS = 2, REOPENS = 6, PENDING = 200 };

typedef struct tally {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned good, canceled, other;
} tally;

static const hf_hsm_options options = {
    .module = HF_TEST_SOFTHSM,
    .pin_source = HF_TEST_FOLDER "/template/pin",
    .threads = 4,
    .operation_timeout_ms = 120000, /* ThreadSanitizer on a busy machine takes its time */
};
static const uint8_t zeros[256];

static void fail(const char *what)
{
    fprintf(stderr, "race: %s\n", what);
    exit(1);
}

static hf_key *open_key(const char *uri)
{
    char why[2048];
    hf_key *key = NULL;

    if (hf_hsm_key_open(&options, uri, &key, why, sizeof why) != HF_OK)
        fail(why);
    return key;
}

static void count(void *arg, hf_key_op *op)
{
    tally *t = arg;

    pthread_mutex_lock(&t->lock);
    if (op->status == HF_OK)
        t->good++;
    else if (op->status == HF_ERR_CANCELED)
        t->canceled++;
    else
        t->other++;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    free(op);
}

static void submit(hf_key *key, tally *t, hf_key_done_fn *done)
{
    hf_key_op *op = calloc(1, sizeof *op);

    if (!op)
        fail("out of memory");
    op->input = zeros;
    op->input_len = key->can_decrypt ? 256 : 32;
    op->kind = key->can_decrypt ? HF_KEY_OP_DECRYPT : HF_KEY_OP_SIGN;
    op->scheme = key->can_decrypt ? 0 : HF_ECDSA_SECP256R1_SHA256;
    op->client_version = 0x0303;
    key->ops->submit(key, op, done, done == count ? (void *)t : (void *)key);
}

typedef struct load {
    hf_key *ec, *rsa;
    tally *t;
} load;

static void *submit_many(void *arg)
{
    load *l = arg;

    for (int i = 0; i < EACH; i++) {
        submit(l->ec, l->t, count);
        submit(l->rsa, l->t, count);
    }
    return NULL;
}

static void *reopen(void *arg)
{
    (void)arg;
    for (int i = 0; i < REOPENS; i++) {
        hf_key *key = open_key("pkcs11:token=demo;object=p256");
        key->ops->retain(key);
        key->ops->release(key);
        key->ops->release(key);
    }
    return NULL;
}

static void many_threads(void)
{
    tally t = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    load l = {open_key("pkcs11:token=demo;object=p256"), open_key("pkcs11:token=demo;object=rsa"), &t};
    pthread_t threads[SUBMITTERS + REOPENERS];

    for (size_t i = 0; i < SUBMITTERS + REOPENERS; i++)
        if (pthread_create(&threads[i], NULL, i < SUBMITTERS ? submit_many : reopen, &l) != 0)
            fail("no thread");
    for (size_t i = 0; i < SUBMITTERS + REOPENERS; i++)
        (void)pthread_join(threads[i], NULL);
    pthread_mutex_lock(&t.lock);
    while (t.good + t.other + t.canceled < 2 * SUBMITTERS * EACH)
        pthread_cond_wait(&t.changed, &t.lock);
    pthread_mutex_unlock(&t.lock);
    l.ec->ops->release(l.ec);
    l.rsa->ops->release(l.rsa);
    if (t.good != 2 * SUBMITTERS * EACH)
        fail("an operation of many threads failed");
}

static void release_with_pending(void)
{
    tally t = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    hf_key *key = open_key("pkcs11:token=demo;object=p256");

    for (int i = 0; i < PENDING; i++)
        submit(key, &t, count);
    key->ops->release(key);
    if (t.good + t.canceled != PENDING || t.other != 0)
        fail("an operation was lost or failed while the key was released");
}

static void release_inside(void *arg, hf_key_op *op)
{
    hf_key *key = arg;

    free(op);
    key->ops->release(key);
}

/* The key goes away on a thread of its own; opening again waits for its logout. */
static void release_on_a_worker(void)
{
    for (int i = 0; i < REOPENS; i++) {
        hf_key *key = open_key("pkcs11:token=demo;object=p256");
        submit(key, NULL, release_inside);
    }
    hf_key *key = open_key("pkcs11:token=demo;object=p256");
    key->ops->release(key);
}

/* ThreadSanitizer has a thread of its own from the first one on that a program starts. */
static void *nothing(void *arg)
{
    return arg;
}

static unsigned threads_now(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned n = 0;

    if (!tasks)
        fail("cannot count the threads");
    for (const struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks))
        n += entry->d_name[0] != '.';
    closedir(tasks);
    return n;
}

/* Keys that went away on threads of their own are still at it when their last operation is back. To leave main
 * meanwhile would take libcrypto away under their feet, so the end waits for them. */
static void wait_for_threads(unsigned before)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

    for (unsigned i = 0; threads_now() > before; i++) {
        if (i == 6000)
            fail("threads of released keys do not end");
        (void)nanosleep(&pause, NULL);
    }
}

int main(void)
{
    pthread_t first;

    if (pthread_create(&first, NULL, nothing, NULL) != 0 || pthread_join(first, NULL) != 0)
        fail("no thread");
    unsigned before = threads_now();
    if (setenv("SOFTHSM2_CONF", HF_TEST_FOLDER "/template/softhsm2.conf", 1) != 0)
        fail("no environment");
    hf_key *held = open_key("pkcs11:token=demo;object=p256");
    if (hf_hsm_threads_running() == 0)
        fail("a key without threads");
    held->ops->release(held);
    many_threads();
    release_with_pending();
    release_on_a_worker();
    wait_for_threads(before);
    if (hf_hsm_threads_running() != 0)
        fail("threads that ended are still counted");
    return 0;
}
