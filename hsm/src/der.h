/* Building DER: values nest, lengths fill themselves in, an error sticks (X.690). For certificates and requests that a
 * token signs: libcrypto encodes the parts, this puts them together, so that no private key is needed in memory. */
#ifndef HANDFAST_HSM_DER_H
#define HANDFAST_HSM_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hf_der {
    uint8_t *data; /* malloc'ed */
    size_t len;
    size_t room;
    bool failed;
} hf_der;

enum {
    HF_DER_INTEGER = 0x02,
    HF_DER_BIT_STRING = 0x03,
    HF_DER_SEQUENCE = 0x30,
    HF_DER_SET = 0x31,
    HF_DER_CONTEXT_0 = 0xa0,
    HF_DER_CONTEXT_3 = 0xa3
};

/* Appends bytes that are DER already. */
void hf_der_put(hf_der *der, const void *data, size_t len);
/* Appends what a libcrypto i2d function allocated (`len` as it returned) and frees it. */
void hf_der_put_i2d(hf_der *der, unsigned char *encoded, int len);
/* Appends one value: tag, length, and the content of `inner`, which is freed. A failed inner fails der. */
void hf_der_wrap(hf_der *der, uint8_t tag, hf_der *inner);
void hf_der_cleanup(hf_der *der);

#endif
