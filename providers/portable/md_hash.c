/* The hash contract over hf_md. Nothing here can fail: the state is plain data. */
#include "md_hash.h"

#include "ct.h"

_Static_assert(sizeof(hf_md) <= HF_HASH_STATE_MAX, "the contract's largest hash state");

hf_status hf_md_hash_update(void *state, const void *data, size_t len)
{
    hf_md_update(state, data, len);
    return HF_OK;
}

hf_status hf_md_hash_final(void *state, uint8_t *out)
{
    hf_md_final(state, out);
    return HF_OK;
}

hf_status hf_md_hash_clone(void *state, const void *from)
{
    memcpy(state, from, sizeof(hf_md));
    return HF_OK;
}

void hf_md_hash_cleanup(void *state)
{
    hf_wipe(state, sizeof(hf_md));
}
