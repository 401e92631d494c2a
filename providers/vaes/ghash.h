/* GHASH over vectors: products of lanes, their sum, and one reduction for all of it (NIST SP 800-38D section 6.4).
 *
 * Lanes never meet here. Several records, or several blocks of one, multiply side by side; only the end of a record
 * adds its lanes. A product of two blocks has 256 bits, kept as three overlapping parts until it is reduced: low,
 * middle (64 bits higher), high (64 more). Sums of products are sums of parts, so a reduction serves any number. */
#ifndef HANDFAST_VAES_GHASH_H
#define HANDFAST_VAES_GHASH_H

typedef struct ghash_sum {
    vec low, middle, high;
} ghash_sum;

/* The first product of a sum. */
HF_VAES_INLINE void ghash_begin(ghash_sum *sum, vec blocks, vec powers)
{
    sum->low = vec_multiply(blocks, powers, 0x00);
    sum->middle = vec_xor(vec_multiply(blocks, powers, 0x01), vec_multiply(blocks, powers, 0x10));
    sum->high = vec_multiply(blocks, powers, 0x11);
}

HF_VAES_INLINE void ghash_add(ghash_sum *sum, vec blocks, vec powers)
{
    sum->low = vec_xor(sum->low, vec_multiply(blocks, powers, 0x00));
    sum->middle = vec_xor3(sum->middle, vec_multiply(blocks, powers, 0x01), vec_multiply(blocks, powers, 0x10));
    sum->high = vec_xor(sum->high, vec_multiply(blocks, powers, 0x11));
}

/* Reduction modulo x^128 + x^7 + x^2 + x + 1 in reversed order, after Gueron: the lowest 64 bits, times a constant,
 * come back 64 and 128 bits higher; the same once more for the next 64 bits. */
HF_VAES_INLINE vec ghash_reduce(const ghash_sum *sum)
{
    const vec polynomial = vec_all(_mm_set_epi64x(0, (long long)0xc200000000000000ULL));
    vec next = vec_xor3(sum->middle, vec_swap(sum->low), vec_multiply(sum->low, polynomial, 0x00));

    return vec_xor3(sum->high, vec_swap(next), vec_multiply(next, polynomial, 0x00));
}

/* Factors of a vector that `behind` vectors and then `rest` more blocks follow, counted from its first lane. */
HF_VAES_INLINE vec ghash_powers(const hf_vaes_key *key, size_t behind, size_t rest)
{
    return vec_load(key->powers + (HF_VAES_POWERS - VEC_LANES * behind - rest));
}

#endif
