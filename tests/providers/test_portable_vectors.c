/* Published vectors, so that reference and provider cannot be wrong together. Sources stand at each one. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "handfast/providers.h"
#include "md_fastest.h"
#include "md_hmac.h"
#include "primitives.h"
#include "test_portable_reference.h"

#define ROOM 512

/* key, nonce, aad, plaintext, ciphertext, tag */
typedef struct aead_vector {
    const char *key, *nonce, *aad, *plain, *cipher, *tag;
} aead_vector;

#define GCM_KEY "feffe9928665731c6d6a8f9467308308"
#define GCM_NONCE "cafebabefacedbaddecaf888"
#define GCM_PLAIN                                                                                                      \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657" \
    "ba637b39"
#define GCM_AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"

/* McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 1-4 and 13-16 (those of NIST's GCM page). */
static const aead_vector gcm[] = {
    {"00000000000000000000000000000000", "000000000000000000000000", "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
    {"00000000000000000000000000000000", "000000000000000000000000", "", "00000000000000000000000000000000",
     "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf"},
    {GCM_KEY, GCM_NONCE, "", GCM_PLAIN "1aafd255",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973"
     "d"
     "58e091473f5985",
     "4d5c2af327cd64a62cf35abd2ba6fab4"},
    {GCM_KEY, GCM_NONCE, GCM_AAD, GCM_PLAIN,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973"
     "d"
     "58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "", "",
     "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
     "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
    {GCM_KEY GCM_KEY, GCM_NONCE, "", GCM_PLAIN "1aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0ab"
     "c"
     "c9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {GCM_KEY GCM_KEY, GCM_NONCE, GCM_AAD, GCM_PLAIN,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0ab"
     "c"
     "c9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

/* RFC 8439 section 2.8.2. */
static const aead_vector chapoly[] = {
    {"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "070000004041424344454647",
     "50515253c0c1c2c3c4c5c6c7",
     "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c64206f66666"
     "5"
     "7220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756c642062652069742"
     "e",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b290"
     "5"
     "d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b611"
     "6",
     "1ae10b594f09e26a7e902ecbd0600691"},
};

/* SP 800-38C appendix C, examples 1 to 3. */
static const aead_vector ccm[] = {
    {"404142434445464748494a4b4c4d4e4f", "10111213141516", "0001020304050607", "20212223", "7162015b", "4dac255d"},
    {"404142434445464748494a4b4c4d4e4f", "1011121314151617", "000102030405060708090a0b0c0d0e0f",
     "202122232425262728292a2b2c2d2e2f", "d2a1f0e051ea5f62081a7792073d593d", "1fc64fbfaccd"},
    {"404142434445464748494a4b4c4d4e4f", "101112131415161718191a1b", "000102030405060708090a0b0c0d0e0f10111213",
     "202122232425262728292a2b2c2d2e2f3031323334353637", "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5",
     "484392fbc1b09951"},
};

typedef struct bytes {
    uint8_t key[64], nonce[16], aad[ROOM], plain[ROOM], cipher[ROOM], tag[16], out[ROOM], out_tag[16];
    size_t key_len, nonce_len, aad_len, len, tag_len;
} bytes;

static void decode(const aead_vector *v, bytes *b)
{
    memset(b, 0, sizeof *b);
    b->key_len = ref_hex(v->key, b->key);
    b->nonce_len = ref_hex(v->nonce, b->nonce);
    b->aad_len = ref_hex(v->aad, b->aad);
    b->len = ref_hex(v->plain, b->plain);
    cr_assert_eq(ref_hex(v->cipher, b->cipher), b->len);
    b->tag_len = ref_hex(v->tag, b->tag);
}

#define CHECK_AEAD(vectors, seal, open)                                                                                \
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {                                                    \
        bytes b;                                                                                                       \
        decode(&vectors[i], &b);                                                                                       \
        cr_assert_eq(seal(b.key, b.key_len, b.nonce, b.nonce_len, b.aad, b.aad_len, b.plain, b.len, b.out, b.out_tag), \
                     HF_OK);                                                                                           \
        cr_assert_arr_eq(b.out, b.cipher, b.len, "vector %zu", i);                                                     \
        cr_assert_arr_eq(b.out_tag, b.tag, b.tag_len, "vector %zu", i);                                                \
        cr_assert_eq(open(b.key, b.key_len, b.nonce, b.nonce_len, b.aad, b.aad_len, b.cipher, b.len, b.out, b.tag),    \
                     HF_OK);                                                                                           \
        cr_assert_arr_eq(b.out, b.plain, b.len, "vector %zu", i);                                                      \
        b.nonce[0] ^= 1;                                                                                               \
        cr_assert_eq(open(b.key, b.key_len, b.nonce, b.nonce_len, b.aad, b.aad_len, b.cipher, b.len, b.out, b.tag),    \
                     HF_ERR_VERIFY);                                                                                   \
    }

Test(portable_vectors, gcm)
{
    CHECK_AEAD(gcm, hf_portable_gcm_seal, hf_portable_gcm_open);
}

Test(portable_vectors, chacha20_poly1305)
{
    CHECK_AEAD(chapoly, hf_portable_chacha20_poly1305_seal, hf_portable_chacha20_poly1305_open);
}

Test(portable_vectors, ccm)
{
#define CCM_SEAL(k, kl, n, nl, a, al, in, len, out, tag)                                                               \
    hf_portable_ccm_seal(k, kl, n, nl, a, al, in, len, out, tag, b.tag_len)
#define CCM_OPEN(k, kl, n, nl, a, al, in, len, out, tag)                                                               \
    hf_portable_ccm_open(k, kl, n, nl, a, al, in, len, out, tag, b.tag_len)
    CHECK_AEAD(ccm, CCM_SEAL, CCM_OPEN);
}

/* FIPS 197 appendix C by way of CBC with a zero IV, and SP 800-38A F.2.1, F.2.5 (CBC-AES128, CBC-AES256). */
Test(portable_vectors, cbc)
{
    static const struct {
        const char *key, *iv, *plain, *cipher;
    } vectors[] = {
        {"000102030405060708090a0b0c0d0e0f", "00000000000000000000000000000000", "00112233445566778899aabbccddeeff",
         "69c4e0d86a7b0430d8cdb78070b4c55a"},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "00000000000000000000000000000000",
         "00112233445566778899aabbccddeeff", "8ea2b7ca516745bfeafc49904b496089"},
        {"2b7e151628aed2a6abf7158809cf4f3c", "000102030405060708090a0b0c0d0e0f",
         "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9"
         "b17"
         "ad2b417be66c3710",
         "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b273bed6b8e3c1743b7116e69e222295163ff1caa1681fa"
         "c09"
         "120eca307586e1a7"},
        {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "000102030405060708090a0b0c0d0e0f",
         "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9"
         "b17"
         "ad2b417be66c3710",
         "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacfa530e26304231461b2eb05e2c39be"
         "9fc"
         "da6c19078c6a9d1b"},
    };

    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint8_t key[32], iv[16], plain[64], cipher[64], out[64];
        size_t key_len = ref_hex(vectors[i].key, key), len = ref_hex(vectors[i].plain, plain);
        ref_hex(vectors[i].iv, iv);
        ref_hex(vectors[i].cipher, cipher);
        cr_assert_eq(hf_portable_cbc_encrypt(key, key_len, iv, plain, len, out), HF_OK);
        cr_assert_arr_eq(out, cipher, len, "vector %zu", i);
        cr_assert_eq(hf_portable_cbc_decrypt(key, key_len, iv, cipher, len, out), HF_OK);
        cr_assert_arr_eq(out, plain, len, "vector %zu", i);
        cr_assert_eq(hf_portable_cbc_encrypt(key, key_len, iv, plain, len - 1, out), HF_ERR_INVALID);
        cr_assert_eq(hf_portable_cbc_decrypt(key, 24, iv, cipher, len, out), HF_ERR_UNSUPPORTED);
    }
}

/* HMAC over the plain operations of the hash, and over the fastest: both must give the same. */
static void hmac(hf_hash_id hash, const uint8_t *key, size_t key_len, const char *msg, uint8_t *out)
{
    uint8_t again[HF_HASH_SIZE_MAX];
    hf_md_hmac_key fast;
    hf_md_hmac mac;

    cr_assert_eq(hf_portable_hmac(hash, key, key_len, (const uint8_t *)msg, strlen(msg), out), HF_OK);
    cr_assert_eq(hf_md_hmac_key_init(&fast, hf_md_ops_fastest(hash), key, key_len), HF_OK);
    hf_md_hmac_start(&mac, &fast);
    hf_md_hmac_update(&mac, msg, strlen(msg));
    hf_md_hmac_final(&mac, again);
    cr_assert_arr_eq(again, out, hf_md_hmac_size(&fast));
}

/* RFC 2202 test cases 1, 2, 6 (SHA-1) and RFC 4231 test cases 1, 2, 6 (SHA-2). */
Test(portable_vectors, hmac)
{
    static const char *const long_text = "Test Using Larger Than Block-Size Key - Hash Key First";
    static const struct {
        hf_hash_id hash;
        const char *macs[3];
    } vectors[] = {
        {HF_SHA1,
         {"b617318655057264e28bc0b6fb378c8ef146be00", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
          "aa4ae5e15272d00e95705637ce8a3b55ed402112"}},
        {HF_SHA256,
         {"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"}},
        {HF_SHA384,
         {"afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
          "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
          "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952"}},
        {HF_SHA512,
         {"87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61"
          "f170"
          "2e696c203a126854",
          "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a"
          "6b4b"
          "636e070a38bce737",
          "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f"
          "0aec"
          "8b915a985d786598"}},
    };

    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint8_t key[131], mac[64], want[64];
        size_t len = ref_hex(vectors[i].macs[0], want);
        memset(key, 0x0b, sizeof key);
        hmac(vectors[i].hash, key, 20, "Hi There", mac);
        cr_assert_arr_eq(mac, want, len);
        ref_hex(vectors[i].macs[1], want);
        hmac(vectors[i].hash, (const uint8_t *)"Jefe", 4, "what do ya want for nothing?", mac);
        cr_assert_arr_eq(mac, want, len);
        ref_hex(vectors[i].macs[2], want);
        memset(key, 0xaa, sizeof key);
        hmac(vectors[i].hash, key, vectors[i].hash == HF_SHA1 ? 80 : 131, long_text, mac);
        cr_assert_arr_eq(mac, want, len);
    }
    uint8_t out[64];
    hf_md_hmac_key none;
    cr_assert_eq(hf_md_hmac_key_init(&none, hf_md_ops_of(HF_HASH_COUNT), out, 0), HF_ERR_UNSUPPORTED);
    cr_assert_eq(hf_md_hmac_key_init(&none, hf_md_ops_fastest(HF_HASH_COUNT), out, 0), HF_ERR_UNSUPPORTED);
    cr_assert_eq(hf_portable_hmac(HF_HASH_COUNT, out, 0, out, 0, out), HF_ERR_UNSUPPORTED);
}

static const hf_hash *hash_of(const char *provider, hf_hash_id id)
{
    const hf_provider *p = hf_provider_by_name(provider);
    const char *why = "";

    if (!p || !p->available(&why))
        return NULL;
    for (size_t i = 0; p->hashes[i]; i++)
        if (p->hashes[i]->id == id)
            return p->hashes[i];
    return NULL;
}

/* "abc"; a million times "a", in uneven pieces. Clones go their own way. */
static void digests(const hf_hash *hash, const char *abc, const char *million)
{
    static uint8_t as[1000];
    _Alignas(16) uint8_t state[HF_HASH_STATE_MAX], copy[HF_HASH_STATE_MAX];
    uint8_t digest[64], want[64];

    memset(as, 'a', sizeof as);
    cr_assert_eq(ref_hex(abc, want), hash->size);
    cr_assert_eq(hash->init(state), HF_OK);
    cr_assert_eq(hash->update(state, "ab", 2), HF_OK);
    cr_assert_eq(hash->clone(copy, state), HF_OK);
    cr_assert_eq(hash->update(copy, as, 500), HF_OK);
    cr_assert_eq(hash->update(state, "c", 1), HF_OK);
    cr_assert_eq(hash->final(state, digest), HF_OK);
    cr_assert_arr_eq(digest, want, hash->size, "%s %s", hash->provider->name, hash->name);
    hash->cleanup(state);
    hash->cleanup(copy);
    for (size_t j = 0; j < hash->state_size; j++)
        cr_assert_eq(state[j] | copy[j], 0);

    ref_hex(million, want);
    cr_assert_eq(hash->init(state), HF_OK);
    for (size_t done = 0, piece; done < 1000000; done += piece) {
        piece = 1 + done * 7 % sizeof as;
        piece = piece < 1000000 - done ? piece : 1000000 - done;
        cr_assert_eq(hash->update(state, as, piece), HF_OK);
    }
    cr_assert_eq(hash->final(state, digest), HF_OK);
    cr_assert_arr_eq(digest, want, hash->size, "%s %s", hash->provider->name, hash->name);
    hash->cleanup(state);
}

/* FIPS 180 examples, over every table of operations that runs here. */
Test(portable_vectors, hashes)
{
    static const struct {
        hf_hash_id id;
        const char *abc, *million;
    } vectors[] = {
        {HF_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d", "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
        {HF_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
         "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {HF_SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
         "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87f3d8985"},
        {HF_SHA512,
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce"
         "80e"
         "2a9ac94fa54ca49f",
         "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49a"
         "a2e"
         "4eadb217ad8cc09b"},
    };
    size_t n = 0;

    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const hf_hash *plain = hash_of("portable", vectors[i].id);
        const hf_hash *x86 = hash_of("x86", vectors[i].id);
        cr_assert_not_null(plain);
        digests(plain, vectors[i].abc, vectors[i].million);
        if (x86) {
            digests(x86, vectors[i].abc, vectors[i].million);
            n++;
        }
        /* What is called the fastest is the one that was tested here. */
        cr_assert_eq(x86 != NULL, hf_md_ops_fastest(vectors[i].id) != hf_md_ops_of(vectors[i].id));
    }
    cr_assert_eq(n, strstr(hf_cpu_features(), "sha_ni") && hf_provider_by_name("x86") ? 2 : 0);
}

/* One call over many blocks, from any address, is as many calls; nothing beyond the blocks is read. */
Test(portable_vectors, compression_of_many_blocks)
{
    for (int id = 0; id < HF_HASH_COUNT; id++) {
        const hf_md_ops *plain = hf_md_ops_of((hf_hash_id)id), *fast = hf_md_ops_fastest((hf_hash_id)id);
        for (size_t n = 0; n <= 9; n++)
            for (size_t off = 0; off < 5; off++) {
                size_t len = off + n * plain->block_size;
                uint8_t *exact = malloc(len + (len == 0));
                hf_md_chain a = plain->initial, b = fast->initial;
                ref_fill(exact, len, (uint32_t)n);
                for (size_t i = 0; i < n; i++)
                    plain->compress(&a, exact + off + i * plain->block_size, 1);
                fast->compress(&b, exact + off, n);
                cr_assert_arr_eq(&a, &b, sizeof a, "hash %d, %zu blocks", id, n);
                free(exact);
            }
    }
}

Test(portable_vectors, refuses_other_lengths)
{
    uint8_t b[64] = {0}, tag[16];

    cr_assert_eq(hf_portable_gcm_seal(b, 24, b, 12, b, 0, b, 0, b, tag), HF_ERR_UNSUPPORTED);
    cr_assert_eq(hf_portable_gcm_seal(b, 16, b, 16, b, 0, b, 0, b, tag), HF_ERR_UNSUPPORTED);
    cr_assert_eq(hf_portable_gcm_open(b, 16, b, 11, b, 0, b, 0, b, tag), HF_ERR_UNSUPPORTED);
    cr_assert_eq(hf_portable_chacha20_poly1305_seal(b, 16, b, 12, b, 0, b, 0, b, tag), HF_ERR_UNSUPPORTED);
    cr_assert_eq(hf_portable_chacha20_poly1305_open(b, 32, b, 8, b, 0, b, 0, b, tag), HF_ERR_UNSUPPORTED);
    cr_assert_eq(hf_portable_ccm_seal(b, 16, b, 14, b, 0, b, 0, b, tag, 16), HF_ERR_UNSUPPORTED);
    cr_assert_eq(hf_portable_ccm_open(b, 16, b, 12, b, 0, b, 0, b, tag, 5), HF_ERR_UNSUPPORTED);
}
