/* BearSSL's portable constant-time code as a peer of our provider `portable`: AES (ct64) with GHASH (ctmul64), and
 * ChaCha20 (ct) with Poly1305 (ctmul). */
#include "candidate.h"

#if HF_BENCH_BEARSSL

#include <bearssl.h>
#include <string.h>

typedef struct gcm_state {
    br_aes_ct64_ctr_keys keys;
    br_gcm_context gcm;
} gcm_state;

static bool gcm_init(void *p, const uint8_t *key, size_t key_len)
{
    gcm_state *s = p;

    br_aes_ct64_ctr_init(&s->keys, key, key_len);
    br_gcm_init(&s->gcm, &s->keys.vtable, br_ghash_ctmul64);
    return true;
}

static bool gcm128_init(void *p, const uint8_t *key)
{
    return gcm_init(p, key, 16);
}

static bool gcm256_init(void *p, const uint8_t *key)
{
    return gcm_init(p, key, 32);
}

static void gcm_begin(gcm_state *s, const uint8_t *nonce, const uint8_t *aad)
{
    br_gcm_reset(&s->gcm, nonce, HF_REC_NONCE_SIZE);
    br_gcm_aad_inject(&s->gcm, aad, HF_REC_AAD_SIZE);
    br_gcm_flip(&s->gcm);
}

static void gcm_seal(void *p, const uint8_t *nonce, const uint8_t *aad, uint8_t *data, size_t len, uint8_t *tag)
{
    gcm_state *s = p;

    gcm_begin(s, nonce, aad);
    br_gcm_run(&s->gcm, 1, data, len);
    br_gcm_get_tag(&s->gcm, tag);
}

/* It works in place only; the copy costs nothing beside the rest. */
static bool gcm_open(void *p, const uint8_t *nonce, const uint8_t *aad, uint8_t *out, const uint8_t *in, size_t len,
                     const uint8_t *tag)
{
    gcm_state *s = p;

    memcpy(out, in, len);
    gcm_begin(s, nonce, aad);
    br_gcm_run(&s->gcm, 0, out, len);
    return br_gcm_check_tag(&s->gcm, tag) == 1;
}

static bool chacha_init(void *p, const uint8_t *key)
{
    memcpy(p, key, 32);
    return true;
}

static void chacha_seal(void *p, const uint8_t *nonce, const uint8_t *aad, uint8_t *data, size_t len, uint8_t *tag)
{
    br_poly1305_ctmul_run(p, nonce, data, len, aad, HF_REC_AAD_SIZE, tag, br_chacha20_ct_run, 1);
}

static bool chacha_open(void *p, const uint8_t *nonce, const uint8_t *aad, uint8_t *out, const uint8_t *in, size_t len,
                        const uint8_t *tag)
{
    uint8_t right[HF_REC_TAG_SIZE];

    memcpy(out, in, len);
    br_poly1305_ctmul_run(p, nonce, out, len, aad, HF_REC_AAD_SIZE, right, br_chacha20_ct_run, 0);
    return memcmp(right, tag, sizeof right) == 0;
}

static const hf_rec_aead gcm128 = {
    .id = HF_AES_128_GCM, .state_size = sizeof(gcm_state), .init = gcm128_init, .seal = gcm_seal, .open = gcm_open};
static const hf_rec_aead gcm256 = {
    .id = HF_AES_256_GCM, .state_size = sizeof(gcm_state), .init = gcm256_init, .seal = gcm_seal, .open = gcm_open};
static const hf_rec_aead chacha = {
    .id = HF_CHACHA20_POLY1305, .state_size = 32, .init = chacha_init, .seal = chacha_seal, .open = chacha_open};
static const hf_rec_aead *const aeads[] = {&gcm128, &gcm256, &chacha, NULL};

size_t hf_rec_bearssl_makers(hf_rec_maker *out)
{
    out[0] = hf_rec_bare_maker("bearssl-ct64", aeads);
    return 1;
}

#else

size_t hf_rec_bearssl_makers(hf_rec_maker *out)
{
    (void)out;
    return 0;
}

#endif
