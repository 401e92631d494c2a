/* The end of a key and of its threads, while operations are out and calls hang. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(hsm_end, .init = fault_setup, .fini = token_teardown, .timeout = 600);

#define P256 HF_ECDSA_SECP256R1_SHA256
#define NOT_YET HF_ERR_STATE

static atomic_uint told; /* uses and notices */

static void count_use(void *arg, const hf_hsm_use *use)
{
    (void)use;
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static void count_notice(void *arg, const char *line)
{
    (void)line;
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static hf_key *open_counted(hf_hsm_use_fn *on_use, unsigned timeout_ms)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    options.operation_timeout_ms = timeout_ms;
    options.on_use = on_use;
    options.on_notice = count_notice;
    options.arg = &told;
    cr_assert_eq(hf_hsm_key_open(&options, uri_of("p256"), &key, why, sizeof why), HF_OK, "%s", why);
    return key;
}

static void finish(void *arg, hf_key_op *op)
{
    atomic_int *status = arg;

    atomic_store(status, (int)op->status);
    free(op);
}

static void submit(hf_key *key, atomic_int *status)
{
    static const uint8_t digest[32];

    atomic_store(status, (int)NOT_YET);
    key->ops->submit(key, make_sign(key, P256, digest, sizeof digest), finish, status);
}

static void await_running(hf_key *key)
{
    hf_hsm_stats s = {.n = 0};

    while (s.n == 0 || s.tokens[0].running == 0) {
        usleep(1000);
        cr_assert_eq(hf_hsm_key_stats(key, &s), HF_OK);
    }
}

static void *let_go(void *arg)
{
    (void)arg;
    usleep(50000);
    fault("# goes on");
    return NULL;
}

/* What the program gave for on_use may go, whoever still holds the key. */
Test(hsm_end, retired_key_waits_for_what_runs)
{
    atomic_int first, second;
    pthread_t thread;
    hf_key *key = open_counted(count_use, TEST_PATIENCE_MS);

    fault("hang C_Sign = forever");
    submit(key, &first);
    await_running(key);
    key->ops->retain(key);
    cr_assert_eq(pthread_create(&thread, NULL, let_go, NULL), 0);
    hf_hsm_key_retire(key, 50000);
    cr_expect_eq(atomic_load(&first), HF_OK);
    pthread_join(thread, NULL);
    cr_expect_eq(atomic_load(&told), 1);
    submit(key, &second);
    cr_expect_eq(atomic_load(&second), HF_ERR_CANCELED);
    hf_hsm_key_retire(key, 0); /* again: nothing to do */
    key->ops->release(key);
    key->ops->release(key);
    cr_expect_eq(atomic_load(&told), 1);
}

Test(hsm_end, retired_key_does_not_wait_for_what_hangs)
{
    atomic_int first, second;
    hf_key *key = open_counted(count_use, TEST_PATIENCE_MS);

    fault("hang C_Sign = forever");
    submit(key, &first);
    await_running(key);
    submit(key, &second);
    hf_hsm_key_retire(key, 20);
    cr_expect_eq(atomic_load(&first), HF_ERR_TIMEOUT);
    cr_expect_eq(atomic_load(&second), HF_ERR_CANCELED);
    unsigned n = atomic_load(&told);
    cr_expect_eq(n, 1, "the use that hangs is one");
    fault("# it comes back");
    key->ops->release(key);
    while (hf_hsm_threads_running() > 0)
        usleep(1000);
    cr_expect_eq(atomic_load(&told), n);
}

/* What runs at a thread's end is the business of other libraries, and the program's end takes away what it needs. */
static pthread_key_t at_end;
static atomic_uint at_end_done;

static void end_slowly(void *arg)
{
    (void)arg;
    usleep(100000);
    atomic_fetch_add(&at_end_done, 1);
}

static void mark_thread(void *arg, const hf_hsm_use *use)
{
    (void)use;
    (void)pthread_setspecific(at_end, arg);
}

Test(hsm_end, thread_that_came_back_is_waited_for)
{
    cr_assert_eq(pthread_key_create(&at_end, end_slowly), 0);
    hf_key *patient = open_counted(mark_thread, TEST_PATIENCE_MS);
    hf_key *key = open_counted(mark_thread, 100); /* the same threads */
    hf_hsm_stats s;
    cr_expect_eq(sign_zeros(patient, P256), HF_OK);
    fault("hang C_Sign = forever");
    do { /* on a busy machine the time may be over before it runs */
        cr_expect_eq(sign_zeros(key, P256), HF_ERR_TIMEOUT);
        cr_assert_eq(hf_hsm_key_stats(key, &s), HF_OK);
    } while (s.tokens[0].hung_now == 0);
    key->ops->release(key);
    patient->ops->release(patient);
    cr_expect_geq(hf_hsm_threads_running(), 1);
    fault("# goes on");
    while (hf_hsm_threads_running() > 0)
        usleep(1000);
    cr_expect_eq(atomic_load(&at_end_done), 2, "that one, and the keeper, which told of the time-out");
}

/* The token's module may look at what it was given whenever it comes to it, after the key's end too. */
Test(hsm_end, search_that_hangs_outlives_its_key)
{
    hf_key *key = open_counted(NULL, 100);
    hf_hsm_stats s;

    fault("token = reset\nhang C_FindObjectsInit = forever");
    do {
        cr_expect_neq(sign_zeros(key, P256), HF_OK);
        cr_assert_eq(hf_hsm_key_stats(key, &s), HF_OK);
    } while (s.tokens[0].hung_now == 0);
    key->ops->release(key);
    fault("key p256 = shared"); /* it goes on, and compares the label that is searched */
    while (hf_hsm_threads_running() > 0)
        usleep(1000);
}

/* A token that was away at the start comes back, and its key is tried for the first time. */
Test(hsm_end, trial_that_hangs_tells_nothing_after_the_end)
{
    const char *uris[] = {"pkcs11:token=demo;object=shared", "pkcs11:token=second;object=shared"};
    hf_hsm_options options = test_options();
    hf_hsm_stats s;
    hf_key *key = NULL;

    options.on_notice = count_notice;
    options.arg = &told;
    fault("[second]\ntoken = absent");
    cr_assert_eq(hf_hsm_key_open_any(&options, uris, 2, &key, why, sizeof why), HF_OK, "%s", why);
    fault("[second]\npin = count-low\nhang C_SignInit = forever");
    do {
        usleep(1000);
        cr_assert_eq(hf_hsm_key_stats(key, &s), HF_OK);
    } while (s.tokens[1].hung_now == 0);
    hf_hsm_key_retire(key, 20);
    unsigned n = atomic_load(&told);
    fault("[second]\npin = count-low");
    key->ops->release(key);
    while (hf_hsm_threads_running() > 0)
        usleep(1000);
    cr_expect_eq(atomic_load(&told), n);
}
