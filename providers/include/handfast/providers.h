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
    const char *kind;      /* "cipher", "hash", "group", "pki", "check" */
    const char *algorithm; /* "AES-128-GCM" */
    const char *provider;  /* chosen; "mixed" when two serve it by size and batch; NULL when none offers it */
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

/* ---- Key pairs made ahead ----------------------------------------------------------------------- */

/* Where X25519 is `ifma`'s, pairs are made eight at a time. Those that are not used at once wait for the next
 * handshakes of the same thread, but neither more nor longer than this; docs/security.md says what that means. */
#define HF_LIMIT_PAIRS_AHEAD 7 /* pairs, in each thread */
#define HF_LIMIT_PAIRS_AHEAD_MS                                                                                        \
    1000 /* age of a pair that is used, milliseconds; older ones are wiped at the next use */

/* ---- Which provider serves how many records of which size --------------------------------------- */

#define HF_PATH_SIZES 5   /* contents up to 128, 512, 2048, 8192 bytes, and longer ones */
#define HF_PATH_BATCHES 6 /* 1, 2..3, 4..7, 8..15, 16..31 records in a call, and more */

/* For every cipher, direction (hf_direction), class of size and class of batch: who serves it; NULL where nobody does.
 * Plain data. */
typedef struct hf_path_table {
    const hf_provider *best[HF_CIPHER_COUNT][2][HF_PATH_SIZES][HF_PATH_BATCHES];
} hf_path_table;

/* What is known without measuring: of the providers that this CPU can run. */
HF_API void hf_path_table_default(hf_path_table *out);

/* Measures every provider that can run and passes its self-test, with every cipher, size and batch: `milliseconds` for
 * each of them (1..1000), some thousand in all. The fastest serves; a difference within 3 % counts as none, and the
 * default stays. each: called after every cell with GB/s (1e9 bytes of content a second) of each provider that offers
 * it, in the order of hf_providers, and the chosen one; NULL allowed. Blocks; nothing else should run meanwhile. */
typedef struct hf_path_cell {
    hf_cipher_id id;
    hf_direction direction;
    size_t bytes, records; /* measured with */
    double gbps[HF_PROVIDERS_MAX];
    const hf_provider *best;
} hf_path_cell;
HF_API hf_status hf_path_table_measure(unsigned milliseconds, hf_path_table *out,
                                       void (*each)(void *arg, const hf_path_cell *cell), void *arg) HF_MUST_CHECK;

/* As text: a line for every cipher, direction and size that somebody serves: the cipher's name, "seal" or "open", the
 * largest content in bytes ("more" for the last class), and a provider for each class of batch. Lines that start with #
 * are for people. hf_path_table_line writes one such line without its end (HF_PATH_LINE_MAX bytes of room; empty
 * when nobody serves it). hf_path_table_parse takes a whole text, len bytes; what it does not mention is as in the
 * default table. HF_ERR_INVALID, and why tells the line (why_max bytes, always terminated). */
#define HF_PATH_LINE_MAX 256
HF_API void hf_path_table_line(const hf_path_table *table, hf_cipher_id id, hf_direction direction, size_t size_class,
                               char out[HF_PATH_LINE_MAX]);
HF_API hf_status hf_path_table_parse(const char *text, size_t len, hf_path_table *out, char *why,
                                     size_t why_max) HF_MUST_CHECK;

/* Makes `auto` follow this table (copied) in the whole process. Once, before anything else of this header but the
 * functions above was called: HF_ERR_STATE afterwards. */
HF_API hf_status hf_path_table_use(const hf_path_table *table) HF_MUST_CHECK;

/* ---- Tests of one implementation ---------------------------------------------------------------- */

/* Known-answer tests of one cipher / hash / group / verifier implementation (seal, open, and refusal of a changed
 * record; digest; key agreement; good signatures and changed ones). HF_OK or HF_ERR_SELF_TEST; hf_self_test_verifier
 * also HF_ERR_NO_MEMORY. */
HF_API hf_status hf_self_test_cipher(const hf_cipher *cipher) HF_MUST_CHECK;
HF_API hf_status hf_self_test_hash(const hf_hash *hash) HF_MUST_CHECK;
HF_API hf_status hf_self_test_group(const hf_group *group) HF_MUST_CHECK;
HF_API hf_status hf_self_test_verifier(const hf_verifier *verifier) HF_MUST_CHECK;

/* What the CPU can do, as a list of words ("aes", "vaes", "avx512f", ...), for people. Considers what the
 * operating system enables (XCR0). Static storage after the first call; any thread. */
HF_API const char *hf_cpu_features(void);

/* A private key in a PEM file's text, for tests, clients and comparison: RSA, EC P-256/384/521, Ed25519; unencrypted
 * PKCS#8 or traditional. Operations run on the calling thread of submit. label is copied.
 * pem is borrowed; the caller wipes it. HF_ERR_DECODE, HF_ERR_UNSUPPORTED, HF_ERR_NO_MEMORY. */
HF_API hf_status hf_pem_key_new(const uint8_t *pem, size_t len, const char *label, hf_key **out) HF_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
