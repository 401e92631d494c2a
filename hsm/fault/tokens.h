/* Tokens and sessions as the application sees them: a token can be taken away and come back, and then its sessions and
 * its login are lost and its objects have other handles.
 *
 * The application gets session handles of our own. When a token goes they are stale at once; the sessions below are
 * closed as soon as no call uses them, and only then can the token return, so that its login is lost in truth. No lock
 * is held across a call into the module below.
 */
#ifndef HANDFAST_FAULT_TOKENS_H
#define HANDFAST_FAULT_TOKENS_H

#include <p11-kit/pkcs11.h>

#include "rules.h"

#define FAULT_SLOTS_MAX 256
#define FAULT_SESSIONS_MAX 65535

typedef struct fault_place {
    int slot; /* index of the slot; -1: none */
    char label[FAULT_LABEL_MAX];
    unsigned long epoch; /* how often its token was taken away */
    bool absent;
} fault_place;

/* Finds the slot by its id below, or notes it, asking its token for the label. False: no room for it. */
bool hf_fault_slot(CK_SLOT_ID id, fault_place *out);
/* Asks for the label again at the next use. */
void hf_fault_slot_relabel(const fault_place *place);
CK_SLOT_ID hf_fault_slot_id(const fault_place *place);
/* Whether it is still there as it was when `place` was made. */
bool hf_fault_still(const fault_place *place);

/* Takes tokens away and gives them back, as the rules want it now: one slot, or all that are known. */
void hf_fault_update(const fault_rules *rules, uint64_t now_ns, fault_place *place);
void hf_fault_update_all(const fault_rules *rules, uint64_t now_ns);
/* A slot whose token went or came since this was last asked. False: none. */
bool hf_fault_event(CK_SLOT_ID *out);

/* Reserves room for one more session; false when `max` are open. Then hf_fault_session_open with what the module below
 * gave, or 0 if it gave none. CKR_DEVICE_REMOVED: the token went meanwhile, and the session below was closed again. */
bool hf_fault_session_reserve(const fault_place *place, unsigned long max);
CK_RV hf_fault_session_open(const fault_place *place, CK_SESSION_HANDLE below, CK_SESSION_HANDLE *out);
unsigned long hf_fault_session_count(const fault_place *place);

/* Where a session is. False: no such session. */
bool hf_fault_session_find(CK_SESSION_HANDLE session, fault_place *out);
/* The handle below, for one call; to be given back. CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_REMOVED. */
CK_RV hf_fault_session_take(CK_SESSION_HANDLE session, CK_SESSION_HANDLE *out_below);
void hf_fault_session_give(CK_SESSION_HANDLE session);
/* The application closed it, or all of a slot. */
void hf_fault_session_closed(CK_SESSION_HANDLE session);
void hf_fault_sessions_closed(const fault_place *place);

/* After C_Finalize: no slot, no session. */
void hf_fault_tokens_reset(void);
/* The same, and lets go of the memory: the module is about to be unloaded. */
void hf_fault_tokens_close(void);

void hf_fault_tokens_lock(void);
void hf_fault_tokens_unlock(void);

#endif
