/* Private keys: a detached operation.
 *
 * The engine never calls a token. When a handshake needs the private key, the connection hands out a key
 * operation (hf_conn_key_take) and waits. The operation is one self-contained heap object: it points to nothing
 * of the connection, so it may be cancelled, time out, or outlive the connection. Whoever holds the key runs it
 * on any thread; the connection's thread hands it back (hf_conn_key_done), which accepts it once and only if the
 * connection still waits for exactly this one.
 *
 * hf_key is "a key wherever it lives": `hsm` implements it for PKCS#11 tokens, `providers` for PEM files.
 */
#ifndef HANDFAST_KEY_H
#define HANDFAST_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/provider.h"
#include "handfast/secret.h"
#include "handfast/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_key hf_key;

#define HF_KEY_RESULT_MAX 1024 /* a signature of RSA-8192 */
#define HF_KEY_SCHEMES_MAX 16

typedef enum hf_key_op_kind {
    HF_KEY_OP_SIGN,   /* a signature under `scheme` */
    HF_KEY_OP_DECRYPT /* the RSA-encrypted premaster secret (RFC 5246 section 7.4.7.1) */
} hf_key_op_kind;

typedef struct hf_key_op {
    /* Set by the engine; constant afterwards. */
    uint64_t id;      /* unique in the process while the operation lives */
    uint64_t conn_id; /* hf_conn_id() of the connection that asked, for audit lines */
    hf_key *key;      /* the key of the credential that was chosen; referenced until hf_key_op_free */
    hf_key_op_kind kind;
    uint16_t scheme;                     /* HF_KEY_OP_SIGN: a SignatureScheme of key->schemes; else 0 */
    uint16_t client_version;             /* HF_KEY_OP_DECRYPT: ClientHello.legacy_version; else 0 */
    uint8_t fallback[HF_PREMASTER_SIZE]; /* HF_KEY_OP_DECRYPT: random premaster for bad padding; secret */
    const uint8_t *input;                /* SIGN: the digest of the scheme's hash (Ed25519: the message itself);
                                          * DECRYPT: the encrypted premaster. Inline in this object. */
    size_t input_len;                    /* bytes */

    /* Set by whoever runs it, before handing it back. */
    hf_status status; /* HF_OK, or why there is no result. A decrypt operation fails only when the token
                       * itself is out of reach, never for what the peer sent. */
    uint8_t result[HF_KEY_RESULT_MAX]; /* SIGN: the signature as TLS sends it (ECDSA: DER Ecdsa-Sig-Value);
                                        * DECRYPT: always HF_PREMASTER_SIZE bytes, secret */
    size_t result_len;
} hf_key_op;

/* Wipes and frees an operation; NULL is allowed; any thread. For operations that are not handed back. (lib) */
HF_API void hf_key_op_free(hf_key_op *op);

/* Called exactly once for each submitted operation, on any thread, possibly before submit returns; the callee
 * owns op from then on. Must not block. */
typedef void hf_key_done_fn(void *arg, hf_key_op *op);

typedef struct hf_key_ops {
    /* Starts op; takes ownership of it until `done` is called with it. Never blocks on the token. A queue that is
     * full or a key that is gone is told through done with op->status set (HF_ERR_BUSY, ...). Any thread. */
    void (*submit)(hf_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg);
    /* Reference counting, thread-safe. release of the last reference waits for operations that are running. */
    void (*retain)(hf_key *key);
    void (*release)(hf_key *key);
    /* Gives up the operations that were submitted with this done and arg: those that still wait are taken out of the
     * queue and completed with HF_ERR_CANCELED, possibly before cancel returns, else soon, at no cost to the token;
     * what runs completes as usual. Never blocks on the token; any thread; not inside done. NULL: what was submitted
     * always runs. */
    void (*cancel)(hf_key *key, hf_key_done_fn *done, void *arg);
    /* Whether an operation submitted now can be expected to end in time: false when what waits already is more than
     * the deadline bears, or when the key is out of reach. Cheap, never blocks, any thread. A server asks it before the
     * cryptography of a full handshake. NULL: always. */
    bool (*admits)(const hf_key *key);
} hf_key_ops;

/* The public face of a private key; implementations embed it as their first member. Constant after creation. */
struct hf_key {
    const hf_key_ops *ops;
    const char *label; /* for people and audit: a URI or file name, never a secret */
    const char *where; /* "token", "file": told by --explain */
    hf_key_type type;
    unsigned bits;                        /* RSA modulus or EC field size */
    uint16_t group;                       /* HF_GROUP_* of an EC key, else 0 */
    uint16_t schemes[HF_KEY_SCHEMES_MAX]; /* SignatureSchemes it can make, in order of preference, 0-terminated */
    bool can_decrypt;                     /* RSA key transport works with it */
    const uint8_t *spki;                  /* SubjectPublicKeyInfo, DER: compared with the certificate's */
    size_t spki_len;                      /* bytes */
};

#ifdef __cplusplus
}
#endif

#endif
