/* A PKCS#11 module before SoftHSM2, for tests: see mask.h. The module below is HF_MASK_BELOW, set by the build. */
#include "mask.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT extern mask_control_t mask_control;
mask_control_t mask_control;

static CK_FUNCTION_LIST *below;
static CK_FUNCTION_LIST list;

/* Counts, and gives the code that the test chose. */
static CK_RV answer(mask_call call, CK_RV rv)
{
    CK_RV chosen = atomic_load(&mask_control.code[call]);

    atomic_fetch_add(&mask_control.calls[call], 1);
    return chosen ? chosen : rv;
}

static CK_RV before(mask_call call)
{
    return answer(call, CKR_OK);
}

static bool is_hidden(CK_MECHANISM_TYPE type)
{
    for (size_t i = 0; i < MASK_HIDDEN_MAX; i++)
        if (atomic_load(&mask_control.hidden[i]) == type + 1)
            return true;
    return false;
}

/* Whether the call that is being made, not yet counted, is one to spoil. */
static bool is_spoilt(mask_call call, unsigned from)
{
    return from && atomic_load(&mask_control.calls[call]) + 1 >= from;
}

static CK_RV finalize(void *reserved)
{
    atomic_fetch_add(&mask_control.calls[MASK_FINALIZE], 1);
    return below->C_Finalize(reserved);
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV rv = below->C_GetTokenInfo(slot, info);

    if (rv == CKR_OK && (info->flags & CKF_TOKEN_INITIALIZED))
        info->flags |= atomic_load(&mask_control.token_flags);
    return rv;
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *types, CK_ULONG *n)
{
    CK_RV rv = below->C_GetMechanismList(slot, types, n);
    CK_ULONG kept = 0;

    if (rv != CKR_OK || !types)
        return rv;
    for (CK_ULONG i = 0; i < *n; i++)
        if (!is_hidden(types[i]))
            types[kept++] = types[i];
    *n = kept;
    return CKR_OK;
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    return is_hidden(type) ? CKR_MECHANISM_INVALID : below->C_GetMechanismInfo(slot, type, info);
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify, CK_SESSION_HANDLE *out)
{
    unsigned max = atomic_load(&mask_control.sessions_max);
    CK_RV rv = before(MASK_OPEN_SESSION);

    if (rv == CKR_OK && max && atomic_load(&mask_control.sessions) >= max)
        rv = CKR_SESSION_COUNT;
    if (rv == CKR_OK)
        rv = below->C_OpenSession(slot, flags, app, notify, out);
    if (rv == CKR_OK)
        atomic_fetch_add(&mask_control.sessions, 1);
    return rv;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
    CK_RV rv = below->C_CloseSession(session);

    if (rv == CKR_OK)
        atomic_fetch_sub(&mask_control.sessions, 1);
    return answer(MASK_CLOSE_SESSION, rv);
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
    static CK_UTF8CHAR pad[] = {'1', '2', '3', '4'}; /* what a hand would type on the token's own pad */
    CK_RV rv = before(MASK_LOGIN);

    atomic_store(&mask_control.login_null, pin == NULL);
    atomic_store(&mask_control.login_len, (unsigned)len);
    if (rv != CKR_OK)
        return rv;
    return pin ? below->C_Login(session, user, pin, len) : below->C_Login(session, user, pad, sizeof pad);
}

static CK_RV logout(CK_SESSION_HANDLE session)
{
    return answer(MASK_LOGOUT, below->C_Logout(session));
}

static CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attrs, CK_ULONG n)
{
    CK_RV rv = below->C_GetAttributeValue(session, object, attrs, n);

    for (CK_ULONG i = 0; i < n; i++)
        if (atomic_load(&mask_control.no_attribute) == attrs[i].type + 1) {
            attrs[i].ulValueLen = CK_UNAVAILABLE_INFORMATION;
            rv = CKR_ATTRIBUTE_TYPE_INVALID;
        }
    return rv;
}

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *match, CK_ULONG n)
{
    CK_RV rv = before(MASK_FIND_INIT);

    return rv == CKR_OK ? below->C_FindObjectsInit(session, match, n) : rv;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_RV rv = before(MASK_SIGN_INIT);

    return rv == CKR_OK ? below->C_SignInit(session, mechanism, key) : rv;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    atomic_store(&mask_control.sign_len, (unsigned)in_len);
    atomic_fetch_add(&mask_control.held, 1);
    while (atomic_load(&mask_control.hold))
        usleep(1000);
    while (atomic_load(&mask_control.spin))
        ;
    CK_RV rv = below->C_Sign(session, in, in_len, out, out_len);
    if (rv == CKR_OK && is_spoilt(MASK_SIGN, atomic_load(&mask_control.spoil_sign)))
        out[*out_len - 1] ^= 1;
    return answer(MASK_SIGN, rv);
}

static CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_RV rv = before(MASK_DECRYPT_INIT);

    return rv == CKR_OK ? below->C_DecryptInit(session, mechanism, key) : rv;
}

/* SoftHSM runs in any case, so that its session holds no operation when the chosen code comes back. */
static CK_RV decrypt(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    unsigned long long tail = 0;

    for (CK_ULONG i = in_len > 8 ? in_len - 8 : 0; i < in_len; i++)
        tail = tail << 8 | in[i];
    atomic_store(&mask_control.decrypt_tail, tail);
    CK_RV rv = below->C_Decrypt(session, in, in_len, out, out_len);

    if (rv == CKR_OK && atomic_load(&mask_control.strip)) {
        CK_ULONG zeros = 0;
        while (zeros < *out_len && out[zeros] == 0)
            zeros++;
        *out_len -= zeros;
        memmove(out, out + zeros, *out_len);
    }
    if (rv == CKR_OK && is_spoilt(MASK_DECRYPT, atomic_load(&mask_control.spoil_decrypt)))
        out[*out_len - 1] ^= 1;
    return answer(MASK_DECRYPT, rv);
}

static CK_RV unwrap(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_BYTE *in,
                    CK_ULONG in_len, CK_ATTRIBUTE *attrs, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
    return answer(MASK_UNWRAP, below->C_UnwrapKey(session, mechanism, key, in, in_len, attrs, n, out));
}

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;

    if (!below) {
        void *handle = dlopen(HF_MASK_BELOW, RTLD_NOW | RTLD_LOCAL);
        if (!handle)
            return CKR_GENERAL_ERROR;
        *(void **)&get = dlsym(handle, "C_GetFunctionList");
        if (!get || get(&below) != CKR_OK)
            return CKR_GENERAL_ERROR;
    }
    list = *below;
    list.C_GetFunctionList = C_GetFunctionList;
    list.C_Finalize = finalize;
    list.C_GetTokenInfo = get_token_info;
    list.C_GetMechanismList = get_mechanism_list;
    list.C_GetMechanismInfo = get_mechanism_info;
    list.C_OpenSession = open_session;
    list.C_CloseSession = close_session;
    list.C_Login = login;
    list.C_Logout = logout;
    list.C_GetAttributeValue = get_attribute_value;
    list.C_FindObjectsInit = find_objects_init;
    list.C_SignInit = sign_init;
    list.C_Sign = sign;
    list.C_DecryptInit = decrypt_init;
    list.C_Decrypt = decrypt;
    list.C_UnwrapKey = unwrap;
    *out = &list;
    return CKR_OK;
}
