/* AES-CBC records with HMAC (RFC 5246 section 6.2.3.2, RFC 7366) of many connections at once, over AES-NI and the SHA
 * extensions: the state of a key, and the kernels. docs/kernels.md explains how they work. Internal to `providers`;
 * only there when HF_HAVE_SHANI.
 *
 * A job of the contract becomes a message to be hashed (message.h), two messages go through the SHA extensions side by
 * side (message.h, sha.h), and AES works on one record's blocks when opening, on several records' when sealing (cbc.h).
 */
#ifndef HANDFAST_SHANI_H
#define HANDFAST_SHANI_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/provider.h"

#define HF_SHANI_INLINE static inline __attribute__((always_inline))
#define HF_SHANI_BLOCK 16
#define HF_SHANI_ROUNDS_128 10
#define HF_SHANI_ROUNDS_256 14
#define HF_SHANI_SHA1 20 /* the two hashes go by their sizes, in bytes: those of the MAC and of its key, too */
#define HF_SHANI_SHA256 32

/* One direction of one connection: four cache lines for AES-128, five for AES-256. The states after the block
 * key^ipad and after the block key^opad (RFC 2104) are as the instructions want them (sha.h). */
typedef struct hf_shani_key {
    __m128i inner[2], outer[2];
    uint32_t etm; /* encrypt-then-MAC */
    uint32_t unused[3];
    __m128i round_keys[HF_SHANI_ROUNDS_256 + 1]; /* encryption's when sealing, decryption's when opening */
} hf_shani_key;

#define HF_SHANI_KEY_SIZE_128 (sizeof(hf_shani_key) - (HF_SHANI_ROUNDS_256 - HF_SHANI_ROUNDS_128) * HF_SHANI_BLOCK)
#define HF_SHANI_KEY_SIZE_256 sizeof(hf_shani_key)

/* Fills a key; mac: the size of the hash. Errors as hf_cipher.key_init. */
hf_status hf_shani_key_init(hf_shani_key *key, const hf_record_keys *keys, unsigned rounds, size_t mac);

/* The operations of the contract for one cipher (worker is not used). */
typedef struct hf_shani_cipher {
    void (*seal)(void *worker, hf_record_job *jobs, size_t n);
    void (*open)(void *worker, hf_record_job *jobs, size_t n);
} hf_shani_cipher;

/* What one set of instructions offers. */
typedef struct hf_shani_kernel {
    hf_shani_cipher aes_128_sha1, aes_256_sha1, aes_128_sha256, aes_256_sha256;
} hf_shani_kernel;

extern const hf_shani_kernel hf_shani_narrow; /* AES-NI, SHA extensions, SSE4.1 */

#endif
