/* Bit-sliced AES over vectors (after Kaesper and Schwabe 2009, with the "fixslicing" of Adomnicai and Peyrin 2020).
 *
 * Eight planes hold 8 blocks for each 16-byte lane: plane j has bit j of every state byte; a byte of the plane is one
 * cell of the state (row-major: cell 4r+c), and bit b of that byte belongs to block b of the lane. Lane l, bit b is
 * block L*b + l of the batch, L = HF_VEC_SIZE / 16, so that a register of bytes is L neighbouring blocks.
 *
 * ShiftRows is never done: after round k the cells stand as ShiftRows^-k of the true state. MixColumns of round k then
 * takes its neighbour from row r+1, column c+k, which costs the same single byte permutation; the round keys are
 * permuted alike. Only the way out undoes it: both 10 and 14 rounds leave ShiftRows^2, its own inverse.
 *
 * The constant 0x63 of SubBytes stands in the round keys 1..n: MixColumns maps a state of 0x63 to itself.
 *
 * A template: see lanes.h. */

enum { HF_T(batch_blocks) = HF_VEC_SIZE / 2, HF_T(batch_bytes) = HF_VEC_SIZE * 8, HF_T(lane_count) = HF_VEC_SIZE / 16 };

#define HF_SBOX_WORD HF_T(bytes)
#define HF_SBOX HF_T(sbox)
#include "aes_sbox.h"
#undef HF_SBOX_WORD
#undef HF_SBOX

/* Round keys as planes. Secret: the owner wipes it. */
typedef struct HF_T(key_planes) {
    HF_T(bytes) plane[HF_AES_ROUNDS_MAX + 1][8];
    unsigned rounds;
} HF_T(key_planes);

/* A permutation of each 16-byte lane. */
#if HF_VEC_SIZE == 16
#define HF_PERM(v, ...) __builtin_shufflevector(v, v, HF_IDX(0, __VA_ARGS__))
#elif HF_VEC_SIZE == 32
#define HF_PERM(v, ...) __builtin_shufflevector(v, v, HF_IDX(0, __VA_ARGS__), HF_IDX(16, __VA_ARGS__))
#else
#define HF_PERM(v, ...)                                                                                                \
    __builtin_shufflevector(v, v, HF_IDX(0, __VA_ARGS__), HF_IDX(16, __VA_ARGS__), HF_IDX(32, __VA_ARGS__),            \
                            HF_IDX(48, __VA_ARGS__))
#endif
#define HF_IDX(...) HF_IDX_(__VA_ARGS__)
#define HF_IDX_(o, a, b, c, d, e, f, g, h, i, j, k, l, m, n, p, q)                                                     \
    (a) + (o), (b) + (o), (c) + (o), (d) + (o), (e) + (o), (f) + (o), (g) + (o), (h) + (o), (i) + (o), (j) + (o),      \
        (k) + (o), (l) + (o), (m) + (o), (n) + (o), (p) + (o), (q) + (o)

/* State bytes (column by column) to cells (row by row): its own inverse. */
static inline __attribute__((always_inline)) HF_T(bytes) HF_T(cells)(HF_T(bytes) v)
{
    return HF_PERM(v, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
}

/* The same combined with ShiftRows^2 on the cell side: from cells after the last round to bytes, and back. */
static inline __attribute__((always_inline)) HF_T(bytes) HF_T(cells_out)(HF_T(bytes) v)
{
    return HF_PERM(v, 0, 6, 8, 14, 1, 7, 9, 15, 2, 4, 10, 12, 3, 5, 11, 13);
}

static inline __attribute__((always_inline)) HF_T(bytes) HF_T(cells_in)(HF_T(bytes) v)
{
    return HF_PERM(v, 0, 4, 8, 12, 9, 13, 1, 5, 2, 6, 10, 14, 11, 15, 3, 7);
}

/* ShiftRows^-1 on cells: row r moves right by r columns. */
static inline __attribute__((always_inline)) HF_T(bytes) HF_T(unshift_rows)(HF_T(bytes) v)
{
    return HF_PERM(v, 0, 1, 2, 3, 7, 4, 5, 6, 10, 11, 8, 9, 13, 14, 15, 12);
}

/* Cell (r, c) takes cell (r + rows, c + columns). */
#if HF_BYTE_PERMUTE
#define HF_ROTATE(v, rows, columns)                                                                                    \
    HF_PERM(v, HF_CELL(0, rows, columns), HF_CELL(1, rows, columns), HF_CELL(2, rows, columns),                        \
            HF_CELL(3, rows, columns), HF_CELL(4, rows, columns), HF_CELL(5, rows, columns),                           \
            HF_CELL(6, rows, columns), HF_CELL(7, rows, columns), HF_CELL(8, rows, columns),                           \
            HF_CELL(9, rows, columns), HF_CELL(10, rows, columns), HF_CELL(11, rows, columns),                         \
            HF_CELL(12, rows, columns), HF_CELL(13, rows, columns), HF_CELL(14, rows, columns),                        \
            HF_CELL(15, rows, columns))
#define HF_CELL(i, rows, columns) ((i) / 4 + (rows)) % 4 * 4 + ((i) + (columns)) % 4
#else
/* Without a byte permutation: rows are 32-bit words, columns a rotation of the word. 16-byte vectors only. */
#define HF_ROTATE(v, rows, columns) HF_T(rotate_words)(v, rows, columns)
static inline __attribute__((always_inline)) HF_T(bytes)
    HF_T(rotate_words)(HF_T(bytes) v, unsigned rows, unsigned columns)
{
    HF_T(words) w = (HF_T(words))v;
    unsigned up = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 32 - 8 * columns : 8 * columns;

    w = rows == 1 ? __builtin_shufflevector(w, w, 1, 2, 3, 0) : __builtin_shufflevector(w, w, 2, 3, 0, 1);
    if (columns > 0)
        w = w << up | w >> (32 - up);
    return (HF_T(bytes))w;
}
#endif

/* Exchanges the bits of a chosen by mask << shift with those of b chosen by mask. Bytes do not mix. */
static inline __attribute__((always_inline)) void HF_T(swap)(HF_T(bytes) * a, HF_T(bytes) * b, unsigned shift,
                                                             uint8_t mask)
{
    /* The mask drops what the wide shift carries over from the neighbouring byte. */
    HF_T(words) m = (HF_T(words)){0} + 0x01010101U * mask;
    HF_T(words) x = (HF_T(words)) * a;
    HF_T(words) y = (HF_T(words)) * b;
    HF_T(words) t = ((x >> shift) ^ y) & m;

    *b = (HF_T(bytes))(y ^ t);
    *a = (HF_T(bytes))(x ^ (t << shift));
}

/* 8 x 8 bit transposition of every byte position: registers of blocks to planes, and back. */
static inline __attribute__((always_inline)) void HF_T(transpose)(HF_T(bytes) q[8])
{
    for (unsigned i = 0; i < 8; i += 2)
        HF_T(swap)(&q[i], &q[i + 1], 1, 0x55);
    for (unsigned i = 0; i < 8; i += 4) {
        HF_T(swap)(&q[i], &q[i + 2], 2, 0x33);
        HF_T(swap)(&q[i + 1], &q[i + 3], 2, 0x33);
    }
    for (unsigned i = 0; i < 4; i++)
        HF_T(swap)(&q[i], &q[i + 4], 4, 0x0f);
}

static inline __attribute__((always_inline)) void HF_T(add_key)(HF_T(bytes) q[8], const HF_T(bytes) key[8])
{
    for (unsigned j = 0; j < 8; j++)
        q[j] ^= key[j];
}

/* q = 2 * t in every cell, GF(2^8) of FIPS 197. */
static inline __attribute__((always_inline)) void HF_T(times2)(HF_T(bytes) q[8], const HF_T(bytes) t[8])
{
    q[0] = t[7];
    q[1] = t[0] ^ t[7];
    q[2] = t[1];
    q[3] = t[2] ^ t[7];
    q[4] = t[3] ^ t[7];
    q[5] = t[4];
    q[6] = t[5];
    q[7] = t[6];
}

/* MixColumns where neighbours in a column stand `k` columns apart: with t = x ^ next(x),
 * the result is 2t ^ next(x) ^ next(next(t)). */
#define HF_MIX(q, k)                                                                                                   \
    do {                                                                                                               \
        HF_T(bytes) next_[8], t_[8], twice_[8];                                                                        \
        for (unsigned j_ = 0; j_ < 8; j_++) {                                                                          \
            next_[j_] = HF_ROTATE((q)[j_], 1, k);                                                                      \
            t_[j_] = (q)[j_] ^ next_[j_];                                                                              \
        }                                                                                                              \
        HF_T(times2)(twice_, t_);                                                                                      \
        for (unsigned j_ = 0; j_ < 8; j_++)                                                                            \
            (q)[j_] = twice_[j_] ^ next_[j_] ^ HF_ROTATE(t_[j_], 2, 2 * (k) % 4);                                      \
    } while (0)

/* InvMixColumns is MixColumns after x ^= 4 * (x ^ opposite(x)). */
#define HF_UNMIX(q, k)                                                                                                 \
    do {                                                                                                               \
        HF_T(bytes) o_[8], twice_o_[8];                                                                                \
        for (unsigned j_ = 0; j_ < 8; j_++)                                                                            \
            o_[j_] = (q)[j_] ^ HF_ROTATE((q)[j_], 2, 2 * (k) % 4);                                                     \
        HF_T(times2)(twice_o_, o_);                                                                                    \
        HF_T(times2)(o_, twice_o_);                                                                                    \
        HF_T(add_key)(q, o_);                                                                                          \
        HF_MIX(q, k);                                                                                                  \
    } while (0)

/* Planes in, planes out; the first round key was added. Rounds come in fours, where the columns' shift returns. */
static inline __attribute__((always_inline)) void HF_T(encrypt)(HF_T(bytes) q[8], const HF_T(key_planes) * key)
{
    unsigned r = 1;

    for (; r + 4 < key->rounds; r += 4) {
        HF_T(sbox)(q);
        HF_MIX(q, 1);
        HF_T(add_key)(q, key->plane[r]);
        HF_T(sbox)(q);
        HF_MIX(q, 2);
        HF_T(add_key)(q, key->plane[r + 1]);
        HF_T(sbox)(q);
        HF_MIX(q, 3);
        HF_T(add_key)(q, key->plane[r + 2]);
        HF_T(sbox)(q);
        HF_MIX(q, 0);
        HF_T(add_key)(q, key->plane[r + 3]);
    }
    HF_T(sbox)(q);
    HF_MIX(q, 1);
    HF_T(add_key)(q, key->plane[r]);
    HF_T(sbox)(q);
    HF_T(add_key)(q, key->plane[r + 1]);
}

/* The inverse of the affine map's linear part: bit i is bits i+2, i+5, i+7. */
static inline __attribute__((always_inline)) void HF_T(unaffine)(HF_T(bytes) q[8])
{
    HF_T(bytes) t[8];

    for (unsigned i = 0; i < 8; i++)
        t[i] = q[(i + 2) % 8] ^ q[(i + 5) % 8] ^ q[(i + 7) % 8];
    for (unsigned i = 0; i < 8; i++)
        q[i] = t[i];
}

/* The inverse S-box of x ^ 0x63 (the key planes bring the 0x63): inversion between two inverse affine maps. */
static inline __attribute__((always_inline)) void HF_T(unsbox)(HF_T(bytes) q[8])
{
    HF_T(unaffine)(q);
    HF_T(sbox)(q);
    HF_T(unaffine)(q);
}

/* The exact reverse of encrypt, the first round key included. */
static inline __attribute__((always_inline)) void HF_T(decrypt)(HF_T(bytes) q[8], const HF_T(key_planes) * key)
{
    unsigned r = key->rounds - 1;

    HF_T(add_key)(q, key->plane[r + 1]);
    HF_T(unsbox)(q);
    HF_T(add_key)(q, key->plane[r]);
    HF_UNMIX(q, 1);
    HF_T(unsbox)(q);
    for (; r > 1; r -= 4) {
        HF_T(add_key)(q, key->plane[r - 1]);
        HF_UNMIX(q, 0);
        HF_T(unsbox)(q);
        HF_T(add_key)(q, key->plane[r - 2]);
        HF_UNMIX(q, 3);
        HF_T(unsbox)(q);
        HF_T(add_key)(q, key->plane[r - 3]);
        HF_UNMIX(q, 2);
        HF_T(unsbox)(q);
        HF_T(add_key)(q, key->plane[r - 4]);
        HF_UNMIX(q, 1);
        HF_T(unsbox)(q);
    }
    HF_T(add_key)(q, key->plane[0]);
}

/* Planes whose bytes are 0x00 or 0xff: the same 16 cells for all blocks. */
static inline __attribute__((always_inline)) void HF_T(spread)(HF_T(bytes) q[8], HF_T(bytes) cells)
{
    for (unsigned j = 0; j < 8; j++)
        q[j] = (HF_T(bytes)){0} - ((cells >> (uint8_t)j) & 1);
}

/* The planes of one key for all blocks. */
static void HF_T(key_spread)(HF_T(key_planes) * planes, const hf_aes_key *key)
{
    planes->rounds = key->rounds;
    for (unsigned r = 0; r <= key->rounds; r++) {
        HF_T(bytes) cells = HF_T(cells)(HF_T(broadcast)(key->round_keys[r]));
        for (unsigned k = 0; k < r % 4; k++)
            cells = HF_T(unshift_rows)(cells);
        if (r > 0)
            cells ^= 0x63;
        HF_T(spread)(planes->plane[r], cells);
    }
}

/* The planes of several keys, one for each block of the batch; n_keys up to a batch, the others are zero. */
static void HF_T(key_gather)(HF_T(key_planes) * planes, const hf_aes_key *const *keys, size_t n_keys)
{
    uint8_t bytes[HF_T(batch_bytes)];

    memset(bytes, 0, sizeof bytes);
    planes->rounds = keys[0]->rounds;
    for (unsigned r = 0; r <= planes->rounds; r++) {
        HF_T(bytes) *q = planes->plane[r];
        for (size_t i = 0; i < n_keys && i < HF_T(batch_blocks); i++)
            memcpy(bytes + HF_AES_BLOCK * i, keys[i]->round_keys[r], HF_AES_BLOCK);
        for (unsigned b = 0; b < 8; b++) {
            q[b] = HF_T(cells)(HF_T(load)(bytes + (size_t)HF_VEC_SIZE * b));
            for (unsigned k = 0; k < r % 4; k++)
                q[b] = HF_T(unshift_rows)(q[b]);
            if (r > 0)
                q[b] ^= 0x63;
        }
        HF_T(transpose)(q);
    }
    hf_wipe(bytes, sizeof bytes);
}

/* Encrypts a batch of whole blocks: HF_VEC_SIZE / 2 of them. in may be out. */
static inline __attribute__((always_inline)) void HF_T(encrypt_batch)(const HF_T(key_planes) * key, const uint8_t *in,
                                                                      uint8_t *out)
{
    HF_T(bytes) q[8];

    for (unsigned b = 0; b < 8; b++)
        q[b] = HF_T(cells)(HF_T(load)(in + (size_t)HF_VEC_SIZE * b));
    HF_T(transpose)(q);
    HF_T(add_key)(q, key->plane[0]);
    HF_T(encrypt)(q, key);
    HF_T(transpose)(q);
    for (unsigned b = 0; b < 8; b++)
        HF_T(store)(out + (size_t)HF_VEC_SIZE * b, HF_T(cells_out)(q[b]));
}

static inline __attribute__((always_inline)) void HF_T(decrypt_batch)(const HF_T(key_planes) * key, const uint8_t *in,
                                                                      HF_T(bytes) q[8])
{
    for (unsigned b = 0; b < 8; b++)
        q[b] = HF_T(cells_in)(HF_T(load)(in + (size_t)HF_VEC_SIZE * b));
    HF_T(transpose)(q);
    HF_T(decrypt)(q, key);
    HF_T(transpose)(q);
    for (unsigned b = 0; b < 8; b++)
        q[b] = HF_T(cells)(q[b]);
}

/* Keystream of the counters counter .. counter + batch - 1 as registers of bytes. block: the counter block with zeros
 * where the counter stands (its last four bytes, big-endian). counter: a multiple of the batch. */
static inline __attribute__((always_inline)) void HF_T(keystream)(const HF_T(key_planes) * key, const uint8_t block[16],
                                                                  uint32_t counter, HF_T(bytes) q[8])
{
    uint8_t base[HF_AES_BLOCK];

    memcpy(base, block, sizeof base);
    hf_store32_be(base + 12, hf_load32_be(base + 12) | counter);
    HF_T(spread)(q, HF_T(cells)(HF_T(broadcast)(base)));
    /* The low bits of the counter differ from block to block: cell 15, by lane and then by bit. */
    for (unsigned j = 0; j < 5; j++) {
        uint8_t low[HF_VEC_SIZE] = {0};
        for (unsigned l = 0; l < HF_T(lane_count); l++) {
            uint8_t bits = 0;
            for (unsigned b = 0; b < 8; b++)
                bits |= (uint8_t)(((HF_T(lane_count) * b + l) >> j & 1) << b);
            low[16 * l + 15] = bits;
        }
        q[j] ^= HF_T(load)(low);
    }
    HF_T(add_key)(q, key->plane[0]);
    HF_T(encrypt)(q, key);
    HF_T(transpose)(q);
    for (unsigned b = 0; b < 8; b++)
        q[b] = HF_T(cells_out)(q[b]);
}

#undef HF_PERM
#undef HF_ROTATE
#undef HF_IDX
#undef HF_IDX_
#undef HF_CELL
#undef HF_MIX
#undef HF_UNMIX
