/* Poly1305 of a short record by itself, in the words of the CPU: for a few blocks the eight lanes of hash.h cost more
 * before and after than they save. Modulo 2^130 - 5 in limbs of 64, 64 and a few bits. */
#ifndef HANDFAST_IFMA_LONELY_H
#define HANDFAST_IFMA_LONELY_H

#include <string.h>

#include "handfast/secret.h"
#include "hash.h"

__extension__ typedef unsigned __int128 lonely_wide;

typedef struct lonely {
    uint64_t r[2], folded; /* folded: r[1] * 5 / 4, which is what it weighs beyond 2^130; the low bits of r[1] are 0 */
    uint64_t h[3];
} lonely;

/* a b added to *high, *low. */
HF_IFMA_INLINE void lonely_multiply_add(unsigned long long *low, unsigned long long *high, uint64_t a, uint64_t b)
{
    unsigned long long product_high, product_low = _mulx_u64(a, b, &product_high);
    unsigned char carry = _addcarry_u64(0, *low, product_low, low);

    (void)_addcarry_u64(carry, *high, product_high, high);
}

HF_IFMA_INLINE void lonely_block(lonely *p, uint64_t low, uint64_t high)
{
    unsigned long long h0, h1, h2, d0, d0_high, d1, d1_high, d2;
    unsigned char carry = _addcarry_u64(0, p->h[0], low, &h0);

    carry = _addcarry_u64(carry, p->h[1], high, &h1);
    (void)_addcarry_u64(carry, p->h[2], 1, &h2); /* the one behind the block */
    d0 = _mulx_u64(h0, p->r[0], &d0_high);
    lonely_multiply_add(&d0, &d0_high, h1, p->folded);
    d1 = _mulx_u64(h0, p->r[1], &d1_high);
    lonely_multiply_add(&d1, &d1_high, h1, p->r[0]);
    carry = _addcarry_u64(0, d1, h2 * p->folded, &d1);
    (void)_addcarry_u64(carry, d1_high, h2 * p->r[0], &d2);
    carry = _addcarry_u64(0, d1, d0_high, &d1);
    (void)_addcarry_u64(carry, d2, 0, &d2);
    /* what is at 2^130 and above comes back times 5 */
    carry = _addcarry_u64(0, d0, (d2 >> 2) + (d2 & ~(uint64_t)3), &h0);
    carry = _addcarry_u64(carry, d1, 0, &h1);
    (void)_addcarry_u64(carry, d2 & 3, 0, &h2);
    p->h[0] = h0;
    p->h[1] = h1;
    p->h[2] = h2;
}

HF_IFMA_INLINE void lonely_vector(lonely *p, __m128i block)
{
    lonely_block(p, (uint64_t)_mm_cvtsi128_si64(block), (uint64_t)_mm_extract_epi64(block, 1));
}

/* h modulo 2^130 - 5, plus s. */
HF_IFMA_INLINE hash_tag lonely_tag(const lonely *p, const uint64_t s[2])
{
    lonely_wide sum = (lonely_wide)p->h[0] + 5;
    uint64_t less0 = (uint64_t)sum, less1, mask;

    sum = (lonely_wide)p->h[1] + (uint64_t)(sum >> 64);
    less1 = (uint64_t)sum;
    mask =
        (uint64_t)0 - hf_ct_barrier((uint32_t)(p->h[2] + (uint64_t)(sum >> 64)) >> 2); /* ones: h + 5 reaches 2^130 */
    uint64_t h0 = (p->h[0] & ~mask) | (less0 & mask), h1 = (p->h[1] & ~mask) | (less1 & mask);
    sum = (lonely_wide)h0 + s[0];
    return (hash_tag){{(uint64_t)sum, h1 + s[1] + (uint64_t)(sum >> 64)}};
}

HF_IFMA_OUTLINE void hash_lonely(const hf_ifma_record *r, const vec *one_time, hash_tag *tag)
{
    const uint8_t *at = r->hashed;
    uint64_t key[4], block[2];
    lonely p = {.h = {0}};

    memcpy(key, one_time, sizeof key);
    p.r[0] = key[0] & 0x0ffffffc0fffffff;
    p.r[1] = key[1] & 0x0ffffffc0ffffffc;
    p.folded = p.r[1] + (p.r[1] >> 2);
    lonely_vector(&p, r->aad);
    for (size_t left = r->len; left > 0;) {
        size_t n = left < ROW_BLOCK ? left : ROW_BLOCK;
        if (n == ROW_BLOCK) {
            memcpy(block, at, ROW_BLOCK);
            lonely_block(&p, block[0], block[1]);
        } else {
            lonely_vector(&p, _mm_maskz_loadu_epi8((__mmask16)vec_first((ptrdiff_t)n), at));
        }
        at += n;
        left -= n;
    }
    lonely_vector(&p, r->lengths);
    *tag = lonely_tag(&p, key + 2);
}

#endif
