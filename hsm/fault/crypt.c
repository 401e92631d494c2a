/* Functions that encrypt, decrypt, digest, sign and verify (PKCS#11 2.40 sections 5.8 to 5.14), by the shape of their
 * parameters.
 *
 * An operation that fails is over (section 5.2), but for CKR_BUFFER_TOO_SMALL. So when a rule lets one fail, the module
 * below must end it too, or its session would be busy for ever: it does the work and the result is wiped. */
#include <stdlib.h>
#include <string.h>

#include "below.h"
#include "call.h"
#include "forward.h"

#define SCRATCH_MIN 16384      /* more than any signature or block */
#define SCRATCH_MAX 0x10000000 /* of an answer that nobody sees */

typedef CK_C_Sign transform_fn;  /* bytes in, bytes out */
typedef CK_C_SignUpdate feed_fn; /* bytes in */
typedef CK_C_SignFinal last_fn;  /* bytes out */
typedef CK_C_SignInit init_fn;   /* mechanism and key */

/* The function that ends what this one goes on with; NULL: this one ends itself, or there is nothing to end. */
static last_fn final_of(const fault_call *call)
{
    const CK_FUNCTION_LIST *below = call->below;

    switch (call->entry.function) {
    case FAULT_C_EncryptUpdate:
    case FAULT_C_DigestEncryptUpdate:
    case FAULT_C_SignEncryptUpdate:
        return below->C_EncryptFinal;
    case FAULT_C_DecryptUpdate:
    case FAULT_C_DecryptDigestUpdate:
    case FAULT_C_DecryptVerifyUpdate:
        return below->C_DecryptFinal;
    case FAULT_C_DigestUpdate:
    case FAULT_C_DigestKey:
        return below->C_DigestFinal;
    case FAULT_C_SignUpdate:
        return below->C_SignFinal;
    default:
        return NULL;
    }
}

static CK_BYTE *scratch(CK_ULONG in_len, CK_ULONG *out_len)
{
    *out_len = SCRATCH_MIN + (in_len < SCRATCH_MAX ? in_len : SCRATCH_MAX);
    return malloc(*out_len);
}

/* Ends below what a rule lets fail above. */
static void end_below(fault_call *call, transform_fn one, last_fn last, CK_BYTE *in, CK_ULONG in_len)
{
    CK_SESSION_HANDLE session = 0;
    CK_ULONG room = 0;
    last_fn final = final_of(call);

    if (!call->injected || call->query || call->session ||
        hf_fault_session_take(call->entry.session, &session) != CKR_OK)
        return;
    CK_BYTE *out = scratch(in_len, &room);
    CK_ULONG len = room;
    if (out && final)
        (void) final(session, out, &len);
    else if (out && one)
        (void)one(session, in, in_len, out, &len);
    else if (out && last)
        (void)last(session, out, &len);
    if (out)
        explicit_bzero(out, room);
    free(out);
    hf_fault_session_give(call->entry.session);
}

static CK_RV init_op(fault_function function, init_fn below, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                     CK_OBJECT_HANDLE key)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_mechanism(&call, function, session, mechanism, false);

    if (rv == CKR_OK)
        rv = below(call.session, mechanism, hf_fault_object_below(&call, key));
    return hf_fault_end(&call, rv);
}

static CK_RV transform(fault_function function, transform_fn below, CK_SESSION_HANDLE session, CK_BYTE *in,
                       CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, function, session, !out);
    CK_ULONG room = out && out_len ? *out_len : 0;

    if (rv == CKR_OK)
        rv = below(call.session, in, in_len, out, out_len);
    else if (rv != CKR_BUFFER_TOO_SMALL)
        end_below(&call, below, NULL, in, in_len);
    if (rv == CKR_OK)
        hf_fault_change(&call, out, out_len, room);
    return hf_fault_end(&call, rv);
}

static CK_RV last(fault_function function, last_fn below, CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, function, session, !out);
    CK_ULONG room = out && out_len ? *out_len : 0;

    if (rv == CKR_OK)
        rv = below(call.session, out, out_len);
    else if (rv != CKR_BUFFER_TOO_SMALL)
        end_below(&call, NULL, below, NULL, 0);
    if (rv == CKR_OK)
        hf_fault_change(&call, out, out_len, room);
    return hf_fault_end(&call, rv);
}

static CK_RV feed(fault_function function, feed_fn below, CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, function, session, false);

    if (rv == CKR_OK)
        rv = below(call.session, in, in_len);
    else
        end_below(&call, NULL, NULL, NULL, 0);
    return hf_fault_end(&call, rv);
}

static CK_RV encrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return init_op(FAULT_C_EncryptInit, hf_fault_below()->C_EncryptInit, session, mechanism, key);
}

static CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return init_op(FAULT_C_DecryptInit, hf_fault_below()->C_DecryptInit, session, mechanism, key);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return init_op(FAULT_C_SignInit, hf_fault_below()->C_SignInit, session, mechanism, key);
}

static CK_RV sign_recover_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return init_op(FAULT_C_SignRecoverInit, hf_fault_below()->C_SignRecoverInit, session, mechanism, key);
}

static CK_RV verify_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return init_op(FAULT_C_VerifyInit, hf_fault_below()->C_VerifyInit, session, mechanism, key);
}

static CK_RV verify_recover_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return init_op(FAULT_C_VerifyRecoverInit, hf_fault_below()->C_VerifyRecoverInit, session, mechanism, key);
}

static CK_RV encrypt(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    return transform(FAULT_C_Encrypt, hf_fault_below()->C_Encrypt, session, in, in_len, out, out_len);
}

static CK_RV encrypt_update(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    return transform(FAULT_C_EncryptUpdate, hf_fault_below()->C_EncryptUpdate, session, in, in_len, out, out_len);
}

static CK_RV decrypt(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    return transform(FAULT_C_Decrypt, hf_fault_below()->C_Decrypt, session, in, in_len, out, out_len);
}

static CK_RV decrypt_update(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    return transform(FAULT_C_DecryptUpdate, hf_fault_below()->C_DecryptUpdate, session, in, in_len, out, out_len);
}

static CK_RV digest(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    return transform(FAULT_C_Digest, hf_fault_below()->C_Digest, session, in, in_len, out, out_len);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    return transform(FAULT_C_Sign, hf_fault_below()->C_Sign, session, in, in_len, out, out_len);
}

static CK_RV sign_recover(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    return transform(FAULT_C_SignRecover, hf_fault_below()->C_SignRecover, session, in, in_len, out, out_len);
}

static CK_RV verify_recover(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    return transform(FAULT_C_VerifyRecover, hf_fault_below()->C_VerifyRecover, session, in, in_len, out, out_len);
}

static CK_RV digest_encrypt_update(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                                   CK_ULONG *out_len)
{
    return transform(FAULT_C_DigestEncryptUpdate, hf_fault_below()->C_DigestEncryptUpdate, session, in, in_len, out,
                     out_len);
}

static CK_RV decrypt_digest_update(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                                   CK_ULONG *out_len)
{
    return transform(FAULT_C_DecryptDigestUpdate, hf_fault_below()->C_DecryptDigestUpdate, session, in, in_len, out,
                     out_len);
}

static CK_RV sign_encrypt_update(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                                 CK_ULONG *out_len)
{
    return transform(FAULT_C_SignEncryptUpdate, hf_fault_below()->C_SignEncryptUpdate, session, in, in_len, out,
                     out_len);
}

static CK_RV decrypt_verify_update(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                                   CK_ULONG *out_len)
{
    return transform(FAULT_C_DecryptVerifyUpdate, hf_fault_below()->C_DecryptVerifyUpdate, session, in, in_len, out,
                     out_len);
}

static CK_RV encrypt_final(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
    return last(FAULT_C_EncryptFinal, hf_fault_below()->C_EncryptFinal, session, out, out_len);
}

static CK_RV decrypt_final(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
    return last(FAULT_C_DecryptFinal, hf_fault_below()->C_DecryptFinal, session, out, out_len);
}

static CK_RV digest_final(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
    return last(FAULT_C_DigestFinal, hf_fault_below()->C_DigestFinal, session, out, out_len);
}

static CK_RV sign_final(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
    return last(FAULT_C_SignFinal, hf_fault_below()->C_SignFinal, session, out, out_len);
}

static CK_RV digest_update(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len)
{
    return feed(FAULT_C_DigestUpdate, hf_fault_below()->C_DigestUpdate, session, in, in_len);
}

static CK_RV sign_update(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len)
{
    return feed(FAULT_C_SignUpdate, hf_fault_below()->C_SignUpdate, session, in, in_len);
}

static CK_RV digest_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_mechanism(&call, FAULT_C_DigestInit, session, mechanism, false);

    if (rv == CKR_OK)
        rv = call.below->C_DigestInit(call.session, mechanism);
    return hf_fault_end(&call, rv);
}

static CK_RV digest_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_DigestKey, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_DigestKey(call.session, hf_fault_object_below(&call, key));
    else
        end_below(&call, NULL, NULL, NULL, 0);
    return hf_fault_end(&call, rv);
}

/* A verification that a rule lets fail is ended below by verifying nothing: what it says is not heard. */
static void end_verify(const fault_call *call)
{
    CK_C_Verify one = call->entry.function == FAULT_C_Verify ? call->below->C_Verify : NULL;
    CK_C_VerifyFinal final = call->below->C_VerifyFinal;
    CK_BYTE nothing = 0;
    CK_SESSION_HANDLE session = 0;

    if (!call->injected || hf_fault_session_take(call->entry.session, &session) != CKR_OK)
        return;
    (void)(one ? one(session, &nothing, 1, &nothing, 1) : final(session, &nothing, 1));
    hf_fault_session_give(call->entry.session);
}

static CK_RV verify(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *signature, CK_ULONG signature_len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_Verify, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_Verify(call.session, in, in_len, signature, signature_len);
    else
        end_verify(&call);
    return hf_fault_end(&call, rv);
}

static CK_RV verify_update(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_VerifyUpdate, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_VerifyUpdate(call.session, in, in_len);
    else
        end_verify(&call);
    return hf_fault_end(&call, rv);
}

static CK_RV verify_final(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG signature_len)
{
    fault_call call;
    CK_RV rv = hf_fault_begin_session(&call, FAULT_C_VerifyFinal, session, false);

    if (rv == CKR_OK)
        rv = call.below->C_VerifyFinal(call.session, signature, signature_len);
    else
        end_verify(&call);
    return hf_fault_end(&call, rv);
}

void hf_fault_list_crypt(CK_FUNCTION_LIST *list)
{
    list->C_EncryptInit = encrypt_init;
    list->C_DecryptInit = decrypt_init;
    list->C_SignInit = sign_init;
    list->C_SignRecoverInit = sign_recover_init;
    list->C_VerifyInit = verify_init;
    list->C_VerifyRecoverInit = verify_recover_init;
    list->C_Encrypt = encrypt;
    list->C_EncryptUpdate = encrypt_update;
    list->C_Decrypt = decrypt;
    list->C_DecryptUpdate = decrypt_update;
    list->C_Digest = digest;
    list->C_Sign = sign;
    list->C_SignRecover = sign_recover;
    list->C_VerifyRecover = verify_recover;
    list->C_DigestEncryptUpdate = digest_encrypt_update;
    list->C_DecryptDigestUpdate = decrypt_digest_update;
    list->C_SignEncryptUpdate = sign_encrypt_update;
    list->C_DecryptVerifyUpdate = decrypt_verify_update;
    list->C_EncryptFinal = encrypt_final;
    list->C_DecryptFinal = decrypt_final;
    list->C_DigestFinal = digest_final;
    list->C_SignFinal = sign_final;
    list->C_DigestUpdate = digest_update;
    list->C_SignUpdate = sign_update;
    list->C_VerifyUpdate = verify_update;
    list->C_DigestInit = digest_init;
    list->C_DigestKey = digest_key;
    list->C_Verify = verify;
    list->C_VerifyFinal = verify_final;
}
