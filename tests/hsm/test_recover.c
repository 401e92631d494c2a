/* One token that fails in every way the fault module knows: what the operation gets, and that the key works again
 * afterwards by itself. */
#include <criterion/criterion.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(hsm_recover, .init = fault_setup, .fini = token_teardown, .timeout = 600);

#define P256 HF_ECDSA_SECP256R1_SHA256

static hf_hsm_token_stats stats_of(hf_key *key)
{
    hf_hsm_stats s;

    cr_assert_eq(hf_hsm_key_stats(key, &s), HF_OK);
    return s.tokens[0];
}

static hf_key *open_with(const char *label, unsigned threads, unsigned timeout_ms)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    options.threads = threads;
    options.operation_timeout_ms = timeout_ms;
    cr_assert_eq(hf_hsm_key_open(&options, uri_of(label), &key, why, sizeof why), HF_OK, "%s", why);
    return key;
}

/* After the threads that hung have come back: the process must not end while one is in the module. */
static void release(hf_key *key)
{
    while (stats_of(key).hung_now > 0)
        usleep(1000);
    key->ops->release(key);
}

static hf_status decrypt_one(hf_key *key)
{
    static const uint8_t cipher[256] = {0, 1};
    hf_key_op *op = make_decrypt(key, cipher, sizeof cipher);

    run_op(key, op);
    hf_status status = op->status;
    free(op);
    return status;
}

/* ---- Codes ---- */

/* A code that is no clear no, now and then while the key is tried: what it is used for is not less for it. */
Test(hsm_recover, a_passing_error_at_the_start_hides_nothing)
{
    static const char *const labels[] = {"rsa", "p256"};

    for (size_t i = 0; i < 2; i++) {
        hf_key *whole = open_with(labels[i], 1, TEST_PATIENCE_MS);
        cr_assert_neq(whole->schemes[0], 0);
        for (int j = 0; j < 2; j++) {
            const char *code = j == 0 ? "CKR_DEVICE_ERROR" : "CKR_GENERAL_ERROR";
            fault("fail C_Sign = %s every 2\nfail C_Decrypt = %s first 1\n", code, code);
            hf_key *key = open_with(labels[i], 1, TEST_PATIENCE_MS);
            cr_expect_arr_eq(key->schemes, whole->schemes, sizeof key->schemes, "%s: %s", labels[i], why);
            cr_expect_eq(key->can_decrypt, whole->can_decrypt, "%s: %s", labels[i], why);
            cr_expect_str_empty(why, "raw RSA, too");
            fault("# good again %zu %d", i, j);
            release(key);
        }
        release(whole);
    }
}

/* Lost once: the operation itself succeeds, on a new session if need be. */
Test(hsm_recover, one_error_of_each_kind_on_each_call)
{
    static const char *const codes[] = {
        "CKR_SESSION_HANDLE_INVALID",
        "CKR_SESSION_CLOSED",
        "CKR_USER_NOT_LOGGED_IN",
        "CKR_DEVICE_REMOVED",
        "CKR_DEVICE_ERROR",
        "CKR_TOKEN_NOT_PRESENT",
        "CKR_OBJECT_HANDLE_INVALID",
        "CKR_KEY_HANDLE_INVALID",
        "CKR_CRYPTOKI_NOT_INITIALIZED",
        "CKR_GENERAL_ERROR",
        "CKR_FUNCTION_FAILED",
        "CKR_HOST_MEMORY",
        "CKR_OPERATION_ACTIVE",
        "CKR_OPERATION_NOT_INITIALIZED",
    };
    static const char *const calls[] = {"C_SignInit", "C_Sign", "C_DecryptInit"};
    hf_key *ec = open_key("p256", 1);
    hf_key *rsa = open_key("rsa", 1);
    unsigned n = 0;

    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++, n++) {
            fault("fail %s = %s first 1 # %u", calls[c], codes[i], n);
            hf_status status = c < 2 ? sign_zeros(ec, P256) : decrypt_one(rsa);
            cr_expect_eq(status, HF_OK, "%s %s: %s", calls[c], codes[i], hf_status_text(status));
        }
    cr_expect_eq(stats_of(ec).breaker_opened, 0);
    cr_expect_eq(stats_of(ec).retries, n);
    ec->ops->release(ec);
    rsa->ops->release(rsa);
}

/* The way back fails too, at each of its calls; soon after the key works again. */
Test(hsm_recover, errors_on_the_way_back)
{
    static const char *const calls[] = {
        "C_OpenSession", "C_CloseSession",     "C_GetSessionInfo",    "C_Login",        "C_FindObjectsInit",
        "C_FindObjects", "C_FindObjectsFinal", "C_GetAttributeValue", "C_GetTokenInfo", "C_GetSlotList"};
    static const char *const codes[] = {"CKR_DEVICE_ERROR", "CKR_DEVICE_REMOVED", "CKR_SESSION_HANDLE_INVALID",
                                        "CKR_FUNCTION_FAILED"};
    hf_key *key = open_key("p256", 2);

    for (size_t c = 0; c < sizeof calls / sizeof calls[0]; c++)
        for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
            fault("token = reset # %zu %zu\nfail %s = %s first 2", c, i, calls[c], codes[i]);
            (void)sign_zeros(key, P256); /* may fail */
            cr_expect_eq(sign_until_good(key, P256), HF_OK, "%s %s", calls[c], codes[i]);
        }
    key->ops->release(key);
}

/* ---- The token goes and comes ---- */

Test(hsm_recover, restarted_token)
{
    hf_key *ec = open_key("p256", 4);
    hf_key *rsa = open_key("rsa", 4);

    for (int i = 0; i < 5; i++) {
        fault("token = reset # %d", i);
        cr_expect_eq(sign_zeros(ec, P256), HF_OK, "the operation that finds it out succeeds");
        cr_expect_eq(decrypt_one(rsa), HF_OK);
    }
    cr_expect_eq(stats_of(ec).logins, 6);
    cr_expect_geq(stats_of(ec).reconnects, 5);
    cr_expect_eq(stats_of(ec).breaker_opened, 0);
    ec->ops->release(ec);
    rsa->ops->release(rsa);
}

Test(hsm_recover, absent_token)
{
    hf_key *key = open_key("p256", 2);

    cr_expect(key->ops->admits(key));
    fault("token = absent");
    cr_expect_eq(sign_zeros(key, P256), HF_ERR_TOKEN_ABSENT);
    unsigned calls = fault_traced(" C_Sign");
    cr_expect_not(key->ops->admits(key));
    for (int i = 0; i < 100; i++)
        cr_expect_eq(sign_zeros(key, P256), HF_ERR_TOKEN_ABSENT, "at once, without asking");
    cr_expect_eq(fault_traced(" C_Sign"), calls);
    cr_expect_neq(stats_of(key).breaker, HF_HSM_BREAKER_CLOSED);
    fault("# back");
    while (!key->ops->admits(key)) /* by itself: no operation is needed for it */
        usleep(1000);
    cr_expect_eq(sign_zeros(key, P256), HF_OK);
    cr_expect_eq(stats_of(key).breaker, HF_HSM_BREAKER_CLOSED);
    key->ops->release(key);
}

Test(hsm_recover, slot_of_another_number)
{
    hf_key *key = open_key("p256", 2);

    fault("token = reset\nslot = +7");
    cr_expect_eq(sign_until_good(key, P256), HF_OK);
    key->ops->release(key);
}

Test(hsm_recover, goes_while_it_is_absent)
{
    hf_key *key = open_key("p256", 2);

    fault("token = absent");
    (void)sign_zeros(key, P256);
    key->ops->release(key); /* ends */
}

/* ---- Another key under the name ---- */

Test(hsm_recover, another_key_under_the_label_is_never_used)
{
    hf_key *key = open_key("p256", 2);

    fault("token = reset\nkey p256 = shared");
    cr_expect_eq(sign_zeros(key, P256), HF_ERR_KEY_MISMATCH);
    cr_expect_eq(sign_zeros(key, P256), HF_ERR_KEY_MISMATCH);
    cr_expect_not(key->ops->admits(key));
    cr_expect_gt(stats_of(key).results[HF_HSM_RESULT_MISMATCH], 0);
    fault("# the right one is back");
    cr_expect_eq(sign_until_good(key, P256), HF_OK);
    key->ops->release(key);
}

/* ---- PINs ---- */

/* Waits for some probes. */
static void let_it_probe(hf_key *key)
{
    for (int i = 0; i < 60; i++) {
        usleep(20000);
        cr_expect_neq(sign_zeros(key, P256), HF_OK);
    }
}

Test(hsm_recover, wrong_pin_after_a_restart_is_tried_once)
{
    hf_key *key = open_key("p256", 4);

    write_file(pin_file, "9999\n", 0600);
    fault("token = reset");
    unsigned before = fault_traced(" C_Login ");
    cr_expect_eq(sign_zeros(key, P256), HF_ERR_PIN_INCORRECT);
    let_it_probe(key);
    cr_expect_eq(fault_traced(" C_Login "), before + 1);
    cr_expect_eq(stats_of(key).logins, 1);
    write_file(pin_file, "1234\n", 0600);
    cr_expect_eq(sign_until_good(key, P256), HF_OK);
    cr_expect_eq(fault_traced(" C_Login "), before + 2);
    key->ops->release(key);
}

Test(hsm_recover, pin_that_must_not_be_risked)
{
    static const char *const states[] = {"final-try", "locked"};

    for (int i = 0; i < 2; i++) {
        hf_key *key = open_key("p256", 2);
        fault("token = reset # %d\npin = %s", i, states[i]);
        unsigned before = fault_traced(" C_Login ");
        cr_expect_eq(sign_zeros(key, P256), HF_ERR_PIN_LOCKED);
        let_it_probe(key);
        cr_expect_eq(fault_traced(" C_Login "), before, "%s", states[i]);
        fault("# forgiven");
        cr_expect_eq(sign_until_good(key, P256), HF_OK);
        key->ops->release(key);
    }
}

/* The same for the login before each operation that a key with CKA_ALWAYS_AUTHENTICATE wants. */
Test(hsm_recover, pin_of_an_operation_that_must_not_be_risked)
{
    static const char *const states[] = {"final-try", "locked"};

    for (int i = 0; i < 2; i++) {
        hf_key *key = open_key("always", 1);
        fault("pin = %s", states[i]);
        unsigned before = fault_traced(" C_Login ");
        cr_expect_eq(sign_zeros(key, P256), HF_ERR_PIN_LOCKED, "%s", states[i]);
        let_it_probe(key);
        cr_expect_eq(fault_traced(" C_Login "), before, "%s", states[i]);
        fault("# forgiven");
        cr_expect_eq(sign_until_good(key, P256), HF_OK);
        key->ops->release(key);
    }
}

/* ---- Hanging calls and deadlines ---- */

Test(hsm_recover, call_that_hangs)
{
    hf_key *key = open_with("p256", 1, 150);

    fault("hang C_Sign = forever");
    cr_expect_eq(sign_zeros(key, P256), HF_ERR_TIMEOUT);
    cr_expect_eq(stats_of(key).hung, 1);
    cr_expect_eq(stats_of(key).hung_now, 1);
    cr_expect_eq(stats_of(key).threads, 1, "another thread has taken its place");
    cr_expect_eq(stats_of(key).results[HF_HSM_RESULT_TIMEOUT], 1);
    fault("# goes on");
    cr_expect_eq(sign_until_good(key, P256), HF_OK);
    release(key);
}

/* Not only the signature: any call of the way back may hang, in a probe too. */
Test(hsm_recover, way_back_that_hangs)
{
    static const char *const calls[] = {"C_OpenSession", "C_Login", "C_FindObjects"};

    for (int i = 0; i < 3; i++) {
        hf_key *key = open_with("p256", 2, 150);
        fault("token = reset # %d\nhang %s = forever", i, calls[i]);
        hf_status status = sign_zeros(key, P256);
        cr_expect_eq(status, HF_ERR_TIMEOUT, "%s: %s", calls[i], hf_status_text(status));
        fault("# goes on");
        cr_expect_eq(sign_until_good(key, P256), HF_OK, "%s", calls[i]);
        release(key);
    }
}

Test(hsm_recover, release_with_a_thread_that_hangs)
{
    hf_key *key = open_with("p256", 1, 100);

    fault("hang C_Sign = forever");
    cr_expect_eq(sign_zeros(key, P256), HF_ERR_TIMEOUT);
    key->ops->release(key); /* does not wait for it */
    fault("# it comes back and closes behind itself");
    while (fault_traced(" C_Finalize ") == 0)
        usleep(1000);
}

#define SEEN_MAX 1000

typedef struct seen {
    pthread_mutex_t lock;
    hf_status status[SEEN_MAX];
    void *order[SEEN_MAX];
    unsigned n;
    atomic_uint done;
} seen;

typedef struct slot_of {
    seen *s;
    unsigned i;
} slot_of;

static void see(void *arg, hf_key_op *op)
{
    slot_of *slot = arg;
    seen *s = slot->s;

    pthread_mutex_lock(&s->lock);
    s->status[slot->i] = op->status;
    s->order[s->n++] = slot;
    pthread_mutex_unlock(&s->lock);
    free(op);
    atomic_fetch_add(&s->done, 1);
}

static void submit_one(hf_key *key, seen *s, slot_of *slot, unsigned i)
{
    static const uint8_t digest[32];

    *slot = (slot_of){s, i};
    key->ops->submit(key, make_sign(key, P256, digest, sizeof digest), see, slot);
}

static void await(atomic_uint *n, unsigned at_least)
{
    while (atomic_load(n) < at_least)
        usleep(1000);
}

static void await_running(hf_key *key)
{
    while (stats_of(key).running == 0)
        usleep(1000);
}

/* All threads are stuck: what waits ends at its deadline all the same, and never reaches the token. */
Test(hsm_recover, what_waits_expires)
{
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    slot_of slots[11];
    hf_key *patient = open_with("p256", 1, TEST_PATIENCE_MS);
    hf_key *key = open_with("shared", 1, 100); /* the same pool */

    fault("hang C_Sign = forever");
    unsigned before = fault_traced(" C_SignInit ");
    submit_one(patient, &s, &slots[10], 10);
    await_running(patient);
    for (unsigned i = 0; i < 10; i++)
        submit_one(key, &s, &slots[i], i);
    await(&s.done, 10);
    for (unsigned i = 0; i < 10; i++)
        cr_expect_eq(s.status[i], HF_ERR_TIMEOUT);
    cr_expect_eq(fault_traced(" C_SignInit ") - before, 1);
    cr_expect_eq(stats_of(key).hung, 0, "the one that runs has time");
    fault("# goes on");
    await(&s.done, 11);
    cr_expect_eq(s.status[10], HF_OK);
    key->ops->release(key);
    patient->ops->release(patient);
}

Test(hsm_recover, most_urgent_first)
{
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    slot_of slots[5];
    hf_key *patient = open_with("p256", 1, TEST_PATIENCE_MS);
    hf_key *urgent = open_with("shared", 1, TEST_PATIENCE_MS / 2); /* the same pool */

    fault("hang C_Sign = forever first 1");
    submit_one(patient, &s, &slots[0], 0);
    await_running(patient);
    submit_one(patient, &s, &slots[1], 1);
    submit_one(patient, &s, &slots[2], 2);
    submit_one(urgent, &s, &slots[3], 3);
    submit_one(urgent, &s, &slots[4], 4);
    cr_expect_eq(stats_of(urgent).queued, 4, "one queue for the token");
    fault("# goes on");
    await(&s.done, 5);
    static const unsigned order[] = {0, 3, 4, 1, 2};
    for (unsigned i = 0; i < 5; i++) {
        cr_expect_eq(s.order[i], &slots[order[i]]);
        cr_expect_eq(s.status[i], HF_OK);
    }
    patient->ops->release(patient);
    urgent->ops->release(urgent);
}

Test(hsm_recover, cancelled_while_it_waits)
{
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    slot_of slots[3];
    hf_key *key = open_with("p256", 1, TEST_PATIENCE_MS);

    fault("hang C_Sign = forever first 1");
    unsigned before = fault_traced(" C_SignInit ");
    for (unsigned i = 0; i < 3; i++) {
        submit_one(key, &s, &slots[i], i);
        await_running(key);
    }
    key->ops->cancel(key, see, &slots[1]);
    cr_expect_eq(atomic_load(&s.done), 1, "at once");
    cr_expect_eq(s.status[1], HF_ERR_CANCELED);
    key->ops->cancel(key, see, &slots[0]); /* runs: completes as usual */
    cr_expect_eq(atomic_load(&s.done), 1);
    key->ops->cancel(key, see, &s); /* nobody's */
    fault("# goes on");
    await(&s.done, 3);
    cr_expect_eq(s.status[0], HF_OK);
    cr_expect_eq(s.status[2], HF_OK);
    cr_expect_eq(fault_traced(" C_SignInit ") - before, 2, "it cost the token nothing");
    cr_expect_eq(stats_of(key).results[HF_HSM_RESULT_CANCELED], 1);
    key->ops->release(key);
}

/* ---- Admission ---- */

Test(hsm_recover, admits_what_the_deadline_bears)
{
    enum { WAITING = 1000 };
    seen *s = calloc(1, sizeof *s);
    slot_of *slots = calloc(WAITING, sizeof *slots);
    hf_hsm_stats stats;
    hf_key *key = open_key("p256", 1);

    cr_assert(s && slots && pthread_mutex_init(&s->lock, NULL) == 0);
    fault("latency C_Sign = 200ms");
    for (int i = 0; i < 10; i++) /* it learns what an operation takes */
        cr_expect_eq(sign_zeros(key, P256), HF_OK);
    for (unsigned i = 0; i < WAITING; i++)
        submit_one(key, s, &slots[i], i);
    cr_expect_not(key->ops->admits(key), "1000 wait, of which 300 can be served in a minute");
    for (unsigned i = 0; i < WAITING; i++)
        key->ops->cancel(key, see, &slots[i]);
    await(&s->done, WAITING); /* one or two of them ran */
    cr_expect(key->ops->admits(key));
    cr_assert_eq(hf_hsm_key_stats(key, &stats), HF_OK);
    cr_expect_eq(stats.refused, 1);
    key->ops->release(key);
    free(slots);
    free(s);
}

/* ---- What is told ---- */

typedef struct told {
    hf_hsm_use use;
    char key[256], token[HF_HSM_LABEL_SIZE], mechanism[32], scheme[32], rv[48];
    unsigned uses, notices;
    char notice[512];
} told;

static void take_use(void *arg, const hf_hsm_use *use)
{
    told *t = arg;

    t->use = *use;
    t->uses++;
    (void)snprintf(t->key, sizeof t->key, "%s", use->key);
    (void)snprintf(t->token, sizeof t->token, "%s", use->token);
    (void)snprintf(t->mechanism, sizeof t->mechanism, "%s", use->mechanism);
    (void)snprintf(t->scheme, sizeof t->scheme, "%s", use->scheme_name);
    (void)snprintf(t->rv, sizeof t->rv, "%s", use->rv);
}

static void take_notice(void *arg, const char *line)
{
    told *t = arg;

    t->notices++;
    (void)snprintf(t->notice, sizeof t->notice, "%s", line);
}

Test(hsm_recover, tells_every_use)
{
    static const uint8_t digest[32];
    hf_hsm_options options = test_options();
    hf_key *key = NULL;
    told t = {.uses = 0};

    options.on_use = take_use;
    options.on_notice = take_notice;
    options.arg = &t;
    cr_assert_eq(hf_hsm_key_open(&options, uri_of("rsa"), &key, why, sizeof why), HF_OK);
    cr_expect_eq(t.uses, 0, "trials at the start are no uses");
    hf_key_op *op = make_sign(key, HF_RSA_PSS_RSAE_SHA256, digest, sizeof digest);
    op->id = 77;
    op->conn_id = 4711;
    run_op(key, op);
    free(op);
    cr_expect_eq(t.uses, 1);
    cr_expect_eq(t.use.conn_id, 4711);
    cr_expect_eq(t.use.op_id, 77);
    cr_expect_eq(t.use.kind, HF_KEY_OP_SIGN);
    cr_expect_eq(t.use.scheme, HF_RSA_PSS_RSAE_SHA256);
    cr_expect_eq(t.use.status, HF_OK);
    cr_expect_gt(t.use.time_us, 1600000000ull * 1000000);
    cr_expect_gt(t.use.latency_us, 0);
    cr_expect_str_eq(t.scheme, "rsa_pss_rsae_sha256");
    cr_expect_str_eq(t.mechanism, "CKM_RSA_PKCS_PSS");
    cr_expect_str_eq(t.token, "demo");
    cr_expect_str_eq(t.rv, "CKR_OK");
    cr_expect(strstr(t.key, "object=rsa"));
    cr_expect_eq(decrypt_one(key), HF_OK);
    cr_expect_eq(t.uses, 2);
    cr_expect_eq(t.use.kind, HF_KEY_OP_DECRYPT);
    cr_expect_str_eq(t.mechanism, "CKM_RSA_X_509");
    cr_expect_str_empty(t.scheme);
    fault("fail C_Sign = CKR_DEVICE_ERROR first 1");
    cr_expect_eq(sign_zeros(key, HF_RSA_PKCS1_SHA256), HF_OK);
    cr_expect_eq(t.uses, 4, "each try is a use");
    cr_expect_eq(t.notices, 0);
    fault("token = absent");
    cr_expect_neq(sign_zeros(key, HF_RSA_PKCS1_SHA256), HF_OK);
    fault("# back");
    cr_expect_eq(sign_until_good(key, HF_RSA_PKCS1_SHA256), HF_OK);
    key->ops->release(key);
    cr_expect_geq(t.notices, 2);
    cr_expect(strstr(t.notice, "\"demo\" is back"), "%s", t.notice);
}

Test(hsm_recover, low_count_is_told_and_the_pin_tried_once)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;
    told t = {.uses = 0};

    options.on_notice = take_notice;
    options.arg = &t;
    fault("pin = count-low");
    cr_assert_eq(hf_hsm_key_open(&options, uri_of("p256"), &key, why, sizeof why), HF_OK);
    cr_expect_str_empty(why);
    cr_expect_eq(t.notices, 1);
    cr_expect(strstr(t.notice, "wrong PIN was tried"), "%s", t.notice);
    fault("token = reset\npin = count-low");
    cr_expect_eq(sign_zeros(key, P256), HF_OK);
    cr_expect_eq(fault_traced(" C_Login "), 2);
    key->ops->release(key);
}
