/* X25519 (RFC 7748) in lanes: the two kernels, and the pairs that are made ahead. docs/kernels.md explains how it
 * works. Internal to `providers`; only there when HF_HAVE_IFMA. */
#ifndef HANDFAST_IFMA_X25519_H
#define HANDFAST_IFMA_X25519_H

#include <stddef.h>
#include <stdint.h>

#include "handfast/status.h"

#define HF_X25519_SIZE 32 /* scalar, coordinate */
#define HF_X25519_SIDE_BY_SIDE 8

/* Public keys of eight scalars: each the scalar, clamped, times the base point. Only where the CPU has AVX-512 F, VL,
 * DQ and IFMA; any thread. The scalars stay as they are. */
void hf_x25519_public8(uint8_t scalar[HF_X25519_SIDE_BY_SIDE][HF_X25519_SIZE],
                       uint8_t out_public[HF_X25519_SIDE_BY_SIDE][HF_X25519_SIZE]);

/* The function X25519 of RFC 7748 section 5: any scalar, which is clamped, and any coordinate, whose bit 255 is dropped
 * and which is reduced. out may come to zero (section 6.1): that is for the caller to refuse. The same CPU, any thread.
 */
void hf_x25519(const uint8_t scalar[HF_X25519_SIZE], const uint8_t u[HF_X25519_SIZE], uint8_t out[HF_X25519_SIZE]);

/* A fresh pair, of those that the calling thread has ready, or of eight more that are made now. HF_ERR_RANDOM; then
 * both are zeroed. Safe after a fork. */
hf_status hf_x25519_take(uint8_t out_scalar[HF_X25519_SIZE], uint8_t out_public[HF_X25519_SIZE]) HF_MUST_CHECK;

#endif
