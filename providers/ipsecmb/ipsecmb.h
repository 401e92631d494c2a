/* What the files of the ipsecmb provider share. Intel's multi-buffer library, versions 1.3 and 2.x; little-endian
 * x86-64, as the library. */
#ifndef HANDFAST_IPSECMB_H
#define HANDFAST_IPSECMB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NO_COMPAT_IMB_API_053 /* keeps the old short names (SHA1, GCM, ...) out of our namespace */
#include <intel-ipsec-mb.h>

#include "builtin.h"
#include "handfast/provider.h"
#include "handfast/secret.h"

#define HF_IMB_BATCH 16 /* records handed to the library at once: its widest manager has 16 lanes */
#define HF_IMB_PSEUDO_SIZE                                                                                             \
    13 /* seq_num, type, version, length: what a TLS 1.2 MAC or AEAD covers beside the content                         \
        */
#define HF_IMB_NONCE_SIZE 12

/* The library's managers that we use: its own choice for this CPU, and the one for SSE, whose lanes are few and, with
 * the SHA extensions, fast. */
typedef enum hf_imb_width { HF_IMB_WIDE, HF_IMB_NARROW } hf_imb_width;

#define HF_IMB_HMACS 3 /* SHA-1, SHA-256, SHA-384 */

/* How much longer the wide manager takes for a call of n records than the narrow one: base + per_byte * bytes, in any
 * unit; bytes: of all records together. The narrow one serves where that is positive. */
typedef struct hf_imb_lead {
    double base, per_byte;
} hf_imb_lead;

/* By n (1..HF_IMB_BATCH) for each kind of work. */
typedef struct hf_imb_paths {
    bool measured; /* false: there is no narrow manager, and everything is the wide one's */
    hf_imb_lead hmac[HF_IMB_HMACS][HF_IMB_BATCH + 1];
    hf_imb_lead cbc[HF_IMB_BATCH + 1];
    hf_imb_lead ccm[HF_IMB_BATCH + 1];
} hf_imb_paths;

/* Measured at the first call; static storage, any thread. */
const hf_imb_paths *hf_imb_paths_of_cpu(void);

/* One worker, one thread. The scratch holds copies of records that must have the pseudo-header in front of them. */
typedef struct hf_imb_worker {
    IMB_MGR *mgr;
    IMB_MGR *narrow; /* NULL when it would serve nothing */
    const hf_imb_paths *paths;
    struct gcm_context_data gcm;
    struct chacha20_poly1305_context_data chacha;
    IMB_JOB jobs[HF_IMB_BATCH];
    uint8_t tags[HF_IMB_BATCH][HF_CIPHER_MAC_KEY_MAX];
    uint8_t *scratch; /* HF_IMB_BATCH slots of HF_IMB_SLOT bytes */
} hf_imb_worker;
#define HF_IMB_SLOT (HF_RECORD_BODY_MAX + 64)

/* The manager for n records of so many bytes together, a length that the network sees. */
static inline IMB_MGR *hf_imb_manager_for(const hf_imb_worker *w, const hf_imb_lead *by_n, size_t n, size_t bytes)
{
    return by_n[n].base + by_n[n].per_byte * (double)bytes > 0 ? w->narrow : w->mgr;
}

/* A manager that is never given work: its function table makes key schedules, which are pure functions, on any
 * thread. NULL when the library cannot be used here. */
const IMB_MGR *hf_imb_tables(void);
bool hf_imb_available(const char **why);
/* A manager of one's own; NULL and why (static) when this CPU or library cannot make it. free wipes; NULL is allowed.
 */
IMB_MGR *hf_imb_manager_new(hf_imb_width width, const char **why);
void hf_imb_manager_free(IMB_MGR *mgr);
const char *hf_imb_version(void);
hf_status hf_imb_worker_new(void **out);
void hf_imb_worker_free(void *worker);

/* Zeroes what an open of a body with this prefix may write, and says HF_ERR_VERIFY. */
void hf_imb_refuse(hf_record_job *job, size_t prefix);

/* Whether an open may write everything behind the prefix. */
static inline bool hf_imb_has_room(const hf_record_job *job, size_t prefix)
{
    return job->in_len <= prefix || job->out_max >= job->in_len - prefix;
}

/* The 13 bytes of RFC 5246 section 6.2.3.1 and 6.2.3.3. */
void hf_imb_pseudo_header(uint8_t out[HF_IMB_PSEUDO_SIZE], const hf_record_job *job, size_t len);

extern const hf_cipher hf_imb_aes_128_gcm, hf_imb_aes_256_gcm, hf_imb_chacha20_poly1305, hf_imb_aes_128_ccm;
extern const hf_cipher hf_imb_aes_128_cbc_sha1, hf_imb_aes_256_cbc_sha1, hf_imb_aes_128_cbc_sha256,
    hf_imb_aes_256_cbc_sha256, hf_imb_aes_256_cbc_sha384;

#endif
