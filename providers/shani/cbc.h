/* AES-CBC (NIST SP 800-38A section 6.2). Decryption of a record's blocks is independent work, eight in flight.
 * Encryption is a chain, each block waits for the one before: two records go in step, and the hash goes beside them.
 *
 * `rounds` is a constant. */
#ifndef HANDFAST_SHANI_CBC_H
#define HANDFAST_SHANI_CBC_H

#include "message.h"

#define CBC_SIDE_BY_SIDE 8        /* blocks of one record, when decrypting */
#define CBC_LANES SHA_CHAINS      /* records, when encrypting */
#define CBC_STEPS MESSAGE_VECTORS /* blocks of each that are loaded at once */

/* n <= CBC_SIDE_BY_SIDE blocks, a constant; iv: the ciphertext before them. In place is allowed. */
HF_SHANI_INLINE __m128i cbc_decrypt_some(const hf_shani_key *key, __m128i iv, const uint8_t *in, uint8_t *out, size_t n,
                                         unsigned rounds)
{
    __m128i x[CBC_SIDE_BY_SIDE], k = key->round_keys[0], last = load16(in + HF_SHANI_BLOCK * (n - 1));

    for (size_t i = 0; i < n; i++)
        x[i] = _mm_xor_si128(load16(in + HF_SHANI_BLOCK * i), k);
    for (unsigned round = 1; round < rounds; round++) {
        k = key->round_keys[round];
        for (size_t i = 0; i < n; i++)
            x[i] = _mm_aesdec_si128(x[i], k);
    }
    k = key->round_keys[rounds];
    for (size_t i = 0; i < n; i++) {
        __m128i before = i == 0 ? iv : load16(in + HF_SHANI_BLOCK * (i - 1));
        x[i] = _mm_aesdeclast_si128(x[i], _mm_xor_si128(k, before));
    }
    for (size_t i = 0; i < n; i++)
        store16(out + HF_SHANI_BLOCK * i, x[i]);
    return last;
}

/* `blocks` blocks behind the 16 bytes of IV at `in`. */
HF_SHANI_INLINE void cbc_decrypt_all(const hf_shani_key *key, const uint8_t *in, uint8_t *out, size_t blocks,
                                     unsigned rounds)
{
    __m128i iv = load16(in);

    for (in += HF_SHANI_BLOCK; blocks >= CBC_SIDE_BY_SIDE; blocks -= CBC_SIDE_BY_SIDE) {
        iv = cbc_decrypt_some(key, iv, in, out, CBC_SIDE_BY_SIDE, rounds);
        in += CBC_SIDE_BY_SIDE * HF_SHANI_BLOCK;
        out += CBC_SIDE_BY_SIDE * HF_SHANI_BLOCK;
    }
    switch (blocks) {
#define CBC_BLOCKS(k)                                                                                                  \
    case k:                                                                                                            \
        (void)cbc_decrypt_some(key, iv, in, out, k, rounds);                                                           \
        break
        CBC_BLOCKS(1);
        CBC_BLOCKS(2);
        CBC_BLOCKS(3);
        CBC_BLOCKS(4);
        CBC_BLOCKS(5);
        CBC_BLOCKS(6);
        CBC_BLOCKS(7);
#undef CBC_BLOCKS
    default:
        break;
    }
}

/* Functions of their own: a call costs a record nothing, and sixteen copies of all these rounds the compiler much. */
static __attribute__((noinline)) void cbc_decrypt_128(const hf_shani_key *key, const uint8_t *in, uint8_t *out,
                                                      size_t blocks)
{
    cbc_decrypt_all(key, in, out, blocks, HF_SHANI_ROUNDS_128);
}

static __attribute__((noinline)) void cbc_decrypt_256(const hf_shani_key *key, const uint8_t *in, uint8_t *out,
                                                      size_t blocks)
{
    cbc_decrypt_all(key, in, out, blocks, HF_SHANI_ROUNDS_256);
}

HF_SHANI_INLINE void cbc_decrypt(const hf_shani_key *key, const uint8_t *in, uint8_t *out, size_t blocks,
                                 unsigned rounds)
{
    (rounds == HF_SHANI_ROUNDS_128 ? cbc_decrypt_128 : cbc_decrypt_256)(key, in, out, blocks);
}

/* A record that is being encrypted: the ciphertext before the next block, and where that goes. */
typedef struct cbc_lane {
    __m128i state;
    uint8_t *out;
    const hf_shani_key *key;
} cbc_lane;

/* k blocks of each of n lanes, whose text is v; n and k are constants. What the last round adds is XORed with the next
 * text beforehand: it gives the next block's first state, one instruction sooner than the ciphertext is there. */
HF_SHANI_INLINE void cbc_encrypt_some(cbc_lane *c, __m128i v[][CBC_STEPS], size_t n, size_t k, unsigned rounds)
{
    __m128i x[CBC_LANES];

    for (size_t l = 0; l < n; l++)
        x[l] = _mm_xor_si128(c[l].state, _mm_xor_si128(v[l][0], c[l].key->round_keys[0]));
    for (size_t i = 0; i < k; i++) {
        for (unsigned round = 1; round < rounds; round++)
            for (size_t l = 0; l < n; l++)
                x[l] = _mm_aesenc_si128(x[l], c[l].key->round_keys[round]);
        for (size_t l = 0; l < n; l++) {
            const __m128i *keys = c[l].key->round_keys;
            __m128i next = i + 1 < k ? _mm_xor_si128(v[l][i + 1], keys[0]) : _mm_setzero_si128();
            x[l] = _mm_aesenclast_si128(x[l], _mm_xor_si128(keys[rounds], next));
            c[l].state = _mm_xor_si128(x[l], next);
            store16(c[l].out + HF_SHANI_BLOCK * i, c[l].state);
        }
    }
    for (size_t l = 0; l < n; l++)
        c[l].out += HF_SHANI_BLOCK * k;
}

/* k <= CBC_STEPS blocks of one lane; k is no constant. */
HF_SHANI_INLINE void cbc_encrypt_few(cbc_lane *c, __m128i v[CBC_STEPS], size_t k, unsigned rounds)
{
    for (size_t i = 0; i < k; i++)
        cbc_encrypt_some(c, (__m128i(*)[CBC_STEPS])(v + i), 1, 1, rounds);
}

#endif
