/* Room `module`: loading through p11-kit (a path, or the system's configured modules). */
#include "module.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CONFIGURED_HINT "give --module PATH, e.g. the libsofthsm2.so of SoftHSM2"

/* Every module that is open here, so that one which lost its state can be finalised by all before it is initialised by
 * all: p11-kit counts. */
#define OPEN_MAX 256
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct opening {
    CK_FUNCTION_LIST *fn;
    char *args; /* lives as long as the module is open */
} opened[OPEN_MAX];

static void note(CK_FUNCTION_LIST *fn, struct opening instead)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < OPEN_MAX; i++)
        if (opened[i].fn == fn) {
            opened[i] = instead;
            break;
        }
    pthread_mutex_unlock(&lock);
}

static void note_all(const hf_modules *modules, bool open)
{
    for (size_t i = 0; modules->list[i]; i++)
        if (open)
            note(NULL, (struct opening){.fn = modules->list[i], .args = modules->args});
        else
            note(modules->list[i], (struct opening){.fn = NULL});
}

static bool same_module(CK_FUNCTION_LIST *a, CK_FUNCTION_LIST *b)
{
    char *name_a = p11_kit_module_get_filename(a);
    char *name_b = p11_kit_module_get_filename(b);
    bool same = a == b || (name_a && name_b && strcmp(name_a, name_b) == 0);

    free(name_a);
    free(name_b);
    return same;
}

/* p11-kit hands our arguments on when it really calls the module, and counts as ever. */
static CK_RV initialise(CK_FUNCTION_LIST *fn, char *args)
{
    CK_C_INITIALIZE_ARGS with = {.flags = CKF_OS_LOCKING_OK, .pReserved = args};

    return args ? fn->C_Initialize(&with) : p11_kit_module_initialize(fn);
}

hf_status hf_modules_revive(CK_FUNCTION_LIST *fn, const hf_why *why)
{
    struct opening same[OPEN_MAX];
    size_t n = 0;
    CK_INFO info;
    CK_RV rv = CKR_OK;

    pthread_mutex_lock(&lock);
    if (fn->C_GetInfo(&info) == CKR_CRYPTOKI_NOT_INITIALIZED) { /* nobody else has done it in the meantime */
        for (size_t i = 0; i < OPEN_MAX; i++)
            if (opened[i].fn && same_module(opened[i].fn, fn))
                same[n++] = opened[i];
        for (size_t i = 0; i < n; i++)
            (void)p11_kit_module_finalize(same[i].fn);
        for (size_t i = 0; i < n; i++) {
            CK_RV answer = initialise(same[i].fn, same[i].args);
            rv = answer != CKR_OK ? answer : rv;
        }
    }
    pthread_mutex_unlock(&lock);
    return rv == CKR_OK ? HF_OK
                        : hf_why_set(why, HF_ERR_MODULE, "the module has lost its state and C_Initialize says %s",
                                     hf_rv_name(rv));
}

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

/* NSS's softokn is one of those that do not start without their arguments. */
static const char *start_hint(CK_RV rv, const char *args)
{
    if (args)
        return "check the module's arguments (--module-args)";
    return rv == CKR_ARGUMENTS_BAD ? "it needs arguments: give --module-args, for NSS \"configdir='sql:FOLDER'\""
                                   : "check the module's own configuration";
}

static hf_status open_path(hf_modules *modules, const char *path, const char *args, const hf_why *why)
{
    /* p11-kit looks up in its own folder whatever does not begin with '/'. That is what a mere name is meant for; a
     * path with folders means the working directory, as everywhere else. */
    char *found = NULL;
    if (strchr(path, '/') && !(found = realpath(path, NULL)))
        return hf_why_set(why, HF_ERR_MODULE, "module %s: %s: check the path given with --module", path,
                          strerror(errno));
    CK_FUNCTION_LIST *module = p11_kit_module_load(found ? found : path, 0);
    free(found);
    if (!module)
        return hf_why_set(
            why, HF_ERR_MODULE,
            "module %s cannot be loaded: not a PKCS#11 module of this architecture, or a library it needs is "
            "missing: check it with ldd",
            path);
    modules->args = args ? strdup(args) : NULL;
    CK_RV rv = args && !modules->args ? CKR_HOST_MEMORY : initialise(module, modules->args);
    if (rv != CKR_OK) {
        p11_kit_module_release(module);
        free(modules->args);
        modules->args = NULL;
        return hf_why_set(why, HF_ERR_MODULE, "module %s: C_Initialize says %s: %s", path, hf_rv_name(rv),
                          start_hint(rv, args));
    }
    modules->single[0] = module;
    modules->list = modules->single;
    return HF_OK;
}

hf_status hf_modules_open(hf_modules *modules, const char *path, const char *args, const hf_why *why)
{
    memset(modules, 0, sizeof *modules);
    if (args && !path)
        return hf_why_set(why, HF_ERR_INVALID, "arguments need to know their module: give --module PATH");
    p11_kit_be_quiet(); /* the operator gets our one line instead */
    hf_status status = path ? open_path(modules, path, args, why) : open_configured(modules, why);
    if (status == HF_OK)
        note_all(modules, true);
    return status;
}

void hf_modules_close(hf_modules *modules)
{
    if (!modules->list)
        return;
    note_all(modules, false);
    if (modules->configured) {
        p11_kit_modules_finalize_and_release(modules->list);
    } else {
        (void)p11_kit_module_finalize(modules->single[0]);
        p11_kit_module_release(modules->single[0]);
    }
    free(modules->args);
    memset(modules, 0, sizeof *modules);
}
