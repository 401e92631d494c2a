/* Tokens and their contents: make, look at, check. What `handfast token` does, as a library.
 *
 * Common rules: `options` as for hf_hsm_key_open (threads is ignored); `why` takes one line for the operator on
 * failure. token_uri and key_uri are RFC 7512 URIs. Everything here blocks on the token; one thread at a time for one
 * token. Common errors: those of hf_hsm_key_open.
 */
#ifndef HANDFAST_PROVISION_H
#define HANDFAST_PROVISION_H

#include "handfast/hsm.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_HSM_ID_MAX 64      /* bytes of a CKA_ID that we make */
#define HF_HSM_LABEL_MAX 255  /* bytes of a CKA_LABEL that we make */
#define HF_HSM_SANS_MAX 64    /* subjectAltNames of a certificate */
#define HF_HSM_DAYS_MAX 36500 /* validity of a certificate */

/* Writes the URI of a token or of an object on it, percent-encoded. NULL parts are left out; id_len 0: no id;
 * type "private", "cert", "public" or NULL. HF_ERR_BUFFER, HF_ERR_INVALID. */
HF_API hf_status hf_hsm_uri_make(const char *token, const char *object, const uint8_t *id, size_t id_len,
                                 const char *type, char *out, size_t out_max) HF_MUST_CHECK;

/* Initialises the first uninitialised slot of options->module as token `label` (1..32 bytes) with a security officer's
 * PIN from so_pin_source (NULL: prompt) and a user PIN from options->pin_source (NULL: credential or prompt). A token
 * that the module has already, under this label, without any PIN (NSS's softokn) gets the user PIN alone;
 * so_pin_source is not read then. Never touches a token in use. Refuses a label that is taken: HF_ERR_AMBIGUOUS.
 * HF_ERR_NOT_FOUND: no slot is free, or the module's token has another name. */
HF_API hf_status hf_hsm_token_init(const hf_hsm_options *options, const char *label, const char *so_pin_source,
                                   char *why, size_t why_max) HF_MUST_CHECK;

/* Where a new key goes and what it is called. */
typedef struct hf_hsm_new_key {
    const char *token_uri;
    const char *label; /* CKA_LABEL, 1..HF_HSM_LABEL_MAX bytes */
    const uint8_t *id; /* CKA_ID of both halves; NULL: 16 random bytes */
    size_t id_len;     /* 1..HF_HSM_ID_MAX */
} hf_hsm_new_key;

/* Generates a key pair in the token: sensitive, never extractable, private. algorithm: "rsa:2048", "rsa:3072",
 * "rsa:4096", "ec:p256", "ec:p384", "ec:p521", "ed25519"; or "hmac": one secret key of 32 bytes that signs
 * (hf_hsm_secret_open). out_uri (HF_HSM_URI_MAX + 1 bytes) receives the key's URI.
 * HF_ERR_UNSUPPORTED: unknown algorithm; HF_ERR_AMBIGUOUS: label or id is taken. */
HF_API hf_status hf_hsm_keygen(const hf_hsm_options *options, const hf_hsm_new_key *key, const char *algorithm,
                               char *out_uri, char *why, size_t why_max) HF_MUST_CHECK;

/* Copies a private key (PEM, not encrypted) into the token: sensitive and not extractable from then on. */
HF_API hf_status hf_hsm_import_key(const hf_hsm_options *options, const hf_hsm_new_key *key, const char *pem,
                                   size_t pem_len, char *out_uri, char *why, size_t why_max) HF_MUST_CHECK;

/* Stores a certificate chain (PEM, own certificate first) in the token, the first with the CKA_ID and label of its
 * private key, which must be there (HF_ERR_KEY_MISMATCH). What is stored already is left alone. *out_stored: how many
 * are new. */
HF_API hf_status hf_hsm_import_certs(const hf_hsm_options *options, const char *token_uri, const char *pem,
                                     size_t pem_len, size_t *out_stored, char *why, size_t why_max) HF_MUST_CHECK;

typedef enum hf_hsm_class { HF_HSM_PRIVATE_KEY, HF_HSM_PUBLIC_KEY, HF_HSM_CERTIFICATE, HF_HSM_SECRET_KEY } hf_hsm_class;

/* One object of a token, as hf_hsm_list tells it. All pointers valid during the call. */
typedef struct hf_hsm_object {
    hf_hsm_class class_;
    const char *token; /* label */
    const char *label; /* "" when absent */
    const uint8_t *id;
    size_t id_len;    /* 0 when absent */
    const char *type; /* "RSA-2048", "P-256", "Ed25519", "AES", "HMAC", "unknown"; certificates: of their key */
    const char *uri;  /* exact: what --key takes, for a private key, and --ticket-key, for a secret one */
    bool sensitive, always_sensitive, extractable,
        never_extractable;      /* private and secret keys; what is unknown counts as unsafe */
    bool sign, decrypt, unwrap; /* private and secret keys */
    const char *subject;        /* certificates, RFC 2253; else "" */
    const char *not_after;      /* certificates; else "" */
} hf_hsm_object;

/* Calls `each` for the private keys, public keys, certificates and secret keys of the token, until it returns other
 * than HF_OK, which is then the result. */
HF_API hf_status hf_hsm_list(const hf_hsm_options *options, const char *token_uri,
                             hf_status (*each)(void *arg, const hf_hsm_object *object), void *arg, char *why,
                             size_t why_max) HF_MUST_CHECK;

/* The contents of a certificate or a request. */
typedef struct hf_hsm_cert_spec {
    const char
        *subject; /* "CN=host,O=Name": attributes separated by commas; a backslash takes the next byte as it is */
    const char *const *sans; /* "dns:NAME" or "ip:ADDRESS" */
    size_t sans_n;           /* 0..HF_HSM_SANS_MAX */
    unsigned days;           /* 1..HF_HSM_DAYS_MAX; not for requests */
    bool ca;
} hf_hsm_cert_spec;

/* Makes a self-signed certificate, signed in the token, stores it beside the key, and gives it as PEM (malloc'ed, freed
 * by the caller with free). */
HF_API hf_status hf_hsm_selfsign(const hf_hsm_options *options, const char *key_uri, const hf_hsm_cert_spec *spec,
                                 char **out_pem, char *why, size_t why_max) HF_MUST_CHECK;
/* A certificate signing request (PKCS#10, RFC 2986), PEM (malloc'ed). */
HF_API hf_status hf_hsm_csr(const hf_hsm_options *options, const char *key_uri, const hf_hsm_cert_spec *spec,
                            char **out_pem, char *why, size_t why_max) HF_MUST_CHECK;

/* Uses the key for all it can do and compares: `each` gets one line for every check, and whether it went well. cert_pem
 * (may be NULL) is a certificate to compare with. HF_ERR_VERIFY or HF_ERR_KEY_MISMATCH when any check failed. */
HF_API hf_status hf_hsm_check(const hf_hsm_options *options, const char *key_uri, const char *cert_pem,
                              size_t cert_pem_len, void (*each)(void *arg, bool good, const char *line), void *arg,
                              char *why, size_t why_max) HF_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
