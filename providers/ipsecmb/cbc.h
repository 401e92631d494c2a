/* AES-CBC with HMAC: what sealing and opening share. */
#ifndef HANDFAST_IPSECMB_CBC_H
#define HANDFAST_IPSECMB_CBC_H

#include "ipsecmb.h"

#include "../portable/md_hmac.h"

#define HF_IMB_BLOCK 16

/* Keys of one direction. hf_md_hmac_key's chaining values are what the library calls the hashed ipad and opad. */
typedef struct hf_imb_cbc_key {
    uint8_t round_keys[15 * 16]; /* encryption's when sealing, decryption's when opening; aligned as the state is */
    hf_md_hmac_key hmac;
    uint8_t key_size;
    uint8_t mac_size;
    uint8_t mode; /* hf_record_mode */
} hf_imb_cbc_key;

/* Up to HF_IMB_BATCH records on their way: `below` are the library's jobs, of_job[k] the record of below[k]. */
typedef struct hf_imb_batch {
    hf_imb_worker *w;
    hf_record_job *jobs[HF_IMB_BATCH];
    size_t n;
} hf_imb_batch;

/* Runs HMAC over msg[i], len[i] for every record of the batch, tags to w->tags[i]. False: the library failed. */
bool hf_imb_hmac(const hf_imb_batch *b, const uint8_t *const *msg, const size_t *len);
/* Runs CBC over src[i] to dst[i], len[i] bytes, with iv[i]. */
bool hf_imb_cbc(const hf_imb_batch *b, hf_direction direction, const uint8_t *const *src, uint8_t *const *dst,
                const size_t *len, const uint8_t *const *iv);
/* The same with a manager of the caller's choice: for measuring. */
bool hf_imb_hmac_with(const hf_imb_batch *b, IMB_MGR *mgr, const uint8_t *const *msg, const size_t *len);
bool hf_imb_cbc_with(const hf_imb_batch *b, IMB_MGR *mgr, hf_direction direction, const uint8_t *const *src,
                     uint8_t *const *dst, const size_t *len, const uint8_t *const *iv);
/* What to do with every record of a batch when the library failed: nothing half-made stays. */
void hf_imb_batch_failed(const hf_imb_batch *b, const size_t *written);

void hf_imb_cbc_seal(void *worker, hf_record_job *jobs, size_t n);
void hf_imb_cbc_open(void *worker, hf_record_job *jobs, size_t n);

#endif
