/* AES-CBC with HMAC: keys, and the two kinds of work that the library does for n records at once.
 *
 * Encryption and HMAC are serial within a record; across records they fill the lanes. The burst calls take an array
 * of jobs, fill the lanes, and return when all are done: nothing stays in the manager between calls. */
#include "cbc.h"

#include "md_fastest.h"

static hf_status key_init(void *state, const hf_record_keys *keys, hf_cipher_id id, hf_hash_id hash)
{
    const hf_cipher_spec *spec = hf_cipher_spec_of(id);
    const IMB_MGR *tables = hf_imb_tables();
    hf_imb_cbc_key *key = state;
    _Alignas(16) uint8_t enc[15 * 16] = {0};
    _Alignas(16) uint8_t dec[15 * 16] = {0};

    if (keys->mode != HF_RECORD_TLS12 && keys->mode != HF_RECORD_TLS12_ETM)
        return HF_ERR_UNSUPPORTED;
    if (!tables)
        return HF_ERR_CRYPTO;
    memset(key, 0, sizeof *key);
    hf_status status = hf_md_hmac_key_init(&key->hmac, hf_md_ops_fastest(hash), keys->mac_key, spec->mac_key_size);
    if (status != HF_OK)
        return status;
    if (spec->key_size == IMB_KEY_128_BYTES)
        IMB_AES_KEYEXP_128(tables, keys->key, enc, dec);
    else
        IMB_AES_KEYEXP_256(tables, keys->key, enc, dec);
    memcpy(key->round_keys, keys->direction == HF_SEAL ? enc : dec, sizeof key->round_keys);
    key->key_size = spec->key_size;
    key->mac_size = spec->mac_key_size;
    key->mode = (uint8_t)keys->mode;
    hf_wipe(enc, sizeof enc);
    hf_wipe(dec, sizeof dec);
    return HF_OK;
}

static void key_cleanup(void *state)
{
    hf_wipe(state, sizeof(hf_imb_cbc_key));
}

static IMB_HASH_ALG hash_of(const hf_imb_cbc_key *key)
{
    switch (key->mac_size) {
    case 20:
        return IMB_AUTH_HMAC_SHA_1;
    case 32:
        return IMB_AUTH_HMAC_SHA_256;
    default:
        return IMB_AUTH_HMAC_SHA_384;
    }
}

static bool all_completed(const IMB_JOB *below, uint32_t completed, size_t n)
{
    bool good = completed == n;
    for (size_t i = 0; i < n; i++)
        good = good && below[i].status == IMB_STATUS_COMPLETED;
    return good;
}

bool hf_imb_hmac_with(const hf_imb_batch *b, IMB_MGR *mgr, const uint8_t *const *msg, const size_t *len)
{
    hf_imb_worker *w = b->w;
    const hf_imb_cbc_key *first = b->jobs[0]->key;

    memset(w->jobs, 0, b->n * sizeof w->jobs[0]);
    for (size_t i = 0; i < b->n; i++) {
        const hf_imb_cbc_key *key = b->jobs[i]->key;
        IMB_JOB *below = &w->jobs[i];
        below->src = msg[i];
        below->hash_start_src_offset_in_bytes = 0;
        below->msg_len_to_hash_in_bytes = len[i];
        below->hash_alg = hash_of(first);
        below->u.HMAC._hashed_auth_key_xor_ipad = (const uint8_t *)&key->hmac.inner;
        below->u.HMAC._hashed_auth_key_xor_opad = (const uint8_t *)&key->hmac.outer;
        below->auth_tag_output = w->tags[i];
        below->auth_tag_output_len_in_bytes = key->mac_size;
    }
    uint32_t completed = IMB_SUBMIT_HASH_BURST(mgr, w->jobs, (uint32_t)b->n, hash_of(first));
    return all_completed(w->jobs, completed, b->n);
}

bool hf_imb_cbc_with(const hf_imb_batch *b, IMB_MGR *mgr, hf_direction direction, const uint8_t *const *src,
                     uint8_t *const *dst, const size_t *len, const uint8_t *const *iv)
{
    hf_imb_worker *w = b->w;
    const hf_imb_cbc_key *first = b->jobs[0]->key;

    memset(w->jobs, 0, b->n * sizeof w->jobs[0]);
    for (size_t i = 0; i < b->n; i++) {
        const hf_imb_cbc_key *key = b->jobs[i]->key;
        IMB_JOB *below = &w->jobs[i];
        below->cipher_mode = IMB_CIPHER_CBC;
        below->cipher_direction = direction == HF_SEAL ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
        below->enc_keys = key->round_keys;
        below->dec_keys = key->round_keys;
        below->key_len_in_bytes = key->key_size;
        below->src = src[i];
        below->dst = dst[i];
        below->cipher_start_src_offset_in_bytes = 0;
        below->msg_len_to_cipher_in_bytes = len[i];
        below->iv = iv[i];
        below->iv_len_in_bytes = HF_CBC_IV_SIZE;
    }
    uint32_t completed = IMB_SUBMIT_CIPHER_BURST(
        mgr, w->jobs, (uint32_t)b->n, IMB_CIPHER_CBC, direction == HF_SEAL ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT,
        first->key_size == IMB_KEY_128_BYTES ? IMB_KEY_128_BYTES : IMB_KEY_256_BYTES);
    return all_completed(w->jobs, completed, b->n);
}

static size_t sum(const size_t *len, size_t n)
{
    size_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += len[i];
    return all;
}

bool hf_imb_hmac(const hf_imb_batch *b, const uint8_t *const *msg, const size_t *len)
{
    const hf_imb_worker *w = b->w;
    const hf_imb_cbc_key *first = b->jobs[0]->key;
    size_t which = first->mac_size == 20 ? 0 : first->mac_size == 32 ? 1 : 2;

    return hf_imb_hmac_with(b, hf_imb_manager_for(w, w->paths->hmac[which], b->n, sum(len, b->n)), msg, len);
}

bool hf_imb_cbc(const hf_imb_batch *b, hf_direction direction, const uint8_t *const *src, uint8_t *const *dst,
                const size_t *len, const uint8_t *const *iv)
{
    const hf_imb_worker *w = b->w;
    IMB_MGR *mgr = w->mgr; /* decryption has no lanes to fill */

    if (direction == HF_SEAL)
        mgr = hf_imb_manager_for(w, w->paths->cbc, b->n, sum(len, b->n));
    return hf_imb_cbc_with(b, mgr, direction, src, dst, len, iv);
}

void hf_imb_batch_failed(const hf_imb_batch *b, const size_t *written)
{
    for (size_t i = 0; i < b->n; i++) {
        hf_wipe(b->jobs[i]->out, written[i]);
        b->jobs[i]->out_len = 0;
        b->jobs[i]->status = HF_ERR_CRYPTO;
    }
}

#define CBC_CIPHER(name, ID, HASH)                                                                                     \
    static hf_status key_init_##name(void *state, const hf_record_keys *keys)                                          \
    {                                                                                                                  \
        return key_init(state, keys, ID, HASH);                                                                        \
    }                                                                                                                  \
    const hf_cipher hf_imb_##name = {.id = ID,                                                                         \
                                     .provider = &hf_provider_ipsecmb,                                                 \
                                     .key_state_size = sizeof(hf_imb_cbc_key),                                         \
                                     .key_init = key_init_##name,                                                      \
                                     .key_cleanup = key_cleanup,                                                       \
                                     .seal = hf_imb_cbc_seal,                                                          \
                                     .open = hf_imb_cbc_open}

CBC_CIPHER(aes_128_cbc_sha1, HF_AES_128_CBC_SHA1, HF_SHA1);
CBC_CIPHER(aes_256_cbc_sha1, HF_AES_256_CBC_SHA1, HF_SHA1);
CBC_CIPHER(aes_128_cbc_sha256, HF_AES_128_CBC_SHA256, HF_SHA256);
CBC_CIPHER(aes_256_cbc_sha256, HF_AES_256_CBC_SHA256, HF_SHA256);
CBC_CIPHER(aes_256_cbc_sha384, HF_AES_256_CBC_SHA384, HF_SHA384);
