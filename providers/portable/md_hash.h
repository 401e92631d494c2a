/* The hash contract (hf_hash) over hf_md: everything but the choice of the compression function, which is init's.
 * Internal to `providers`. */
#ifndef HANDFAST_PORTABLE_MD_HASH_H
#define HANDFAST_PORTABLE_MD_HASH_H

#include "md.h"

hf_status hf_md_hash_update(void *state, const void *data, size_t len);
hf_status hf_md_hash_final(void *state, uint8_t *out);
hf_status hf_md_hash_clone(void *state, const void *from);
void hf_md_hash_cleanup(void *state);

/* Initialisers of descriptors; init_: calls hf_md_start with the provider's operations. */
#define HF_MD_HASH(id_, name_, size_, block_, provider_, init_)                                                        \
    {                                                                                                                  \
        .id = (id_), .name = (name_), .provider = (provider_), .size = (size_), .block_size = (block_),                \
        .state_size = sizeof(hf_md), .init = (init_), .update = hf_md_hash_update, .final = hf_md_hash_final,          \
        .clone = hf_md_hash_clone, .cleanup = hf_md_hash_cleanup                                                       \
    }
#define HF_MD_HASH_SHA1(provider_, init_) HF_MD_HASH(HF_SHA1, "SHA-1", 20, 64, provider_, init_)
#define HF_MD_HASH_SHA256(provider_, init_) HF_MD_HASH(HF_SHA256, "SHA-256", 32, 64, provider_, init_)
#define HF_MD_HASH_SHA384(provider_, init_) HF_MD_HASH(HF_SHA384, "SHA-384", 48, 128, provider_, init_)
#define HF_MD_HASH_SHA512(provider_, init_) HF_MD_HASH(HF_SHA512, "SHA-512", 64, 128, provider_, init_)

#endif
