/* Room `pin`. */
#include "pin.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"

static bool is_pin_rule(const fault_call *call, const fault_rule *rule, fault_pin pin)
{
    return rule->kind == FAULT_PIN && rule->pin == pin &&
           hf_fault_in_scope(rule, call->place.slot < 0 ? NULL : call->place.label) &&
           hf_fault_in_time(rule, hf_fault_now());
}

static const fault_rule *find(const fault_call *call, fault_pin pin)
{
    const fault_rule *found = NULL;

    for (size_t i = 0; i < call->rules->n; i++)
        if (is_pin_rule(call, &call->rules->rules[i], pin))
            found = &call->rules->rules[i];
    return found;
}

static unsigned long tries_left(const fault_rule *tries)
{
    unsigned failed = atomic_load(&tries->state->failed);

    return failed < tries->amount ? tries->amount - failed : 0;
}

CK_RV hf_fault_pin_before(fault_call *call)
{
    const fault_rule *tries = find(call, FAULT_PIN_TRIES);
    CK_RV rv = CKR_OK;

    if (find(call, FAULT_PIN_LOCKED) || (tries && tries_left(tries) == 0))
        rv = CKR_PIN_LOCKED;
    else if (find(call, FAULT_PIN_EXPIRED))
        rv = CKR_PIN_EXPIRED;
    for (size_t i = 0; i < call->rules->n && rv == CKR_OK; i++)
        if (is_pin_rule(call, &call->rules->rules[i], FAULT_PIN_INCORRECT) &&
            hf_fault_strikes(&call->rules->rules[i], hf_fault_now()))
            rv = CKR_PIN_INCORRECT;
    if (rv != CKR_OK)
        call->entry.notes |= FAULT_NOTE_PIN;
    return rv;
}

void hf_fault_pin_after(fault_call *call, CK_RV rv)
{
    const fault_rule *tries = find(call, FAULT_PIN_TRIES);

    if (tries && rv == CKR_PIN_INCORRECT)
        atomic_fetch_add(&tries->state->failed, 1);
    else if (tries && rv == CKR_OK)
        atomic_store(&tries->state->failed, 0);
}

CK_FLAGS hf_fault_pin_flags(const fault_call *call)
{
    const fault_rule *tries = find(call, FAULT_PIN_TRIES);
    unsigned long left = tries ? tries_left(tries) : 0;
    CK_FLAGS flags = 0;

    if (find(call, FAULT_PIN_LOCKED) || (tries && left == 0))
        flags |= CKF_USER_PIN_LOCKED;
    if (find(call, FAULT_PIN_FINAL_TRY) || (tries && left == 1))
        flags |= CKF_USER_PIN_FINAL_TRY;
    if (find(call, FAULT_PIN_COUNT_LOW) || (tries && left < tries->amount))
        flags |= CKF_USER_PIN_COUNT_LOW;
    if (find(call, FAULT_PIN_EXPIRED))
        flags |= CKF_USER_PIN_TO_BE_CHANGED;
    if (find(call, FAULT_PIN_PAD))
        flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
    return flags;
}

bool hf_fault_pin_pad(fault_call *call, CK_UTF8CHAR out[FAULT_PIN_MAX], CK_ULONG *out_len)
{
    const fault_rule *pad = find(call, FAULT_PIN_PAD);
    FILE *file = pad ? fopen(pad->other, "re") : NULL;

    if (!file)
        return false;
    (void)setvbuf(file, NULL, _IONBF, 0); /* no copy of the PIN in a buffer of stdio's */
    size_t n = fread(out, 1, FAULT_PIN_MAX, file);
    (void)fclose(file);
    const CK_UTF8CHAR *end = memchr(out, '\n', n);
    *out_len = end ? (CK_ULONG)(end - out) : (CK_ULONG)n;
    call->entry.notes |= FAULT_NOTE_PIN;
    return true;
}
