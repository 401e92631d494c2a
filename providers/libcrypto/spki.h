/* SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) of the kinds that nearly all peers have, read without libcrypto.
 *
 * libcrypto 3 searches its decoders anew for each key, which costs more than the signature that is verified with it.
 * This parser knows a few encodings byte for byte. It refuses nothing: what it does not know is left to libcrypto. */
#ifndef HANDFAST_LIBCRYPTO_SPKI_H
#define HANDFAST_LIBCRYPTO_SPKI_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/provider.h"

#define HF_LC_SPKI_MODULUS_MIN 128  /* bytes of an RSA modulus: others are left to libcrypto */
#define HF_LC_SPKI_MODULUS_MAX 1024 /* bytes */
#define HF_LC_SPKI_EXPONENT_MAX 8   /* bytes */

/* Big-endian numbers and a point, borrowed from what was read. */
typedef struct hf_lc_spki {
    hf_key_type type; /* RSA, EC or ED25519 */
    uint16_t group;   /* HF_GROUP_* of an EC key, else 0 */
    const uint8_t *key;
    size_t key_len;          /* the modulus without leading zeros, an uncompressed point, or the 32 bytes of Ed25519 */
    const uint8_t *exponent; /* RSA, without leading zeros */
    size_t exponent_len;
} hf_lc_spki;

/* Whether `der` is exactly one key of these kinds: rsaEncryption with odd numbers of usual sizes, id-ecPublicKey with
 * an uncompressed point of P-256, P-384 or P-521 by name, Ed25519. The point is not checked to be on its curve. */
bool hf_lc_spki_read(const uint8_t *der, size_t len, hf_lc_spki *out);

/* The key of a SubjectPublicKeyInfo, of any kind that libcrypto knows, to be freed by the caller. NULL, with the error
 * queue filled, when it is malformed, unknown or (EC) no point of its curve. Any thread. */
EVP_PKEY *hf_lc_spki_key(const uint8_t *der, size_t len);

#endif
