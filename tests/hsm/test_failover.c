/* The same key in two tokens: what the one cannot do the other does. */
#include <criterion/criterion.h>
#include <p11-kit/pkcs11.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "pool.h"

TestSuite(hsm_failover, .init = fault_setup, .fini = token_teardown, .timeout = 600);

#define P256 HF_ECDSA_SECP256R1_SHA256
#define DEMO "pkcs11:token=demo;object=shared"
#define SECOND "pkcs11:token=second;object=shared"

static hf_status open_both(hf_hsm_options *options, const char *a, const char *b, hf_key **out)
{
    const char *uris[] = {a, b};

    return hf_hsm_key_open_any(options, uris, 2, out, why, sizeof why);
}

static hf_key *must_open(unsigned threads, unsigned hedge)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    options.threads = threads;
    options.hedge_percentile = hedge;
    cr_assert_eq(open_both(&options, DEMO, SECOND, &key), HF_OK, "%s", why);
    return key;
}

static hf_hsm_token_stats stats_of(hf_key *key, size_t i)
{
    hf_hsm_stats s;

    cr_assert_eq(hf_hsm_key_stats(key, &s), HF_OK);
    cr_assert_eq(s.n, 2);
    return s.tokens[i];
}

static void await_closed(hf_key *key, size_t i)
{
    while (stats_of(key, i).breaker != HF_HSM_BREAKER_CLOSED)
        usleep(1000);
}

Test(hsm_failover, one_goes_and_comes_back)
{
    hf_key *key = must_open(2, 0);

    cr_expect_str_empty(why);
    for (int round = 0; round < 4; round++) {
        fault("[%s]\ntoken = absent # %d", round % 2 ? "second" : "demo", round);
        for (int i = 0; i < 20; i++)
            cr_expect_eq(sign_zeros(key, P256), HF_OK, "no operation notices");
        cr_expect(key->ops->admits(key));
        fault("# %d", round);
        await_closed(key, 0);
        await_closed(key, 1);
    }
    key->ops->release(key);
}

Test(hsm_failover, error_of_one_is_tried_at_the_other)
{
    hf_key *key = must_open(1, 0);

    fault("[demo]\nfail C_Sign = CKR_DEVICE_ERROR\n[second]\nlatency C_Sign = 1ms");
    for (int i = 0; i < 20; i++)
        cr_expect_eq(sign_zeros(key, P256), HF_OK);
    cr_expect_geq(stats_of(key, 0).breaker_opened, 1);
    cr_expect_geq(stats_of(key, 1).retries, 1);
    cr_expect_eq(stats_of(key, 1).results[HF_HSM_RESULT_OK], 20);
    key->ops->release(key);
}

/* After a failure the idle thread looks after its session and the keys: one that it misses is looked for again, though
 * no operation asks for it. */
Test(hsm_failover, key_missed_after_a_failure_is_found_again)
{
    hf_key *both = must_open(1, 0);
    hf_key *beside = open_key("p256", 1); /* the same pool, and found all the while */

    fault("[demo]\nfail C_Sign = CKR_DEVICE_ERROR first 1\nkey shared = p256");
    unsigned before = fault_traced(" C_FindObjectsInit ");
    do /* until the first token had one of them */
        cr_expect_eq(sign_zeros(both, P256), HF_OK);
    while (fault_traced(" CKR_DEVICE_ERROR") == 0);
    while (fault_traced(" C_FindObjectsInit ") < before + 2)
        usleep(1000);
    fault("[second]\ntoken = absent");
    cr_expect_eq(sign_until_good(both, P256), HF_OK);
    beside->ops->release(beside);
    both->ops->release(both);
}

Test(hsm_failover, all_go_and_come_back)
{
    hf_key *key = must_open(2, 0);

    fault("token = absent");
    cr_expect_eq(sign_zeros(key, P256), HF_ERR_TOKEN_ABSENT);
    cr_expect_eq(sign_zeros(key, P256), HF_ERR_TOKEN_ABSENT);
    cr_expect_not(key->ops->admits(key));
    fault("[demo]\ntoken = absent # only one is back");
    await_closed(key, 1);
    cr_expect(key->ops->admits(key));
    cr_expect_eq(sign_zeros(key, P256), HF_OK);
    fault("# both");
    await_closed(key, 0);
    key->ops->release(key);
}

/* Operations that wait in the queue of a token that fails go to the other one. */
static void count_good(void *arg, hf_key_op *op)
{
    atomic_uint *n = arg;

    cr_expect_eq(op->status, HF_OK, "%s", hf_status_text(op->status));
    free(op);
    atomic_fetch_add(n, 1);
}

Test(hsm_failover, queue_of_a_failed_token_moves)
{
    static const uint8_t digest[32];
    atomic_uint n = 0;
    hf_key *key = must_open(1, 0);

    fault("hang C_Sign = forever"); /* so that what waits, waits */
    unsigned submitted = 0;
    for (; stats_of(key, 0).queued <= 5 || stats_of(key, 1).queued <= 5; submitted++) {
        cr_assert_lt(submitted, 2000, "both get some");
        key->ops->submit(key, make_sign(key, P256, digest, sizeof digest), count_good, &n);
    }
    fault("[demo]\ntoken = absent");
    while (atomic_load(&n) < submitted)
        usleep(1000);
    key->ops->release(key);
}

/* All that comes at once finds the same threads idle, which serve one each. The lock is held meanwhile, as a token's
 * thread may that was interrupted. */
Test(hsm_failover, threads_grow_with_what_comes_at_once)
{
    static const uint8_t digest[32];
    enum { BURST = 12 };
    atomic_uint n = 0;
    hf_hsm_stats stats;
    fault("latency C_Sign = 20ms");
    hf_key *key = open_key("p256", 0);

    for (int i = 0; i < 4; i++)
        cr_assert_eq(sign_zeros(key, P256), HF_OK);
    hf_hub_lock();
    for (int i = 0; i < BURST; i++)
        key->ops->submit(key, make_sign(key, P256, digest, sizeof digest), count_good, &n);
    hf_hub_unlock();
    while (atomic_load(&n) < BURST)
        usleep(1000);
    cr_assert_eq(hf_hsm_key_stats(key, &stats), HF_OK);
    cr_expect_geq(stats.tokens[0].threads, BURST);
    key->ops->release(key);
}

Test(hsm_failover, token_that_is_absent_at_the_start)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    for (int which = 0; which < 2; which++) {
        fault("[%s]\ntoken = absent # %d", which ? "second" : "demo", which);
        cr_assert_eq(open_both(&options, DEMO, SECOND, &key), HF_OK, "%s", why);
        cr_expect(strstr(why, "not there now"), "%s", why);
        cr_expect(strstr(why, which ? "\"second\"" : "\"demo\""), "%s", why);
        cr_expect_eq(sign_zeros(key, P256), HF_OK);
        fault("# %d", which);
        await_closed(key, (size_t)which);
        fault("[%s]\ntoken = absent # %d", which ? "demo" : "second", which);
        cr_expect_eq(sign_zeros(key, P256), HF_OK, "the late one serves");
        key->ops->release(key);
    }
    fault("token = absent");
    cr_expect_eq(open_both(&options, DEMO, SECOND, &key), HF_ERR_TOKEN_ABSENT);
    cr_expect_null(key);
}

Test(hsm_failover, different_keys_are_refused)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    cr_expect_eq(open_both(&options, DEMO, "pkcs11:token=second;object=far", &key), HF_ERR_KEY_MISMATCH);
    cr_expect(strstr(why, "token=demo") && strstr(why, "\"second\""), "%s", why);
    cr_expect_eq(open_both(&options, DEMO, DEMO, &key), HF_ERR_INVALID);
    cr_expect_eq(open_both(&options, DEMO, "pkcs11:token=second;object=none", &key), HF_ERR_NOT_FOUND);
    cr_expect_eq(hf_hsm_key_open_any(&options, (const char *[]){DEMO}, 0, &key, why, sizeof why), HF_ERR_INVALID);
    options.hedge_percentile = 30;
    cr_expect_eq(open_both(&options, DEMO, SECOND, &key), HF_ERR_INVALID);
}

/* The second answer comes first; the first is thrown away. */
static uint64_t hedges_of(hf_key *key)
{
    return stats_of(key, 0).hedges + stats_of(key, 1).hedges;
}

Test(hsm_failover, hedge)
{
    hf_key *key = must_open(1, 90);

    for (int i = 0; i < 60; i++)
        cr_expect_eq(sign_zeros(key, P256), HF_OK);
    uint64_t before = hedges_of(key); /* on a busy machine some took longer than 90 % of the others */
    fault("[demo]\nhang C_Sign = forever");
    for (int i = 0; i < 5000 && hedges_of(key) == before; i++) {
        cr_expect_eq(sign_zeros(key, P256), HF_OK);
        (void)usleep(1000); /* else the first token's thread may find no time to become idle, and the second gets all */
    }
    cr_expect_gt(hedges_of(key), before, "mostly by the second; by the first when the second was slow just then");
    cr_expect_eq(stats_of(key, 0).results[HF_HSM_RESULT_TIMEOUT], 0);
    fault("# goes on");
    cr_expect_eq(sign_zeros(key, P256), HF_OK);
    key->ops->release(key);
}

/* ---- What a hedge leaves behind ---- */

static atomic_uint late_uses[2]; /* of each token, that ended at their deadline */

static void note_use(void *arg, const hf_hsm_use *use)
{
    (void)arg;
    if (use->status == HF_ERR_TIMEOUT)
        atomic_fetch_add(&late_uses[strcmp(use->token, "demo") != 0], 1);
}

/* Knows how long operations take, and so hedges. */
static hf_key *open_hedged(unsigned timeout_ms)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    options.hedge_percentile = 90;
    options.operation_timeout_ms = timeout_ms;
    options.on_use = note_use;
    cr_assert_eq(open_both(&options, DEMO, SECOND, &key), HF_OK, "%s", why);
    for (unsigned good = 0; good < 60;)
        good += sign_zeros(key, P256) == HF_OK;
    return key;
}

/* Until a call hangs in the first token, though the operation is over. */
static void sign_until_it_hangs(hf_key *key)
{
    for (uint64_t before = stats_of(key, 0).hung; stats_of(key, 0).running == 0 && stats_of(key, 0).hung == before;) {
        (void)sign_zeros(key, P256);
        usleep(1000);
    }
}

/* The other token's answer counted, and nobody waits for this one any more: its thread is given up all the same, or the
 * token would be left without any. */
Test(hsm_failover, loser_of_a_hedge_that_hangs_is_given_up)
{
    hf_key *key = open_hedged(2000);
    uint64_t before = stats_of(key, 0).hung;

    fault("[demo]\nhang C_Sign = forever");
    sign_until_it_hangs(key);
    for (int i = 0; i < TEST_PATIENCE_MS && stats_of(key, 0).hung == before; i++)
        usleep(1000);
    cr_expect_gt(stats_of(key, 0).hung, before);
    cr_expect_eq(stats_of(key, 0).threads, 1, "another one has taken its place");
    hf_hsm_key_retire(key, 20);
    cr_expect_eq(atomic_load(&late_uses[0]), stats_of(key, 0).hung, "it was asked, which is told");
    key->ops->release(key);
}

Test(hsm_failover, end_does_not_wait_for_the_loser_of_a_hedge)
{
    hf_key *key = open_hedged(10 * TEST_PATIENCE_MS); /* longer than the test may last */

    fault("[demo]\nhang C_Sign = forever");
    sign_until_it_hangs(key);
    hf_hsm_key_retire(key, 20);
    cr_expect_eq(stats_of(key, 0).running, 0);
    cr_expect_eq(atomic_load(&late_uses[0]), 1);
    key->ops->release(key);
}

/* Neither token answers: each of the two uses is told. */
Test(hsm_failover, both_tries_of_a_hedge_are_told_when_they_hang)
{
    hf_key *key = open_hedged(2000);
    uint64_t before = hedges_of(key), first = stats_of(key, 0).hung, second = stats_of(key, 1).hung;

    fault("hang C_Sign = forever");
    while (hedges_of(key) == before || stats_of(key, 0).hung == first || stats_of(key, 1).hung == second)
        (void)sign_zeros(key, P256);
    hf_hsm_key_retire(key, 20);
    cr_expect_eq(atomic_load(&late_uses[0]), stats_of(key, 0).hung);
    cr_expect_eq(atomic_load(&late_uses[1]), stats_of(key, 1).hung);
    key->ops->release(key);
}

Test(hsm_failover, no_hedge_by_default)
{
    hf_key *key = must_open(1, 0);

    for (int i = 0; i < 60; i++)
        cr_expect_eq(sign_zeros(key, P256), HF_OK);
    fault("latency C_Sign = 30ms");
    for (int i = 0; i < 5; i++)
        cr_expect_eq(sign_zeros(key, P256), HF_OK);
    cr_expect_eq(stats_of(key, 0).hedges + stats_of(key, 1).hedges, 0);
    key->ops->release(key);
}

Test(hsm_failover, decryptions_too)
{
    static const uint8_t cipher[256] = {0, 1};
    const char *uris[] = {"pkcs11:token=demo;object=sharedrsa", "pkcs11:token=second;object=sharedrsa"};
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    cr_assert_eq(hf_hsm_key_open_any(&options, uris, 2, &key, why, sizeof why), HF_OK, "%s", why);
    cr_expect(key->can_decrypt);
    fault("[demo]\ntoken = absent");
    for (int i = 0; i < 10; i++) {
        hf_key_op *op = make_decrypt(key, cipher, sizeof cipher);
        run_op(key, op);
        cr_expect_eq(op->status, HF_OK);
        free(op);
    }
    key->ops->release(key);
}
