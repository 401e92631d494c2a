/* The operator's line: what failed, why, and what to do. Part of every fallible call of this library. */
#ifndef HANDFAST_HSM_WHY_H
#define HANDFAST_HSM_WHY_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <stddef.h>

#include "handfast/status.h"

/* Room for one line, carried through the rooms. text may be NULL when max is 0. */
typedef struct hf_why {
    char *text;
    size_t max;
} hf_why;

/* Writes the line (control characters of a token's labels become '?') and returns `status`, so that a failure is one
 * statement. */
hf_status hf_why_set(const hf_why *why, hf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends to the line; cut at the end of the room. */
void hf_why_add(const hf_why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "CKR_PIN_INCORRECT"; for codes without a name here "CKR_0x80000001" in a buffer of the calling thread. */
const char *hf_rv_name(CK_RV rv);
/* The status that a return code of a management call stands for. */
hf_status hf_rv_status(CK_RV rv);
/* All-ones when rv says that session, login, key handle or device is gone or broken, whatever the input was; 0 for
 * CKR_OK and for codes that may depend on a ciphertext. No branch on rv. */
uint32_t hf_rv_trouble(CK_RV rv);

#endif
