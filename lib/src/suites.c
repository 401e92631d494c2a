/* Cipher suites in our order of preference (forward secrecy first, then AEAD, then the faster), signature schemes
 * and names. Sources: IANA TLS registries; RFC 5246, 5288, 5289, 7905, 8422, 8446. */
#include "suites.h"

#define ECDSA(id, name, cipher, hash)                                                                                  \
    {                                                                                                                  \
        {id, "TLS_ECDHE_ECDSA_WITH_" name}, HF_KX_ECDHE_ECDSA, cipher, hash                                            \
    }
#define ECRSA(id, name, cipher, hash)                                                                                  \
    {                                                                                                                  \
        {id, "TLS_ECDHE_RSA_WITH_" name}, HF_KX_ECDHE_RSA, cipher, hash                                                \
    }
#define RSA(id, name, cipher, hash)                                                                                    \
    {                                                                                                                  \
        {id, "TLS_RSA_WITH_" name}, HF_KX_RSA, cipher, hash                                                            \
    }

#define TLS13(id, name, cipher, hash)                                                                                  \
    {                                                                                                                  \
        {id, "TLS_" name}, HF_KX_TLS13, cipher, hash                                                                   \
    }

static const hf_suite suites[] = {
    TLS13(0x1301, "AES_128_GCM_SHA256", HF_AES_128_GCM, HF_SHA256),
    TLS13(0x1302, "AES_256_GCM_SHA384", HF_AES_256_GCM, HF_SHA384),
    TLS13(0x1303, "CHACHA20_POLY1305_SHA256", HF_CHACHA20_POLY1305, HF_SHA256),
    TLS13(0x1304, "AES_128_CCM_SHA256", HF_AES_128_CCM, HF_SHA256),
    ECDSA(0xc02b, "AES_128_GCM_SHA256", HF_AES_128_GCM, HF_SHA256),
    ECRSA(0xc02f, "AES_128_GCM_SHA256", HF_AES_128_GCM, HF_SHA256),
    ECDSA(0xc02c, "AES_256_GCM_SHA384", HF_AES_256_GCM, HF_SHA384),
    ECRSA(0xc030, "AES_256_GCM_SHA384", HF_AES_256_GCM, HF_SHA384),
    ECDSA(0xcca9, "CHACHA20_POLY1305_SHA256", HF_CHACHA20_POLY1305, HF_SHA256),
    ECRSA(0xcca8, "CHACHA20_POLY1305_SHA256", HF_CHACHA20_POLY1305, HF_SHA256),
    ECDSA(0xc023, "AES_128_CBC_SHA256", HF_AES_128_CBC_SHA256, HF_SHA256),
    ECRSA(0xc027, "AES_128_CBC_SHA256", HF_AES_128_CBC_SHA256, HF_SHA256),
    ECDSA(0xc024, "AES_256_CBC_SHA384", HF_AES_256_CBC_SHA384, HF_SHA384),
    ECRSA(0xc028, "AES_256_CBC_SHA384", HF_AES_256_CBC_SHA384, HF_SHA384),
    ECDSA(0xc009, "AES_128_CBC_SHA", HF_AES_128_CBC_SHA1, HF_SHA256),
    ECRSA(0xc013, "AES_128_CBC_SHA", HF_AES_128_CBC_SHA1, HF_SHA256),
    ECDSA(0xc00a, "AES_256_CBC_SHA", HF_AES_256_CBC_SHA1, HF_SHA256),
    ECRSA(0xc014, "AES_256_CBC_SHA", HF_AES_256_CBC_SHA1, HF_SHA256),
    RSA(0x009c, "AES_128_GCM_SHA256", HF_AES_128_GCM, HF_SHA256),
    RSA(0x009d, "AES_256_GCM_SHA384", HF_AES_256_GCM, HF_SHA384),
    RSA(0x003c, "AES_128_CBC_SHA256", HF_AES_128_CBC_SHA256, HF_SHA256),
    RSA(0x003d, "AES_256_CBC_SHA256", HF_AES_256_CBC_SHA256, HF_SHA256),
    RSA(0x002f, "AES_128_CBC_SHA", HF_AES_128_CBC_SHA1, HF_SHA256),
    RSA(0x0035, "AES_256_CBC_SHA", HF_AES_256_CBC_SHA1, HF_SHA256),
};

static const hf_scheme schemes[] = {
    {HF_ECDSA_SECP256R1_SHA256, "ecdsa_secp256r1_sha256", HF_KEY_EC, HF_SHA256, true, HF_GROUP_P256},
    {HF_ECDSA_SECP384R1_SHA384, "ecdsa_secp384r1_sha384", HF_KEY_EC, HF_SHA384, true, HF_GROUP_P384},
    {HF_ECDSA_SECP521R1_SHA512, "ecdsa_secp521r1_sha512", HF_KEY_EC, HF_SHA512, true, HF_GROUP_P521},
    {HF_ED25519, "ed25519", HF_KEY_ED25519, HF_SHA512, true, 0},
    {HF_RSA_PSS_RSAE_SHA256, "rsa_pss_rsae_sha256", HF_KEY_RSA, HF_SHA256, true, 0},
    {HF_RSA_PSS_RSAE_SHA384, "rsa_pss_rsae_sha384", HF_KEY_RSA, HF_SHA384, true, 0},
    {HF_RSA_PSS_RSAE_SHA512, "rsa_pss_rsae_sha512", HF_KEY_RSA, HF_SHA512, true, 0},
    {HF_RSA_PSS_PSS_SHA256, "rsa_pss_pss_sha256", HF_KEY_RSA_PSS, HF_SHA256, true, 0},
    {HF_RSA_PSS_PSS_SHA384, "rsa_pss_pss_sha384", HF_KEY_RSA_PSS, HF_SHA384, true, 0},
    {HF_RSA_PSS_PSS_SHA512, "rsa_pss_pss_sha512", HF_KEY_RSA_PSS, HF_SHA512, true, 0},
    {HF_RSA_PKCS1_SHA256, "rsa_pkcs1_sha256", HF_KEY_RSA, HF_SHA256, false, 0},
    {HF_RSA_PKCS1_SHA384, "rsa_pkcs1_sha384", HF_KEY_RSA, HF_SHA384, false, 0},
    {HF_RSA_PKCS1_SHA512, "rsa_pkcs1_sha512", HF_KEY_RSA, HF_SHA512, false, 0},
};

const uint16_t hf_verify_schemes[] = {
    HF_ECDSA_SECP256R1_SHA256, HF_ECDSA_SECP384R1_SHA384,
    HF_ECDSA_SECP521R1_SHA512, HF_ED25519,
    HF_RSA_PSS_RSAE_SHA256,    HF_RSA_PSS_RSAE_SHA384,
    HF_RSA_PSS_RSAE_SHA512,    HF_RSA_PSS_PSS_SHA256,
    HF_RSA_PSS_PSS_SHA384,     HF_RSA_PSS_PSS_SHA512,
    HF_RSA_PKCS1_SHA256,       HF_RSA_PKCS1_SHA384,
    HF_RSA_PKCS1_SHA512,       0,
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

const hf_suite *hf_suite_by_id(uint16_t id)
{
    for (size_t i = 0; i < COUNT(suites); i++)
        if (suites[i].info.id == id)
            return &suites[i];
    return NULL;
}

bool hf_suite_is_cbc(const hf_suite *suite)
{
    return hf_cipher_spec_of(suite->cipher)->block_size > 1;
}

const hf_suite_info *hf_suite_at(size_t i)
{
    return i < COUNT(suites) ? &suites[i].info : NULL;
}

const char *hf_suite_name(uint16_t id)
{
    const hf_suite *suite = hf_suite_by_id(id);
    return suite ? suite->info.name : NULL;
}

const hf_scheme *hf_scheme_by_id(uint16_t id)
{
    for (size_t i = 0; i < COUNT(schemes); i++)
        if (schemes[i].id == id)
            return &schemes[i];
    return NULL;
}

const char *hf_scheme_name(uint16_t id)
{
    const hf_scheme *scheme = hf_scheme_by_id(id);
    return scheme ? scheme->name : "unknown";
}

const char *hf_group_name(uint16_t group)
{
    switch (group) {
    case HF_GROUP_P256:
        return "P-256";
    case HF_GROUP_P384:
        return "P-384";
    case HF_GROUP_P521:
        return "P-521";
    case HF_GROUP_X25519:
        return "X25519";
    default:
        return "unknown";
    }
}
