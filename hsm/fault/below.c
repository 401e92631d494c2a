/* Room `below`. It is never unloaded: modules do not like to be, and the process may use it elsewhere too. */
#include "below.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

#include "record.h"

static _Atomic(CK_FUNCTION_LIST *) functions;

/* The functions that a 2.40 module must have, if only to say CKR_FUNCTION_NOT_SUPPORTED (section 4.1); all but the
 * last, which modules of 2.01 do not know. */
static bool complete(const CK_FUNCTION_LIST *list)
{
    void (*const *entries)(void) = (void (*const *)(void))(const void *)&list->C_Initialize;
    size_t n =
        (offsetof(CK_FUNCTION_LIST, C_WaitForSlotEvent) - offsetof(CK_FUNCTION_LIST, C_Initialize)) / sizeof *entries;

    for (size_t i = 0; i < n; i++)
        if (!entries[i])
            return false;
    return true;
}

bool hf_fault_below_open(const char *path, CK_C_GetFunctionList own)
{
    CK_C_GetFunctionList get = NULL;
    CK_FUNCTION_LIST *list = NULL;

    if (atomic_load(&functions))
        return true;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        hf_fault_say("module %s cannot be loaded: %s", path, dlerror());
        return false;
    }
    *(void **)&get = dlsym(handle, "C_GetFunctionList");
    if (!get || get == own || get(&list) != CKR_OK || !list || !complete(list)) {
        hf_fault_say("module %s gives no complete list of functions of another PKCS#11 module", path);
        (void)dlclose(handle);
        return false;
    }
    atomic_store(&functions, list);
    return true;
}

const CK_FUNCTION_LIST *hf_fault_below(void)
{
    return atomic_load(&functions);
}
