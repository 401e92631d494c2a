/* Signatures of a handshake, checked with a certificate's key, and RSA key transport's encryption to it
 * (RFC 5246 sections 7.4.7.1 and 7.4.8, RFC 8446 section 4.4.3). */
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "x509.h"

/* A context for scheme, the caller's own. Threads may race to make the first: one wins, the others drop theirs. */
static hf_status verifier(const hf_cert *cert, uint16_t scheme, EVP_PKEY_CTX **out)
{
    size_t at = hf_lc_scheme_index(scheme);

    if (at == HF_LC_SCHEMES)
        return HF_ERR_UNSUPPORTED;
    EVP_PKEY_CTX *ctx = atomic_load(&cert->verifiers->ctx[at]);
    if (!ctx) {
        EVP_PKEY_CTX *made = NULL;
        hf_status status = hf_lc_signature_ctx(cert->pkey, cert->info.key_type, scheme, HF_LC_VERIFY, &made);
        if (status != HF_OK)
            return status;
        if (atomic_compare_exchange_strong(&cert->verifiers->ctx[at], &ctx, made))
            ctx = made;
        else
            EVP_PKEY_CTX_free(made);
    }
    *out = EVP_PKEY_CTX_dup(ctx);
    return *out ? HF_OK : hf_lc_fail(HF_ERR_NO_MEMORY);
}

hf_status hf_lc_verify_digest(const hf_cert *cert, uint16_t scheme, const uint8_t *digest, size_t digest_len,
                              const uint8_t *sig, size_t sig_len)
{
    EVP_PKEY_CTX *ctx = NULL;
    hf_status status = verifier(cert, scheme, &ctx);

    if (status != HF_OK)
        return status;
    if (digest_len != hf_lc_scheme_digest_size(scheme))
        status = HF_ERR_INVALID;
    else if (EVP_PKEY_verify(ctx, sig, sig_len, digest, digest_len) != 1)
        status = hf_lc_fail(HF_ERR_VERIFY);
    EVP_PKEY_CTX_free(ctx);
    return status;
}

static hf_status verify_ed25519(const hf_cert *cert, const uint8_t *msg, size_t msg_len, const uint8_t *sig,
                                size_t sig_len)
{
    hf_status status = HF_OK;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!ctx || EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, cert->pkey, NULL) != 1)
        status = hf_lc_fail(HF_ERR_CRYPTO);
    else if (EVP_DigestVerify(ctx, sig, sig_len, msg, msg_len) != 1)
        status = hf_lc_fail(HF_ERR_VERIFY);
    EVP_MD_CTX_free(ctx);
    return status;
}

hf_status hf_lc_verify(const hf_cert *cert, uint16_t scheme, const uint8_t *msg, size_t msg_len, const uint8_t *sig,
                       size_t sig_len)
{
    const hf_lc_algorithms *lc = hf_lc();
    uint8_t digest[HF_HASH_SIZE_MAX];
    unsigned digest_len = 0;

    if (!lc)
        return HF_ERR_CRYPTO;
    if (scheme == HF_ED25519)
        return cert->info.key_type == HF_KEY_ED25519 ? verify_ed25519(cert, msg, msg_len, sig, sig_len)
                                                     : HF_ERR_UNSUPPORTED;
    if (hf_lc_scheme_digest_size(scheme) == 0)
        return HF_ERR_UNSUPPORTED;
    if (EVP_Digest(msg, msg_len, digest, &digest_len, lc->hashes[hf_lc_scheme_hash(scheme)], NULL) != 1)
        return hf_lc_fail(HF_ERR_CRYPTO);
    return hf_lc_verify_digest(cert, scheme, digest, digest_len, sig, sig_len);
}

hf_status hf_lc_rsa_encrypt(const hf_cert *cert, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_max,
                            size_t *out_len)
{
    hf_status status = HF_OK;
    size_t len = out_max;

    *out_len = 0;
    if (cert->info.key_type != HF_KEY_RSA)
        return HF_ERR_UNSUPPORTED;
    int modulus = EVP_PKEY_get_size(cert->pkey);
    if (modulus <= 0 || out_max < (size_t)modulus)
        return HF_ERR_BUFFER;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, cert->pkey, NULL);
    if (!ctx || EVP_PKEY_encrypt_init(ctx) <= 0 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) <= 0 ||
        EVP_PKEY_encrypt(ctx, out, &len, in, in_len) <= 0)
        status = hf_lc_fail(HF_ERR_CRYPTO);
    else
        *out_len = len;
    EVP_PKEY_CTX_free(ctx);
    return status;
}
