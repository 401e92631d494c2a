/* The algorithms by themselves: key set-up, one message, wipe. For tests and vectors. */
#include "primitives.h"

#include "aead.h"
#include "ct.h"
#include "md_hmac.h"

static bool aes_key_len(size_t len)
{
    return len == 16 || len == 32;
}

hf_status hf_portable_gcm_seal(const uint8_t *key, size_t key_len, const uint8_t *nonce, size_t nonce_len,
                               const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t in_len, uint8_t *out,
                               uint8_t tag[HF_PORTABLE_TAG_SIZE])
{
    const hf_kernel *kernel = hf_kernel_best();
    hf_gcm_key gcm;

    if (!aes_key_len(key_len) || nonce_len != HF_AEAD_NONCE)
        return HF_ERR_UNSUPPORTED;
    hf_gcm_key_init(&gcm, kernel, key, key_len);
    hf_gcm_seal(&gcm, kernel, &(hf_aead_text){nonce, aad, aad_len, in, in_len, out}, tag);
    hf_wipe(&gcm, sizeof gcm);
    return HF_OK;
}

hf_status hf_portable_gcm_open(const uint8_t *key, size_t key_len, const uint8_t *nonce, size_t nonce_len,
                               const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t in_len, uint8_t *out,
                               const uint8_t tag[HF_PORTABLE_TAG_SIZE])
{
    const hf_kernel *kernel = hf_kernel_best();
    hf_gcm_key gcm;

    if (!aes_key_len(key_len) || nonce_len != HF_AEAD_NONCE)
        return HF_ERR_UNSUPPORTED;
    hf_gcm_key_init(&gcm, kernel, key, key_len);
    bool good = hf_gcm_open(&gcm, kernel, &(hf_aead_text){nonce, aad, aad_len, in, in_len, out}, tag);
    hf_wipe(&gcm, sizeof gcm);
    return good ? HF_OK : HF_ERR_VERIFY;
}

hf_status hf_portable_chacha20_poly1305_seal(const uint8_t *key, size_t key_len, const uint8_t *nonce, size_t nonce_len,
                                             const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t in_len,
                                             uint8_t *out, uint8_t tag[HF_PORTABLE_TAG_SIZE])
{
    if (key_len != 32 || nonce_len != HF_AEAD_NONCE)
        return HF_ERR_UNSUPPORTED;
    hf_chapoly_seal(key, hf_kernel_best(), &(hf_aead_text){nonce, aad, aad_len, in, in_len, out}, tag);
    return HF_OK;
}

hf_status hf_portable_chacha20_poly1305_open(const uint8_t *key, size_t key_len, const uint8_t *nonce, size_t nonce_len,
                                             const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t in_len,
                                             uint8_t *out, const uint8_t tag[HF_PORTABLE_TAG_SIZE])
{
    if (key_len != 32 || nonce_len != HF_AEAD_NONCE)
        return HF_ERR_UNSUPPORTED;
    bool good = hf_chapoly_open(key, hf_kernel_best(), &(hf_aead_text){nonce, aad, aad_len, in, in_len, out}, tag);
    return good ? HF_OK : HF_ERR_VERIFY;
}

/* What SP 800-38C and this implementation allow. */
static bool ccm_lengths(size_t key_len, size_t nonce_len, size_t aad_len, size_t in_len, size_t tag_len)
{
    return aes_key_len(key_len) && nonce_len >= 7 && nonce_len <= 13 && aad_len < 0xff00 && tag_len >= 4 &&
           tag_len <= HF_AEAD_TAG && tag_len % 2 == 0 && (nonce_len < 13 || in_len <= 0xffff) &&
           (nonce_len < 12 || in_len <= 0xffffff) && (uint64_t)in_len <= 0xffffffff;
}

hf_status hf_portable_ccm_seal(const uint8_t *key, size_t key_len, const uint8_t *nonce, size_t nonce_len,
                               const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t in_len, uint8_t *out,
                               uint8_t *tag, size_t tag_len)
{
    hf_aes_key aes;
    hf_ccm_message message = {&aes, {nonce, aad, aad_len, in, in_len, out}, nonce_len, tag_len, {0}};

    if (!ccm_lengths(key_len, nonce_len, aad_len, in_len, tag_len))
        return HF_ERR_UNSUPPORTED;
    hf_aes_key_init(&aes, key, key_len);
    hf_ccm_seal(&message, 1, hf_kernel_best());
    memcpy(tag, message.mac, tag_len);
    hf_wipe(&aes, sizeof aes);
    return HF_OK;
}

hf_status hf_portable_ccm_open(const uint8_t *key, size_t key_len, const uint8_t *nonce, size_t nonce_len,
                               const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t in_len, uint8_t *out,
                               const uint8_t *tag, size_t tag_len)
{
    hf_aes_key aes;
    hf_ccm_message message = {&aes, {nonce, aad, aad_len, in, in_len, out}, nonce_len, tag_len, {0}};
    bool good;

    if (!ccm_lengths(key_len, nonce_len, aad_len, in_len, tag_len))
        return HF_ERR_UNSUPPORTED;
    hf_aes_key_init(&aes, key, key_len);
    hf_ccm_open(&message, 1, hf_kernel_best(), &tag, &good);
    hf_wipe(&aes, sizeof aes);
    return good ? HF_OK : HF_ERR_VERIFY;
}

hf_status hf_portable_hmac(hf_hash_id hash, const uint8_t *key, size_t key_len, const uint8_t *msg, size_t msg_len,
                           uint8_t *out)
{
    hf_md_hmac_key hmac_key;
    hf_md_hmac mac;

    hf_status status = hf_md_hmac_key_init(&hmac_key, hf_md_ops_of(hash), key, key_len);
    if (status != HF_OK)
        return status;
    hf_md_hmac_start(&mac, &hmac_key);
    hf_md_hmac_update(&mac, msg, msg_len);
    hf_md_hmac_final(&mac, out);
    hf_wipe(&hmac_key, sizeof hmac_key);
    return HF_OK;
}

hf_status hf_portable_cbc_encrypt(const uint8_t *key, size_t key_len, const uint8_t iv[16], const uint8_t *in,
                                  size_t len, uint8_t *out)
{
    hf_aes_key aes;
    hf_cbc_chain chain = {.key = &aes, .in = in, .out = out, .blocks = len / HF_AES_BLOCK};

    if (!aes_key_len(key_len))
        return HF_ERR_UNSUPPORTED;
    if (len % HF_AES_BLOCK > 0)
        return HF_ERR_INVALID;
    memcpy(chain.state, iv, HF_AES_BLOCK);
    hf_aes_key_init(&aes, key, key_len);
    hf_kernel_best()->cbc_encrypt(&chain, 1);
    hf_wipe(&aes, sizeof aes);
    return HF_OK;
}

hf_status hf_portable_cbc_decrypt(const uint8_t *key, size_t key_len, const uint8_t iv[16], const uint8_t *in,
                                  size_t len, uint8_t *out)
{
    hf_aes_key aes;

    if (!aes_key_len(key_len))
        return HF_ERR_UNSUPPORTED;
    if (len % HF_AES_BLOCK > 0)
        return HF_ERR_INVALID;
    hf_aes_key_init(&aes, key, key_len);
    hf_kernel_best()->cbc_decrypt(&aes, iv, in, out, len);
    hf_wipe(&aes, sizeof aes);
    return HF_OK;
}
