/* Control of the masking module: it stands before SoftHSM2 and hides mechanisms, returns chosen codes, counts calls and
 * holds operations. The test finds `mask_control` with dlsym in the module that p11-kit loaded. */
#ifndef HANDFAST_TESTS_HSM_MASK_H
#define HANDFAST_TESTS_HSM_MASK_H

#include <stdatomic.h>
#include <stdbool.h>

typedef enum mask_call {
    MASK_OPEN_SESSION,
    MASK_CLOSE_SESSION,
    MASK_LOGIN,
    MASK_LOGOUT,
    MASK_FIND_INIT,
    MASK_SIGN_INIT,
    MASK_SIGN,
    MASK_DECRYPT_INIT,
    MASK_DECRYPT,
    MASK_UNWRAP,
    MASK_FINALIZE,
    MASK_CALLS
} mask_call;

#define MASK_HIDDEN_MAX 8

typedef struct mask_control {
    atomic_uint calls[MASK_CALLS];
    atomic_ulong code[MASK_CALLS];        /* what the call answers; 0: what SoftHSM says */
    atomic_ulong hidden[MASK_HIDDEN_MAX]; /* mechanism + 1; 0: none */
    atomic_ulong token_flags;             /* added to CK_TOKEN_INFO.flags */
    atomic_ulong no_attribute;            /* attribute + 1 that no object has; 0: none */
    atomic_uint sessions_max;             /* 0: as many as SoftHSM gives */
    atomic_uint sessions;
    atomic_bool hold;           /* C_Sign waits while it is set */
    atomic_bool spin;           /* the same, and computes */
    atomic_uint held;           /* how many wait */
    atomic_uint sign_len;       /* bytes that C_Sign got last */
    atomic_ullong decrypt_tail; /* the last 8 bytes that C_Decrypt got last */
    atomic_bool strip;          /* C_Decrypt drops leading zero bytes of a raw result */
    atomic_uint spoil_sign;     /* C_Sign changes one bit of its answer from this call on, counted from 1; 0: never */
    atomic_uint spoil_decrypt;  /* the same for C_Decrypt */
    atomic_uint login_len;      /* bytes of PIN that C_Login got last */
    atomic_bool login_null;     /* its PIN was NULL */
} mask_control_t;

#endif
