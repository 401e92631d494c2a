/* Threads against each other in the fault module: signers and openers, while rules change, the token goes and comes
 * back, and calls hang and are let go. A plain program and no Criterion suite, because Criterion cannot start under
 * ThreadSanitizer, which is what this is for. Every answer must be one that the rules allow, and at the end nothing may
 * be left open. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "world.h"

enum { SIGNERS = 6, ROUNDS = 12 };

static atomic_bool stop;
static atomic_uint good, removed, failed;

/* Opens, logs in, finds and signs until something fails; then anew. */
static void one_life(void)
{
    CK_SESSION_HANDLE session = 0;
    CK_RV rv = world.fn->C_OpenSession(world.demo, CKF_SERIAL_SESSION, NULL, NULL, &session);

    if (rv != CKR_OK) {
        must(rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_DEVICE_REMOVED, "C_OpenSession: an answer that no rule gives");
        (void)usleep(1000);
        return;
    }
    rv = login_pin(session, "1234");
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    char label[] = "p256";
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, label, 4}};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG n = 0;
    if (rv == CKR_USER_ALREADY_LOGGED_IN)
        rv = CKR_OK;
    if (rv == CKR_OK)
        rv = world.fn->C_FindObjectsInit(session, match, 2);
    if (rv == CKR_OK)
        rv = world.fn->C_FindObjects(session, &key, 1, &n);
    if (rv == CKR_OK)
        rv = world.fn->C_FindObjectsFinal(session);
    while (rv == CKR_OK && n == 1 && !atomic_load(&stop)) {
        rv = try_sign(session, key);
        if (rv == CKR_DEVICE_ERROR) {
            atomic_fetch_add(&failed, 1);
            rv = CKR_OK;
        } else if (rv == CKR_OK) {
            atomic_fetch_add(&good, 1);
        }
    }
    if (rv == CKR_DEVICE_REMOVED || rv == CKR_SESSION_HANDLE_INVALID)
        atomic_fetch_add(&removed, 1);
    else if (rv != CKR_OK)
        fprintf(stderr, "race: 0x%lx\n", rv);
    must(rv == CKR_OK || rv == CKR_DEVICE_REMOVED || rv == CKR_SESSION_HANDLE_INVALID, "an answer that no rule gives");
    (void)world.fn->C_CloseSession(session);
}

static void *live(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop))
        one_life();
    return NULL;
}

/* New rules, until what they do was seen: no fixed time, so that a slow machine sees the same course. */
static void rules_until(const char *text, atomic_uint *seen)
{
    unsigned from = atomic_load(seen);

    rules(text);
    while (atomic_load(seen) == from)
        (void)usleep(500);
}

int main(void)
{
    pthread_t threads[SIGNERS];

    world_setup();
    for (int i = 0; i < SIGNERS; i++)
        must(pthread_create(&threads[i], NULL, live, NULL) == 0, "thread");
    for (int round = 0; round < ROUNDS; round++) {
        char text[200];
        rules_until("", &good);
        rules_until("fail C_Sign = CKR_DEVICE_ERROR probability 50%\nlatency C_Sign = 0us..300us", &failed);
        (void)snprintf(text, sizeof text, "token = %s # %d", round % 2 ? "reset" : "removed for 10ms", round);
        rules_until(text, &removed);
        rules("hang C_Sign = forever");
        while (counted("hanging").calls < SIGNERS)
            (void)usleep(500);
        rules_until("hang C_Sign = forever\ntoken = absent", &removed);
    }
    rules_until("", &good);
    atomic_store(&stop, true);
    for (int i = 0; i < SIGNERS; i++)
        (void)pthread_join(threads[i], NULL);
    must(counted("sessions-open").calls == 0, "no session left open");
    must(counted("hanging").calls == 0, "no call left hanging");
    world_teardown();
    return 0;
}
