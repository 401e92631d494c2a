/* Poly1305, RFC 8439 section 2.5. Internal to `portable`. */
#ifndef HANDFAST_PORTABLE_POLY1305_H
#define HANDFAST_PORTABLE_POLY1305_H

#include <stddef.h>
#include <stdint.h>

/* Limbs of 44, 44 and 42 bits where the compiler has a 128-bit product, else five of 26. */
#if defined(__SIZEOF_INT128__) && !defined(HF_POLY1305_32)
#define HF_POLY1305_LIMBS 3
typedef uint64_t hf_poly1305_limb;
#else
#define HF_POLY1305_LIMBS 5
typedef uint32_t hf_poly1305_limb;
#endif

typedef struct hf_poly1305 {
    hf_poly1305_limb r[HF_POLY1305_LIMBS];
    hf_poly1305_limb h[HF_POLY1305_LIMBS];
    uint8_t s[16];
} hf_poly1305;

void hf_poly1305_init(hf_poly1305 *poly, const uint8_t key[32]);
/* Whole blocks of the AEAD construction: data is padded with zeros to 16 bytes (RFC 8439 section 2.8). */
void hf_poly1305_update_padded(hf_poly1305 *poly, const uint8_t *data, size_t len);
/* Wipes poly. */
void hf_poly1305_final(hf_poly1305 *poly, uint8_t tag[16]);

#endif
