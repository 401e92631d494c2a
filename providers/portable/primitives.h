/* The portable algorithms by themselves, with any nonce and additional data: for tests and vectors. The record
 * ciphers stand on the same code. Internal; nothing here is exported. */
#ifndef HANDFAST_PORTABLE_PRIMITIVES_H
#define HANDFAST_PORTABLE_PRIMITIVES_H

#include <stddef.h>
#include <stdint.h>

#include "handfast/provider.h"

#define HF_PORTABLE_TAG_SIZE 16

/* AEADs. Lengths in bytes, public. `in` may be exactly `out`, else no overlap. out has in_len bytes of room.
 * key_len 16 or 32 (AES-128, AES-256). Seal writes a 16-byte tag. Open writes plaintext only when the tag is right,
 * else zeros and HF_ERR_VERIFY. HF_ERR_UNSUPPORTED: a key or nonce length that is not offered. */

/* AES-GCM, SP 800-38D. nonce_len: 12. */
hf_status hf_portable_gcm_seal(const uint8_t *key, size_t key_len, const uint8_t *nonce, size_t nonce_len,
                               const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t in_len, uint8_t *out,
                               uint8_t tag[HF_PORTABLE_TAG_SIZE]) HF_MUST_CHECK;
hf_status hf_portable_gcm_open(const uint8_t *key, size_t key_len, const uint8_t *nonce, size_t nonce_len,
                               const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t in_len, uint8_t *out,
                               const uint8_t tag[HF_PORTABLE_TAG_SIZE]) HF_MUST_CHECK;

/* ChaCha20-Poly1305, RFC 8439. key_len 32, nonce_len 12. */
hf_status hf_portable_chacha20_poly1305_seal(const uint8_t *key, size_t key_len, const uint8_t *nonce, size_t nonce_len,
                                             const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t in_len,
                                             uint8_t *out, uint8_t tag[HF_PORTABLE_TAG_SIZE]) HF_MUST_CHECK;
hf_status hf_portable_chacha20_poly1305_open(const uint8_t *key, size_t key_len, const uint8_t *nonce, size_t nonce_len,
                                             const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t in_len,
                                             uint8_t *out, const uint8_t tag[HF_PORTABLE_TAG_SIZE]) HF_MUST_CHECK;

/* AES-CCM, SP 800-38C, RFC 3610. nonce_len 7..13, aad_len below 65280, in_len must fit in 15 - nonce_len bytes.
 * tag_len 4, 6, ..., 16 (TLS: 16, or 8 for the _8 suites). */
hf_status hf_portable_ccm_seal(const uint8_t *key, size_t key_len, const uint8_t *nonce, size_t nonce_len,
                               const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t in_len, uint8_t *out,
                               uint8_t *tag, size_t tag_len) HF_MUST_CHECK;
hf_status hf_portable_ccm_open(const uint8_t *key, size_t key_len, const uint8_t *nonce, size_t nonce_len,
                               const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t in_len, uint8_t *out,
                               const uint8_t *tag, size_t tag_len) HF_MUST_CHECK;

/* HMAC, RFC 2104: out receives the hash's size (20, 32, 48, 64). HF_ERR_UNSUPPORTED for an unknown hash. */
hf_status hf_portable_hmac(hf_hash_id hash, const uint8_t *key, size_t key_len, const uint8_t *msg, size_t msg_len,
                           uint8_t *out) HF_MUST_CHECK;

/* AES-CBC without padding, SP 800-38A: len a multiple of 16, else HF_ERR_INVALID. `in` may be exactly `out`. */
hf_status hf_portable_cbc_encrypt(const uint8_t *key, size_t key_len, const uint8_t iv[16], const uint8_t *in,
                                  size_t len, uint8_t *out) HF_MUST_CHECK;
hf_status hf_portable_cbc_decrypt(const uint8_t *key, size_t key_len, const uint8_t iv[16], const uint8_t *in,
                                  size_t len, uint8_t *out) HF_MUST_CHECK;

#endif
