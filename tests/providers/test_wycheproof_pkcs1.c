/* RSA PKCS#1 v1.5 decryption against Wycheproof, for RSA key transport.
 *
 * No message of the vectors is a premaster secret, so a key operation must give the fallback for every one of them,
 * valid or not: an answer that told them apart would be Bleichenbacher's oracle. That the check would also take a right
 * block is seen by grafting the end of a premaster onto each decrypted block: what stands before decides. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "wycheproof.h"

#define CLIENT_VERSION 0x0303

static const uint8_t fallback[HF_PREMASTER_SIZE] = {0xfa, 0x11, 0xba, 0xc4};

typedef struct decrypter {
    EVP_PKEY *pkey;
    hf_key *key;
    const json_t *group;
    size_t accepted, refused; /* grafted blocks */
} decrypter;

static void load(decrypter *d, const json_t *group)
{
    if (d->group == group)
        return;
    const char *pem = wy_text(group, "privateKeyPem");
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY_free(d->pkey);
    if (d->key)
        d->key->ops->release(d->key);
    d->pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    cr_assert_not_null(d->pkey);
    cr_assert_eq(hf_pem_key_new((const uint8_t *)pem, strlen(pem), "wycheproof", &d->key), HF_OK);
    d->group = group;
    BIO_free(bio);
}

/* Raw RSA; 0 when the ciphertext is not a number below the modulus, of the modulus' length. */
static size_t raw_rsa(EVP_PKEY *pkey, wy_bytes ct, uint8_t em[HF_RSA_MAX_BYTES])
{
    size_t len = HF_RSA_MAX_BYTES;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    cr_assert(ctx && EVP_PKEY_decrypt_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0);
    if (ct.len != (size_t)EVP_PKEY_get_size(pkey) || EVP_PKEY_decrypt(ctx, em, &len, ct.data, ct.len) <= 0)
        len = 0;
    EVP_PKEY_CTX_free(ctx);
    return len;
}

/* RFC 8017 section 7.2.2, step 3, written plainly: the message's offset, 0 when the block is bad. */
static size_t message_at(const uint8_t *em, size_t len)
{
    if (len < 11 || em[0] != 0 || em[1] != 2)
        return 0;
    size_t at = 2;
    while (at < len && em[at] != 0)
        at++;
    return at == len || at < 10 ? 0 : at + 1;
}

/* The decrypted block with `00 | version | 46 bytes` at its end: good exactly when what stands before is. */
static void graft(decrypter *d, const uint8_t *em, size_t len, size_t tc)
{
    uint8_t block[HF_RSA_MAX_BYTES], premaster[HF_PREMASTER_SIZE], out[HF_PREMASTER_SIZE];

    memset(premaster, 0x77, sizeof premaster);
    premaster[0] = premaster[1] = 3;
    memcpy(block, em, len);
    block[len - HF_PREMASTER_SIZE - 1] = 0;
    memcpy(block + len - HF_PREMASTER_SIZE, premaster, HF_PREMASTER_SIZE);
    bool good = message_at(block, len) == len - HF_PREMASTER_SIZE;
    hf_premaster_unpad(block, len, CLIENT_VERSION, fallback, out);
    cr_expect_eq(memcmp(out, good ? premaster : fallback, sizeof out), 0, "tcId %zu, grafted", tc);
    if (good)
        d->accepted++;
    else
        d->refused++;
}

typedef struct answer {
    hf_status status;
    size_t len;
    uint8_t bytes[HF_PREMASTER_SIZE];
} answer;

static void done(void *arg, hf_key_op *op)
{
    answer *a = arg;
    a->status = op->status;
    a->len = op->result_len;
    memcpy(a->bytes, op->result, sizeof a->bytes);
}

static answer decrypt(hf_key *key, wy_bytes ct)
{
    answer a = {.status = HF_ERR_STATE};
    hf_key_op *op = calloc(1, sizeof *op);
    cr_assert_not_null(op);
    op->key = key;
    op->kind = HF_KEY_OP_DECRYPT;
    op->client_version = CLIENT_VERSION;
    memcpy(op->fallback, fallback, sizeof fallback);
    op->input = ct.data;
    op->input_len = ct.len;
    key->ops->submit(key, op, done, &a);
    free(op);
    return a;
}

static wy_verdict run(const json_t *group, const json_t *test, void *arg)
{
    decrypter *d = arg;
    uint8_t em[HF_RSA_MAX_BYTES];
    load(d, group);
    wy_bytes ct = wy_hex(test, "ct"), msg = wy_hex(test, "msg");
    size_t len = raw_rsa(d->pkey, ct, em);
    size_t at = message_at(em, len);
    wy_verdict verdict = at == 0                                                          ? WY_REFUSED
                         : len - at == msg.len && memcmp(em + at, msg.data, msg.len) == 0 ? WY_ACCEPTED
                                                                                          : WY_WRONG;
    if (len > HF_PREMASTER_SIZE + 11)
        graft(d, em, len, wy_number(test, "tcId"));
    answer a = decrypt(d->key, ct);
    cr_expect_eq(a.status, HF_OK, "tcId %zu: a decryption never fails for what the peer sent", wy_number(test, "tcId"));
    cr_expect_eq(a.len, HF_PREMASTER_SIZE);
    cr_expect_eq(memcmp(a.bytes, fallback, sizeof fallback), 0, "tcId %zu: not the fallback", wy_number(test, "tcId"));
    wy_free(ct);
    wy_free(msg);
    return verdict;
}

static void file(const char *name, size_t least)
{
    decrypter d = {.pkey = NULL};
    wy_file(name, "libcrypto key", least, run, &d);
    if (!wy_folder())
        return;
    cr_expect_geq(d.accepted, 5, "%s: %zu grafted blocks were taken", name, d.accepted);
    cr_expect_geq(d.refused, 10, "%s: %zu grafted blocks were refused", name, d.refused);
    EVP_PKEY_free(d.pkey);
    d.key->ops->release(d.key);
}

Test(wycheproof, rsa_pkcs1_decryption)
{
    file("rsa_pkcs1_2048_test.json", 67);
    file("rsa_pkcs1_3072_test.json", 67);
    file("rsa_pkcs1_4096_test.json", 67);
}
