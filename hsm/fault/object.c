/* Functions of objects (PKCS#11 2.40 section 5.7): their handles, hidden attributes, and another key under a label.
 * Object handles inside the parameters of mechanisms are passed on as they are. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "clock.h"
#include "forward.h"

#define TEMPLATE_MAX 4096 /* attributes of a search */

typedef struct label {
    char text[FAULT_TEXT_MAX];
    size_t len; /* 0: none, or one that no rule could name */
} label;

static bool is_key_rule(const fault_call *call, const fault_rule *rule)
{
    return rule->kind == FAULT_KEY && hf_fault_in_scope(rule, call->place.slot < 0 ? NULL : call->place.label) &&
           hf_fault_in_time(rule, hf_fault_now());
}

static bool same(const char *name, const void *text, size_t len)
{
    return strlen(name) == len && memcmp(name, text, len) == 0;
}

/* The rule for what is asked for by this label, or with `other` for what has it in truth. */
static const fault_rule *key_rule(const fault_call *call, const void *text, size_t len, bool other)
{
    const fault_rule *found = NULL;

    for (size_t i = 0; i < call->rules->n; i++) {
        const fault_rule *rule = &call->rules->rules[i];
        if (is_key_rule(call, rule) && same(other ? rule->other : rule->name, text, len))
            found = rule;
    }
    return found;
}

static bool any_key_rule(const fault_call *call)
{
    for (size_t i = 0; i < call->rules->n; i++)
        if (is_key_rule(call, &call->rules->rules[i]))
            return true;
    return false;
}

static label true_label(const fault_call *call, CK_OBJECT_HANDLE below)
{
    label out = {.len = 0};
    CK_ATTRIBUTE attribute = {CKA_LABEL, out.text, sizeof out.text};

    if (call->below->C_GetAttributeValue(call->session, below, &attribute, 1) == CKR_OK &&
        attribute.ulValueLen <= sizeof out.text)
        out.len = attribute.ulValueLen;
    return out;
}

static CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_CreateObject, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_CreateObject(call.session, attributes, n, out);
    if (rv == CKR_OK)
        *out = hf_fault_object_above(&call, *out);
    return hf_fault_end(&call, rv);
}

static CK_RV copy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG n,
                         CK_OBJECT_HANDLE *out)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_CopyObject, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_CopyObject(call.session, hf_fault_object_below(&call, object), attributes, n, out);
    if (rv == CKR_OK)
        *out = hf_fault_object_above(&call, *out);
    return hf_fault_end(&call, rv);
}

static CK_RV destroy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_DestroyObject, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_DestroyObject(call.session, hf_fault_object_below(&call, object));
    return hf_fault_end(&call, rv);
}

static CK_RV get_object_size(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ULONG *out)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_GetObjectSize, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_GetObjectSize(call.session, hf_fault_object_below(&call, object), out);
    return hf_fault_end(&call, rv);
}

/* The label that the rule wants to be seen, in the manner of C_GetAttributeValue. `room`: what the buffer holds. */
static CK_RV show_label(const fault_rule *rule, CK_ATTRIBUTE *attribute, CK_ULONG room)
{
    size_t len = strlen(rule->name);

    if (attribute->pValue && room < len) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    if (attribute->pValue)
        memcpy(attribute->pValue, rule->name, len);
    attribute->ulValueLen = len;
    return CKR_OK;
}

static CK_RV hide_attribute(CK_ATTRIBUTE *attribute, CK_ULONG room)
{
    if (attribute->pValue)
        memset(attribute->pValue, 0, room);
    attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    return CKR_ATTRIBUTE_TYPE_INVALID;
}

/* Asks below for the attributes, and changes in the answer what the rules want. */
static CK_RV attributes_below(fault_call *call, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG n)
{
    CK_ULONG *room = n <= TEMPLATE_MAX ? calloc(n + 1, sizeof *room) : NULL;
    label real = any_key_rule(call) ? true_label(call, object) : (label){.len = 0};
    const fault_rule *shown = real.len ? key_rule(call, real.text, real.len, true) : NULL;

    if (!room)
        return CKR_HOST_MEMORY;
    for (CK_ULONG i = 0; i < n; i++)
        room[i] = attributes[i].ulValueLen;
    CK_RV rv = call->below->C_GetAttributeValue(call->session, object, attributes, n);
    for (CK_ULONG i = 0; i < n; i++) {
        CK_RV changed = CKR_OK;
        if (hf_fault_attribute_hidden(call, attributes[i].type)) {
            call->entry.notes |= FAULT_NOTE_HIDE;
            changed = hide_attribute(&attributes[i], room[i]);
        } else if (shown && attributes[i].type == CKA_LABEL) {
            call->entry.notes |= FAULT_NOTE_KEY;
            changed = show_label(shown, &attributes[i], room[i]);
            if (rv == CKR_BUFFER_TOO_SMALL && n == 1)
                rv = CKR_OK; /* that was the other label's length */
        }
        if (changed != CKR_OK && rv == CKR_OK)
            rv = changed;
    }
    free(room);
    return rv;
}

static CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes,
                                 CK_ULONG n)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_GetAttributeValue, session, false);

    if (rv == CKR_OK && !attributes)
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK)
        rv = attributes_below(&call, hf_fault_object_below(&call, object), attributes, n);
    return hf_fault_end(&call, rv);
}

static CK_RV set_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes,
                                 CK_ULONG n)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_SetAttributeValue, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_SetAttributeValue(call.session, hf_fault_object_below(&call, object), attributes, n);
    return hf_fault_end(&call, rv);
}

/* Searches for the other label where a rule says so. */
static CK_RV search_below(fault_call *call, const CK_ATTRIBUTE *match, CK_ULONG n)
{
    CK_ATTRIBUTE *changed = n <= TEMPLATE_MAX ? calloc(n + 1, sizeof *changed) : NULL;

    if (!changed)
        return CKR_HOST_MEMORY;
    for (CK_ULONG i = 0; i < n; i++) {
        changed[i] = match[i];
        const fault_rule *rule = match[i].type == CKA_LABEL && match[i].pValue
                                     ? key_rule(call, match[i].pValue, match[i].ulValueLen, false)
                                     : NULL;
        if (!rule)
            continue;
        call->entry.notes |= FAULT_NOTE_KEY;
        changed[i].pValue = (void *)(uintptr_t)rule->other; /* the module below only reads it */
        changed[i].ulValueLen = strlen(rule->other);
    }
    CK_RV rv = call->below->C_FindObjectsInit(call->session, changed, n);
    free(changed);
    return rv;
}

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *match, CK_ULONG n)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_FindObjectsInit, session, false);

    if (rv == CKR_OK && !match && n > 0)
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK)
        rv = search_below(&call, match, n);
    return hf_fault_end(&call, rv);
}

/* Whether something else stands in the place of this object, so that it is not to be seen. */
static bool is_replaced(const fault_call *call, CK_OBJECT_HANDLE below)
{
    label real = true_label(call, below);

    return real.len && key_rule(call, real.text, real.len, false) && !key_rule(call, real.text, real.len, true);
}

static CK_RV objects_below(fault_call *call, CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *out_n)
{
    bool filter = any_key_rule(call);
    CK_ULONG kept = 0;
    CK_ULONG n = 0;
    CK_RV rv = CKR_OK;

    do { /* until something is left, or there is no more: nothing found means the end to whoever asks */
        rv = call->below->C_FindObjects(call->session, out, max, &n);
        for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
            if (filter && is_replaced(call, out[i]))
                call->entry.notes |= FAULT_NOTE_KEY;
            else
                out[kept++] = hf_fault_object_above(call, out[i]);
        }
    } while (rv == CKR_OK && n > 0 && kept == 0);
    if (rv == CKR_OK)
        *out_n = kept;
    return rv;
}

static CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *out_n)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_FindObjects, session, false);

    if (rv == CKR_OK && (!out || !out_n))
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK)
        rv = objects_below(&call, out, max, out_n);
    return hf_fault_end(&call, rv);
}

static CK_RV find_objects_final(CK_SESSION_HANDLE session)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_FindObjectsFinal, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_FindObjectsFinal(call.session);
    return hf_fault_end(&call, rv);
}

void hf_fault_list_object(CK_FUNCTION_LIST *list)
{
    list->C_CreateObject = create_object;
    list->C_CopyObject = copy_object;
    list->C_DestroyObject = destroy_object;
    list->C_GetObjectSize = get_object_size;
    list->C_GetAttributeValue = get_attribute_value;
    list->C_SetAttributeValue = set_attribute_value;
    list->C_FindObjectsInit = find_objects_init;
    list->C_FindObjects = find_objects;
    list->C_FindObjectsFinal = find_objects_final;
}
