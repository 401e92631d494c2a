/* AES key schedule (FIPS 197), compact: bit planes are made from it record by record. */
#ifndef HANDFAST_PORTABLE_AES_H
#define HANDFAST_PORTABLE_AES_H

#include <stddef.h>
#include <stdint.h>

#define HF_AES_BLOCK 16
#define HF_AES_ROUNDS_MAX 14

typedef struct hf_aes_key {
    uint8_t round_keys[HF_AES_ROUNDS_MAX + 1][HF_AES_BLOCK];
    uint8_t rounds; /* 10 or 14 */
} hf_aes_key;

/* key_len: 16 or 32; the caller checks it. Constant time in the key. */
void hf_aes_key_init(hf_aes_key *aes, const uint8_t *key, size_t key_len);

#endif
