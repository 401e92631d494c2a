/* What GHASH does block by block, the same for every vector width: the input as strips of whole blocks, Karatsuba's
 * sums of 16-bit chunks before the multiplication, and their combination after it. See ghash_lanes.h. */
#ifndef HANDFAST_PORTABLE_GHASH_CHUNKS_H
#define HANDFAST_PORTABLE_GHASH_CHUNKS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ct.h"
#include "ghash.h"

/* A block as eight 16-bit chunks, chunk 0 least significant (the last two bytes of the block). */
typedef uint16_t hf_chunk_words __attribute__((vector_size(16)));

#define HF_CHUNK_INLINE static inline __attribute__((always_inline))

HF_CHUNK_INLINE hf_chunk_words hf_chunks_of_words(const uint64_t w[2])
{
    hf_chunk_words c;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(&c, w, sizeof c);
#else
    for (unsigned i = 0; i < 8; i++)
        c[i] = (uint16_t)(w[i / 4] >> (16 * (i % 4)));
#endif
    return c;
}

HF_CHUNK_INLINE hf_chunk_words hf_chunks_of_block(const uint8_t *p)
{
#if HF_BYTE_PERMUTE && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint8_t v __attribute__((vector_size(16)));
    memcpy(&v, p, sizeof v);
    return (hf_chunk_words)__builtin_shufflevector(v, v, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
#else
    uint64_t w[2];
    memcpy(w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t swapped[2] = {__builtin_bswap64(w[1]), __builtin_bswap64(w[0])};
#else
    uint64_t swapped[2] = {w[1], w[0]};
#endif
    return hf_chunks_of_words(swapped);
#endif
}

/* The 27 sums as lanes: 0-7 the chunks c0..c7; 8-15 for each half (c0..c3, c4..c7): c0+c1, c0+c2, c2+c3, c1+c3;
 * 16-19 the sum s0..s3 of the halves, 20-23 its four sums alike; 24, 25, 26 the sum of all four chunks of the low half,
 * of the high half and of s. The other five lanes hold something and count for nothing. */
HF_CHUNK_INLINE void hf_chunks(hf_chunk_words c, uint16_t row[32])
{
    hf_chunk_words pairs =
        __builtin_shufflevector(c, c, 0, 0, 2, 3, 4, 4, 6, 7) ^ __builtin_shufflevector(c, c, 1, 2, 3, 1, 5, 6, 7, 5);
    hf_chunk_words s = c ^ __builtin_shufflevector(c, c, 4, 5, 6, 7, 0, 1, 2, 3);
    hf_chunk_words s_pairs = pairs ^ __builtin_shufflevector(pairs, pairs, 4, 5, 6, 7, 0, 1, 2, 3);
    hf_chunk_words third = __builtin_shufflevector(s, s_pairs, 0, 1, 2, 3, 12, 13, 14, 15);
    hf_chunk_words four = __builtin_shufflevector(pairs, s_pairs, 0, 4, 8, 3, 1, 5, 6, 7) ^
                          __builtin_shufflevector(pairs, s_pairs, 2, 6, 10, 3, 1, 5, 6, 7);

    memcpy(row, &c, 16);
    memcpy(row + 8, &pairs, 16);
    memcpy(row + 16, &third, 16);
    memcpy(row + 24, &four, 16);
}

/* Karatsuba: the product from the products of the low parts, high parts and sums; parts of 16 bits. */
HF_CHUNK_INLINE uint64_t hf_join16(uint64_t low, uint64_t high, uint64_t sum)
{
    return low ^ (sum ^ low ^ high) << 16 ^ high << 32;
}

/* The product of two 64-bit halves from nine chunk products: chunks c[0..3], their pairs, and the sum of all. */
HF_CHUNK_INLINE void hf_join64(const uint64_t c[4], const uint64_t pairs[4], uint64_t four, uint64_t out[2])
{
    uint64_t low = hf_join16(c[0], c[1], pairs[0]);
    uint64_t high = hf_join16(c[2], c[3], pairs[2]);
    uint64_t middle = hf_join16(pairs[1], pairs[3], four) ^ low ^ high;

    out[0] = low ^ middle << 32;
    out[1] = high ^ middle >> 32;
}

/* The 256-bit product, words from the low end, from the 27 chunk products (low 16 and high 15 bits of each). */
HF_CHUNK_INLINE void hf_chunks_combine(const uint16_t low[32], const uint16_t high[32], uint64_t product[4])
{
    uint64_t c[27], lo[2], hi[2], mid[2];

    for (unsigned i = 0; i < 27; i++)
        c[i] = (uint64_t)low[i] | (uint64_t)high[i] << 16;
    hf_join64(c, c + 8, c[24], lo);
    hf_join64(c + 4, c + 12, c[25], hi);
    hf_join64(c + 16, c + 20, c[26], mid);
    mid[0] ^= lo[0] ^ hi[0];
    mid[1] ^= lo[1] ^ hi[1];
    product[0] = lo[0];
    product[1] = lo[1] ^ mid[0];
    product[2] = hi[0] ^ mid[1];
    product[3] = hi[1];
}

/* The input of one GHASH as blocks: zeros in front up to whole strips (they add nothing to a sum that begins at zero),
 * aad padded, data padded, lengths. */
typedef struct hf_ghash_input {
    const uint8_t *aad;
    size_t aad_len;
    const uint8_t *data;
    size_t len;
    size_t front;      /* zero blocks in front */
    size_t data_block; /* block where the data begin */
    size_t at;         /* next block */
} hf_ghash_input;

/* Returns how many strips there are. */
static inline size_t hf_ghash_begin(hf_ghash_input *in)
{
    size_t aad_blocks = (in->aad_len + 15) / 16;
    size_t blocks = aad_blocks + (in->len + 15) / 16 + 1;
    size_t strips = (blocks + HF_GHASH_STRIP - 1) / HF_GHASH_STRIP;

    in->front = strips * HF_GHASH_STRIP - blocks;
    in->data_block = in->front + aad_blocks;
    in->at = 0;
    return strips;
}

/* Copies the part of src, which begins at block `first`, that falls into the strip at block `at`. */
static inline void hf_ghash_stage(uint8_t *strip, size_t at, size_t first, const uint8_t *src, size_t len)
{
    size_t end = 16 * (at + HF_GHASH_STRIP);
    size_t begin = 16 * (at > first ? at : first); /* bytes of the whole stream */
    size_t stop = 16 * first + len < end ? 16 * first + len : end;

    if (begin < stop)
        memcpy(strip + (begin - 16 * at), src + (begin - 16 * first), stop - begin);
}

/* The next strip: in the data themselves, or put together at `staged`. */
static inline const uint8_t *hf_ghash_strip(hf_ghash_input *in, uint8_t staged[16 * HF_GHASH_STRIP])
{
    size_t at = in->at;
    size_t offset = 16 * (at - in->data_block);

    in->at += HF_GHASH_STRIP;
    if (at >= in->data_block && offset + 16 * HF_GHASH_STRIP <= in->len)
        return in->data + offset;
    memset(staged, 0, 16 * HF_GHASH_STRIP);
    hf_ghash_stage(staged, at, in->front, in->aad, in->aad_len);
    hf_ghash_stage(staged, at, in->data_block, in->data, in->len);
    /* The lengths are the last block of the last strip. */
    if (16 * in->at > 16 * in->data_block + in->len + 15) {
        hf_store64_be(staged + 16 * HF_GHASH_STRIP - 16, (uint64_t)in->aad_len << 3);
        hf_store64_be(staged + 16 * HF_GHASH_STRIP - 8, (uint64_t)in->len << 3);
    }
    return staged;
}

#endif
