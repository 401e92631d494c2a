/* One login for each token of the process, shared by every key that uses it (PKCS#11 v2.40 section 5.6.8). */
#ifndef HANDFAST_HSM_LOGIN_H
#define HANDFAST_HSM_LOGIN_H

#include "pin.h"
#include "uri.h"

typedef struct hf_login hf_login;

/* Logs the user in unless the token is logged in already; reads the PIN only when it is needed. A PIN that the token
 * called wrong is not tried again in this process, a token with one try left is not tried at all.
 * *out is NULL when the token needs no login; *out_again tells that there was none and is one now. Any thread; waits
 * for a login that another thread has begun. Errors: HF_ERR_PIN_SOURCE, HF_ERR_PIN_INCORRECT, HF_ERR_PIN_LOCKED,
 * HF_ERR_LIMIT, HF_ERR_TOKEN_ABSENT, HF_ERR_TOKEN.
 */
hf_status hf_login_acquire(const hf_slot *slot, const hf_p11_session *session, const hf_pin_source *source,
                           hf_login **out, bool *out_again, const hf_why *why);

/* After a session was opened again: logs in anew when the token has forgotten the login (*out_again then). The entry
 * and its count stay as they are. NULL login is allowed. Errors as above; HF_ERR_TIMEOUT. */
hf_status hf_login_renew(hf_login *login, const hf_slot *slot, const hf_p11_session *session,
                         const hf_pin_source *source, bool *out_again, const hf_why *why);

/* What a key with CKA_ALWAYS_AUTHENTICATE wants before each operation (PKCS#11 v2.40 section 4.9). */
typedef struct hf_key_auth {
    hf_login *login;
    hf_pin_source source; /* prompt is never set: nobody types a PIN for every connection */
    bool pad;             /* the token has its own */
} hf_key_auth;

/* The context-specific login of session->auth, between C_SignInit or C_DecryptInit and the operation. A PIN that the
 * token called wrong is not tried again: CKR_PIN_INCORRECT without asking the token. One that is locked, or has one try
 * left, is not tried at all: CKR_PIN_LOCKED. */
CK_RV hf_authenticate(const hf_p11_session *session);

/* The last one logs out, if the login was ours. `session` is open on the token, or CK_INVALID_HANDLE. NULL login is
 * allowed. */
void hf_login_release(hf_login *login, const hf_p11_session *session);

/* Refuses, before a PIN is risked, a token whose PIN is locked or has one try left. `so`: the security officer's. */
hf_status hf_login_check_flags(const hf_slot *slot, bool so, const hf_why *why);

/* The token's label, terminated. */
void hf_slot_label(const hf_slot *slot, char out[65]);

#endif
