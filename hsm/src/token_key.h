/* A private key found in a token: everything about it that is constant while it is open. */
#ifndef HANDFAST_HSM_TOKEN_KEY_H
#define HANDFAST_HSM_TOKEN_KEY_H

#include "decrypt.h"
#include "handfast/hsm.h"
#include "login.h"
#include "module.h"
#include "scheme.h"

/* A token that is open and logged in, with one session: what keys and provisioning start from. */
typedef struct hf_token {
    hf_modules modules;
    hf_slot slot;
    hf_p11_session session; /* handle CK_INVALID_HANDLE: none */
    hf_login *login;
} hf_token;

/* Loads the module, finds the token of the URI, opens a session (read-write on demand) and logs in unless `login` is
 * false. Errors of hf_hsm_key_open. On failure nothing stays open. */
hf_status hf_token_open(const hf_hsm_options *options, P11KitUri *uri, bool write, bool login, hf_token *out,
                        const hf_why *why);
/* Logs out when it was the last login, closes session and module. A zeroed one is allowed. */
void hf_token_close(hf_token *token);
/* One more session on the token. */
CK_RV hf_token_session(const hf_token *token, bool write, hf_p11_session *out);

/* What the attributes and the token's mechanisms allow, and the trial operations confirmed. */
typedef struct hf_usable {
    uint16_t schemes[HF_KEY_SCHEMES_MAX]; /* 0-terminated */
    hf_decrypt_how decrypt;
} hf_usable;

/* Exactly one private key that the URI names. HF_ERR_NOT_FOUND and HF_ERR_AMBIGUOUS list the keys there are. */
hf_status hf_token_find_key(const hf_token *token, P11KitUri *uri, CK_OBJECT_HANDLE *out, const hf_why *why);
/* How the token guards the key. */
typedef struct hf_key_facts {
    bool sensitive, extractable, never_extractable;
    bool always_authenticate; /* wants its PIN for every operation */
} hf_key_facts;

/* Reads the facts; refuses a key that could leave the token. */
hf_status hf_token_check_key(const hf_token *token, CK_OBJECT_HANDLE key, bool allow_extractable, hf_key_facts *out,
                             const hf_why *why);
/* Probes mechanisms and proves each with a trial operation against the public half. On HF_OK the line in `why` says
 * what was advertised and yet does not work; empty when all is well. HF_ERR_KEY_UNUSABLE when nothing works. */
hf_status hf_token_probe_key(const hf_token *token, CK_OBJECT_HANDLE key, const hf_pubkey *pub, hf_usable *out,
                             const hf_why *why);
/* One trial operation: whether this is (still) the private key of `pub`. HF_ERR_KEY_MISMATCH when its answer is wrong;
 * errors of the token otherwise. */
hf_status hf_token_prove_key(const hf_token *token, CK_OBJECT_HANDLE key, const hf_pubkey *pub, const hf_usable *usable,
                             const hf_why *why);

#endif
