/* What Poly1305 hashes of a record (RFC 8439 section 2.8), as a row of blocks:
 *
 *     (nothing) ... | additional data | text 1 | ... | text n, zeros | lengths
 *
 * The blocks of nothing in front make the row as long as somebody wishes: a multiple of a vector, or as long as another
 * record's. They are zero and lack the one behind the block, so that hashing starts behind them. So all rows end
 * together, and the powers that their blocks are multiplied by need no special cases. */
#ifndef HANDFAST_IFMA_ROWS_H
#define HANDFAST_IFMA_ROWS_H

#include "vec.h"

#define ROW_BLOCK 16
#define ROW_VECTOR 64

typedef struct row {
    const hf_ifma_record *r;
    const uint8_t *text; /* where the row would begin; never followed outside of the text */
    size_t nothing;      /* blocks in front */
    size_t start;        /* bytes of the row before the text */
    size_t size;         /* bytes of the row */
} row;

/* Blocks that a record must have. */
HF_IFMA_INLINE size_t row_blocks(const hf_ifma_record *r)
{
    return (r->len + ROW_BLOCK - 1) / ROW_BLOCK + 2;
}

/* blocks: row_blocks(r) or more. */
HF_IFMA_INLINE row row_of(const hf_ifma_record *r, size_t blocks)
{
    size_t nothing = blocks - row_blocks(r), start = ROW_BLOCK * (nothing + 1);

    return (row){.r = r,
                 .text = (const uint8_t *)((uintptr_t)r->hashed - start),
                 .nothing = nothing,
                 .start = start,
                 .size = ROW_BLOCK * blocks};
}

/* The 64 bytes at `at`, when they are all text. */
HF_IFMA_INLINE vec row_inner(const row *w, size_t at)
{
    return _mm512_loadu_si512((const uint8_t *)((uintptr_t)w->text + at));
}

/* Any 64 bytes: what lies outside of the text is not read. */
HF_IFMA_INLINE vec row_outer(const row *w, size_t at)
{
    ptrdiff_t from = (ptrdiff_t)w->start - (ptrdiff_t)at;
    ptrdiff_t aad = from - ROW_BLOCK;
    uint64_t text = vec_first(from + (ptrdiff_t)w->r->len) & ~vec_first(from);
    vec v = _mm512_maskz_loadu_epi8(_cvtu64_mask64(text), (const uint8_t *)((uintptr_t)w->text + at));

    if (aad >= 0 && aad < ROW_VECTOR)
        v = _mm512_mask_broadcast_i64x2(v, (__mmask8)(3u << aad / 8), w->r->aad);
    if (at + ROW_VECTOR == w->size)
        v = _mm512_mask_broadcast_i64x2(v, 0xc0, w->r->lengths);
    return v;
}

#endif
