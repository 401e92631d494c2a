/* The ipsecmb provider: records through Intel's multi-buffer library. No hashes, groups or certificates. */
#include "ipsecmb.h"

static const hf_cipher *const ciphers[] = {
    &hf_imb_aes_128_gcm,        &hf_imb_aes_256_gcm,
    &hf_imb_chacha20_poly1305,  &hf_imb_aes_128_ccm,
    &hf_imb_aes_128_cbc_sha1,   &hf_imb_aes_256_cbc_sha1,
    &hf_imb_aes_128_cbc_sha256, &hf_imb_aes_256_cbc_sha256,
    &hf_imb_aes_256_cbc_sha384, NULL,
};

const hf_provider hf_provider_ipsecmb = {
    .name = "ipsecmb",
    .version = hf_imb_version,
    .available = hf_imb_available,
    .ciphers = ciphers,
    .worker_new = hf_imb_worker_new,
    .worker_free = hf_imb_worker_free,
};
