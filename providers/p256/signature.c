/* The parser of ECDSA signatures: see signature.h. Every length fits its short form, so X.690 allows no other one
 * (section 10.1). */
#include "signature.h"

#include <string.h>

#define TAG_INTEGER 0x02
#define TAG_SEQUENCE 0x30
#define HEAD 2 /* bytes of a tag and a short length */

/* What is left of the input. */
typedef struct slice {
    const uint8_t *ptr, *end;
} slice;

/* The content of the next element, which has this tag. */
static bool read_element(slice *in, uint8_t tag, slice *out)
{
    if (in->end - in->ptr < HEAD || in->ptr[0] != tag || in->ptr[1] > in->end - in->ptr - HEAD || in->ptr[1] > 0x7f)
        return false;
    *out = (slice){in->ptr + HEAD, in->ptr + HEAD + in->ptr[1]};
    in->ptr = out->end;
    return true;
}

/* A positive INTEGER in as few bytes as it takes (X.690 section 8.3.2), in range. */
static bool read_number(slice *in, hf_scalar *out)
{
    uint8_t bytes[HF_P256_BYTES] = {0};
    slice number;

    if (!read_element(in, TAG_INTEGER, &number) || number.ptr == number.end || number.ptr[0] & 0x80)
        return false;
    if (number.ptr[0] == 0) {
        number.ptr++; /* stands there for the sign of the next byte, and for nothing else */
        if (number.ptr == number.end || !(number.ptr[0] & 0x80))
            return false;
    }
    size_t len = (size_t)(number.end - number.ptr);
    if (len > sizeof bytes)
        return false;
    memcpy(bytes + sizeof bytes - len, number.ptr, len);
    return hf_scalar_from_bytes(out, bytes);
}

bool hf_p256_signature_read(const uint8_t *sig, size_t len, hf_scalar *out_r, hf_scalar *out_s)
{
    slice in = {sig, sig + len}, inner;

    return len <= HF_P256_SIGNATURE_MAX && read_element(&in, TAG_SEQUENCE, &inner) && in.ptr == in.end &&
           read_number(&inner, out_r) && read_number(&inner, out_s) && inner.ptr == inner.end;
}
