/* The shani provider: AES-CBC with HMAC-SHA1 or HMAC-SHA256 through our own kernels. No worker, no library below. */
#include <pthread.h>

#include "builtin.h"
#include "cpu.h"
#include "handfast/secret.h"
#include "shani.h"

static bool can;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void ask(void)
{
    can = hf_cpu_has("ssse3") && hf_cpu_has("sse4_1") && hf_cpu_has("aes") && hf_cpu_has("sha_ni");
}

static bool available(const char **why)
{
    (void)pthread_once(&once, ask);
    *why = can ? "" : "the CPU has no AES-NI or no SHA extensions";
    return can;
}

static const char *version(void)
{
    const char *why;

    return available(&why) ? "AES-NI and SHA extensions" : "";
}

static void cleanup_128(void *state)
{
    hf_wipe(state, HF_SHANI_KEY_SIZE_128);
}

static void cleanup_256(void *state)
{
    hf_wipe(state, HF_SHANI_KEY_SIZE_256);
}

/* Nobody gets here before `available` said yes, in this thread or in one that it was told by. */
#define CIPHER(BITS, HASH, name)                                                                                       \
    static hf_status key_init_##name(void *state, const hf_record_keys *keys)                                          \
    {                                                                                                                  \
        return hf_shani_key_init(state, keys, HF_SHANI_ROUNDS_##BITS, HF_SHANI_##HASH);                                \
    }                                                                                                                  \
    static void seal_##name(void *worker, hf_record_job *jobs, size_t n)                                               \
    {                                                                                                                  \
        hf_shani_narrow.name.seal(worker, jobs, n);                                                                    \
    }                                                                                                                  \
    static void open_##name(void *worker, hf_record_job *jobs, size_t n)                                               \
    {                                                                                                                  \
        hf_shani_narrow.name.open(worker, jobs, n);                                                                    \
    }                                                                                                                  \
    static const hf_cipher name = {.id = HF_AES_##BITS##_CBC_##HASH,                                                   \
                                   .provider = &hf_provider_shani,                                                     \
                                   .key_state_size = HF_SHANI_KEY_SIZE_##BITS,                                         \
                                   .key_init = key_init_##name,                                                        \
                                   .key_cleanup = cleanup_##BITS,                                                      \
                                   .seal = seal_##name,                                                                \
                                   .open = open_##name};

CIPHER(128, SHA1, aes_128_sha1)
CIPHER(256, SHA1, aes_256_sha1)
CIPHER(128, SHA256, aes_128_sha256)
CIPHER(256, SHA256, aes_256_sha256)

static const hf_cipher *const ciphers[] = {&aes_128_sha1, &aes_256_sha1, &aes_128_sha256, &aes_256_sha256, NULL};

const hf_provider hf_provider_shani = {.name = "shani", .version = version, .available = available, .ciphers = ciphers};
