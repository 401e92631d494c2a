/* The operator's line, and the names of return codes (PKCS#11 v2.40 section 5.1). */
#include "why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "handfast/secret.h"

static void clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

static void append(const hf_why *why, size_t at, const char *format, va_list args)
{
    if (!why || !why->text || at >= why->max)
        return;
    (void)vsnprintf(why->text + at, why->max - at, format, args);
    clean(why->text + at);
}

hf_status hf_why_set(const hf_why *why, hf_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    append(why, 0, format, args);
    va_end(args);
    return status;
}

void hf_why_add(const hf_why *why, const char *format, ...)
{
    va_list args;

    if (!why || !why->text || why->max == 0)
        return;
    va_start(args, format);
    append(why, strnlen(why->text, why->max), format, args);
    va_end(args);
}

#define NAMED(code)                                                                                                    \
    {                                                                                                                  \
        code, #code                                                                                                    \
    }
static const struct {
    CK_RV rv;
    const char *name;
} names[] = {
    NAMED(CKR_OK),
    NAMED(CKR_CANCEL),
    NAMED(CKR_HOST_MEMORY),
    NAMED(CKR_SLOT_ID_INVALID),
    NAMED(CKR_GENERAL_ERROR),
    NAMED(CKR_FUNCTION_FAILED),
    NAMED(CKR_ARGUMENTS_BAD),
    NAMED(CKR_CANT_LOCK),
    NAMED(CKR_ATTRIBUTE_READ_ONLY),
    NAMED(CKR_ATTRIBUTE_SENSITIVE),
    NAMED(CKR_ATTRIBUTE_TYPE_INVALID),
    NAMED(CKR_ATTRIBUTE_VALUE_INVALID),
    NAMED(CKR_DATA_INVALID),
    NAMED(CKR_DATA_LEN_RANGE),
    NAMED(CKR_DEVICE_ERROR),
    NAMED(CKR_DEVICE_MEMORY),
    NAMED(CKR_DEVICE_REMOVED),
    NAMED(CKR_ENCRYPTED_DATA_INVALID),
    NAMED(CKR_ENCRYPTED_DATA_LEN_RANGE),
    NAMED(CKR_FUNCTION_CANCELED),
    NAMED(CKR_FUNCTION_NOT_SUPPORTED),
    NAMED(CKR_KEY_HANDLE_INVALID),
    NAMED(CKR_KEY_SIZE_RANGE),
    NAMED(CKR_KEY_TYPE_INCONSISTENT),
    NAMED(CKR_KEY_FUNCTION_NOT_PERMITTED),
    NAMED(CKR_MECHANISM_INVALID),
    NAMED(CKR_MECHANISM_PARAM_INVALID),
    NAMED(CKR_OBJECT_HANDLE_INVALID),
    NAMED(CKR_OPERATION_ACTIVE),
    NAMED(CKR_OPERATION_NOT_INITIALIZED),
    NAMED(CKR_PIN_INCORRECT),
    NAMED(CKR_PIN_INVALID),
    NAMED(CKR_PIN_LEN_RANGE),
    NAMED(CKR_PIN_EXPIRED),
    NAMED(CKR_PIN_LOCKED),
    NAMED(CKR_SESSION_CLOSED),
    NAMED(CKR_SESSION_COUNT),
    NAMED(CKR_SESSION_HANDLE_INVALID),
    NAMED(CKR_SESSION_READ_ONLY),
    NAMED(CKR_SESSION_EXISTS),
    NAMED(CKR_TEMPLATE_INCOMPLETE),
    NAMED(CKR_TEMPLATE_INCONSISTENT),
    NAMED(CKR_TOKEN_NOT_PRESENT),
    NAMED(CKR_TOKEN_NOT_RECOGNIZED),
    NAMED(CKR_TOKEN_WRITE_PROTECTED),
    NAMED(CKR_USER_ALREADY_LOGGED_IN),
    NAMED(CKR_USER_NOT_LOGGED_IN),
    NAMED(CKR_USER_PIN_NOT_INITIALIZED),
    NAMED(CKR_USER_TYPE_INVALID),
    NAMED(CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
    NAMED(CKR_USER_TOO_MANY_TYPES),
    NAMED(CKR_WRAPPED_KEY_INVALID),
    NAMED(CKR_WRAPPED_KEY_LEN_RANGE),
    NAMED(CKR_DOMAIN_PARAMS_INVALID),
    NAMED(CKR_CURVE_NOT_SUPPORTED),
    NAMED(CKR_BUFFER_TOO_SMALL),
    NAMED(CKR_CRYPTOKI_NOT_INITIALIZED),
    NAMED(CKR_CRYPTOKI_ALREADY_INITIALIZED),
    NAMED(CKR_MUTEX_BAD),
    NAMED(CKR_FUNCTION_REJECTED),
};

const char *hf_rv_name(CK_RV rv)
{
    static _Thread_local char other[32];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].rv == rv)
            return names[i].name;
    (void)snprintf(other, sizeof other, "CKR_0x%08lx", rv);
    return other;
}

hf_status hf_rv_status(CK_RV rv)
{
    switch (rv) {
    case CKR_OK:
        return HF_OK;
    case CKR_HOST_MEMORY:
        return HF_ERR_NO_MEMORY;
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SLOT_ID_INVALID:
        return HF_ERR_TOKEN_ABSENT;
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
        return HF_ERR_PIN_INCORRECT;
    case CKR_PIN_LOCKED:
        return HF_ERR_PIN_LOCKED;
    case CKR_FUNCTION_CANCELED:
        return HF_ERR_CANCELED;
    default:
        return HF_ERR_TOKEN;
    }
}

/* CKR_DEVICE_ERROR and CKR_GENERAL_ERROR stay out: tokens say them for bad padding. */
static const CK_RV trouble[] = {
    CKR_HOST_MEMORY,
    CKR_SLOT_ID_INVALID,
    CKR_CANT_LOCK,
    CKR_DEVICE_MEMORY,
    CKR_DEVICE_REMOVED,
    CKR_FUNCTION_CANCELED,
    CKR_KEY_HANDLE_INVALID,
    CKR_OBJECT_HANDLE_INVALID,
    CKR_OPERATION_ACTIVE,
    CKR_SESSION_CLOSED,
    CKR_SESSION_HANDLE_INVALID,
    CKR_OPERATION_NOT_INITIALIZED,
    CKR_TOKEN_NOT_PRESENT,
    CKR_TOKEN_NOT_RECOGNIZED,
    CKR_USER_NOT_LOGGED_IN,
    CKR_PIN_EXPIRED,
    CKR_MUTEX_BAD,
    CKR_CRYPTOKI_NOT_INITIALIZED,
    CKR_KEY_TYPE_INCONSISTENT,
    CKR_MECHANISM_INVALID,
    CKR_KEY_FUNCTION_NOT_PERMITTED,
    CKR_SESSION_COUNT,
    CKR_FUNCTION_NOT_SUPPORTED,
    CKR_MECHANISM_PARAM_INVALID,
};

uint32_t hf_rv_trouble(CK_RV rv)
{
    uint64_t wide = rv;
    uint32_t found = 0;

    for (size_t i = 0; i < sizeof trouble / sizeof trouble[0]; i++)
        found |= hf_ct_eq((uint32_t)wide, (uint32_t)trouble[i]);
    return found & hf_ct_is_zero((uint32_t)(wide >> 32));
}
