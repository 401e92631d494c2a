/* AEADs, CBC and HMAC against Wycheproof.
 *
 * The record contract builds nonce and additional data itself, so it cannot say these vectors; the portable primitives
 * under it can, and the contract suite proves that every other provider gives the same records as portable. HMAC is
 * also run over every provider's hashes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "hmac.h"
#include "portable/primitives.h"
#include "wycheproof.h"

typedef struct aead {
    wy_bytes key, iv, aad, msg, ct, tag;
    uint8_t *out;
    uint8_t made_tag[HF_PORTABLE_TAG_SIZE];
} aead;

/* A cipher's two calls on one vector. */
typedef hf_status aead_call(aead *a);

static hf_status gcm_seal(aead *a)
{
    return hf_portable_gcm_seal(a->key.data, a->key.len, a->iv.data, a->iv.len, a->aad.data, a->aad.len, a->msg.data,
                                a->msg.len, a->out, a->made_tag);
}

static hf_status gcm_open(aead *a)
{
    return hf_portable_gcm_open(a->key.data, a->key.len, a->iv.data, a->iv.len, a->aad.data, a->aad.len, a->ct.data,
                                a->ct.len, a->out, a->tag.data);
}

static hf_status chacha_seal(aead *a)
{
    return hf_portable_chacha20_poly1305_seal(a->key.data, a->key.len, a->iv.data, a->iv.len, a->aad.data, a->aad.len,
                                              a->msg.data, a->msg.len, a->out, a->made_tag);
}

static hf_status chacha_open(aead *a)
{
    return hf_portable_chacha20_poly1305_open(a->key.data, a->key.len, a->iv.data, a->iv.len, a->aad.data, a->aad.len,
                                              a->ct.data, a->ct.len, a->out, a->tag.data);
}

static hf_status ccm_seal(aead *a)
{
    return hf_portable_ccm_seal(a->key.data, a->key.len, a->iv.data, a->iv.len, a->aad.data, a->aad.len, a->msg.data,
                                a->msg.len, a->out, a->made_tag, a->tag.len);
}

static hf_status ccm_open(aead *a)
{
    return hf_portable_ccm_open(a->key.data, a->key.len, a->iv.data, a->iv.len, a->aad.data, a->aad.len, a->ct.data,
                                a->ct.len, a->out, a->tag.data, a->tag.len);
}

typedef struct aead_calls {
    aead_call *seal, *open;
    bool any_tag; /* takes other tag lengths than 16 */
} aead_calls;

static wy_verdict aead_verdict(aead *a, const aead_calls *calls, bool valid)
{
    hf_status status = calls->open(a);
    if (status == HF_ERR_UNSUPPORTED)
        return WY_UNEXPRESSIBLE;
    if (status == HF_ERR_VERIFY) {
        for (size_t i = 0; i < a->ct.len; i++)
            if (a->out[i] != 0)
                return WY_WRONG;
        return WY_REFUSED;
    }
    if (status != HF_OK || a->msg.len != a->ct.len || memcmp(a->out, a->msg.data, a->msg.len) != 0)
        return WY_WRONG;
    if (!valid)
        return WY_ACCEPTED;
    if (calls->seal(a) != HF_OK || memcmp(a->out, a->ct.data, a->ct.len) != 0 ||
        memcmp(a->made_tag, a->tag.data, a->tag.len) != 0)
        return WY_WRONG;
    return WY_ACCEPTED;
}

static wy_verdict run_aead(const json_t *group, const json_t *test, void *arg)
{
    const aead_calls *calls = arg;
    aead a = {.key = wy_hex(test, "key"),
              .iv = wy_hex(test, "iv"),
              .aad = wy_hex(test, "aad"),
              .msg = wy_hex(test, "msg"),
              .ct = wy_hex(test, "ct"),
              .tag = wy_hex(test, "tag")};
    size_t room = (a.ct.len > a.msg.len ? a.ct.len : a.msg.len) + 1;
    wy_verdict verdict = WY_UNEXPRESSIBLE;

    (void)group;
    a.out = malloc(room);
    cr_assert_not_null(a.out);
    memset(a.out, 0xa5, room);
    if (calls->any_tag ? a.tag.len <= HF_PORTABLE_TAG_SIZE : a.tag.len == HF_PORTABLE_TAG_SIZE)
        verdict = aead_verdict(&a, calls, strcmp(wy_text(test, "result"), "valid") == 0);
    free(a.out);
    wy_free(a.key);
    wy_free(a.iv);
    wy_free(a.aad);
    wy_free(a.msg);
    wy_free(a.ct);
    wy_free(a.tag);
    return verdict;
}

/* PKCS#5 padding by the book: the message's length, or SIZE_MAX. */
static size_t unpadded(const uint8_t *plain, size_t len)
{
    size_t pad = len == 0 ? 0 : plain[len - 1];
    if (pad == 0 || pad > 16 || pad > len)
        return SIZE_MAX;
    for (size_t i = len - pad; i < len; i++)
        if (plain[i] != pad)
            return SIZE_MAX;
    return len - pad;
}

static wy_verdict cbc_verdict(wy_bytes key, wy_bytes iv, wy_bytes msg, wy_bytes ct, uint8_t *buf)
{
    size_t padded = (msg.len / 16 + 1) * 16;

    if (key.len == 24)
        return WY_UNEXPRESSIBLE;
    hf_status status = hf_portable_cbc_decrypt(key.data, key.len, iv.data, ct.data, ct.len, buf);
    if (status == HF_ERR_INVALID)
        return WY_REFUSED; /* not whole blocks */
    if (status != HF_OK)
        return WY_WRONG;
    size_t len = unpadded(buf, ct.len);
    if (len == SIZE_MAX)
        return WY_REFUSED;
    if (len != msg.len || memcmp(buf, msg.data, len) != 0)
        return WY_WRONG;
    memcpy(buf, msg.data, msg.len);
    memset(buf + msg.len, (int)(padded - msg.len), padded - msg.len);
    status = hf_portable_cbc_encrypt(key.data, key.len, iv.data, buf, padded, buf);
    return status == HF_OK && padded == ct.len && memcmp(buf, ct.data, padded) == 0 ? WY_ACCEPTED : WY_WRONG;
}

static wy_verdict run_cbc(const json_t *group, const json_t *test, void *arg)
{
    wy_bytes key = wy_hex(test, "key"), iv = wy_hex(test, "iv"), msg = wy_hex(test, "msg"), ct = wy_hex(test, "ct");
    uint8_t *buf = malloc(msg.len + ct.len + 32);
    (void)group;
    (void)arg;
    cr_assert_not_null(buf);
    wy_verdict verdict = cbc_verdict(key, iv, msg, ct, buf);
    free(buf);
    wy_free(key);
    wy_free(iv);
    wy_free(msg);
    wy_free(ct);
    return verdict;
}

/* HMAC made of a provider's hash, or the portable one. */
typedef struct mac {
    hf_hash_id id;
    const hf_hash *hash; /* NULL: hf_portable_hmac */
} mac;

static bool make_mac(const mac *m, wy_bytes key, wy_bytes msg, uint8_t *out)
{
    hf_hmac hmac;
    if (!m->hash)
        return hf_portable_hmac(m->id, key.data, key.len, msg.data, msg.len, out) == HF_OK;
    if (hf_hmac_init(&hmac, m->hash, key.data, key.len) != HF_OK)
        return false;
    bool good = hf_hmac_run(&hmac, msg.data, msg.len, NULL, 0, out) == HF_OK;
    hf_hmac_cleanup(&hmac);
    return good;
}

static wy_verdict run_hmac(const json_t *group, const json_t *test, void *arg)
{
    wy_bytes key = wy_hex(test, "key"), msg = wy_hex(test, "msg"), tag = wy_hex(test, "tag");
    uint8_t out[HF_HASH_SIZE_MAX];
    wy_verdict verdict = WY_WRONG;

    (void)group;
    if (make_mac(arg, key, msg, out)) /* the vectors also have truncated tags */
        verdict = hf_ct_equal(out, tag.data, tag.len) ? WY_ACCEPTED : WY_REFUSED;
    wy_free(key);
    wy_free(msg);
    wy_free(tag);
    return verdict;
}

Test(wycheproof, aes_gcm)
{
    aead_calls calls = {gcm_seal, gcm_open, false};
    wy_file("aes_gcm_test.json", "portable", 100, run_aead, &calls);
}

Test(wycheproof, chacha20_poly1305)
{
    aead_calls calls = {chacha_seal, chacha_open, false};
    wy_file("chacha20_poly1305_test.json", "portable", 300, run_aead, &calls);
}

Test(wycheproof, aes_ccm)
{
    aead_calls calls = {ccm_seal, ccm_open, true};
    wy_file("aes_ccm_test.json", "portable", 300, run_aead, &calls);
}

Test(wycheproof, aes_cbc)
{
    wy_file("aes_cbc_pkcs5_test.json", "portable", 144, run_cbc, NULL);
}

Test(wycheproof, hmac)
{
    static const struct {
        hf_hash_id id;
        const char *file;
        size_t least;
    } files[] = {{HF_SHA1, "hmac_sha1_test.json", 170},
                 {HF_SHA256, "hmac_sha256_test.json", 174},
                 {HF_SHA384, "hmac_sha384_test.json", 174},
                 {HF_SHA512, "hmac_sha512_test.json", 174}};
    const hf_provider *const *providers = hf_providers();

    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        mac direct = {files[f].id, NULL};
        wy_file(files[f].file, "portable", files[f].least, run_hmac, &direct);
        for (size_t p = 0; providers[p]; p++)
            for (size_t h = 0; providers[p]->hashes && providers[p]->hashes[h]; h++) {
                mac over = {files[f].id, providers[p]->hashes[h]};
                if (over.hash->id == over.id)
                    wy_file(files[f].file, providers[p]->name, files[f].least, run_hmac, &over);
            }
    }
}
