/* The configuration while the module runs: read again when it changes, kept when it is wrong, told once; how the module
 * loads, and that a rule reaches every function. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

TestSuite(fault_config, .init = world_folder, .fini = world_teardown);

static CK_RV load(void)
{
    CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;

    world.handle = dlopen(HF_TEST_FAULT_MODULE, RTLD_NOW | RTLD_LOCAL);
    cr_assert_not_null(world.handle, "%s", dlerror());
    *(void **)&get = dlsym(world.handle, "C_GetFunctionList");
    cr_assert_not_null(get);
    cr_expect_eq(get(NULL), CKR_ARGUMENTS_BAD);
    CK_FUNCTION_LIST *list = NULL;
    CK_RV rv = get(&list);
    if (rv != CKR_OK)
        cr_expect_null(list);
    return rv;
}

static void expect_refusal(const char *word1, const char *word2)
{
    char text[4096] = "";

    cr_redirect_stderr();
    cr_expect_eq(load(), CKR_GENERAL_ERROR);
    (void)fflush(stderr);
    FILE *told = cr_get_redirected_stderr();
    (void)!fread(text, 1, sizeof text - 1, told);
    cr_expect(strstr(text, "libhandfast-fault: ") == text, "%s", text);
    cr_expect(strstr(text, word1) && strstr(text, word2), "%s", text);
}

Test(fault_config, no_variable)
{
    cr_assert_eq(unsetenv("HANDFAST_FAULT_CONF"), 0);
    expect_refusal("HANDFAST_FAULT_CONF", "must name the configuration file");
}

Test(fault_config, no_file)
{
    cr_assert_eq(unlink(world.conf), 0);
    expect_refusal(world.conf, "there are no rules");
}

Test(fault_config, a_malformed_file_at_the_start)
{
    write_text(world.conf, "module = x\n\nfail C_Sing = CKR_DEVICE_ERROR\n");
    expect_refusal("fault.conf:3: C_Sing is no function", "there are no rules");
}

Test(fault_config, no_module_below)
{
    write_text(world.conf, "module = /nowhere/lib.so\n");
    expect_refusal("module /nowhere/lib.so cannot be loaded", "No such file");
}

Test(fault_config, not_a_module_below)
{
    write_text(world.conf, "module = libc.so.6\n");
    expect_refusal("module libc.so.6", "no complete list of functions");
}

Test(fault_config, not_before_itself)
{
    write_text(world.conf, "module = " HF_TEST_FAULT_MODULE "\n");
    expect_refusal("libhandfast-fault.so gives no complete list", "another PKCS#11 module");
}

Test(fault_config, a_wrong_file_changes_nothing_and_is_told_once)
{
    CK_INFO info;

    world_load();
    rules("fail C_GetInfo = CKR_DEVICE_ERROR");
    cr_expect_eq(world.fn->C_GetInfo(&info), CKR_DEVICE_ERROR);
    rules("fail C_GetInfo = CKR_GENERAL_ERROR\nfail C_Sign = nonsense");
    for (int i = 0; i < 5; i++)
        cr_expect_eq(world.fn->C_GetInfo(&info), CKR_DEVICE_ERROR);
    cr_expect_eq(traced("fault.conf:5: nonsense is no return code"), 1);
    cr_assert_eq(unlink(world.conf), 0);
    for (int i = 0; i < 5; i++)
        cr_expect_eq(world.fn->C_GetInfo(&info), CKR_DEVICE_ERROR);
    cr_expect_eq(traced("No such file or directory: the rules stay as they were"), 1);
    rules("");
    cr_expect_eq(world.fn->C_GetInfo(&info), CKR_OK);
}

Test(fault_config, a_file_written_in_place_is_read_too)
{
    char text[2048];
    CK_INFO info;

    world_load();
    (void)snprintf(text, sizeof text, "module = %s\nfail C_GetInfo = CKR_HOST_MEMORY\n", HF_TEST_SOFTHSM);
    write_text(world.conf, text);
    cr_expect_eq(world.fn->C_GetInfo(&info), CKR_HOST_MEMORY);
}

Test(fault_config, trace_and_counters_may_move)
{
    char more[300];
    char text[2048];
    CK_INFO info;

    world_load();
    cr_expect_eq(world.fn->C_GetInfo(&info), CKR_OK);
    cr_expect_eq(counted("C_GetInfo").calls, 1);
    memcpy(more, world.trace, sizeof more);
    (void)snprintf(world.trace, sizeof world.trace, "%s/other-trace", world.folder);
    rules("");
    cr_expect_eq(world.fn->C_GetInfo(&info), CKR_OK);
    cr_expect_eq(traced(" C_GetInfo 0 CKR_OK "), 1);
    cr_expect_eq(counted("C_GetInfo").calls, 2, "the counters' line is the same: they go on");
    (void)snprintf(text, sizeof text, "module = %s\ncounters = %s # from 0\n", HF_TEST_SOFTHSM, world.counters);
    write_text(world.conf, text);
    cr_expect_eq(world.fn->C_GetInfo(&info), CKR_OK);
    cr_expect_eq(counted("C_GetInfo").calls, 1);
    memcpy(world.trace, more, sizeof more);
    cr_expect_eq(traced(" C_GetInfo 0 CKR_OK "), 1);
}

/* TIME THREAD FUNCTION SESSION CODE MICROSECONDS FAULTS MECHANISM */
Test(fault_config, a_line_of_the_trace)
{
    char time[64], function[64], code[64], faults[64], mechanism[64];
    long thread = 0;
    unsigned long session = 0, us = 0;

    world_load();
    CK_SESSION_HANDLE own = logged_in();
    rules("latency C_Sign = 1ms\nfail C_Sign = CKR_DEVICE_MEMORY");
    cr_expect_eq(try_sign(own, find_key(own, "p256")), CKR_DEVICE_MEMORY);
    char *text = read_text(world.trace);
    char *line = strstr(text, " C_Sign ");
    cr_assert_not_null(line);
    while (line > text && line[-1] != '\n')
        line--;
    cr_assert_eq(sscanf(line, "%63s %ld %63s %lu %63s %lu %63s %63s", time, &thread, function, &session, code, &us,
                        faults, mechanism),
                 8);
    cr_expect_eq(strlen(time), strlen("2026-01-01T00:00:00.000000Z"));
    cr_expect_eq(thread, (long)gettid());
    cr_expect_eq(session, own);
    cr_expect_str_eq(code, "CKR_DEVICE_MEMORY");
    cr_expect(us >= 1000);
    cr_expect_str_eq(faults, "latency+fail");
    cr_expect_str_eq(mechanism, "-");
    cr_expect(strstr(text, " C_SignInit ") && strstr(text, " - CKM_ECDSA\n"));
    const char *login = strstr(text, " C_Login ");
    const char *end = login ? strchr(login, '\n') : NULL;
    cr_assert_not_null(end);
    cr_expect(strncmp(end - 4, " - -", 4) == 0, "C_Login: more than is known of every call, perhaps the PIN");
    free(text);
}

/* Every function of the list, with arguments that it would never get to see. */
static unsigned call_everything(CK_SESSION_HANDLE s, CK_RV expected)
{
    const CK_FUNCTION_LIST *f = world.fn;
    CK_BYTE b[64] = {0};
    CK_ULONG n = sizeof b;
    CK_OBJECT_HANDLE o = 0, o2 = 0;
    CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
    CK_SLOT_ID slot = world.demo;
    CK_SESSION_HANDLE other = 0;
    const CK_RV got[] = {f->C_Initialize(NULL),
                         f->C_Finalize(NULL),
                         f->C_GetInfo(&(CK_INFO){0}),
                         f->C_GetSlotList(CK_TRUE, NULL, &n),
                         f->C_GetSlotInfo(slot, &(CK_SLOT_INFO){0}),
                         f->C_GetTokenInfo(slot, &(CK_TOKEN_INFO){0}),
                         f->C_GetMechanismList(slot, NULL, &n),
                         f->C_GetMechanismInfo(slot, CKM_ECDSA, &(CK_MECHANISM_INFO){0}),
                         f->C_InitToken(slot, b, 4, b),
                         f->C_InitPIN(s, b, 4),
                         f->C_SetPIN(s, b, 4, b, 4),
                         f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &other),
                         f->C_CloseSession(s),
                         f->C_CloseAllSessions(slot),
                         f->C_GetSessionInfo(s, &(CK_SESSION_INFO){0}),
                         f->C_GetOperationState(s, b, &n),
                         f->C_SetOperationState(s, b, 4, 0, 0),
                         f->C_Login(s, CKU_USER, b, 4),
                         f->C_Logout(s),
                         f->C_CreateObject(s, NULL, 0, &o),
                         f->C_CopyObject(s, 1, NULL, 0, &o),
                         f->C_DestroyObject(s, 1),
                         f->C_GetObjectSize(s, 1, &n),
                         f->C_GetAttributeValue(s, 1, NULL, 0),
                         f->C_SetAttributeValue(s, 1, NULL, 0),
                         f->C_FindObjectsInit(s, NULL, 0),
                         f->C_FindObjects(s, &o, 1, &n),
                         f->C_FindObjectsFinal(s),
                         f->C_EncryptInit(s, &m, 1),
                         f->C_Encrypt(s, b, 1, b, &n),
                         f->C_EncryptUpdate(s, b, 1, b, &n),
                         f->C_EncryptFinal(s, b, &n),
                         f->C_DecryptInit(s, &m, 1),
                         f->C_Decrypt(s, b, 1, b, &n),
                         f->C_DecryptUpdate(s, b, 1, b, &n),
                         f->C_DecryptFinal(s, b, &n),
                         f->C_DigestInit(s, &m),
                         f->C_Digest(s, b, 1, b, &n),
                         f->C_DigestUpdate(s, b, 1),
                         f->C_DigestKey(s, 1),
                         f->C_DigestFinal(s, b, &n),
                         f->C_SignInit(s, &m, 1),
                         f->C_Sign(s, b, 1, b, &n),
                         f->C_SignUpdate(s, b, 1),
                         f->C_SignFinal(s, b, &n),
                         f->C_SignRecoverInit(s, &m, 1),
                         f->C_SignRecover(s, b, 1, b, &n),
                         f->C_VerifyInit(s, &m, 1),
                         f->C_Verify(s, b, 1, b, 1),
                         f->C_VerifyUpdate(s, b, 1),
                         f->C_VerifyFinal(s, b, 1),
                         f->C_VerifyRecoverInit(s, &m, 1),
                         f->C_VerifyRecover(s, b, 1, b, &n),
                         f->C_DigestEncryptUpdate(s, b, 1, b, &n),
                         f->C_DecryptDigestUpdate(s, b, 1, b, &n),
                         f->C_SignEncryptUpdate(s, b, 1, b, &n),
                         f->C_DecryptVerifyUpdate(s, b, 1, b, &n),
                         f->C_GenerateKey(s, &m, NULL, 0, &o),
                         f->C_GenerateKeyPair(s, &m, NULL, 0, NULL, 0, &o, &o2),
                         f->C_WrapKey(s, &m, 1, 1, b, &n),
                         f->C_UnwrapKey(s, &m, 1, b, 1, NULL, 0, &o),
                         f->C_DeriveKey(s, &m, 1, NULL, 0, &o),
                         f->C_SeedRandom(s, b, 1),
                         f->C_GenerateRandom(s, b, 1),
                         f->C_GetFunctionStatus(s),
                         f->C_CancelFunction(s),
                         f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL)};

    for (size_t i = 0; i < sizeof got / sizeof got[0]; i++)
        cr_expect_eq(got[i], expected, "function %zu of the list: 0x%lx", i, got[i]);
    return sizeof got / sizeof got[0];
}

Test(fault_config, a_rule_reaches_every_function)
{
    world_load();
    CK_SESSION_HANDLE session = logged_in();
    rules("fail * = CKR_FUNCTION_REJECTED");
    cr_expect_eq(call_everything(session, CKR_FUNCTION_REJECTED), 67);
    cr_expect_eq(traced(" CKR_FUNCTION_REJECTED "), 67);
    rules("");
    cr_expect_eq(try_sign(session, find_key(session, "p256")), CKR_OK);
}

Test(fault_config, nothing_works_before_initialisation)
{
    cr_expect_eq(load(), CKR_OK);
    CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
    *(void **)&get = dlsym(world.handle, "C_GetFunctionList");
    CK_FUNCTION_LIST *list = NULL;
    CK_ULONG n = 0;
    cr_assert_eq(get(&list), CKR_OK);
    cr_expect_eq(list->C_GetSlotList(CK_TRUE, NULL, &n), CKR_CRYPTOKI_NOT_INITIALIZED);
    cr_expect_eq(list->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    cr_expect_eq(list->C_Initialize(NULL), CKR_OK);
    cr_expect_eq(list->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
    cr_expect_eq(list->C_GetSlotList(CK_TRUE, NULL, &n), CKR_OK);
    cr_expect_eq(list->C_Finalize(NULL), CKR_OK);
    cr_expect_eq(list->C_Initialize(NULL), CKR_OK);
    cr_expect_eq(list->C_Finalize(NULL), CKR_OK);
}
