/* Slow, plain implementations straight from the standards, against which the portable provider is held. */
#ifndef HANDFAST_TEST_PORTABLE_REFERENCE_H
#define HANDFAST_TEST_PORTABLE_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

/* One AES block, FIPS 197, the S-box computed from its definition. key_len 16 or 32. */
void ref_aes_block(const uint8_t *key, size_t key_len, const uint8_t in[16], uint8_t out[16]);
/* AES-GCM of SP 800-38D with a 12-byte nonce. */
void ref_gcm_seal(const uint8_t *key, size_t key_len, const uint8_t nonce[12], const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[16]);
/* AES-CCM of RFC 3610 with a 12-byte nonce and a 16-byte tag; aad_len below 0xff00. */
void ref_ccm_seal(const uint8_t *key, size_t key_len, const uint8_t nonce[12], const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[16]);
/* ChaCha20-Poly1305 of RFC 8439. */
void ref_chapoly_seal(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *aad, size_t aad_len,
                      const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[16]);
/* Poly1305 of a whole message. */
void ref_poly1305(const uint8_t key[32], const uint8_t *msg, size_t len, uint8_t tag[16]);

/* A repeatable stream of bytes. */
void ref_fill(uint8_t *out, size_t len, uint32_t seed);
/* Hexadecimal text to bytes; returns how many. */
size_t ref_hex(const char *text, uint8_t *out);

#endif
