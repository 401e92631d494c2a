/* The contract between the engine and the cryptography.
 *
 * A provider is a const descriptor: lists of record ciphers, hashes, key-exchange groups and verifiers of one's own
 * signatures, and at most one X.509 implementation ("pki"). A missing entry is simply absent. A composition
 * (hf_crypto) picks one implementation per algorithm; the engine sees only the composition.
 *
 * Threads: descriptors are const and shared by all threads. A worker belongs to one thread at a time.
 * A record key, hash state or key-exchange state belongs to one connection and is used by one thread at a time.
 */
#ifndef HANDFAST_PROVIDER_H
#define HANDFAST_PROVIDER_H

#include <stddef.h>
#include <stdint.h>

#include "handfast/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_provider hf_provider;

/* ---- Sizes ------------------------------------------------------------------------------------ */

#define HF_PLAINTEXT_MAX 16384   /* TLSPlaintext.length, RFC 5246 section 6.2.1 */
#define HF_RECORD_BODY_MAX 18432 /* TLSCiphertext.length, 2^14 + 2048, RFC 5246 section 6.2.3 */
#define HF_RECORD_HEADER_SIZE 5
#define HF_CIPHER_KEY_MAX 32
#define HF_CIPHER_IV_MAX 12 /* the fixed part, from the key block */
#define HF_CIPHER_MAC_KEY_MAX 48
#define HF_CBC_IV_SIZE 16
#define HF_HASH_SIZE_MAX 64
#define HF_HASH_BLOCK_MAX 128
#define HF_GROUP_PUBLIC_MAX 133 /* P-521, uncompressed point */
#define HF_GROUP_SHARED_MAX 66
#define HF_RECORD_KEY_ALIGN 64 /* alignment of every record key state, in bytes */
#define HF_PROVIDERS_MAX 12

/* ---- Record ciphers --------------------------------------------------------------------------- */

typedef enum hf_cipher_id {
    HF_AES_128_GCM,
    HF_AES_256_GCM,
    HF_CHACHA20_POLY1305,
    HF_AES_128_CCM,
    HF_AES_128_CBC_SHA1,
    HF_AES_256_CBC_SHA1,
    HF_AES_128_CBC_SHA256,
    HF_AES_256_CBC_SHA256,
    HF_AES_256_CBC_SHA384,
    HF_CIPHER_COUNT
} hf_cipher_id;

/* How a record is protected. */
typedef enum hf_record_mode {
    HF_RECORD_TLS12, /* AEAD of RFC 5246 6.2.3.3 (AES: RFC 5288, ChaCha20: RFC 7905), or CBC MAC-then-encrypt (6.2.3.2)
                      */
    HF_RECORD_TLS12_ETM, /* CBC encrypt-then-MAC, RFC 7366 */
    HF_RECORD_TLS13      /* AEAD of RFC 8446 section 5.2; not for CBC */
} hf_record_mode;

typedef enum hf_direction { HF_SEAL, HF_OPEN } hf_direction;

/* The public numbers of a cipher, the same for every provider. Lengths in bytes. */
typedef struct hf_cipher_spec {
    hf_cipher_id id;
    const char *name;     /* "AES-128-GCM", "AES-128-CBC-HMAC-SHA256", ... */
    uint8_t key_size;     /* encryption key */
    uint8_t iv_size;      /* fixed IV from the TLS 1.2 key block: 4 (GCM, CCM), 12 (ChaCha20), 0 (CBC) */
    uint8_t mac_key_size; /* MAC key = MAC size: 20, 32, 48; 0 for an AEAD */
    uint8_t tag_size;     /* AEAD tag: 16; 0 for CBC */
    uint8_t block_size;   /* CBC block: 16; 1 for an AEAD */
} hf_cipher_spec;

/* The specification of `id`; NULL when id is out of range. Static storage, any thread. (lib) */
HF_API const hf_cipher_spec *hf_cipher_spec_of(hf_cipher_id id);

/* Bytes of the record body that stand before the ciphertext (explicit nonce 8, CBC IV 16, or 0). (lib) */
HF_API size_t hf_record_prefix(const hf_cipher_spec *spec, hf_record_mode mode);

/* Exact body length of a sealed record with `plain_len` bytes of content and `padding` zero bytes
 * (TLS 1.3 only; 0 otherwise). CBC always uses the shortest padding. (lib) */
HF_API size_t hf_record_sealed_size(const hf_cipher_spec *spec, hf_record_mode mode, size_t plain_len, size_t padding);

/* Keys of one direction of one connection. Borrowed during key_init only.
 * iv: spec->iv_size bytes in the TLS 1.2 modes, 12 bytes in TLS 1.3, NULL when that is 0. */
typedef struct hf_record_keys {
    hf_record_mode mode;
    hf_direction direction;
    const uint8_t *key; /* spec->key_size bytes */
    const uint8_t *iv;
    const uint8_t *mac_key; /* spec->mac_key_size bytes, NULL for an AEAD */
} hf_record_keys;

/* One record. The 5-byte header is the engine's; `body` means TLSCiphertext.fragment. The provider builds nonce
 * and additional data itself from sequence, content_type, mode and lengths (version is always 0x0303).
 *
 * Seal: in/in_len is the content; in_len + padding is at most 16384 bytes, else HF_ERR_INVALID (as is CBC without
 *   cbc_iv). out has room for hf_record_sealed_size() bytes, else HF_ERR_BUFFER, and receives the whole body (prefix,
 *   ciphertext, tag or MAC); out_len is set. `in` may be exactly out + prefix (in place), else in and out must not
 *   overlap. TLS 1.3: content_type and `padding` zeros are appended to the content. cbc_iv: 16 unpredictable bytes, CBC
 *   only. The AES-GCM/CCM explicit nonce of TLS 1.2 is the sequence number.
 * Open: in/in_len is the whole body, out receives the content, out_len is set. Room for in_len - prefix bytes is needed
 *   (none for a body no longer than the prefix), else HF_ERR_BUFFER, whatever the body is worth. No more than that is
 *   written or zeroed, so that out may be exactly in + prefix (in place); else no overlap. TLS 1.3: the output is the
 *   whole TLSInnerPlaintext (content, type, zeros); the engine strips it. A body too short, longer than
 *   HF_RECORD_BODY_MAX or not a multiple of the block: HF_ERR_VERIFY. A content longer than 16384 bytes is HF_OK: the
 *   engine, which knows the limit that was negotiated, refuses it with record_overflow.
 *   The content is written only where its tag was right: on HF_ERR_VERIFY the output room is zeroed, out_len 0, and the
 *   call took the same time for every cause that a peer must not learn (Lucky 13).
 * status: set by the provider for each job: HF_OK, HF_ERR_VERIFY (open), HF_ERR_INVALID (seal), HF_ERR_CRYPTO,
 *   HF_ERR_BUFFER. After the last one and after HF_ERR_INVALID nothing was written. A failed job changes no other. */
typedef struct hf_record_job {
    void *key;         /* state that key_init filled */
    uint64_t sequence; /* record sequence number of this direction */
    const uint8_t *in;
    size_t in_len;
    uint8_t *out;
    size_t out_max;        /* room at out, in bytes */
    size_t out_len;        /* result */
    const uint8_t *cbc_iv; /* seal with CBC: HF_CBC_IV_SIZE bytes; else NULL */
    size_t padding;        /* seal with TLS 1.3: zero bytes of padding; else 0 */
    uint8_t content_type;
    hf_status status;
} hf_record_job;

typedef struct hf_cipher {
    hf_cipher_id id;
    const hf_provider *provider;
    size_t key_state_size; /* bytes of state for one direction, aligned to HF_RECORD_KEY_ALIGN, given by the caller */

    /* Fills `state` (uninitialised memory of key_state_size bytes). On error the state holds nothing to clean.
     * Errors: HF_ERR_UNSUPPORTED (mode), HF_ERR_NO_MEMORY, HF_ERR_CRYPTO. */
    hf_status (*key_init)(void *state, const hf_record_keys *keys);
    /* Wipes the state and frees what it owns. */
    void (*key_cleanup)(void *state);

    /* Runs n jobs (n >= 0) of this cipher, of any connections, in any order; each job's key was made for the
     * matching direction. Two jobs of one key are allowed; they carry different sequence numbers.
     * `worker` is what this provider's worker_new gave (NULL when it has none). */
    void (*seal)(void *worker, hf_record_job *jobs, size_t n);
    void (*open)(void *worker, hf_record_job *jobs, size_t n);
} hf_cipher;

/* ---- Hashes ----------------------------------------------------------------------------------- */

typedef enum hf_hash_id { HF_SHA1, HF_SHA256, HF_SHA384, HF_SHA512, HF_HASH_COUNT } hf_hash_id;

typedef struct hf_hash {
    hf_hash_id id;
    const char *name; /* "SHA-256" */
    const hf_provider *provider;
    uint8_t size;       /* digest, bytes */
    uint8_t block_size; /* bytes */
    size_t state_size;  /* bytes, aligned to 16, given by the caller */

    /* init fills uninitialised memory; every successful init or clone is ended by one cleanup, which wipes.
     * final writes `size` bytes and leaves the state good for cleanup or init_again only. */
    hf_status (*init)(void *state);
    hf_status (*update)(void *state, const void *data, size_t len);
    hf_status (*final)(void *state, uint8_t *out);
    hf_status (*clone)(void *state, const void *from); /* state: uninitialised memory */
    void (*cleanup)(void *state);
} hf_hash;

#define HF_HASH_STATE_MAX 256 /* no provider's state_size is larger */

/* ---- Key exchange ----------------------------------------------------------------------------- */

/* NamedGroup, RFC 8422 section 5.1.1, RFC 8446 section 4.2.7. */
enum { HF_GROUP_P256 = 23, HF_GROUP_P384 = 24, HF_GROUP_P521 = 25, HF_GROUP_X25519 = 29 };

typedef struct hf_group {
    uint16_t id;
    const char *name; /* "X25519", "P-256" */
    const hf_provider *provider;
    uint8_t public_size; /* key share on the wire, bytes (uncompressed point, or 32) */
    uint8_t shared_size; /* shared secret: x coordinate, or 32 */

    /* A fresh key pair. out_private is owned by the caller until destroy; out_public: public_size bytes. */
    hf_status (*generate)(void **out_private, uint8_t *out_public);
    /* peer: the peer's share, peer_len bytes of any content. Checks length, format, that the point is on the curve,
     * and (X25519) that the result is not zero: HF_ERR_VERIFY otherwise. out_shared: shared_size bytes, zeroed on
     * error. */
    hf_status (*derive)(void *private_key, const uint8_t *peer, size_t peer_len, uint8_t *out_shared);
    void (*destroy)(void *private_key); /* wipes; NULL is allowed */
    /* The pair of a given private key, for tests with known answers; a handshake never calls it. scalar: of X25519 32
     * bytes (RFC 7748 section 5), else HF_ERR_INVALID; borrowed. Outputs as of generate. NULL: not offered. */
    hf_status (*import)(const uint8_t *scalar, size_t scalar_len, void **out_private, uint8_t *out_public);
} hf_group;

/* ---- Certificates and signatures ---------------------------------------------------------------- */

/* SignatureScheme, RFC 8446 section 4.2.3. */
enum {
    HF_RSA_PKCS1_SHA1 = 0x0201, /* only ever in certificates of old chains; never offered by default */
    HF_ECDSA_SHA1 = 0x0203,
    HF_RSA_PKCS1_SHA256 = 0x0401,
    HF_RSA_PKCS1_SHA384 = 0x0501,
    HF_RSA_PKCS1_SHA512 = 0x0601,
    HF_ECDSA_SECP256R1_SHA256 = 0x0403, /* in TLS 1.2: ECDSA of any curve with SHA-256 (RFC 8422) */
    HF_ECDSA_SECP384R1_SHA384 = 0x0503,
    HF_ECDSA_SECP521R1_SHA512 = 0x0603,
    HF_RSA_PSS_RSAE_SHA256 = 0x0804,
    HF_RSA_PSS_RSAE_SHA384 = 0x0805,
    HF_RSA_PSS_RSAE_SHA512 = 0x0806,
    HF_ED25519 = 0x0807,
    HF_RSA_PSS_PSS_SHA256 = 0x0809,
    HF_RSA_PSS_PSS_SHA384 = 0x080a,
    HF_RSA_PSS_PSS_SHA512 = 0x080b
};

typedef enum hf_key_type {
    HF_KEY_RSA,     /* rsaEncryption */
    HF_KEY_RSA_PSS, /* id-RSASSA-PSS */
    HF_KEY_EC,      /* P-256, P-384, P-521 */
    HF_KEY_ED25519
} hf_key_type;

/* KeyUsage bits of RFC 5280 section 4.2.1.3 that TLS asks for. */
enum { HF_USAGE_DIGITAL_SIGNATURE = 1, HF_USAGE_KEY_ENCIPHERMENT = 2 };

typedef struct hf_cert hf_cert;   /* one parsed certificate */
typedef struct hf_trust hf_trust; /* a set of trust anchors */

typedef struct hf_cert_info {
    hf_key_type key_type;
    unsigned key_bits; /* RSA modulus or EC field size, bits */
    uint16_t group;    /* HF_GROUP_* of an EC key, else 0 */
    unsigned usage;    /* HF_USAGE_*; all bits when the extension is absent */
    /* The SignatureScheme of the issuer's signature on it, 0: none that has a number. By hash and algorithm alone: an
     * ECDSA scheme says nothing of the issuer's curve, RSA-PSS is always told as rsa_pss_rsae_*. */
    uint16_t signed_with;
    bool self_signed;  /* subject and issuer are one name: nobody need verify the signature on it */
    char subject[256]; /* RFC 2253 text, always terminated, cut when longer */
    char issuer[256];
} hf_cert_info;

typedef enum hf_purpose { HF_PURPOSE_SERVER, HF_PURPOSE_CLIENT } hf_purpose;

#define HF_CHAIN_MAX 16        /* certificates in a chain */
#define HF_CERT_SIZE_MAX 65535 /* bytes of DER, one certificate */

/* What to verify a chain against. All pointers borrowed for the call. */
typedef struct hf_path {
    const hf_trust *trust;
    const uint8_t *const *certs; /* DER, the peer's own certificate first (RFC 5246 section 7.4.2) */
    const size_t *cert_lens;     /* bytes each */
    size_t n;                    /* 1..HF_CHAIN_MAX */
    hf_purpose purpose;          /* what the peer's certificate must be good for (EKU) */
    const char *name;            /* host name or IP address text the certificate must carry (RFC 6125/9525), or NULL */
    int64_t unix_time;           /* seconds since 1970 */
} hf_path;

#define HF_OCSP_SIZE_MAX 65536 /* bytes of DER, one OCSP response */

/* An OCSP response (RFC 6960) and the chain it is about. All pointers borrowed for the call. */
typedef struct hf_ocsp {
    const uint8_t *response; /* DER, exactly response_len bytes */
    size_t response_len;
    const uint8_t *const *certs; /* DER; certs[0] is the certificate asked about, its issuer may be among the others */
    const size_t *cert_lens;     /* bytes each */
    size_t n;                    /* 1..HF_CHAIN_MAX */
    const hf_trust *trust; /* where else the issuer is looked for; NULL: a response whose issuer is unknown is only
                              compared, not verified: for one's own */
    int64_t unix_time;     /* seconds since 1970 */
} hf_ocsp;

typedef struct hf_pki {
    const hf_provider *provider;

    /* Parses one certificate (DER, exactly len bytes). HF_ERR_DECODE, HF_ERR_UNSUPPORTED (key type), HF_ERR_NO_MEMORY.
     */
    hf_status (*cert_new)(const uint8_t *der, size_t len, hf_cert **out);
    void (*cert_free)(hf_cert *cert); /* NULL is allowed */
    hf_status (*cert_info)(const hf_cert *cert, hf_cert_info *out);

    /* SubjectPublicKeyInfo (DER) of the certificate, borrowed from it; to compare with hf_key.spki. */
    hf_status (*cert_spki)(const hf_cert *cert, const uint8_t **out_der, size_t *out_len);

    /* Verifies sig over msg (the message, not its digest) with the certificate's key under a SignatureScheme.
     * HF_ERR_VERIFY when wrong; HF_ERR_UNSUPPORTED when scheme and key do not fit. In TLS 1.2 an ECDSA scheme
     * names the hash only, so any EC key fits; the engine checks the curve where TLS 1.3 asks for it. */
    hf_status (*verify)(const hf_cert *cert, uint16_t scheme, const uint8_t *msg, size_t msg_len, const uint8_t *sig,
                        size_t sig_len);

    /* The same over a digest that was computed before (hash schemes only, not Ed25519). */
    hf_status (*verify_digest)(const hf_cert *cert, uint16_t scheme, const uint8_t *digest, size_t digest_len,
                               const uint8_t *sig, size_t sig_len);

    /* RSAES-PKCS1-v1_5 encryption to the certificate's key (RFC 5246 section 7.4.7.1). out_max >= modulus bytes. */
    hf_status (*rsa_encrypt)(const hf_cert *cert, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_max,
                             size_t *out_len);

    /* Trust anchors from PEM text (one or many CERTIFICATE blocks), len bytes. HF_ERR_DECODE when none or malformed.
     * pem NULL: the system's default anchors. Thread-safe for reading afterwards. */
    hf_status (*trust_new)(const uint8_t *pem, size_t len, hf_trust **out);
    void (*trust_free)(hf_trust *trust);
    /* The distinguished names (DER) of the anchors, for CertificateRequest: writes up to out_max bytes of
     * `opaque DistinguishedName<1..2^16-1>` entries (2-byte length each), only whole ones. */
    hf_status (*trust_names)(const hf_trust *trust, uint8_t *out, size_t out_max, size_t *out_len);

    /* Path validation (RFC 5280 section 6). HF_OK, or the alert to send: HF_SEND(bad_certificate, unknown_ca,
     * certificate_expired, certificate_revoked, unsupported_certificate, certificate_unknown) and a phrase for the
     * operator in why (why_max bytes, always terminated). */
    hf_status (*verify_path)(const hf_path *path, char *why, size_t why_max);

    /* Certificates of a PEM text (CERTIFICATE blocks in order; others ignored) as DER, one call per certificate;
     * `each` returns HF_OK to go on. HF_ERR_DECODE when none or malformed. */
    hf_status (*pem_certs)(const uint8_t *pem, size_t len,
                           hf_status (*each)(void *arg, const uint8_t *der, size_t der_len), void *arg);

    /* Whether the certificate carries a host name among its subjectAltNames (RFC 6125/9525: dNSName only, never the
     * common name; a wildcard is a whole left-most label). name: 1..255 bytes, NUL-terminated; whatever is no host name
     * matches nothing. Any thread. */
    bool (*cert_matches)(const hf_cert *cert, const char *name);

    /* The issuer's distinguished name (DER), borrowed from the certificate. */
    hf_status (*cert_issuer)(const hf_cert *cert, const uint8_t **out_der, size_t *out_len);

    /* Whether a response says "good" of certs[0], now, and is signed by its issuer or a responder of its. *out_until:
     * the second from which it is good no longer. Else HF_SEND(certificate_revoked),
     * HF_SEND(bad_certificate_status_response), or a fault of ours; a phrase for the operator in why (why_max bytes,
     * always terminated). Any thread. NULL: the provider knows no OCSP. */
    hf_status (*ocsp_check)(const hf_ocsp *ocsp, int64_t *out_until, char *why, size_t why_max);
} hf_pki;

/* ---- Own signatures ----------------------------------------------------------------------------- */

#define HF_VERIFIER_ALIGN 64               /* alignment of every verifier's state, in bytes */
#define HF_VERIFIER_STATE_MAX (192 * 1024) /* no verifier's state_size is larger, in bytes */
#define HF_VERIFIERS_MAX 3                 /* in a composition */

/* Checks ECDSA signatures of one key that is known long before: of one's own, each of whose signatures is verified
 * before it is sent. It may compute much of the key once, so that it is faster than hf_pki.verify_digest afterwards.
 * For public data only: its time may depend on all that it is given. */
typedef struct hf_verifier {
    uint16_t group;   /* HF_GROUP_* of the keys that it takes */
    const char *name; /* "ECDSA P-256" */
    const hf_provider *provider;
    size_t state_size; /* bytes for one key, aligned to HF_VERIFIER_ALIGN, given by the caller */

    /* Fills `state` (uninitialised memory) from a SubjectPublicKeyInfo (DER, borrowed). The state is plain data: it
     * needs no clean-up, and any number of threads may use it. HF_ERR_UNSUPPORTED: this encoding of a key is not taken,
     * and whoever asks does without; HF_ERR_DECODE: it is no key of the group. */
    hf_status (*prepare)(void *state, const uint8_t *spki, size_t spki_len);

    /* As hf_pki.verify_digest: of a digest longer than the group's order the leftmost bits count. HF_ERR_VERIFY for
     * whatever is not the DER encoding of a good signature; HF_ERR_INVALID for a digest of no bytes or of more than
     * HF_HASH_SIZE_MAX. */
    hf_status (*verify_digest)(const void *state, const uint8_t *digest, size_t digest_len, const uint8_t *sig,
                               size_t sig_len);
} hf_verifier;

/* ---- The provider ------------------------------------------------------------------------------- */

struct hf_provider {
    const char *name;             /* "portable", "libcrypto", "ipsecmb", "x86" */
    const char *(*version)(void); /* of the library below, for people; static storage */

    /* Whether this CPU and library can run the provider; why: a phrase for people when not (static storage). */
    bool (*available)(const char **why);

    const hf_cipher *const *ciphers; /* NULL-terminated; NULL when it has none */
    const hf_hash *const *hashes;
    const hf_group *const *groups;
    const hf_pki *pki;

    /* What the provider needs per thread (an IMB_MGR); both NULL when it needs nothing. */
    hf_status (*worker_new)(void **out);
    void (*worker_free)(void *worker);

    const hf_verifier *const *verifiers; /* NULL-terminated; NULL when it has none */
};

/* A composition: one implementation for each algorithm. Plain data, filled by the application or by
 * hf_crypto_compose (providers); constant while any connection or worker uses it. */
typedef struct hf_crypto {
    const hf_cipher *ciphers[HF_CIPHER_COUNT]; /* by hf_cipher_id; NULL: absent */
    const hf_hash *hashes[HF_HASH_COUNT];      /* by hf_hash_id; NULL: absent */
    const hf_group *groups[8];                 /* NULL-terminated, in order of preference */
    const hf_pki *pki;
    /* NULL-terminated. A key of ours that none of them takes is left to pki, as are the keys of all peers. */
    const hf_verifier *verifiers[HF_VERIFIERS_MAX + 1];
} hf_crypto;

/* The per-thread state of every provider that a composition uses. One thread at a time; it serves the connections of
 * every configuration with the same composition. crypto: borrowed for the call, its descriptors outlive the worker.
 * HF_ERR_NO_MEMORY, or what a provider's worker_new says; *out is unchanged then. (lib) */
typedef struct hf_worker hf_worker;
HF_API hf_status hf_worker_new(const hf_crypto *crypto, hf_worker **out) HF_MUST_CHECK;
HF_API void hf_worker_free(hf_worker *worker); /* NULL is allowed */

/* Runs n jobs, all of `cipher`, one direction, on this worker. Each job's status tells its fate. (lib) */
HF_API void hf_worker_run(hf_worker *worker, const hf_cipher *cipher, hf_direction direction, hf_record_job *jobs,
                          size_t n);

/* How often each path ran, for tests and metrics. (lib) */
typedef struct hf_worker_counts {
    uint64_t records[HF_CIPHER_COUNT][2]; /* by cipher and direction */
    uint64_t calls[HF_CIPHER_COUNT][2];
    uint64_t bytes[HF_CIPHER_COUNT][2]; /* content of the records that succeeded, bytes */
} hf_worker_counts;
HF_API void hf_worker_get_counts(const hf_worker *worker, hf_worker_counts *out);

#ifdef __cplusplus
}
#endif

#endif
