/* What the suites of the provider `vaes` share: its two kernels, and libcrypto as the yardstick. */
#ifndef HANDFAST_TEST_VAES_RIGS_H
#define HANDFAST_TEST_VAES_RIGS_H

#include <criterion/criterion.h>
#include <string.h>

#include "builtin.h"
#include "contract.h"

#define VAES_KERNELS 2 /* as the CPU would choose, and the narrow one */
#define VAES_CASES 4   /* the first of contract_cases: AES-128-GCM and AES-256-GCM, TLS 1.2 and 1.3 */

/* One key as all three see it. */
typedef struct vaes_rigs {
    contract_rig all[CONTRACT_RIGS_MAX];
    size_t n;
    const contract_rig *kernels[VAES_KERNELS];
    const contract_rig *reference;
} vaes_rigs;

static inline const contract_rig *vaes_rig_of(const vaes_rigs *rigs, const hf_provider *provider)
{
    for (size_t i = 0; i < rigs->n; i++)
        if (rigs->all[i].cipher->provider == provider)
            return &rigs->all[i];
    return NULL;
}

/* False where the CPU cannot run the provider: then there is nothing to test, and test_compose says whether that may
 * be. */
static inline bool vaes_rigs_open(vaes_rigs *rigs, const contract_case *which, unsigned seed)
{
    const char *why = "";

    if (!hf_provider_vaes.available(&why))
        return false;
    rigs->n = contract_rigs_open(which, seed, rigs->all);
    rigs->kernels[0] = vaes_rig_of(rigs, &hf_provider_vaes);
    rigs->kernels[1] = vaes_rig_of(rigs, &hf_provider_vaes_narrow);
    rigs->reference = vaes_rig_of(rigs, hf_provider_by_name("libcrypto"));
    cr_assert(rigs->kernels[0] && rigs->kernels[1] && rigs->reference);
    return true;
}

static inline void vaes_rigs_close(vaes_rigs *rigs)
{
    contract_rigs_close(rigs->all, rigs->n);
}

#endif
