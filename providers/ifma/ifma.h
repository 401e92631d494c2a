/* ChaCha20-Poly1305 records of many connections at once, in intrinsics: the state of a key and a record as the kernel
 * sees it. docs/kernels.md explains how it works. Internal to `providers`; only there when HF_HAVE_IFMA.
 *
 * A job of the contract becomes a record (record.h). The blocks of ChaCha20 of a window of records fill the lanes of
 * vectors, whosever they are (chacha.h, stream.h); Poly1305 runs in lanes, too: of eight records, or of eight stripes
 * of one (poly.h, rows.h, hash.h). batch.h puts it together. */
#ifndef HANDFAST_IFMA_H
#define HANDFAST_IFMA_H

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include "handfast/provider.h"

#define HF_IFMA_INLINE static inline __attribute__((always_inline))
#define HF_IFMA_OUTLINE static __attribute__((noinline)) /* thousands of instructions, of which one copy is enough */
#define HF_IFMA_TAG_SIZE 16

typedef __m512i vec;

/* One direction of one connection: a cache line. */
typedef struct hf_ifma_key {
    uint32_t key[8]; /* RFC 8439 section 2.3: as bytes, which are words on this machine */
    __m128i nonce;   /* room for the counter, 0; the IV */
    uint32_t tls13;
    uint32_t unused[3];
} hf_ifma_key;

/* One record, checked: every length is in range and every byte it names may be read or written. Nothing here is secret
 * but what the pointers point to. */
typedef struct hf_ifma_record {
    __m128i nonce;   /* the last row of ChaCha20's state, counter 0 */
    __m128i aad;     /* additional data, padded with zeros: Poly1305's first block */
    __m128i lengths; /* its last */
    const hf_ifma_key *key;
    const uint8_t *in;
    uint8_t *out;
    const uint8_t *hashed; /* the ciphertext: `out` when sealing, `in` when opening */
    uint32_t len;          /* bytes to encrypt or decrypt */
    uint32_t have;         /* how many of them are at `in`: all, or all but the content type that TLS 1.3 appends */
    uint32_t blocks;       /* of ChaCha20 that they take; 0 for a record that was refused, too */
    uint32_t next;         /* the first of them that is not done: 1 to blocks + 1 */
    uint8_t type;          /* that content type */
    hf_record_job *job;
} hf_ifma_record;

/* The two operations of the contract (worker is not used). Only where the CPU has AVX-512 F, BW, VL, IFMA and BMI2. */
void hf_ifma_seal(void *worker, hf_record_job *jobs, size_t n);
void hf_ifma_open(void *worker, hf_record_job *jobs, size_t n);

extern const hf_group hf_ifma_x25519;

#endif
