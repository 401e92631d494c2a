/* Functions of sessions and logins (PKCS#11 2.40 section 5.6). */
#include <string.h>

#include "call.h"
#include "forward.h"
#include "pin.h"

static CK_RV open_below(fault_call *call, CK_SLOT_ID slot, CK_FLAGS flags, CK_SESSION_HANDLE *out)
{
    CK_SESSION_HANDLE session = 0;
    /* A callback would get the handle of the module below: a module need not make callbacks, and we make none. */
    CK_RV rv = call->below->C_OpenSession(slot, flags, NULL, NULL, &session);
    CK_RV kept = hf_fault_session_open(&call->place, rv == CKR_OK ? session : 0, out);

    return rv == CKR_OK ? kept : rv;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *out)
{
    fault_call call;
    CK_SLOT_ID below = 0;
    CK_RV rv = hf_fault_begin_slot(&call, FAULT_C_OpenSession, slot, &below);

    (void)application;
    (void)notify;
    if (rv == CKR_OK && !out)
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK && call.place.slot < 0)
        rv = CKR_SLOT_ID_INVALID; /* more slots than we can follow */
    if (rv == CKR_OK && call.place.absent)
        rv = CKR_TOKEN_NOT_PRESENT;
    if (rv == CKR_OK) {
        const fault_rule *limit = hf_fault_state_rule(&call, FAULT_SESSIONS);
        if (!hf_fault_session_reserve(&call.place, limit ? limit->amount : FAULT_SESSIONS_MAX)) {
            call.entry.notes |= FAULT_NOTE_SESSIONS;
            rv = CKR_SESSION_COUNT;
        }
    }
    if (rv == CKR_OK)
        rv = open_below(&call, below, flags, out);
    if (rv == CKR_OK)
        call.entry.session = *out;
    return hf_fault_end(&call, rv);
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_CloseSession, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_CloseSession(call.session);
    if (rv == CKR_OK)
        hf_fault_session_closed(session);
    return hf_fault_end(&call, rv);
}

static CK_RV close_all_sessions(CK_SLOT_ID slot)
{
    fault_call call;
    CK_SLOT_ID below = 0;
    CK_RV rv = hf_fault_begin_slot(&call, FAULT_C_CloseAllSessions, slot, &below);

    if (rv == CKR_OK && call.place.slot >= 0 && call.place.absent)
        rv = CKR_TOKEN_NOT_PRESENT;
    if (rv == CKR_OK)
        rv = call.below->C_CloseAllSessions(below);
    if (rv == CKR_OK && call.place.slot >= 0)
        hf_fault_sessions_closed(&call.place);
    return hf_fault_end(&call, rv);
}

static CK_RV get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_GetSessionInfo, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_GetSessionInfo(call.session, info);
    if (rv == CKR_OK)
        info->slotID += call.rules->slot_shift;
    return hf_fault_end(&call, rv);
}

static CK_RV get_operation_state(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_GetOperationState, session, !out);
    CK_ULONG room = out && out_len ? *out_len : 0;

    if (rv == CKR_OK)
        rv = call.below->C_GetOperationState(call.session, out, out_len);
    if (rv == CKR_OK)
        hf_fault_change(&call, out, out_len, room);
    return hf_fault_end(&call, rv);
}

static CK_RV set_operation_state(CK_SESSION_HANDLE session, CK_BYTE *state, CK_ULONG len, CK_OBJECT_HANDLE encryption,
                                 CK_OBJECT_HANDLE authentication)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_SetOperationState, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_SetOperationState(call.session, state, len, hf_fault_object_below(&call, encryption),
                                             hf_fault_object_below(&call, authentication));
    return hf_fault_end(&call, rv);
}

/* With a pad, the application gives no PIN, and the rule's file is the hand that types it. */
static CK_RV login_below(fault_call *call, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
    CK_UTF8CHAR typed[FAULT_PIN_MAX];

    if (!pin && hf_fault_pin_pad(call, typed, &len))
        pin = typed;
    CK_RV rv = call->below->C_Login(call->session, user, pin, len);
    explicit_bzero(typed, sizeof typed);
    return rv;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_Login, session, false);
    bool asked = rv == CKR_OK && user != CKU_SO;

    if (asked)
        rv = hf_fault_pin_before(&call);
    if (rv == CKR_OK)
        rv = login_below(&call, user, pin, len);
    if (asked)
        hf_fault_pin_after(&call, rv);
    return hf_fault_end(&call, rv);
}

static CK_RV logout(CK_SESSION_HANDLE session)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_Logout, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_Logout(call.session);
    return hf_fault_end(&call, rv);
}

static CK_RV init_pin(CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_InitPIN, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_InitPIN(call.session, pin, len);
    return hf_fault_end(&call, rv);
}

static CK_RV set_pin(CK_SESSION_HANDLE session, CK_UTF8CHAR *old_pin, CK_ULONG old_len, CK_UTF8CHAR *new_pin,
                     CK_ULONG new_len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_SetPIN, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_SetPIN(call.session, old_pin, old_len, new_pin, new_len);
    return hf_fault_end(&call, rv);
}

static CK_RV get_function_status(CK_SESSION_HANDLE session)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_GetFunctionStatus, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_GetFunctionStatus(call.session);
    return hf_fault_end(&call, rv);
}

static CK_RV cancel_function(CK_SESSION_HANDLE session)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_CancelFunction, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_CancelFunction(call.session);
    return hf_fault_end(&call, rv);
}

void hf_fault_list_session(CK_FUNCTION_LIST *list)
{
    list->C_OpenSession = open_session;
    list->C_CloseSession = close_session;
    list->C_CloseAllSessions = close_all_sessions;
    list->C_GetSessionInfo = get_session_info;
    list->C_GetOperationState = get_operation_state;
    list->C_SetOperationState = set_operation_state;
    list->C_Login = login;
    list->C_Logout = logout;
    list->C_InitPIN = init_pin;
    list->C_SetPIN = set_pin;
    list->C_GetFunctionStatus = get_function_status;
    list->C_CancelFunction = cancel_function;
}
