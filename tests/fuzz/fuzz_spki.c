/* A peer's public key: whatever our own parser takes, libcrypto's decoders take as well, as the same key; and what
 * becomes of the rest is what they say. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "spki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const unsigned char *p = data;
    hf_lc_spki spki;

    if (!hf_lc_spki_read(data, len, &spki))
        return 0; /* libcrypto alone decides */
    EVP_PKEY *ours = hf_lc_spki_key(data, len), *theirs = d2i_PUBKEY(NULL, &p, (long)len);
    if (!ours != !theirs || (ours && (p != data + len || EVP_PKEY_eq(ours, theirs) != 1)))
        abort();
    EVP_PKEY_free(ours);
    EVP_PKEY_free(theirs);
    ERR_clear_error();
    return 0;
}
