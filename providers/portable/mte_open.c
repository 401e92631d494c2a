/* The constant-time end of MAC-then-encrypt, RFC 5246 section 6.2.3.2 (the attack: AlFardan and Paterson, "Lucky
 * Thirteen", 2013). The content's length is secret until the verdict: the padding hides it.
 *
 * The inner hash runs over every block that the longest possible content needs. Each block is built byte by byte with
 * masks (content, 0x80, zeros or length), and the chaining value after the block that is really the last one is kept
 * by mask. Blocks that are full of content for every possible padding take the ordinary path. */
#include "mte_open.h"

#include "ct.h"

#define HEADER_SIZE 13 /* sequence, type, version, length */

/* The public geometry of one check. */
typedef struct geometry {
    size_t len; /* bytes decrypted */
    size_t mac_size;
    size_t max_content; /* with one byte of padding */
    size_t min_content; /* with 256 */
} geometry;

/* All-ones when the padding is right. *out_content: the content's length, taken as if the padding were one byte when
 * it is wrong, so that the MAC is computed all the same. */
static uint32_t check_padding(const uint8_t *plain, const geometry *g, uint32_t *out_content)
{
    uint32_t last = plain[g->len - 1];
    uint32_t good = hf_ct_le(last, (uint32_t)g->max_content);
    size_t scan = g->len < 256 ? g->len : 256;
    uint32_t diff = 0;

    for (size_t i = 0; i < scan; i++) {
        uint32_t inside = hf_ct_le((uint32_t)i, last);
        diff |= inside & (plain[g->len - 1 - i] ^ last);
    }
    good &= hf_ct_is_zero(diff);
    *out_content = (uint32_t)g->max_content - (good & last);
    return good;
}

/* One byte of the padded inner message (the ipad block left out) at position `at`. total: header and content, secret.
 */
static inline uint8_t message_byte(const uint8_t *header, const uint8_t *plain, const geometry *g, size_t at,
                                   uint32_t total)
{
    uint32_t byte = 0;

    if (at < HEADER_SIZE)
        byte = header[at];
    else if (at - HEADER_SIZE < g->max_content)
        byte = plain[at - HEADER_SIZE];
    uint32_t inside = hf_ct_lt((uint32_t)at, total);
    uint32_t mark = hf_ct_eq((uint32_t)at, total);
    return (uint8_t)((byte & inside) | (0x80 & mark));
}

/* The inner digest over header and content, whose length is secret. */
static void inner_digest(const hf_md_hmac_key *key, const hf_md_ops *ops, const uint8_t *header, const uint8_t *plain,
                         const geometry *g, uint32_t content, uint8_t *out)
{
    size_t block_size = ops->block_size;
    size_t n_blocks = (HEADER_SIZE + g->max_content + 1 + ops->length_size + block_size - 1) / block_size;
    size_t n_public = (HEADER_SIZE + g->min_content) / block_size; /* full of content whatever the padding is */
    uint32_t total = HEADER_SIZE + content;
    uint64_t bits = ((uint64_t)block_size + total) << 3;
    uint32_t shift = block_size == 64 ? 6 : 7;
    uint32_t last_block = (total + ops->length_size) >> shift;
    hf_md_chain chain = key->inner;
    hf_md_chain kept;
    uint8_t block[HF_HASH_BLOCK_MAX];
    uint8_t *chain_bytes = (uint8_t *)&chain;

    memset(&kept, 0, sizeof kept);
    if (n_public > 0) {
        memcpy(block, header, HEADER_SIZE);
        memcpy(block + HEADER_SIZE, plain, block_size - HEADER_SIZE);
        ops->compress(&chain, block, 1);
        ops->compress(&chain, plain + block_size - HEADER_SIZE, n_public - 1);
    }
    for (size_t b = n_public; b < n_blocks; b++) {
        uint32_t is_last = hf_ct_eq((uint32_t)b, last_block);
        for (size_t i = 0; i < block_size; i++)
            block[i] = message_byte(header, plain, g, b * block_size + i, total);
        for (size_t i = 0; i < 8; i++)
            block[block_size - 1 - i] |= (uint8_t)(is_last & (uint32_t)(bits >> (8 * i)));
        ops->compress(&chain, block, 1);
        hf_ct_copy_if(is_last, (uint8_t *)&kept, chain_bytes, sizeof kept);
    }
    hf_md_digest(ops, &kept, out);
    hf_wipe(&chain, sizeof chain);
    hf_wipe(&kept, sizeof kept);
    hf_wipe(block, sizeof block);
}

/* Copies the MAC, which starts at the secret offset `content`, without an address that depends on it: gather it
 * rotated into a ring of mac_size bytes, then turn the ring back by masked steps of 1, 2, 4, ... bytes. */
static void extract_mac(const uint8_t *plain, const geometry *g, uint32_t content, uint8_t *out)
{
    uint8_t ring[HF_HASH_SIZE_MAX] = {0};
    uint8_t turned[HF_HASH_SIZE_MAX];
    uint32_t rotation = 0;
    size_t slot = 0;

    for (size_t at = g->min_content; at < g->len - 1; at++) {
        uint32_t is_start = hf_ct_eq((uint32_t)at, content);
        uint32_t inside = hf_ct_le(content, (uint32_t)at) & hf_ct_lt((uint32_t)at, content + (uint32_t)g->mac_size);
        ring[slot] |= (uint8_t)(plain[at] & inside);
        rotation |= (uint32_t)slot & is_start;
        slot = slot + 1 == g->mac_size ? 0 : slot + 1;
    }
    for (size_t step = 1; step < g->mac_size; step *= 2) {
        uint32_t turn = hf_ct_is_nonzero(rotation & (uint32_t)step);
        for (size_t i = 0; i < g->mac_size; i++)
            turned[i] = hf_ct_select8(turn, ring[(i + step) % g->mac_size], ring[i]);
        memcpy(ring, turned, g->mac_size);
    }
    memcpy(out, ring, g->mac_size);
    hf_wipe(ring, sizeof ring);
    hf_wipe(turned, sizeof turned);
}

uint32_t hf_mte_check(const hf_md_hmac_key *key, uint64_t sequence, uint8_t content_type, const uint8_t *plain,
                      size_t len, size_t *out_len)
{
    const hf_md_ops *ops = key->ops;
    uint8_t header[HEADER_SIZE];
    uint8_t digest[HF_HASH_SIZE_MAX];
    uint8_t received[HF_HASH_SIZE_MAX];
    uint32_t content;
    geometry g = {.len = len, .mac_size = ops->size};

    *out_len = 0;
    if (len < g.mac_size + 1 || len > HF_RECORD_BODY_MAX)
        return 0;
    g.max_content = len - g.mac_size - 1;
    g.min_content = g.max_content > 255 ? g.max_content - 255 : 0;

    uint32_t good = check_padding(plain, &g, &content);
    hf_store64_be(header, sequence);
    header[8] = content_type;
    header[9] = 0x03;
    header[10] = 0x03;
    header[11] = (uint8_t)(content >> 8);
    header[12] = (uint8_t)content;
    inner_digest(key, ops, header, plain, &g, content, digest);

    hf_md outer;
    hf_md_start(&outer, ops);
    outer.chain = key->outer;
    outer.total = ops->block_size;
    hf_md_update(&outer, digest, ops->size);
    hf_md_final(&outer, digest);
    extract_mac(plain, &g, content, received);
    good &= hf_ct_equal(digest, received, ops->size);
    *out_len = content & good;

    hf_wipe(&outer, sizeof outer);
    hf_wipe(digest, sizeof digest);
    hf_wipe(received, sizeof received);
    return good;
}

void hf_mte_finish(const hf_md_hmac_key *key, hf_record_job *job, size_t len)
{
    size_t content;
    uint32_t good = hf_mte_check(key, job->sequence, job->content_type, job->out, len, &content);

    /* Here the verdict becomes public, and with a good one the length of the content. */
    good = hf_ct_declassify(good);
    content = hf_ct_declassify((uint32_t)content);
    job->out_len = content; /* 0 when bad */
    job->status = good ? HF_OK : HF_ERR_VERIFY;
    hf_wipe(job->out + job->out_len, len - job->out_len);
}
