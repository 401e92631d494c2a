/* What the suites of our own kernels share: the kernels, and libcrypto as the yardstick. Compiled once for `vaes`, with
 * AES-GCM, once for `ifma` (OWN_IFMA), with ChaCha20-Poly1305, and once for `shani` (OWN_SHANI), with AES-CBC. */
#ifndef HANDFAST_TEST_OWN_RIGS_H
#define HANDFAST_TEST_OWN_RIGS_H

#include <criterion/criterion.h>
#include <string.h>

#include "builtin.h"
#include "contract.h"

#ifdef OWN_IFMA
#define OWN_KERNELS 1
#define OWN_CASES 2 /* of contract_cases: ChaCha20-Poly1305, TLS 1.2 and 1.3 */
#define OWN_FIRST_CASE 4
#define OWN_SIDE_BY_SIDE 8 /* records that go through a kernel together when they are short */
static const hf_provider *const own_providers[OWN_KERNELS] = {&hf_provider_ifma};
#elif defined(OWN_SHANI)
#define OWN_KERNELS 1
#define OWN_CASES 8 /* AES-CBC with HMAC-SHA1 and HMAC-SHA256, both orders of MAC */
#define OWN_FIRST_CASE 8
#define OWN_SIDE_BY_SIDE 3 /* a pair, and one that is left */
static const hf_provider *const own_providers[OWN_KERNELS] = {&hf_provider_shani};
#else
#define OWN_KERNELS 2 /* as the CPU would choose, and the narrow one */
#define OWN_CASES 4   /* AES-128-GCM and AES-256-GCM, TLS 1.2 and 1.3 */
#define OWN_FIRST_CASE 0
#define OWN_SIDE_BY_SIDE 4
static const hf_provider *const own_providers[OWN_KERNELS] = {&hf_provider_vaes, &hf_provider_vaes_narrow};
#endif

#ifdef OWN_SHANI
#define OWN_MODES_SUM HF_RECORD_TLS12_ETM /* a cipher's two modes, added */
#else
#define OWN_MODES_SUM HF_RECORD_TLS13
#endif

#define OWN_EACH_CASE(suite, test)                                                                                     \
    ParameterizedTestParameters(suite, test)                                                                           \
    {                                                                                                                  \
        return cr_make_param_array(contract_case, contract_cases + OWN_FIRST_CASE, OWN_CASES);                         \
    }                                                                                                                  \
    ParameterizedTest(contract_case *which, suite, test)

/* One key as all of them see it. */
typedef struct own_rigs {
    contract_rig all[CONTRACT_RIGS_MAX];
    size_t n;
    const contract_rig *kernels[OWN_KERNELS];
    const contract_rig *reference;
} own_rigs;

static inline const contract_rig *own_rig_of(const own_rigs *rigs, const hf_provider *provider)
{
    for (size_t i = 0; i < rigs->n; i++)
        if (rigs->all[i].cipher->provider == provider)
            return &rigs->all[i];
    return NULL;
}

/* False where the CPU cannot run the provider: then there is nothing to test, and test_compose says whether that may
 * be. */
static inline bool own_rigs_open(own_rigs *rigs, const contract_case *which, unsigned seed)
{
    const char *why = "";

    if (!own_providers[0]->available(&why))
        return false;
    rigs->n = contract_rigs_open(which, seed, rigs->all);
    rigs->reference = own_rig_of(rigs, hf_provider_by_name("libcrypto"));
    cr_assert(rigs->reference);
    for (size_t k = 0; k < OWN_KERNELS; k++) {
        rigs->kernels[k] = own_rig_of(rigs, own_providers[k]);
        cr_assert(rigs->kernels[k]);
    }
    return true;
}

static inline void own_rigs_close(own_rigs *rigs)
{
    contract_rigs_close(rigs->all, rigs->n);
}

#endif
