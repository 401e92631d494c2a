/* GHASH with boolean operations only (SP 800-38D section 6.4): no multiplication instruction, no table.
 *
 * A strip is 16 blocks, to be multiplied by 16 powers of H. Karatsuba's method, three levels deep, makes of each
 * block 27 chunks of 16 bits (sums of its eight 16-bit pieces), so that a product of two blocks is 27 products of
 * chunks. The chunks of a block stand side by side in the 16-bit lanes of a 64-byte row (27 of 32 lanes used). A
 * transposition of 16 x 16 bits in every lane makes 16 planes of the 16 rows: bit b of a lane of plane i is bit i of
 * that chunk of block b. Then 16 x 16 plane products (one more Karatsuba level) give all 16 * 27 chunk products at
 * once. As GHASH wants the sum over the blocks, the product planes of all strips of a group are summed first, then
 * over the 16 bits of each lane; what remains is one set of 27 products of 32 bits, put together and reduced once.
 *
 * A row is worked on in parts of HF_VEC_SIZE bytes. A template: see lanes.h. */

enum {
    HF_T(row_parts) = 64 / HF_VEC_SIZE,
    HF_T(part_lanes) = HF_VEC_SIZE / 2,
};

/* Planes of the powers for one strip: 16 planes, then the 8 sums of plane i and plane i + 8. */
typedef struct HF_T(strip_key) {
    HF_T(halves) plane[HF_T(row_parts)][24];
} HF_T(strip_key);

/* Sums of products: low halves, high halves, and sums of the halves (Karatsuba). */
typedef struct HF_T(strip_sum) {
    HF_T(halves) low[15], high[15], middle[15];
} HF_T(strip_sum);

/* Exchanges bits of a above with bits of b below, in every 16-bit lane. */
static inline __attribute__((always_inline)) void HF_T(swap_halves)(HF_T(halves) * a, HF_T(halves) * b, unsigned shift,
                                                                    uint16_t mask)
{
    HF_T(halves) t = ((*a >> (uint16_t)shift) ^ *b) & mask;

    *b ^= t;
    *a ^= t << (uint16_t)shift;
}

/* Rows of one part (16, a stride of 64 bytes apart) to planes. */
static inline __attribute__((always_inline)) void HF_T(rows_to_planes)(const uint16_t rows[HF_GHASH_STRIP][32],
                                                                       size_t part, HF_T(halves) y[16])
{
    for (size_t i = 0; i < 16; i++)
        y[i] = (HF_T(halves))HF_T(load)(&rows[i][part * HF_T(part_lanes)]);
    for (size_t i = 0; i < 16; i += 2)
        HF_T(swap_halves)(&y[i], &y[i + 1], 1, 0x5555);
    for (size_t i = 0; i < 16; i++)
        if (!(i & 2))
            HF_T(swap_halves)(&y[i], &y[i + 2], 2, 0x3333);
    for (size_t i = 0; i < 16; i++)
        if (!(i & 4))
            HF_T(swap_halves)(&y[i], &y[i + 4], 4, 0x0f0f);
    for (size_t i = 0; i < 8; i++)
        HF_T(swap_halves)(&y[i], &y[i + 8], 8, 0x00ff);
}

/* sum += y * h, polynomials of 8 planes. */
static inline __attribute__((always_inline)) void HF_T(add_product8)(HF_T(halves) sum[15], const HF_T(halves) y[8],
                                                                     const HF_T(halves) h[8])
{
#pragma GCC unroll 15
    for (unsigned t = 0; t < 15; t++) {
        HF_T(halves) s = sum[t];
#pragma GCC unroll 8
        for (unsigned i = t < 8 ? 0 : t - 7; i <= (t < 8 ? t : 7); i++)
            s ^= y[i] & h[t - i];
        sum[t] = s;
    }
}

static inline __attribute__((always_inline)) void HF_T(add_strip)(HF_T(strip_sum) * sum, HF_T(halves) y[16],
                                                                  const HF_T(halves) h[24])
{
    HF_T(add_product8)(sum->low, y, h);
    HF_T(add_product8)(sum->high, y + 8, h + 8);
    for (unsigned i = 0; i < 8; i++)
        y[i] ^= y[i + 8];
    HF_T(add_product8)(sum->middle, y, h + 16);
}

/* Sixteen planes to one: bit t of a lane becomes the parity of that lane of plane t. */
static inline __attribute__((always_inline)) HF_T(halves) HF_T(parities)(HF_T(halves) p[16])
{
    static const uint16_t masks[4] = {0x00ff, 0x0f0f, 0x3333, 0x5555};
#pragma GCC unroll 4
    for (unsigned level = 0; level < 4; level++) {
        uint16_t half = (uint16_t)(8 >> level);
        uint16_t mask = masks[level];
        for (unsigned i = 0; i < half; i++) {
            HF_T(halves) a = p[i], b = p[i + half];
            p[i] = ((a ^ a >> half) & mask) | ((b ^ b << half) & (uint16_t)~mask);
        }
    }
    return p[0];
}

/* The 27 chunk products, summed over blocks and strips: low 16 and high 15 bits of each lane. */
static inline __attribute__((always_inline)) void HF_T(sum_blocks)(const HF_T(strip_sum) * sum, uint16_t *low,
                                                                   uint16_t *high)
{
    HF_T(halves) p[32];

    for (unsigned t = 0; t < 15; t++) {
        p[t] = sum->low[t];
        p[16 + t] = sum->high[t];
    }
    p[15] = p[31] = (HF_T(halves)){0};
    for (unsigned t = 0; t < 15; t++)
        p[8 + t] ^= sum->middle[t] ^ sum->low[t] ^ sum->high[t];
    HF_T(store)(low, (HF_T(bytes))HF_T(parities)(p));
    HF_T(store)(high, (HF_T(bytes))HF_T(parities)(p + 16));
}

/* The planes of powers H^(16(m+1)) .. H^(16m+1), for the m-th strip from the end of a group. */
static void HF_T(strip_key_init)(HF_T(strip_key) * out, const hf_ghash_key *key, size_t m)
{
    uint16_t rows[HF_GHASH_STRIP][32];

    for (size_t i = 0; i < HF_GHASH_STRIP; i++)
        hf_chunks(hf_chunks_of_words(key->power[HF_GHASH_STRIP * (m + 1) - 1 - i]), rows[i]);
    for (size_t part = 0; part < HF_T(row_parts); part++) {
        HF_T(halves) *plane = out->plane[part];
        HF_T(rows_to_planes)((const uint16_t(*)[32])rows, part, plane);
        for (size_t i = 0; i < 8; i++)
            plane[16 + i] = plane[i] ^ plane[i + 8];
    }
    hf_wipe(rows, sizeof rows);
}

/* sum += the strip at p, 256 bytes, times its powers; y (may be NULL) is added to the first block. */
static inline __attribute__((always_inline)) void HF_T(absorb_strip)(HF_T(strip_sum) sum[HF_T(row_parts)],
                                                                     const HF_T(strip_key) * key, const uint8_t *p,
                                                                     const uint64_t *y)
{
    uint16_t rows[HF_GHASH_STRIP][32];

    hf_chunk_words first = hf_chunks_of_block(p);
    if (y)
        first ^= hf_chunks_of_words(y);
    hf_chunks(first, rows[0]);
    for (size_t i = 1; i < HF_GHASH_STRIP; i++)
        hf_chunks(hf_chunks_of_block(p + 16 * i), rows[i]);
    for (size_t part = 0; part < HF_T(row_parts); part++) {
        HF_T(halves) planes[16];
        HF_T(rows_to_planes)((const uint16_t(*)[32])rows, part, planes);
        HF_T(add_strip)(&sum[part], planes, key->plane[part]);
    }
}

/* GHASH of aad, data and their lengths: out is 16 bytes. */
static void HF_T(ghash)(const hf_ghash_key *key, const uint8_t *aad, size_t aad_len, const uint8_t *data, size_t len,
                        uint8_t out[16])
{
    HF_T(strip_key) strips[HF_GHASH_STRIPS];
    HF_T(strip_sum) sum[HF_T(row_parts)];
    uint16_t low[32], high[32];
    uint8_t staged[HF_GHASH_STRIPS][16 * HF_GHASH_STRIP];
    uint64_t product[4], y[2] = {0, 0};
    hf_ghash_input input = {aad, aad_len, data, len, 0, 0, 0};
    size_t left = hf_ghash_begin(&input);

    for (size_t m = 0; m < HF_GHASH_STRIPS && m < left; m++)
        HF_T(strip_key_init)(&strips[m], key, m);
    for (size_t group = (left - 1) % HF_GHASH_STRIPS + 1; left > 0; left -= group, group = HF_GHASH_STRIPS) {
        const uint8_t *strip[HF_GHASH_STRIPS];
        for (size_t i = 0; i < group; i++)
            strip[i] = hf_ghash_strip(&input, staged[i]);
        memset(sum, 0, sizeof sum);
        /* The first strip waits for the sum of the group before: it comes last. */
        for (size_t i = 1; i < group; i++)
            HF_T(absorb_strip)(sum, &strips[group - 1 - i], strip[i], NULL);
        HF_T(absorb_strip)(sum, &strips[group - 1], strip[0], y);
        for (size_t part = 0; part < HF_T(row_parts); part++)
            HF_T(sum_blocks)(&sum[part], low + part * HF_T(part_lanes), high + part * HF_T(part_lanes));
        hf_chunks_combine(low, high, product);
        hf_ghash_reduce(product, y);
    }
    hf_store64_be(out, y[1]);
    hf_store64_be(out + 8, y[0]);
    hf_wipe(strips, sizeof strips);
    hf_wipe(sum, sizeof sum);
    hf_wipe(low, sizeof low);
    hf_wipe(high, sizeof high);
    hf_wipe(staged, sizeof staged);
    hf_wipe(product, sizeof product);
}
