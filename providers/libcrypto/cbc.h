/* The key of one direction of AES-CBC with HMAC, shared by cbc.c and stitched.c. */
#ifndef HANDFAST_LIBCRYPTO_CBC_H
#define HANDFAST_LIBCRYPTO_CBC_H

#include "lc.h"
#include "mte_open.h" /* portable's constant-time check, the one of the house */

typedef struct hf_lc_cbc_key {
    const hf_cipher_spec *spec;
    hf_record_mode mode;
    EVP_CIPHER_CTX *cbc;      /* all but the stitched path */
    EVP_MAC_CTX *mac;         /* encrypt-then-MAC, and separate sealing */
    hf_md_hmac_key check;     /* opening MAC-then-encrypt */
    EVP_CIPHER_CTX *stitched; /* sealing MAC-then-encrypt in one pass; NULL: separately */
    EVP_CIPHER_CTX *ecb;      /* beside `stitched` */
} hf_lc_cbc_key;

bool hf_lc_stitched_init(hf_lc_cbc_key *k, const hf_lc_algorithms *lc, const hf_record_keys *keys);

/* size: of the sealed record; the room was checked. */
hf_status hf_lc_stitched_seal(hf_lc_cbc_key *k, hf_record_job *job, size_t size);

#endif
