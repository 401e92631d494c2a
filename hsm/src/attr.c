/* Searching objects and reading attributes. What a token reports as length is checked before it is believed. */
#include "attr.h"

#include <stdlib.h>

#define FIND_STEP 64

CK_ATTRIBUTE hf_attr(CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    return (CK_ATTRIBUTE){.type = type, .pValue = (void *)(uintptr_t)value, .ulValueLen = len};
}

CK_RV hf_object_find(const hf_p11_session *session, const CK_ATTRIBUTE *match, size_t n, CK_OBJECT_HANDLE *out,
                     size_t max, size_t *out_n)
{
    CK_ATTRIBUTE *template = (CK_ATTRIBUTE *)(uintptr_t)match;
    CK_RV rv = session->fn->C_FindObjectsInit(session->handle, template, n);

    *out_n = 0;
    if (rv != CKR_OK)
        return rv;
    while (*out_n < max) {
        CK_ULONG got = 0;
        CK_ULONG step = max - *out_n < FIND_STEP ? max - *out_n : FIND_STEP;
        rv = session->fn->C_FindObjects(session->handle, out + *out_n, step, &got);
        if (rv != CKR_OK || got == 0)
            break;
        *out_n += got < step ? got : step;
    }
    CK_RV end = session->fn->C_FindObjectsFinal(session->handle);
    return rv != CKR_OK ? rv : end;
}

/* A token answers for an attribute that the object does not have or does not show. */
static bool is_absent(CK_RV rv, const CK_ATTRIBUTE *attr)
{
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
           (rv == CKR_OK && (attr->ulValueLen == 0 || attr->ulValueLen == CK_UNAVAILABLE_INFORMATION));
}

CK_RV hf_attr_bytes(const hf_p11_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, uint8_t **out,
                    size_t *out_len)
{
    CK_ATTRIBUTE attr = {.type = type};
    CK_RV rv = session->fn->C_GetAttributeValue(session->handle, object, &attr, 1);

    *out = NULL;
    *out_len = 0;
    if (is_absent(rv, &attr))
        return CKR_OK;
    if (rv != CKR_OK)
        return rv;
    if (attr.ulValueLen > HF_ATTR_MAX)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    size_t room = attr.ulValueLen;
    uint8_t *bytes = calloc(1, room + 1);
    if (!bytes)
        return CKR_HOST_MEMORY;
    attr.pValue = bytes;
    rv = session->fn->C_GetAttributeValue(session->handle, object, &attr, 1);
    if (rv != CKR_OK || attr.ulValueLen > room || attr.ulValueLen == 0) {
        free(bytes);
        return rv != CKR_OK ? rv : CKR_ATTRIBUTE_VALUE_INVALID;
    }
    *out = bytes;
    *out_len = attr.ulValueLen;
    return CKR_OK;
}

CK_RV hf_attr_ulong(const hf_p11_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG absent,
                    CK_ULONG *out)
{
    CK_ULONG value = absent;
    CK_ATTRIBUTE attr = {.type = type, .pValue = &value, .ulValueLen = sizeof value};
    CK_RV rv = session->fn->C_GetAttributeValue(session->handle, object, &attr, 1);

    *out = absent;
    if (is_absent(rv, &attr))
        return CKR_OK;
    if (rv == CKR_OK && attr.ulValueLen != sizeof value)
        rv = CKR_ATTRIBUTE_VALUE_INVALID;
    if (rv == CKR_OK)
        *out = value;
    return rv;
}

CK_RV hf_attr_bool(const hf_p11_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool absent,
                   bool *out)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attr = {.type = type, .pValue = &value, .ulValueLen = sizeof value};
    CK_RV rv = session->fn->C_GetAttributeValue(session->handle, object, &attr, 1);

    *out = absent;
    if (is_absent(rv, &attr))
        return CKR_OK;
    if (rv == CKR_OK && attr.ulValueLen != sizeof value)
        rv = CKR_ATTRIBUTE_VALUE_INVALID;
    if (rv == CKR_OK)
        *out = value != CK_FALSE;
    return rv;
}
