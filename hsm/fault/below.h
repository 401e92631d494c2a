/* The module that really does it. */
#ifndef HANDFAST_FAULT_BELOW_H
#define HANDFAST_FAULT_BELOW_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>

/* Loads it, once: while it stays loaded another path changes nothing. False, and a line that says why; `own` is our own
 * entry, before which we cannot stand. */
bool hf_fault_below_open(const char *path, CK_C_GetFunctionList own);
/* Its functions; NULL before hf_fault_below_open. An entry may be NULL in a module that lacks the function. */
const CK_FUNCTION_LIST *hf_fault_below(void);

#endif
