/* The vaes provider: AES-GCM records through our own kernels. No worker, no library below; nothing but AES-GCM.
 *
 * There are two descriptors: `vaes` uses the widest vectors that the CPU and the operating system allow; the narrow one
 * is not in the list of providers, and is there so that every test can run it on a CPU that has both. */
#include <pthread.h>

#include "builtin.h"
#include "cpu.h"
#include "handfast/secret.h"
#include "vaes.h"

static bool can_wide, can_narrow;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void ask(void)
{
    bool both = hf_cpu_has("aes") && hf_cpu_has("pclmulqdq") && hf_cpu_has("ssse3") && hf_cpu_has("bmi2") &&
                hf_cpu_has("avx2") && hf_cpu_has("vaes") && hf_cpu_has("vpclmulqdq");

    can_narrow = both;
    can_wide = both && hf_cpu_has("avx512f") && hf_cpu_has("avx512bw") && hf_cpu_has("avx512vl");
}

static bool available(const char **why)
{
    (void)pthread_once(&once, ask);
    *why = can_narrow ? "" : "the CPU has no VAES and VPCLMULQDQ, or the operating system does not save AVX registers";
    return can_narrow;
}

static const char *version(void)
{
    const char *why;

    return !available(&why) ? "" : can_wide ? "512-bit vectors" : "256-bit vectors";
}

static const char *version_narrow(void)
{
    return "256-bit vectors";
}

static hf_status key_init_128(void *state, const hf_record_keys *keys)
{
    return hf_vaes_key_init(state, keys, HF_VAES_ROUNDS_128);
}

static hf_status key_init_256(void *state, const hf_record_keys *keys)
{
    return hf_vaes_key_init(state, keys, HF_VAES_ROUNDS_256);
}

static void key_cleanup_128(void *state)
{
    hf_wipe(state, HF_VAES_KEY_SIZE_128);
}

static void key_cleanup_256(void *state)
{
    hf_wipe(state, HF_VAES_KEY_SIZE_256);
}

/* Nobody gets here before `available` said yes, in this thread or in one that it was told by. */
static inline const hf_vaes_kernel *kernel(void)
{
    return can_wide ? &hf_vaes_wide : &hf_vaes_narrow;
}

static void seal_128(void *worker, hf_record_job *jobs, size_t n)
{
    kernel()->seal_128(worker, jobs, n);
}

static void open_128(void *worker, hf_record_job *jobs, size_t n)
{
    kernel()->open_128(worker, jobs, n);
}

static void seal_256(void *worker, hf_record_job *jobs, size_t n)
{
    kernel()->seal_256(worker, jobs, n);
}

static void open_256(void *worker, hf_record_job *jobs, size_t n)
{
    kernel()->open_256(worker, jobs, n);
}

#define CIPHER(BITS, PROVIDER, SEAL, OPEN)                                                                             \
    {                                                                                                                  \
        .id = HF_AES_##BITS##_GCM, .provider = &(PROVIDER), .key_state_size = HF_VAES_KEY_SIZE_##BITS,                 \
        .key_init = key_init_##BITS, .key_cleanup = key_cleanup_##BITS, .seal = (SEAL), .open = (OPEN)                 \
    }

static const hf_cipher gcm_128 = CIPHER(128, hf_provider_vaes, seal_128, open_128);
static const hf_cipher gcm_256 = CIPHER(256, hf_provider_vaes, seal_256, open_256);
static const hf_cipher *const ciphers[] = {&gcm_128, &gcm_256, NULL};

const hf_provider hf_provider_vaes = {.name = "vaes", .version = version, .available = available, .ciphers = ciphers};

/* ---- The narrow one, by itself ---- */

static void narrow_seal_128(void *worker, hf_record_job *jobs, size_t n)
{
    hf_vaes_narrow.seal_128(worker, jobs, n);
}

static void narrow_open_128(void *worker, hf_record_job *jobs, size_t n)
{
    hf_vaes_narrow.open_128(worker, jobs, n);
}

static void narrow_seal_256(void *worker, hf_record_job *jobs, size_t n)
{
    hf_vaes_narrow.seal_256(worker, jobs, n);
}

static void narrow_open_256(void *worker, hf_record_job *jobs, size_t n)
{
    hf_vaes_narrow.open_256(worker, jobs, n);
}

static const hf_cipher narrow_gcm_128 = CIPHER(128, hf_provider_vaes_narrow, narrow_seal_128, narrow_open_128);
static const hf_cipher narrow_gcm_256 = CIPHER(256, hf_provider_vaes_narrow, narrow_seal_256, narrow_open_256);
static const hf_cipher *const narrow_ciphers[] = {&narrow_gcm_128, &narrow_gcm_256, NULL};

const hf_provider hf_provider_vaes_narrow = {
    .name = "vaes-256", .version = version_narrow, .available = available, .ciphers = narrow_ciphers};
