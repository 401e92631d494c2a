/* Self-tests of hashes and of key exchange groups. */
#include "selftest.h"

#include <stdlib.h>
#include <string.h>

#include "handfast/providers.h"
#include "handfast/secret.h"

typedef struct hash_state {
    _Alignas(16) uint8_t bytes[HF_HASH_STATE_MAX];
} hash_state;

/* Digest of msg in two updates, the second one on a clone: so clone is tested too. */
static bool digest(const hf_hash *hash, const uint8_t *msg, size_t len, size_t cut, uint8_t *out)
{
    hash_state first, second;
    bool good = false;

    if (hash->init(&first) != HF_OK)
        return false;
    if (hash->update(&first, msg, cut) == HF_OK && hash->clone(&second, &first) == HF_OK) {
        /* What happens to the original afterwards must not reach the clone. */
        good = hash->update(&first, msg, cut) == HF_OK && hash->update(&second, msg + cut, len - cut) == HF_OK &&
               hash->final(&second, out) == HF_OK;
        hash->cleanup(&second);
    }
    hash->cleanup(&first);
    return good;
}

hf_status hf_self_test_hash(const hf_hash *hash)
{
    static const uint8_t abc[] = {'a', 'b', 'c'};
    uint8_t content[HF_KAT_LONG], out[HF_HASH_SIZE_MAX];

    if ((unsigned)hash->id >= HF_HASH_COUNT || hash->size > sizeof out || hash->state_size > HF_HASH_STATE_MAX)
        return HF_ERR_SELF_TEST;
    const hf_kat_digest *known = &hf_kat_digests[hash->id];
    hf_kat_content(content, sizeof content);
    if (!digest(hash, abc, sizeof abc, 1, out) || memcmp(out, known->of_abc, hash->size) != 0)
        return HF_ERR_SELF_TEST;
    /* A cut inside a block, and none at all. */
    if (!digest(hash, content, sizeof content, 1000, out) || memcmp(out, known->of_long, hash->size) != 0)
        return HF_ERR_SELF_TEST;
    if (!digest(hash, content, sizeof content, 0, out) || memcmp(out, known->of_long, hash->size) != 0)
        return HF_ERR_SELF_TEST;
    return HF_OK;
}

/* A private key is opaque (X25519 has answers of its own: selftest_x25519.c), so the answer that is known is that both
 * sides agree and strangers do not. */
static bool agree(const hf_group *group, void *alice, const uint8_t *alice_public, void *bob, const uint8_t *bob_public)
{
    uint8_t left[HF_GROUP_SHARED_MAX] = {0}, right[HF_GROUP_SHARED_MAX] = {0}, own[HF_GROUP_SHARED_MAX] = {0};
    bool good = group->derive(alice, bob_public, group->public_size, left) == HF_OK &&
                group->derive(bob, alice_public, group->public_size, right) == HF_OK &&
                group->derive(alice, alice_public, group->public_size, own) == HF_OK &&
                hf_ct_equal(left, right, group->shared_size) && !hf_ct_equal(left, own, group->shared_size);
    hf_wipe(left, sizeof left);
    hf_wipe(right, sizeof right);
    hf_wipe(own, sizeof own);
    return good;
}

/* A share that is too short, and one that no honest peer sends: a point off the curve, or X25519's zero. */
static bool refuses(const hf_group *group, void *private_key, const uint8_t *share)
{
    uint8_t bad[HF_GROUP_PUBLIC_MAX], out[HF_GROUP_SHARED_MAX];

    if (group->derive(private_key, share, group->public_size - 1u, out) != HF_ERR_VERIFY)
        return false;
    if (group->id == HF_GROUP_X25519) {
        memset(bad, 0, group->public_size);
    } else {
        memcpy(bad, share, group->public_size);
        bad[group->public_size - 1] ^= 1; /* y of the other parity, and not p - y */
    }
    return group->derive(private_key, bad, group->public_size, out) == HF_ERR_VERIFY;
}

hf_status hf_self_test_group(const hf_group *group)
{
    uint8_t alice_public[HF_GROUP_PUBLIC_MAX], bob_public[HF_GROUP_PUBLIC_MAX];
    void *alice = NULL, *bob = NULL;
    hf_status status = HF_ERR_SELF_TEST;

    if (group->public_size > HF_GROUP_PUBLIC_MAX || group->shared_size > HF_GROUP_SHARED_MAX)
        return HF_ERR_SELF_TEST;
    if (group->generate(&alice, alice_public) == HF_OK && group->generate(&bob, bob_public) == HF_OK &&
        agree(group, alice, alice_public, bob, bob_public) && refuses(group, alice, bob_public))
        status = group->id == HF_GROUP_X25519 ? hf_self_test_x25519(group) : HF_OK;
    group->destroy(alice);
    group->destroy(bob);
    return status;
}
