/* Building messages: a writer over caller's storage with a sticky error and length-prefixed children.
 *
 *   hf_writer w = hf_writer_of(buf, sizeof buf);
 *   size_t list = hf_write_begin(&w, 2);      // a vector with a 2-byte length
 *   hf_write_u16(&w, id);
 *   hf_write_end(&w, list, 2);                // fills the length in
 *   if (!hf_writer_ok(&w)) ...                // checked once, at the end
 *
 * Past its room, or with a child longer than its prefix can say, a writer is bad and stays bad; nothing is written
 * outside of the room.
 */
#ifndef HF_WRITER_H
#define HF_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct hf_writer {
    uint8_t *buf;
    size_t len, max;
    bool bad;
} hf_writer;

static inline hf_writer hf_writer_of(uint8_t *buf, size_t max)
{
    return (hf_writer){buf, 0, max, false};
}
static inline bool hf_writer_ok(const hf_writer *w)
{
    return !w->bad;
}
/* n bytes of room that the caller fills, or NULL. */
static inline uint8_t *hf_write_room(hf_writer *w, size_t n)
{
    if (w->bad || w->max - w->len < n) {
        w->bad = true;
        return NULL;
    }
    uint8_t *p = w->buf + w->len;
    w->len += n;
    return p;
}
static inline void hf_write_bytes(hf_writer *w, const void *p, size_t n)
{
    uint8_t *to = hf_write_room(w, n);
    if (to && n)
        memcpy(to, p, n);
}
static inline void hf_write_uint(hf_writer *w, uint32_t v, unsigned bytes)
{
    uint8_t *p = hf_write_room(w, bytes);
    for (unsigned i = 0; p && i < bytes; i++)
        p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
}
static inline void hf_write_u8(hf_writer *w, uint8_t v)
{
    hf_write_uint(w, v, 1);
}
static inline void hf_write_u16(hf_writer *w, uint16_t v)
{
    hf_write_uint(w, v, 2);
}
static inline void hf_write_u24(hf_writer *w, uint32_t v)
{
    hf_write_uint(w, v, 3);
}
/* Opens a vector whose length takes `bytes` (1..3); returns the mark for hf_write_end. */
static inline size_t hf_write_begin(hf_writer *w, unsigned bytes)
{
    hf_write_uint(w, 0, bytes);
    return w->len;
}
static inline void hf_write_end(hf_writer *w, size_t mark, unsigned bytes)
{
    if (w->bad)
        return;
    size_t n = w->len - mark;
    if (n >> (8 * bytes)) {
        w->bad = true;
        return;
    }
    for (unsigned i = 0; i < bytes; i++)
        w->buf[mark - bytes + i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
}

#endif
