/* The hash descriptors: hf_md behind the contract. */
#include "hashes.h"

#include "builtin.h"
#include "ct.h"
#include "md.h"

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

static hf_status update(void *state, const void *data, size_t len)
{
    hf_md_update(state, data, len);
    return HF_OK;
}

static hf_status final(void *state, uint8_t *out)
{
    hf_md_final(state, out);
    return HF_OK;
}

static hf_status clone(void *state, const void *from)
{
    memcpy(state, from, sizeof(hf_md));
    return HF_OK;
}

static void cleanup(void *state)
{
    hf_wipe(state, sizeof(hf_md));
}

_Static_assert(sizeof(hf_md) <= HF_HASH_STATE_MAX, "the contract's largest hash state");

#define HASH(which, label, digest, block, init_function)                                                               \
    {                                                                                                                  \
        .id = which, .name = label, .provider = &hf_provider_portable, .size = digest, .block_size = block,            \
        .state_size = sizeof(hf_md), .init = init_function, .update = update, .final = final, .clone = clone,          \
        .cleanup = cleanup                                                                                             \
    }

static const hf_hash sha1 = HASH(HF_SHA1, "SHA-1", 20, 64, init_sha1);
static const hf_hash sha256 = HASH(HF_SHA256, "SHA-256", 32, 64, init_sha256);
static const hf_hash sha384 = HASH(HF_SHA384, "SHA-384", 48, 128, init_sha384);
static const hf_hash sha512 = HASH(HF_SHA512, "SHA-512", 64, 128, init_sha512);

const hf_hash *const hf_portable_hashes[] = {&sha1, &sha256, &sha384, &sha512, NULL};
