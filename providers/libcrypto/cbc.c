/* AES-CBC with HMAC: MAC-then-encrypt (RFC 5246 section 6.2.3.2) and encrypt-then-MAC (RFC 7366).
 *
 * Sealing MAC-then-encrypt uses libcrypto's stitched AES-CBC-HMAC where it exists (stitched.c): twice the speed.
 * Opening MAC-then-encrypt never does. libcrypto's stitched check is masked, but its comparison reads the MAC at an
 * index that depends on the padding (inside of one cache line); so the record is decrypted with plain CBC, whose time
 * depends on the length only, and checked by the house's hf_mte_check, where neither an address nor a branch depends on
 * the padding. Encrypt-then-MAC compares the MAC in constant time before anything is decrypted.
 */
#include "cbc.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <string.h>

#include "builtin.h"
#include "handfast/secret.h"
#include "md_fastest.h"
#include "record.h"

static const struct {
    const char *digest;
    hf_hash_id hash;
} macs[HF_CIPHER_COUNT] = {
    [HF_AES_128_CBC_SHA1] = {"SHA1", HF_SHA1},         [HF_AES_256_CBC_SHA1] = {"SHA1", HF_SHA1},
    [HF_AES_128_CBC_SHA256] = {"SHA2-256", HF_SHA256}, [HF_AES_256_CBC_SHA256] = {"SHA2-256", HF_SHA256},
    [HF_AES_256_CBC_SHA384] = {"SHA2-384", HF_SHA384},
};

/* ---- Keys ------------------------------------------------------------------------------------- */

static void key_cleanup(void *state)
{
    hf_lc_cbc_key *k = state;

    EVP_CIPHER_CTX_free(k->cbc);
    EVP_CIPHER_CTX_free(k->stitched);
    EVP_CIPHER_CTX_free(k->ecb);
    EVP_MAC_CTX_free(k->mac);
    hf_wipe(k, sizeof *k);
}

static bool mac_init(hf_lc_cbc_key *k, const hf_lc_algorithms *lc, const hf_record_keys *keys)
{
    char digest[16] = {0};
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_END};

    strncpy(digest, macs[k->spec->id].digest, sizeof digest - 1);
    k->mac = EVP_MAC_CTX_new(lc->hmac);
    return k->mac && EVP_MAC_init(k->mac, keys->mac_key, k->spec->mac_key_size, params) == 1;
}

static bool cbc_init(hf_lc_cbc_key *k, const hf_lc_algorithms *lc, const hf_record_keys *keys)
{
    static const uint8_t zero[HF_CBC_IV_SIZE];

    k->cbc = EVP_CIPHER_CTX_new();
    return k->cbc &&
           EVP_CipherInit_ex2(k->cbc, lc->ciphers[k->spec->id], keys->key, zero, keys->direction == HF_SEAL, NULL) ==
               1 &&
           EVP_CIPHER_CTX_set_padding(k->cbc, 0) == 1;
}

static hf_status key_init(void *state, const hf_record_keys *keys, hf_cipher_id id)
{
    hf_lc_cbc_key *k = state;
    const hf_lc_algorithms *lc = hf_lc();
    bool etm = keys->mode == HF_RECORD_TLS12_ETM;
    bool ok;

    if (!etm && keys->mode != HF_RECORD_TLS12)
        return HF_ERR_UNSUPPORTED;
    if (!lc)
        return HF_ERR_CRYPTO;
    *k = (hf_lc_cbc_key){.spec = hf_cipher_spec_of(id), .mode = keys->mode};
    if (etm)
        ok = cbc_init(k, lc, keys) && mac_init(k, lc, keys);
    else if (keys->direction == HF_OPEN)
        ok = cbc_init(k, lc, keys) && hf_md_hmac_key_init(&k->check, hf_md_ops_fastest(macs[id].hash), keys->mac_key,
                                                          k->spec->mac_key_size) == HF_OK;
    else if (lc->stitched[id])
        ok = hf_lc_stitched_init(k, lc, keys);
    else
        ok = cbc_init(k, lc, keys) && mac_init(k, lc, keys);
    if (!ok) {
        key_cleanup(k);
        return hf_lc_fail(HF_ERR_CRYPTO);
    }
    return HF_OK;
}

/* ---- Parts ------------------------------------------------------------------------------------ */

/* MAC over sequence, type, version, length and `len` bytes of data; out: mac_key_size bytes. */
static bool record_mac(hf_lc_cbc_key *k, const hf_record_job *job, const uint8_t *data, size_t len, uint8_t *out)
{
    uint8_t header[HF_LC_HEADER_SIZE];
    size_t n = 0;

    hf_lc_header(header, job->sequence, job->content_type, len);
    return EVP_MAC_init(k->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(k->mac, header, sizeof header) == 1 &&
           EVP_MAC_update(k->mac, data, len) == 1 && EVP_MAC_final(k->mac, out, &n, k->spec->mac_key_size) == 1;
}

/* CBC over whole blocks, a and b one after the other. */
static bool encrypt(hf_lc_cbc_key *k, const uint8_t *iv, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                    uint8_t *out)
{
    int n;

    return EVP_CipherInit_ex2(k->cbc, NULL, NULL, iv, -1, NULL) == 1 &&
           (a_len == 0 || EVP_CipherUpdate(k->cbc, out, &n, a, (int)a_len) == 1) &&
           EVP_CipherUpdate(k->cbc, out + a_len, &n, b, (int)b_len) == 1;
}

/* The IV stands before the blocks. */
static bool decrypt(hf_lc_cbc_key *k, const uint8_t *in, size_t len, uint8_t *out)
{
    int n;

    return EVP_CipherInit_ex2(k->cbc, NULL, NULL, in, -1, NULL) == 1 &&
           EVP_CipherUpdate(k->cbc, out, &n, in + HF_CBC_IV_SIZE, (int)len) == 1 && (size_t)n == len;
}

/* ---- Seal ------------------------------------------------------------------------------------- */

/* Both modes: the whole blocks of the content go straight from in to out, the rest through `tail` with what follows
 * it: the MAC (MAC-then-encrypt), then the padding. */
static hf_status seal_separate(hf_lc_cbc_key *k, hf_record_job *job, size_t size)
{
    uint8_t tail[HF_CBC_IV_SIZE + HF_CIPHER_MAC_KEY_MAX + HF_CBC_IV_SIZE];
    bool etm = k->mode == HF_RECORD_TLS12_ETM;
    size_t mac_size = k->spec->mac_key_size;
    size_t whole = job->in_len - job->in_len % HF_CBC_IV_SIZE;
    size_t used = job->in_len - whole;
    uint8_t *body = job->out + HF_CBC_IV_SIZE;
    size_t len = size - HF_CBC_IV_SIZE - (etm ? mac_size : 0); /* encrypted */

    if (used > 0)
        memcpy(tail, job->in + whole, used);
    bool ok = etm || record_mac(k, job, job->in, job->in_len, tail + used);
    if (!etm)
        used += mac_size;
    memset(tail + used, (int)(len - whole - used - 1), len - whole - used);
    ok = ok && encrypt(k, job->cbc_iv, job->in, whole, tail, len - whole, body);
    memcpy(job->out, job->cbc_iv, HF_CBC_IV_SIZE);
    if (ok && etm)
        ok = record_mac(k, job, job->out, HF_CBC_IV_SIZE + len, body + len);
    hf_wipe(tail, sizeof tail);
    return ok ? HF_OK : hf_lc_fail(HF_ERR_CRYPTO);
}

static hf_status seal_one(hf_record_job *job)
{
    hf_lc_cbc_key *k = job->key;

    if (job->in_len > HF_PLAINTEXT_MAX || job->padding > HF_PLAINTEXT_MAX - job->in_len || !job->cbc_iv)
        return HF_ERR_INVALID;
    size_t size = hf_record_sealed_size(k->spec, k->mode, job->in_len, 0);
    if (job->out_max < size)
        return HF_ERR_BUFFER;
    hf_status status = k->stitched ? hf_lc_stitched_seal(k, job, size) : seal_separate(k, job, size);
    if (status == HF_OK)
        job->out_len = size;
    else
        hf_wipe(job->out, size);
    return status;
}

static void seal(void *worker, hf_record_job *jobs, size_t n)
{
    (void)worker;
    for (size_t i = 0; i < n; i++) {
        jobs[i].out_len = 0;
        jobs[i].status = seal_one(&jobs[i]);
    }
}

/* ---- Open ------------------------------------------------------------------------------------- */

static hf_status open_mte(hf_lc_cbc_key *k, hf_record_job *job)
{
    size_t len = job->in_len - HF_CBC_IV_SIZE;

    if (!decrypt(k, job->in, len, job->out)) {
        hf_wipe(job->out, len);
        return hf_lc_fail(HF_ERR_CRYPTO);
    }
    hf_mte_finish(&k->check, job, len);
    return job->status;
}

/* The padding is authentic by now: it may be looked at plainly. */
static hf_status open_etm(hf_lc_cbc_key *k, hf_record_job *job)
{
    uint8_t mac[HF_CIPHER_MAC_KEY_MAX];
    size_t mac_size = k->spec->mac_key_size;
    size_t covered = job->in_len - mac_size;
    size_t len = covered - HF_CBC_IV_SIZE;
    size_t room = job->in_len - HF_CBC_IV_SIZE;
    hf_status status = HF_ERR_VERIFY;

    if (!record_mac(k, job, job->in, covered, mac))
        status = hf_lc_fail(HF_ERR_CRYPTO);
    else if (!hf_ct_equal(mac, job->in + covered, mac_size))
        status = HF_ERR_VERIFY;
    else if (!decrypt(k, job->in, len, job->out))
        status = hf_lc_fail(HF_ERR_CRYPTO);
    else if (job->out[len - 1] < len) {
        size_t padding = (size_t)job->out[len - 1] + 1;
        uint8_t diff = 0;
        for (size_t i = len - padding; i < len; i++)
            diff |= job->out[i] ^ job->out[len - 1];
        if (diff == 0) {
            status = HF_OK;
            job->out_len = len - padding;
        }
    }
    hf_wipe(job->out + job->out_len, room - job->out_len);
    return status;
}

static hf_status open_one(hf_record_job *job)
{
    hf_lc_cbc_key *k = job->key;
    bool etm = k->mode == HF_RECORD_TLS12_ETM;
    size_t outer = etm ? k->spec->mac_key_size : 0;
    size_t inner = etm ? 1 : k->spec->mac_key_size + 1u; /* the least that is encrypted */

    /* Public lengths: no secret is touched yet. */
    if (!hf_lc_has_room(job, HF_CBC_IV_SIZE))
        return HF_ERR_BUFFER;
    if (job->in_len < HF_CBC_IV_SIZE + inner + outer || job->in_len > HF_RECORD_BODY_MAX ||
        (job->in_len - outer) % HF_CBC_IV_SIZE != 0) {
        hf_lc_wipe_room(job, HF_CBC_IV_SIZE);
        return HF_ERR_VERIFY;
    }
    return etm ? open_etm(k, job) : open_mte(k, job);
}

static void open_all(void *worker, hf_record_job *jobs, size_t n)
{
    (void)worker;
    for (size_t i = 0; i < n; i++) {
        jobs[i].out_len = 0;
        jobs[i].status = open_one(&jobs[i]);
    }
}

/* ---- Descriptors ------------------------------------------------------------------------------ */

static hf_status init_128_sha1(void *state, const hf_record_keys *keys)
{
    return key_init(state, keys, HF_AES_128_CBC_SHA1);
}

static hf_status init_256_sha1(void *state, const hf_record_keys *keys)
{
    return key_init(state, keys, HF_AES_256_CBC_SHA1);
}

static hf_status init_128_sha256(void *state, const hf_record_keys *keys)
{
    return key_init(state, keys, HF_AES_128_CBC_SHA256);
}

static hf_status init_256_sha256(void *state, const hf_record_keys *keys)
{
    return key_init(state, keys, HF_AES_256_CBC_SHA256);
}

static hf_status init_256_sha384(void *state, const hf_record_keys *keys)
{
    return key_init(state, keys, HF_AES_256_CBC_SHA384);
}

#define CBC(id_, init_)                                                                                                \
    {                                                                                                                  \
        .id = (id_), .provider = &hf_provider_libcrypto, .key_state_size = sizeof(hf_lc_cbc_key), .key_init = (init_), \
        .key_cleanup = key_cleanup, .seal = seal, .open = open_all                                                     \
    }

const hf_cipher hf_lc_aes_128_cbc_sha1 = CBC(HF_AES_128_CBC_SHA1, init_128_sha1);
const hf_cipher hf_lc_aes_256_cbc_sha1 = CBC(HF_AES_256_CBC_SHA1, init_256_sha1);
const hf_cipher hf_lc_aes_128_cbc_sha256 = CBC(HF_AES_128_CBC_SHA256, init_128_sha256);
const hf_cipher hf_lc_aes_256_cbc_sha256 = CBC(HF_AES_256_CBC_SHA256, init_256_sha256);
const hf_cipher hf_lc_aes_256_cbc_sha384 = CBC(HF_AES_256_CBC_SHA384, init_256_sha384);
