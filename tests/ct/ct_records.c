/* Records and hashes of the portable provider with keys, IVs, MAC keys and plaintexts as secrets.
 *
 * What is public: lengths, sequence numbers, ciphertexts, and whether a record was good. */
#include "ct.h"

#include <stdalign.h>
#include <string.h>

#include "builtin.h"
#include "hmac.h"
#include "kernel.h"

#define PLAIN_MAX 1400

typedef struct materials {
    uint8_t key[HF_CIPHER_KEY_MAX], iv[HF_CIPHER_IV_MAX], mac_key[HF_CIPHER_MAC_KEY_MAX];
} materials;

static void *new_key(const hf_cipher *cipher, hf_record_mode mode, hf_direction direction, materials *m)
{
    const hf_cipher_spec *spec = hf_cipher_spec_of(cipher->id);
    bool cbc = spec->block_size > 1;
    void *state = aligned_alloc(HF_RECORD_KEY_ALIGN, (cipher->key_state_size + HF_RECORD_KEY_ALIGN - 1) /
                                                         HF_RECORD_KEY_ALIGN * HF_RECORD_KEY_ALIGN);
    CT_REQUIRE(state);
    for (size_t i = 0; i < sizeof *m; i++)
        ((uint8_t *)m)[i] = (uint8_t)(i * 11 + 3);
    ct_secret(m, sizeof *m);
    hf_record_keys keys = {mode, direction, m->key, cbc ? NULL : m->iv, cbc ? m->mac_key : NULL};
    CT_REQUIRE(cipher->key_init(state, &keys) == HF_OK);
    return state;
}

/* Seals a secret content, makes the ciphertext public, opens it; then opens it changed at `change` from the end. */
static void run_record(const hf_cipher *cipher, hf_record_mode mode, size_t len)
{
    const hf_cipher_spec *spec = hf_cipher_spec_of(cipher->id);
    static uint8_t plain[PLAIN_MAX], body[PLAIN_MAX + 512], opened[PLAIN_MAX + 512];
    static const uint8_t cbc_iv[HF_CBC_IV_SIZE] = {9};
    materials m;
    void *seal = new_key(cipher, mode, HF_SEAL, &m), *open = new_key(cipher, mode, HF_OPEN, &m);

    memset(plain, 7, len);
    ct_secret(plain, len);
    hf_record_job job = {.key = seal,
                         .sequence = 5,
                         .in = plain,
                         .in_len = len,
                         .out = body,
                         .out_max = sizeof body,
                         .cbc_iv = spec->block_size > 1 ? cbc_iv : NULL,
                         .content_type = 23};
    cipher->seal(NULL, &job, 1);
    CT_REQUIRE(job.status == HF_OK);
    size_t body_len = job.out_len;
    ct_public(body, body_len);

    /* Good, then one changed byte in the tag or MAC, the padding, the middle: the verdict may show, its cause not. */
    size_t at[] = {body_len, body_len - 1, body_len - 17 < body_len ? body_len - 17 : 0, body_len / 2};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        if (at[i] < body_len)
            body[at[i]] ^= 0x55;
        hf_record_job back = {.key = open,
                              .sequence = 5,
                              .in = body,
                              .in_len = body_len,
                              .out = opened,
                              .out_max = sizeof opened,
                              .content_type = 23};
        cipher->open(NULL, &back, 1);
        CT_REQUIRE(back.status == (at[i] < body_len ? HF_ERR_VERIFY : HF_OK));
        if (at[i] < body_len)
            body[at[i]] ^= 0x55;
    }
    cipher->key_cleanup(seal);
    cipher->key_cleanup(open);
    free(seal);
    free(open);
}

static void run_ciphers(const hf_provider *provider, bool cbc)
{
    static const size_t lens[] = {0, 1, 15, 16, 17, 100, 300, PLAIN_MAX};
    size_t ran = 0;

    for (const hf_cipher *const *c = provider->ciphers; *c; c++) {
        if ((hf_cipher_spec_of((*c)->id)->block_size > 1) != cbc)
            continue;
        for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
            run_record(*c, HF_RECORD_TLS12, lens[i]);
            run_record(*c, cbc ? HF_RECORD_TLS12_ETM : HF_RECORD_TLS13, lens[i]);
        }
        ran++;
    }
    CT_REQUIRE(ran >= 3);
}

void ct_aead(void)
{
    run_ciphers(&hf_provider_portable, false);
}

void ct_cbc(void)
{
    run_ciphers(&hf_provider_portable, true);
}

#ifdef CT_SHANI

/* Three records of one call, so that two go side by side, with keys of both modes; one of them changed. */
static void run_batch(const hf_cipher *cipher)
{
    enum { N = 3 };
    static const size_t lens[N] = {70, 300, 64};
    static uint8_t plain[N][300], body[N][512], opened[N][512];
    static const uint8_t cbc_iv[HF_CBC_IV_SIZE] = {9};
    materials m[N];
    void *seal[N], *open[N];
    hf_record_job jobs[N];

    for (size_t i = 0; i < 2 * N; i++) { /* all of one mode, then mixed */
        hf_record_mode mode = i % 4 == 3 ? HF_RECORD_TLS12_ETM : HF_RECORD_TLS12;
        size_t k = i % N;
        seal[k] = new_key(cipher, mode, HF_SEAL, &m[k]);
        open[k] = new_key(cipher, mode, HF_OPEN, &m[k]);
        memset(plain[k], (int)i, lens[k]);
        ct_secret(plain[k], lens[k]);
        jobs[k] = (hf_record_job){.key = seal[k],
                                  .in = plain[k],
                                  .in_len = lens[k],
                                  .out = body[k],
                                  .out_max = sizeof body[k],
                                  .cbc_iv = cbc_iv};
        if (k < N - 1)
            continue;
        cipher->seal(NULL, jobs, N);
        for (size_t j = 0; j < N; j++) {
            size_t len = jobs[j].out_len;
            CT_REQUIRE(jobs[j].status == HF_OK);
            ct_public(body[j], len);
            body[j][len - 30] ^= j == 1;
            jobs[j] = (hf_record_job){
                .key = open[j], .in = body[j], .in_len = len, .out = opened[j], .out_max = sizeof opened[j]};
        }
        cipher->open(NULL, jobs, N);
        for (size_t j = 0; j < N; j++) {
            CT_REQUIRE(jobs[j].status == (j == 1 ? HF_ERR_VERIFY : HF_OK));
            cipher->key_cleanup(seal[j]);
            cipher->key_cleanup(open[j]);
            free(seal[j]);
            free(open[j]);
        }
    }
}

/* The provider `shani`, compiled here with HF_SHANI_PLAIN: its own source, but for the SHA extensions, which valgrind
 * 3.19 does not know and which are plain C here. */
void ct_shani(void)
{
    run_ciphers(&hf_provider_shani, true);
    for (const hf_cipher *const *c = hf_provider_shani.ciphers; *c; c++)
        run_batch(*c);
}

#endif

/* The records above ran on the widest kernel that valgrind knows; here every kernel that runs there. */
void ct_kernels(void)
{
    size_t ran = 0;

    for (const hf_kernel *kernel; (kernel = hf_kernel_at(ran)); ran++) {
        static uint8_t secret[PLAIN_MAX], out[PLAIN_MAX];
        uint8_t key[32] = {1}, block[64] = {2}, skipped[HF_CHACHA_BLOCK];
        hf_aes_key aes;
        hf_ghash_key ghash;
        ct_secret(key, sizeof key);
        ct_secret(block, sizeof block);
        ct_secret(secret, sizeof secret);
        hf_aes_key_init(&aes, key, sizeof key);
        hf_ghash_key_init(&ghash, key);
        kernel->aes_ctr(&aes, block, skipped, 2, secret, out, sizeof secret, NULL, NULL);
        kernel->cbc_decrypt(&aes, block, secret, out, sizeof secret / 16 * 16);
        kernel->ghash(&ghash, block, 13, secret, sizeof secret, out);
        kernel->chacha20(key, block, skipped, secret, out, sizeof secret, NULL, NULL);
        hf_cbc_chain chains[3];
        for (size_t i = 0; i < 3; i++) {
            chains[i] = (hf_cbc_chain){.key = &aes, .in = secret, .out = out, .blocks = 4 + i};
            memcpy(chains[i].state, block, HF_AES_BLOCK);
        }
        chains[1].out = chains[2].out = NULL;
        kernel->cbc_encrypt(chains, 3);
    }
    CT_REQUIRE(ran >= 1);
}

/* The portable hashes. Those of `x86` cannot be checked here: valgrind 3.19 knows no SHA extensions (SIGILL), and its
 * CPUID does not announce them. docs/security.md says so. */
void ct_hash(void)
{
    size_t ran = 0;

    for (const hf_hash *const *h = hf_provider_portable.hashes; *h; h++, ran++) {
        uint8_t secret[200], out[HF_HASH_SIZE_MAX];
        memset(secret, 1, sizeof secret);
        ct_secret(secret, sizeof secret);
        CT_REQUIRE(hf_hash_once(*h, secret, sizeof secret, out) == HF_OK);
    }
    CT_REQUIRE(ran >= 3);
}
