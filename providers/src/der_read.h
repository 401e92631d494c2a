/* DER (X.690) as far as our own parsers of keys and signatures go: the next element of a slice, and a positive INTEGER.
 * A slice is borrowed from the caller's bytes; nothing is read beyond it. */
#ifndef HANDFAST_DER_READ_H
#define HANDFAST_DER_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_DER_INTEGER 0x02
#define HF_DER_BIT_STRING 0x03
#define HF_DER_SEQUENCE 0x30

/* What is left of the input. */
typedef struct hf_der {
    const uint8_t *ptr, *end;
} hf_der;

/* The content of the next element, which has this tag and a length of up to two bytes in its shortest form
 * (section 10.1). */
static inline bool hf_der_read(hf_der *in, uint8_t tag, hf_der *out)
{
    size_t left = (size_t)(in->end - in->ptr), head = 2, len;

    if (left < head || in->ptr[0] != tag)
        return false;
    len = in->ptr[1];
    if (len == 0x81 || len == 0x82) {
        head += len & 3;
        if (left < head)
            return false;
        len = head == 3 ? in->ptr[2] : (size_t)in->ptr[2] << 8 | in->ptr[3];
        if (len < (head == 3 ? 0x80 : 0x100))
            return false;
    } else if (len > 0x7f) {
        return false;
    }
    if (left - head < len)
        return false;
    *out = (hf_der){in->ptr + head, in->ptr + head + len};
    in->ptr = out->end;
    return true;
}

/* A positive INTEGER in as few bytes as it takes (section 8.3.2), without the zero that may stand before it for the
 * sign: one byte at least. */
static inline bool hf_der_read_positive(hf_der *in, hf_der *out)
{
    hf_der number;

    if (!hf_der_read(in, HF_DER_INTEGER, &number) || number.ptr == number.end || number.ptr[0] & 0x80)
        return false;
    if (number.ptr[0] == 0) {
        number.ptr++; /* stands there for the sign of the next byte, and for nothing else */
        if (number.ptr == number.end || !(number.ptr[0] & 0x80))
            return false;
    }
    *out = number;
    return true;
}

#endif
