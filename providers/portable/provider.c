/* The portable provider: constant-time C without intrinsics, without tables indexed by secrets, on any CPU. */
#include "builtin.h"
#include "hashes.h"

static const char *version(void)
{
    return "1";
}

static bool available(const char **why)
{
    (void)why;
    return true;
}

const hf_provider hf_provider_portable = {
    .name = "portable",
    .version = version,
    .available = available,
    .hashes = hf_portable_hashes,
};
