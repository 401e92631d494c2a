/* Keys: the AES key schedule (FIPS 197 section 5.2) and the powers of the hash key (NIST SP 800-38D).
 *
 * GHASH numbers the bits of a block from the left, carry-less multiplication from the right. Blocks are therefore
 * byte-reversed; what then remains is that a product comes out one bit too low. Multiplying the hash key by x once,
 * here, puts that right for every product to come: the powers are H^k x modulo the polynomial. */
#include "vaes.h"

#include <string.h>

#include "ghash_reduce.h"
#include "handfast/secret.h"

#define SCHEDULE_MAX 15

/* Four words from the four before: each is the XOR of all words up to it, and of the substituted word `mixed`. */
static inline __m128i next_words(__m128i words, __m128i mixed)
{
    words = _mm_xor_si128(words, _mm_slli_si128(words, 4));
    words = _mm_xor_si128(words, _mm_slli_si128(words, 8));
    return _mm_xor_si128(words, mixed);
}

/* SubWord(RotWord(w)) XOR Rcon, in every word: for every key of 128 bits, every second of 256 bits. */
#define MIX_ROTATED(words, rcon) _mm_shuffle_epi32(_mm_aeskeygenassist_si128(words, rcon), 0xff)
/* SubWord(w), in every word. */
#define MIX_PLAIN(words) _mm_shuffle_epi32(_mm_aeskeygenassist_si128(words, 0), 0xaa)

static void expand_128(const uint8_t *key, __m128i schedule[SCHEDULE_MAX])
{
    schedule[0] = _mm_loadu_si128((const __m128i *)(const void *)key);
#define STEP(i, rcon) schedule[i] = next_words(schedule[(i)-1], MIX_ROTATED(schedule[(i)-1], rcon))
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

static void expand_256(const uint8_t *key, __m128i schedule[SCHEDULE_MAX])
{
    schedule[0] = _mm_loadu_si128((const __m128i *)(const void *)key);
    schedule[1] = _mm_loadu_si128((const __m128i *)(const void *)(key + 16));
#define EVEN(i, rcon) schedule[i] = next_words(schedule[(i)-2], MIX_ROTATED(schedule[(i)-1], rcon))
#define ODD(i) schedule[i] = next_words(schedule[(i)-2], MIX_PLAIN(schedule[(i)-1]))
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

static __m128i encrypt_zero(const __m128i schedule[SCHEDULE_MAX], unsigned rounds)
{
    __m128i block = schedule[0];

    for (unsigned i = 1; i < rounds; i++)
        block = _mm_aesenc_si128(block, schedule[i]);
    return _mm_aesenclast_si128(block, schedule[rounds]);
}

/* Byte-reversed H to H x: a shift by one bit over both words; a bit that falls out comes back as the polynomial. */
static __m128i times_x(__m128i h)
{
    const __m128i polynomial = _mm_set_epi64x((long long)0xc200000000000000ULL, 1);
    __m128i carries = _mm_srli_epi64(h, 63);
    __m128i shifted = _mm_or_si128(_mm_slli_epi64(h, 1), _mm_slli_si128(carries, 8));
    /* The carry of the upper word, as a mask over both words. */
    __m128i out = _mm_shuffle_epi32(_mm_sub_epi64(_mm_setzero_si128(), carries), 0xee);

    return _mm_xor_si128(shifted, _mm_and_si128(out, polynomial));
}

static void make_powers(__m128i powers[HF_VAES_POWERS], __m128i hash_key)
{
    const __m128i reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m128i h = times_x(_mm_shuffle_epi8(hash_key, reverse));
    __m128i power = h;

    powers[HF_VAES_POWERS - 1] = h;
    for (int k = HF_VAES_POWERS - 2; k >= 0; k--) {
        power = hf_vaes_multiply(power, h);
        powers[k] = power;
    }
}

hf_status hf_vaes_key_init(hf_vaes_key *key, const hf_record_keys *keys, unsigned rounds)
{
    _Alignas(16) uint8_t iv[HF_VAES_BLOCK] = {0};
    __m128i schedule[SCHEDULE_MAX];

    if (keys->mode != HF_RECORD_TLS12 && keys->mode != HF_RECORD_TLS13)
        return HF_ERR_UNSUPPORTED;
    memcpy(iv, keys->iv, keys->mode == HF_RECORD_TLS13 ? HF_CIPHER_IV_MAX : 4);
    if (rounds == HF_VAES_ROUNDS_128)
        expand_128(keys->key, schedule);
    else
        expand_256(keys->key, schedule);
    make_powers(key->powers, encrypt_zero(schedule, rounds));
    key->base = _mm_xor_si128(schedule[0], _mm_load_si128((const __m128i *)(const void *)iv));
    key->tls13 = keys->mode == HF_RECORD_TLS13;
    key->unused = _mm_setzero_si128();
    memset(key->unused_too, 0, sizeof key->unused_too);
    memcpy(key->round_keys, schedule + 1, rounds * sizeof schedule[0]);
    hf_wipe(schedule, sizeof schedule);
    hf_wipe(iv, sizeof iv);
    return HF_OK;
}
