/* The CPU's own limit for AES-GCM; see limits.h.
 *
 * For 64 bytes AES-GCM needs 10 (AES-128) or 14 (AES-256) rounds on 4 blocks, and 4 products of 64 by 64 bits for each
 * of the 4 blocks (schoolbook GHASH). The loop does exactly these, on registers, in chains that do not wait for each
 * other. */
#include "limits.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define CHAINS 8 /* of 64 bytes: HF_LIMIT_BYTES in all */
#define WIDE __attribute__((target("avx512f,avx512bw,vaes,vpclmulqdq")))

_Static_assert(HF_LIMIT_BYTES == CHAINS * 64, "a unit is one turn of all chains");

/* `rounds` is a constant wherever this is inlined. */
WIDE __attribute__((always_inline)) static inline bool wide(uint64_t n, int rounds)
{
    __m512i aes[CHAINS], hash[CHAINS];
    __m512i key = _mm512_set1_epi32(0x01234567);

    for (int i = 0; i < CHAINS; i++)
        aes[i] = hash[i] = _mm512_set1_epi32(i);
    for (; n > 0; n--) {
        for (int r = 0; r < rounds; r++) {
#pragma GCC unroll 8
            for (int i = 0; i < CHAINS; i++)
                aes[i] = _mm512_aesenc_epi128(aes[i], key);
            if (r < 4)
#pragma GCC unroll 8
                for (int i = 0; i < CHAINS; i++)
                    hash[i] = _mm512_clmulepi64_epi128(hash[i], key, 0x10);
        }
    }
    for (int i = 1; i < CHAINS; i++) {
        aes[0] = _mm512_xor_si512(aes[0], aes[i]);
        hash[0] = _mm512_xor_si512(hash[0], hash[i]);
    }
    __asm__ volatile("" : : "v"(aes[0]), "v"(hash[0])); /* somebody wants the result */
    return true;
}

WIDE static bool wide_10(void *arg, uint64_t n)
{
    (void)arg;
    return wide(n, 10);
}

WIDE static bool wide_14(void *arg, uint64_t n)
{
    (void)arg;
    return wide(n, 14);
}

bool hf_limit_has(hf_cipher_id id, const char **out_how)
{
    *out_how =
        id == HF_AES_256_GCM ? "14 vaesenc and 4 vpclmulqdq of 64 bytes" : "10 vaesenc and 4 vpclmulqdq of 64 bytes";
    return (id == HF_AES_128_GCM || id == HF_AES_256_GCM) && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("vaes") && __builtin_cpu_supports("vpclmulqdq");
}

hf_task hf_limit_task(hf_cipher_id id)
{
    return (hf_task){.run = id == HF_AES_256_GCM ? wide_14 : wide_10};
}

#else

bool hf_limit_has(hf_cipher_id id, const char **out_how)
{
    (void)id;
    *out_how = "";
    return false;
}

hf_task hf_limit_task(hf_cipher_id id)
{
    (void)id;
    return (hf_task){.run = NULL};
}

#endif
