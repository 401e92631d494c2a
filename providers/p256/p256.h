/* Verification of ECDSA P-256 signatures with a key that is known long before (FIPS 186-5 section 6.4.2): a server's
 * check of each signature that its own key made.
 *
 * NOT constant time, on purpose: branches, table look-ups and the inversion depend on the numbers. Everything that
 * comes in is public: the certificate's key, the digest of a handshake that goes over the wire, the signature. No
 * private key and no secret scalar may ever be given to anything in this folder; it has no function that could sign.
 *
 * u1 G + u2 Q is at most 74 additions of points from two tables, one of G for the process and one of Q for each key,
 * and no doubling. The result's x is compared without a division. */
#ifndef HANDFAST_P256_H
#define HANDFAST_P256_H

#include "handfast/provider.h"
#include "table.h"

/* Fills the table of a key from its SubjectPublicKeyInfo: HF_ERR_UNSUPPORTED when it is anything but an uncompressed
 * point of the named curve, HF_ERR_DECODE when it is not on the curve. */
hf_status hf_p256_prepare(void *state, const uint8_t *spki, size_t spki_len);

/* HF_OK or HF_ERR_VERIFY; HF_ERR_INVALID for a digest of 0 bytes or more than HF_HASH_SIZE_MAX. */
hf_status hf_p256_verify(const void *state, const uint8_t *digest, size_t digest_len, const uint8_t *sig,
                         size_t sig_len);

/* G's table, made at first use and constant since. */
const hf_p256_table *hf_p256_base_table(void);

#endif
