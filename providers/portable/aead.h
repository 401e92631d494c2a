/* The AEADs of the portable provider over the kernels: keys set up once, any nonce, any additional data.
 * Lengths are public. in may be exactly out. Open gives a mask: all-ones when the tag is right; it has declassified
 * the verdict, and out holds the plaintext or zeros. */
#ifndef HANDFAST_PORTABLE_AEAD_H
#define HANDFAST_PORTABLE_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aes.h"
#include "ghash.h"
#include "kernel.h"

#define HF_AEAD_TAG 16
#define HF_AEAD_NONCE 12

/* What an AEAD works on besides its key. */
typedef struct hf_aead_text {
    const uint8_t *nonce; /* HF_AEAD_NONCE bytes */
    const uint8_t *aad;
    size_t aad_len;
    const uint8_t *in;
    size_t len;
    uint8_t *out; /* len bytes */
} hf_aead_text;

typedef struct hf_gcm_key {
    hf_aes_key aes;
    hf_ghash_key ghash;
} hf_gcm_key;

void hf_gcm_key_init(hf_gcm_key *key, const hf_kernel *kernel, const uint8_t *bytes, size_t len); /* 16 or 32 */
void hf_gcm_seal(const hf_gcm_key *key, const hf_kernel *kernel, const hf_aead_text *text, uint8_t tag[HF_AEAD_TAG]);
bool hf_gcm_open(const hf_gcm_key *key, const hf_kernel *kernel, const hf_aead_text *text,
                 const uint8_t tag[HF_AEAD_TAG]);

void hf_chapoly_seal(const uint8_t key[32], const hf_kernel *kernel, const hf_aead_text *text,
                     uint8_t tag[HF_AEAD_TAG]);
bool hf_chapoly_open(const uint8_t key[32], const hf_kernel *kernel, const hf_aead_text *text,
                     const uint8_t tag[HF_AEAD_TAG]);

/* CCM (SP 800-38C) runs many messages side by side, since each CBC-MAC is a chain. nonce_len 7..13; tag_len 4..16,
 * even. In a message's `text` the nonce has nonce_len bytes. */
typedef struct hf_ccm_message {
    const hf_aes_key *key;
    hf_aead_text text;
    size_t nonce_len;
    size_t tag_len;
    uint8_t mac[HF_AEAD_TAG]; /* result of hf_ccm_mac */
} hf_ccm_message;

/* The encrypted MAC over `plain` of every message; n <= HF_CBC_CHAINS_MAX. plain: text.in, or where it was decrypted
 * to. aad_len below 0xff00. */
void hf_ccm_mac(hf_ccm_message *messages, size_t n, const hf_kernel *kernel, bool opened);
/* Counter mode over text (both directions), without the MAC. */
void hf_ccm_crypt(const hf_ccm_message *message, const hf_kernel *kernel);
void hf_ccm_seal(hf_ccm_message *messages, size_t n, const hf_kernel *kernel); /* tag: mac */
/* good[i]: whether tags[i] was right. */
void hf_ccm_open(hf_ccm_message *messages, size_t n, const hf_kernel *kernel, const uint8_t *const *tags, bool *good);

#endif
