/* Functions that make, wrap and derive keys, and random numbers (PKCS#11 2.40 sections 5.13 and 5.14). */
#include "call.h"
#include "forward.h"

static CK_RV generate_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *attributes, CK_ULONG n,
                          CK_OBJECT_HANDLE *out)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_mechanism(&call, FAULT_C_GenerateKey, session, mechanism, false);

    if (rv == CKR_OK)
        rv = call.below->C_GenerateKey(call.session, mechanism, attributes, n, out);
    if (rv == CKR_OK)
        *out = hf_fault_object_above(&call, *out);
    return hf_fault_end(&call, rv);
}

static CK_RV generate_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_attributes,
                               CK_ULONG public_n, CK_ATTRIBUTE *private_attributes, CK_ULONG private_n,
                               CK_OBJECT_HANDLE *out_public, CK_OBJECT_HANDLE *out_private)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_mechanism(&call, FAULT_C_GenerateKeyPair, session, mechanism, false);

    if (rv == CKR_OK)
        rv = call.below->C_GenerateKeyPair(call.session, mechanism, public_attributes, public_n, private_attributes,
                                           private_n, out_public, out_private);
    if (rv == CKR_OK) {
        *out_public = hf_fault_object_above(&call, *out_public);
        *out_private = hf_fault_object_above(&call, *out_private);
    }
    return hf_fault_end(&call, rv);
}

static CK_RV wrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
                      CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *out_len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_mechanism(&call, FAULT_C_WrapKey, session, mechanism, !out);
    CK_ULONG room = out && out_len ? *out_len : 0;

    if (rv == CKR_OK)
        rv = call.below->C_WrapKey(call.session, mechanism, hf_fault_object_below(&call, wrapping),
                                   hf_fault_object_below(&call, key), out, out_len);
    if (rv == CKR_OK)
        hf_fault_change(&call, out, out_len, room);
    return hf_fault_end(&call, rv);
}

static CK_RV unwrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping,
                        CK_BYTE *wrapped, CK_ULONG wrapped_len, CK_ATTRIBUTE *attributes, CK_ULONG n,
                        CK_OBJECT_HANDLE *out)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_mechanism(&call, FAULT_C_UnwrapKey, session, mechanism, false);

    if (rv == CKR_OK)
        rv = call.below->C_UnwrapKey(call.session, mechanism, hf_fault_object_below(&call, unwrapping), wrapped,
                                     wrapped_len, attributes, n, out);
    if (rv == CKR_OK)
        *out = hf_fault_object_above(&call, *out);
    return hf_fault_end(&call, rv);
}

static CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
                        CK_ATTRIBUTE *attributes, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_mechanism(&call, FAULT_C_DeriveKey, session, mechanism, false);

    if (rv == CKR_OK)
        rv = call.below->C_DeriveKey(call.session, mechanism, hf_fault_object_below(&call, base), attributes, n, out);
    if (rv == CKR_OK && out) /* some mechanisms answer in their parameters */
        *out = hf_fault_object_above(&call, *out);
    return hf_fault_end(&call, rv);
}

static CK_RV seed_random(CK_SESSION_HANDLE session, CK_BYTE *seed, CK_ULONG len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_SeedRandom, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_SeedRandom(call.session, seed, len);
    return hf_fault_end(&call, rv);
}

static CK_RV generate_random(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_GenerateRandom, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_GenerateRandom(call.session, out, len);
    if (rv == CKR_OK) {
        CK_ULONG changed = len;
        hf_fault_change(&call, out, &changed, len);
    }
    return hf_fault_end(&call, rv);
}

void hf_fault_list_manage(CK_FUNCTION_LIST *list)
{
    list->C_GenerateKey = generate_key;
    list->C_GenerateKeyPair = generate_key_pair;
    list->C_WrapKey = wrap_key;
    list->C_UnwrapKey = unwrap_key;
    list->C_DeriveKey = derive_key;
    list->C_SeedRandom = seed_random;
    list->C_GenerateRandom = generate_random;
}
