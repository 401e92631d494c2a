/* The encrypted premaster secret of RSA key transport (RFC 5246 section 7.4.7.1), decrypted in the token. */
#ifndef HANDFAST_HSM_DECRYPT_H
#define HANDFAST_HSM_DECRYPT_H

#include "pubkey.h"

typedef enum hf_decrypt_how {
    HF_DECRYPT_NONE,
    HF_DECRYPT_RAW,   /* CKM_RSA_X_509: the padding is checked here, in constant time */
    HF_DECRYPT_PKCS,  /* CKM_RSA_PKCS with C_Decrypt: the token removes the padding */
    HF_DECRYPT_UNWRAP /* CKM_RSA_PKCS with C_UnwrapKey, for keys that may only unwrap */
} hf_decrypt_how;

/* What decrypting with one key needs; constant once made, shared by all threads. */
typedef struct hf_decrypt_key {
    hf_decrypt_how how;
    uint8_t modulus[HF_RSA_MAX_BYTES];
    uint8_t sample[HF_RSA_MAX_BYTES]; /* a good ciphertext of our own: stands in for one that cannot be decrypted */
    size_t size;                      /* bytes of the modulus */
} hf_decrypt_key;

/* Prepares, with an encryption by the public half. HF_ERR_CRYPTO, HF_ERR_UNSUPPORTED (not RSA). */
hf_status hf_decrypt_key_init(hf_decrypt_key *k, const hf_pubkey *pub, hf_decrypt_how how);

/* A key in a session; belongs to one thread. A zeroed `spare` is right at first. */
typedef struct hf_decrypter {
    const hf_decrypt_key *k;
    const hf_p11_session *session;
    CK_OBJECT_HANDLE key;
    CK_OBJECT_HANDLE spare; /* UNWRAP: a secret to read when unwrapping failed; 0: none */
} hf_decrypter;

/* Destroys what it made in the token. */
void hf_decrypter_cleanup(hf_decrypter *d);
/* Restores what a failed unwrap used up. To be called between operations, after the result was handed back. */
void hf_decrypter_refresh(hf_decrypter *d);

/* Always gives 48 bytes and HF_OK, whatever the ciphertext is; an error only when session, login or device is gone
 * (*out_rv tells the code; the result is then zeroed). */
hf_status hf_decrypter_run(hf_decrypter *d, const uint8_t *input, size_t input_len, uint16_t client_version,
                           const uint8_t fallback[HF_PREMASTER_SIZE], uint8_t out_premaster[HF_PREMASTER_SIZE],
                           CK_RV *out_rv);

/* PKCS#1 v1.5 encryption by the public half, d->size bytes: for samples and checks. */
hf_status hf_decrypter_encrypt(const hf_pubkey *pub, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_max,
                               size_t *out_len);

#endif
