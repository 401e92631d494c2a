/* Finding the module, the token and the key: each way to fail has its own status and line. */
#include <criterion/criterion.h>
#include <limits.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(hsm_open, .init = token_setup, .fini = token_teardown);

/* Opens, expects a failure of this status, and a line with each of these words. */
static void expect_failure(const hf_hsm_options *options, const char *uri, hf_status expected, const char *word1,
                           const char *word2)
{
    hf_key *key = NULL;
    hf_status status = hf_hsm_key_open(options, uri, &key, why, sizeof why);

    cr_expect_eq(status, expected, "%s: %s: %s", uri, hf_status_text(status), why);
    cr_expect_null(key);
    cr_expect(strstr(why, word1), "no \"%s\" in: %s", word1, why);
    cr_expect(strstr(why, word2), "no \"%s\" in: %s", word2, why);
    cr_expect_null(strchr(why, '\n'));
}

Test(hsm_open, tells_what_the_key_is)
{
    hf_key *key = open_key("p384", 1);

    cr_expect_str_eq(key->where, "token");
    cr_expect_eq(key->type, HF_KEY_EC);
    cr_expect_eq(key->bits, 384);
    cr_expect_eq(key->group, HF_GROUP_P384);
    cr_expect(!key->can_decrypt);
    cr_expect(strstr(key->label, "object=p384"));
    cr_expect_str_empty(why);
    key->ops->release(key);
    cr_expect_eq(mask_count(MASK_FINALIZE), 1);
    cr_expect_eq(mask_count(MASK_LOGOUT), 1);
    cr_expect_eq(atomic_load(&mask->sessions), 0);
}

Test(hsm_open, missing_module)
{
    hf_hsm_options options = test_options();

    options.module = "/nowhere/libnothing.so";
    expect_failure(&options, uri_of("rsa"), HF_ERR_MODULE, "/nowhere/libnothing.so", "--module");
    options.module = pin_file; /* there, and no library */
    expect_failure(&options, uri_of("rsa"), HF_ERR_MODULE, "cannot be loaded", "ldd");
}

Test(hsm_open, module_path_of_the_uri)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;
    char uri[1024];

    options.module = NULL;
    (void)snprintf(uri, sizeof uri, "pkcs11:token=demo;object=p256?module-path=%s", MODULE);
    cr_assert_eq(hf_hsm_key_open(&options, uri, &key, why, sizeof why), HF_OK, "%s", why);
    key->ops->release(key);
}

Test(hsm_open, module_in_the_working_directory)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;
    char folder[PATH_MAX], relative[PATH_MAX];
    const char *name = strrchr(MODULE, '/');

    cr_assert_not_null(name);
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(name - MODULE), MODULE);
    (void)snprintf(relative, sizeof relative, ".%s", name);
    cr_assert_eq(chdir(folder), 0);
    options.module = relative;
    cr_assert_eq(hf_hsm_key_open(&options, uri_of("p256"), &key, why, sizeof why), HF_OK, "%s", why);
    key->ops->release(key);
}

Test(hsm_open, token_of_another_label)
{
    hf_hsm_options options = test_options();

    expect_failure(&options, "pkcs11:token=other;object=rsa", HF_ERR_TOKEN_ABSENT, "\"other\"", "\"demo\"");
    cr_expect_eq(mask_count(MASK_LOGIN), 0);
}

Test(hsm_open, several_tokens)
{
    hf_hsm_options options = test_options();

    expect_failure(&options, "pkcs11:object=rsa", HF_ERR_AMBIGUOUS, "\"demo\"", "\"second\"");
    cr_expect_eq(mask_count(MASK_LOGIN), 0, "no PIN is risked on a guess");
}

Test(hsm_open, no_such_key)
{
    hf_hsm_options options = test_options();

    expect_failure(&options, uri_of("nothing"), HF_ERR_NOT_FOUND, "present: ", ";type=private, ");
    expect_failure(&options, "pkcs11:token=demo;object=rsa;type=cert", HF_ERR_INVALID, "type=private", "");
}

Test(hsm_open, ambiguous_label_lists_candidates)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    expect_failure(&options, uri_of("twin"), HF_ERR_AMBIGUOUS, "id=%02;object=twin", "id=%03;object=twin");
    expect_failure(&options, "pkcs11:token=demo", HF_ERR_AMBIGUOUS, "more than 8", "id=");
    cr_assert_eq(hf_hsm_key_open(&options, "pkcs11:token=demo;object=twin;id=%03", &key, why, sizeof why), HF_OK);
    key->ops->release(key);
}

Test(hsm_open, bad_uris)
{
    hf_hsm_options options = test_options();
    char *huge = calloc(1, HF_HSM_URI_MAX + 20);

    cr_assert_not_null(huge);
    memset(huge, 'a', HF_HSM_URI_MAX + 10);
    expect_failure(&options, "http://example", HF_ERR_INVALID, "pkcs11:token=", "");
    expect_failure(&options, "", HF_ERR_INVALID, "URI", "");
    expect_failure(&options, "pkcs11:token=%zz", HF_ERR_INVALID, "URI", "");
    expect_failure(&options, "pkcs11:tokne=demo", HF_ERR_INVALID, "spelling", "");
    expect_failure(&options, huge, HF_ERR_INVALID, "longer", "");
    expect_failure(&options, NULL, HF_ERR_INVALID, "", "");
    options.threads = HF_HSM_THREADS_MAX + 1;
    expect_failure(&options, uri_of("rsa"), HF_ERR_INVALID, "threads", "");
    free(huge);
}

Test(hsm_open, pin_value_is_refused)
{
    hf_hsm_options options = test_options();

    expect_failure(&options, "pkcs11:token=demo;object=rsa?pin-value=1234", HF_ERR_INVALID, "pin-value", "pin-source");
    cr_expect_null(strstr(why, "1234"));
    cr_expect_eq(mask_count(MASK_LOGIN), 0);
}

Test(hsm_open, extractable_key_refused_and_allowed)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    expect_failure(&options, uri_of("loose"), HF_ERR_KEY_UNSAFE, "extractable", "--allow-extractable");
    options.allow_extractable = true;
    cr_assert_eq(hf_hsm_key_open(&options, uri_of("loose"), &key, why, sizeof why), HF_OK, "%s", why);
    cr_expect_eq(sign_zeros(key, HF_ECDSA_SECP256R1_SHA256), HF_OK);
    key->ops->release(key);
}

/* What a token does not tell counts as unsafe. */
Test(hsm_open, attributes_that_a_token_does_not_have)
{
    static const CK_ATTRIBUTE_TYPE harmless[] = {CKA_ALWAYS_AUTHENTICATE, CKA_ALLOWED_MECHANISMS, CKA_LABEL, CKA_ID};
    hf_hsm_options options = test_options();

    atomic_store(&mask->no_attribute, CKA_SENSITIVE + 1);
    expect_failure(&options, uri_of("rsa"), HF_ERR_KEY_UNSAFE, "not sensitive", "");
    atomic_store(&mask->no_attribute, CKA_EXTRACTABLE + 1);
    expect_failure(&options, uri_of("rsa"), HF_ERR_KEY_UNSAFE, "extractable", "");
    atomic_store(&mask->no_attribute, CKA_KEY_TYPE + 1);
    expect_failure(&options, uri_of("rsa"), HF_ERR_KEY_UNUSABLE, "neither RSA", "");
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        atomic_store(&mask->no_attribute, harmless[i] + 1);
        hf_key *key = open_key("rsa", 1);
        key->ops->release(key);
    }
    atomic_store(&mask->no_attribute, CKA_MODULUS + 1); /* the certificate beside the key has it too */
    hf_key *key = open_key("rsa", 1);
    cr_expect_eq(sign_zeros(key, HF_RSA_PKCS1_SHA256), HF_OK);
    key->ops->release(key);
    atomic_store(&mask->no_attribute, CKA_EC_PARAMS + 1);
    expect_failure(&options, uri_of("p256"), HF_ERR_KEY_UNUSABLE, "P-256", "");
    atomic_store(&mask->no_attribute, CKA_EC_POINT + 1);
    expect_failure(&options, uri_of("p256"), HF_ERR_NOT_FOUND, "public half", "");
}

/* Signs with a login for each signature, from the PIN's source; a wrong PIN is tried once. */
Test(hsm_open, key_that_wants_its_pin_always)
{
    hf_key *key = open_key("always", 1);
    unsigned logins = mask_count(MASK_LOGIN);

    cr_expect_eq(sign_zeros(key, HF_ECDSA_SECP256R1_SHA256), HF_OK);
    cr_expect_eq(mask_count(MASK_LOGIN), logins + 1);
    write_file(pin_file, "9999\n", 0600);
    for (int i = 0; i < 4; i++)
        cr_expect_eq(sign_zeros(key, HF_ECDSA_SECP256R1_SHA256), HF_ERR_PIN_INCORRECT);
    cr_expect_eq(mask_count(MASK_LOGIN), logins + 2);
    write_file(pin_file, "1234\n", 0600);
    cr_expect_eq(sign_until_good(key, HF_ECDSA_SECP256R1_SHA256), HF_OK);
    key->ops->release(key);
}

Test(hsm_open, public_half_missing)
{
    hf_hsm_options options = test_options();

    expect_failure(&options, uri_of("orphan"), HF_ERR_NOT_FOUND, "public half", "import");
}

Test(hsm_open, token_without_sessions)
{
    hf_hsm_options options = test_options();

    atomic_store(&mask->code[MASK_OPEN_SESSION], CKR_SESSION_COUNT);
    expect_failure(&options, uri_of("rsa"), HF_ERR_TOKEN, "CKR_SESSION_COUNT", "stop one");
    atomic_store(&mask->code[MASK_OPEN_SESSION], CKR_DEVICE_REMOVED);
    expect_failure(&options, uri_of("rsa"), HF_ERR_TOKEN_ABSENT, "CKR_DEVICE_REMOVED", "connected");
}

Test(hsm_open, search_fails)
{
    hf_hsm_options options = test_options();

    atomic_store(&mask->code[MASK_FIND_INIT], 0x80000042);
    expect_failure(&options, uri_of("rsa"), HF_ERR_TOKEN, "CKR_0x80000042", "");
}

Test(hsm_open, no_mechanism_is_left)
{
    hf_hsm_options options = test_options();

    mask_hide(CKM_ECDSA);
    expect_failure(&options, uri_of("p256"), HF_ERR_KEY_UNUSABLE, "no mechanism", "CKA_SIGN");
}

/* A session lost while the key is tried is no missing mechanism. */
Test(hsm_open, trial_meets_a_lost_session)
{
    hf_hsm_options options = test_options();

    atomic_store(&mask->code[MASK_SIGN_INIT], CKR_SESSION_HANDLE_INVALID);
    expect_failure(&options, uri_of("p256"), HF_ERR_TOKEN, "CKR_SESSION_HANDLE_INVALID", "");
}

Test(hsm_open, failure_leaves_nothing_open)
{
    hf_hsm_options options = test_options();

    expect_failure(&options, uri_of("nothing"), HF_ERR_NOT_FOUND, "", "");
    cr_expect_eq(atomic_load(&mask->sessions), 0);
    cr_expect_eq(mask_count(MASK_LOGOUT), 1);
    cr_expect_eq(mask_count(MASK_FINALIZE), 1);
}

static hf_status take_cert(void *arg, const uint8_t *der, size_t len)
{
    size_t *n = arg;

    (*n)++;
    return der && len > 100 ? HF_OK : HF_ERR_DECODE;
}

Test(hsm_open, certificates_beside_the_key)
{
    size_t n = 0;
    hf_key *rsa = open_key("rsa", 1);
    hf_key *ed = open_key("ed", 1);

    cr_expect_eq(hf_hsm_key_certs(rsa, take_cert, &n), HF_OK);
    cr_expect_eq(n, 1);
    cr_expect_eq(hf_hsm_key_certs(ed, take_cert, &n), HF_ERR_NOT_FOUND);
    cr_expect_eq(hf_hsm_key_certs(NULL, take_cert, &n), HF_ERR_INVALID);
    rsa->ops->release(rsa);
    ed->ops->release(ed);
}
