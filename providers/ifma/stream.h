/* The blocks of ChaCha20 of a window of records, sixteen at a time: first block 0 of every record, then those that the
 * texts have beyond a multiple of sixteen, all in lanes as they come; then sixteen after sixteen of one record, which
 * is the quickest. When opening, texts wait until all tags are known: what a pass made of them in lanes that block 0
 * left over is kept. */
#ifndef HANDFAST_IFMA_STREAM_H
#define HANDFAST_IFMA_STREAM_H

#include <string.h>

#include "chacha.h"
#include "handfast/secret.h"

#define STREAM_WINDOW 64 /* records */
#define STREAM_PASS ((size_t)CHACHA_LANES * 64)

typedef struct stream {
    vec one_time[STREAM_WINDOW]; /* block 0 of every record: the key of Poly1305 */
    vec first[16], blocks[CHACHA_LANES];
    chacha_set few[CHACHA_SETS_MAX];
    chacha_lane lanes[CHACHA_LANES];
    hf_ifma_record records[STREAM_WINDOW];
    size_t n;          /* records */
    size_t zeros;      /* blocks 0 that are done */
    size_t at;         /* the record whose text is next for lanes as they come */
    size_t dirty;      /* the most blocks that a pass made */
    size_t used;       /* lanes of the last pass */
    size_t zero_lanes; /* of those: block 0 */
} stream;

HF_IFMA_INLINE size_t stream_left(const hf_ifma_record *r)
{
    return r->next <= r->blocks ? r->blocks - r->next + 1 : 0;
}

/* Skips records of whose texts only sixteens are left; false: that holds for all. */
HF_IFMA_INLINE bool stream_odd(stream *s)
{
    while (s->at < s->n && stream_left(&s->records[s->at]) % CHACHA_LANES == 0)
        s->at++;
    return s->at < s->n;
}

/* Gives the lanes their blocks. */
HF_IFMA_INLINE void stream_fill(stream *s)
{
    size_t used = 0;

    for (; used < CHACHA_LANES && s->zeros < s->n; used++)
        s->lanes[used] = (chacha_lane){&s->records[s->zeros++], 0};
    s->zero_lanes = used;
    while (used < CHACHA_LANES && stream_odd(s)) {
        hf_ifma_record *r = &s->records[s->at];
        size_t odd = stream_left(r) % CHACHA_LANES, room = CHACHA_LANES - used;
        for (size_t n = odd < room ? odd : room; n > 0; n--)
            s->lanes[used++] = (chacha_lane){r, r->next++};
    }
    s->used = used;
    size_t lanes = used <= 2 * CHACHA_SETS_MAX ? used + used % 2 : CHACHA_LANES;
    for (; used < lanes; used++)
        s->lanes[used] = s->lanes[0];
}

/* XORs a block of keystream over its piece of a text. */
HF_IFMA_INLINE void stream_put(const hf_ifma_record *r, size_t at, vec block)
{
    const uint8_t *in = r->in + at;

    if (at + 64 <= r->have) {
        _mm512_storeu_si512(r->out + at, _mm512_xor_si512(_mm512_loadu_si512(in), block));
        return;
    }
    __mmask64 have = _cvtu64_mask64(vec_first((ptrdiff_t)r->have - (ptrdiff_t)at));
    __mmask64 all = _cvtu64_mask64(vec_first((ptrdiff_t)r->len - (ptrdiff_t)at));
    vec text = _mm512_maskz_loadu_epi8(have, in);
    /* TLS 1.3's content type is not in memory. */
    text = _mm512_mask_mov_epi8(text, _kxor_mask64(have, all), _mm512_set1_epi8((char)r->type));
    _mm512_mask_storeu_epi8(r->out + at, all, _mm512_xor_si512(text, block));
}

/* The texts of the lanes of the last pass, but for records that were refused. */
HF_IFMA_INLINE void stream_lanes(const stream *s)
{
    for (size_t i = s->zero_lanes; i < s->used; i++)
        if (s->lanes[i].r->blocks > 0)
            stream_put(s->lanes[i].r, 64 * ((size_t)s->lanes[i].counter - 1), s->blocks[i]);
}

/* Sixteen blocks of one record. */
HF_IFMA_OUTLINE void stream_long(stream *s, hf_ifma_record *r)
{
    size_t at = 64 * ((size_t)r->next - 1);
    vec blocks[CHACHA_LANES];

    chacha_row_of(s->first, r, r->next);
    r->next += CHACHA_LANES;
    s->dirty = CHACHA_LANES;
    if (at + STREAM_PASS > r->have) {
        chacha_blocks(s->first, s->blocks);
        for (size_t i = 0; i < CHACHA_LANES; i++)
            stream_put(r, at + 64 * i, s->blocks[i]);
        return;
    }
    chacha_blocks(s->first, blocks);
#pragma GCC unroll 16
    for (size_t i = 0; i < CHACHA_LANES; i++) {
        vec text = _mm512_loadu_si512(r->in + at + 64 * i);
        _mm512_storeu_si512(r->out + at + 64 * i, _mm512_xor_si512(text, blocks[i]));
    }
}

/* One pass of lanes of any kind. */
HF_IFMA_OUTLINE void stream_pass(stream *s)
{
    size_t before = s->zeros;

    stream_fill(s);
    size_t sets = (s->used + 1) / 2, made = sets <= CHACHA_SETS_MAX ? 2 * sets : CHACHA_LANES;
    s->dirty = made > s->dirty ? made : s->dirty;
    switch (sets) {
    case 1:
        chacha_few(s->few, s->lanes, 1, s->blocks);
        break;
    case 2:
        chacha_few(s->few, s->lanes, 2, s->blocks);
        break;
    case 3:
        chacha_few(s->few, s->lanes, 3, s->blocks);
        break;
    case 4:
        chacha_few(s->few, s->lanes, 4, s->blocks);
        break;
    default:
        chacha_mixed(s->first, s->lanes);
        chacha_blocks(s->first, s->blocks);
        break;
    }
    for (size_t i = 0; i < s->zero_lanes; i++)
        s->one_time[before + i] = s->blocks[i];
}

/* All blocks 0; texts in the last lanes are not put anywhere yet. n > 0. */
HF_IFMA_INLINE void stream_zeros(stream *s)
{
    while (s->zeros < s->n)
        stream_pass(s);
}

/* All texts that are left, after stream_zeros. */
HF_IFMA_INLINE void stream_texts(stream *s)
{
    stream_lanes(s);
    while (stream_odd(s)) {
        stream_pass(s);
        stream_lanes(s);
    }
    for (size_t i = 0; i < s->n; i++)
        while (stream_left(&s->records[i]) > 0)
            stream_long(s, &s->records[i]);
}

/* What was secret. */
HF_IFMA_INLINE void stream_wipe(stream *s, size_t records)
{
    hf_wipe(s->one_time, records * sizeof s->one_time[0]);
    hf_wipe(s->blocks, s->dirty * sizeof s->blocks[0]);
    hf_wipe(s->few, (s->dirty < 2 * CHACHA_SETS_MAX ? s->dirty / 2 : CHACHA_SETS_MAX) * sizeof s->few[0]);
    if (s->dirty > 2 * CHACHA_SETS_MAX)
        hf_wipe(s->first, sizeof s->first);
}

#endif
