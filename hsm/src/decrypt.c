/* Room `key`: RSA decryption without an oracle (RFC 5246 section 7.4.7.1; Bleichenbacher 1998, ROBOT 2017).
 *
 * Secret here: the padded block, its length where the token removes the padding, and every return code that depends on
 * the ciphertext. Public: the ciphertext and its length, the modulus, and whether session or device still live.
 * A ciphertext that the token could not take (wrong length, not below the modulus) is replaced by a good one of ours,
 * so that token and code run as always; its answer is then the fallback by mask. What no code outside of the token can
 * hide is the time a token itself takes for bad padding: hence raw RSA first. */
#include "decrypt.h"

#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

#include "handfast/secret.h"
#include "login.h"

hf_status hf_decrypter_encrypt(const hf_pubkey *pub, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_max,
                               size_t *out_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pub->pkey, NULL);
    hf_status status = HF_ERR_CRYPTO;

    *out_len = out_max;
    if (ctx && EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
        EVP_PKEY_encrypt(ctx, out, out_len, in, in_len) == 1)
        status = HF_OK;
    EVP_PKEY_CTX_free(ctx);
    return status;
}

hf_status hf_decrypt_key_init(hf_decrypt_key *k, const hf_pubkey *pub, hf_decrypt_how how)
{
    uint8_t secret[HF_PREMASTER_SIZE];
    BIGNUM *n = NULL;
    size_t len = 0;

    memset(k, 0, sizeof *k);
    k->how = how;
    if (how == HF_DECRYPT_NONE)
        return HF_OK;
    if (pub->type != HF_KEY_RSA)
        return HF_ERR_UNSUPPORTED;
    k->size = (pub->bits + 7) / 8;
    hf_status status = RAND_bytes(secret, sizeof secret) == 1 ? HF_OK : HF_ERR_RANDOM;
    if (status == HF_OK)
        status = hf_decrypter_encrypt(pub, secret, sizeof secret, k->sample, sizeof k->sample, &len);
    hf_wipe(secret, sizeof secret);
    if (status == HF_OK && (EVP_PKEY_get_bn_param(pub->pkey, "n", &n) != 1 ||
                            BN_bn2binpad(n, k->modulus, (int)k->size) != (int)k->size || len != k->size))
        status = HF_ERR_CRYPTO;
    BN_free(n);
    return status;
}

/* A session object that can be read once and is gone with the session. */
static CK_RV unwrap(const hf_decrypter *d, const uint8_t *input, CK_OBJECT_HANDLE *out)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    /* No CKA_VALUE_LEN: tokens call it read-only here, and it would make the length a return code. */
    CK_ATTRIBUTE wanted[] = {
        hf_attr(CKA_CLASS, &class, sizeof class),   hf_attr(CKA_KEY_TYPE, &type, sizeof type),
        hf_attr(CKA_TOKEN, &no, sizeof no),         hf_attr(CKA_SENSITIVE, &no, sizeof no),
        hf_attr(CKA_EXTRACTABLE, &yes, sizeof yes),
    };
    CK_MECHANISM mechanism = {.mechanism = CKM_RSA_PKCS};

    *out = CK_INVALID_HANDLE;
    return d->session->fn->C_UnwrapKey(d->session->handle, &mechanism, d->key, (CK_BYTE *)(uintptr_t)input, d->k->size,
                                       wanted, sizeof wanted / sizeof wanted[0], out);
}

void hf_decrypter_refresh(hf_decrypter *d)
{
    if (d->k->how == HF_DECRYPT_UNWRAP && d->spare == CK_INVALID_HANDLE)
        (void)unwrap(d, d->k->sample, &d->spare);
}

void hf_decrypter_cleanup(hf_decrypter *d)
{
    if (d->spare != CK_INVALID_HANDLE)
        (void)d->session->fn->C_DestroyObject(d->session->handle, d->spare);
    d->spare = CK_INVALID_HANDLE;
}

/* All-ones when the ciphertext is as long as the modulus and below it: both are public, masks only keep one path. */
static uint32_t is_decryptable(const hf_decrypter *d, const uint8_t *input, size_t input_len)
{
    uint32_t below = 0;
    uint32_t equal = UINT32_MAX;

    if (input_len != d->k->size)
        return 0;
    for (size_t i = 0; i < d->k->size; i++) {
        below |= equal & hf_ct_lt(input[i], d->k->modulus[i]);
        equal &= hf_ct_eq(input[i], d->k->modulus[i]);
    }
    return below;
}

/* All-ones for CKR_OK. */
static uint32_t is_ok(CK_RV rv)
{
    uint64_t wide = rv;

    return hf_ct_is_zero((uint32_t)wide) & hf_ct_is_zero((uint32_t)(wide >> 32));
}

/* Some tokens drop leading zero bytes: moves `len` bytes to the right end of `size`, zeros before. The steps are the
 * same for every len, which is a secret. */
static void align_right(uint8_t *block, size_t size, uint32_t len)
{
    uint32_t shift = hf_ct_select(hf_ct_lt(len, (uint32_t)size), (uint32_t)size - len, 0);

    for (uint32_t step = 1; step < HF_RSA_MAX_BYTES; step <<= 1) {
        uint32_t move = hf_ct_is_nonzero(shift & step);
        for (size_t i = size; i-- > 0;)
            block[i] = hf_ct_select8(move, i >= step ? block[i - step] : 0, block[i]);
    }
}

static CK_RV decrypt_call(const hf_decrypter *d, CK_MECHANISM_TYPE type, const uint8_t *input, uint8_t *out,
                          CK_ULONG *out_len, CK_RV *out_init)
{
    CK_MECHANISM mechanism = {.mechanism = type};
    const hf_p11_session *s = d->session;

    *out_init = s->fn->C_DecryptInit(s->handle, &mechanism, d->key);
    if (*out_init == CKR_OK && s->auth)
        *out_init = hf_authenticate(s);
    if (*out_init != CKR_OK)
        return *out_init;
    return s->fn->C_Decrypt(s->handle, (CK_BYTE *)(uintptr_t)input, d->k->size, out, out_len);
}

/* CKM_RSA_X_509. Returns the code that means trouble, or CKR_OK. */
static CK_RV run_raw(hf_decrypter *d, const uint8_t *input, uint16_t version, const uint8_t *fallback, uint8_t *out)
{
    uint8_t block[HF_RSA_MAX_BYTES] = {0};
    CK_ULONG len = sizeof block;
    CK_RV init = CKR_OK;
    CK_RV rv = decrypt_call(d, CKM_RSA_X_509, input, block, &len, &init);

    if (init != CKR_OK || hf_rv_trouble(rv) || rv == CKR_DEVICE_ERROR) {
        hf_wipe(block, sizeof block);
        return rv;
    }
    /* Any other code gives a block of zeros, whose padding is bad. */
    uint32_t good = is_ok(rv) & hf_ct_le((uint32_t)len, (uint32_t)d->k->size);
    for (size_t i = 0; i < d->k->size; i++)
        block[i] = hf_ct_select8(good, block[i], 0);
    align_right(block, d->k->size, hf_ct_select(good, (uint32_t)len, 0));
    hf_premaster_unpad(block, d->k->size, version, fallback, out);
    hf_wipe(block, sizeof block);
    return CKR_OK;
}

/* CKM_RSA_PKCS with C_Decrypt. */
static CK_RV run_pkcs(hf_decrypter *d, const uint8_t *input, uint16_t version, const uint8_t *fallback, uint8_t *out)
{
    uint8_t plain[HF_RSA_MAX_BYTES] = {0};
    CK_ULONG len = sizeof plain;
    CK_RV init = CKR_OK;
    CK_RV rv = decrypt_call(d, CKM_RSA_PKCS, input, plain, &len, &init);

    if (init != CKR_OK || hf_rv_trouble(rv)) {
        hf_wipe(plain, sizeof plain);
        return rv;
    }
    hf_premaster_select(is_ok(rv), plain, (uint32_t)len, version, fallback, out);
    return CKR_OK;
}

/* CKM_RSA_PKCS with C_UnwrapKey: reads and destroys one secret in any case, the spare one when unwrapping failed, so
 * that the number of calls tells nothing. */
static CK_RV run_unwrap(hf_decrypter *d, const uint8_t *input, uint16_t version, const uint8_t *fallback, uint8_t *out)
{
    const hf_p11_session *s = d->session;
    uint8_t plain[HF_RSA_MAX_BYTES] = {0};
    CK_ATTRIBUTE value = {.type = CKA_VALUE, .pValue = plain, .ulValueLen = sizeof plain};
    CK_OBJECT_HANDLE got = CK_INVALID_HANDLE;

    hf_decrypter_refresh(d);
    CK_RV rv = unwrap(d, input, &got);
    if (hf_rv_trouble(rv))
        return rv;
    uint32_t ok = is_ok(rv);
    uint64_t wide = 0 - (uint64_t)(ok & 1);
    CK_OBJECT_HANDLE secret = (CK_OBJECT_HANDLE)((wide & (uint64_t)got) | (~wide & (uint64_t)d->spare));
    CK_RV read = s->fn->C_GetAttributeValue(s->handle, secret, &value, 1);
    CK_RV gone = s->fn->C_DestroyObject(s->handle, secret);
    d->spare = (CK_OBJECT_HANDLE)(wide & (uint64_t)d->spare);
    uint32_t lost = hf_rv_trouble(read) | hf_rv_trouble(gone);
    hf_premaster_select(ok & is_ok(read) & ~lost, plain, (uint32_t)value.ulValueLen, version, fallback, out);
    hf_wipe(plain, sizeof plain);
    return CKR_OK;
}

hf_status hf_decrypter_run(hf_decrypter *d, const uint8_t *input, size_t input_len, uint16_t client_version,
                           const uint8_t fallback[HF_PREMASTER_SIZE], uint8_t out_premaster[HF_PREMASTER_SIZE],
                           CK_RV *out_rv)
{
    uint8_t cipher[HF_RSA_MAX_BYTES];
    uint8_t result[HF_PREMASTER_SIZE];

    *out_rv = CKR_OK;
    memset(out_premaster, 0, HF_PREMASTER_SIZE);
    if (d->k->how == HF_DECRYPT_NONE)
        return HF_ERR_UNSUPPORTED;
    uint32_t mine = is_decryptable(d, input, input_len);
    memcpy(cipher, d->k->sample, d->k->size);
    hf_ct_copy_if(mine, cipher, input_len == d->k->size ? input : d->k->sample, d->k->size);
    memcpy(result, fallback, sizeof result);
    switch (d->k->how) {
    case HF_DECRYPT_RAW:
        *out_rv = run_raw(d, cipher, client_version, fallback, result);
        break;
    case HF_DECRYPT_PKCS:
        *out_rv = run_pkcs(d, cipher, client_version, fallback, result);
        break;
    default:
        *out_rv = run_unwrap(d, cipher, client_version, fallback, result);
        break;
    }
    if (*out_rv == CKR_OK) {
        memcpy(out_premaster, fallback, HF_PREMASTER_SIZE);
        hf_ct_copy_if(mine, out_premaster, result, HF_PREMASTER_SIZE);
    }
    hf_wipe(result, sizeof result);
    return *out_rv == CKR_OK ? HF_OK : hf_rv_status(*out_rv);
}
