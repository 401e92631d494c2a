/* CBC padding, RFC 5246 section 6.2.3.2: records that a peer may make and no provider of ours makes, built here with
 * libcrypto's AES and HMAC. Every legal padding is taken; every other one is refused, although its MAC is right. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "contract.h"

#define SEQUENCE UINT64_C(0x0000000100000203)
#define TYPE 23
#define CONTENT 50 /* bytes of content, except where a test is about long records */
#define SEED 31

typedef struct maker {
    const contract_rig *rig;
    uint8_t key[HF_CIPHER_KEY_MAX], mac_key[HF_CIPHER_MAC_KEY_MAX];
    uint8_t content[HF_RECORD_BODY_MAX];
    size_t content_len;
    uint8_t body[HF_RECORD_BODY_MAX];
    size_t len;
} maker;

static void mac(const maker *m, const uint8_t *data, size_t len, uint8_t *out)
{
    static uint8_t msg[13 + HF_RECORD_BODY_MAX];
    for (size_t i = 0; i < 8; i++)
        msg[i] = (uint8_t)(SEQUENCE >> (56 - 8 * i));
    msg[8] = TYPE;
    msg[9] = msg[10] = 3;
    msg[11] = (uint8_t)(len >> 8);
    msg[12] = (uint8_t)len;
    memcpy(msg + 13, data, len);
    const EVP_MD *md = m->rig->spec->mac_key_size == 20   ? EVP_sha1()
                       : m->rig->spec->mac_key_size == 32 ? EVP_sha256()
                                                          : EVP_sha384();
    unsigned size = 0;
    cr_assert_not_null(HMAC(md, m->mac_key, m->rig->spec->mac_key_size, msg, 13 + len, out, &size));
    cr_assert_eq(size, m->rig->spec->mac_key_size);
}

static size_t encrypt(const maker *m, const uint8_t *in, size_t len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    cr_assert_not_null(ctx);
    cr_assert_eq(EVP_EncryptInit_ex2(ctx, m->rig->spec->key_size == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc(), m->key,
                                     contract_cbc_iv, NULL),
                 1);
    cr_assert_eq(EVP_CIPHER_CTX_set_padding(ctx, 0), 1);
    cr_assert_eq(EVP_EncryptUpdate(ctx, out, &n, in, (int)len), 1);
    cr_assert_eq((size_t)n, len);
    EVP_CIPHER_CTX_free(ctx);
    return len;
}

/* A record whose last `pad_len` + 1 bytes before encryption are `tail`. inner: content and, in MAC-then-encrypt, MAC.
 */
static void make(maker *m, const uint8_t *tail, size_t tail_len)
{
    static uint8_t plain[HF_RECORD_BODY_MAX];
    size_t inner = m->content_len;

    memcpy(plain, m->content, inner);
    if (m->rig->mode == HF_RECORD_TLS12) {
        mac(m, m->content, inner, plain + inner);
        inner += m->rig->spec->mac_key_size;
    }
    memcpy(plain + inner, tail, tail_len);
    memcpy(m->body, contract_cbc_iv, HF_CBC_IV_SIZE);
    m->len = HF_CBC_IV_SIZE + encrypt(m, plain, inner + tail_len, m->body + HF_CBC_IV_SIZE);
    if (m->rig->mode == HF_RECORD_TLS12_ETM) {
        mac(m, m->body, m->len, m->body + m->len);
        m->len += m->rig->spec->mac_key_size;
    }
}

static size_t shortest(const maker *m)
{
    size_t inner = m->content_len + (m->rig->mode == HF_RECORD_TLS12 ? m->rig->spec->mac_key_size : 0u);
    return 15 - inner % 16;
}

static void every_legal_padding(maker *m)
{
    uint8_t tail[256], out[1024];

    for (size_t pad = shortest(m); pad < 256; pad += 16) {
        memset(tail, (int)pad, pad + 1);
        make(m, tail, pad + 1);
        hf_record_job job = contract_open_job(m->rig, SEQUENCE, m->body, m->len, out);
        contract_run(m->rig, HF_OPEN, &job, 1);
        cr_assert_eq(job.status, HF_OK, "%s: padding of %zu: status %d", contract_name(m->rig), pad, job.status);
        cr_assert_eq(job.out_len, CONTENT);
        cr_assert_eq(memcmp(out, m->content, CONTENT), 0);
    }
}

/* One wrong byte in the padding; the length byte itself too large, too small, beyond the record. */
static void every_wrong_padding(maker *m)
{
    static const size_t pads[] = {16, 240};
    uint8_t tail[256], out[1024];

    for (size_t p = 0; p < sizeof pads / sizeof pads[0]; p++) {
        size_t pad = shortest(m) % 16 + pads[p];
        if (pad > 255)
            pad -= 16;
        for (size_t at = 0; at < pad; at++) {
            memset(tail, (int)pad, pad + 1);
            tail[at] ^= (uint8_t)(1u << at % 8);
            make(m, tail, pad + 1);
            contract_refused(m->rig, contract_open_job(m->rig, SEQUENCE, m->body, m->len, out), "wrong padding byte");
        }
        for (unsigned said = 0; said < 256; said++) {
            if (said == pad || (said == 0 && m->rig->mode == HF_RECORD_TLS12_ETM))
                continue; /* "no padding": legal after encrypt-then-MAC, which then gives more content */
            memset(tail, (int)pad, pad + 1);
            tail[pad] = (uint8_t)said;
            make(m, tail, pad + 1);
            contract_refused(m->rig, contract_open_job(m->rig, SEQUENCE, m->body, m->len, out), "wrong padding length");
        }
    }
}

/* A whole record of padding length bytes: the length points before the beginning. */
static void padding_beyond_the_record(maker *m)
{
    uint8_t tail[256], out[1024];

    for (unsigned said = 128; said < 256; said += 16) {
        size_t pad = shortest(m);
        memset(tail, (int)said, pad + 1);
        make(m, tail, pad + 1);
        contract_refused(m->rig, contract_open_job(m->rig, SEQUENCE, m->body, m->len, out),
                         "padding beyond the record");
    }
}

/* Longer than TLS allows, up to the longest body: a good record to a provider, whose content the engine then refuses.
 */
static void content_beyond_the_limit(maker *m)
{
    static uint8_t out[HF_RECORD_BODY_MAX];
    const size_t longest = HF_RECORD_BODY_MAX - HF_CBC_IV_SIZE - m->rig->spec->mac_key_size - 16;
    const size_t contents[] = {HF_PLAINTEXT_MAX, HF_PLAINTEXT_MAX + 1, HF_PLAINTEXT_MAX + 300, longest};
    uint8_t tail[256];

    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        m->content_len = contents[i];
        size_t pad = shortest(m);
        memset(tail, (int)pad, pad + 1);
        make(m, tail, pad + 1);
        hf_record_job job = contract_open_job(m->rig, SEQUENCE, m->body, m->len, out);
        contract_run(m->rig, HF_OPEN, &job, 1);
        cr_assert_eq(job.status, HF_OK, "%s: content of %zu: status %d", contract_name(m->rig), contents[i],
                     job.status);
        cr_assert_eq(job.out_len, contents[i]);
        cr_assert_eq(memcmp(out, m->content, contents[i]), 0);
        m->body[m->len / 2] ^= 1;
        contract_refused(m->rig, contract_open_job(m->rig, SEQUENCE, m->body, m->len, out), "long and changed");
    }
    m->content_len = CONTENT;
}

ParameterizedTestParameters(contract, cbc_padding)
{
    return cr_make_param_array(contract_case, contract_cases, CONTRACT_CASES);
}

ParameterizedTest(contract_case *which, contract, cbc_padding)
{
    static maker m;
    contract_rig rigs[CONTRACT_RIGS_MAX];

    if (which->id < HF_AES_128_CBC_SHA1)
        return;
    size_t n = contract_rigs_open(which, SEED, rigs);
    contract_fill(m.key, sizeof m.key, 3 * SEED);
    contract_fill(m.mac_key, sizeof m.mac_key, 3 * SEED + 2);
    contract_fill(m.content, sizeof m.content, 32);
    m.content_len = CONTENT;
    for (size_t i = 0; i < n; i++) {
        m.rig = &rigs[i];
        every_legal_padding(&m);
        every_wrong_padding(&m);
        padding_beyond_the_record(&m);
        content_beyond_the_limit(&m);
    }
    contract_rigs_close(rigs, n);
}
