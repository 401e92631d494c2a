/* SHA-1 and SHA-256 over the kernels here: as operations for HMAC and the record check, and as hash descriptors. */
#include "../portable/md_hash.h"
#include "builtin.h"
#include "x86.h"

static const hf_md_ops sha1_ops = HF_MD_OPS_SHA1(hf_x86_sha1_compress);
static const hf_md_ops sha256_ops = HF_MD_OPS_SHA256(hf_x86_sha256_compress);

const hf_md_ops *hf_x86_md_ops(hf_hash_id id)
{
    if (!hf_x86_has_sha())
        return NULL;
    return id == HF_SHA1 ? &sha1_ops : id == HF_SHA256 ? &sha256_ops : NULL;
}

/* NULL: somebody runs a provider that is not available. */
static hf_status start(void *state, const hf_md_ops *ops)
{
    if (!ops)
        return HF_ERR_UNSUPPORTED;
    hf_md_start(state, ops);
    return HF_OK;
}

static hf_status init_sha1(void *state)
{
    return start(state, hf_x86_md_ops(HF_SHA1));
}

static hf_status init_sha256(void *state)
{
    return start(state, hf_x86_md_ops(HF_SHA256));
}

static const hf_hash sha1 = HF_MD_HASH_SHA1(&hf_provider_x86, init_sha1);
static const hf_hash sha256 = HF_MD_HASH_SHA256(&hf_provider_x86, init_sha256);

const hf_hash *const hf_x86_hashes[] = {&sha1, &sha256, NULL};
