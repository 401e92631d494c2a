/* Threads against each other: submitters, keys that come and go, release with operations pending and inside a
 * completion. A plain program and no Criterion suite, because Criterion cannot start under ThreadSanitizer, which is
 * what this is for. Works on the template token itself: nothing here writes to it. Counts must come out exactly. What
 * only a starved pool or a token without sessions would bring about is done by hand, under the pool's lock. */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "key.h"

enum { SUBMITTERS = 8, EACH = 60, REOPENERS = 2, REOPENS = 6, PENDING = 200, RELIEFS = 40 };

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

static hf_key *open_with(const hf_hsm_options *with, const char *uri)
{
    char why[2048];
    hf_key *key = NULL;

    if (hf_hsm_key_open(with, uri, &key, why, sizeof why) != HF_OK)
        fail(why);
    return key;
}

static hf_key *open_key(const char *uri)
{
    return open_with(&options, uri);
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

/* ---- Threads that change while they work ---- */

static void wait_for_all(tally *t, unsigned n)
{
    pthread_mutex_lock(&t->lock);
    while (t->good + t->other + t->canceled < n)
        pthread_cond_wait(&t->changed, &t->lock);
    pthread_mutex_unlock(&t->lock);
    if (t->good != n)
        fail("an operation failed while threads changed");
}

/* What the keeper does when others have the CPUs (priority.c). */
static void relieve_all(hf_pool *pool)
{
    hf_hub_lock();
    for (hf_worker_thread *w = pool->workers; w; w = w->next)
        if (!w->relieved && !w->ended && !hf_worker_relieve(w))
            fail("no thread");
    hf_bell_ring_all(&pool->work);
    hf_hub_unlock();
}

static void relieve_while_signing(void)
{
    const struct timespec pause = {.tv_nsec = 3 * 1000 * 1000};
    tally t = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    load l = {open_key("pkcs11:token=demo;object=p256"), open_key("pkcs11:token=demo;object=rsa"), &t};
    hf_pool *pool = hf_hsm_key_of(l.ec)->members[0].pool;
    pthread_t threads[2];
    hf_hsm_stats stats;

    for (size_t i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, submit_many, &l) != 0)
            fail("no thread");
    for (int i = 0; i < RELIEFS; i++) {
        relieve_all(pool);
        (void)nanosleep(&pause, NULL);
    }
    for (size_t i = 0; i < 2; i++)
        (void)pthread_join(threads[i], NULL);
    wait_for_all(&t, 2 * 2 * EACH);
    if (hf_hsm_key_stats(l.ec, &stats) != HF_OK || stats.tokens[0].threads != options.threads ||
        stats.tokens[0].sessions != options.threads || stats.tokens[0].reconnects != 0)
        fail("a thread did not go on with the session of the one before it");
    relieve_all(pool); /* and the end comes meanwhile */
    l.ec->ops->release(l.ec);
    l.rsa->ops->release(l.rsa);
}

/* A thread that hung in the first trial of a key comes back when another one has done it, and the key is in use. */
static void try_again_while_signing(void)
{
    tally t = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    load l = {open_key("pkcs11:token=demo;object=p256"), open_key("pkcs11:token=demo;object=rsa"), &t};
    hf_member *members[] = {&hf_hsm_key_of(l.ec)->members[0], &hf_hsm_key_of(l.rsa)->members[0]};
    const hf_token token = hf_pool_token(members[0]->pool, &(hf_p11_session){.handle = CK_INVALID_HANDLE});
    hf_p11_session session;
    pthread_t threads[2];

    if (hf_token_session(&token, false, &session) != CKR_OK)
        fail("no session");
    for (size_t i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, submit_many, &l) != 0)
            fail("no thread");
    for (int i = 0; i < 10; i++)
        if (hf_member_open(members[i % 2], &session, 1, &(hf_why){NULL, 0}) != HF_OK)
            fail("the trial of a key that works");
    for (size_t i = 0; i < 2; i++)
        (void)pthread_join(threads[i], NULL);
    wait_for_all(&t, 2 * 2 * EACH);
    (void)session.fn->C_CloseSession(session.handle);
    l.ec->ops->release(l.ec);
    l.rsa->ops->release(l.rsa);
}

static const hf_hsm_options scarce = {.module = HF_TEST_SOFTHSM,
                                      .pin_source = HF_TEST_FOLDER "/template/pin",
                                      .threads = 2,
                                      .session_max = 2,
                                      .operation_timeout_ms = 120000};

static void *reopen_scarce(void *arg)
{
    for (int i = 0; i < REOPENS; i++) {
        hf_key *key = open_with(&scarce, i % 2 ? "pkcs11:token=demo;object=p256" : "pkcs11:token=demo;object=rsa");
        key->ops->release(key);
    }
    return arg;
}

/* All sessions are the threads' own: whoever opens a key has one lent. */
static void lend_while_signing(void)
{
    tally t = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    load l = {open_with(&scarce, "pkcs11:token=demo;object=p256"), open_with(&scarce, "pkcs11:token=demo;object=rsa"),
              &t};
    pthread_t threads[2 + REOPENERS];
    hf_hsm_stats stats;

    for (size_t i = 0; i < 2 + REOPENERS; i++)
        if (pthread_create(&threads[i], NULL, i < 2 ? submit_many : reopen_scarce, &l) != 0)
            fail("no thread");
    for (size_t i = 0; i < 2 + REOPENERS; i++)
        (void)pthread_join(threads[i], NULL);
    wait_for_all(&t, 2 * 2 * EACH);
    if (hf_hsm_key_stats(l.ec, &stats) != HF_OK || stats.tokens[0].sessions != scarce.session_max)
        fail("a session was not given back");
    l.ec->ops->release(l.ec);
    l.rsa->ops->release(l.rsa);
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
    relieve_while_signing();
    lend_while_signing();
    try_again_while_signing();
    release_with_pending();
    release_on_a_worker();
    wait_for_threads(before);
    if (hf_hsm_threads_running() != 0)
        fail("threads that ended are still counted");
    return 0;
}
