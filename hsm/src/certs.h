/* Certificates beside a key in its token. */
#ifndef HANDFAST_HSM_CERTS_H
#define HANDFAST_HSM_CERTS_H

#include "token_key.h"

typedef struct hf_token_certs {
    uint8_t *der[HF_CHAIN_MAX]; /* own first, then issuers */
    size_t len[HF_CHAIN_MAX];
    size_t n;
} hf_token_certs;

/* The newest certificate of this public key with the key's CKA_ID, then its issuers as far as they are in the token;
 * a self-signed root is left out. No certificate is no error. Errors: HF_ERR_TOKEN, HF_ERR_NO_MEMORY. */
hf_status hf_token_certs_read(const hf_token *token, CK_OBJECT_HANDLE key, const hf_pubkey *pub, hf_token_certs *out,
                              const hf_why *why);
void hf_token_certs_cleanup(hf_token_certs *certs);

#endif
