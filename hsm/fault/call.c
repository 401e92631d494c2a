/* Room `call`: the order of things. The token's presence comes first, then latency, hang, the chosen error; then the
 * session is taken and the module below is asked. */
#include "call.h"

#include <stdatomic.h>
#include <string.h>

#include "below.h"
#include "clock.h"
#include "config.h"

#define LOOK_NS 5000000ULL /* how often a call that waits looks at the rules: 5 ms */

static atomic_bool alive;
static atomic_ulong life;

void hf_fault_live(bool on)
{
    atomic_store(&alive, on);
    if (!on)
        atomic_fetch_add(&life, 1);
}

static fault_rules *rules_now(void)
{
    bool changed = false;
    fault_rules *rules = hf_fault_config_get(&changed);

    if (changed && atomic_load(&alive))
        hf_fault_update_all(rules, hf_fault_now());
    return rules;
}

static const char *label_of(const fault_call *call)
{
    return call->place.slot < 0 ? NULL : call->place.label;
}

const fault_rule *hf_fault_pick(const fault_call *call, fault_kind kind)
{
    const fault_rule *struck = NULL;
    uint64_t now = hf_fault_now();

    for (size_t i = 0; i < call->rules->n; i++) {
        const fault_rule *rule = &call->rules->rules[i];
        if (rule->kind == kind && hf_fault_concerns(rule, call->entry.function, label_of(call)) &&
            hf_fault_strikes(rule, now))
            struck = rule;
    }
    return struck;
}

const fault_rule *hf_fault_state_rule(const fault_call *call, fault_kind kind)
{
    const fault_rule *found = NULL;
    uint64_t now = hf_fault_now();

    for (size_t i = 0; i < call->rules->n; i++) {
        const fault_rule *rule = &call->rules->rules[i];
        if (rule->kind == kind && hf_fault_in_scope(rule, label_of(call)) && hf_fault_in_time(rule, now))
            found = rule;
    }
    return found;
}

static bool lists(const unsigned long *list, size_t n, unsigned long value)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == value)
            return true;
    return false;
}

static bool has_rule_for(const fault_call *call, fault_kind kind, bool attribute, unsigned long value)
{
    uint64_t now = hf_fault_now();

    for (size_t i = 0; i < call->rules->n; i++) {
        const fault_rule *rule = &call->rules->rules[i];
        if (rule->kind == kind && hf_fault_in_scope(rule, label_of(call)) && hf_fault_in_time(rule, now) &&
            (attribute ? lists(rule->attributes, rule->attributes_n, value)
                       : lists(rule->mechanisms, rule->mechanisms_n, value)))
            return true;
    }
    return false;
}

bool hf_fault_mechanism_hidden(const fault_call *call, CK_MECHANISM_TYPE type)
{
    return has_rule_for(call, FAULT_HIDE, false, type);
}

bool hf_fault_attribute_hidden(const fault_call *call, CK_ATTRIBUTE_TYPE type)
{
    return has_rule_for(call, FAULT_HIDE, true, type);
}

/* Handles differ in 31 bits that look random, so that a stale one is not by chance another object's. */
static CK_OBJECT_HANDLE disguise(const fault_call *call, CK_OBJECT_HANDLE object)
{
    return object ? object ^ (call->place.epoch * 0x9e3779b1UL & 0x7fffffffUL) : 0;
}

CK_OBJECT_HANDLE hf_fault_object_below(const fault_call *call, CK_OBJECT_HANDLE object)
{
    return disguise(call, object);
}

CK_OBJECT_HANDLE hf_fault_object_above(const fault_call *call, CK_OBJECT_HANDLE object)
{
    return disguise(call, object);
}

static bool still_hangs(const fault_rules *rules, const fault_rule *hang, uint64_t now)
{
    for (size_t i = 0; i < rules->n; i++)
        if (rules->rules[i].state == hang->state)
            return hf_fault_in_time(&rules->rules[i], now);
    return false;
}

/* Waits, and looks meanwhile whether the token goes, the application ends, or the hang's line is gone. */
static CK_RV wait_until(const fault_call *call, uint64_t until, const fault_rule *hang)
{
    CK_RV rv = CKR_OK;
    bool over = false;

    for (uint64_t now = hf_fault_now(); rv == CKR_OK && !over && now < until; now = hf_fault_now()) {
        hf_fault_sleep_until(until - now < LOOK_NS ? until : now + LOOK_NS);
        fault_rules *rules = rules_now();
        fault_place place = call->place;
        if (!rules) /* the process is ending */
            return CKR_CRYPTOKI_NOT_INITIALIZED;
        now = hf_fault_now();
        over = hang && !still_hangs(rules, hang, now);
        if (call->life != atomic_load(&life)) {
            rv = CKR_CRYPTOKI_NOT_INITIALIZED;
        } else if (place.slot >= 0) {
            hf_fault_update(rules, now, &place);
            rv = hf_fault_still(&call->place) ? CKR_OK : CKR_DEVICE_REMOVED;
        }
        hf_fault_rules_release(rules);
    }
    return rv;
}

static CK_RV delay(fault_call *call)
{
    const fault_rule *latency = hf_fault_pick(call, FAULT_LATENCY);
    const fault_rule *hang = hf_fault_pick(call, FAULT_HANG);
    CK_RV rv = CKR_OK;

    if (latency) {
        call->entry.notes |= FAULT_NOTE_LATENCY;
        rv = wait_until(call, call->start_ns + hf_fault_sample(latency), NULL);
    }
    if (rv == CKR_OK && hang) {
        uint64_t now = hf_fault_now();
        call->entry.notes |= FAULT_NOTE_HANG;
        hf_fault_record_hanging(1);
        rv = wait_until(call, hang->low_ns > UINT64_MAX - now ? UINT64_MAX : now + hang->low_ns, hang);
        hf_fault_record_hanging(-1);
    }
    return rv;
}

static CK_RV befall(fault_call *call)
{
    CK_RV rv = delay(call);

    if (rv != CKR_OK)
        return rv;
    const fault_rule *fail = hf_fault_pick(call, FAULT_FAIL);
    call->output = hf_fault_pick(call, FAULT_OUTPUT);
    if (!fail)
        return CKR_OK;
    call->entry.notes |= FAULT_NOTE_FAIL;
    call->injected = true;
    return fail->code;
}

static void start(fault_call *call, fault_function function)
{
    memset(call, 0, sizeof *call);
    call->start_ns = hf_fault_now();
    call->entry.function = function;
    call->place.slot = -1;
    call->life = atomic_load(&life);
    call->below = hf_fault_below();
    call->rules = rules_now();
}

/* Whether there is anything to ask at all. */
static CK_RV ready(const fault_call *call)
{
    if (!call->below || !call->rules)
        return CKR_GENERAL_ERROR;
    bool outside = call->entry.function == FAULT_C_Initialize || call->entry.function == FAULT_C_Finalize;
    return outside || atomic_load(&alive) ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
}

CK_RV hf_fault_begin(fault_call *call, fault_function function)
{
    start(call, function);
    CK_RV rv = ready(call);
    return rv == CKR_OK ? befall(call) : rv;
}

CK_RV hf_fault_begin_slot(fault_call *call, fault_function function, CK_SLOT_ID slot, CK_SLOT_ID *out_below)
{
    start(call, function);
    CK_RV rv = ready(call);
    if (rv != CKR_OK)
        return rv;
    *out_below = slot - call->rules->slot_shift;
    if (slot < call->rules->slot_shift)
        return CKR_SLOT_ID_INVALID;
    if (!hf_fault_slot(*out_below, &call->place))
        return befall(call); /* more slots than we follow: rules for every token still hold */
    hf_fault_update(call->rules, hf_fault_now(), &call->place);
    if (!call->place.absent)
        return befall(call);
    call->entry.notes |= FAULT_NOTE_TOKEN;
    return CKR_OK; /* the function knows best what to say of an empty slot */
}

CK_RV hf_fault_begin_session(fault_call *call, fault_function function, CK_SESSION_HANDLE session, bool query)
{
    start(call, function);
    call->entry.session = session;
    call->query = query;
    CK_RV rv = ready(call);
    if (rv == CKR_OK && !hf_fault_session_find(session, &call->place))
        rv = CKR_SESSION_HANDLE_INVALID;
    if (rv != CKR_OK)
        return rv;
    hf_fault_update(call->rules, hf_fault_now(), &call->place);
    if (!call->place.absent && !query)
        rv = befall(call);
    if (rv == CKR_OK)
        rv = hf_fault_session_take(session, &call->session);
    if (rv == CKR_DEVICE_REMOVED && call->place.absent)
        call->entry.notes |= FAULT_NOTE_TOKEN;
    return rv;
}

CK_RV hf_fault_begin_mechanism(fault_call *call, fault_function function, CK_SESSION_HANDLE session,
                               const CK_MECHANISM *mechanism, bool query)
{
    CK_RV rv = hf_fault_begin_session(call, function, session, query);

    if (!mechanism)
        return rv;
    call->entry.has_mechanism = true;
    call->entry.mechanism = mechanism->mechanism;
    if (rv != CKR_OK)
        return rv;
    if (has_rule_for(call, FAULT_REFUSE, false, mechanism->mechanism))
        call->entry.notes |= FAULT_NOTE_REFUSE;
    else if (hf_fault_mechanism_hidden(call, mechanism->mechanism))
        call->entry.notes |= FAULT_NOTE_HIDE;
    else
        return CKR_OK;
    return CKR_MECHANISM_INVALID;
}

CK_RV hf_fault_again(fault_call *call)
{
    fault_rules *rules = rules_now();

    if (!rules || call->life != atomic_load(&life)) {
        hf_fault_rules_release(rules);
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    hf_fault_rules_release(call->rules);
    call->rules = rules;
    call->output = NULL; /* it belonged to the old ones */
    return CKR_OK;
}

CK_RV hf_fault_end(fault_call *call, CK_RV rv)
{
    if (call->session) {
        /* What came back from a token that is no longer there came too late. */
        if (!hf_fault_still(&call->place)) {
            rv = CKR_DEVICE_REMOVED;
            call->entry.notes |= FAULT_NOTE_TOKEN;
        }
        hf_fault_session_give(call->entry.session);
    }
    call->entry.rv = rv;
    call->entry.ns = hf_fault_now() - call->start_ns;
    if (call->rules)
        hf_fault_record(&call->entry);
    hf_fault_rules_release(call->rules);
    return rv;
}

static void cut_front(CK_BYTE *out, CK_ULONG *out_len)
{
    CK_ULONG zeros = 0;

    while (zeros < *out_len && out[zeros] == 0)
        zeros++;
    *out_len -= zeros;
    memmove(out, out + zeros, *out_len);
}

void hf_fault_change(fault_call *call, CK_BYTE *out, CK_ULONG *out_len, CK_ULONG room)
{
    const fault_rule *rule = call->output;

    if (!rule || !out)
        return;
    call->entry.notes |= FAULT_NOTE_OUTPUT;
    switch (rule->change) {
    case FAULT_SHORT:
        *out_len -= rule->amount < *out_len ? rule->amount : *out_len;
        break;
    case FAULT_LONG: /* bytes as far as there is room, and a length that says more in any case */
        for (CK_ULONG i = *out_len; i < room && i - *out_len < rule->amount; i++)
            out[i] = 0xaa;
        *out_len += rule->amount;
        break;
    case FAULT_WRONG:
        if (*out_len > 0)
            out[*out_len - 1] ^= 1;
        break;
    case FAULT_ZEROS:
        memset(out, 0, *out_len);
        break;
    case FAULT_STRIP:
        cut_front(out, out_len);
        break;
    }
}
