/* What the rooms of provisioning share. */
#ifndef HANDFAST_HSM_PROVISION_H
#define HANDFAST_HSM_PROVISION_H

#include "handfast/provision.h"
#include "key.h"

/* A template that is filled step by step; the values are borrowed until it is used. */
#define HF_TEMPLATE_MAX 24
typedef struct hf_template {
    CK_ATTRIBUTE attrs[HF_TEMPLATE_MAX];
    size_t n;
} hf_template;

void hf_template_add(hf_template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t len);
void hf_template_flag(hf_template *t, CK_ATTRIBUTE_TYPE type, bool value);
/* What every private key we put into a token has: on the token, private, sensitive, not extractable, may sign; the
 * caller says whether it may decrypt. And its public half: the same with verify and encrypt. */
void hf_template_private(hf_template *t, const char *label, const uint8_t *id, size_t id_len);
void hf_template_public(hf_template *t, const char *label, const uint8_t *id, size_t id_len);

/* Opens the token of key->token_uri for writing, chooses the id, and refuses label and id that are taken. */
hf_status hf_provision_begin(const hf_hsm_options *options, const hf_hsm_new_key *key, hf_token *out,
                             uint8_t id[HF_HSM_ID_MAX], size_t *out_id_len, const hf_why *why);
/* The URI of a new private key into the caller's HF_HSM_URI_MAX + 1 bytes. */
hf_status hf_provision_uri(const hf_token *token, CK_OBJECT_HANDLE key, char *out_uri, const hf_why *why);

/* Stores one certificate unless the same is there; *out_new tells. session is read-write. */
hf_status hf_provision_store_cert(const hf_p11_session *session, const uint8_t *der, size_t len, const char *label,
                                  const uint8_t *id, size_t id_len, bool *out_new, const hf_why *why);

/* "RSA-2048", "P-256", "Ed25519". */
void hf_pubkey_name(const hf_pubkey *pub, char *out, size_t max);

/* CKA_EC_PARAMS of a curve ("p256", "p384", "p521"), NULL for others; and the ways to write Ed25519's, until NULL. */
const uint8_t *hf_curve_params(const char *curve, size_t *out_len);
const uint8_t *hf_ed25519_params(size_t i, size_t *out_len);

#endif
