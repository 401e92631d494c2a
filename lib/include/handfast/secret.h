/* Handling of secrets: wipe, compare, select. Everything here runs in a time that depends on
 * lengths only, never on the bytes.
 *
 * Masks are all-ones for true and zero for false, of type uint32_t ("mask").
 */
#ifndef HANDFAST_SECRET_H
#define HANDFAST_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "handfast/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Length of a TLS premaster secret of RSA key transport, and of every master secret, in bytes
 * (RFC 5246 sections 7.4.7.1 and 8.1). */
#define HF_PREMASTER_SIZE 48

/* Overwrites `len` bytes at `p` with zeros; the compiler cannot remove it. `p` may be NULL when len is 0. */
HF_API void hf_wipe(void *p, size_t len);

/* All-ones when the `len` bytes at `a` and `b` are equal, else 0. len 0 is equal. Constant time in the bytes. */
HF_API uint32_t hf_ct_equal(const void *a, const void *b, size_t len);

/* Hides the value of `x` from the optimiser, so that mask arithmetic is not turned back into a branch. */
static inline uint32_t hf_ct_barrier(uint32_t x)
{
#if defined(__GNUC__)
    __asm__("" : "+r"(x));
#endif
    return x;
}

/* Masks from comparisons of 32-bit values; all 32-bit inputs are allowed. */
static inline uint32_t hf_ct_is_nonzero(uint32_t x)
{
    return (uint32_t)0 - (hf_ct_barrier(x | ((uint32_t)0 - x)) >> 31);
}
static inline uint32_t hf_ct_is_zero(uint32_t x)
{
    return ~hf_ct_is_nonzero(x);
}
static inline uint32_t hf_ct_eq(uint32_t a, uint32_t b)
{
    return hf_ct_is_zero(a ^ b);
}
/* a < b, unsigned. */
static inline uint32_t hf_ct_lt(uint32_t a, uint32_t b)
{
    return (uint32_t)0 - (hf_ct_barrier(a ^ ((a ^ b) | ((a - b) ^ b))) >> 31);
}
static inline uint32_t hf_ct_le(uint32_t a, uint32_t b)
{
    return ~hf_ct_lt(b, a);
}
/* mask ? a : b. */
static inline uint32_t hf_ct_select(uint32_t mask, uint32_t a, uint32_t b)
{
    return b ^ (hf_ct_barrier(mask) & (a ^ b));
}
static inline uint8_t hf_ct_select8(uint32_t mask, uint8_t a, uint8_t b)
{
    return (uint8_t)hf_ct_select(mask, a, b);
}

/* Replaces the `len` bytes at `out` by those at `in` where mask is all-ones; leaves them where it is 0. */
HF_API void hf_ct_copy_if(uint32_t mask, uint8_t *out, const uint8_t *in, size_t len);

/* The one PKCS#1 v1.5 check of RSA key transport (RFC 5246 section 7.4.7.1, RFC 8017 section 7.2.2).
 *
 * em            the padded block, exactly as raw RSA gave it (CKM_RSA_X_509), em_len bytes: the modulus length;
 *               wiped before the function returns
 * em_len        length of the modulus in bytes, 64..HF_RSA_MAX_BYTES; public
 * client_version  ClientHello.legacy_version (0x0303); a premaster that starts otherwise counts as bad
 * fallback      48 random bytes, made before the decryption: the answer when anything is wrong
 * out_premaster 48 bytes; always filled
 *
 * There is no error: one path, one time, for good and bad padding, length and version. em_len outside
 * its range gives the fallback. */
#define HF_RSA_MAX_BYTES 1024
HF_API void hf_premaster_unpad(uint8_t *em, size_t em_len, uint16_t client_version,
                               const uint8_t fallback[HF_PREMASTER_SIZE], uint8_t out_premaster[HF_PREMASTER_SIZE]);

/* The same selection for tokens without raw RSA, that remove the padding themselves.
 *
 * ok            all-ones when the token said CKR_OK, else 0
 * plain         HF_RSA_MAX_BYTES bytes of room that the token wrote into; zeroed beforehand; wiped
 * plain_len     what the token reported as length; a secret here, any value */
HF_API void hf_premaster_select(uint32_t ok, uint8_t plain[HF_RSA_MAX_BYTES], uint32_t plain_len,
                                uint16_t client_version, const uint8_t fallback[HF_PREMASTER_SIZE],
                                uint8_t out_premaster[HF_PREMASTER_SIZE]);

#ifdef __cplusplus
}
#endif

#endif
