/* Allocation through the environment. Whatever is freed was wiped: buffers hold plaintext at times. */
#include "memory.h"

#include <string.h>

void *hf_memory_new(hf_memory *memory, size_t size)
{
    if (size == 0)
        return NULL;
    void *p = memory->env->alloc(memory->env->alloc_arg, size);
    if (p) {
        memset(p, 0, size);
        memory->held += size;
    }
    return p;
}

void hf_memory_free(hf_memory *memory, void *p, size_t size)
{
    if (!p)
        return;
    hf_wipe(p, size);
    memory->env->free(memory->env->alloc_arg, p, size);
    memory->held -= size;
}

static void compact(hf_buffer *b)
{
    size_t len = hf_buffer_len(b);
    if (b->start == 0)
        return;
    memmove(b->data, b->data + b->start, len);
    hf_wipe(b->data + len, b->start); /* what stood between the new end and the old one */
    b->start = 0;
    b->end = len;
}

hf_status hf_buffer_reserve(hf_memory *memory, hf_buffer *b, size_t more, size_t max)
{
    size_t len = hf_buffer_len(b);

    if (more > max || len > max - more)
        return HF_ERR_LIMIT;
    if (b->size - b->end >= more)
        return HF_OK;
    if (b->size - len >= more) {
        compact(b);
        return HF_OK;
    }
    size_t size = len + more;
    if (size < 2 * b->size)
        size = 2 * b->size < max ? 2 * b->size : max;
    uint8_t *data = memory->env->alloc(memory->env->alloc_arg, size);
    if (!data)
        return HF_ERR_NO_MEMORY;
    memory->held += size;
    if (len)
        memcpy(data, b->data + b->start, len);
    hf_memory_free(memory, b->data, b->size);
    *b = (hf_buffer){data, 0, len, size};
    return HF_OK;
}

hf_status hf_buffer_append(hf_memory *memory, hf_buffer *b, const void *p, size_t len, size_t max)
{
    hf_status status = hf_buffer_reserve(memory, b, len, max);
    if (status != HF_OK)
        return status;
    if (len)
        memcpy(b->data + b->end, p, len);
    b->end += len;
    return HF_OK;
}

void hf_buffer_consume(hf_buffer *b, size_t n)
{
    b->start += n;
    if (b->start == b->end)
        b->start = b->end = 0;
}

void hf_buffer_free(hf_memory *memory, hf_buffer *b)
{
    hf_memory_free(memory, b->data, b->size);
    *b = (hf_buffer){0};
}
