/* Allocation failure inside of libcrypto: each allocation of each call fails once, and the call must answer with an
 * error or do without; never crash, never accept what is wrong, never leave the error queue filled by an error. */
#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "certs.h"
#include "handfast/providers.h"

#define PKI (hf_provider_libcrypto.pki)

/* The allocation that fails: 0 is the next one; negative: none. */
static long fails_at = -1;

static bool fails_now(void)
{
    return fails_at >= 0 && fails_at-- == 0;
}

static void *failing_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails_now() ? NULL : malloc(size);
}

static void *failing_realloc(void *p, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails_now() ? NULL : realloc(p, size);
}

static void plain_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

/* Before main: libcrypto takes no other allocator once it has allocated, and Criterion uses it too. */
static int installed;

__attribute__((constructor)) static void install(void)
{
    installed = CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free);
}

static test_cert *made, *stranger;
static hf_cert *cert;
static hf_trust *trust;
static hf_key *key;
static uint8_t signature[256];
static const uint8_t digest[32] = {1};

static void done(void *arg, hf_key_op *op)
{
    *(hf_status *)arg = op->status;
}

static hf_status sign(void)
{
    hf_key_op op = {
        .kind = HF_KEY_OP_SIGN, .scheme = HF_RSA_PSS_RSAE_SHA256, .input = digest, .input_len = sizeof digest};
    hf_status status = HF_ERR_STATE;

    key->ops->submit(key, &op, done, &status);
    if (status == HF_OK)
        memcpy(signature, op.result, sizeof signature);
    return status;
}

static void setup(void)
{
    cr_assert(installed);
    cr_assert(hf_provider_libcrypto.available(NULL));
    made = test_cert_new(&(test_cert_spec){.key = "RSA-2048", .ca = true, .usage = "digitalSignature,keyCertSign"});
    stranger = test_cert_new(&(test_cert_spec){.subject = "stranger"});
    cr_assert_eq(PKI->cert_new(made->der, made->der_len, &cert), HF_OK);
    cr_assert_eq(PKI->trust_new((const uint8_t *)made->pem, strlen(made->pem), &trust), HF_OK);
    cr_assert_eq(hf_pem_key_new((const uint8_t *)made->key_pem, strlen(made->key_pem), "k", &key), HF_OK);
    cr_assert_eq(sign(), HF_OK);
}

static void teardown(void)
{
    PKI->cert_free(cert);
    PKI->trust_free(trust);
    key->ops->release(key);
    test_cert_free(made);
    test_cert_free(stranger);
}

TestSuite(libcrypto_memory, .init = setup, .fini = teardown);

/* Runs `call` with its first, second, ... allocation failing, until it makes no more. */
static void starve(const char *what, hf_status (*call)(void), hf_status without)
{
    long n = 0;
    long failed = 0;

    for (;; n++) {
        fails_at = n;
        hf_status status = call();
        bool fired = fails_at < 0;
        fails_at = -1;
        if (status == HF_OK && fired) /* libcrypto did without, and may have noted it */
            ERR_clear_error();
        cr_assert_eq(ERR_peek_error(), 0, "%s: allocation %ld: error queue", what, n);
        if (!fired) {
            cr_assert_eq(status, without, "%s: status %x", what, (unsigned)status);
            break;
        }
        failed += status != HF_OK;
        if (without != HF_OK)
            cr_assert_neq(status, HF_OK, "%s: allocation %ld: accepted", what, n);
    }
    cr_assert_gt(failed, 0, "%s: none of %ld failing allocations was noticed", what, n);
}

static hf_status hash_all(void)
{
    static const uint8_t abc[3] = {0xba, 0x78, 0x16};
    const hf_hash *hash = hf_provider_libcrypto.hashes[1];
    _Alignas(16) uint8_t a[HF_HASH_STATE_MAX], b[HF_HASH_STATE_MAX];
    uint8_t out[HF_HASH_SIZE_MAX];
    hf_status status = hash->init(a);

    if (status != HF_OK)
        return status;
    status = hash->update(a, "abc", 3);
    if (status == HF_OK && (status = hash->clone(b, a)) == HF_OK) {
        if ((status = hash->final(b, out)) == HF_OK)
            cr_assert_arr_eq(out, abc, sizeof abc);
        hash->cleanup(b);
    }
    hash->cleanup(a);
    return status;
}

static const hf_group *group;

static hf_status exchange(void)
{
    uint8_t public[HF_GROUP_PUBLIC_MAX];
    uint8_t shared[HF_GROUP_SHARED_MAX];
    void *private_key = NULL;
    hf_status status = group->generate(&private_key, public);

    if (status == HF_OK) {
        status = group->derive(private_key, public, group->public_size, shared);
        group->destroy(private_key);
    }
    return status;
}

static hf_status parse(void)
{
    hf_cert *c = NULL;
    hf_status status = PKI->cert_new(made->der, made->der_len, &c);

    PKI->cert_free(c);
    return status;
}

static hf_status verify_good(void)
{
    hf_cert *c = NULL;
    hf_status status = PKI->cert_new(made->der, made->der_len, &c); /* a new one: its contexts are not prepared */

    if (status == HF_OK)
        status = PKI->verify_digest(c, HF_RSA_PSS_RSAE_SHA256, digest, sizeof digest, signature, sizeof signature);
    PKI->cert_free(c);
    return status;
}

static hf_status verify_bad(void)
{
    return PKI->verify(cert, HF_RSA_PSS_RSAE_SHA256, digest, sizeof digest, signature, sizeof signature);
}

static hf_status encrypt(void)
{
    uint8_t out[256];
    size_t len = 0;

    return PKI->rsa_encrypt(cert, digest, sizeof digest, out, sizeof out, &len);
}

static hf_status anchors(void)
{
    hf_trust *t = NULL;
    hf_status status = PKI->trust_new((const uint8_t *)made->pem, strlen(made->pem), &t);

    PKI->trust_free(t);
    return status;
}

static hf_status validate(const test_cert *who)
{
    const uint8_t *certs[1] = {who->der};
    size_t lens[1] = {who->der_len};
    char why[200];
    hf_path path = {.trust = trust, .certs = certs, .cert_lens = lens, .n = 1, .unix_time = TEST_NOW};

    return PKI->verify_path(&path, why, sizeof why);
}

static hf_status validate_good(void)
{
    return validate(made);
}

static hf_status validate_bad(void)
{
    return validate(stranger);
}

static hf_status read_key(void)
{
    hf_key *k = NULL;
    hf_status status = hf_pem_key_new((const uint8_t *)made->key_pem, strlen(made->key_pem), "k", &k);

    if (status == HF_OK)
        k->ops->release(k);
    return status;
}

Test(libcrypto_memory, every_call_survives_every_failed_allocation)
{
    starve("hash", hash_all, HF_OK);
    for (const hf_group *const *g = hf_provider_libcrypto.groups; *g; g++) {
        group = *g;
        starve(group->name, exchange, HF_OK);
    }
    starve("cert_new", parse, HF_OK);
    starve("verify_digest", verify_good, HF_OK);
    starve("verify of a wrong signature", verify_bad, HF_ERR_VERIFY);
    starve("rsa_encrypt", encrypt, HF_OK);
    starve("trust_new", anchors, HF_OK);
    starve("verify_path", validate_good, HF_OK);
    starve("verify_path of a stranger", validate_bad, HF_SEND(HF_ALERT_UNKNOWN_CA));
    starve("hf_pem_key_new", read_key, HF_OK);
    starve("sign", sign, HF_OK);
}

static const hf_cipher *cipher;
static hf_record_mode mode;

/* Key, seal, open: what opens must be right. */
static hf_status record(void)
{
    static uint8_t body[256], out[256];
    _Alignas(HF_RECORD_KEY_ALIGN) uint8_t state[1024];
    hf_record_keys keys = {
        .mode = mode, .direction = HF_SEAL, .key = signature, .iv = signature + 50, .mac_key = signature + 90};
    hf_record_job job = {.key = state,
                         .in = digest,
                         .in_len = sizeof digest,
                         .out = body,
                         .out_max = sizeof body,
                         .cbc_iv = signature,
                         .content_type = 23};

    cr_assert_leq(cipher->key_state_size, sizeof state);
    hf_status status = cipher->key_init(state, &keys);
    if (status != HF_OK)
        return status;
    cipher->seal(NULL, &job, 1);
    cipher->key_cleanup(state);
    if (job.status != HF_OK)
        return job.status;
    keys.direction = HF_OPEN;
    if ((status = cipher->key_init(state, &keys)) != HF_OK)
        return status;
    job = (hf_record_job){
        .key = state, .in = body, .in_len = job.out_len, .out = out, .out_max = sizeof out, .content_type = 23};
    cipher->open(NULL, &job, 1);
    cipher->key_cleanup(state);
    if (job.status == HF_OK)
        cr_assert_arr_eq(out, digest, sizeof digest);
    return job.status;
}

Test(libcrypto_memory, every_record_cipher_survives_every_failed_allocation)
{
    for (const hf_cipher *const *c = hf_provider_libcrypto.ciphers; *c; c++) {
        const hf_cipher_spec *spec = hf_cipher_spec_of((*c)->id);
        cipher = *c;
        mode = HF_RECORD_TLS12;
        starve(spec->name, record, HF_OK);
        mode = spec->block_size > 1 ? HF_RECORD_TLS12_ETM : HF_RECORD_TLS13;
        starve(spec->name, record, HF_OK);
    }
}
