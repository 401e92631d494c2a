/* A copy of the template token (tests/hsm) in a folder of the test's own, and the fault module before SoftHSM2, loaded
 * as a foreign program would: dlopen, C_GetFunctionList. What cannot be set up ends the test with a line. */
#ifndef HANDFAST_TESTS_FAULT_WORLD_H
#define HANDFAST_TESTS_FAULT_WORLD_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fault_world {
    char folder[256], conf[300], trace[300], counters[300];
    void *handle;
    CK_FUNCTION_LIST *fn;
    CK_SLOT_ID demo, second; /* the slots of the two tokens, as the module calls them */
} fault_world;

extern fault_world world;

void must(bool good, const char *what);

/* Folder, environment, a configuration without rules; then the module, initialised. */
void world_folder(void);
void world_load(void);
void world_setup(void); /* both */
void world_teardown(void);

/* Replaces the configuration: module, trace, counters, and `text`. Atomic. */
void rules(const char *text);
/* Writes a file of the folder. */
void write_text(const char *path, const char *text);
/* The whole of a file, on the heap; empty when there is none. */
char *read_text(const char *path);
/* How often `text` stands in the trace. */
size_t traced(const char *text);
typedef struct counts {
    unsigned long long calls, errors, faults;
} counts;
counts counted(const char *name);

CK_SLOT_ID slot_of(const char *label); /* by C_GetSlotList and C_GetTokenInfo; must be there */
CK_SESSION_HANDLE open_session(CK_SLOT_ID slot);
CK_SESSION_HANDLE logged_in(void); /* a session of demo with the user logged in */
CK_RV login_pin(CK_SESSION_HANDLE session, const char *pin);
/* The private key of this label; 0: none. */
CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE session, const char *label);
/* SignInit with CKM_ECDSA, and Sign of a digest of zeros; the code of whichever failed. */
CK_RV sign_zeros(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, unsigned char *out, CK_ULONG *out_len);
/* The same with room of its own. */
CK_RV try_sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);

#endif
