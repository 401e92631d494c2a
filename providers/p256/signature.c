/* The parser of ECDSA signatures: see signature.h. Every length fits its short form, so X.690 allows no other one
 * (section 10.1): of a signature that is no longer than HF_P256_SIGNATURE_MAX no element has a long form. */
#include "signature.h"

#include <string.h>

#include "der_read.h"

/* A positive number in range. */
static bool read_number(hf_der *in, hf_scalar *out)
{
    uint8_t bytes[HF_P256_BYTES] = {0};
    hf_der number;

    if (!hf_der_read_positive(in, &number))
        return false;
    size_t len = (size_t)(number.end - number.ptr);
    if (len > sizeof bytes)
        return false;
    memcpy(bytes + sizeof bytes - len, number.ptr, len);
    return hf_scalar_from_bytes(out, bytes);
}

bool hf_p256_signature_read(const uint8_t *sig, size_t len, hf_scalar *out_r, hf_scalar *out_s)
{
    hf_der in = {sig, sig + len}, inner;

    return len <= HF_P256_SIGNATURE_MAX && hf_der_read(&in, HF_DER_SEQUENCE, &inner) && in.ptr == in.end &&
           read_number(&inner, out_r) && read_number(&inner, out_s) && inner.ptr == inner.end;
}
