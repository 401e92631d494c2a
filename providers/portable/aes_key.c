/* AES key expansion, FIPS 197 section 5.2, for 128- and 256-bit keys, with the S-box as a circuit. */
#include "aes.h"

#include "ct.h"

#define HF_SBOX_WORD uint32_t
#define HF_SBOX sbox_planes
#include "aes_sbox.h"

/* SubWord on four bytes: bit i of plane j is bit j of byte i. */
static void sub_word(uint8_t word[4])
{
    uint32_t planes[8];

    for (unsigned j = 0; j < 8; j++) {
        planes[j] = 0;
        for (unsigned i = 0; i < 4; i++)
            planes[j] |= (uint32_t)(word[i] >> j & 1) << i;
    }
    sbox_planes(planes);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t byte = 0x63;
        for (unsigned j = 0; j < 8; j++)
            byte ^= (planes[j] >> i & 1) << j;
        word[i] = (uint8_t)byte;
    }
    hf_wipe(planes, sizeof planes);
}

void hf_aes_key_init(hf_aes_key *aes, const uint8_t *key, size_t key_len)
{
    size_t key_words = key_len / 4;
    uint8_t *w = aes->round_keys[0];
    uint8_t round_constant = 1;
    uint8_t t[4];

    memset(aes, 0, sizeof *aes);
    aes->rounds = (uint8_t)(key_words + 6);
    memcpy(w, key, key_len);
    for (size_t i = key_words; i < 4 * ((size_t)aes->rounds + 1); i++) {
        memcpy(t, w + 4 * (i - 1), 4);
        if (i % key_words == 0) {
            uint8_t first = t[0];
            memmove(t, t + 1, 3);
            t[3] = first;
            sub_word(t);
            t[0] ^= round_constant;
            round_constant = (uint8_t)(round_constant << 1 ^ (round_constant >> 7) * 0x1b);
        } else if (key_words == 8 && i % 8 == 4) {
            sub_word(t);
        }
        for (size_t j = 0; j < 4; j++)
            w[4 * i + j] = w[4 * (i - key_words) + j] ^ t[j];
    }
    hf_wipe(t, sizeof t);
}
