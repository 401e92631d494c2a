/* The sessions of a token: that they run out, are shared, and are given back. */
#include <criterion/criterion.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(hsm_sessions, .init = fault_setup, .fini = token_teardown, .timeout = 600);

#define P256 HF_ECDSA_SECP256R1_SHA256

static hf_hsm_token_stats stats_of(hf_key *key)
{
    hf_hsm_stats s;

    cr_assert_eq(hf_hsm_key_stats(key, &s), HF_OK);
    return s.tokens[0];
}

static hf_key *open_for(unsigned timeout_ms)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    options.operation_timeout_ms = timeout_ms;
    cr_assert_eq(hf_hsm_key_open(&options, uri_of("p256"), &key, why, sizeof why), HF_OK, "%s", why);
    return key;
}

Test(hsm_sessions, sessions_run_out)
{
    fault("sessions = 3 untold");
    hf_key *key = open_key("p256", 8);
    cr_expect(strstr(why, "only 3 sessions"), "%s", why);
    fault("sessions = 3 untold\ntoken = reset");
    for (int i = 0; i < 20; i++)
        cr_expect_eq(sign_until_good(key, P256), HF_OK);
    key->ops->release(key);
    fault("sessions = 2");
    key = open_key("p256", 8);
    cr_expect_eq(stats_of(key).sessions_limit, 2);
    cr_expect_eq(stats_of(key).sessions, 2);
    cr_expect_eq(stats_of(key).threads, 2);
    key->ops->release(key);
}

Test(hsm_sessions, our_own_limit_of_sessions)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    options.threads = 8;
    options.session_max = 3;
    cr_assert_eq(hf_hsm_key_open(&options, uri_of("p256"), &key, why, sizeof why), HF_OK);
    cr_expect_eq(stats_of(key).sessions, 3);
    key->ops->release(key);
}

/* A reload opens its keys while those of before have all sessions that the token gives. */
Test(hsm_sessions, key_opened_when_no_session_is_left)
{
    for (unsigned n = 1; n <= 2; n++) {
        fault("sessions = %u", n);
        hf_key *key = open_key("p256", n);
        cr_expect_eq(stats_of(key).sessions, n);
        for (int i = 0; i < 3; i++) {
            hf_key *again = open_key("p256", n);
            cr_expect_eq(sign_zeros(again, P256), HF_OK);
            cr_expect_eq(sign_zeros(key, P256), HF_OK);
            key->ops->release(key);
            key = again;
        }
        cr_expect_eq(stats_of(key).sessions, n);
        cr_expect_eq(stats_of(key).threads, n);
        cr_expect_eq(stats_of(key).logins, 1);
        key->ops->release(key);
    }
}

/* One that fails, as a reload may any number of times, leaves no session behind. */
Test(hsm_sessions, key_that_cannot_be_opened_beside_another)
{
    hf_hsm_options options = test_options();
    hf_key *none = NULL;
    hf_key *key = open_key("p256", 1);

    for (int i = 0; i < 3; i++)
        cr_expect_eq(hf_hsm_key_open(&options, uri_of("nothing"), &none, why, sizeof why), HF_ERR_NOT_FOUND);
    cr_expect_eq(fault_traced(" C_OpenSession ") - fault_traced(" C_CloseSession "), stats_of(key).sessions);
    key->ops->release(key);
}

/* A row of the module's counters. */
static unsigned counted(const char *name)
{
    char path[300], line[128];
    unsigned n = UINT_MAX;

    (void)snprintf(path, sizeof path, "%s/counters", test_folder);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            n = (unsigned)strtoul(line + strlen(name), NULL, 10);
    if (file)
        (void)fclose(file);
    return n;
}

/* A thread that was given up while it connected has a session that nobody knows of. */
Test(hsm_sessions, session_that_comes_too_late_is_closed)
{
    hf_key *key = open_for(150);

    fault("counters = %s/counters\ntoken = reset", test_folder); /* from now on numbers of before mean nothing */
    cr_expect_eq(sign_until_good(key, P256), HF_OK);
    fault("counters = %s/counters\ntoken = reset # again\nhang C_OpenSession = forever", test_folder);
    while (stats_of(key).hung_now < 3) /* the second one is new, and has never had a session */
        (void)sign_zeros(key, P256);
    fault("counters = %s/counters", test_folder);
    cr_expect_eq(sign_until_good(key, P256), HF_OK);
    while (stats_of(key).hung_now > 0)
        usleep(1000);
    for (int i = 0; i < TEST_PATIENCE_MS && counted("sessions-open") != stats_of(key).sessions; i++)
        usleep(1000);
    cr_expect_eq(counted("sessions-open"), stats_of(key).sessions);
    key->ops->release(key);
}

/* A thread that is new connects for the first time, and it is that which finds out that the token has restarted. */
Test(hsm_sessions, new_session_on_a_restarted_token_looks_for_the_key_first)
{
    hf_key *key = open_for(150);

    fault("hang C_Sign = forever");
    while (stats_of(key).hung_now == 0)
        (void)sign_zeros(key, P256);
    fault("token = reset");
    cr_expect_eq(sign_until_good(key, P256), HF_OK);
    cr_expect_eq(fault_traced("OBJECT_HANDLE_INVALID"), 0, "no operation with the number of before");
    cr_expect_eq(fault_traced("KEY_HANDLE_INVALID"), 0);
    key->ops->release(key);
}

static void *open_another(void *arg)
{
    hf_hsm_options options = test_options();
    char text[512];

    if (hf_hsm_key_open(&options, "pkcs11:token=demo;object=shared", arg, text, sizeof text) != HF_OK)
        *(hf_key **)arg = NULL;
    return NULL;
}

/* A reload that does not come back from the token, while a thread has lost its session. */
Test(hsm_sessions, opening_that_hangs_does_not_hold_up_the_others)
{
    static const char hang[] = "hang C_OpenSession = forever first 1";
    hf_key *key = open_for(TEST_PATIENCE_MS);
    hf_key *another = NULL;
    pthread_t thread;

    fault("counters = %s/counters\n%s", test_folder, hang);
    cr_assert_eq(pthread_create(&thread, NULL, open_another, &another), 0);
    while (counted("hanging") != 1)
        usleep(1000);
    fault("counters = %s/counters\n%s\nfail C_SignInit = CKR_SESSION_HANDLE_INVALID first 1", test_folder, hang);
    cr_expect_eq(sign_zeros(key, P256), HF_OK);
    fault("# goes on");
    pthread_join(thread, NULL);
    cr_expect_eq(sign_zeros(key, P256), HF_OK);
    if (another)
        another->ops->release(another);
    key->ops->release(key);
}
