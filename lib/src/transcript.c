/* The running handshake hash; see transcript.h for its phases. */
#include "transcript.h"

#include "msg13.h"

void hf_transcript_init(hf_transcript *t)
{
    *t = (hf_transcript){.keep = true};
}

hf_status hf_transcript_add(hf_memory *memory, hf_transcript *t, const uint8_t *data, size_t len)
{
    if (t->keep) {
        hf_status status = hf_buffer_append(memory, &t->kept, data, len, HF_LIMIT_HANDSHAKE_TOTAL);
        if (status != HF_OK)
            return status;
    }
    return t->hash ? t->hash->update(t->state.bytes, data, len) : HF_OK;
}

hf_status hf_transcript_start(hf_transcript *t, const hf_hash *hash)
{
    hf_status status = hash->init(t->state.bytes);
    if (status != HF_OK)
        return status;
    t->hash = hash;
    hf_slice all = hf_transcript_messages(t);
    return hash->update(t->state.bytes, all.ptr, all.len);
}

hf_status hf_transcript_fold(hf_memory *memory, hf_transcript *t, const hf_hash *hash)
{
    uint8_t folded[4 + HF_HASH_SIZE_MAX] = {HF_MSG_MESSAGE_HASH, 0, 0, hash->size};
    hf_slice all = hf_transcript_messages(t);

    hf_status status = hf_hash_once(hash, all.ptr, all.len, folded + 4);
    if (status != HF_OK)
        return status;
    hf_buffer_free(memory, &t->kept);
    return hf_transcript_add(memory, t, folded, 4 + (size_t)hash->size);
}

void hf_transcript_forget(hf_memory *memory, hf_transcript *t)
{
    t->keep = false;
    hf_buffer_free(memory, &t->kept);
}

hf_status hf_transcript_digest(const hf_transcript *t, uint8_t *out)
{
    hf_hash_state copy;
    hf_status status = t->hash->clone(copy.bytes, t->state.bytes);
    if (status != HF_OK)
        return status;
    status = t->hash->final(copy.bytes, out);
    t->hash->cleanup(copy.bytes);
    return status;
}

hf_slice hf_transcript_messages(const hf_transcript *t)
{
    return (hf_slice){hf_buffer_data(&t->kept), hf_buffer_len(&t->kept)};
}

void hf_transcript_cleanup(hf_memory *memory, hf_transcript *t)
{
    if (t->hash)
        t->hash->cleanup(t->state.bytes);
    t->hash = NULL;
    hf_buffer_free(memory, &t->kept);
}
