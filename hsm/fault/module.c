/* The fault module: a PKCS#11 module that stands before any other one and lets happen to its calls what a text file
 * says (docs/fault-module.md). For tests; it has no place where keys matter.
 *
 * C_GetFunctionList is all that it exports: the functions of PKCS#11 2.40. A program that prefers the interfaces of 3.0
 * falls back to them.
 */
#include <pthread.h>

#include "below.h"
#include "call.h"
#include "config.h"
#include "forward.h"

/* Ourselves by a name that the linker cannot give to another one: libp11-kit exports a C_GetFunctionList too, and a
 * program that links it would get that one in the place of ours. */
extern __typeof__(C_GetFunctionList) hf_fault_get_function_list
    __attribute__((alias("C_GetFunctionList"), visibility("hidden")));

static CK_FUNCTION_LIST list; /* filled before anybody has it */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The order in which they nest: a configuration is read under its lock, and then tells of it. */
static void before_fork(void)
{
    hf_fault_config_lock();
    hf_fault_tokens_lock();
    hf_fault_record_lock();
}

static void after_fork(void)
{
    hf_fault_record_unlock();
    hf_fault_tokens_unlock();
    hf_fault_config_unlock();
}

static void fill_list(void)
{
    list.version = (CK_VERSION){2, 40};
    list.C_GetFunctionList = hf_fault_get_function_list;
    hf_fault_list_general(&list);
    hf_fault_list_session(&list);
    hf_fault_list_object(&list);
    hf_fault_list_crypt(&list);
    hf_fault_list_manage(&list);
    (void)pthread_atfork(before_fork, after_fork, after_fork);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    bool changed = false;
    CK_RV rv = CKR_GENERAL_ERROR;

    if (!out)
        return CKR_ARGUMENTS_BAD;
    fault_rules *rules = hf_fault_config_path() ? hf_fault_config_get(&changed) : NULL;
    if (rules && hf_fault_below_open(rules->module, hf_fault_get_function_list)) {
        (void)pthread_once(&once, fill_list);
        *out = &list;
        rv = CKR_OK;
    }
    hf_fault_rules_release(rules);
    return rv;
}

/* When the process unloads the module or ends. A call that hangs until then finds nothing, and ends. */
__attribute__((destructor)) static void unload(void)
{
    hf_fault_live(false);
    hf_fault_config_close();
    hf_fault_tokens_close();
    hf_fault_record_close();
}
