/* Keys: the AES key schedule (FIPS 197 section 5.2) and the powers of the hash key (NIST SP 800-38D).
 *
 * GHASH numbers the bits of a block from the left, carry-less multiplication from the right. Blocks are therefore
 * byte-reversed; what then remains is that a product comes out one bit too low. Multiplying the hash key by x once,
 * here, puts that right for every product to come: the powers are H^k x modulo the polynomial. */
#include "vaes.h"

#include <string.h>

#include "../x86/aes_schedule.h"
#include "handfast/secret.h"
#include "vec256.h"

#include "ghash.h"

static __m128i encrypt_zero(const __m128i schedule[HF_AES_SCHEDULE_MAX], unsigned rounds)
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

static vec product(vec a, vec b)
{
    ghash_sum sum;

    ghash_begin(&sum, a, b);
    return ghash_reduce(&sum);
}

/* Two powers at a time, each the product of its two halves: so five products in a row lead to any of them and the rest
 * go side by side. One after the other all 32 took four times as long, which counts where a key serves but a record or
 * two. */
static void make_powers(__m128i powers[HF_VAES_POWERS], __m128i hash_key)
{
    const __m128i reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m128i h = times_x(_mm_shuffle_epi8(hash_key, reverse));
    __m128i *end = powers + HF_VAES_POWERS; /* H^k is end[-k] */

    vec_store(end - 2, vec_put(vec_all(h), 0, vec_lane(product(vec_all(h), vec_all(h)), 0)));
    for (int k = 4; k < HF_VAES_POWERS; k += 2) {
        int half = (k + 2) / 4 * 2; /* even: a pair that was stored as a whole is loaded from the store */
        vec_store(end - k, product(vec_load(end - half), vec_all(end[half - k])));
    }
    powers[0] = vec_lane(product(vec_all(powers[1]), vec_all(h)), 0);
}

hf_status hf_vaes_key_init(hf_vaes_key *key, const hf_record_keys *keys, unsigned rounds)
{
    _Alignas(16) uint8_t iv[HF_VAES_BLOCK] = {0};
    __m128i schedule[HF_AES_SCHEDULE_MAX];

    if (keys->mode != HF_RECORD_TLS12 && keys->mode != HF_RECORD_TLS13)
        return HF_ERR_UNSUPPORTED;
    memcpy(iv, keys->iv, keys->mode == HF_RECORD_TLS13 ? HF_CIPHER_IV_MAX : 4);
    if (rounds == HF_VAES_ROUNDS_128)
        hf_aes_expand_128(keys->key, schedule);
    else
        hf_aes_expand_256(keys->key, schedule);
    make_powers(key->powers, encrypt_zero(schedule, rounds));
    key->base = _mm_xor_si128(schedule[0], _mm_load_si128((const __m128i *)(const void *)iv));
    key->tls13 = keys->mode == HF_RECORD_TLS13;
    key->unused = _mm_setzero_si128();
    memset(key->unused_too, 0, sizeof key->unused_too);
    memcpy(key->round_keys, schedule + 1, rounds * sizeof schedule[0]);
    hf_wipe(schedule, sizeof schedule);
    hf_wipe(iv, sizeof iv);
    vec_forget();
    return HF_OK;
}
