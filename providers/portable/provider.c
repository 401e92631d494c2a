/* The portable provider: constant-time C without intrinsics and without tables indexed by secrets, on any CPU. It is
 * the fallback and the yardstick of the others. */
#include "builtin.h"
#include "hashes.h"
#include "kernel.h"
#include "record.h"

static const char *version(void)
{
    return hf_kernel_best()->name;
}

static bool available(const char **why)
{
    (void)why;
    return true;
}

static const hf_cipher *const ciphers[] = {
    &hf_portable_aes_128_gcm,        &hf_portable_aes_256_gcm,
    &hf_portable_chacha20_poly1305,  &hf_portable_aes_128_ccm,
    &hf_portable_aes_128_cbc_sha1,   &hf_portable_aes_256_cbc_sha1,
    &hf_portable_aes_128_cbc_sha256, &hf_portable_aes_256_cbc_sha256,
    &hf_portable_aes_256_cbc_sha384, NULL,
};

const hf_provider hf_provider_portable = {
    .name = "portable",
    .version = version,
    .available = available,
    .ciphers = ciphers,
    .hashes = hf_portable_hashes,
};
