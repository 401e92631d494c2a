/* The public numbers of the record ciphers: the one table that engine, providers and tests share. */
#include "handfast/provider.h"

static const hf_cipher_spec specs[HF_CIPHER_COUNT] = {
    /* id, name, key, fixed iv, mac key, tag, block */
    {HF_AES_128_GCM, "AES-128-GCM", 16, 4, 0, 16, 1},
    {HF_AES_256_GCM, "AES-256-GCM", 32, 4, 0, 16, 1},
    {HF_CHACHA20_POLY1305, "ChaCha20-Poly1305", 32, 12, 0, 16, 1},
    {HF_AES_128_CCM, "AES-128-CCM", 16, 4, 0, 16, 1},
    {HF_AES_128_CBC_SHA1, "AES-128-CBC-HMAC-SHA1", 16, 0, 20, 0, 16},
    {HF_AES_256_CBC_SHA1, "AES-256-CBC-HMAC-SHA1", 32, 0, 20, 0, 16},
    {HF_AES_128_CBC_SHA256, "AES-128-CBC-HMAC-SHA256", 16, 0, 32, 0, 16},
    {HF_AES_256_CBC_SHA256, "AES-256-CBC-HMAC-SHA256", 32, 0, 32, 0, 16},
    {HF_AES_256_CBC_SHA384, "AES-256-CBC-HMAC-SHA384", 32, 0, 48, 0, 16},
};

const hf_cipher_spec *hf_cipher_spec_of(hf_cipher_id id)
{
    return (unsigned)id < HF_CIPHER_COUNT ? &specs[id] : NULL;
}

size_t hf_record_prefix(const hf_cipher_spec *spec, hf_record_mode mode)
{
    if (spec->block_size > 1)
        return HF_CBC_IV_SIZE;
    /* RFC 5288 and RFC 6655 carry half of the nonce; RFC 7905 and TLS 1.3 carry none. */
    return mode == HF_RECORD_TLS12 && spec->iv_size == 4 ? 8 : 0;
}

size_t hf_record_sealed_size(const hf_cipher_spec *spec, hf_record_mode mode, size_t plain_len, size_t padding)
{
    size_t prefix = hf_record_prefix(spec, mode);
    size_t block = spec->block_size;

    if (block == 1)
        return prefix + plain_len + (mode == HF_RECORD_TLS13 ? 1 + padding : 0) + spec->tag_size;
    /* CBC: content [MAC], then 1..block bytes of padding; encrypt-then-MAC adds the MAC outside. */
    size_t inner = plain_len + (mode == HF_RECORD_TLS12_ETM ? 0 : spec->mac_key_size);
    size_t outer = mode == HF_RECORD_TLS12_ETM ? spec->mac_key_size : 0;
    return prefix + (inner / block + 1) * block + outer;
}
