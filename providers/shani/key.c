/* Keys: the round keys of AES, and the hash's states after the two key blocks of HMAC (RFC 2104). */
#include "shani.h"

#include <string.h>

#include "../x86/aes_schedule.h"
#include "handfast/secret.h"
#include "sha.h"

/* The state after key^pad, `pad` in every byte. */
static void key_block(__m128i out[2], const uint8_t block[SHA_BLOCK], char pad, size_t mac)
{
    static const uint32_t sha1[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    static const uint32_t sha256[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const uint32_t *h = mac == HF_SHANI_SHA1 ? sha1 : sha256;
    sha_chain c;
    sha_words m;

    for (size_t i = 0; i < 4; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + 16 * i));
        m.w[i] = sha_turn(_mm_xor_si128(bytes, _mm_set1_epi8(pad)), mac);
    }
    if (mac == HF_SHANI_SHA1) {
        c.a = _mm_set_epi32((int)h[0], (int)h[1], (int)h[2], (int)h[3]);
        c.b = _mm_set_epi32((int)h[4], 0, 0, 0);
        sha1_block(&c, &m, 1);
    } else {
        c.a = _mm_set_epi32((int)h[0], (int)h[1], (int)h[4], (int)h[5]);
        c.b = _mm_set_epi32((int)h[2], (int)h[3], (int)h[6], (int)h[7]);
        sha256_block(&c, &m, 1);
    }
    out[0] = c.a;
    out[1] = c.b;
    hf_wipe(&m, sizeof m);
    hf_wipe(&c, sizeof c);
}

hf_status hf_shani_key_init(hf_shani_key *key, const hf_record_keys *keys, unsigned rounds, size_t mac)
{
    uint8_t block[SHA_BLOCK] = {0};
    __m128i schedule[HF_AES_SCHEDULE_MAX];

    if (keys->mode != HF_RECORD_TLS12 && keys->mode != HF_RECORD_TLS12_ETM)
        return HF_ERR_UNSUPPORTED;
    if (rounds == HF_SHANI_ROUNDS_128)
        hf_aes_expand_128(keys->key, schedule);
    else
        hf_aes_expand_256(keys->key, schedule);
    memset(key, 0, rounds == HF_SHANI_ROUNDS_128 ? HF_SHANI_KEY_SIZE_128 : HF_SHANI_KEY_SIZE_256);
    key->etm = keys->mode == HF_RECORD_TLS12_ETM;
    for (unsigned i = 0; i <= rounds; i++) /* FIPS 197 section 5.3.5: backwards, the inner ones through InvMixColumns */
        key->round_keys[i] = keys->direction == HF_SEAL ? schedule[i]
                             : i == 0 || i == rounds    ? schedule[rounds - i]
                                                        : _mm_aesimc_si128(schedule[rounds - i]);
    memcpy(block, keys->mac_key, mac);
    key_block(key->inner, block, 0x36, mac);
    key_block(key->outer, block, 0x5c, mac);
    hf_wipe(schedule, sizeof schedule);
    hf_wipe(block, sizeof block);
    return HF_OK;
}
