/* Streaming and padding for the SHA family (FIPS 180-4 section 5). Lengths are public here. */
#include "md.h"

#include <string.h>

#include "ct.h"

static const hf_md_ops sha1_ops = HF_MD_OPS_SHA1(hf_sha1_compress);
static const hf_md_ops sha256_ops = HF_MD_OPS_SHA256(hf_sha256_compress);

static const hf_md_ops sha384_ops = {
    .size = 48,
    .block_size = 128,
    .length_size = 16,
    .word_size = 8,
    .initial.w64 = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939, 0x67332667ffc00b31,
                    0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4},
    .compress = hf_sha512_compress,
};

static const hf_md_ops sha512_ops = {
    .size = 64,
    .block_size = 128,
    .length_size = 16,
    .word_size = 8,
    .initial.w64 = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1, 0x510e527fade682d1,
                    0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179},
    .compress = hf_sha512_compress,
};

const hf_md_ops *hf_md_ops_of(hf_hash_id id)
{
    switch (id) {
    case HF_SHA1:
        return &sha1_ops;
    case HF_SHA256:
        return &sha256_ops;
    case HF_SHA384:
        return &sha384_ops;
    case HF_SHA512:
        return &sha512_ops;
    case HF_HASH_COUNT:
        break;
    }
    return NULL;
}

void hf_md_digest(const hf_md_ops *ops, const hf_md_chain *chain, uint8_t *out)
{
    if (ops->word_size == 4) {
        for (size_t i = 0; i < ops->size / 4u; i++)
            hf_store32_be(out + 4 * i, chain->w32[i]);
    } else {
        for (size_t i = 0; i < ops->size / 8u; i++)
            hf_store64_be(out + 8 * i, chain->w64[i]);
    }
}

void hf_md_start(hf_md *md, const hf_md_ops *ops)
{
    md->ops = ops;
    md->chain = ops->initial;
    md->fill = 0;
    md->total = 0;
}

void hf_md_update(hf_md *md, const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t block_size = md->ops->block_size;

    md->total += len;
    if (md->fill > 0) {
        size_t take = block_size - md->fill < len ? block_size - md->fill : len;
        if (take > 0)
            memcpy(md->block + md->fill, p, take);
        md->fill += take;
        len -= take;
        if (md->fill < block_size)
            return;
        p += take;
        md->ops->compress(&md->chain, md->block, 1);
        md->fill = 0;
    }
    if (len >= block_size) {
        md->ops->compress(&md->chain, p, len / block_size);
        p += len / block_size * block_size;
        len %= block_size;
    }
    if (len > 0)
        memcpy(md->block, p, len);
    md->fill = len;
}

void hf_md_final(hf_md *md, uint8_t *out)
{
    size_t block_size = md->ops->block_size;

    md->block[md->fill++] = 0x80;
    if (md->fill > block_size - md->ops->length_size) {
        memset(md->block + md->fill, 0, block_size - md->fill);
        md->ops->compress(&md->chain, md->block, 1);
        md->fill = 0;
    }
    memset(md->block + md->fill, 0, block_size - md->fill);
    hf_store64_be(md->block + block_size - 8, md->total << 3);
    if (md->ops->length_size == 16)
        md->block[block_size - 9] = (uint8_t)(md->total >> 61);
    md->ops->compress(&md->chain, md->block, 1);
    hf_md_digest(md->ops, &md->chain, out);
}
