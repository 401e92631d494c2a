/* The p256 provider: checks of a server's own ECDSA P-256 signatures. No library below, and nothing that is secret: see
 * p256.h. */
#include "builtin.h"
#include "lanes.h"
#include "p256.h"

static bool available(const char **why)
{
    *why = "";
    return true;
}

static const char *version(void)
{
    return hf_p256_lanes_can() ? "prepared keys, 512-bit lanes" : "prepared keys";
}

_Static_assert(sizeof(hf_p256_table) <= HF_VERIFIER_STATE_MAX, "the contract's bound");

static const hf_verifier ecdsa_p256 = {.group = HF_GROUP_P256,
                                       .name = "ECDSA P-256",
                                       .provider = &hf_provider_p256,
                                       .state_size = sizeof(hf_p256_table),
                                       .prepare = hf_p256_prepare,
                                       .verify_digest = hf_p256_verify};
static const hf_verifier *const verifiers[] = {&ecdsa_p256, NULL};

const hf_provider hf_provider_p256 = {
    .name = "p256", .version = version, .available = available, .verifiers = verifiers};
