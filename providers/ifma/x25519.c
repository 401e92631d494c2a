/* X25519 as a group of the contract. A private key is its scalar, 32 bytes on the heap. */
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "handfast/secret.h"
#include "ifma.h"
#include "x25519.h"

static hf_status generate(void **out_private, uint8_t *out_public)
{
    uint8_t *scalar = malloc(HF_X25519_SIZE);

    if (!scalar)
        return HF_ERR_NO_MEMORY;
    hf_status status = hf_x25519_take(scalar, out_public);
    if (status == HF_OK)
        *out_private = scalar;
    else
        free(scalar);
    return status;
}

/* A given key goes through all eight lanes, which must agree. */
static hf_status import(const uint8_t *given, size_t len, void **out_private, uint8_t *out_public)
{
    uint8_t scalars[HF_X25519_SIDE_BY_SIDE][HF_X25519_SIZE], publics[HF_X25519_SIDE_BY_SIDE][HF_X25519_SIZE];
    uint32_t same = ~(uint32_t)0;

    if (len != HF_X25519_SIZE)
        return HF_ERR_INVALID;
    uint8_t *scalar = malloc(HF_X25519_SIZE);
    if (!scalar)
        return HF_ERR_NO_MEMORY;
    for (size_t i = 0; i < HF_X25519_SIDE_BY_SIDE; i++)
        memcpy(scalars[i], given, HF_X25519_SIZE);
    hf_x25519_public8(scalars, publics);
    hf_wipe(scalars, sizeof scalars);
    for (size_t i = 1; i < HF_X25519_SIDE_BY_SIDE; i++)
        same &= hf_ct_equal(publics[0], publics[i], HF_X25519_SIZE);
    if (!same) {
        free(scalar);
        return HF_ERR_CRYPTO;
    }
    memcpy(scalar, given, HF_X25519_SIZE);
    memcpy(out_public, publics[0], HF_X25519_SIZE);
    *out_private = scalar;
    return HF_OK;
}

static hf_status derive(void *private_key, const uint8_t *peer, size_t peer_len, uint8_t *out_shared)
{
    static const uint8_t zero[HF_X25519_SIZE];

    memset(out_shared, 0, HF_X25519_SIZE);
    if (peer_len != HF_X25519_SIZE)
        return HF_ERR_VERIFY;
    hf_x25519(private_key, peer, out_shared);
    return hf_ct_equal(out_shared, zero, HF_X25519_SIZE) ? HF_ERR_VERIFY : HF_OK;
}

static void destroy(void *private_key)
{
    if (private_key)
        hf_wipe(private_key, HF_X25519_SIZE);
    free(private_key);
}

const hf_group hf_ifma_x25519 = {.id = HF_GROUP_X25519,
                                 .name = "X25519",
                                 .provider = &hf_provider_ifma,
                                 .public_size = HF_X25519_SIZE,
                                 .shared_size = HF_X25519_SIZE,
                                 .generate = generate,
                                 .derive = derive,
                                 .destroy = destroy,
                                 .import = import};
