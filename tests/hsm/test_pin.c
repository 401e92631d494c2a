/* Where the PIN comes from, and how often it is tried. The masking module counts the calls of C_Login. */
#include <criterion/criterion.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(hsm_pin, .init = token_setup, .fini = token_teardown);

static hf_status try_open(const hf_hsm_options *options, const char *uri)
{
    hf_key *key = NULL;
    hf_status status = hf_hsm_key_open(options, uri, &key, why, sizeof why);

    if (key)
        key->ops->release(key);
    return status;
}

static void expect(const hf_hsm_options *options, hf_status expected, const char *word)
{
    hf_status status = try_open(options, uri_of("p256"));

    cr_expect_eq(status, expected, "%s: %s", hf_status_text(status), why);
    cr_expect(strstr(why, word), "no \"%s\" in: %s", word, why);
    cr_expect_null(strstr(why, "1234"));
}

Test(hsm_pin, file_rules)
{
    hf_hsm_options options = test_options();
    char long_pin[HF_HSM_PIN_MAX + 3];

    cr_assert_eq(chmod(pin_file, 0640), 0);
    expect(&options, HF_ERR_PIN_SOURCE, "chmod 600");
    cr_assert_eq(chmod(pin_file, 0604), 0);
    expect(&options, HF_ERR_PIN_SOURCE, "mode 604");
    write_file(pin_file, "", 0600);
    expect(&options, HF_ERR_PIN_SOURCE, "empty");
    write_file(pin_file, "\n1234\n", 0600);
    expect(&options, HF_ERR_PIN_SOURCE, "empty");
    memset(long_pin, '1', sizeof long_pin - 1);
    long_pin[sizeof long_pin - 1] = 0;
    write_file(pin_file, long_pin, 0600);
    expect(&options, HF_ERR_PIN_SOURCE, "longer");
    options.pin_source = "/nowhere/pin";
    expect(&options, HF_ERR_PIN_SOURCE, "/nowhere/pin");
    options.pin_source = test_folder;
    expect(&options, HF_ERR_PIN_SOURCE, "regular");
    options.pin_source = "|cat pin";
    expect(&options, HF_ERR_PIN_SOURCE, "command");
    options.pin_source = NULL;
    expect(&options, HF_ERR_PIN_SOURCE, "--pin-source");
    cr_expect_eq(mask_count(MASK_LOGIN), 0);
}

Test(hsm_pin, file_of_another_user)
{
    hf_hsm_options options = test_options();

    if (geteuid() != 0) { /* only root can give a file away; as a user, /proc's root-owned files show the other side */
        options.pin_source = "/etc/shadow";
        expect(&options, HF_ERR_PIN_SOURCE, "/etc/shadow");
        return;
    }
    cr_assert_eq(chown(pin_file, 54321, 0), 0);
    expect(&options, HF_ERR_PIN_SOURCE, "belongs to user 54321");
}

Test(hsm_pin, first_line_only)
{
    hf_hsm_options options = test_options();

    write_file(pin_file, "1234\r\nsecond line\n", 0600);
    expect(&options, HF_OK, "");
    cr_expect_eq(atomic_load(&mask->login_len), 4);
    write_file(pin_file, "1234", 0600);
    expect(&options, HF_OK, "");
}

Test(hsm_pin, source_of_the_uri)
{
    hf_hsm_options options = test_options();
    char uri[1024];

    options.pin_source = NULL;
    (void)snprintf(uri, sizeof uri, "pkcs11:token=demo;object=p256?pin-source=file:%s", pin_file);
    cr_expect_eq(try_open(&options, uri), HF_OK, "%s", why);
    (void)snprintf(uri, sizeof uri, "pkcs11:token=demo;object=p256?pin-source=%s", pin_file);
    cr_expect_eq(try_open(&options, uri), HF_OK, "%s", why);
}

Test(hsm_pin, systemd_credential)
{
    hf_hsm_options options = test_options();
    char path[400];

    options.pin_source = NULL;
    (void)snprintf(path, sizeof path, "%s/handfast-pin", test_folder);
    write_file(path, "1234\n", 0440); /* systemd's ACL mask shows as the group's bit */
    cr_assert_eq(setenv("CREDENTIALS_DIRECTORY", test_folder, 1), 0);
    expect(&options, HF_OK, "");
    cr_assert_eq(chmod(path, 0444), 0);
    expect(&options, HF_ERR_PIN_SOURCE, "open to others");
}

Test(hsm_pin, one_login_for_many_keys)
{
    hf_key *a = open_key("p256", 4);
    hf_key *b = open_key("rsa", 2);
    hf_key *c = open_key("p256", 1);

    cr_expect_eq(mask_count(MASK_LOGIN), 1);
    a->ops->release(a);
    c->ops->release(c);
    cr_expect_eq(mask_count(MASK_LOGOUT), 0, "another key still needs the login");
    cr_expect_eq(sign_zeros(b, HF_RSA_PKCS1_SHA256), HF_OK);
    b->ops->release(b);
    cr_expect_eq(mask_count(MASK_LOGOUT), 1);
    hf_key *d = open_key("p256", 1);
    cr_expect_eq(mask_count(MASK_LOGIN), 2);
    d->ops->release(d);
}

static void *open_and_release(void *arg)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;
    char line[WHY_MAX];
    atomic_uint *good = arg;

    if (hf_hsm_key_open(&options, "pkcs11:token=demo;object=p256", &key, line, sizeof line) != HF_OK)
        return NULL;
    atomic_fetch_add(good, 1);
    key->ops->release(key);
    return NULL;
}

Test(hsm_pin, keys_opened_by_many_threads)
{
    pthread_t threads[8];
    atomic_uint good = 0;

    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, open_and_release, &good), 0);
    for (size_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(atomic_load(&good), 8);
    cr_expect_eq(mask_count(MASK_LOGIN), mask_count(MASK_LOGOUT));
}

Test(hsm_pin, somebody_else_logged_in)
{
    hf_hsm_options options = test_options();

    atomic_store(&mask->code[MASK_LOGIN], CKR_USER_ALREADY_LOGGED_IN);
    /* Nobody is really logged in, so the key is not visible; but the answer itself is no failure. */
    cr_expect_eq(try_open(&options, uri_of("p256")), HF_ERR_NOT_FOUND, "%s", why);
    cr_expect_eq(mask_count(MASK_LOGOUT), 0, "what is not ours stays");
}

Test(hsm_pin, wrong_pin_is_tried_once)
{
    hf_hsm_options options = test_options();

    write_file(pin_file, "0000\n", 0600);
    expect(&options, HF_ERR_PIN_INCORRECT, "not tried again");
    cr_expect_eq(mask_count(MASK_LOGIN), 1);
    expect(&options, HF_ERR_PIN_INCORRECT, "refused this PIN before");
    expect(&options, HF_ERR_PIN_INCORRECT, "correct the PIN source");
    cr_expect_eq(mask_count(MASK_LOGIN), 1, "the token was asked again");
    cr_expect_null(strstr(why, "0000"));
    write_file(pin_file, "1234\n", 0600);
    expect(&options, HF_OK, "");
    cr_expect_eq(mask_count(MASK_LOGIN), 2);
}

Test(hsm_pin, three_wrong_pins_end_it)
{
    hf_hsm_options options = test_options();

    write_file(pin_file, "0000\n", 0600);
    expect(&options, HF_ERR_PIN_INCORRECT, "not tried again");
    write_file(pin_file, "0001\n", 0600);
    expect(&options, HF_ERR_PIN_INCORRECT, "not tried again");
    write_file(pin_file, "0002\n", 0600);
    expect(&options, HF_ERR_PIN_INCORRECT, "not tried again");
    write_file(pin_file, "1234\n", 0600);
    expect(&options, HF_ERR_PIN_INCORRECT, "restart");
    cr_expect_eq(mask_count(MASK_LOGIN), 3);
}

Test(hsm_pin, locked_and_final_try)
{
    hf_hsm_options options = test_options();

    atomic_store(&mask->token_flags, CKF_USER_PIN_LOCKED);
    expect(&options, HF_ERR_PIN_LOCKED, "security officer");
    atomic_store(&mask->token_flags, CKF_USER_PIN_FINAL_TRY);
    expect(&options, HF_ERR_PIN_LOCKED, "not risked");
    cr_expect_eq(mask_count(MASK_LOGIN), 0);
    atomic_store(&mask->token_flags, 0);
    atomic_store(&mask->code[MASK_LOGIN], CKR_PIN_LOCKED);
    expect(&options, HF_ERR_PIN_LOCKED, "security officer");
    cr_expect_eq(mask_count(MASK_LOGIN), 1);
}

Test(hsm_pin, other_failures_of_the_login)
{
    hf_hsm_options options = test_options();

    atomic_store(&mask->code[MASK_LOGIN], CKR_DEVICE_REMOVED);
    expect(&options, HF_ERR_TOKEN_ABSENT, "CKR_DEVICE_REMOVED");
    atomic_store(&mask->code[MASK_LOGIN], CKR_FUNCTION_FAILED);
    expect(&options, HF_ERR_TOKEN, "CKR_FUNCTION_FAILED");
    atomic_store(&mask->code[MASK_LOGIN], 0);
    expect(&options, HF_OK, ""); /* no wrong PIN was remembered */
}

Test(hsm_pin, token_with_a_pin_pad)
{
    hf_hsm_options options = test_options();

    options.pin_source = "/nowhere/pin"; /* is not even looked at */
    atomic_store(&mask->token_flags, CKF_PROTECTED_AUTHENTICATION_PATH);
    expect(&options, HF_OK, "");
    cr_expect(atomic_load(&mask->login_null));
}
