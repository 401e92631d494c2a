/* A caller never waits for who has the lock: a token's thread has a low priority, and an event loop that waited for one
 * would serve nobody. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"
#include "pool.h"

#define PATIENCE_US 60000000u

TestSuite(hsm_errand, .init = token_setup, .fini = token_teardown);

typedef struct holder {
    sem_t has, back; /* it has the lock; the caller is back */
    atomic_bool in_time;
} holder;

static void *hold_lock(void *arg)
{
    holder *h = arg;
    uint64_t until = hf_now_us() + PATIENCE_US;

    hf_hub_lock();
    sem_post(&h->has);
    while (hf_now_us() < until && !atomic_load(&h->in_time)) {
        atomic_store(&h->in_time, sem_trywait(&h->back) == 0);
        usleep(1000);
    }
    hf_hub_unlock();
    return NULL;
}

static void take_status(void *arg, hf_key_op *op)
{
    atomic_int *status = arg;
    int its = op->status;

    free(op);
    atomic_store(status, its);
}

static void submit(hf_key *key, atomic_int *status)
{
    static const uint8_t digest[32];

    atomic_store(status, -1);
    key->ops->submit(key, make_sign(key, HF_ECDSA_SECP256R1_SHA256, digest, sizeof digest), take_status, status);
}

static int await(atomic_int *status)
{
    for (unsigned us = 0; atomic_load(status) < 0 && us < PATIENCE_US; us += 1000)
        usleep(1000);
    return atomic_load(status);
}

Test(hsm_errand, nobody_waits_for_the_lock)
{
    static holder h;
    static atomic_int first, second, third;
    pthread_t thread;
    hf_key *key = open_key("p256", 1);

    sem_init(&h.has, 0, 0);
    sem_init(&h.back, 0, 0);
    cr_assert_eq(pthread_create(&thread, NULL, hold_lock, &h), 0);
    sem_wait(&h.has);
    submit(key, &first);
    submit(key, &second);
    key->ops->cancel(key, take_status, &second);
    submit(key, &third);
    cr_expect(key->ops->admits(key), "the last answer");
    sem_post(&h.back);
    pthread_join(thread, NULL);
    cr_expect(atomic_load(&h.in_time), "it waited for the lock");
    cr_expect_eq(await(&first), HF_OK, "what was left is done by the keeper");
    cr_expect_eq(await(&second), HF_ERR_CANCELED, "and in order: it waited in the queue when it was canceled");
    cr_expect_eq(await(&third), HF_OK);
    key->ops->release(key);
}

/* The linker leads the library's calls here (--wrap). */
static _Thread_local bool no_memory;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    return no_memory ? NULL : __real_malloc(size);
}

static void *hold_lock_a_while(void *arg)
{
    hf_hub_lock();
    sem_post(arg);
    usleep(20000);
    hf_hub_unlock();
    return NULL;
}

/* With the lock free, and with somebody else who has it. */
static void cancel_without_memory(bool busy)
{
    static atomic_int first, second;
    sem_t has;
    pthread_t thread;
    hf_key *key = open_key("p256", 1);

    sem_init(&has, 0, 0);
    atomic_store(&mask->hold, true);
    submit(key, &first);
    for (unsigned us = 0; atomic_load(&mask->held) == 0 && us < PATIENCE_US; us += 1000)
        usleep(1000);
    submit(key, &second);
    if (busy) {
        cr_assert_eq(pthread_create(&thread, NULL, hold_lock_a_while, &has), 0);
        sem_wait(&has);
    }
    no_memory = true;
    key->ops->cancel(key, take_status, &second);
    no_memory = false;
    cr_expect_eq(await(&second), HF_ERR_CANCELED);
    atomic_store(&mask->hold, false);
    cr_expect_eq(await(&first), HF_OK, "what runs is left alone");
    if (busy)
        pthread_join(thread, NULL);
    key->ops->release(key);
}

Test(hsm_errand, cancel_needs_no_memory)
{
    cancel_without_memory(false);
    cancel_without_memory(true);
}

/* What a cancellation that nobody ran yet means to the key's end. */
Test(hsm_errand, release_with_errands_left)
{
    static holder h;
    static atomic_int status;
    pthread_t thread;
    hf_key *key = open_key("p256", 1);

    submit(key, &status);
    cr_expect_eq(await(&status), HF_OK);
    sem_init(&h.has, 0, 0);
    sem_init(&h.back, 0, 0);
    cr_assert_eq(pthread_create(&thread, NULL, hold_lock, &h), 0);
    sem_wait(&h.has);
    for (unsigned i = 0; i < 100; i++)
        key->ops->cancel(key, take_status, &status);
    submit(key, &status);
    sem_post(&h.back);
    key->ops->release(key);
    cr_expect(atomic_load(&status) == HF_OK || atomic_load(&status) == HF_ERR_CANCELED, "handed back before the end");
    pthread_join(thread, NULL);
}

static hf_bell bell;
static atomic_uint waiting, awake;

static void *wait_at_bell(void *arg)
{
    unsigned look = hf_bell_look(&bell);

    atomic_fetch_add(&waiting, 1);
    while (hf_bell_look(&bell) == look)
        hf_bell_wait(&bell, look, hf_now_us() + PATIENCE_US);
    atomic_fetch_add(&awake, 1);
    return arg;
}

Test(hsm_errand, a_bell_rung_between_look_and_wait_is_heard)
{
    unsigned look = hf_bell_look(&bell);
    uint64_t until = hf_now_us() + PATIENCE_US;

    hf_bell_ring(&bell);
    hf_bell_wait(&bell, look, until);
    cr_expect_lt(hf_now_us(), until);
    look = hf_bell_look(&bell);
    until = hf_now_us() + 1000;
    while (hf_now_us() < until) /* nobody rings: it ends in time */
        hf_bell_wait(&bell, look, until);
}

Test(hsm_errand, ringing_for_all_wakes_all)
{
    pthread_t threads[8];

    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, wait_at_bell, NULL), 0);
    while (atomic_load(&waiting) < 8)
        usleep(1000);
    usleep(10000); /* most of them sleep by now; whoever does not is to be woken as well */
    hf_bell_ring_all(&bell);
    for (size_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(atomic_load(&awake), 8);
}
