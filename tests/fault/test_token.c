/* What befalls the token as a whole: it goes and comes back, forgets its sessions and its login, has few sessions,
 * locks its PIN, has another key under a label, another slot id. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

TestSuite(fault_token, .init = world_setup, .fini = world_teardown);

static CK_ULONG tokens_present(void)
{
    CK_ULONG n = 0;

    cr_assert_eq(world.fn->C_GetSlotList(CK_TRUE, NULL, &n), CKR_OK);
    return n;
}

static CK_RV token_info(CK_TOKEN_INFO *info)
{
    return world.fn->C_GetTokenInfo(world.demo, info);
}

Test(fault_token, a_token_that_goes_is_gone_for_every_call)
{
    CK_SESSION_HANDLE session = logged_in();
    CK_SESSION_HANDLE fresh = 0;
    CK_OBJECT_HANDLE key = find_key(session, "p256");
    CK_ULONG before = tokens_present();
    CK_ULONG n = 0;
    CK_SLOT_INFO slot;
    CK_TOKEN_INFO info;

    rules("token = absent");
    cr_expect_eq(try_sign(session, key), CKR_DEVICE_REMOVED);
    cr_expect_eq(world.fn->C_CloseSession(session), CKR_DEVICE_REMOVED);
    cr_expect_eq(tokens_present(), 0);
    cr_expect_eq(world.fn->C_GetSlotList(CK_FALSE, NULL, &n), CKR_OK);
    cr_expect_eq(n, before);
    cr_expect_eq(world.fn->C_GetSlotInfo(world.demo, &slot), CKR_OK);
    cr_expect_eq(slot.flags & CKF_TOKEN_PRESENT, 0);
    cr_expect_eq(token_info(&info), CKR_TOKEN_NOT_PRESENT);
    cr_expect_eq(world.fn->C_OpenSession(world.demo, CKF_SERIAL_SESSION, NULL, NULL, &fresh), CKR_TOKEN_NOT_PRESENT);
    cr_expect_eq(world.fn->C_GetMechanismList(world.demo, NULL, &n), CKR_TOKEN_NOT_PRESENT);
    cr_expect_eq(counted("sessions-open").calls, 0);
}

Test(fault_token, what_comes_back_has_forgotten)
{
    CK_SESSION_HANDLE old = logged_in();
    CK_OBJECT_HANDLE old_key = find_key(old, "p256");
    CK_SESSION_INFO info;

    rules("token = absent");
    cr_expect_eq(try_sign(old, old_key), CKR_DEVICE_REMOVED);
    rules("");
    cr_expect_eq(try_sign(old, old_key), CKR_SESSION_HANDLE_INVALID);
    CK_SESSION_HANDLE session = open_session(world.demo);
    cr_expect_neq(session, old);
    cr_expect_eq(world.fn->C_GetSessionInfo(session, &info), CKR_OK);
    cr_expect_eq(info.state, CKS_RO_PUBLIC_SESSION, "the login was not lost");
    cr_expect_eq(find_key(session, "p256"), 0);
    cr_expect_eq(login_pin(session, "1234"), CKR_OK);
    CK_OBJECT_HANDLE key = find_key(session, "p256");
    cr_expect(key != 0 && key != old_key);
    cr_expect_neq(try_sign(session, old_key), CKR_OK);
    cr_expect_eq(try_sign(session, key), CKR_OK);
}

/* Also where the module below would give the same handles again: here another session of its keeps them alive. */
Test(fault_token, objects_have_other_handles_afterwards)
{
    CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
    CK_FUNCTION_LIST *below = NULL;
    CK_SESSION_HANDLE other = 0;
    void *handle = dlopen(HF_TEST_SOFTHSM, RTLD_NOW | RTLD_LOCAL);
    CK_OBJECT_HANDLE old_key = find_key(logged_in(), "p256");

    cr_assert_not_null(handle);
    *(void **)&get = dlsym(handle, "C_GetFunctionList");
    cr_assert(get && get(&below) == CKR_OK);
    cr_assert_eq(below->C_OpenSession(world.demo, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
    rules("token = reset");
    CK_SESSION_HANDLE session = open_session(world.demo);
    CK_OBJECT_HANDLE key = find_key(session, "p256");
    cr_expect(key != 0 && key != old_key);
    cr_expect_neq(try_sign(session, old_key), CKR_OK);
    cr_expect_eq(try_sign(session, key), CKR_OK);
    cr_expect_eq(below->C_CloseSession(other), CKR_OK);
    (void)dlclose(handle);
}

Test(fault_token, removed_for_a_while, .timeout = 600)
{
    CK_SESSION_HANDLE old = logged_in();
    CK_TOKEN_INFO info;

    rules("token = removed for 300ms");
    cr_expect_eq(world.fn->C_GetSessionInfo(old, &(CK_SESSION_INFO){0}), CKR_DEVICE_REMOVED);
    while (token_info(&info) == CKR_TOKEN_NOT_PRESENT)
        (void)usleep(1000);
    cr_expect_eq(token_info(&info), CKR_OK);
    cr_expect_eq(world.fn->C_GetSessionInfo(old, &(CK_SESSION_INFO){0}), CKR_SESSION_HANDLE_INVALID);
    CK_SESSION_HANDLE session = logged_in();
    cr_expect_eq(try_sign(session, find_key(session, "p256")), CKR_OK);
}

Test(fault_token, a_removal_happens_even_when_nobody_called_meanwhile)
{
    CK_SESSION_HANDLE old = logged_in();

    rules("token = removed for 1ns");
    cr_expect_eq(world.fn->C_GetSessionInfo(old, &(CK_SESSION_INFO){0}), CKR_SESSION_HANDLE_INVALID);
    rules("token = removed for 1ns after 20ms");
    old = logged_in();
    (void)usleep(30000);
    cr_expect_eq(world.fn->C_GetSessionInfo(old, &(CK_SESSION_INFO){0}), CKR_SESSION_HANDLE_INVALID);
    cr_expect_eq(world.fn->C_GetSessionInfo(logged_in(), &(CK_SESSION_INFO){0}), CKR_OK);
}

/* Also when no call came while it was away, because the one that reads the new rules sees it for all slots. */
Test(fault_token, a_reset_makes_all_handles_stale_at_once)
{
    CK_SESSION_HANDLE old = logged_in();
    CK_OBJECT_HANDLE old_key = find_key(old, "p256");
    CK_INFO info;

    rules("token = reset");
    cr_expect_eq(world.fn->C_GetInfo(&info), CKR_OK);
    rules("");
    cr_expect_eq(try_sign(old, old_key), CKR_SESSION_HANDLE_INVALID);
    CK_SESSION_HANDLE session = logged_in();
    cr_expect_eq(try_sign(session, find_key(session, "p256")), CKR_OK);
    rules("token = reset # again");
    cr_expect_eq(world.fn->C_GetSessionInfo(session, &(CK_SESSION_INFO){0}), CKR_SESSION_HANDLE_INVALID);
    session = logged_in(); /* and once only */
    cr_expect_eq(try_sign(session, find_key(session, "p256")), CKR_OK);
}

static void *wait_for_event(void *arg)
{
    CK_SLOT_ID *slot = arg;

    return world.fn->C_WaitForSlotEvent(0, slot, NULL) == CKR_OK ? slot : NULL;
}

Test(fault_token, slot_events, .timeout = 600)
{
    CK_SLOT_ID slot = 0;
    pthread_t thread;
    void *good = NULL;

    cr_expect_eq(world.fn->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
    cr_assert_eq(pthread_create(&thread, NULL, wait_for_event, &slot), 0);
    rules("[second]\ntoken = absent");
    cr_assert_eq(pthread_join(thread, &good), 0);
    cr_expect_not_null(good);
    cr_expect_eq(slot, world.second);
    rules("");
    slot = 0;
    cr_expect_eq(world.fn->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_OK);
    cr_expect_eq(slot, world.second);
    cr_expect_eq(world.fn->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
}

Test(fault_token, a_section_leaves_other_tokens_alone)
{
    CK_SESSION_HANDLE demo = logged_in();
    CK_SESSION_HANDLE second = open_session(world.second);
    CK_BYTE byte = 0;

    rules("[second]\nfail C_GenerateRandom = CKR_DEVICE_ERROR");
    cr_expect_eq(world.fn->C_GenerateRandom(demo, &byte, 1), CKR_OK);
    cr_expect_eq(world.fn->C_GenerateRandom(second, &byte, 1), CKR_DEVICE_ERROR);
    rules("[second]\ntoken = absent");
    cr_expect_eq(world.fn->C_GenerateRandom(demo, &byte, 1), CKR_OK);
    cr_expect_eq(world.fn->C_GenerateRandom(second, &byte, 1), CKR_DEVICE_REMOVED);
    cr_expect_eq(try_sign(demo, find_key(demo, "p256")), CKR_OK);
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

Test(fault_token, a_call_that_waits_learns_that_the_token_went, .timeout = 600)
{
    static const char *const waits[] = {"hang C_Sign = forever", "latency C_Sign = 1min"};

    for (int i = 0; i < 2; i++) {
        char text[100];
        one_call c = {.session = logged_in()};
        pthread_t thread;
        c.key = find_key(c.session, "p256");
        rules(waits[i]);
        cr_assert_eq(pthread_create(&thread, NULL, sign_in_a_thread, &c), 0);
        while (counted("C_SignInit").calls != (unsigned)i + 1)
            (void)usleep(1000);
        (void)snprintf(text, sizeof text, "%s\ntoken = absent", waits[i]);
        rules(text);
        cr_assert_eq(pthread_join(thread, NULL), 0);
        cr_expect_eq(c.rv, CKR_DEVICE_REMOVED);
        rules("");
    }
}

Test(fault_token, few_sessions)
{
    CK_SESSION_HANDLE first = open_session(world.demo);
    CK_SESSION_HANDLE other = 0;
    CK_TOKEN_INFO info;

    rules("sessions = 2");
    (void)open_session(world.demo);
    cr_expect_eq(world.fn->C_OpenSession(world.demo, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_SESSION_COUNT);
    cr_expect_eq(token_info(&info), CKR_OK);
    cr_expect(info.ulMaxSessionCount == 2 && info.ulMaxRwSessionCount == 2 && info.ulSessionCount == 2);
    (void)open_session(world.second); /* the limit is each token's */
    cr_expect_eq(world.fn->C_CloseSession(first), CKR_OK);
    first = open_session(world.demo);
    rules("sessions = 2 untold");
    cr_expect_eq(token_info(&info), CKR_OK);
    cr_expect_eq(info.ulMaxSessionCount, CK_UNAVAILABLE_INFORMATION);
    cr_expect_eq(world.fn->C_OpenSession(world.demo, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_SESSION_COUNT);
    cr_expect_eq(world.fn->C_CloseAllSessions(world.demo), CKR_OK);
    cr_expect_eq(world.fn->C_GetSessionInfo(first, &(CK_SESSION_INFO){0}), CKR_SESSION_HANDLE_INVALID);
    cr_expect_eq(token_info(&info), CKR_OK);
    cr_expect_eq(info.ulSessionCount, 0);
    (void)open_session(world.demo);
    cr_expect_eq(counted("sessions-open").calls, 2);
    cr_expect_eq(counted("sessions-most").calls, 3);
}

static CK_FLAGS pin_flags(void)
{
    CK_TOKEN_INFO info;

    cr_assert_eq(token_info(&info), CKR_OK);
    return info.flags & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW |
                         CKF_USER_PIN_TO_BE_CHANGED | CKF_PROTECTED_AUTHENTICATION_PATH);
}

Test(fault_token, what_a_pin_rule_answers)
{
    static const struct {
        const char *rule;
        CK_RV rv;
        CK_FLAGS flags;
    } cases[] = {
        {"pin = incorrect", CKR_PIN_INCORRECT, 0},
        {"pin = locked", CKR_PIN_LOCKED, CKF_USER_PIN_LOCKED},
        {"pin = expired", CKR_PIN_EXPIRED, CKF_USER_PIN_TO_BE_CHANGED},
        {"pin = count-low", CKR_OK, CKF_USER_PIN_COUNT_LOW},
        {"pin = final-try", CKR_OK, CKF_USER_PIN_FINAL_TRY},
        {"pin = incorrect nth 2", CKR_OK, 0},
    };
    CK_SESSION_HANDLE session = open_session(world.demo);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rules(cases[i].rule);
        cr_expect_eq(login_pin(session, "1234"), cases[i].rv, "%s", cases[i].rule);
        cr_expect_eq(pin_flags(), cases[i].flags, "%s", cases[i].rule);
        if (cases[i].rv == CKR_OK)
            cr_expect_eq(world.fn->C_Logout(session), CKR_OK);
    }
    rules("");
    cr_expect_eq(login_pin(session, "1234"), CKR_OK, "the token itself was asked for a wrong PIN");
}

Test(fault_token, tries_that_run_out)
{
    static const char wrong[] = "no such PIN"; /* no number: times and threads have any digits in the trace */
    CK_SESSION_HANDLE session = open_session(world.demo);

    rules("pin = tries 3");
    cr_expect_eq(pin_flags(), 0);
    cr_expect_eq(login_pin(session, wrong), CKR_PIN_INCORRECT);
    cr_expect_eq(pin_flags(), CKF_USER_PIN_COUNT_LOW);
    cr_expect_eq(login_pin(session, wrong), CKR_PIN_INCORRECT);
    cr_expect_eq(pin_flags(), CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
    cr_expect_eq(login_pin(session, "1234"), CKR_OK);
    cr_expect_eq(pin_flags(), 0);
    cr_expect_eq(world.fn->C_Logout(session), CKR_OK);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(login_pin(session, wrong), CKR_PIN_INCORRECT);
    cr_expect_eq(login_pin(session, "1234"), CKR_PIN_LOCKED);
    cr_expect(pin_flags() & CKF_USER_PIN_LOCKED);
    cr_expect_eq(traced(wrong), 0, "a PIN in the trace");
}

Test(fault_token, a_pad_of_the_tokens_own)
{
    CK_SESSION_HANDLE session = open_session(world.demo);
    char path[400];
    char rule[500];

    (void)snprintf(path, sizeof path, "%s/typed", world.folder);
    (void)snprintf(rule, sizeof rule, "pin = pad %s", path);
    write_text(path, "1234\n");
    rules(rule);
    cr_expect_eq(pin_flags(), CKF_PROTECTED_AUTHENTICATION_PATH);
    cr_expect_eq(world.fn->C_Login(session, CKU_USER, NULL, 0), CKR_OK);
    cr_expect_neq(find_key(session, "p256"), 0);
}

/* The public half's point, to tell keys apart. */
static void point_of(CK_SESSION_HANDLE session, const char *name, CK_BYTE out[80])
{
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)(uintptr_t)name, strlen(name)}};
    CK_ATTRIBUTE point = {CKA_EC_POINT, out, 80};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG n = 0;

    memset(out, 0, 80);
    cr_assert_eq(world.fn->C_FindObjectsInit(session, match, 2), CKR_OK);
    cr_assert_eq(world.fn->C_FindObjects(session, &key, 1, &n), CKR_OK);
    cr_assert_eq(world.fn->C_FindObjectsFinal(session), CKR_OK);
    if (n)
        cr_assert_eq(world.fn->C_GetAttributeValue(session, key, &point, 1), CKR_OK);
}

static unsigned objects_with_label(CK_SESSION_HANDLE session, const char *name)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG n = 0;
    unsigned found = 0;

    cr_assert_eq(world.fn->C_FindObjectsInit(session, NULL, 0), CKR_OK);
    while (world.fn->C_FindObjects(session, &key, 1, &n) == CKR_OK && n > 0) {
        char text[64] = "";
        CK_ATTRIBUTE label = {CKA_LABEL, NULL, 0};
        cr_assert_eq(world.fn->C_GetAttributeValue(session, key, &label, 1), CKR_OK);
        label.pValue = text;
        cr_assert(label.ulValueLen < sizeof text);
        cr_assert_eq(world.fn->C_GetAttributeValue(session, key, &label, 1), CKR_OK);
        found += strcmp(text, name) == 0;
    }
    cr_assert_eq(world.fn->C_FindObjectsFinal(session), CKR_OK);
    return found;
}

Test(fault_token, another_key_under_the_same_label)
{
    CK_SESSION_HANDLE session = logged_in();
    CK_BYTE own[80];
    CK_BYTE loose[80];
    CK_BYTE got[80];

    point_of(session, "p256", own);
    point_of(session, "loose", loose);
    rules("key p256 = loose");
    point_of(session, "p256", got);
    cr_expect_eq(memcmp(got, loose, sizeof got), 0);
    cr_expect_neq(memcmp(got, own, sizeof got), 0);
    cr_expect_eq(objects_with_label(session, "p256"), 2, "the two halves of the other key");
    cr_expect_eq(objects_with_label(session, "loose"), 0);
    rules("key p256 = loose\nkey loose = p256");
    point_of(session, "loose", got);
    cr_expect_eq(memcmp(got, own, sizeof got), 0);
    cr_expect_eq(objects_with_label(session, "p256"), 2);
    cr_expect_eq(objects_with_label(session, "loose"), 2);
    rules("key p256 = nothing");
    cr_expect_eq(find_key(session, "p256"), 0);
    cr_expect_eq(objects_with_label(session, "p256"), 0);
    rules("");
    point_of(session, "p256", got);
    cr_expect_eq(memcmp(got, own, sizeof got), 0);
}

Test(fault_token, slot_ids_move)
{
    CK_SLOT_ID before = world.demo;
    CK_TOKEN_INFO token;
    CK_SESSION_INFO info;

    rules("slot = +5");
    cr_expect_eq(slot_of("demo"), before + 5);
    cr_expect_neq(token_info(&token), CKR_OK);
    CK_SESSION_HANDLE session = open_session(before + 5);
    cr_expect_eq(world.fn->C_GetSessionInfo(session, &info), CKR_OK);
    cr_expect_eq(info.slotID, before + 5);
}
