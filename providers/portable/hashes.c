/* The hash descriptors: hf_md behind the contract. */
#include "hashes.h"

#include "builtin.h"
#include "md_hash.h"

static hf_status start(void *state, hf_hash_id id)
{
    hf_md_start(state, hf_md_ops_of(id));
    return HF_OK;
}

static hf_status init_sha1(void *state)
{
    return start(state, HF_SHA1);
}

static hf_status init_sha256(void *state)
{
    return start(state, HF_SHA256);
}

static hf_status init_sha384(void *state)
{
    return start(state, HF_SHA384);
}

static hf_status init_sha512(void *state)
{
    return start(state, HF_SHA512);
}

static const hf_hash sha1 = HF_MD_HASH_SHA1(&hf_provider_portable, init_sha1);
static const hf_hash sha256 = HF_MD_HASH_SHA256(&hf_provider_portable, init_sha256);
static const hf_hash sha384 = HF_MD_HASH_SHA384(&hf_provider_portable, init_sha384);
static const hf_hash sha512 = HF_MD_HASH_SHA512(&hf_provider_portable, init_sha512);

const hf_hash *const hf_portable_hashes[] = {&sha1, &sha256, &sha384, &sha512, NULL};
