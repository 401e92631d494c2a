/* ChaCha20-Poly1305, RFC 8439 section 2.8. */
#include "aead.h"
#include "ct.h"
#include "poly1305.h"

/* The tag over aad and ciphertext. one_time_key: 32 bytes, from block 0. */
static void authenticate(const uint8_t one_time_key[32], const hf_aead_text *text, const uint8_t *ciphertext,
                         uint8_t tag[HF_AEAD_TAG])
{
    hf_poly1305 poly;
    uint8_t lengths[16];

    hf_store64_le(lengths, text->aad_len);
    hf_store64_le(lengths + 8, text->len);
    hf_poly1305_init(&poly, one_time_key);
    hf_poly1305_update_padded(&poly, text->aad, text->aad_len);
    hf_poly1305_update_padded(&poly, ciphertext, text->len);
    hf_poly1305_update_padded(&poly, lengths, sizeof lengths);
    hf_poly1305_final(&poly, tag);
}

void hf_chapoly_seal(const uint8_t key[32], const hf_kernel *kernel, const hf_aead_text *text, uint8_t tag[HF_AEAD_TAG])
{
    uint8_t block0[HF_CHACHA_BLOCK];

    kernel->chacha20(key, text->nonce, block0, text->in, text->out, text->len, NULL, NULL);
    authenticate(block0, text, text->out, tag);
    hf_wipe(block0, sizeof block0);
}

/* What the gate needs to judge a tag. */
typedef struct judge {
    const hf_aead_text *text;
    const uint8_t *tag;
    bool good;
} judge;

/* Called when the one-time key is known and before plaintext is written. */
static bool tag_is_right(void *arg, const uint8_t *block0)
{
    judge *j = arg;
    uint8_t expected[HF_AEAD_TAG];

    authenticate(block0, j->text, j->text->in, expected);
    j->good = hf_ct_declassify(hf_ct_equal(expected, j->tag, HF_AEAD_TAG)) != 0;
    hf_wipe(expected, sizeof expected);
    return j->good;
}

bool hf_chapoly_open(const uint8_t key[32], const hf_kernel *kernel, const hf_aead_text *text,
                     const uint8_t tag[HF_AEAD_TAG])
{
    uint8_t block0[HF_CHACHA_BLOCK];
    judge j = {text, tag, false};

    kernel->chacha20(key, text->nonce, block0, text->in, text->out, text->len, tag_is_right, &j);
    if (!j.good)
        hf_wipe(text->out, text->len);
    hf_wipe(block0, sizeof block0);
    return j.good;
}
