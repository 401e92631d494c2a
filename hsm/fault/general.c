/* Functions of the library, of slots and tokens (PKCS#11 2.40 sections 5.4 and 5.5). */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "clock.h"
#include "config.h"
#include "forward.h"
#include "pin.h"

#define SLOTS_MAX 4096         /* that a module may have */
#define EVENT_LOOK_NS 10000000 /* how often a waiter for events looks: 10 ms */

/* What a module such as NSS's softokn wants to know, in the place where it wants it. */
static CK_RV initialize_with(const fault_call *call, const CK_C_INITIALIZE_ARGS *args)
{
    struct {
        CK_C_INITIALIZE_ARGS args;
        void *none; /* NSS's structure is longer by one pointer */
    } full = {.args = {.flags = CKF_OS_LOCKING_OK}};

    if (args)
        full.args = *args;
    full.args.pReserved = call->rules->argument;
    return call->below->C_Initialize(&full);
}

static CK_RV initialize(void *args)
{
    fault_call call;

    (void)hf_fault_config_path();
    CK_RV rv = hf_fault_begin(&call, FAULT_C_Initialize);
    if (rv == CKR_OK) {
        rv = call.rules->argument[0] ? initialize_with(&call, args) : call.below->C_Initialize(args);
        if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
            hf_fault_live(true);
    }
    return hf_fault_end(&call, rv);
}

static CK_RV finalize(void *reserved)
{
    fault_call call;
    CK_RV rv = hf_fault_begin(&call, FAULT_C_Finalize);

    if (rv == CKR_OK) {
        hf_fault_live(false); /* whoever waits in a latency or a hang comes back now */
        rv = call.below->C_Finalize(reserved);
        if (rv == CKR_OK || rv == CKR_CRYPTOKI_NOT_INITIALIZED)
            hf_fault_tokens_reset();
        else
            hf_fault_live(true);
    }
    return hf_fault_end(&call, rv);
}

static CK_RV get_info(CK_INFO *info)
{
    fault_call call;
    CK_RV rv = hf_fault_begin(&call, FAULT_C_GetInfo);

    if (rv == CKR_OK)
        rv = call.below->C_GetInfo(info);
    return hf_fault_end(&call, rv);
}

/* All slots of the module below, on the heap. */
static CK_RV slots_below(const fault_call *call, CK_BBOOL present, CK_SLOT_ID **out, CK_ULONG *out_n)
{
    CK_ULONG n = 0;
    CK_RV rv = call->below->C_GetSlotList(present, NULL, &n);

    for (int tries = 0; rv == CKR_OK && tries < 8; tries++) {
        if (n > SLOTS_MAX)
            return CKR_HOST_MEMORY;
        CK_SLOT_ID *list = calloc(n + 1, sizeof *list);
        if (!list)
            return CKR_HOST_MEMORY;
        rv = call->below->C_GetSlotList(present, list, &n);
        if (rv == CKR_OK) {
            *out = list;
            *out_n = n;
            return CKR_OK;
        }
        free(list);
        if (rv == CKR_BUFFER_TOO_SMALL) /* one more came meanwhile */
            rv = CKR_OK;
    }
    return rv == CKR_OK ? CKR_GENERAL_ERROR : rv;
}

/* Leaves out the slots without a token, and moves the ids. */
static CK_ULONG filter_slots(fault_call *call, CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG n)
{
    CK_ULONG kept = 0;

    for (CK_ULONG i = 0; i < n; i++) {
        fault_place place = {.slot = -1};
        if (hf_fault_slot(list[i], &place))
            hf_fault_update(call->rules, hf_fault_now(), &place);
        if (present && place.slot >= 0 && place.absent)
            call->entry.notes |= FAULT_NOTE_TOKEN;
        else
            list[kept++] = list[i] + call->rules->slot_shift;
    }
    return kept;
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID *out, CK_ULONG *out_n)
{
    fault_call call;
    CK_SLOT_ID *list = NULL;
    CK_ULONG n = 0;
    CK_RV rv = hf_fault_begin(&call, FAULT_C_GetSlotList);

    if (rv == CKR_OK && !out_n)
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK)
        rv = slots_below(&call, present, &list, &n);
    if (rv == CKR_OK) {
        n = filter_slots(&call, present, list, n);
        if (out && *out_n < n)
            rv = CKR_BUFFER_TOO_SMALL;
        else if (out)
            memcpy(out, list, n * sizeof *list);
        *out_n = n;
    }
    free(list);
    return hf_fault_end(&call, rv);
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    fault_call call;
    CK_SLOT_ID below = 0;
    CK_RV rv = hf_fault_begin_slot(&call, FAULT_C_GetSlotInfo, slot, &below);

    if (rv == CKR_OK)
        rv = call.below->C_GetSlotInfo(below, info);
    if (rv == CKR_OK && call.place.slot >= 0 && call.place.absent)
        info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
    return hf_fault_end(&call, rv);
}

static bool is_empty(const fault_call *call)
{
    return call->place.slot >= 0 && call->place.absent;
}

static void change_token_info(fault_call *call, CK_TOKEN_INFO *info)
{
    const fault_rule *limit = hf_fault_state_rule(call, FAULT_SESSIONS);

    if (call->place.slot >= 0)
        info->ulSessionCount = hf_fault_session_count(&call->place);
    if (limit) {
        call->entry.notes |= FAULT_NOTE_SESSIONS;
        info->ulMaxSessionCount = info->ulMaxRwSessionCount =
            limit->untold ? CK_UNAVAILABLE_INFORMATION : (CK_ULONG)limit->amount;
    }
    CK_FLAGS flags = hf_fault_pin_flags(call);
    if (flags)
        call->entry.notes |= FAULT_NOTE_PIN;
    info->flags |= flags;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    fault_call call;
    CK_SLOT_ID below = 0;
    CK_RV rv = hf_fault_begin_slot(&call, FAULT_C_GetTokenInfo, slot, &below);

    if (rv == CKR_OK && is_empty(&call))
        rv = CKR_TOKEN_NOT_PRESENT;
    if (rv == CKR_OK)
        rv = call.below->C_GetTokenInfo(below, info);
    if (rv == CKR_OK)
        change_token_info(&call, info);
    return hf_fault_end(&call, rv);
}

/* The whole list of the module below, without what is hidden; a length query must count what is left. */
static CK_RV mechanisms(fault_call *call, CK_SLOT_ID below, CK_MECHANISM_TYPE *out, CK_ULONG *out_n)
{
    CK_ULONG n = 0;
    CK_ULONG kept = 0;
    CK_RV rv = call->below->C_GetMechanismList(below, NULL, &n);

    if (rv != CKR_OK)
        return rv;
    CK_MECHANISM_TYPE *list = n <= SLOTS_MAX ? calloc(n + 1, sizeof *list) : NULL;
    if (!list)
        return CKR_HOST_MEMORY;
    rv = call->below->C_GetMechanismList(below, list, &n);
    for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
        if (hf_fault_mechanism_hidden(call, list[i]))
            call->entry.notes |= FAULT_NOTE_HIDE;
        else
            list[kept++] = list[i];
    }
    if (rv == CKR_OK && out && *out_n < kept)
        rv = CKR_BUFFER_TOO_SMALL;
    else if (rv == CKR_OK && out)
        memcpy(out, list, kept * sizeof *list);
    if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
        *out_n = kept;
    free(list);
    return rv;
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *out, CK_ULONG *out_n)
{
    fault_call call;
    CK_SLOT_ID below = 0;
    CK_RV rv = hf_fault_begin_slot(&call, FAULT_C_GetMechanismList, slot, &below);

    if (rv == CKR_OK && is_empty(&call))
        rv = CKR_TOKEN_NOT_PRESENT;
    if (rv == CKR_OK && !out_n)
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK)
        rv = mechanisms(&call, below, out, out_n);
    return hf_fault_end(&call, rv);
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    fault_call call;
    CK_SLOT_ID below = 0;
    CK_RV rv = hf_fault_begin_slot(&call, FAULT_C_GetMechanismInfo, slot, &below);

    call.entry.has_mechanism = true;
    call.entry.mechanism = type;
    if (rv == CKR_OK && is_empty(&call))
        rv = CKR_TOKEN_NOT_PRESENT;
    if (rv == CKR_OK && hf_fault_mechanism_hidden(&call, type)) {
        call.entry.notes |= FAULT_NOTE_HIDE;
        rv = CKR_MECHANISM_INVALID;
    }
    if (rv == CKR_OK)
        rv = call.below->C_GetMechanismInfo(below, type, info);
    return hf_fault_end(&call, rv);
}

static CK_RV init_token(CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG pin_len, CK_UTF8CHAR *label)
{
    fault_call call;
    CK_SLOT_ID below = 0;
    CK_RV rv = hf_fault_begin_slot(&call, FAULT_C_InitToken, slot, &below);

    if (rv == CKR_OK && is_empty(&call))
        rv = CKR_TOKEN_NOT_PRESENT;
    if (rv == CKR_OK)
        rv = call.below->C_InitToken(below, pin, pin_len, label);
    if (rv == CKR_OK && call.place.slot >= 0)
        hf_fault_slot_relabel(&call.place);
    return hf_fault_end(&call, rv);
}

/* One look for an event, of ours or of the module below. */
static CK_RV look_for_event(fault_call *call, CK_SLOT_ID *slot)
{
    CK_SLOT_ID below = 0;

    hf_fault_update_all(call->rules, hf_fault_now());
    if (hf_fault_event(&below)) {
        call->entry.notes |= FAULT_NOTE_TOKEN;
    } else {
        CK_RV rv = call->below->C_WaitForSlotEvent ? call->below->C_WaitForSlotEvent(CKF_DONT_BLOCK, &below, NULL)
                                                   : CKR_FUNCTION_NOT_SUPPORTED;
        if (rv != CKR_OK) /* one that cannot wait has no events of its own */
            return rv == CKR_FUNCTION_NOT_SUPPORTED ? CKR_NO_EVENT : rv;
    }
    *slot = below + call->rules->slot_shift;
    return CKR_OK;
}

/* Never blocks in the module below, so that an event of ours is seen. */
static CK_RV wait_for_slot_event(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
    fault_call call;
    CK_RV rv = hf_fault_begin(&call, FAULT_C_WaitForSlotEvent);

    if (rv == CKR_OK && (!slot || reserved))
        rv = CKR_ARGUMENTS_BAD;
    while (rv == CKR_OK) {
        rv = look_for_event(&call, slot);
        if (rv != CKR_NO_EVENT || (flags & CKF_DONT_BLOCK))
            break;
        hf_fault_sleep_until(hf_fault_now() + EVENT_LOOK_NS);
        rv = hf_fault_again(&call);
    }
    return hf_fault_end(&call, rv);
}

void hf_fault_list_general(CK_FUNCTION_LIST *list)
{
    list->C_Initialize = initialize;
    list->C_Finalize = finalize;
    list->C_GetInfo = get_info;
    list->C_GetSlotList = get_slot_list;
    list->C_GetSlotInfo = get_slot_info;
    list->C_GetTokenInfo = get_token_info;
    list->C_GetMechanismList = get_mechanism_list;
    list->C_GetMechanismInfo = get_mechanism_info;
    list->C_InitToken = init_token;
    list->C_WaitForSlotEvent = wait_for_slot_event;
}
