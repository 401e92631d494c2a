/* Building DER (X.690 sections 8.1.3 and 10.1). */
#include "der.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define DER_MAX 1048576 /* bytes; nothing we build comes near */

void hf_der_put(hf_der *der, const void *data, size_t len)
{
    if (der->failed || len > DER_MAX - der->len) {
        der->failed = true;
        return;
    }
    if (len > der->room - der->len) {
        size_t room = 2 * (der->len + len);
        uint8_t *grown = realloc(der->data, room);
        if (!grown) {
            der->failed = true;
            return;
        }
        der->data = grown;
        der->room = room;
    }
    if (len > 0)
        memcpy(der->data + der->len, data, len);
    der->len += len;
}

void hf_der_put_i2d(hf_der *der, unsigned char *encoded, int len)
{
    if (!encoded || len <= 0)
        der->failed = true;
    else
        hf_der_put(der, encoded, (size_t)len);
    OPENSSL_free(encoded);
}

void hf_der_wrap(hf_der *der, uint8_t tag, hf_der *inner)
{
    uint8_t header[2 + sizeof(size_t)] = {tag};
    size_t n = 1;
    unsigned bytes = 0;

    for (size_t rest = inner->len; rest > 0; rest >>= 8)
        bytes++;
    if (inner->len < 128) {
        header[n++] = (uint8_t)inner->len;
    } else {
        header[n++] = (uint8_t)(0x80 | bytes);
        while (bytes-- > 0)
            header[n++] = (uint8_t)(inner->len >> (8 * bytes));
    }
    der->failed = der->failed || inner->failed;
    hf_der_put(der, header, n);
    hf_der_put(der, inner->data, inner->len);
    hf_der_cleanup(inner);
}

void hf_der_cleanup(hf_der *der)
{
    free(der->data);
    memset(der, 0, sizeof *der);
}
