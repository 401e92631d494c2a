/* The queue and its threads: bounds, cancelling, release from everywhere. */
#include <criterion/criterion.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(hsm_pool, .init = token_setup, .fini = token_teardown);

/* Counts completions by kind. */
typedef struct tally {
    atomic_uint good, busy, canceled, other;
} tally;

static void count(void *arg, hf_key_op *op)
{
    tally *t = arg;

    if (op->status == HF_OK)
        atomic_fetch_add(&t->good, 1);
    else if (op->status == HF_ERR_BUSY)
        atomic_fetch_add(&t->busy, 1);
    else if (op->status == HF_ERR_CANCELED)
        atomic_fetch_add(&t->canceled, 1);
    else
        atomic_fetch_add(&t->other, 1);
    free(op);
}

static unsigned total(tally *t)
{
    return atomic_load(&t->good) + atomic_load(&t->busy) + atomic_load(&t->canceled) + atomic_load(&t->other);
}

static void submit_sign(hf_key *key, tally *t)
{
    static const uint8_t digest[32];

    key->ops->submit(key, make_sign(key, HF_ECDSA_SECP256R1_SHA256, digest, sizeof digest), count, t);
}

static void wait_until(atomic_uint *value, unsigned at_least)
{
    while (atomic_load(value) < at_least)
        usleep(1000);
}

/* Holds the only worker inside C_Sign. */
static void hold_worker(hf_key *key, tally *t)
{
    atomic_store(&mask->held, 0);
    atomic_store(&mask->hold, true);
    submit_sign(key, t);
    wait_until(&mask->held, 1);
}

Test(hsm_pool, full_queue_is_busy)
{
    tally t = {0};
    hf_key *key = open_key("p256", 1);

    hold_worker(key, &t);
    for (unsigned i = 0; i < HF_HSM_QUEUE_MAX; i++)
        submit_sign(key, &t);
    cr_expect_eq(total(&t), 0, "submit does not wait");
    submit_sign(key, &t);
    submit_sign(key, &t);
    cr_expect_eq(atomic_load(&t.busy), 2);
    atomic_store(&mask->hold, false);
    wait_until(&t.good, HF_HSM_QUEUE_MAX + 1);
    cr_expect_eq(total(&t), HF_HSM_QUEUE_MAX + 3);
    key->ops->release(key);
}

static void *let_go(void *arg)
{
    (void)arg;
    usleep(20000);
    atomic_store(&mask->hold, false);
    return NULL;
}

Test(hsm_pool, release_with_pending_operations)
{
    tally t = {0};
    pthread_t thread;
    hf_key *key = open_key("p256", 1);

    hold_worker(key, &t);
    for (unsigned i = 0; i < 10; i++)
        submit_sign(key, &t);
    cr_assert_eq(pthread_create(&thread, NULL, let_go, NULL), 0);
    key->ops->release(key); /* waits for the one that runs, cancels the others */
    cr_expect_eq(atomic_load(&t.good), 1);
    cr_expect_eq(atomic_load(&t.canceled), 10);
    cr_expect_eq(total(&t), 11);
    cr_expect_eq(atomic_load(&mask->sessions), 0);
    pthread_join(thread, NULL);
}

Test(hsm_pool, references)
{
    hf_key *key = open_key("p256", 1);

    key->ops->retain(key);
    key->ops->release(key);
    cr_expect_eq(sign_zeros(key, HF_ECDSA_SECP256R1_SHA256), HF_OK);
    cr_expect_eq(mask_count(MASK_LOGOUT), 0);
    key->ops->release(key);
    cr_expect_eq(mask_count(MASK_LOGOUT), 1);
}

/* What the engine does when the last connection goes inside a completion. */
static void release_inside(void *arg, hf_key_op *op)
{
    hf_key *key = arg;

    free(op);
    key->ops->release(key);
}

Test(hsm_pool, last_release_on_a_worker)
{
    static const uint8_t digest[32];
    hf_key *key = open_key("p256", 2);

    key->ops->submit(key, make_sign(key, HF_ECDSA_SECP256R1_SHA256, digest, sizeof digest), release_inside, key);
    wait_until(&mask->calls[MASK_FINALIZE], 1);
    cr_expect_eq(atomic_load(&mask->sessions), 0);
    cr_expect_eq(mask_count(MASK_LOGOUT), 1);
}

#define SUBMITTERS 8
#define EACH 50

typedef struct load {
    hf_key *ec, *rsa;
    tally *tally;
} load;

static void *submit_many(void *arg)
{
    static const uint8_t input[256] = {0, 1};
    load *l = arg;

    for (int i = 0; i < EACH; i++) {
        submit_sign(l->ec, l->tally);
        l->rsa->ops->submit(l->rsa, make_decrypt(l->rsa, input, sizeof input), count, l->tally);
    }
    return NULL;
}

Test(hsm_pool, eight_threads)
{
    tally t = {0};
    load l = {.ec = open_key("p256", 8), .rsa = open_key("rsa", 8), .tally = &t};
    pthread_t threads[SUBMITTERS];

    cr_expect_eq(atomic_load(&mask->sessions), 8, "one session a thread, whatever number of keys");
    for (size_t i = 0; i < SUBMITTERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, submit_many, &l), 0);
    for (size_t i = 0; i < SUBMITTERS; i++)
        pthread_join(threads[i], NULL);
    wait_until(&t.good, 2 * SUBMITTERS * EACH);
    cr_expect_eq(total(&t), 2 * SUBMITTERS * EACH);
    cr_expect_eq(mask_count(MASK_LOGIN), 1);
    l.ec->ops->release(l.ec);
    l.rsa->ops->release(l.rsa);
}

Test(hsm_pool, token_with_few_sessions)
{
    tally t = {0};

    atomic_store(&mask->sessions_max, 3);
    hf_key *key = open_key("p256", 8);
    cr_expect(strstr(why, "only 3 sessions"), "%s", why);
    for (int i = 0; i < 20; i++)
        submit_sign(key, &t);
    wait_until(&t.good, 20);
    key->ops->release(key);

    atomic_store(&mask->sessions_max, 1);
    key = open_key("p256", 8);
    cr_expect(strstr(why, "only 1 sessions"), "%s", why);
    cr_expect_eq(sign_zeros(key, HF_ECDSA_SECP256R1_SHA256), HF_OK);
    key->ops->release(key);
    cr_expect_eq(atomic_load(&mask->sessions), 0);
}

/* A worker whose session is gone answers each operation, and is still there to be joined. */
Test(hsm_pool, every_operation_of_a_dead_token_fails)
{
    tally t = {0};
    hf_key *key = open_key("p256", 4);

    atomic_store(&mask->code[MASK_SIGN_INIT], CKR_DEVICE_REMOVED);
    for (int i = 0; i < 100; i++)
        submit_sign(key, &t);
    wait_until(&t.other, 100);
    atomic_store(&mask->code[MASK_CLOSE_SESSION], CKR_SESSION_HANDLE_INVALID);
    atomic_store(&mask->code[MASK_LOGOUT], CKR_DEVICE_REMOVED);
    key->ops->release(key);
    cr_expect_eq(total(&t), 100);
}
