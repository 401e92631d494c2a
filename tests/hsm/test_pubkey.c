/* The public half as tokens write it: points with and without their OCTET STRING, moduli with zeros before them. No
 * token: a list of functions that knows one object. */
#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <string.h>

#include "pubkey.h"

#define VALUES_MAX 4
#define BYTES_MAX 600

static struct {
    CK_ATTRIBUTE_TYPE type;
    uint8_t bytes[BYTES_MAX];
    size_t len;
} values[VALUES_MAX];
static size_t values_n;

static CK_RV get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *wanted, CK_ULONG n)
{
    (void)session;
    (void)object;
    cr_assert_eq(n, 1);
    for (size_t i = 0; i < values_n; i++) {
        if (values[i].type != wanted->type)
            continue;
        if (wanted->pValue)
            memcpy(wanted->pValue, values[i].bytes, values[i].len);
        wanted->ulValueLen = values[i].len;
        return CKR_OK;
    }
    return CKR_ATTRIBUTE_TYPE_INVALID;
}

static void has(CK_ATTRIBUTE_TYPE type, const void *bytes, size_t len)
{
    cr_assert(values_n < VALUES_MAX && len <= BYTES_MAX);
    values[values_n].type = type;
    values[values_n].len = len;
    memcpy(values[values_n++].bytes, bytes, len);
}

static hf_status read_key(hf_pubkey *out)
{
    static CK_FUNCTION_LIST list = {.C_GetAttributeValue = get_attribute};
    const hf_p11_session session = {.fn = &list, .handle = 1};

    return hf_pubkey_read(&session, 1, out, NULL);
}

static size_t wrap(const uint8_t *point, size_t len, uint8_t *out)
{
    size_t head = len < 128 ? 2 : 3;

    out[0] = 0x04;
    out[1] = len < 128 ? (uint8_t)len : 0x81;
    if (len >= 128)
        out[2] = (uint8_t)len;
    memcpy(out + head, point, len);
    return head + len;
}

/* What the token says, and what it must be taken for. */
static void expect_point(CK_KEY_TYPE type, const void *params, size_t params_len, const uint8_t *point, size_t len)
{
    uint8_t wrapped[BYTES_MAX];
    hf_pubkey key;

    for (int with = 0; with < 2; with++) {
        values_n = 0;
        has(CKA_KEY_TYPE, &type, sizeof type);
        has(CKA_EC_PARAMS, params, params_len);
        if (with)
            has(CKA_EC_POINT, wrapped, wrap(point, len, wrapped));
        else
            has(CKA_EC_POINT, point, len);
        cr_assert_eq(read_key(&key), HF_OK, "%zu bytes, %s OCTET STRING", len, with ? "with" : "without");
        cr_expect_arr_eq(key.spki + key.spki_len - len, point, len);
        hf_pubkey_cleanup(&key);
    }
}

/* A point whose first bytes look like an OCTET STRING of just its length: one of 256. */
static void expect_curve(const char *name, const void *oid, size_t oid_len)
{
    uint8_t point[BYTES_MAX];
    size_t len = 0;
    bool alike = false;

    for (int i = 0; i < 20000 && !alike; i++) {
        EVP_PKEY *pkey = EVP_EC_gen(name);
        cr_assert_eq(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len), 1);
        EVP_PKEY_free(pkey);
        alike = point[1] == len - 2;
        if (i == 0 || alike)
            expect_point(CKK_EC, oid, oid_len, point, len);
    }
    cr_expect(alike);
}

Test(hsm_pubkey, points_with_and_without_their_wrapping)
{
    static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static const uint8_t p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
    static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    uint8_t point[32] = {0x04, 0x1e, 7};

    expect_curve("P-256", p256, sizeof p256);
    expect_curve("P-384", p384, sizeof p384);
    expect_point(CKK_EC_EDWARDS, ed25519, sizeof ed25519, point, sizeof point);
    point[0] = 9;
    expect_point(CKK_EC_EDWARDS, ed25519, sizeof ed25519, point, sizeof point);
}

Test(hsm_pubkey, modulus_with_zeros_before_it)
{
    static const CK_KEY_TYPE type = CKK_RSA;
    static const uint8_t exponent[] = {0, 1, 0, 1};
    uint8_t modulus[1 + 256] = {0, 0xc1};
    hf_pubkey key;

    modulus[256] = 1;
    has(CKA_KEY_TYPE, &type, sizeof type);
    has(CKA_MODULUS, modulus, sizeof modulus);
    has(CKA_PUBLIC_EXPONENT, exponent, sizeof exponent);
    cr_assert_eq(read_key(&key), HF_OK);
    cr_expect_eq(key.bits, 2048);
    hf_pubkey_cleanup(&key);
}
