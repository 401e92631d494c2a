/* Sealing MAC-then-encrypt with libcrypto's stitched AES-CBC-HMAC: MAC, padding and encryption in one pass.
 *
 * The stitched cipher counts the explicit IV as the first block of what it encrypts: under the IV it was given, it
 * turns a block R into E(R xor IV), and that is the IV on the wire. The contract says which IV the wire shall show; so
 * R is the decryption of that one under an IV of zero.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

#include "cbc.h"
#include "handfast/secret.h"
#include "record.h"

static const uint8_t zero_iv[HF_CBC_IV_SIZE];

bool hf_lc_stitched_init(hf_lc_cbc_key *k, const hf_lc_algorithms *lc, const hf_record_keys *keys)
{
    hf_cipher_id id = k->spec->id;
    uint8_t mac_key[HF_CIPHER_MAC_KEY_MAX];

    k->stitched = EVP_CIPHER_CTX_new();
    k->ecb = EVP_CIPHER_CTX_new();
    if (!k->stitched || !k->ecb)
        return false;
    memcpy(mac_key, keys->mac_key, k->spec->mac_key_size);
    bool ok = EVP_CipherInit_ex2(k->stitched, lc->stitched[id], keys->key, zero_iv, 1, NULL) == 1 &&
              EVP_CIPHER_CTX_ctrl(k->stitched, EVP_CTRL_AEAD_SET_MAC_KEY, k->spec->mac_key_size, mac_key) == 1 &&
              EVP_CipherInit_ex2(k->ecb, lc->ecb[id], keys->key, NULL, 0, NULL) == 1 &&
              EVP_CIPHER_CTX_set_padding(k->ecb, 0) == 1;
    hf_wipe(mac_key, sizeof mac_key);
    return ok;
}

hf_status hf_lc_stitched_seal(hf_lc_cbc_key *k, hf_record_job *job, size_t size)
{
    uint8_t *out = job->out;
    uint8_t header[HF_CBC_IV_SIZE]; /* 13 bytes are used; libcrypto takes the liberty to write into them */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, header, HF_LC_HEADER_SIZE), OSSL_PARAM_END};
    int n;

    hf_lc_header(header, job->sequence, job->content_type, job->in_len + HF_CBC_IV_SIZE);
    if (job->in_len > 0 && job->in != out + HF_CBC_IV_SIZE)
        memcpy(out + HF_CBC_IV_SIZE, job->in, job->in_len);
    if (EVP_CipherUpdate(k->ecb, out, &n, job->cbc_iv, HF_CBC_IV_SIZE) != 1 ||
        EVP_CipherInit_ex2(k->stitched, NULL, NULL, zero_iv, -1, params) != 1 ||
        EVP_CipherUpdate(k->stitched, out, &n, out, (int)size) != 1 || (size_t)n != size)
        return hf_lc_fail(HF_ERR_CRYPTO);
    return HF_OK;
}
