/* The standard's own names, both ways: functions, return codes, mechanisms, attributes. */
#ifndef HANDFAST_FAULT_NAMES_H
#define HANDFAST_FAULT_NAMES_H

#include "functions.h"

#define FAULT_NAME_MAX 48 /* room for any name or number that these functions write */

typedef enum fault_space { FAULT_CKR, FAULT_CKM, FAULT_CKA } fault_space;

/* "C_Sign"; static storage. */
const char *hf_fault_function_name(fault_function function);
fault_answer hf_fault_function_answer(fault_function function);
/* False when there is no function of this name. */
bool hf_fault_function_find(const char *name, fault_function *out);

/* The value of CKR_..., CKM_... or CKA_..., or of a number (0x hexadecimal, or decimal). False: no such name. */
bool hf_fault_value_find(fault_space space, const char *name, unsigned long *out);
/* The name, or the number as 0x... when it has none here. Returns out, FAULT_NAME_MAX bytes. */
const char *hf_fault_value_name(fault_space space, unsigned long value, char out[FAULT_NAME_MAX]);

#endif
