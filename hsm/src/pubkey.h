/* The public half of a token's private key, as libcrypto and TLS know it. */
#ifndef HANDFAST_HSM_PUBKEY_H
#define HANDFAST_HSM_PUBKEY_H

#include <openssl/evp.h>

#include "attr.h"
#include "handfast/key.h"

#define HF_HSM_RSA_BITS_MIN 2048
#define HF_HSM_RSA_BITS_MAX (8 * HF_RSA_MAX_BYTES)

typedef struct hf_pubkey {
    EVP_PKEY *pkey;
    hf_key_type type;
    unsigned bits;
    uint16_t group; /* HF_GROUP_* of an EC key, else 0 */
    uint8_t *spki;  /* DER, OPENSSL_malloc'ed */
    size_t spki_len;
} hf_pubkey;

/* Reads it from the private key's own attributes, else from the public key or the certificate with the same CKA_ID.
 * That it really belongs to the private key is proved by the trial operations, not here.
 * Errors: HF_ERR_KEY_UNUSABLE, HF_ERR_NOT_FOUND, HF_ERR_TOKEN, HF_ERR_NO_MEMORY. */
hf_status hf_pubkey_read(const hf_p11_session *session, CK_OBJECT_HANDLE private_key, hf_pubkey *out,
                         const hf_why *why);
/* The same from any EVP_PKEY (a reference is taken). */
hf_status hf_pubkey_from(EVP_PKEY *pkey, hf_pubkey *out, const hf_why *why);
void hf_pubkey_cleanup(hf_pubkey *key);

#endif
