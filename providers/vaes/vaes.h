/* AES-GCM records of many connections at once, in intrinsics: the state of a key, a record as the kernels see it, and
 * the two kernels. docs/kernels.md explains how they work. Internal to `providers`; only there when HF_HAVE_VAES.
 *
 * A job of the contract becomes a record (record.h), records of like length are gathered (batch.h), and a kernel runs
 * them (lanes.h, short.h, bulk.h). Which kernel is decided once, by what CPU and operating system allow (provider.c).
 */
#ifndef HANDFAST_VAES_H
#define HANDFAST_VAES_H

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include "handfast/provider.h"

#define HF_VAES_INLINE static inline __attribute__((always_inline))
#define HF_VAES_BLOCK 16
#define HF_VAES_POWERS 33 /* powers of the hash key: eight vectors of four blocks, and the block of lengths */
#define HF_VAES_ROUNDS_128 10
#define HF_VAES_ROUNDS_256 14

/* One direction of one connection: 736 bytes for AES-128, 800 for AES-256. A short record touches only some of it: the
 * first cache line, the last few powers, and the round keys.
 *
 * powers[HF_VAES_POWERS - k] is H^k, byte-reversed and shifted as key.c says, so that four neighbours are the four
 * factors of four neighbouring blocks; H^32 begins a cache line. round_keys[i] is round key i + 1; round key 0 is in
 * `base`. What follows the powers is read as if it were powers, and multiplied by zero. */
typedef struct hf_vaes_key {
    __m128i unused;
    __m128i base; /* round key 0 XOR (IV, 32 zero bits): XOR a counter block's variable part gives AES's first state */
    uint32_t tls13;
    uint32_t unused_too[3];
    __m128i powers[HF_VAES_POWERS];
    __m128i round_keys[HF_VAES_ROUNDS_256];
} hf_vaes_key;

#define HF_VAES_KEY_SIZE_128 (sizeof(hf_vaes_key) - (HF_VAES_ROUNDS_256 - HF_VAES_ROUNDS_128) * HF_VAES_BLOCK)
#define HF_VAES_KEY_SIZE_256 sizeof(hf_vaes_key)

/* One record, checked: every length is in range and every byte it names may be read or written. Nothing here is secret
 * but what `in` and `key` point to. */
typedef struct hf_vaes_record {
    __m128i variable; /* what this record XORs into the key's base: the sequence number or explicit nonce */
    __m128i aad;      /* additional data, padded with zeros; byte-reversed */
    __m128i lengths;  /* the last block of GHASH, byte-reversed */
    const hf_vaes_key *key;
    const uint8_t *in;
    uint8_t *out;
    uint32_t len;  /* bytes to encrypt or decrypt */
    uint32_t have; /* how many of them are at `in`: all, or all but the content type that TLS 1.3 appends */
    uint8_t type;  /* that content type */
    hf_record_job *job;
} hf_vaes_record;

/* Fills a key; iv_size: of TLS 1.2. Errors as hf_cipher.key_init. */
hf_status hf_vaes_key_init(hf_vaes_key *key, const hf_record_keys *keys, unsigned rounds);

/* What one width offers: the four operations of the contract (worker is not used). */
typedef struct hf_vaes_kernel {
    void (*seal_128)(void *worker, hf_record_job *jobs, size_t n);
    void (*open_128)(void *worker, hf_record_job *jobs, size_t n);
    void (*seal_256)(void *worker, hf_record_job *jobs, size_t n);
    void (*open_256)(void *worker, hf_record_job *jobs, size_t n);
} hf_vaes_kernel;

extern const hf_vaes_kernel hf_vaes_wide;   /* 512-bit vectors: VAES, VPCLMULQDQ, AVX-512 F, BW, VL */
extern const hf_vaes_kernel hf_vaes_narrow; /* 256-bit vectors: VAES, VPCLMULQDQ, AVX2 */

#endif
