/* The AES key schedule (FIPS 197 section 5.2) with AES-NI: for whoever is compiled for it. Internal to `providers`. */
#ifndef HANDFAST_AES_SCHEDULE_H
#define HANDFAST_AES_SCHEDULE_H

#include <immintrin.h>
#include <stdint.h>

#define HF_AES_SCHEDULE_MAX 15

/* Four words from the four before: each is the XOR of all words up to it, and of the substituted word `mixed`. */
static inline __m128i hf_aes_next_words(__m128i words, __m128i mixed)
{
    words = _mm_xor_si128(words, _mm_slli_si128(words, 4));
    words = _mm_xor_si128(words, _mm_slli_si128(words, 8));
    return _mm_xor_si128(words, mixed);
}

/* SubWord(RotWord(w)) XOR Rcon, in every word: for every key of 128 bits, every second of 256 bits. */
#define HF_AES_MIX_ROTATED(words, rcon) _mm_shuffle_epi32(_mm_aeskeygenassist_si128(words, rcon), 0xff)
/* SubWord(w), in every word. */
#define HF_AES_MIX_PLAIN(words) _mm_shuffle_epi32(_mm_aeskeygenassist_si128(words, 0), 0xaa)

static inline void hf_aes_expand_128(const uint8_t *key, __m128i schedule[HF_AES_SCHEDULE_MAX])
{
    schedule[0] = _mm_loadu_si128((const __m128i *)(const void *)key);
#define STEP(i, rcon) schedule[i] = hf_aes_next_words(schedule[(i)-1], HF_AES_MIX_ROTATED(schedule[(i)-1], rcon))
    STEP(1, 0x01);
    STEP(2, 0x02);
    STEP(3, 0x04);
    STEP(4, 0x08);
    STEP(5, 0x10);
    STEP(6, 0x20);
    STEP(7, 0x40);
    STEP(8, 0x80);
    STEP(9, 0x1b);
    STEP(10, 0x36);
#undef STEP
}

static inline void hf_aes_expand_256(const uint8_t *key, __m128i schedule[HF_AES_SCHEDULE_MAX])
{
    schedule[0] = _mm_loadu_si128((const __m128i *)(const void *)key);
    schedule[1] = _mm_loadu_si128((const __m128i *)(const void *)(key + 16));
#define EVEN(i, rcon) schedule[i] = hf_aes_next_words(schedule[(i)-2], HF_AES_MIX_ROTATED(schedule[(i)-1], rcon))
#define ODD(i) schedule[i] = hf_aes_next_words(schedule[(i)-2], HF_AES_MIX_PLAIN(schedule[(i)-1]))
    EVEN(2, 0x01);
    ODD(3);
    EVEN(4, 0x02);
    ODD(5);
    EVEN(6, 0x04);
    ODD(7);
    EVEN(8, 0x08);
    ODD(9);
    EVEN(10, 0x10);
    ODD(11);
    EVEN(12, 0x20);
    ODD(13);
    EVEN(14, 0x40);
#undef EVEN
#undef ODD
}

#endif
