/* The parser of our own ECDSA signatures: whatever it takes is, byte for byte, the one encoding of its two numbers, and
 * they are in range. */
#include <stdlib.h>
#include <string.h>

#include "signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Appends an INTEGER. */
static size_t encode(uint8_t *out, const hf_scalar *number)
{
    uint8_t bytes[1 + HF_P256_BYTES] = {0};
    size_t skip = 0, len;

    hf_p256_limbs_write(bytes + 1, number->l);
    while (bytes[skip] == 0 && !(bytes[skip + 1] & 0x80))
        skip++;
    len = sizeof bytes - skip;
    out[0] = 0x02;
    out[1] = (uint8_t)len;
    memcpy(out + 2, bytes + skip, len);
    return 2 + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t again[HF_P256_SIGNATURE_MAX];
    hf_scalar r, s;

    if (!hf_p256_signature_read(data, len, &r, &s))
        return 0;
    if (hf_p256_limbs_zero(r.l) || hf_p256_limbs_zero(s.l) || !hf_p256_limbs_below(r.l, hf_scalar_order) ||
        !hf_p256_limbs_below(s.l, hf_scalar_order))
        abort();
    size_t inner = encode(again + 2, &r);
    inner += encode(again + 2 + inner, &s);
    again[0] = 0x30;
    again[1] = (uint8_t)inner;
    if (len != 2 + inner || memcmp(data, again, len) != 0)
        abort();
    return 0;
}
