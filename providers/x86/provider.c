/* The x86 provider: what the CPU does better than C says it, without a library below. Hashes; no record ciphers. */
#include "builtin.h"
#include "x86.h"

static const char *version(void)
{
    return hf_x86_has_sha() ? "SHA extensions" : "";
}

static bool available(const char **why)
{
    if (hf_x86_has_sha())
        return true;
    if (why)
        *why = "the CPU lacks the SHA extensions";
    return false;
}

const hf_provider hf_provider_x86 = {
    .name = "x86",
    .version = version,
    .available = available,
    .hashes = hf_x86_hashes,
};
