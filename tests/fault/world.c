/* See world.h. No Criterion here: the program for ThreadSanitizer uses it too. */
#include "world.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

fault_world world;

void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "the test's world: %s failed\n", what);
    abort();
}

static void run(const char *const *argv)
{
    int result = -1;
    pid_t pid = fork();

    if (pid == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    must(pid > 0 && waitpid(pid, &result, 0) == pid && result == 0, argv[0]);
}

void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    must(file && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

char *read_text(const char *path)
{
    char *text = calloc(1, 1 << 22);
    FILE *file = fopen(path, "r");

    must(text != NULL, "memory");
    if (file) {
        (void)!fread(text, 1, (1 << 22) - 1, file);
        (void)fclose(file);
    }
    return text;
}

void rules(const char *text)
{
    char whole[4096];
    char fresh[400];

    (void)snprintf(whole, sizeof whole, "module = %s\ntrace = %s\ncounters = %s\n%s\n", HF_TEST_SOFTHSM, world.trace,
                   world.counters, text);
    (void)snprintf(fresh, sizeof fresh, "%s.new", world.conf);
    write_text(fresh, whole);
    must(rename(fresh, world.conf) == 0, "rename");
}

size_t traced(const char *text)
{
    char *trace = read_text(world.trace);
    size_t n = 0;

    for (const char *at = strstr(trace, text); at; at = strstr(at + 1, text))
        n++;
    free(trace);
    return n;
}

counts counted(const char *name)
{
    char *text = read_text(world.counters);
    counts out = {0};
    char row[100];

    (void)snprintf(row, sizeof row, "\n%s ", name);
    const char *at = strstr(text, row);
    must(at && sscanf(at + strlen(row), "%llu %llu %llu", &out.calls, &out.errors, &out.faults) == 3, name);
    free(text);
    return out;
}

void world_folder(void)
{
    char to[400];
    char text[1024];

    (void)snprintf(world.folder, sizeof world.folder, "%s/f-XXXXXX", HF_TEST_FOLDER);
    must(mkdtemp(world.folder) != NULL, world.folder);
    (void)snprintf(to, sizeof to, "%s/tokens", world.folder);
    run((const char *const[]){"cp", "-r", HF_TEST_FOLDER "/template/tokens", to, NULL});
    (void)snprintf(text, sizeof text, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", to);
    (void)snprintf(to, sizeof to, "%s/softhsm2.conf", world.folder);
    write_text(to, text);
    must(setenv("SOFTHSM2_CONF", to, 1) == 0, "setenv");
    (void)snprintf(world.conf, sizeof world.conf, "%s/fault.conf", world.folder);
    (void)snprintf(world.trace, sizeof world.trace, "%s/trace", world.folder);
    (void)snprintf(world.counters, sizeof world.counters, "%s/counters", world.folder);
    must(setenv("HANDFAST_FAULT_CONF", world.conf, 1) == 0, "setenv");
    rules("");
}

void world_load(void)
{
    CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
    CK_C_INITIALIZE_ARGS threads = {.flags = CKF_OS_LOCKING_OK};

    world.handle = dlopen(HF_TEST_FAULT_MODULE, RTLD_NOW | RTLD_LOCAL);
    must(world.handle != NULL, "dlopen of the fault module");
    *(void **)&get = dlsym(world.handle, "C_GetFunctionList");
    must(get && get(&world.fn) == CKR_OK, "C_GetFunctionList");
    must(world.fn->C_Initialize(&threads) == CKR_OK, "C_Initialize");
    world.demo = slot_of("demo");
    world.second = slot_of("second");
}

void world_setup(void)
{
    world_folder();
    world_load();
}

void world_teardown(void)
{
    if (world.fn) {
        rules("");
        (void)world.fn->C_Finalize(NULL);
    }
    if (world.handle)
        (void)dlclose(world.handle);
    run((const char *const[]){"rm", "-rf", world.folder, NULL});
}

CK_SLOT_ID slot_of(const char *label)
{
    CK_SLOT_ID slots[16];
    CK_ULONG n = sizeof slots / sizeof slots[0];
    CK_TOKEN_INFO info;

    must(world.fn->C_GetSlotList(CK_TRUE, slots, &n) == CKR_OK, "C_GetSlotList");
    for (CK_ULONG i = 0; i < n; i++)
        if (world.fn->C_GetTokenInfo(slots[i], &info) == CKR_OK && info.label[strlen(label)] == ' ' &&
            memcmp(info.label, label, strlen(label)) == 0)
            return slots[i];
    must(false, label);
    return 0;
}

CK_SESSION_HANDLE open_session(CK_SLOT_ID slot)
{
    CK_SESSION_HANDLE session = 0;

    must(world.fn->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK, "C_OpenSession");
    return session;
}

CK_RV login_pin(CK_SESSION_HANDLE session, const char *pin)
{
    return world.fn->C_Login(session, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
}

CK_SESSION_HANDLE logged_in(void)
{
    CK_SESSION_HANDLE session = open_session(world.demo);

    must(login_pin(session, "1234") == CKR_OK, "C_Login");
    return session;
}

CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE session, const char *label)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG n = 0;

    must(world.fn->C_FindObjectsInit(session, match, 2) == CKR_OK, "C_FindObjectsInit");
    must(world.fn->C_FindObjects(session, &key, 1, &n) == CKR_OK, "C_FindObjects");
    must(world.fn->C_FindObjectsFinal(session) == CKR_OK, "C_FindObjectsFinal");
    return n ? key : 0;
}

CK_RV sign_zeros(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, unsigned char *out, CK_ULONG *out_len)
{
    static CK_BYTE zeros[32];
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    CK_RV rv = world.fn->C_SignInit(session, &mechanism, key);

    return rv == CKR_OK ? world.fn->C_Sign(session, zeros, sizeof zeros, out, out_len) : rv;
}

CK_RV try_sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    unsigned char out[256];
    CK_ULONG len = sizeof out;

    return sign_zeros(session, key, out, &len);
}
