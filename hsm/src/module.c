/* Room `module`: loading through p11-kit (a path, or the system's configured modules). */
#include "module.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CONFIGURED_HINT "give --module PATH, e.g. the libsofthsm2.so of SoftHSM2"

static hf_status open_configured(hf_modules *modules, const hf_why *why)
{
    CK_FUNCTION_LIST **list = p11_kit_modules_load_and_initialize(0);

    if (!list)
        return hf_why_set(why, HF_ERR_MODULE, "p11-kit cannot load the system's PKCS#11 modules: " CONFIGURED_HINT);
    if (!list[0]) {
        p11_kit_modules_finalize_and_release(list);
        return hf_why_set(why, HF_ERR_MODULE, "p11-kit has no PKCS#11 module configured: " CONFIGURED_HINT);
    }
    modules->list = list;
    modules->configured = true;
    return HF_OK;
}

static hf_status open_path(hf_modules *modules, const char *path, const hf_why *why)
{
    /* A name without '/' is looked up in p11-kit's module folder, so its absence here proves nothing. */
    if (strchr(path, '/') && access(path, R_OK) != 0)
        return hf_why_set(why, HF_ERR_MODULE, "module %s: %s: check the path given with --module", path,
                          strerror(errno));
    CK_FUNCTION_LIST *module = p11_kit_module_load(path, 0);
    if (!module)
        return hf_why_set(
            why, HF_ERR_MODULE,
            "module %s cannot be loaded: not a PKCS#11 module of this architecture, or a library it needs is "
            "missing: check it with ldd",
            path);
    CK_RV rv = p11_kit_module_initialize(module);
    if (rv != CKR_OK) {
        p11_kit_module_release(module);
        return hf_why_set(why, HF_ERR_MODULE, "module %s: C_Initialize says %s: check the module's own configuration",
                          path, hf_rv_name(rv));
    }
    modules->single[0] = module;
    modules->list = modules->single;
    return HF_OK;
}

hf_status hf_modules_open(hf_modules *modules, const char *path, const hf_why *why)
{
    memset(modules, 0, sizeof *modules);
    p11_kit_be_quiet(); /* the operator gets our one line instead */
    return path ? open_path(modules, path, why) : open_configured(modules, why);
}

void hf_modules_close(hf_modules *modules)
{
    if (!modules->list)
        return;
    if (modules->configured) {
        p11_kit_modules_finalize_and_release(modules->list);
    } else {
        (void)p11_kit_module_finalize(modules->single[0]);
        p11_kit_module_release(modules->single[0]);
    }
    memset(modules, 0, sizeof *modules);
}
