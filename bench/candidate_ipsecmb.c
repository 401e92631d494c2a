/* The bare loop around ipsec-mb's direct calls: what our provider of the same library is measured against. */
#include "candidate.h"

#if HF_BENCH_IPSECMB

#include <intel-ipsec-mb.h>
#include <string.h>

typedef struct gcm_state {
    struct gcm_key_data key;
    struct gcm_context_data context;
} gcm_state;

typedef struct chacha_state {
    uint8_t key[32];
    struct chacha20_poly1305_context_data context;
} chacha_state;

/* One for all, as one thread has; it stays until the program ends. */
static IMB_MGR *mgr;

static bool have_manager(void)
{
    if (mgr)
        return true;
    mgr = alloc_mb_mgr(0);
    if (!mgr)
        return false;
    init_mb_mgr_auto(mgr, NULL);
    if (imb_get_errno(mgr) == 0 && (mgr->features & IMB_FEATURE_AESNI))
        return true;
    free_mb_mgr(mgr);
    mgr = NULL;
    return false;
}

static bool gcm_init(void *p, const uint8_t *key, bool aes256)
{
    gcm_state *s = p;

    memset(s, 0, sizeof *s);
    if (aes256)
        IMB_AES256_GCM_PRE(mgr, key, &s->key);
    else
        IMB_AES128_GCM_PRE(mgr, key, &s->key);
    return true;
}

static bool gcm128_init(void *p, const uint8_t *key)
{
    return gcm_init(p, key, false);
}

static bool gcm256_init(void *p, const uint8_t *key)
{
    return gcm_init(p, key, true);
}

static void gcm128_seal(void *p, const uint8_t *nonce, const uint8_t *aad, uint8_t *data, size_t len, uint8_t *tag)
{
    gcm_state *s = p;

    IMB_AES128_GCM_ENC(mgr, &s->key, &s->context, data, data, len, nonce, aad, HF_REC_AAD_SIZE, tag, HF_REC_TAG_SIZE);
}

static void gcm256_seal(void *p, const uint8_t *nonce, const uint8_t *aad, uint8_t *data, size_t len, uint8_t *tag)
{
    gcm_state *s = p;

    IMB_AES256_GCM_ENC(mgr, &s->key, &s->context, data, data, len, nonce, aad, HF_REC_AAD_SIZE, tag, HF_REC_TAG_SIZE);
}

static bool gcm128_open(void *p, const uint8_t *nonce, const uint8_t *aad, uint8_t *out, const uint8_t *in, size_t len,
                        const uint8_t *tag)
{
    gcm_state *s = p;
    uint8_t right[HF_REC_TAG_SIZE];

    IMB_AES128_GCM_DEC(mgr, &s->key, &s->context, out, in, len, nonce, aad, HF_REC_AAD_SIZE, right, sizeof right);
    return memcmp(right, tag, sizeof right) == 0;
}

static bool gcm256_open(void *p, const uint8_t *nonce, const uint8_t *aad, uint8_t *out, const uint8_t *in, size_t len,
                        const uint8_t *tag)
{
    gcm_state *s = p;
    uint8_t right[HF_REC_TAG_SIZE];

    IMB_AES256_GCM_DEC(mgr, &s->key, &s->context, out, in, len, nonce, aad, HF_REC_AAD_SIZE, right, sizeof right);
    return memcmp(right, tag, sizeof right) == 0;
}

static bool chacha_init(void *p, const uint8_t *key)
{
    chacha_state *s = p;

    memset(s, 0, sizeof *s);
    memcpy(s->key, key, sizeof s->key);
    return true;
}

static void chacha_seal(void *p, const uint8_t *nonce, const uint8_t *aad, uint8_t *data, size_t len, uint8_t *tag)
{
    chacha_state *s = p;

    IMB_CHACHA20_POLY1305_INIT(mgr, s->key, &s->context, nonce, aad, HF_REC_AAD_SIZE);
    IMB_CHACHA20_POLY1305_ENC_UPDATE(mgr, s->key, &s->context, data, data, len);
    IMB_CHACHA20_POLY1305_ENC_FINALIZE(mgr, &s->context, tag, HF_REC_TAG_SIZE);
}

static bool chacha_open(void *p, const uint8_t *nonce, const uint8_t *aad, uint8_t *out, const uint8_t *in, size_t len,
                        const uint8_t *tag)
{
    chacha_state *s = p;
    uint8_t right[HF_REC_TAG_SIZE];

    IMB_CHACHA20_POLY1305_INIT(mgr, s->key, &s->context, nonce, aad, HF_REC_AAD_SIZE);
    IMB_CHACHA20_POLY1305_DEC_UPDATE(mgr, s->key, &s->context, out, in, len);
    IMB_CHACHA20_POLY1305_DEC_FINALIZE(mgr, &s->context, right, sizeof right);
    return memcmp(right, tag, sizeof right) == 0;
}

static const hf_rec_aead gcm128 = {.id = HF_AES_128_GCM,
                                   .state_size = sizeof(gcm_state),
                                   .init = gcm128_init,
                                   .seal = gcm128_seal,
                                   .open = gcm128_open};
static const hf_rec_aead gcm256 = {.id = HF_AES_256_GCM,
                                   .state_size = sizeof(gcm_state),
                                   .init = gcm256_init,
                                   .seal = gcm256_seal,
                                   .open = gcm256_open};
static const hf_rec_aead chacha = {.id = HF_CHACHA20_POLY1305,
                                   .state_size = sizeof(chacha_state),
                                   .init = chacha_init,
                                   .seal = chacha_seal,
                                   .open = chacha_open};
static const hf_rec_aead *const aeads[] = {&gcm128, &gcm256, &chacha, NULL};

size_t hf_rec_ipsecmb_makers(hf_rec_maker *out)
{
    if (!have_manager())
        return 0; /* this CPU cannot */
    out[0] = hf_rec_bare_maker("ipsec-mb-loop", aeads);
    return 1;
}

#else

size_t hf_rec_ipsecmb_makers(hf_rec_maker *out)
{
    (void)out;
    return 0;
}

#endif
