/* Secrets derived from a symmetric key in the token: the same for whoever has the key, different for every label; and
 * what happens when the key is unfit or the token goes away. */
#include <criterion/criterion.h>
#include <p11-kit/pkcs11.h>
#include <string.h>

#include "fixture.h"
#include "token_key.h"

TestSuite(hsm_secret, .init = token_setup, .fini = token_teardown);

static const uint8_t label[] = "a label";

static void make_hmac(const char *name)
{
    hf_hsm_options options = test_options();
    char uri[HF_HSM_URI_MAX + 1];
    const hf_hsm_new_key key = {.token_uri = "pkcs11:token=demo", .label = name};
    cr_assert_eq(hf_hsm_keygen(&options, &key, "hmac", uri, why, sizeof why), HF_OK, "%s", why);
    cr_assert_not_null(strstr(uri, "type=secret-key"), "%s", uri);
}

/* A secret key of any kind, with C_CreateObject: what the test knows can be computed by the test. */
static void create(const char *name, CK_KEY_TYPE type, const uint8_t *value, CK_ULONG len, CK_BBOOL extractable)
{
    hf_hsm_options options = test_options();
    const hf_why where = {.text = why, .max = sizeof why};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE handle;
    P11KitUri *uri = NULL;
    hf_token token;
    CK_ATTRIBUTE template[] = {
        hf_attr(CKA_CLASS, &class, sizeof class),
        hf_attr(CKA_KEY_TYPE, &type, sizeof type),
        hf_attr(CKA_VALUE, value, len),
        hf_attr(CKA_LABEL, name, strlen(name)),
        hf_attr(CKA_TOKEN, &yes, sizeof yes),
        hf_attr(CKA_PRIVATE, &yes, sizeof yes),
        hf_attr(CKA_SENSITIVE, &yes, sizeof yes),
        hf_attr(CKA_SIGN, &yes, sizeof yes),
        hf_attr(CKA_EXTRACTABLE, &extractable, sizeof extractable),
    };
    cr_assert_eq(hf_uri_parse("pkcs11:token=demo", &uri, &where), HF_OK);
    cr_assert_eq(hf_token_open(&options, uri, true, true, &token, &where), HF_OK, "%s", why);
    cr_assert_eq(
        token.session.fn->C_CreateObject(token.session.handle, template, sizeof template / sizeof template[0], &handle),
        CKR_OK);
    hf_token_close(&token);
    p11_kit_uri_free(uri);
}

static hf_status open_secret(const char *name, hf_hsm_secret **out)
{
    hf_hsm_options options = test_options();
    *out = NULL;
    return hf_hsm_secret_open(&options, uri_of(name), out, why, sizeof why);
}

static hf_status derive(hf_hsm_secret *s, const void *bytes, size_t len, uint8_t out[32])
{
    return hf_hsm_secret_derive(s, bytes, len, out, why, sizeof why);
}

Test(hsm_secret, the_same_for_whoever_has_the_key)
{
    hf_hsm_secret *one, *two, *other;
    uint8_t a[32], b[32];
    make_hmac("tickets");
    make_hmac("more");
    cr_assert_eq(open_secret("tickets", &one), HF_OK, "%s", why);
    cr_assert_eq(open_secret("tickets", &two), HF_OK, "%s", why);
    cr_assert_eq(open_secret("more", &other), HF_OK, "%s", why);
    unsigned before = mask_count(MASK_SIGN);
    cr_assert_eq(derive(one, label, sizeof label, a), HF_OK, "%s", why);
    cr_assert_eq(mask_count(MASK_SIGN), before + 1, "one use of the key");
    cr_assert_eq(derive(two, label, sizeof label, b), HF_OK);
    cr_assert_arr_eq(a, b, 32);
    cr_assert_eq(derive(one, label, sizeof label - 1, b), HF_OK);
    cr_assert_neq(memcmp(a, b, 32), 0, "another label");
    cr_assert_eq(derive(other, label, sizeof label, b), HF_OK);
    cr_assert_neq(memcmp(a, b, 32), 0, "another key");
    cr_assert_eq(derive(one, label, 0, b), HF_ERR_INVALID);
    hf_hsm_secret_close(one);
    hf_hsm_secret_close(two);
    hf_hsm_secret_close(other);
    hf_hsm_secret_close(NULL);
}

/* HMAC-SHA-256 of RFC 4231 test case 6; CMAC with AES-128 of RFC 4493 in counter mode, by `openssl mac`. */
Test(hsm_secret, known_answers)
{
    static const char message[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    static const uint8_t hmac[32] = {0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f, 0x0d, 0x8a, 0x26,
                                     0xaa, 0xcb, 0xf5, 0xb7, 0x7f, 0x8e, 0x0b, 0xc6, 0x21, 0x37, 0x28,
                                     0xc5, 0x14, 0x05, 0x46, 0x04, 0x0f, 0x0e, 0xe3, 0x7f, 0x54};
    static const uint8_t aes_key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                                        0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
    static const uint8_t cmac[32] = {0x19, 0x13, 0x68, 0x58, 0xd4, 0xc2, 0x7a, 0xd7, 0x77, 0x86, 0x47,
                                     0xcd, 0x08, 0xe3, 0x15, 0x8d, 0x21, 0xda, 0x8a, 0x2c, 0x46, 0xfc,
                                     0xd9, 0xd7, 0x36, 0x28, 0x49, 0x69, 0x6e, 0x9a, 0x33, 0xdd};
    hf_hsm_secret *s;
    uint8_t out[32], hmac_key[131];
    memset(hmac_key, 0xaa, sizeof hmac_key);
    create("rfc4231", CKK_GENERIC_SECRET, hmac_key, sizeof hmac_key, CK_FALSE);
    cr_assert_eq(open_secret("rfc4231", &s), HF_OK, "%s", why);
    cr_assert_eq(derive(s, message, sizeof message - 1, out), HF_OK, "%s", why);
    cr_assert_arr_eq(out, hmac, 32);
    hf_hsm_secret_close(s);
    create("rfc4493", CKK_AES, aes_key, sizeof aes_key, CK_FALSE);
    cr_assert_eq(open_secret("rfc4493", &s), HF_OK, "%s", why);
    cr_assert_eq(derive(s, "Hi There", 8, out), HF_OK, "%s", why);
    cr_assert_arr_eq(out, cmac, 32);
    hf_hsm_secret_close(s);
}

Test(hsm_secret, refused)
{
    static const uint8_t value[24] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                                      13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};
    hf_hsm_secret *s;
    cr_assert_eq(open_secret("nothing", &s), HF_ERR_NOT_FOUND);
    cr_assert_not_null(strstr(why, "keygen hmac"), "%s", why);
    make_hmac("one");
    make_hmac("two");
    hf_hsm_options options = test_options();
    cr_assert_eq(hf_hsm_secret_open(&options, "pkcs11:token=demo", &s, why, sizeof why), HF_ERR_AMBIGUOUS);
    cr_assert_eq(hf_hsm_secret_open(&options, "pkcs11:token=demo;object=rsa;type=private", &s, why, sizeof why),
                 HF_ERR_INVALID);
    cr_assert_eq(hf_hsm_secret_open(&options, "pkcs11:token=absent", &s, why, sizeof why), HF_ERR_TOKEN_ABSENT);
    create("loose secret", CKK_GENERIC_SECRET, value, 16, CK_TRUE);
    cr_assert_eq(open_secret("loose%20secret", &s), HF_ERR_KEY_UNSAFE);
    options.allow_extractable = true;
    cr_assert_eq(hf_hsm_secret_open(&options, uri_of("loose%20secret"), &s, why, sizeof why), HF_OK, "%s", why);
    hf_hsm_secret_close(s);
    create("short", CKK_GENERIC_SECRET, value, 15, CK_FALSE);
    cr_assert_eq(open_secret("short", &s), HF_ERR_KEY_UNSAFE);
    cr_assert_not_null(strstr(why, "15 bytes"), "%s", why);
    create("other kind", CKK_DES3, value, 24, CK_FALSE);
    cr_assert_eq(open_secret("other%20kind", &s), HF_ERR_KEY_UNUSABLE);
    cr_assert_null(s);
}

/* A token that is away answers an error; when it is back, the next use opens it again. */
Test(hsm_secret, a_token_that_goes_and_comes_back)
{
    hf_hsm_secret *s;
    uint8_t a[32], b[32] = {7};
    make_hmac("tickets");
    cr_assert_eq(open_secret("tickets", &s), HF_OK, "%s", why);
    cr_assert_eq(derive(s, label, sizeof label, a), HF_OK);
    unsigned sessions = mask_count(MASK_OPEN_SESSION);
    atomic_store(&mask->code[MASK_SIGN], CKR_DEVICE_REMOVED);
    cr_assert_neq(derive(s, label, sizeof label, b), HF_OK);
    cr_assert_eq(b[0], 7, "nothing is written");
    cr_assert_not_null(strstr(why, "CKR_DEVICE_REMOVED"), "%s", why);
    atomic_store(&mask->code[MASK_SIGN], 0);
    atomic_store(&mask->code[MASK_OPEN_SESSION], CKR_TOKEN_NOT_PRESENT);
    cr_assert_neq(derive(s, label, sizeof label, b), HF_OK);
    atomic_store(&mask->code[MASK_OPEN_SESSION], 0);
    cr_assert_eq(derive(s, label, sizeof label, b), HF_OK, "%s", why);
    cr_assert_arr_eq(a, b, 32);
    cr_assert_gt(mask_count(MASK_OPEN_SESSION), sessions, "opened again");
    hf_hsm_secret_close(s);
}
