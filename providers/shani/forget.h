/* What a call leaves behind: nothing of a key, a text or a digest in its own memory and registers. What the compiler
 * spilled to the stack is not covered, as everywhere in C. */
#ifndef HANDFAST_SHANI_FORGET_H
#define HANDFAST_SHANI_FORGET_H

#include "shani.h"

/* Overwrites what nobody reads any more, which the compiler would leave out: hf_wipe, in vectors. len: a multiple of
 * 16. */
HF_SHANI_INLINE void shani_forget(void *p, size_t len)
{
    for (size_t i = 0; i < len; i += HF_SHANI_BLOCK)
        _mm_storeu_si128((__m128i *)(void *)((uint8_t *)p + i), _mm_setzero_si128());
    __asm__ volatile("" : : "r"(p) : "memory");
}

HF_SHANI_INLINE void shani_forget_registers(void)
{
#ifdef __AVX__
    _mm256_zeroall();
#else
    __asm__ volatile("pxor %%xmm0, %%xmm0\n\t pxor %%xmm1, %%xmm1\n\t pxor %%xmm2, %%xmm2\n\t pxor %%xmm3, %%xmm3\n\t"
                     "pxor %%xmm4, %%xmm4\n\t pxor %%xmm5, %%xmm5\n\t pxor %%xmm6, %%xmm6\n\t pxor %%xmm7, %%xmm7\n\t"
                     "pxor %%xmm8, %%xmm8\n\t pxor %%xmm9, %%xmm9\n\t pxor %%xmm10, %%xmm10\n\t"
                     "pxor %%xmm11, %%xmm11\n\t pxor %%xmm12, %%xmm12\n\t pxor %%xmm13, %%xmm13\n\t"
                     "pxor %%xmm14, %%xmm14\n\t pxor %%xmm15, %%xmm15"
                     :
                     :
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                       "xmm12", "xmm13", "xmm14", "xmm15");
#endif
}

#endif
