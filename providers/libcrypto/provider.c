/* The libcrypto provider: OpenSSL 3's EVP behind the house's contract. The only provider with X.509; its hashes and
 * groups serve every composition, its record ciphers are the yardstick that the faster ones are measured against. */
#include <openssl/crypto.h>

#include "builtin.h"
#include "x509.h"

const hf_pki hf_lc_pki = {
    .provider = &hf_provider_libcrypto,
    .cert_new = hf_lc_cert_new,
    .cert_free = hf_lc_cert_free,
    .cert_info = hf_lc_cert_info,
    .cert_spki = hf_lc_cert_spki,
    .verify = hf_lc_verify,
    .verify_digest = hf_lc_verify_digest,
    .rsa_encrypt = hf_lc_rsa_encrypt,
    .trust_new = hf_lc_trust_new,
    .trust_free = hf_lc_trust_free,
    .trust_names = hf_lc_trust_names,
    .verify_path = hf_lc_verify_path,
    .pem_certs = hf_lc_pem_certs,
    .cert_matches = hf_lc_cert_matches,
    .cert_issuer = hf_lc_cert_issuer,
    .ocsp_check = hf_lc_ocsp_check,
};

static const hf_cipher *const ciphers[] = {
    &hf_lc_aes_128_gcm,        &hf_lc_aes_256_gcm,
    &hf_lc_chacha20_poly1305,  &hf_lc_aes_128_ccm,
    &hf_lc_aes_128_cbc_sha1,   &hf_lc_aes_256_cbc_sha1,
    &hf_lc_aes_128_cbc_sha256, &hf_lc_aes_256_cbc_sha256,
    &hf_lc_aes_256_cbc_sha384, NULL,
};

static const char *version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

static bool available(const char **why)
{
    if (hf_lc())
        return true;
    if (why)
        *why = "libcrypto's default provider is not active (openssl.cnf?)";
    return false;
}

const hf_provider hf_provider_libcrypto = {
    .name = "libcrypto",
    .version = version,
    .available = available,
    .ciphers = ciphers,
    .hashes = hf_lc_hashes,
    .groups = hf_lc_groups,
    .pki = &hf_lc_pki,
};
