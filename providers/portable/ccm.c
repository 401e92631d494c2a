/* AES-CCM, SP 800-38C and RFC 3610. The CBC-MACs of several messages run side by side. */
#include "aead.h"
#include "ct.h"

#define AAD_LENGTH_SIZE 2

/* B_0: flags, nonce, length of the text (SP 800-38C appendix A.2.1). */
static void first_block(const hf_ccm_message *m, uint8_t block[HF_AES_BLOCK])
{
    size_t length_size = 15 - m->nonce_len;
    size_t len = m->text.len;

    block[0] = (uint8_t)((m->text.aad_len > 0 ? 64 : 0) | (m->tag_len - 2) / 2 << 3 | (length_size - 1));
    memcpy(block + 1, m->text.nonce, m->nonce_len);
    for (size_t i = 0; i < length_size; i++, len >>= 8)
        block[15 - i] = (uint8_t)len;
}

/* Ctr_i without i: flags, nonce, zeros (appendix A.3). */
static void counter_block(const hf_ccm_message *m, uint8_t block[HF_AES_BLOCK])
{
    memset(block, 0, HF_AES_BLOCK);
    block[0] = (uint8_t)(14 - m->nonce_len);
    memcpy(block + 1, m->text.nonce, m->nonce_len);
}

/* The blocks that a chain hashes, stage by stage: B_0; the additional data's length and first bytes, whole blocks of
 * them, their last bytes; whole blocks of text, its last bytes. staged: 16 bytes for what has to be put together. */
enum { STAGES = 6 };

static void stage(const hf_ccm_message *m, unsigned number, const uint8_t *plain, uint8_t staged[HF_AES_BLOCK],
                  hf_cbc_chain *chain)
{
    const hf_aead_text *t = &m->text;
    size_t head = t->aad_len < HF_AES_BLOCK - AAD_LENGTH_SIZE ? t->aad_len : HF_AES_BLOCK - AAD_LENGTH_SIZE;
    size_t rest = t->aad_len - head;

    memset(staged, 0, HF_AES_BLOCK);
    chain->in = staged;
    chain->blocks = 1;
    switch (number) {
    case 0:
        first_block(m, staged);
        break;
    case 1:
        chain->blocks = t->aad_len > 0;
        staged[0] = (uint8_t)(t->aad_len >> 8);
        staged[1] = (uint8_t)t->aad_len;
        if (head > 0)
            memcpy(staged + AAD_LENGTH_SIZE, t->aad, head);
        break;
    case 2:
        chain->in = t->aad ? t->aad + head : NULL;
        chain->blocks = rest / HF_AES_BLOCK;
        break;
    case 3:
        chain->blocks = rest % HF_AES_BLOCK > 0;
        if (rest % HF_AES_BLOCK > 0)
            memcpy(staged, t->aad + t->aad_len - rest % HF_AES_BLOCK, rest % HF_AES_BLOCK);
        break;
    case 4:
        chain->in = plain;
        chain->blocks = t->len / HF_AES_BLOCK;
        break;
    default:
        chain->blocks = t->len % HF_AES_BLOCK > 0;
        if (t->len % HF_AES_BLOCK > 0)
            memcpy(staged, plain + t->len - t->len % HF_AES_BLOCK, t->len % HF_AES_BLOCK);
        break;
    }
}

void hf_ccm_mac(hf_ccm_message *messages, size_t n, const hf_kernel *kernel, bool opened)
{
    hf_cbc_chain chains[HF_CBC_CHAINS_MAX];
    uint8_t staged[HF_CBC_CHAINS_MAX][HF_AES_BLOCK];
    uint8_t mask[HF_AES_BLOCK];

    memset(chains, 0, sizeof chains);
    for (size_t i = 0; i < n; i++)
        chains[i].key = messages[i].key;
    for (unsigned s = 0; s < STAGES; s++) {
        for (size_t i = 0; i < n; i++)
            stage(&messages[i], s, opened ? messages[i].text.out : messages[i].text.in, staged[i], &chains[i]);
        kernel->cbc_encrypt(chains, n);
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t block[HF_AES_BLOCK];
        counter_block(&messages[i], block);
        kernel->aes_ctr(messages[i].key, block, mask, 1, NULL, NULL, 0, NULL, NULL);
        for (size_t j = 0; j < HF_AES_BLOCK; j++)
            messages[i].mac[j] = chains[i].state[j] ^ mask[j];
    }
    hf_wipe(chains, sizeof chains);
    hf_wipe(staged, sizeof staged);
    hf_wipe(mask, sizeof mask);
}

void hf_ccm_crypt(const hf_ccm_message *m, const hf_kernel *kernel)
{
    uint8_t block[HF_AES_BLOCK];
    uint8_t skipped[HF_AES_BLOCK];

    counter_block(m, block);
    kernel->aes_ctr(m->key, block, skipped, 1, m->text.in, m->text.out, m->text.len, NULL, NULL);
    hf_wipe(skipped, sizeof skipped);
}

void hf_ccm_seal(hf_ccm_message *messages, size_t n, const hf_kernel *kernel)
{
    hf_ccm_mac(messages, n, kernel, false);
    for (size_t i = 0; i < n; i++)
        hf_ccm_crypt(&messages[i], kernel);
}

void hf_ccm_open(hf_ccm_message *messages, size_t n, const hf_kernel *kernel, const uint8_t *const *tags, bool *good)
{
    for (size_t i = 0; i < n; i++)
        hf_ccm_crypt(&messages[i], kernel);
    hf_ccm_mac(messages, n, kernel, true);
    for (size_t i = 0; i < n; i++) {
        good[i] = hf_ct_declassify(hf_ct_equal(messages[i].mac, tags[i], messages[i].tag_len)) != 0;
        if (!good[i])
            hf_wipe(messages[i].text.out, messages[i].text.len);
        hf_wipe(messages[i].mac, sizeof messages[i].mac);
    }
}
