/* The providers that are built in, and how a composition is chosen among them.
 *
 * Library: handfast-providers. Needs libcrypto; ipsec-mb when the build found it.
 */
#ifndef HANDFAST_PROVIDERS_H
#define HANDFAST_PROVIDERS_H

#include <stddef.h>
#include <stdint.h>

#include "handfast/key.h"
#include "handfast/provider.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All providers of this build, NULL-terminated, in the order in which `auto` prefers them for records.
 * Static storage, any thread. */
HF_API const hf_provider *const *hf_providers(void);
/* By name; NULL when this build has none of that name. */
HF_API const hf_provider *hf_provider_by_name(const char *name);

/* One line of the choice, for `handfast providers`. */
typedef struct hf_choice {
    const char *kind;      /* "cipher", "hash", "group", "pki" */
    const char *algorithm; /* "AES-128-GCM" */
    const char *provider;  /* chosen; NULL when none offers it */
    const char *reason;    /* "fastest that passed its self-test", "forced", "only one that offers it", ... static */
} hf_choice;
#define HF_CHOICES_MAX 32

/* Chooses an implementation for every algorithm and runs the known-answer self-test of each one chosen.
 *
 * force    a provider's name to take every record cipher from that it offers (ciphers it lacks are absent, so
 *          that nothing else runs unnoticed); NULL or "auto": the preferred available provider for each
 * out      filled on HF_OK
 * choices  HF_CHOICES_MAX entries, or NULL; out_n: how many were filled, or NULL
 * why      for people when it fails (why_max bytes, always terminated)
 *
 * A provider that is not available (CPU, library) or fails a self-test is passed over with `auto` and is an error
 * when forced: HF_ERR_NOT_FOUND (no such name), HF_ERR_UNSUPPORTED, HF_ERR_SELF_TEST. Any thread. */
HF_API hf_status hf_crypto_compose(const char *force, hf_crypto *out, hf_choice *choices, size_t *out_n, char *why,
                                   size_t why_max) HF_MUST_CHECK;

/* Known-answer tests of one cipher / hash / group implementation (seal, open, and refusal of a changed record;
 * digest; key agreement). HF_OK or HF_ERR_SELF_TEST. */
HF_API hf_status hf_self_test_cipher(const hf_cipher *cipher) HF_MUST_CHECK;
HF_API hf_status hf_self_test_hash(const hf_hash *hash) HF_MUST_CHECK;
HF_API hf_status hf_self_test_group(const hf_group *group) HF_MUST_CHECK;

/* What the CPU can do, as a list of words ("aes", "vaes", "avx512f", ...), for people. Considers what the
 * operating system enables (XCR0). Static storage after the first call; any thread. */
HF_API const char *hf_cpu_features(void);

/* libcrypto's generator as hf_env.random (arg is ignored); faster than getrandom(2) for many small calls. */
HF_API hf_status hf_libcrypto_random(void *arg, uint8_t *out, size_t len) HF_MUST_CHECK;

/* A private key in a PEM file's text, for tests, clients and comparison: RSA, EC P-256/384/521, Ed25519; unencrypted
 * PKCS#8 or traditional. Operations run on the calling thread of submit. label is copied.
 * pem is borrowed; the caller wipes it. HF_ERR_DECODE, HF_ERR_UNSUPPORTED, HF_ERR_NO_MEMORY. */
HF_API hf_status hf_pem_key_new(const uint8_t *pem, size_t len, const char *label, hf_key **out) HF_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
