/* Where a secret verdict becomes public, and byte order. Internal to `providers`. */
#ifndef HANDFAST_PORTABLE_CT_H
#define HANDFAST_PORTABLE_CT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "handfast/secret.h"

#ifdef HF_CT_VALGRIND
#include <valgrind/memcheck.h>
#endif

/* The value may be branched on from here: it is the fate of a job, which the peer learns anyway. The constant-time
 * check under valgrind treats secrets as undefined memory; this is where it is told. */
static inline uint32_t hf_ct_declassify(uint32_t x)
{
#ifdef HF_CT_VALGRIND
    VALGRIND_MAKE_MEM_DEFINED(&x, sizeof x);
#endif
    return hf_ct_barrier(x);
}

static inline uint32_t hf_load32_le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint32_t hf_load32_be(const uint8_t *p)
{
    return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}
static inline uint64_t hf_load64_le(const uint8_t *p)
{
    return (uint64_t)hf_load32_le(p) | (uint64_t)hf_load32_le(p + 4) << 32;
}
static inline uint64_t hf_load64_be(const uint8_t *p)
{
    return (uint64_t)hf_load32_be(p + 4) | (uint64_t)hf_load32_be(p) << 32;
}
static inline void hf_store32_le(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)x;
    p[1] = (uint8_t)(x >> 8);
    p[2] = (uint8_t)(x >> 16);
    p[3] = (uint8_t)(x >> 24);
}
static inline void hf_store32_be(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
}
static inline void hf_store64_le(uint8_t *p, uint64_t x)
{
    hf_store32_le(p, (uint32_t)x);
    hf_store32_le(p + 4, (uint32_t)(x >> 32));
}
static inline void hf_store64_be(uint8_t *p, uint64_t x)
{
    hf_store32_be(p, (uint32_t)(x >> 32));
    hf_store32_be(p + 4, (uint32_t)x);
}

#endif
