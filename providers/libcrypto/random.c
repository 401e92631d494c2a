/* libcrypto's generator as the engine's source of randomness (hf_env.random). A generator per thread, reseeded from
 * the system's; it notices a fork by itself. */
#include <limits.h>
#include <openssl/rand.h>

#include "handfast/providers.h"
#include "lc.h"

hf_status hf_libcrypto_random(void *arg, uint8_t *out, size_t len)
{
    (void)arg;
    while (len > 0) {
        int part = len > INT_MAX ? INT_MAX : (int)len;
        if (RAND_bytes(out, part) != 1) {
            (void)hf_lc_fail(HF_ERR_RANDOM);
            return HF_ERR_RANDOM;
        }
        out += part;
        len -= (size_t)part;
    }
    return HF_OK;
}
