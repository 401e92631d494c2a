/* Who can seal and open records in `handfast-bench records`: our providers, bare loops around the libraries below them,
 * and peers.
 *
 * All of them do the same work on the same records: TLS 1.2, application_data, the sequence number counts from 0, a new
 * nonce each; every record of a batch has a key of its own, as records of different connections have. Sealing is in
 * place; opening goes from one sealed record to another buffer. So the records of the first batch must be equal for
 * all, and the benchmark checks that they are before it measures anything. */
#ifndef HF_BENCH_CANDIDATE_H
#define HF_BENCH_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/provider.h"

#define HF_REC_BATCH_MAX 1024
#define HF_REC_CONTENT_TYPE 23 /* application_data */
#define HF_REC_AAD_SIZE 13     /* RFC 5246 section 6.2.3.3 */
#define HF_REC_NONCE_SIZE 12
#define HF_REC_TAG_SIZE 16

/* What is measured. */
typedef struct hf_rec_case {
    const hf_cipher_spec *spec;
    hf_direction direction;
    size_t bytes; /* content of a record */
    size_t batch; /* records in one call, each of another connection */
    size_t keys;  /* connections in all: the same as batch, or (rotate) any number */
    bool rotate;  /* our providers, sealing: the connections take turns, in an order that no prefetcher knows */
} hf_rec_case;

/* A provider with its composition and its worker. */
typedef struct hf_rec_provider {
    hf_crypto crypto;
    hf_worker *worker;
} hf_rec_provider;

typedef struct hf_rec_maker hf_rec_maker;
struct hf_rec_maker {
    const char *name;                       /* "ipsecmb", "bearssl-ct64", ... */
    const hf_rec_provider *provider;        /* of our providers, else NULL */
    const struct hf_rec_aead *const *aeads; /* of bare loops, else NULL */
    void *arg;                              /* of the maker's own */
    bool (*offers)(const hf_rec_maker *maker, hf_cipher_id id, hf_direction direction);
    hf_status (*make)(const hf_rec_maker *maker, const hf_rec_case *c, void **out);
    /* n batches; false when a record failed. */
    bool (*run)(void *state, uint64_t n);
    /* What the last batch made of its i-th record: the body when sealing, the content when opening. */
    const uint8_t *(*result)(const void *state, size_t i, size_t *out_len);
    void (*destroy)(void *state);
};

#define HF_REC_MAKERS_MAX 20

/* The makers of one name or, with NULL, of all that this CPU can run. A provider that cannot run is told on stderr. The
 * array is filled from *n on. HF_ERR_NOT_FOUND: no such name. */
hf_status hf_rec_makers(const char *name, hf_rec_maker makers[HF_REC_MAKERS_MAX], size_t *n);
void hf_rec_makers_free(hf_rec_maker *makers, size_t n);

/* From candidate_provider.c, and the files of the libraries: these write at most HF_REC_PEERS_MAX makers and say how
 * many, none where the build or the CPU has no such thing. name: of a provider, or "auto". */
#define HF_REC_PEERS_MAX 4
hf_status hf_rec_provider_maker(const char *name, hf_rec_maker *out, const char **out_why);
void hf_rec_provider_maker_free(hf_rec_maker *maker);
/* Of a state of such a maker, for `scale`: n times, reads every cache line of the key states of the next batch; and the
 * size of one key state. */
bool hf_rec_provider_touch(void *state, uint64_t n);
size_t hf_rec_provider_key_size(const void *state);
size_t hf_rec_ipsecmb_makers(hf_rec_maker *out);
size_t hf_rec_jobs_makers(hf_rec_maker *out);
size_t hf_rec_evp_makers(hf_rec_maker *out);
size_t hf_rec_bearssl_makers(hf_rec_maker *out);

/* The common parts of bare loops. Keys, IV and content are a fixed pattern, the same for all candidates. */
void hf_rec_pattern(uint8_t *out, size_t len, uint8_t first);
/* The keys of the i-th connection: HF_CIPHER_KEY_MAX, HF_CIPHER_IV_MAX and HF_CIPHER_MAC_KEY_MAX bytes. */
void hf_rec_keys(size_t i, uint8_t *key, uint8_t *iv, uint8_t *mac_key);
/* The IV of a CBC record: the sequence number, in 16 bytes. */
void hf_rec_cbc_iv(uint64_t sequence, uint8_t iv[HF_CBC_IV_SIZE]);
/* The numbers 0..n-1 in an order that looks random but is always the same; NULL: no memory. The caller frees it. */
uint32_t *hf_rec_shuffled(size_t n);
/* The 13 bytes that precede the content in a MAC, and are an AEAD's additional data (RFC 5246 section 6.2.3). */
void hf_rec_header(uint8_t out[HF_REC_AAD_SIZE], uint64_t sequence, size_t len);
/* Nonce and additional data of the AEADs: RFC 5288 (explicit: the sequence number, also written to the body's prefix)
 * and RFC 7905. prefix may be NULL. */
void hf_rec_nonce(const hf_rec_case *c, const uint8_t *iv, uint64_t sequence, uint8_t nonce[HF_REC_NONCE_SIZE],
                  uint8_t aad[HF_REC_AAD_SIZE], uint8_t *prefix);

/* One AEAD of another library, on one record: nonce, additional data, data in place; seal writes the tag, open
 * compares it. What both bare loops are made of. */
typedef struct hf_rec_aead {
    hf_cipher_id id;
    size_t state_size;
    bool (*init)(void *state, const uint8_t *key); /* one state for each record of a batch */
    void (*seal)(void *state, const uint8_t *nonce, const uint8_t *aad, uint8_t *data, size_t len, uint8_t *tag);
    /* from in to out, that do not overlap */
    bool (*open)(void *state, const uint8_t *nonce, const uint8_t *aad, uint8_t *out, const uint8_t *in, size_t len,
                 const uint8_t *tag);
    void (*cleanup)(void *state);
} hf_rec_aead;

/* A maker around a NULL-terminated list of such AEADs, which must be static. */
hf_rec_maker hf_rec_bare_maker(const char *name, const hf_rec_aead *const *aeads);

#endif
