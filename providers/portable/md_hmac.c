/* HMAC (RFC 2104): the two key blocks are hashed once, at key set-up. */
#include "md_hmac.h"

#include "ct.h"

hf_status hf_md_hmac_key_init(hf_md_hmac_key *key, const hf_md_ops *ops, const uint8_t *mac_key, size_t key_len)
{
    uint8_t block[HF_HASH_BLOCK_MAX] = {0};
    hf_md md;

    if (!ops)
        return HF_ERR_UNSUPPORTED;
    if (key_len > ops->block_size) {
        hf_md_start(&md, ops);
        hf_md_update(&md, mac_key, key_len);
        hf_md_final(&md, block);
        hf_wipe(&md, sizeof md);
    } else if (key_len > 0) {
        memcpy(block, mac_key, key_len);
    }
    memset(key, 0, sizeof *key);
    key->ops = ops;
    key->inner = ops->initial;
    key->outer = ops->initial;
    for (size_t i = 0; i < ops->block_size; i++)
        block[i] ^= 0x36;
    ops->compress(&key->inner, block, 1);
    for (size_t i = 0; i < ops->block_size; i++)
        block[i] ^= 0x36 ^ 0x5c;
    ops->compress(&key->outer, block, 1);
    hf_wipe(block, sizeof block);
    return HF_OK;
}

size_t hf_md_hmac_size(const hf_md_hmac_key *key)
{
    return key->ops->size;
}

static void start_from(hf_md *md, const hf_md_ops *ops, const hf_md_chain *chain)
{
    hf_md_start(md, ops);
    md->chain = *chain;
    md->total = ops->block_size;
}

void hf_md_hmac_start(hf_md_hmac *mac, const hf_md_hmac_key *key)
{
    mac->key = key;
    start_from(&mac->md, key->ops, &key->inner);
}

void hf_md_hmac_update(hf_md_hmac *mac, const void *data, size_t len)
{
    hf_md_update(&mac->md, data, len);
}

void hf_md_hmac_final(hf_md_hmac *mac, uint8_t *out)
{
    const hf_md_ops *ops = mac->md.ops;
    uint8_t digest[HF_HASH_SIZE_MAX];

    hf_md_final(&mac->md, digest);
    start_from(&mac->md, ops, &mac->key->outer);
    hf_md_update(&mac->md, digest, ops->size);
    hf_md_final(&mac->md, out);
    hf_wipe(digest, sizeof digest);
    hf_wipe(mac, sizeof *mac);
}

void hf_md_hmac_record(const hf_md_hmac_key *key, uint64_t sequence, uint8_t content_type, const uint8_t *data,
                       size_t len, uint8_t *out)
{
    uint8_t header[13];
    hf_md_hmac mac;

    hf_store64_be(header, sequence);
    header[8] = content_type;
    header[9] = 0x03;
    header[10] = 0x03;
    header[11] = (uint8_t)(len >> 8);
    header[12] = (uint8_t)len;
    hf_md_hmac_start(&mac, key);
    hf_md_hmac_update(&mac, header, sizeof header);
    hf_md_hmac_update(&mac, data, len);
    hf_md_hmac_final(&mac, out);
}
