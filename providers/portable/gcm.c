/* AES-GCM, SP 800-38D, with 12-byte nonces. */
#include "aead.h"
#include "ct.h"

void hf_gcm_key_init(hf_gcm_key *key, const hf_kernel *kernel, const uint8_t *bytes, size_t len)
{
    static const uint8_t zero[HF_AES_BLOCK];
    uint8_t h[HF_AES_BLOCK];

    hf_aes_key_init(&key->aes, bytes, len);
    kernel->aes_ctr(&key->aes, zero, h, 1, NULL, NULL, 0, NULL, NULL); /* H = E_K(0) */
    hf_ghash_key_init(&key->ghash, h);
    hf_wipe(h, sizeof h);
}

/* The counter block without its counter: counter 0 is never used, 1 masks the tag, 2 begins the text. */
static void counter_block(const hf_aead_text *text, uint8_t block[HF_AES_BLOCK])
{
    memcpy(block, text->nonce, HF_AEAD_NONCE);
    memset(block + HF_AEAD_NONCE, 0, 4);
}

void hf_gcm_seal(const hf_gcm_key *key, const hf_kernel *kernel, const hf_aead_text *text, uint8_t tag[HF_AEAD_TAG])
{
    uint8_t block[HF_AES_BLOCK];
    uint8_t skipped[2 * HF_AES_BLOCK];

    counter_block(text, block);
    kernel->aes_ctr(&key->aes, block, skipped, 2, text->in, text->out, text->len, NULL, NULL);
    kernel->ghash(&key->ghash, text->aad, text->aad_len, text->out, text->len, tag);
    for (size_t i = 0; i < HF_AEAD_TAG; i++)
        tag[i] ^= skipped[HF_AES_BLOCK + i];
    hf_wipe(skipped, sizeof skipped);
}

/* What the gate needs to judge a tag. */
typedef struct judge {
    const hf_gcm_key *key;
    const hf_kernel *kernel;
    const hf_aead_text *text;
    const uint8_t *tag;
    bool good;
} judge;

/* Called when the tag's mask is known and before plaintext is written. */
static bool tag_is_right(void *arg, const uint8_t *skipped)
{
    judge *j = arg;
    uint8_t expected[HF_AEAD_TAG];

    j->kernel->ghash(&j->key->ghash, j->text->aad, j->text->aad_len, j->text->in, j->text->len, expected);
    for (size_t i = 0; i < HF_AEAD_TAG; i++)
        expected[i] ^= skipped[HF_AES_BLOCK + i];
    j->good = hf_ct_declassify(hf_ct_equal(expected, j->tag, HF_AEAD_TAG)) != 0;
    hf_wipe(expected, sizeof expected);
    return j->good;
}

bool hf_gcm_open(const hf_gcm_key *key, const hf_kernel *kernel, const hf_aead_text *text,
                 const uint8_t tag[HF_AEAD_TAG])
{
    uint8_t block[HF_AES_BLOCK];
    uint8_t skipped[2 * HF_AES_BLOCK];
    judge j = {key, kernel, text, tag, false};

    counter_block(text, block);
    kernel->aes_ctr(&key->aes, block, skipped, 2, text->in, text->out, text->len, tag_is_right, &j);
    if (!j.good)
        hf_wipe(text->out, text->len);
    hf_wipe(skipped, sizeof skipped);
    return j.good;
}
