/* The check of our own signatures, prepared once: see own_verifier.h. */
#include "own_verifier.h"

void hf_own_verifier_drop(hf_config *config, hf_own_credential *own)
{
    hf_memory_free(&config->memory, own->verifier.block, own->verifier.block_size);
    own->verifier = (hf_own_verifier){.verifier = NULL};
}

static hf_status try_verifier(hf_config *config, hf_own_credential *own, const hf_verifier *verifier,
                              const uint8_t *spki, size_t spki_len)
{
    size_t size = verifier->state_size + HF_VERIFIER_ALIGN - 1;
    void *block = hf_memory_new(&config->memory, size);

    if (!block)
        return HF_ERR_NO_MEMORY;
    void *state = (void *)(((uintptr_t)block + HF_VERIFIER_ALIGN - 1) & ~(uintptr_t)(HF_VERIFIER_ALIGN - 1));
    own->verifier = (hf_own_verifier){verifier, block, size, state};
    hf_status status = verifier->prepare(state, spki, spki_len);
    if (status != HF_OK)
        hf_own_verifier_drop(config, own);
    return status;
}

hf_status hf_own_verifier_prepare(hf_config *config, hf_own_credential *own, const uint8_t *spki, size_t spki_len)
{
    const hf_verifier *const *verifiers = config->crypto.verifiers;

    for (size_t i = 0; i < HF_VERIFIERS_MAX && verifiers[i]; i++) {
        if (own->info.key_type != HF_KEY_EC || own->info.group != verifiers[i]->group)
            continue;
        hf_status status = try_verifier(config, own, verifiers[i], spki, spki_len);
        if (status != HF_ERR_UNSUPPORTED)
            return status;
    }
    return HF_OK;
}

bool hf_own_verifier_takes(const hf_own_credential *own, const hf_scheme *scheme)
{
    return own->verifier.verifier && scheme && scheme->key_type == HF_KEY_EC;
}
