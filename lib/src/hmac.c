/* HMAC, RFC 2104: H(key ^ opad, H(key ^ ipad, message)). */
#include "hmac.h"

#include <string.h>

hf_status hf_hash_once(const hf_hash *hash, const uint8_t *data, size_t len, uint8_t *out)
{
    hf_hash_state state;
    hf_status status = hash->init(state.bytes);
    if (status != HF_OK)
        return status;
    status = hash->update(state.bytes, data, len);
    if (status == HF_OK)
        status = hash->final(state.bytes, out);
    hash->cleanup(state.bytes);
    return status;
}

/* A hash that has swallowed one block of key ^ pad. */
static hf_status start(const hf_hash *hash, hf_hash_state *state, const uint8_t *block_key, uint8_t pad)
{
    uint8_t block[HF_HASH_BLOCK_MAX];

    for (size_t i = 0; i < hash->block_size; i++)
        block[i] = block_key[i] ^ pad;
    hf_status status = hash->init(state->bytes);
    if (status == HF_OK) {
        status = hash->update(state->bytes, block, hash->block_size);
        if (status != HF_OK)
            hash->cleanup(state->bytes);
    }
    hf_wipe(block, sizeof block);
    return status;
}

hf_status hf_hmac_init(hf_hmac *hmac, const hf_hash *hash, const uint8_t *key, size_t key_len)
{
    uint8_t block_key[HF_HASH_BLOCK_MAX] = {0};
    hf_status status = HF_OK;

    hmac->hash = hash;
    if (key_len > hash->block_size)
        status = hf_hash_once(hash, key, key_len, block_key);
    else if (key_len > 0)
        memcpy(block_key, key, key_len);
    if (status == HF_OK)
        status = start(hash, &hmac->inner, block_key, 0x36);
    if (status == HF_OK) {
        status = start(hash, &hmac->outer, block_key, 0x5c);
        if (status != HF_OK)
            hash->cleanup(hmac->inner.bytes);
    }
    hf_wipe(block_key, sizeof block_key);
    return status;
}

hf_status hf_hmac_run(const hf_hmac *hmac, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out)
{
    const hf_hash *hash = hmac->hash;
    uint8_t digest[HF_HASH_SIZE_MAX];
    hf_hash_state state;

    hf_status status = hash->clone(state.bytes, hmac->inner.bytes);
    if (status != HF_OK)
        return status;
    if (a_len > 0)
        status = hash->update(state.bytes, a, a_len);
    if (status == HF_OK && b_len > 0)
        status = hash->update(state.bytes, b, b_len);
    if (status == HF_OK)
        status = hash->final(state.bytes, digest);
    hash->cleanup(state.bytes);
    if (status != HF_OK)
        goto out;

    status = hash->clone(state.bytes, hmac->outer.bytes);
    if (status != HF_OK)
        goto out;
    status = hash->update(state.bytes, digest, hash->size);
    if (status == HF_OK)
        status = hash->final(state.bytes, out);
    hash->cleanup(state.bytes);
out:
    hf_wipe(digest, sizeof digest);
    return status;
}

hf_status hf_hmac_once(const hf_hash *hash, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len,
                       uint8_t *out)
{
    hf_hmac hmac;
    hf_status status = hf_hmac_init(&hmac, hash, key, key_len);
    if (status != HF_OK)
        return status;
    status = hf_hmac_run(&hmac, data, len, NULL, 0, out);
    hf_hmac_cleanup(&hmac);
    return status;
}

void hf_hmac_cleanup(hf_hmac *hmac)
{
    hmac->hash->cleanup(hmac->inner.bytes);
    hmac->hash->cleanup(hmac->outer.bytes);
}
