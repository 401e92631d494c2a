/* SHA-1 and SHA-2 (FIPS 180-4) over EVP. A state is one pointer: EVP_MD_CTX has no public size. */
#include "builtin.h"
#include "lc.h"

typedef struct hash_state {
    EVP_MD_CTX *ctx;
} hash_state;

static hf_status init(void *state, hf_hash_id id)
{
    hash_state *s = state;
    const hf_lc_algorithms *lc = hf_lc();

    if (!lc)
        return HF_ERR_CRYPTO;
    s->ctx = EVP_MD_CTX_new();
    if (!s->ctx)
        return hf_lc_fail(HF_ERR_NO_MEMORY);
    if (EVP_DigestInit_ex(s->ctx, lc->hashes[id], NULL) != 1) {
        EVP_MD_CTX_free(s->ctx);
        s->ctx = NULL;
        return hf_lc_fail(HF_ERR_CRYPTO);
    }
    return HF_OK;
}

static hf_status init_sha1(void *state)
{
    return init(state, HF_SHA1);
}

static hf_status init_sha256(void *state)
{
    return init(state, HF_SHA256);
}

static hf_status init_sha384(void *state)
{
    return init(state, HF_SHA384);
}

static hf_status init_sha512(void *state)
{
    return init(state, HF_SHA512);
}

static hf_status update(void *state, const void *data, size_t len)
{
    hash_state *s = state;

    return EVP_DigestUpdate(s->ctx, data, len) == 1 ? HF_OK : hf_lc_fail(HF_ERR_CRYPTO);
}

static hf_status final(void *state, uint8_t *out)
{
    hash_state *s = state;

    return EVP_DigestFinal_ex(s->ctx, out, NULL) == 1 ? HF_OK : hf_lc_fail(HF_ERR_CRYPTO);
}

static hf_status clone(void *state, const void *from)
{
    hash_state *s = state;
    const hash_state *source = from;

    s->ctx = EVP_MD_CTX_new();
    if (!s->ctx)
        return hf_lc_fail(HF_ERR_NO_MEMORY);
    if (EVP_MD_CTX_copy_ex(s->ctx, source->ctx) != 1) {
        EVP_MD_CTX_free(s->ctx);
        s->ctx = NULL;
        return hf_lc_fail(HF_ERR_CRYPTO);
    }
    return HF_OK;
}

/* libcrypto clears a digest state before it frees it. */
static void cleanup(void *state)
{
    hash_state *s = state;

    EVP_MD_CTX_free(s->ctx);
    s->ctx = NULL;
}

#define HASH(id_, name_, size_, block_, init_)                                                                         \
    {                                                                                                                  \
        .id = (id_), .name = (name_), .provider = &hf_provider_libcrypto, .size = (size_), .block_size = (block_),     \
        .state_size = sizeof(hash_state), .init = (init_), .update = update, .final = final, .clone = clone,           \
        .cleanup = cleanup                                                                                             \
    }

static const hf_hash sha1 = HASH(HF_SHA1, "SHA-1", 20, 64, init_sha1);
static const hf_hash sha256 = HASH(HF_SHA256, "SHA-256", 32, 64, init_sha256);
static const hf_hash sha384 = HASH(HF_SHA384, "SHA-384", 48, 128, init_sha384);
static const hf_hash sha512 = HASH(HF_SHA512, "SHA-512", 64, 128, init_sha512);

const hf_hash *const hf_lc_hashes[] = {&sha1, &sha256, &sha384, &sha512, NULL};
