/* The three named policies. A suite or version that a policy excludes is never negotiated. */
#include "policy.h"

#include <string.h>

static const hf_policy policies[] = {
    [HF_POLICY_INTERMEDIATE] = {HF_POLICY_INTERMEDIATE, "intermediate", true, true, false, false, true, true},
    [HF_POLICY_MODERN] = {HF_POLICY_MODERN, "modern", false, true, false, false, true, true},
    [HF_POLICY_COMPATIBLE] = {HF_POLICY_COMPATIBLE, "compatible", true, true, true, true, false, false},
};

#define COUNT (sizeof policies / sizeof policies[0])

const hf_policy *hf_policy_of(hf_policy_id id)
{
    return (size_t)id < COUNT ? &policies[id] : NULL;
}

hf_status hf_policy_by_name(const char *name, hf_policy_id *out)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(policies[i].name, name) == 0) {
            *out = policies[i].id;
            return HF_OK;
        }
    }
    return HF_ERR_NOT_FOUND;
}

bool hf_policy_allows(const hf_policy *policy, const hf_suite *suite)
{
    if (suite->kx == HF_KX_TLS13)
        return policy->tls13;
    if (!policy->tls12)
        return false;
    if (suite->kx == HF_KX_RSA && !policy->rsa_transport)
        return false;
    return policy->cbc || !hf_suite_is_cbc(suite);
}
