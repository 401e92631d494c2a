/* One call of the application on its way: what befalls it before and after the module below does the work. */
#ifndef HANDFAST_FAULT_CALL_H
#define HANDFAST_FAULT_CALL_H

#include <p11-kit/pkcs11.h>

#include "record.h"
#include "tokens.h"

typedef struct fault_call {
    const CK_FUNCTION_LIST *below;
    fault_rules *rules; /* that held when it began; NULL: none could be read */
    fault_entry entry;  /* for the trace */
    uint64_t start_ns;
    unsigned long life;        /* of the application between C_Initialize and C_Finalize */
    fault_place place;         /* the token; place.slot -1: none */
    CK_SESSION_HANDLE session; /* below; 0: none */
    bool injected;             /* a rule answers, and the module below was not asked */
    bool query;                /* the application only asks for a length */
    const fault_rule *output;  /* what is to be done to the answer */
} fault_call;

/* Each begin waits out latency and hang, lets the rules answer, and takes the session: CKR_OK means that the module
 * below is to be asked. Each is followed by hf_fault_end, with the answer of either.
 * A length query (section 5.2: output pointer NULL) meets no rule but that of the token's presence. */
CK_RV hf_fault_begin(fault_call *call, fault_function function);
CK_RV hf_fault_begin_slot(fault_call *call, fault_function function, CK_SLOT_ID slot, CK_SLOT_ID *out_below);
CK_RV hf_fault_begin_session(fault_call *call, fault_function function, CK_SESSION_HANDLE session, bool query);
/* The same where a mechanism is named: a refused or hidden one is CKR_MECHANISM_INVALID. NULL is allowed. */
CK_RV hf_fault_begin_mechanism(fault_call *call, fault_function function, CK_SESSION_HANDLE session,
                               const CK_MECHANISM *mechanism, bool query);
CK_RV hf_fault_end(fault_call *call, CK_RV rv);

/* For one that waits: the rules as they are now. CKR_CRYPTOKI_NOT_INITIALIZED: it is to end. */
CK_RV hf_fault_again(fault_call *call);

/* The last rule of a kind that strikes this call; each one that concerns it counts it. NULL: none. */
const fault_rule *hf_fault_pick(const fault_call *call, fault_kind kind);
/* The last rule of a kind that is a state of this call's token. */
const fault_rule *hf_fault_state_rule(const fault_call *call, fault_kind kind);
bool hf_fault_mechanism_hidden(const fault_call *call, CK_MECHANISM_TYPE type);
bool hf_fault_attribute_hidden(const fault_call *call, CK_ATTRIBUTE_TYPE type);

/* Object handles change when a token went and came back. 0 stays 0. */
CK_OBJECT_HANDLE hf_fault_object_below(const fault_call *call, CK_OBJECT_HANDLE object);
CK_OBJECT_HANDLE hf_fault_object_above(const fault_call *call, CK_OBJECT_HANDLE object);

/* Changes an answer as call->output says. `room` is what the application's buffer holds; never written past it. */
void hf_fault_change(fault_call *call, CK_BYTE *out, CK_ULONG *out_len, CK_ULONG room);

/* C_Initialize succeeded, C_Finalize is about to. */
void hf_fault_live(bool alive);

#endif
