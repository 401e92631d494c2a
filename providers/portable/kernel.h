/* The vector kernels: the same C source compiled for several vector widths, chosen by the CPU at run time.
 * All lengths are public; time and addresses depend on them only. in may be exactly out, else no overlap. */
#ifndef HANDFAST_PORTABLE_KERNEL_H
#define HANDFAST_PORTABLE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aes.h"
#include "ghash.h"

#define HF_CBC_CHAINS_MAX 32 /* chains of one cbc_encrypt call */
#define HF_CHACHA_BLOCK 64

/* One CBC chain among several: each has its own key; all keys of a call have the same length. */
typedef struct hf_cbc_chain {
    const hf_aes_key *key;
    uint8_t state[HF_AES_BLOCK]; /* IV, then the last ciphertext block */
    const uint8_t *in;
    uint8_t *out; /* NULL: only the state is of interest (CBC-MAC) */
    size_t blocks;
} hf_cbc_chain;

/* Asked once, when the keystream of the skipped blocks is known and nothing was written yet: whether to go on. */
typedef bool hf_kernel_gate(void *arg, const uint8_t *skipped);

typedef struct hf_kernel {
    const char *name;

    /* Counter mode. block: the counter block with zeros in its last four bytes where the counter (big-endian, from 0)
     * stands. The keystream of the first skip blocks (1 or 2) goes to skipped, then len bytes are encrypted.
     * gate NULL: always. */
    void (*aes_ctr)(const hf_aes_key *key, const uint8_t block[HF_AES_BLOCK], uint8_t *skipped, size_t skip,
                    const uint8_t *in, uint8_t *out, size_t len, hf_kernel_gate *gate, void *gate_arg);
    /* n chains, 1..HF_CBC_CHAINS_MAX, in parallel; state and out as after the last block of each. */
    void (*cbc_encrypt)(hf_cbc_chain *chains, size_t n);
    /* len: a multiple of 16. */
    void (*cbc_decrypt)(const hf_aes_key *key, const uint8_t iv[HF_AES_BLOCK], const uint8_t *in, uint8_t *out,
                        size_t len);
    /* GHASH of aad, data and lengths (SP 800-38D section 6.4). */
    void (*ghash)(const hf_ghash_key *key, const uint8_t *aad, size_t aad_len, const uint8_t *data, size_t len,
                  uint8_t out[16]);
    /* ChaCha20, RFC 8439 section 2.4, from block 0: the keystream of block 0 goes to skipped (64 bytes), then len
     * bytes are encrypted from block 1 on. gate as above. */
    void (*chacha20)(const uint8_t key[32], const uint8_t nonce[12], uint8_t skipped[HF_CHACHA_BLOCK],
                     const uint8_t *in, uint8_t *out, size_t len, hf_kernel_gate *gate, void *gate_arg);
} hf_kernel;

/* The widest kernel this CPU and operating system can run. Any thread. */
const hf_kernel *hf_kernel_best(void);
/* The i-th kernel that runs here, widest first; NULL past the end. */
const hf_kernel *hf_kernel_at(size_t i);

extern const hf_kernel hf_kernel_base;
#if defined(__x86_64__)
extern const hf_kernel hf_kernel_avx2;
extern const hf_kernel hf_kernel_avx512;
#endif

#endif
