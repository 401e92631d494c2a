/* Ecdsa-Sig-Value (RFC 3279 section 2.2.3) in DER, for P-256: two numbers from 1 to n-1. */
#ifndef HANDFAST_P256_SIGNATURE_H
#define HANDFAST_P256_SIGNATURE_H

#include <stddef.h>

#include "scalar.h"

#define HF_P256_SIGNATURE_MAX 72 /* bytes: two INTEGERs of 33, each with two more, and two around them */

/* Whether sig is exactly one such value in its one DER encoding, with both numbers in range. */
bool hf_p256_signature_read(const uint8_t *sig, size_t len, hf_scalar *out_r, hf_scalar *out_s);

#endif
