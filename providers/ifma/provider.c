/* The ifma provider: ChaCha20-Poly1305 records and X25519 through our own kernels. No worker, no library below. */
#include <pthread.h>
#include <string.h>

#include "builtin.h"
#include "cpu.h"
#include "handfast/secret.h"
#include "ifma.h"

static bool can;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void ask(void)
{
    can = hf_cpu_has("avx512f") && hf_cpu_has("avx512dq") && hf_cpu_has("avx512bw") && hf_cpu_has("avx512vl") &&
          hf_cpu_has("avx512ifma") && hf_cpu_has("bmi2") && hf_cpu_has("avx2");
}

static bool available(const char **why)
{
    (void)pthread_once(&once, ask);
    *why = can ? "" : "the CPU has no AVX-512 with IFMA, or the operating system does not save its registers";
    return can;
}

static const char *version(void)
{
    const char *why;

    return available(&why) ? "512-bit vectors" : "";
}

static hf_status key_init(void *state, const hf_record_keys *keys)
{
    hf_ifma_key *key = state;

    if (keys->mode != HF_RECORD_TLS12 && keys->mode != HF_RECORD_TLS13)
        return HF_ERR_UNSUPPORTED;
    memset(key, 0, sizeof *key);
    memcpy(key->key, keys->key, sizeof key->key);
    memcpy((uint8_t *)&key->nonce + 4, keys->iv, HF_CIPHER_IV_MAX);
    key->tls13 = keys->mode == HF_RECORD_TLS13;
    return HF_OK;
}

static void key_cleanup(void *state)
{
    hf_wipe(state, sizeof(hf_ifma_key));
}

static const hf_cipher chacha20_poly1305 = {.id = HF_CHACHA20_POLY1305,
                                            .provider = &hf_provider_ifma,
                                            .key_state_size = sizeof(hf_ifma_key),
                                            .key_init = key_init,
                                            .key_cleanup = key_cleanup,
                                            .seal = hf_ifma_seal,
                                            .open = hf_ifma_open};
static const hf_cipher *const ciphers[] = {&chacha20_poly1305, NULL};
static const hf_group *const groups[] = {&hf_ifma_x25519, NULL};

const hf_provider hf_provider_ifma = {
    .name = "ifma", .version = version, .available = available, .ciphers = ciphers, .groups = groups};
