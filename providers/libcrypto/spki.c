/* The parser of usual public keys: see spki.h. Their AlgorithmIdentifiers are compared as a whole, so an absent NULL,
 * explicit curve parameters or another curve are simply other bytes (RFC 3279 section 2.3.1, RFC 5480 section 2.1.1,
 * RFC 8410 section 3). */
#include "spki.h"

#include <string.h>

#include "der_read.h"

#define UNCOMPRESSED 4 /* first byte of an uncompressed point, SEC 1 section 2.3.3 */

static const uint8_t rsa_encryption[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                         0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
static const uint8_t ec_p256[] = {0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                  0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t ec_p384[] = {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                  0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
static const uint8_t ec_p521[] = {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                  0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};
static const uint8_t ed25519[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};

static const struct {
    const uint8_t *algorithm;
    size_t algorithm_len;
    hf_key_type type;
    uint16_t group;
    size_t key_len; /* 0: RSA, of many lengths */
} kinds[] = {
    {ec_p256, sizeof ec_p256, HF_KEY_EC, HF_GROUP_P256, 65}, {rsa_encryption, sizeof rsa_encryption, HF_KEY_RSA, 0, 0},
    {ec_p384, sizeof ec_p384, HF_KEY_EC, HF_GROUP_P384, 97}, {ec_p521, sizeof ec_p521, HF_KEY_EC, HF_GROUP_P521, 133},
    {ed25519, sizeof ed25519, HF_KEY_ED25519, 0, 32},
};

/* An odd number of min..max bytes. */
static bool read_number(hf_der *in, size_t min, size_t max, const uint8_t **out, size_t *out_len)
{
    hf_der number;

    if (!hf_der_read_positive(in, &number))
        return false;
    *out = number.ptr;
    *out_len = (size_t)(number.end - number.ptr);
    return *out_len >= min && *out_len <= max && number.end[-1] & 1;
}

/* RSAPublicKey, RFC 8017 appendix A.1.1. */
static bool read_rsa(hf_der in, hf_lc_spki *out)
{
    hf_der numbers;

    return hf_der_read(&in, HF_DER_SEQUENCE, &numbers) && in.ptr == in.end &&
           read_number(&numbers, HF_LC_SPKI_MODULUS_MIN, HF_LC_SPKI_MODULUS_MAX, &out->key, &out->key_len) &&
           read_number(&numbers, 1, HF_LC_SPKI_EXPONENT_MAX, &out->exponent, &out->exponent_len) &&
           numbers.ptr == numbers.end;
}

/* The AlgorithmIdentifier at the start of `in`: its place in `kinds`, or their number. */
static size_t read_kind(hf_der *in)
{
    size_t i = 0;

    for (; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = kinds[i].algorithm_len;
        if ((size_t)(in->end - in->ptr) >= len && memcmp(in->ptr, kinds[i].algorithm, len) == 0) {
            in->ptr += len;
            break;
        }
    }
    return i;
}

bool hf_lc_spki_read(const uint8_t *der, size_t len, hf_lc_spki *out)
{
    hf_der in = {der, der + len}, info, key;
    hf_lc_spki spki = {0};

    if (!hf_der_read(&in, HF_DER_SEQUENCE, &info) || in.ptr != in.end)
        return false;
    size_t kind = read_kind(&info);
    if (kind == sizeof kinds / sizeof kinds[0] || !hf_der_read(&info, HF_DER_BIT_STRING, &key) || info.ptr != info.end)
        return false;
    if (key.ptr == key.end || *key.ptr++ != 0) /* bits that do not count */
        return false;
    spki.type = kinds[kind].type;
    spki.group = kinds[kind].group;
    if (spki.type == HF_KEY_RSA) {
        if (!read_rsa(key, &spki))
            return false;
    } else {
        spki.key = key.ptr;
        spki.key_len = (size_t)(key.end - key.ptr);
        if (spki.key_len != kinds[kind].key_len || (spki.type == HF_KEY_EC && key.ptr[0] != UNCOMPRESSED))
            return false;
    }
    *out = spki;
    return true;
}
