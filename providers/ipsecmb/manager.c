/* The library's managers: one for each worker, and one that only lends its function table.
 *
 * A manager is refused when the library's own self-test did not pass, or when it would run without AES-NI and
 * carry-less multiplication: its emulation is table based and not meant for traffic. */
#include "ipsecmb.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define NEEDED_FEATURES (IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SSE4_2)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static IMB_MGR *tables; /* constant after `once` */
static const char *refusal = "";
static char version_text[64];

static const char *why_unusable(const IMB_MGR *mgr)
{
    if ((mgr->features & NEEDED_FEATURES) != NEEDED_FEATURES || mgr->keyexp_128 == NULL)
        return "the CPU lacks AES-NI or PCLMULQDQ";
    if ((mgr->features & IMB_FEATURE_SELF_TEST) && !(mgr->features & IMB_FEATURE_SELF_TEST_PASS))
        return "the self-test of ipsec-mb failed";
    return NULL;
}

IMB_MGR *hf_imb_manager_new(hf_imb_width width, const char **why)
{
    uint64_t features = imb_get_feature_flags();
    if ((features & NEEDED_FEATURES) != NEEDED_FEATURES) {
        *why = "the CPU lacks AES-NI or PCLMULQDQ";
        return NULL;
    }
    IMB_MGR *mgr = alloc_mb_mgr(0);
    if (!mgr) {
        *why = "ipsec-mb could not allocate a manager";
        return NULL;
    }
    if (width == HF_IMB_NARROW)
        init_mb_mgr_sse(mgr);
    else
        init_mb_mgr_auto(mgr, NULL);
    const char *problem = why_unusable(mgr);
    if (!problem && imb_get_errno(mgr) != 0)
        problem = imb_get_strerror(imb_get_errno(mgr));
    if (problem) {
        *why = problem;
        free_mb_mgr(mgr);
        return NULL;
    }
    return mgr;
}

void hf_imb_manager_free(IMB_MGR *mgr)
{
    if (!mgr)
        return;
    hf_wipe(mgr, imb_get_mb_mgr_size()); /* its lanes held round keys and hash states */
    free_mb_mgr(mgr);
}

static void make_tables(void)
{
    tables = hf_imb_manager_new(HF_IMB_WIDE, &refusal);
    (void)snprintf(version_text, sizeof version_text, "ipsec-mb %s", imb_get_version_str());
}

const IMB_MGR *hf_imb_tables(void)
{
    (void)pthread_once(&once, make_tables);
    return tables;
}

bool hf_imb_available(const char **why)
{
    if (hf_imb_tables())
        return true;
    if (why)
        *why = refusal;
    return false;
}

const char *hf_imb_version(void)
{
    (void)hf_imb_tables();
    return version_text;
}

hf_status hf_imb_worker_new(void **out)
{
    const char *why = "";

    if (!hf_imb_available(&why))
        return HF_ERR_UNSUPPORTED;
    hf_imb_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return HF_ERR_NO_MEMORY;
    worker->paths = hf_imb_paths_of_cpu();
    worker->scratch = malloc((size_t)HF_IMB_BATCH * HF_IMB_SLOT);
    worker->mgr = hf_imb_manager_new(HF_IMB_WIDE, &why);
    if (worker->paths->measured)
        worker->narrow = hf_imb_manager_new(HF_IMB_NARROW, &why);
    if (!worker->scratch || !worker->mgr || (worker->paths->measured && !worker->narrow)) {
        hf_imb_worker_free(worker);
        return HF_ERR_NO_MEMORY;
    }
    *out = worker;
    return HF_OK;
}

void hf_imb_worker_free(void *p)
{
    hf_imb_worker *worker = p;
    if (!worker)
        return;
    hf_imb_manager_free(worker->mgr);
    hf_imb_manager_free(worker->narrow);
    if (worker->scratch)
        hf_wipe(worker->scratch, (size_t)HF_IMB_BATCH * HF_IMB_SLOT);
    free(worker->scratch);
    hf_wipe(worker, sizeof *worker);
    free(worker);
}
