/* What befalls single calls: latency, errors, hangs, changed answers, hidden mechanisms and attributes. Each over
 * SoftHSM2, through the module as a program loads it. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

TestSuite(fault_calls, .init = world_setup, .fini = world_teardown);

static double seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Whether SoftHSM takes the signature, by C_Verify with the public half. */
static CK_RV verify_zeros(CK_SESSION_HANDLE session, const char *name, CK_BYTE *signature, CK_ULONG len)
{
    static CK_BYTE zeros[32];
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)(uintptr_t)name, strlen(name)}};
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG n = 0;

    cr_assert_eq(world.fn->C_FindObjectsInit(session, match, 2), CKR_OK);
    cr_assert_eq(world.fn->C_FindObjects(session, &key, 1, &n), CKR_OK);
    cr_assert_eq(world.fn->C_FindObjectsFinal(session), CKR_OK);
    cr_assert_eq(n, 1);
    CK_RV rv = world.fn->C_VerifyInit(session, &mechanism, key);
    return rv == CKR_OK ? world.fn->C_Verify(session, zeros, sizeof zeros, signature, len) : rv;
}

Test(fault_calls, without_rules_all_is_as_below)
{
    CK_SESSION_HANDLE session = logged_in();
    CK_OBJECT_HANDLE key = find_key(session, "p256");
    CK_BYTE signature[64];
    CK_ULONG len = sizeof signature;
    CK_FUNCTION_LIST *list = NULL;
    CK_INFO info;

    cr_assert_neq(key, 0);
    cr_expect_eq(world.fn->C_GetFunctionList(&list), CKR_OK);
    cr_expect_eq(list, world.fn); /* and not libp11-kit's, which this program links and which has one too */
    cr_expect_eq(sign_zeros(session, key, signature, &len), CKR_OK);
    cr_expect_eq(len, 64);
    cr_expect_eq(verify_zeros(session, "p256", signature, len), CKR_OK);
    cr_expect_eq(world.fn->C_GetInfo(&info), CKR_OK);
    cr_expect_eq(memcmp(info.manufacturerID, "SoftHSM", 7), 0);
    cr_expect_eq(world.fn->version.major, 2);
    cr_expect_eq(counted("C_Sign").calls, 1);
    cr_expect_eq(counted("C_Sign").faults, 0);
    cr_expect_eq(try_sign(session + 1, key), CKR_SESSION_HANDLE_INVALID);
    cr_expect_eq(world.fn->C_CloseSession(session), CKR_OK);
    cr_expect_eq(try_sign(session, key), CKR_SESSION_HANDLE_INVALID);
    cr_expect_eq(counted("sessions-open").calls, 0);
}

Test(fault_calls, latency_is_added_to_its_function_only)
{
    CK_SESSION_HANDLE session = logged_in();
    CK_OBJECT_HANDLE key = find_key(session, "p256");

    rules("latency * = 1ms\nlatency C_Sign = 30ms");
    double start = seconds();
    cr_expect_eq(try_sign(session, key), CKR_OK);
    cr_expect(seconds() - start >= 0.031);
    cr_expect_eq(counted("C_SignInit").faults, 1);
    cr_expect_eq(counted("C_Sign").faults, 1);
    cr_expect_eq(traced(" CKR_OK "), traced("Z "), "an error where only latency was asked for");
    rules("");
    cr_expect_eq(try_sign(session, key), CKR_OK);
    cr_expect_eq(counted("C_Sign").faults, 1);
}

Test(fault_calls, any_code_on_the_nth_call)
{
    CK_SESSION_HANDLE session = logged_in();
    CK_OBJECT_HANDLE key = find_key(session, "p256");

    rules("fail C_Sign = CKR_DEVICE_ERROR nth 2\nfail C_SignInit = 0x80000042 nth 4");
    cr_expect_eq(try_sign(session, key), CKR_OK);
    cr_expect_eq(try_sign(session, key), CKR_DEVICE_ERROR);
    cr_expect_eq(try_sign(session, key), CKR_OK, "the operation that failed was not over");
    cr_expect_eq(try_sign(session, key), 0x80000042);
    cr_expect_eq(try_sign(session, key), CKR_OK);
    cr_expect_eq(traced(" C_Sign "), 4);
    cr_expect_eq(traced(" CKR_DEVICE_ERROR "), 1);
    cr_expect_eq(traced(" 0x80000042 "), 1);
    cr_expect_eq(counted("C_SignInit").errors, 1);
}

/* A program asks for a length first; that is not the third signature. */
Test(fault_calls, a_length_query_is_not_counted)
{
    static CK_BYTE zeros[32];
    CK_SESSION_HANDLE session = logged_in();
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    CK_BYTE signature[64];
    CK_ULONG len = 0;

    cr_assert_eq(world.fn->C_SignInit(session, &mechanism, find_key(session, "p256")), CKR_OK);
    rules("fail C_Sign = CKR_DEVICE_ERROR");
    cr_expect_eq(world.fn->C_Sign(session, zeros, sizeof zeros, NULL, &len), CKR_OK);
    cr_expect_eq(len, 64);
    cr_expect_eq(world.fn->C_Sign(session, zeros, sizeof zeros, signature, &len), CKR_DEVICE_ERROR);
}

/* An operation that failed is over, whatever function failed (PKCS#11 2.40 section 5.2). */
Test(fault_calls, a_failed_operation_is_over)
{
    static CK_BYTE data[256];
    CK_SESSION_HANDLE session = logged_in();
    CK_OBJECT_HANDLE rsa = find_key(session, "rsa");
    CK_MECHANISM pkcs1 = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_MECHANISM raw = {CKM_RSA_X_509, NULL, 0};
    CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
    CK_BYTE out[512];
    CK_ULONG len = sizeof out;

    rules("fail C_SignUpdate, C_SignFinal, C_Decrypt, C_Digest, C_DigestUpdate = CKR_FUNCTION_FAILED first 1");
    for (int round = 0; round < 2; round++) { /* the rule counts all of its functions together: the first fails */
        CK_RV expected = round ? CKR_OK : CKR_FUNCTION_FAILED;
        cr_assert_eq(world.fn->C_SignInit(session, &pkcs1, rsa), CKR_OK);
        cr_expect_eq(world.fn->C_SignUpdate(session, data, sizeof data), expected);
    }
    cr_expect_eq(world.fn->C_SignFinal(session, out, &len), CKR_OK);
    rules("fail C_SignFinal = CKR_FUNCTION_FAILED first 1\nfail C_Decrypt = CKR_FUNCTION_FAILED first 1\n"
          "fail C_Digest = CKR_FUNCTION_FAILED first 1\nfail C_DigestUpdate = CKR_FUNCTION_FAILED first 1");
    for (int round = 0; round < 2; round++) {
        CK_RV expected = round ? CKR_OK : CKR_FUNCTION_FAILED;
        len = sizeof out;
        cr_expect_eq(world.fn->C_SignInit(session, &pkcs1, rsa), CKR_OK);
        cr_expect_eq(world.fn->C_SignUpdate(session, data, sizeof data), CKR_OK);
        cr_expect_eq(world.fn->C_SignFinal(session, out, &len), expected);
        len = sizeof out;
        cr_expect_eq(world.fn->C_DecryptInit(session, &raw, rsa), CKR_OK);
        cr_expect_eq(world.fn->C_Decrypt(session, data, sizeof data, out, &len), expected);
        len = sizeof out;
        cr_expect_eq(world.fn->C_DigestInit(session, &sha256), CKR_OK);
        cr_expect_eq(world.fn->C_Digest(session, data, sizeof data, out, &len), expected);
    }
    cr_expect_eq(world.fn->C_DigestInit(session, &sha256), CKR_OK);
    cr_expect_eq(world.fn->C_DigestUpdate(session, data, 1), CKR_FUNCTION_FAILED);
    cr_expect_eq(world.fn->C_DigestInit(session, &sha256), CKR_OK);
    cr_expect_eq(world.fn->C_DigestUpdate(session, data, 1), CKR_OK);
}

Test(fault_calls, a_failed_verification_is_over)
{
    CK_SESSION_HANDLE session = logged_in();
    CK_BYTE signature[64];
    CK_ULONG len = sizeof signature;

    cr_assert_eq(sign_zeros(session, find_key(session, "p256"), signature, &len), CKR_OK);
    rules("fail C_Verify = CKR_DEVICE_ERROR first 1");
    cr_expect_eq(verify_zeros(session, "p256", signature, len), CKR_DEVICE_ERROR);
    cr_expect_eq(verify_zeros(session, "p256", signature, len), CKR_OK);
}

typedef struct one_call {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    CK_RV rv;
} one_call;

static void *sign_in_a_thread(void *arg)
{
    one_call *c = arg;

    c->rv = try_sign(c->session, c->key);
    return NULL;
}

/* Until a call hangs; the test's time limit ends what never does. */
static void wait_for_hanging(unsigned long long n)
{
    while (counted("hanging").calls != n)
        (void)usleep(1000);
}

Test(fault_calls, a_hang_lasts_until_its_line_goes, .timeout = 600)
{
    one_call c = {.session = logged_in()};
    pthread_t thread;

    c.key = find_key(c.session, "p256");
    rules("hang C_Sign = forever");
    cr_assert_eq(pthread_create(&thread, NULL, sign_in_a_thread, &c), 0);
    wait_for_hanging(1);
    cr_expect_eq(world.fn->C_GetSessionInfo(c.session, &(CK_SESSION_INFO){0}), CKR_OK, "others must not hang");
    rules("");
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_expect_eq(c.rv, CKR_OK);
    cr_expect_eq(counted("hanging").calls, 0);
    cr_expect_eq(traced(" hang "), 1);
}

Test(fault_calls, a_hang_ends_with_the_application, .timeout = 600)
{
    one_call c = {.session = logged_in()};
    pthread_t thread;

    c.key = find_key(c.session, "p256");
    rules("hang C_Sign = forever");
    cr_assert_eq(pthread_create(&thread, NULL, sign_in_a_thread, &c), 0);
    wait_for_hanging(1);
    cr_expect_eq(world.fn->C_Finalize(NULL), CKR_OK);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_expect_eq(c.rv, CKR_CRYPTOKI_NOT_INITIALIZED);
}

Test(fault_calls, a_hang_may_have_an_end, .timeout = 600)
{
    CK_SESSION_HANDLE session = logged_in();
    CK_OBJECT_HANDLE key = find_key(session, "p256");

    rules("hang C_Sign = 20ms nth 2");
    cr_expect_eq(try_sign(session, key), CKR_OK);
    double start = seconds();
    cr_expect_eq(try_sign(session, key), CKR_OK);
    cr_expect(seconds() - start >= 0.020);
}

/* A signature into `room` bytes of 0x55; the length told. */
static CK_ULONG changed_signature(const char *rule, CK_BYTE out[80], CK_ULONG room)
{
    CK_SESSION_HANDLE session = logged_in();
    CK_ULONG len = room;

    memset(out, 0x55, 80);
    rules(rule);
    cr_expect_eq(sign_zeros(session, find_key(session, "p256"), out, &len), CKR_OK);
    cr_expect_eq(counted("C_Sign").faults, 1);
    return len;
}

Test(fault_calls, a_short_output)
{
    CK_BYTE out[80];

    cr_expect_eq(changed_signature("output C_Sign = short 3", out, sizeof out), 61);
}

Test(fault_calls, a_long_output_has_its_bytes_where_there_is_room)
{
    CK_BYTE out[80];

    cr_expect_eq(changed_signature("output C_Sign = long 3", out, sizeof out), 67);
    cr_expect(out[64] == 0xaa && out[66] == 0xaa && out[67] == 0x55);
}

Test(fault_calls, a_long_output_never_leaves_the_buffer)
{
    CK_BYTE out[80];

    cr_expect_eq(changed_signature("output C_Sign = long 3", out, 65), 67);
    cr_expect(out[64] == 0xaa && out[65] == 0x55);
}

Test(fault_calls, a_wrong_output_is_a_wrong_signature)
{
    CK_BYTE out[80];
    CK_ULONG len = changed_signature("output C_Sign = wrong", out, sizeof out);

    cr_expect_eq(len, 64);
    CK_SESSION_HANDLE session = open_session(world.demo);
    cr_expect_eq(verify_zeros(session, "p256", out, len), CKR_SIGNATURE_INVALID);
    out[63] ^= 1;
    cr_expect_eq(verify_zeros(session, "p256", out, len), CKR_OK);
}

Test(fault_calls, zeros_and_stripped_zeros)
{
    static const CK_BYTE zeros[80];
    CK_SESSION_HANDLE session = logged_in();
    CK_MECHANISM raw = {CKM_RSA_X_509, NULL, 0};
    CK_BYTE block[256] = {0};
    CK_BYTE out[256];
    CK_ULONG len = sizeof out;

    rules("output C_GenerateRandom = zeros");
    cr_expect_eq(world.fn->C_GenerateRandom(session, out, 80), CKR_OK);
    cr_expect_eq(memcmp(out, zeros, 80), 0);
    rules("output C_Decrypt = strip");
    block[255] = 1; /* 1 to any power is 1: 255 leading zeros */
    cr_assert_eq(world.fn->C_DecryptInit(session, &raw, find_key(session, "rsa")), CKR_OK);
    cr_expect_eq(world.fn->C_Decrypt(session, block, sizeof block, out, &len), CKR_OK);
    cr_expect(len == 1 && out[0] == 1);
}

static bool has_mechanism(CK_MECHANISM_TYPE type, CK_ULONG *out_n)
{
    CK_MECHANISM_TYPE list[400];
    bool found = false;

    *out_n = sizeof list / sizeof list[0];
    cr_assert_eq(world.fn->C_GetMechanismList(world.demo, list, out_n), CKR_OK);
    for (CK_ULONG i = 0; i < *out_n; i++)
        found = found || list[i] == type;
    return found;
}

Test(fault_calls, hidden_and_refused_mechanisms)
{
    CK_SESSION_HANDLE session = logged_in();
    CK_OBJECT_HANDLE key = find_key(session, "p256");
    CK_MECHANISM_INFO info;
    CK_ULONG all = 0;
    CK_ULONG less = 0;
    CK_ULONG told = 0;

    cr_expect(has_mechanism(CKM_ECDSA, &all));
    rules("hide = CKM_ECDSA");
    cr_expect(!has_mechanism(CKM_ECDSA, &less));
    cr_expect_eq(less, all - 1);
    cr_expect_eq(world.fn->C_GetMechanismList(world.demo, NULL, &told), CKR_OK);
    cr_expect_eq(told, less);
    cr_expect_eq(world.fn->C_GetMechanismInfo(world.demo, CKM_ECDSA, &info), CKR_MECHANISM_INVALID);
    cr_expect_eq(try_sign(session, key), CKR_MECHANISM_INVALID);
    rules("refuse = CKM_ECDSA");
    cr_expect(has_mechanism(CKM_ECDSA, &told));
    cr_expect_eq(world.fn->C_GetMechanismInfo(world.demo, CKM_ECDSA, &info), CKR_OK);
    cr_expect_eq(try_sign(session, key), CKR_MECHANISM_INVALID);
    cr_expect(traced(" refuse CKM_ECDSA") == 1 && traced(" hide CKM_ECDSA") == 2);
}

Test(fault_calls, a_hidden_attribute)
{
    CK_SESSION_HANDLE session = logged_in();
    CK_OBJECT_HANDLE key = find_key(session, "p256");
    CK_BYTE params[32];
    CK_KEY_TYPE type = 0;
    CK_ATTRIBUTE wanted[] = {{CKA_EC_PARAMS, params, sizeof params}, {CKA_KEY_TYPE, &type, sizeof type}};

    rules("hide = CKA_EC_PARAMS");
    memset(params, 0x55, sizeof params);
    cr_expect_eq(world.fn->C_GetAttributeValue(session, key, wanted, 2), CKR_ATTRIBUTE_TYPE_INVALID);
    cr_expect_eq(wanted[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    cr_expect_eq(params[0], 0);
    cr_expect_eq(type, CKK_EC);
}
