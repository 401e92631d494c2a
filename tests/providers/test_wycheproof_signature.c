/* Signature verification of libcrypto's pki against Wycheproof: ECDSA, Ed25519, RSA PKCS#1 v1.5 and PSS; and of p256,
 * which verifies our own signatures, ECDSA once more.
 *
 * A SignatureScheme fixes more than the vectors vary: PSS with another salt length, mask hash or message hash than
 * TLS allows (RFC 8446 section 4.2.3) must be refused although Wycheproof calls the signature valid. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "wycheproof.h"

/* One certificate is kept while a group's vectors run. */
typedef struct verifier {
    const hf_pki *pki;
    const json_t *group; /* whose key `cert` holds */
    hf_cert *cert;
} verifier;

static verifier start(void)
{
    return (verifier){.pki = hf_provider_by_name("libcrypto")->pki};
}

static void finish(verifier *v)
{
    v->pki->cert_free(v->cert);
}

static uint16_t by_hash(const json_t *group, uint16_t sha256, uint16_t sha384, uint16_t sha512)
{
    const char *sha = wy_text(group, "sha");
    return strcmp(sha, "SHA-256") == 0   ? sha256
           : strcmp(sha, "SHA-384") == 0 ? sha384
           : strcmp(sha, "SHA-512") == 0 ? sha512
                                         : 0;
}

static wy_verdict verify(verifier *v, const json_t *group, const json_t *test, uint16_t scheme)
{
    if (v->group != group) {
        wy_bytes spki = wy_hex(group, json_object_get(group, "publicKeyDer") ? "publicKeyDer" : "keyDer");
        v->pki->cert_free(v->cert);
        v->cert = wy_cert(v->pki, spki);
        v->group = group;
        wy_free(spki);
    }
    if (scheme == 0 || !v->cert)
        return WY_UNEXPRESSIBLE;
    wy_bytes msg = wy_hex(test, "msg"), sig = wy_hex(test, "sig");
    hf_status status = v->pki->verify(v->cert, scheme, msg.data, msg.len, sig.data, sig.len);
    wy_free(msg);
    wy_free(sig);
    return status == HF_OK ? WY_ACCEPTED : status == HF_ERR_VERIFY ? WY_REFUSED : WY_WRONG;
}

static wy_verdict ecdsa(const json_t *group, const json_t *test, void *arg)
{
    return verify(arg, group, test,
                  by_hash(group, HF_ECDSA_SECP256R1_SHA256, HF_ECDSA_SECP384R1_SHA384, HF_ECDSA_SECP521R1_SHA512));
}

static wy_verdict ed25519(const json_t *group, const json_t *test, void *arg)
{
    return verify(arg, group, test, HF_ED25519);
}

static wy_verdict pkcs1(const json_t *group, const json_t *test, void *arg)
{
    return verify(arg, group, test, by_hash(group, HF_RSA_PKCS1_SHA256, HF_RSA_PKCS1_SHA384, HF_RSA_PKCS1_SHA512));
}

static wy_verdict pss(const json_t *group, const json_t *test, void *arg)
{
    uint16_t scheme = by_hash(group, HF_RSA_PSS_RSAE_SHA256, HF_RSA_PSS_RSAE_SHA384, HF_RSA_PSS_RSAE_SHA512);
    size_t salt = (size_t)by_hash(group, 32, 48, 64);
    wy_verdict verdict = verify(arg, group, test, scheme);

    if (verdict == WY_UNEXPRESSIBLE)
        return verdict;
    if (wy_number(group, "sLen") != salt || strcmp(wy_text(group, "mgfSha"), wy_text(group, "sha")) != 0) {
        cr_expect_eq(verdict, WY_REFUSED, "PSS parameters that TLS does not have: tcId %zu", wy_number(test, "tcId"));
        return WY_UNEXPRESSIBLE;
    }
    return verdict;
}

typedef struct vectors {
    const char *file;
    size_t least;
} vectors;

static void run_all(const vectors *files, size_t n, wy_run *run)
{
    for (size_t i = 0; i < n; i++) {
        verifier v = start();
        wy_file(files[i].file, "libcrypto", files[i].least, run, &v);
        finish(&v);
    }
}

Test(wycheproof, ecdsa)
{
    static const vectors files[] = {
        {"ecdsa_secp256r1_sha256_test.json", 484}, {"ecdsa_secp256r1_sha512_test.json", 554},
        {"ecdsa_secp384r1_sha256_test.json", 472}, {"ecdsa_secp384r1_sha384_test.json", 504},
        {"ecdsa_secp384r1_sha512_test.json", 542}, {"ecdsa_secp521r1_sha512_test.json", 542},
    };
    run_all(files, sizeof files / sizeof files[0], ecdsa);
}

#if HF_HAVE_P256
/* The key of one group, prepared. */
typedef struct prepared {
    const hf_verifier *verifier;
    const hf_hash *const *hashes;
    const json_t *group;
    void *state;
} prepared;

static size_t digest_of(const hf_hash *hash, wy_bytes msg, uint8_t *out)
{
    _Alignas(16) uint8_t state[HF_HASH_STATE_MAX];

    cr_assert_leq(hash->state_size, sizeof state);
    cr_assert(hash->init(state) == HF_OK && hash->update(state, msg.data, msg.len) == HF_OK &&
              hash->final(state, out) == HF_OK);
    hash->cleanup(state);
    return hash->size;
}

static wy_verdict own_ecdsa(const json_t *group, const json_t *test, void *arg)
{
    prepared *p = arg;
    uint8_t digest[HF_HASH_SIZE_MAX];
    int hash = by_hash(group, HF_SHA256, HF_SHA384, HF_SHA512);

    if (p->group != group) {
        wy_bytes spki = wy_hex(group, json_object_get(group, "publicKeyDer") ? "publicKeyDer" : "keyDer");
        cr_assert_eq(p->verifier->prepare(p->state, spki.data, spki.len), HF_OK);
        p->group = group;
        wy_free(spki);
    }
    wy_bytes msg = wy_hex(test, "msg"), sig = wy_hex(test, "sig");
    size_t len = digest_of(p->hashes[hash], msg, digest);
    hf_status status = p->verifier->verify_digest(p->state, digest, len, sig.data, sig.len);
    wy_free(msg);
    wy_free(sig);
    return status == HF_OK ? WY_ACCEPTED : status == HF_ERR_VERIFY ? WY_REFUSED : WY_WRONG;
}

Test(wycheproof, own_ecdsa)
{
    static const vectors files[] = {{"ecdsa_secp256r1_sha256_test.json", 484},
                                    {"ecdsa_secp256r1_sha512_test.json", 554}};
    hf_crypto crypto;
    char why[200];

    cr_assert_eq(hf_crypto_compose(NULL, &crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        prepared p = {.verifier = crypto.verifiers[0], .hashes = crypto.hashes};
        p.state = aligned_alloc(HF_VERIFIER_ALIGN, p.verifier->state_size);
        cr_assert_not_null(p.state);
        wy_file(files[i].file, "p256", files[i].least, own_ecdsa, &p);
        free(p.state);
    }
}
#endif

Test(wycheproof, ed25519)
{
    static const vectors files[] = {{"ed25519_test.json", 151}};
    run_all(files, 1, ed25519);
}

Test(wycheproof, rsa_pkcs1_signatures)
{
    static const vectors files[] = {
        {"rsa_signature_2048_sha256_test.json", 259}, {"rsa_signature_2048_sha384_test.json", 258},
        {"rsa_signature_2048_sha512_test.json", 259}, {"rsa_signature_3072_sha256_test.json", 259},
        {"rsa_signature_3072_sha384_test.json", 259}, {"rsa_signature_3072_sha512_test.json", 260},
        {"rsa_signature_4096_sha256_test.json", 258}, {"rsa_signature_4096_sha384_test.json", 259},
        {"rsa_signature_4096_sha512_test.json", 259}, {"rsa_signature_8192_sha256_test.json", 258},
        {"rsa_signature_8192_sha384_test.json", 259}, {"rsa_signature_8192_sha512_test.json", 259},
        {"rsa_pkcs1_2048_sig_gen_test.json", 10},     {"rsa_pkcs1_3072_sig_gen_test.json", 10},
        {"rsa_pkcs1_4096_sig_gen_test.json", 10},
    };
    run_all(files, sizeof files / sizeof files[0], pkcs1);
}

Test(wycheproof, rsa_pss_signatures)
{
    static const vectors files[] = {
        {"rsa_pss_2048_sha256_mgf1_32_test.json", 108},
        {"rsa_pss_2048_sha384_mgf1_48_test.json", 141},
        {"rsa_pss_3072_sha256_mgf1_32_test.json", 108},
        {"rsa_pss_4096_sha256_mgf1_32_test.json", 108},
        {"rsa_pss_4096_sha384_mgf1_48_test.json", 141},
        {"rsa_pss_4096_sha512_mgf1_64_test.json", 179},
        {"rsa_pss_4096_sha512_mgf1_32_test.json", 0}, /* salts that TLS does not have: all refused */
        {"rsa_pss_misc_test.json", 1},
    };
    run_all(files, sizeof files / sizeof files[0], pss);
}
