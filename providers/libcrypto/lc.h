/* What the rooms of the libcrypto provider share: algorithms fetched once, and the error queue.
 *
 * Fetching an algorithm by name takes a lock and a search in libcrypto 3; so everything is fetched once, at first
 * use, and kept for the life of the process. libcrypto's thread-local error queue is left clean by every function
 * of the provider: whoever fails leaves through hf_lc_fail.
 */
#ifndef HANDFAST_LIBCRYPTO_LC_H
#define HANDFAST_LIBCRYPTO_LC_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/key.h"
#include "handfast/provider.h"

#define HF_LC_GROUPS 4 /* X25519, P-256, P-384, P-521: order of hf_lc_group_index */

typedef struct hf_lc_algorithms {
    EVP_MD *hashes[HF_HASH_COUNT];
    EVP_CIPHER *ciphers[HF_CIPHER_COUNT];  /* AEAD, or plain AES-CBC for the CBC suites */
    EVP_CIPHER *stitched[HF_CIPHER_COUNT]; /* AES-CBC with HMAC in one pass; NULL where libcrypto or the CPU lacks it */
    EVP_CIPHER *ecb[HF_CIPHER_COUNT];      /* the bare block cipher beside `stitched` */
    EVP_MAC *hmac;
    EVP_PKEY *curves[HF_LC_GROUPS]; /* what keys are made after: domain parameters of an EC group; of X25519, which has
                                       none, the public key of its base point */
    /* Where certificates are parsed that shall not be searched a decoder for: without any algorithm. NULL: as
     * elsewhere, which is slower and does no harm. */
    OSSL_LIB_CTX *keyless;
} hf_lc_algorithms;

/* The fetched algorithms; NULL when libcrypto lacks something that every build of it has. Any thread. */
const hf_lc_algorithms *hf_lc(void);

/* Empties the error queue. Gives HF_ERR_NO_MEMORY when it tells of a failed allocation, else `otherwise`. */
hf_status hf_lc_fail(hf_status otherwise);

/* A public key of a group: its point, uncompressed, or 32 bytes of X25519. HF_ERR_VERIFY when it is no point of it. */
hf_status hf_lc_group_key(const hf_lc_algorithms *lc, uint16_t group, const uint8_t *point, size_t len, EVP_PKEY **out);

/* Type, size and group of a public or private key. HF_ERR_UNSUPPORTED for all that TLS 1.2/1.3 here does not use,
 * explicit curve parameters among them (RFC 5480 section 2.1.1). */
hf_status hf_lc_key_kind(const EVP_PKEY *pkey, hf_key_type *out_type, unsigned *out_bits, uint16_t *out_group);

/* A signature context for `scheme` (not Ed25519), ready for EVP_PKEY_sign or EVP_PKEY_verify over a digest, in
 * *out_ctx, to be freed by the caller. HF_ERR_UNSUPPORTED when scheme and key do not fit. */
typedef enum hf_lc_signature_use { HF_LC_SIGN, HF_LC_VERIFY } hf_lc_signature_use;
hf_status hf_lc_signature_ctx(EVP_PKEY *pkey, hf_key_type type, uint16_t scheme, hf_lc_signature_use use,
                              EVP_PKEY_CTX **out_ctx);

#define HF_LC_SCHEMES 12
/* A number below HF_LC_SCHEMES for each supported scheme but Ed25519; HF_LC_SCHEMES for others. */
size_t hf_lc_scheme_index(uint16_t scheme);

/* The digest size of a scheme in bytes; 0 for Ed25519 and for schemes that are not supported. */
size_t hf_lc_scheme_digest_size(uint16_t scheme);
/* The hash of a scheme; only for schemes with a digest size. */
hf_hash_id hf_lc_scheme_hash(uint16_t scheme);

/* The descriptors; lists are NULL-terminated. */
extern const hf_hash *const hf_lc_hashes[];
extern const hf_group *const hf_lc_groups[];
extern const hf_cipher hf_lc_aes_128_gcm, hf_lc_aes_256_gcm, hf_lc_chacha20_poly1305, hf_lc_aes_128_ccm;
extern const hf_cipher hf_lc_aes_128_cbc_sha1, hf_lc_aes_256_cbc_sha1, hf_lc_aes_128_cbc_sha256,
    hf_lc_aes_256_cbc_sha256, hf_lc_aes_256_cbc_sha384;
extern const hf_pki hf_lc_pki;

#endif
