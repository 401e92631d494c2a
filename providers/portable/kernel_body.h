/* One kernel: the templates at 16 bytes for short work, and at HF_WIDE_SIZE bytes where that is wider. Included by
 * kernel_base.c, kernel_avx2.c and kernel_avx512.c, which the build compiles for their instruction sets.
 *
 * HF_KERNEL: the descriptor's name; HF_KERNEL_NAME: its text; HF_WIDE_SIZE: 16, 32 or 64. */
#include <string.h>

#include "ct.h"
#include "kernel.h"

/* Whether the CPU permutes the bytes of 16-byte lanes in one instruction; else rotations are used. */
#if defined(__SSSE3__) || defined(__ARM_NEON) || defined(__ALTIVEC__) || defined(__VX__)
#define HF_BYTE_PERMUTE 1
#else
#define HF_BYTE_PERMUTE 0
#endif

#include "ghash_chunks.h"

/* Each template needs the ones before it. */
/* clang-format off */
#define HF_VEC_SIZE 16
#define HF_T(name) name##_narrow
#include "lanes.h"
#include "aes_lanes.h"
#include "aes_modes.h"
#include "chacha_lanes.h"
#if HF_WIDE_SIZE > 16
#undef HF_VEC_SIZE
#undef HF_T
#define HF_VEC_SIZE HF_WIDE_SIZE
#define HF_T(name) name##_wide
#include "lanes.h"
#include "aes_lanes.h"
#include "aes_modes.h"
#include "chacha_lanes.h"
#endif
#include "ghash_lanes.h"
/* clang-format on */

static void kernel_ctr(const hf_aes_key *key, const uint8_t block[HF_AES_BLOCK], uint8_t *skipped, size_t skip,
                       const uint8_t *in, uint8_t *out, size_t len, hf_kernel_gate *gate, void *gate_arg)
{
    if (HF_AES_BLOCK * skip + len <= batch_bytes_narrow)
        aes_ctr_narrow(key, block, skipped, skip, in, out, len, gate, gate_arg);
    else
        HF_T(aes_ctr)(key, block, skipped, skip, in, out, len, gate, gate_arg);
}

static void kernel_cbc_encrypt(hf_cbc_chain *chains, size_t n)
{
    for (size_t most; n > 0; chains += most, n -= most) {
        most = n < HF_T(batch_blocks) ? n : HF_T(batch_blocks);
        if (most <= batch_blocks_narrow)
            cbc_encrypt_narrow(chains, most);
        else
            HF_T(cbc_encrypt)(chains, most);
    }
}

static void kernel_cbc_decrypt(const hf_aes_key *key, const uint8_t iv[HF_AES_BLOCK], const uint8_t *in, uint8_t *out,
                               size_t len)
{
    if (len <= batch_bytes_narrow)
        cbc_decrypt_narrow(key, iv, in, out, len);
    else
        HF_T(cbc_decrypt)(key, iv, in, out, len);
}

static void kernel_chacha20(const uint8_t key[32], const uint8_t nonce[12], uint8_t skipped[HF_CHACHA_BLOCK],
                            const uint8_t *in, uint8_t *out, size_t len, hf_kernel_gate *gate, void *gate_arg)
{
    uint32_t input[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    uint8_t stream[HF_T(chacha_bytes)];
    size_t from = HF_CHACHA_BLOCK;
    uint32_t counter = 0;

    for (unsigned i = 0; i < 8; i++)
        input[4 + i] = hf_load32_le(key + (size_t)4 * i);
    for (unsigned i = 0; i < 3; i++)
        input[13 + i] = hf_load32_le(nonce + (size_t)4 * i);
    while (from > 0 || len > 0) {
        size_t made = chacha_bytes_narrow;
        if (from + len > 2 * chacha_bytes_narrow) {
            made = HF_T(chacha_bytes);
            HF_T(chacha_batch)(input, counter, stream);
        } else {
            chacha_batch_narrow(input, counter, stream);
        }
        if (from > 0) {
            memcpy(skipped, stream, from);
            if (gate && !gate(gate_arg, skipped))
                break;
        }
        size_t n = made - from < len ? made - from : len;
        HF_T(xor_bytes)(out, in, stream + from, n);
        in += n;
        out += n;
        len -= n;
        from = 0;
        counter += (uint32_t)(made / HF_CHACHA_BLOCK);
    }
    hf_wipe(input, sizeof input);
    hf_wipe(stream, sizeof stream);
}

const hf_kernel HF_KERNEL = {
    .name = HF_KERNEL_NAME,
    .aes_ctr = kernel_ctr,
    .cbc_encrypt = kernel_cbc_encrypt,
    .cbc_decrypt = kernel_cbc_decrypt,
    .ghash = HF_T(ghash),
    .chacha20 = kernel_chacha20,
};
