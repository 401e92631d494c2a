/* Allocation through the environment, with a count of what a connection holds. */
#ifndef HF_MEMORY_H
#define HF_MEMORY_H

#include "handfast/handfast.h"

typedef struct hf_memory {
    const hf_env *env;
    size_t held; /* bytes */
} hf_memory;

/* Zeroed memory, or NULL. size 0 gives NULL. */
void *hf_memory_new(hf_memory *memory, size_t size);
/* Wipes and frees `size` bytes at p; NULL is allowed. */
void hf_memory_free(hf_memory *memory, void *p, size_t size);

/* A growable byte buffer: data stands in [start, end). Wiped when it grows, shrinks or is freed. */
typedef struct hf_buffer {
    uint8_t *data;
    size_t start, end, size;
} hf_buffer;

static inline size_t hf_buffer_len(const hf_buffer *b)
{
    return b->end - b->start;
}
/* Where the data starts; NULL when nothing was ever held. */
static inline uint8_t *hf_buffer_data(const hf_buffer *b)
{
    return b->data ? b->data + b->start : NULL;
}
/* Makes room for `more` bytes behind the end; moves data to the front when that is enough. HF_ERR_LIMIT when
 * more than `max` bytes would be held, HF_ERR_NO_MEMORY. */
hf_status hf_buffer_reserve(hf_memory *memory, hf_buffer *b, size_t more, size_t max) HF_MUST_CHECK;
hf_status hf_buffer_append(hf_memory *memory, hf_buffer *b, const void *p, size_t len, size_t max) HF_MUST_CHECK;
/* Drops n bytes from the front. */
void hf_buffer_consume(hf_buffer *b, size_t n);
void hf_buffer_free(hf_memory *memory, hf_buffer *b);

#endif
