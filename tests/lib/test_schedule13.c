/* HKDF against the test cases of RFC 5869 appendix A, and the key schedule of TLS 1.3 against the traces of RFC 8448
 * sections 3 (1-RTT) and 5 (HelloRetryRequest). The hashes of the traces' transcripts are data here. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "schedule13.h"
#include "world.h"

static size_t unhex(const char *text, uint8_t *out)
{
    size_t n = strlen(text) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        cr_assert_eq(sscanf(text + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
    return n;
}

static void assert_hex(const uint8_t *got, const char *expected, const char *what)
{
    uint8_t bytes[128];
    size_t n = unhex(expected, bytes);
    cr_expect_arr_eq(got, bytes, n, "%s", what);
}

static const hf_hash *sha256(void)
{
    return world_crypto()->hashes[HF_SHA256];
}

/* ---- HKDF ---- */

Test(schedule13, hkdf_of_rfc_5869)
{
    static const struct {
        const char *ikm, *salt, *info, *prk, *okm;
    } cases[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
         "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
         "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
         "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f"
         "909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
         "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
         "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
         "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
         "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
         "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
         "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t ikm[128], salt[128], info[128], prk[32], okm[128];
        size_t ikm_len = unhex(cases[i].ikm, ikm), salt_len = unhex(cases[i].salt, salt);
        size_t info_len = unhex(cases[i].info, info), okm_len = strlen(cases[i].okm) / 2;
        cr_assert_eq(hf_hkdf_extract(sha256(), salt, salt_len, ikm, ikm_len, prk), HF_OK);
        assert_hex(prk, cases[i].prk, "PRK");
        cr_assert_eq(hf_hkdf_expand(sha256(), prk, 32, info, info_len, okm, okm_len), HF_OK);
        assert_hex(okm, cases[i].okm, "OKM");
    }
}

/* RFC 5869 section 2.3: at most 255 blocks. */
Test(schedule13, hkdf_has_an_end)
{
    for (hf_hash_id id = HF_SHA256; id <= HF_SHA512; id++) {
        static uint8_t out[255 * 64 + 1];
        const hf_hash *hash = world_crypto()->hashes[id];
        uint8_t prk[64] = {1};
        size_t most = (size_t)255 * hash->size;
        cr_assert_eq(hf_hkdf_expand(hash, prk, hash->size, NULL, 0, out, most), HF_OK);
        cr_assert_eq(hf_hkdf_expand(hash, prk, hash->size, NULL, 0, out, most + 1), HF_ERR_INVALID);
        uint8_t first[64];
        cr_assert_eq(hf_hkdf_expand(hash, prk, hash->size, NULL, 0, first, hash->size), HF_OK);
        cr_assert_arr_eq(first, out, hash->size, "a shorter output is the beginning of a longer one");
    }
}

/* ---- Traces ---- */

typedef struct trace {
    const char *shared, *handshake, *hello_hash, *c_hs, *s_hs, *master;
} trace;

#define EARLY "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a"

static const trace one_rtt = {.shared = "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d",
                              .handshake = "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac",
                              .hello_hash = "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8",
                              .c_hs = "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
                              .s_hs = "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
                              .master = "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919"};
static const trace retry = {.shared = "c142ce13ca11b5c2233652e63ad3d97844f1621fbfb9de69d547dc8fedeabeb4",
                            .handshake = "ce022e5e6e81e50736d773f2d3adfce8220d049bf510f0dbfac927ef4243b148",
                            .hello_hash = "8aa8e828ec2f8a884fec95a3139de01c15a3daa7ff5bfc3f4bfcc21b438d7bf8",
                            .c_hs = "158aa7ab8855073582b41d674b4055cabcc534728f659314861b4e08e2011566",
                            .s_hs = "3403e781e2af7b6508da28574f6e95a1abf162de83a97927c37672a4a0cef8a1",
                            .master = "1131545d0baf79ddce9b87f06945781a57dd18ef378dcd2060f8f9a569027ed8"};

static void assert_derives(const hf_schedule13 *s, const char *label, const char *transcript, const char *expected)
{
    uint8_t hash[32], out[32];
    unhex(transcript, hash);
    cr_assert_eq(hf_schedule13_derive(s, s->phase, label, hash, out), HF_OK);
    assert_hex(out, expected, label);
}

/* That *s is keyed with this secret: it makes the same MACs. */
static void assert_secret(const hf_schedule13 *s, const char *expected, const char *what)
{
    static const uint8_t message[] = "any";
    uint8_t secret[32], got[32], mac[32];
    unhex(expected, secret);
    cr_assert_eq(hf_hmac_run(&s->secret, message, sizeof message, NULL, 0, got), HF_OK);
    cr_assert_eq(hf_hmac_once(sha256(), secret, sizeof secret, message, sizeof message, mac), HF_OK);
    cr_expect_arr_eq(got, mac, sizeof mac, "%s", what);
}

/* Leaves *s in the phase of the master secret. */
static void run(const trace *t, hf_schedule13 *s)
{
    uint8_t shared[32];
    unhex(t->shared, shared);
    cr_assert_eq(hf_schedule13_start(s, sha256(), shared, sizeof shared), HF_OK);
    assert_secret(s, t->handshake, "handshake secret");
    assert_derives(s, "c hs traffic", t->hello_hash, t->c_hs);
    assert_derives(s, "s hs traffic", t->hello_hash, t->s_hs);
    cr_assert_eq(hf_schedule13_master(s), HF_OK);
    assert_secret(s, t->master, "master secret");
}

#define SERVER_FINISHED_HASH "9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13"
#define C_AP "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"
#define S_AP "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"

Test(schedule13, trace_of_a_handshake)
{
    hf_schedule13 s;
    run(&one_rtt, &s);
    assert_derives(&s, "c ap traffic", SERVER_FINISHED_HASH, C_AP);
    assert_derives(&s, "s ap traffic", SERVER_FINISHED_HASH, S_AP);
    assert_derives(&s, "exp master", SERVER_FINISHED_HASH,
                   "fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50");
    assert_derives(&s, "res master", "209145a96ee8e2a122ff810047cc952684658d6049e86429426db87c54ad143d",
                   "7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c");
    hf_schedule13_cleanup(&s);
}

Test(schedule13, trace_with_a_hello_retry_request)
{
    hf_schedule13 s;
    run(&retry, &s);
    hf_schedule13_cleanup(&s);
}

/* Without a PSK one starts from constants: they are what section 7.1 of RFC 8446 computes of a PSK of zeros. */
Test(schedule13, without_a_psk_it_is_a_psk_of_zeros)
{
    static const hf_hash_id ids[] = {HF_SHA256, HF_SHA384};
    static const uint8_t zeros[64], shared[48] = {1, 2, 3};
    uint8_t empty_hash[64], out[64], expected[64];
    hf_schedule13 s, with;

    for (size_t i = 0; i < 2; i++) {
        const hf_hash *hash = world_crypto()->hashes[ids[i]];
        cr_assert_eq(hf_hash_once(hash, zeros, 0, empty_hash), HF_OK);
        cr_assert_eq(hf_schedule13_start_psk(&with, hash, zeros), HF_OK);
        if (ids[i] == HF_SHA256)
            assert_secret(&with, EARLY, "early secret");
        cr_assert_eq(hf_schedule13_handshake(&with, shared, sizeof shared), HF_OK);
        cr_assert_eq(hf_schedule13_derive(&with, HF_PHASE_HANDSHAKE, "label", empty_hash, expected), HF_OK);
        cr_assert_eq(hf_schedule13_start(&s, hash, shared, sizeof shared), HF_OK);
        cr_assert_eq(hf_schedule13_derive(&s, HF_PHASE_HANDSHAKE, "label", empty_hash, out), HF_OK);
        cr_assert_arr_eq(out, expected, hash->size, "%s", hash->name);
        hf_schedule13_cleanup(&s);
        hf_schedule13_cleanup(&with);
    }
    cr_assert_eq(hf_schedule13_start(&s, world_crypto()->hashes[HF_SHA512], shared, sizeof shared), HF_ERR_UNSUPPORTED,
                 "of no suite of TLS 1.3");
    cr_assert_eq(hf_schedule13_derive(&s, HF_PHASE_HANDSHAKE, "label", zeros, out), HF_ERR_STATE);
    hf_schedule13_cleanup(&s);
}

Test(schedule13, keys_of_the_trace)
{
    const struct {
        const char *secret, *key, *iv;
    } cases[] = {
        {one_rtt.s_hs, "3fce516009c21727d0f2e4e86ee403bc", "5d313eb2671276ee13000b30"},
        {one_rtt.c_hs, "dbfaa693d1762c5b666af5d950258d01", "5bd3c71b836e0b76bb73265f"},
        {S_AP, "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984"},
        {C_AP, "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t secret[32], key[16], iv[12], again[16];
        hf_hmac keyed;
        unhex(cases[i].secret, secret);
        cr_assert_eq(hf_hmac_init(&keyed, sha256(), secret, sizeof secret), HF_OK);
        cr_assert_eq(hf_expand_label_keyed(&keyed, "key", (hf_slice){0}, key, sizeof key), HF_OK);
        cr_assert_eq(hf_expand_label_keyed(&keyed, "iv", (hf_slice){0}, iv, sizeof iv), HF_OK);
        hf_hmac_cleanup(&keyed);
        cr_assert_eq(hf_expand_label(sha256(), secret, "key", (hf_slice){0}, again, sizeof again), HF_OK);
        cr_assert_arr_eq(again, key, sizeof key);
        assert_hex(key, cases[i].key, "key");
        assert_hex(iv, cases[i].iv, "iv");
    }
}

/* The client's Finished of the trace: HMAC under the finished key over the transcript with the server's Finished. */
Test(schedule13, finished_of_the_trace)
{
    uint8_t secret[32], key[32], transcript[32], verify_data[32];
    unhex(one_rtt.s_hs, secret);
    cr_assert_eq(hf_expand_label(sha256(), secret, "finished", (hf_slice){0}, key, sizeof key), HF_OK);
    assert_hex(key, "008d3b66f816ea559f96b537e885c31fc068bf492c652f01f288a1d8cdc19fc8", "server's finished key");
    unhex(one_rtt.c_hs, secret);
    cr_assert_eq(hf_expand_label(sha256(), secret, "finished", (hf_slice){0}, key, sizeof key), HF_OK);
    assert_hex(key, "b80ad01015fb2f0bd65ff7d4da5d6bf83f84821d1f87fdc7d3c75b5a7b42d9c4", "client's finished key");
    unhex(SERVER_FINISHED_HASH, transcript);
    cr_assert_eq(hf_finished_mac13(sha256(), key, transcript, verify_data), HF_OK);
    assert_hex(verify_data, "a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61", "verify_data");
}

/* RFC 8448 section 4: the handshake that resumes section 3's. The PSK of its ticket, and the binder over the hash of
 * the hello without binders. */
Test(schedule13, resumption_of_the_trace)
{
    static const uint8_t nonce[2] = {0, 0};
    uint8_t resumption[32], psk[32], transcript[32], binder[32];

    unhex("7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c", resumption);
    cr_assert_eq(hf_psk_of_ticket(sha256(), resumption, (hf_slice){nonce, sizeof nonce}, psk), HF_OK);
    assert_hex(psk, "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3", "PSK");
    hf_schedule13 s;
    cr_assert_eq(hf_schedule13_start_psk(&s, sha256(), psk), HF_OK);
    assert_secret(&s, "9b2188e9b2fc6d64d71dc329900e20bb41915000f678aa839cbb797cb7d8332c", "early secret");
    hf_schedule13_cleanup(&s);
    unhex("63224b2e4573f2d3454ca84b9d009a04f6be9e05711a8396473aefa01e924a14", transcript);
    cr_assert_eq(hf_psk_binder(sha256(), psk, transcript, binder), HF_OK);
    assert_hex(binder, "3add4fb2d8fdf822a0ca3cf7678ef5e88dae990141c5924d57bb6fa31b9e5f9d", "binder");
}

/* ---- Phases ---- */

Test(schedule13, a_phase_gives_only_what_is_its_own)
{
    static const hf_schedule13 wiped;
    uint8_t hash[48] = {0}, out[48], shared[32] = {7}, psk[48] = {8};
    hf_schedule13 s = {0};
    cr_assert_eq(hf_schedule13_derive(&s, HF_PHASE_EARLY, "c e traffic", hash, out), HF_ERR_STATE);
    cr_assert_eq(hf_schedule13_derive(&s, HF_PHASE_NONE, "c e traffic", hash, out), HF_ERR_STATE);
    cr_assert_eq(hf_schedule13_master(&s), HF_ERR_STATE, "of nothing");
    cr_assert_eq(hf_schedule13_start_psk(&s, world_crypto()->hashes[HF_SHA384], psk), HF_OK);
    cr_assert_eq(hf_schedule13_derive(&s, HF_PHASE_HANDSHAKE, "c hs traffic", hash, out), HF_ERR_STATE);
    cr_assert_eq(hf_schedule13_master(&s), HF_ERR_STATE, "no master secret without a shared one");
    cr_assert_eq(hf_schedule13_handshake(&s, shared, sizeof shared), HF_OK);
    cr_assert_eq(hf_schedule13_handshake(&s, shared, sizeof shared), HF_ERR_STATE, "once");
    cr_assert_eq(hf_schedule13_derive(&s, HF_PHASE_MASTER, "c ap traffic", hash, out), HF_ERR_STATE);
    cr_assert_eq(hf_schedule13_derive(&s, HF_PHASE_EARLY, "c e traffic", hash, out), HF_ERR_STATE);
    cr_assert_eq(hf_schedule13_master(&s), HF_OK);
    cr_assert_eq(hf_schedule13_derive(&s, HF_PHASE_HANDSHAKE, "c hs traffic", hash, out), HF_ERR_STATE);
    cr_assert_eq(hf_schedule13_master(&s), HF_ERR_STATE, "once");
    hf_schedule13_cleanup(&s);
    cr_assert_arr_eq(&s, &wiped, sizeof s, "wiped");
    cr_assert_eq(hf_schedule13_derive(&s, HF_PHASE_MASTER, "c ap traffic", hash, out), HF_ERR_STATE);
}
