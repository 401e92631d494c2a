/* ECDH of libcrypto's groups and X25519 of everybody's against Wycheproof. For ECDH the private key of a vector is put
 * where hf_group.generate would have put one: an EVP_PKEY. */
#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#include "wycheproof.h"

static const hf_group *group_of(uint16_t id)
{
    const hf_provider *provider = hf_provider_by_name("libcrypto");
    for (size_t i = 0; provider->groups[i]; i++)
        if (provider->groups[i]->id == id)
            return provider->groups[i];
    cr_assert_fail("libcrypto lacks group %u", id);
    return NULL;
}

/* The curve's EVP_PKEY with this scalar. */
static EVP_PKEY *ec_private(const char *curve, wy_bytes scalar)
{
    EVP_PKEY *pkey = NULL;
    BIGNUM *d = BN_bin2bn(scalar.data, (int)scalar.len, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    cr_assert(d && builder && ctx);
    cr_assert(OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) &&
              OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, d));
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    cr_assert(params && EVP_PKEY_fromdata_init(ctx) > 0 && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) > 0);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(ctx);
    BN_free(d);
    return pkey;
}

static wy_verdict derive(const hf_group *group, void *private_key, wy_bytes peer, wy_bytes shared)
{
    static const uint8_t zero[HF_GROUP_SHARED_MAX];
    uint8_t out[HF_GROUP_SHARED_MAX];
    memset(out, 0xa5, sizeof out);
    hf_status status = group->derive(private_key, peer.data, peer.len, out);
    if (status == HF_ERR_VERIFY)
        return memcmp(out, zero, group->shared_size) == 0 ? WY_REFUSED : WY_WRONG;
    if (status != HF_OK || shared.len != group->shared_size)
        return WY_WRONG;
    return memcmp(out, shared.data, shared.len) == 0 ? WY_ACCEPTED : WY_WRONG;
}

typedef struct curve {
    const char *name;
    uint16_t id;
} curve;

static wy_verdict ecdh(const json_t *group, const json_t *test, void *arg)
{
    const curve *c = arg;
    wy_bytes scalar = wy_hex(test, "private"), peer = wy_hex(test, "public"), shared = wy_hex(test, "shared");
    (void)group;
    EVP_PKEY *private_key = ec_private(c->name, scalar);
    wy_verdict verdict = derive(group_of(c->id), private_key, peer, shared);
    EVP_PKEY_free(private_key);
    wy_free(scalar);
    wy_free(peer);
    wy_free(shared);
    return verdict;
}

static wy_verdict x25519(const json_t *group, const json_t *test, void *arg)
{
    wy_bytes scalar = wy_hex(test, "private"), peer = wy_hex(test, "public"), shared = wy_hex(test, "shared");
    const hf_group *tested = arg;
    uint8_t public[HF_GROUP_PUBLIC_MAX];
    void *private_key = NULL;
    (void)group;
    cr_assert_eq(tested->import(scalar.data, scalar.len, &private_key, public), HF_OK);
    wy_verdict verdict = derive(tested, private_key, peer, shared);
    tested->destroy(private_key);
    wy_free(scalar);
    wy_free(peer);
    wy_free(shared);
    return verdict;
}

Test(wycheproof, ecdh)
{
    curve p256 = {"P-256", HF_GROUP_P256}, p384 = {"P-384", HF_GROUP_P384}, p521 = {"P-521", HF_GROUP_P521};
    wy_file("ecdh_secp256r1_ecpoint_test.json", "libcrypto", 355, ecdh, &p256);
    wy_file("ecdh_secp384r1_ecpoint_test.json", "libcrypto", 790, ecdh, &p384);
    wy_file("ecdh_secp521r1_ecpoint_test.json", "libcrypto", 661, ecdh, &p521);
}

Test(wycheproof, x25519)
{
    const char *why = "";
    size_t n = 0;

    for (size_t i = 0; hf_providers()[i]; i++) {
        const hf_provider *provider = hf_providers()[i];
        for (size_t k = 0; provider->available(&why) && provider->groups && provider->groups[k]; k++)
            if (provider->groups[k]->id == HF_GROUP_X25519) {
                hf_group copy = *provider->groups[k];
                wy_file("x25519_test.json", provider->name, 518, x25519, &copy);
                n++;
            }
    }
    cr_assert_geq(n, 1);
}
