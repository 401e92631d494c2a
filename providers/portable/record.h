/* The record ciphers of the portable provider. */
#ifndef HANDFAST_PORTABLE_RECORD_H
#define HANDFAST_PORTABLE_RECORD_H

#include "handfast/provider.h"

extern const hf_cipher hf_portable_aes_128_gcm, hf_portable_aes_256_gcm, hf_portable_chacha20_poly1305,
    hf_portable_aes_128_ccm;
extern const hf_cipher hf_portable_aes_128_cbc_sha1, hf_portable_aes_256_cbc_sha1, hf_portable_aes_128_cbc_sha256,
    hf_portable_aes_256_cbc_sha256, hf_portable_aes_256_cbc_sha384;

#endif
