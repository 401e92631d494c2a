/* RSA decryption (RFC 5246 section 7.4.7.1): every bad premaster ends like a good one, whichever way the token works.
 */
#include <criterion/criterion.h>
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/rand.h>
#include <p11-kit/pkcs11.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(hsm_decrypt, .init = token_setup, .fini = token_teardown);

#define BLOCK_MAX 512

/* Runs one ciphertext; true when the answer is the fallback, false when it is `good`. Anything else fails the test. */
static bool is_fallback(hf_key *key, const uint8_t *cipher, size_t len, const uint8_t good[48])
{
    hf_key_op *op = make_decrypt(key, cipher, len);

    run_op(key, op);
    cr_assert_eq(op->status, HF_OK, "%s", hf_status_text(op->status));
    cr_assert_eq(op->result_len, 48);
    bool fallback = memcmp(op->result, op->fallback, 48) == 0;
    cr_expect(fallback || memcmp(op->result, good, 48) == 0, "neither fallback nor premaster");
    free(op);
    return fallback;
}

static void make_premaster(uint8_t out[48])
{
    cr_assert_eq(RAND_bytes(out, 48), 1);
    out[0] = 3;
    out[1] = 3;
}

/* One byte of the block is changed; the answer must be the fallback. */
static void expect_spoilt(hf_key *key, const uint8_t *block, size_t at, uint8_t value, const uint8_t good[48])
{
    uint8_t spoilt[BLOCK_MAX];
    uint8_t cipher[BLOCK_MAX];
    size_t size = key->bits / 8;

    memcpy(spoilt, block, size);
    spoilt[at] = value;
    encrypt_block(key, spoilt, cipher);
    cr_expect(is_fallback(key, cipher, size, good), "byte %zu = %02x is accepted", at, value);
}

static void good_and_bad(hf_key *key)
{
    uint8_t good[48];
    uint8_t block[BLOCK_MAX];
    uint8_t cipher[BLOCK_MAX];
    size_t size = key->bits / 8;

    make_premaster(good);
    size_t start = make_block(key, block, good);
    encrypt_block(key, block, cipher);
    cr_expect(!is_fallback(key, cipher, size, good), "a good premaster is not recognised");
    expect_spoilt(key, block, 1, 1, good);         /* block type */
    expect_spoilt(key, block, 2, 0, good);         /* padding too short */
    expect_spoilt(key, block, 9, 0, good);         /* the same, at its last byte */
    expect_spoilt(key, block, start - 1, 7, good); /* no separator where it must stand: wrong length */
    expect_spoilt(key, block, start - 2, 0, good); /* 49 bytes */
    expect_spoilt(key, block, start, 2, good);     /* version */
    expect_spoilt(key, block, start + 1, 1, good);
    memset(block + 2, 0xa5, size - 2); /* no separator at all */
    encrypt_block(key, block, cipher);
    cr_expect(is_fallback(key, cipher, size, good));
    make_block(key, block, good); /* 47 bytes */
    block[start - 1] = 0xa5;
    block[start] = 0;
    encrypt_block(key, block, cipher);
    cr_expect(is_fallback(key, cipher, size, good));
}

/* Ciphertexts that are no number below the modulus. */
static void odd_ciphertexts(hf_key *key)
{
    uint8_t cipher[BLOCK_MAX + 1];
    uint8_t good[48] = {0};
    size_t size = key->bits / 8;
    EVP_PKEY *pkey = public_of(key);
    BIGNUM *n = NULL;

    cr_assert_eq(EVP_PKEY_get_bn_param(pkey, "n", &n), 1);
    cr_assert_eq(BN_bn2binpad(n, cipher, (int)size), (int)size);
    cr_expect(is_fallback(key, cipher, size, good), "the modulus itself");
    memset(cipher, 0xff, sizeof cipher);
    cr_expect(is_fallback(key, cipher, size, good), "above the modulus");
    cr_expect_neq(atomic_load(&mask->decrypt_tail), ULLONG_MAX, "the token is not asked what it cannot answer");
    cr_expect(is_fallback(key, cipher, size + 1, good), "too long");
    cr_expect(is_fallback(key, cipher, size - 1, good), "too short");
    cr_expect(is_fallback(key, cipher, 0, good), "empty");
    memset(cipher, 0, sizeof cipher);
    cr_expect(is_fallback(key, cipher, size, good), "zero");
    cipher[size - 1] = 1;
    cr_expect(is_fallback(key, cipher, size, good), "one");
    BN_free(n);
    EVP_PKEY_free(pkey);
}

Test(hsm_decrypt, raw_rsa)
{
    hf_key *key = open_key("rsa", 1);

    cr_assert(key->can_decrypt);
    good_and_bad(key);
    odd_ciphertexts(key);
    cr_expect_eq(mask_count(MASK_UNWRAP), 0);
    key->ops->release(key);
}

Test(hsm_decrypt, token_without_raw_rsa)
{
    mask_hide(CKM_RSA_X_509);
    hf_key *key = open_key("rsa", 1);

    cr_assert(key->can_decrypt);
    good_and_bad(key);
    odd_ciphertexts(key);
    key->ops->release(key);
}

Test(hsm_decrypt, key_that_may_only_unwrap)
{
    hf_key *key = open_key("unwrapper", 1);

    cr_assert(key->can_decrypt);
    cr_expect_eq(key->schemes[0], 0);
    unsigned before = mask_count(MASK_UNWRAP);
    good_and_bad(key);
    odd_ciphertexts(key);
    cr_expect_gt(mask_count(MASK_UNWRAP), before);
    cr_expect_eq(mask_count(MASK_DECRYPT), 0);
    key->ops->release(key);
}

Test(hsm_decrypt, token_that_cannot_decrypt)
{
    mask_hide(CKM_RSA_X_509);
    atomic_store(&mask->code[MASK_DECRYPT_INIT], CKR_MECHANISM_INVALID);
    hf_key *key = open_key("rsa", 1);

    cr_expect(!key->can_decrypt);
    cr_expect(strstr(why, "CKM_RSA_PKCS") && strstr(why, "not offered"), "%s", why);
    uint8_t cipher[256] = {0};
    hf_key_op *op = make_decrypt(key, cipher, sizeof cipher);
    run_op(key, op);
    cr_expect_eq(op->status, HF_ERR_UNSUPPORTED);
    free(op);
    key->ops->release(key);
}

Test(hsm_decrypt, other_versions_of_the_client)
{
    uint8_t good[48];
    uint8_t block[BLOCK_MAX];
    uint8_t cipher[BLOCK_MAX];
    hf_key *key = open_key("rsa", 1);
    size_t size = key->bits / 8;

    make_premaster(good);
    good[1] = 1;
    make_block(key, block, good);
    encrypt_block(key, block, cipher);
    hf_key_op *op = make_decrypt(key, cipher, size);
    op->client_version = 0x0301; /* what ClientHello said is what must stand there */
    run_op(key, op);
    cr_expect_arr_eq(op->result, good, 48);
    free(op);
    key->ops->release(key);
}

/* A token that drops leading zeros of the raw result. */
Test(hsm_decrypt, short_raw_result)
{
    atomic_store(&mask->strip, true);
    hf_key *key = open_key("rsa", 1);

    good_and_bad(key);
    odd_ciphertexts(key);
    key->ops->release(key);
}

static bool works(hf_key *key, const uint8_t *cipher, size_t size)
{
    hf_key_op *op = make_decrypt(key, cipher, size);

    run_op(key, op);
    bool good = op->status == HF_OK;
    free(op);
    return good;
}

/* Codes that may depend on the ciphertext end like a bad padding, after one call, with nothing tried again and the
 * token in use as before: whoever counts or times it learns nothing. Codes of a lost token are an error. */
static void every_code(hf_key *key, mask_call call)
{
    static const CK_RV bad[] = {CKR_GENERAL_ERROR,
                                CKR_FUNCTION_FAILED,
                                CKR_DATA_INVALID,
                                CKR_DATA_LEN_RANGE,
                                CKR_ENCRYPTED_DATA_INVALID,
                                CKR_ENCRYPTED_DATA_LEN_RANGE,
                                CKR_WRAPPED_KEY_INVALID,
                                CKR_WRAPPED_KEY_LEN_RANGE,
                                CKR_BUFFER_TOO_SMALL,
                                CKR_ARGUMENTS_BAD,
                                0x80000001UL,
                                0xffffffff00000000UL};
    static const CK_RV lost[] = {CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,    CKR_USER_NOT_LOGGED_IN,
                                 CKR_DEVICE_REMOVED,         CKR_TOKEN_NOT_PRESENT, CKR_KEY_HANDLE_INVALID,
                                 CKR_DEVICE_MEMORY,          CKR_HOST_MEMORY,       CKR_CRYPTOKI_NOT_INITIALIZED,
                                 CKR_OPERATION_ACTIVE,       CKR_FUNCTION_CANCELED};
    uint8_t good[48];
    uint8_t block[BLOCK_MAX];
    uint8_t cipher[BLOCK_MAX];
    size_t size = key->bits / 8;
    uint64_t ok = 0;

    make_premaster(good);
    make_block(key, block, good);
    encrypt_block(key, block, cipher);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        unsigned calls = mask_count(call), sessions = mask_count(MASK_OPEN_SESSION);
        hf_hsm_stats stats;
        atomic_store(&mask->code[call], bad[i]);
        cr_expect(is_fallback(key, cipher, size, good), "code %lx", bad[i]);
        cr_expect_eq(hf_hsm_key_stats(key, &stats), HF_OK);
        cr_expect_eq(stats.tokens[0].breaker, HF_HSM_BREAKER_CLOSED);
        cr_expect_eq(stats.tokens[0].retries + stats.tokens[0].breaker_opened, 0);
        cr_expect_eq(stats.tokens[0].results[HF_HSM_RESULT_OK], ++ok);
        cr_expect_eq(mask_count(MASK_OPEN_SESSION), sessions);
        if (call == MASK_DECRYPT)
            cr_expect_eq(mask_count(call), calls + 1);
    }
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        hf_key_op *op = make_decrypt(key, cipher, size);
        atomic_store(&mask->code[call], lost[i]);
        run_op(key, op);
        cr_expect_neq(op->status, HF_OK, "code %lx", lost[i]);
        cr_expect_eq(op->result_len, 0);
        for (size_t b = 0; b < 48; b++)
            cr_expect_eq(op->result[b], 0);
        free(op);
    }
    atomic_store(&mask->code[call], 0);
    for (int i = 0; i < TEST_PATIENCE_MS / 10 && !works(key, cipher, size); i++)
        usleep(10000);
    cr_expect(!is_fallback(key, cipher, size, good), "the key works again");
}

Test(hsm_decrypt, codes_of_raw_rsa)
{
    hf_key *key = open_key("rsa", 1);

    every_code(key, MASK_DECRYPT);
    key->ops->release(key);
}

Test(hsm_decrypt, codes_of_pkcs)
{
    mask_hide(CKM_RSA_X_509);
    hf_key *key = open_key("rsa", 1);

    every_code(key, MASK_DECRYPT);
    key->ops->release(key);
}

Test(hsm_decrypt, codes_of_unwrap)
{
    hf_key *key = open_key("unwrapper", 1);

    every_code(key, MASK_UNWRAP);
    key->ops->release(key);
}

/* C_DecryptInit has not seen the ciphertext: its failures are the token's. */
Test(hsm_decrypt, init_fails)
{
    uint8_t cipher[256] = {1};
    hf_key *key = open_key("rsa", 1);
    hf_key_op *op = make_decrypt(key, cipher, sizeof cipher);

    atomic_store(&mask->code[MASK_DECRYPT_INIT], CKR_GENERAL_ERROR);
    run_op(key, op);
    cr_expect_eq(op->status, HF_ERR_TOKEN);
    free(op);
    key->ops->release(key);
}
