/* Bounds-checked parsing of a slice. All pointer arithmetic over received bytes happens here.
 *
 * A read that would pass the end returns false and leaves the reader where it was. Each block ends by asking
 * hf_reader_done(): consumed exactly?
 */
#ifndef HF_READER_H
#define HF_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hf_slice {
    const uint8_t *ptr;
    size_t len;
} hf_slice;

typedef struct hf_reader {
    const uint8_t *ptr, *end;
} hf_reader;

static inline hf_reader hf_reader_of(const uint8_t *ptr, size_t len)
{
    return (hf_reader){ptr, len ? ptr + len : ptr}; /* an empty slice may be NULL */
}
static inline hf_reader hf_reader_of_slice(hf_slice s)
{
    return hf_reader_of(s.ptr, s.len);
}
static inline size_t hf_reader_left(const hf_reader *r)
{
    return (size_t)(r->end - r->ptr);
}
static inline bool hf_reader_done(const hf_reader *r)
{
    return r->ptr == r->end;
}
static inline bool hf_read_bytes(hf_reader *r, size_t n, hf_slice *out)
{
    if (hf_reader_left(r) < n)
        return false;
    *out = (hf_slice){r->ptr, n};
    r->ptr += n;
    return true;
}
static inline bool hf_read_u8(hf_reader *r, uint8_t *out)
{
    if (hf_reader_left(r) < 1)
        return false;
    *out = *r->ptr++;
    return true;
}
static inline bool hf_read_u16(hf_reader *r, uint16_t *out)
{
    if (hf_reader_left(r) < 2)
        return false;
    *out = (uint16_t)(r->ptr[0] << 8 | r->ptr[1]);
    r->ptr += 2;
    return true;
}
static inline bool hf_read_u24(hf_reader *r, uint32_t *out)
{
    if (hf_reader_left(r) < 3)
        return false;
    *out = (uint32_t)r->ptr[0] << 16 | (uint32_t)r->ptr[1] << 8 | r->ptr[2];
    r->ptr += 3;
    return true;
}
/* A vector with a length prefix of 1, 2 or 3 bytes (RFC 5246 section 4.3), min..max bytes long. */
static inline bool hf_read_vec8(hf_reader *r, size_t min, size_t max, hf_slice *out)
{
    hf_reader at = *r;
    uint8_t n;
    if (!hf_read_u8(&at, &n) || n < min || n > max || !hf_read_bytes(&at, n, out))
        return false;
    *r = at;
    return true;
}
static inline bool hf_read_vec16(hf_reader *r, size_t min, size_t max, hf_slice *out)
{
    hf_reader at = *r;
    uint16_t n;
    if (!hf_read_u16(&at, &n) || n < min || n > max || !hf_read_bytes(&at, n, out))
        return false;
    *r = at;
    return true;
}
static inline bool hf_read_vec24(hf_reader *r, size_t min, size_t max, hf_slice *out)
{
    hf_reader at = *r;
    uint32_t n;
    if (!hf_read_u24(&at, &n) || n < min || n > max || !hf_read_bytes(&at, n, out))
        return false;
    *r = at;
    return true;
}

#endif
