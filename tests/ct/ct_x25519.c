/* X25519 of the provider `ifma` with scalars as secrets. valgrind 3.19 knows no AVX-512, so its two kernels are
 * compiled here with HF_IFMA_PLAIN: the same source, whose vector instructions are written out in plain C. */
#include <string.h>

#include "ct.h"
#include "x25519.h"

void ct_x25519(void)
{
    static const uint8_t base[HF_X25519_SIZE] = {9};
    uint8_t scalars[HF_X25519_SIDE_BY_SIDE][HF_X25519_SIZE], publics[HF_X25519_SIDE_BY_SIDE][HF_X25519_SIZE];
    uint8_t again[HF_X25519_SIZE];

    for (size_t lane = 0; lane < HF_X25519_SIDE_BY_SIDE; lane++)
        for (size_t i = 0; i < HF_X25519_SIZE; i++)
            scalars[lane][i] = (uint8_t)(lane * 41 + i * 7 + 3);
    ct_secret(scalars, sizeof scalars);
    hf_x25519_public8(scalars, publics);
    ct_public(publics, sizeof publics); /* a public key is meant to be seen */
    for (size_t lane = 0; lane < 2; lane++) {
        hf_x25519(scalars[lane], base, again);
        ct_public(again, sizeof again);
        CT_REQUIRE(memcmp(again, publics[lane], sizeof again) == 0);
    }
}
