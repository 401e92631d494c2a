/* What the rules say about logins: wrong PINs, locks, tries. No PIN is kept or compared here. */
#ifndef HANDFAST_FAULT_PIN_H
#define HANDFAST_FAULT_PIN_H

#include "call.h"

#define FAULT_PIN_MAX 256 /* bytes of a PIN that a pad types */

/* What a rule answers before the token is asked; CKR_OK: ask it. */
CK_RV hf_fault_pin_before(fault_call *call);
/* Counts the answer, of a rule or of the token. */
void hf_fault_pin_after(fault_call *call, CK_RV rv);
/* The flags that the token has by the rules. */
CK_FLAGS hf_fault_pin_flags(const fault_call *call);
/* What a hand types on the token's own pad: the first line of the rule's file, into `out`. False: there is no pad. */
bool hf_fault_pin_pad(fault_call *call, CK_UTF8CHAR out[FAULT_PIN_MAX], CK_ULONG *out_len);

#endif
