/* PKCS#11 modules, loaded through p11-kit so that several parts of one process can share them. */
#ifndef HANDFAST_HSM_MODULE_H
#define HANDFAST_HSM_MODULE_H

#include <stdbool.h>

#include "why.h"

typedef struct hf_modules {
    CK_FUNCTION_LIST **list; /* NULL-terminated, initialised; NULL when closed */
    CK_FUNCTION_LIST *single[2];
    char *args;      /* of a single one; NULL: none */
    bool configured; /* the system's configured modules, else one path */
} hf_modules;

/* Loads and initialises the module at `path`, or with NULL all that p11-kit has configured. `args` (copied; NULL: none)
 * go to the module at `path` as pReserved of C_Initialize: the first one who opens it in the process decides. Never
 * fork afterwards: PKCS#11 does not survive it. Errors: HF_ERR_MODULE, HF_ERR_INVALID. */
hf_status hf_modules_open(hf_modules *modules, const char *path, const char *args, const hf_why *why);
/* The module says CKR_CRYPTOKI_NOT_INITIALIZED although we initialised it: does it again for everybody in the process
 * who opened it here. Errors: HF_ERR_MODULE. */
hf_status hf_modules_revive(CK_FUNCTION_LIST *fn, const hf_why *why);
/* Finalises and releases; a closed or zeroed one is allowed. */
void hf_modules_close(hf_modules *modules);

#endif
