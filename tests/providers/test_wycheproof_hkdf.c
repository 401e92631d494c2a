/* HKDF over every hash of the composition against Wycheproof. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "schedule13.h"
#include "wycheproof.h"

static wy_verdict hkdf(const json_t *group, const json_t *test, void *arg)
{
    const hf_hash *hash = arg;
    wy_bytes ikm = wy_hex(test, "ikm"), salt = wy_hex(test, "salt"), info = wy_hex(test, "info");
    wy_bytes okm = wy_hex(test, "okm");
    size_t size = wy_number(test, "size");
    uint8_t prk[64], *out = malloc(size + 1);
    wy_verdict verdict = WY_WRONG;
    (void)group;
    cr_assert_not_null(out);
    hf_status status = hf_hkdf_extract(hash, salt.data, salt.len, ikm.data, ikm.len, prk);
    if (status == HF_OK)
        status = hf_hkdf_expand(hash, prk, hash->size, info.data, info.len, out, size);
    if (status == HF_ERR_INVALID)
        verdict = WY_REFUSED;
    else if (status == HF_OK && size == okm.len && memcmp(out, okm.data, size) == 0)
        verdict = WY_ACCEPTED;
    free(out);
    wy_free(ikm);
    wy_free(salt);
    wy_free(info);
    wy_free(okm);
    return verdict;
}

Test(wycheproof_hkdf, every_hash)
{
    static const char *const files[] = {[HF_SHA256] = "hkdf_sha256_test.json",
                                        [HF_SHA384] = "hkdf_sha384_test.json",
                                        [HF_SHA512] = "hkdf_sha512_test.json"};
    hf_crypto crypto;
    char why[256];
    cr_assert_eq(hf_crypto_compose(NULL, &crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
    for (hf_hash_id id = HF_SHA256; id <= HF_SHA512; id++)
        wy_file(files[id], crypto.hashes[id]->provider->name, 80, hkdf, (void *)(uintptr_t)crypto.hashes[id]);
}
