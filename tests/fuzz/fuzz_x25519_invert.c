/* The inversion by division steps of providers/ifma, beside Fermat's way: any 32 bytes are a number, little-endian,
 * without its highest bit. */
#include <stdlib.h>

#include "providers/x25519_fermat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint64_t x[HF_X25519_WORDS] = {0}, out[HF_X25519_WORDS], expected[HF_X25519_WORDS];

    if (len > sizeof x)
        return 0;
    memcpy(x, data, len); /* little-endian, as this machine is */
    x25519_reduce(x);
    x25519_fermat(expected, x);
    hf_x25519_invert(out, x);
    if (memcmp(out, expected, sizeof out) != 0)
        abort();
    return 0;
}
