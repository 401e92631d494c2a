/* P_hash of RFC 5246 section 5:
 *   A(0) = seed, A(i) = HMAC(secret, A(i-1)), output = HMAC(secret, A(1) || seed) || HMAC(secret, A(2) || seed) ...
 */
#include "prf12.h"

#include <string.h>

static hf_status expand(const hf_hmac *hmac, const uint8_t *seed, size_t seed_len, uint8_t *out, size_t out_len)
{
    size_t size = hmac->hash->size;
    uint8_t a[HF_HASH_SIZE_MAX];
    uint8_t block[HF_HASH_SIZE_MAX];

    hf_status status = hf_hmac_run(hmac, seed, seed_len, NULL, 0, a);
    while (status == HF_OK && out_len > 0) {
        size_t n = out_len < size ? out_len : size;
        status = hf_hmac_run(hmac, a, size, seed, seed_len, block);
        if (status != HF_OK)
            break;
        memcpy(out, block, n);
        out += n;
        out_len -= n;
        if (out_len > 0)
            status = hf_hmac_run(hmac, a, size, NULL, 0, a);
    }
    hf_wipe(a, sizeof a);
    hf_wipe(block, sizeof block);
    return status;
}

hf_status hf_prf12(const hf_hash *hash, const uint8_t *secret, size_t secret_len, const char *label, const uint8_t *a,
                   size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out, size_t out_len)
{
    uint8_t seed[HF_PRF_SEED_MAX];
    size_t label_len = strlen(label);
    hf_hmac hmac;

    if (label_len + a_len + b_len > sizeof seed)
        return HF_ERR_INVALID;
    memcpy(seed, label, label_len);
    if (a_len)
        memcpy(seed + label_len, a, a_len);
    if (b_len)
        memcpy(seed + label_len + a_len, b, b_len);

    hf_status status = hf_hmac_init(&hmac, hash, secret, secret_len);
    if (status == HF_OK) {
        status = expand(&hmac, seed, label_len + a_len + b_len, out, out_len);
        hf_hmac_cleanup(&hmac);
    }
    if (status != HF_OK)
        hf_wipe(out, out_len);
    return status;
}
