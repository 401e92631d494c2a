/* Between tokens.c and sessions.c: what stands under their lock (hf_fault_tokens_lock). */
#ifndef HANDFAST_FAULT_SESSIONS_H
#define HANDFAST_FAULT_SESSIONS_H

#include "tokens.h"

typedef struct fault_slot {
    CK_SLOT_ID id; /* below */
    char label[FAULT_LABEL_MAX];
    bool absent, event, relabel;
    unsigned long epoch;
    uint64_t reset_ns;    /* when the last reset that was made had been asked for */
    unsigned long open;   /* sessions, and reservations for some */
    unsigned long doomed; /* sessions that went with the token and are not yet closed below */
} fault_slot;

/* All under the lock, but for hf_fault_sessions_bury, which takes it. */
fault_slot *hf_fault_slot_at(int index);
void hf_fault_place_of(int index, fault_place *out);

void hf_fault_sessions_doom(int slot);   /* the token goes: its sessions are stale */
void hf_fault_sessions_bury(int slot);   /* closes below what is doomed and idle */
void hf_fault_sessions_forget(int slot); /* the token is back: stale handles are unknown from now on */
void hf_fault_sessions_reset(void);
void hf_fault_sessions_free(void);

#endif
