/* Makes OCSP responses with libcrypto for the tests. */
#include "ocsp_maker.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>

static ASN1_TIME *time_of(int64_t at)
{
    ASN1_TIME *time = ASN1_GENERALIZEDTIME_set(NULL, (time_t)at);
    cr_assert_not_null(time);
    return time;
}

static size_t encode(OCSP_RESPONSE *response, uint8_t **out)
{
    uint8_t *der = NULL;
    int len = i2d_OCSP_RESPONSE(response, &der);
    cr_assert_gt(len, 0);
    *out = malloc((size_t)len);
    cr_assert_not_null(*out);
    memcpy(*out, der, (size_t)len);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return (size_t)len;
}

size_t test_ocsp_new(const test_ocsp_spec *spec, uint8_t **out)
{
    static const int statuses[] = {V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED, V_OCSP_CERTSTATUS_UNKNOWN};
    const test_cert *signer = spec->signer ? spec->signer : spec->issuer;
    int64_t from = spec->this_update ? spec->this_update : TEST_NOW - 3600;
    int64_t until = spec->next_update ? spec->next_update : TEST_NOW + TEST_DAY;
    ASN1_TIME *this_update = time_of(from), *next_update = until < 0 ? NULL : time_of(until);
    ASN1_TIME *revoked = spec->status == TEST_OCSP_REVOKED ? time_of(from) : NULL;
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(spec->sha256 ? EVP_sha256() : EVP_sha1(), spec->cert->x509, spec->issuer->x509);

    cr_assert(basic && id);
    cr_assert_not_null(OCSP_basic_add1_status(basic, id, statuses[spec->status], OCSP_REVOKED_STATUS_UNSPECIFIED,
                                              revoked, this_update, next_update));
    unsigned long flags = signer == spec->issuer ? OCSP_NOCERTS : 0;
    cr_assert_eq(OCSP_basic_sign(basic, signer->x509, signer->pkey, EVP_sha256(), NULL, flags), 1);
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    cr_assert_not_null(response);
    OCSP_CERTID_free(id);
    OCSP_BASICRESP_free(basic);
    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    ASN1_TIME_free(revoked);
    return encode(response, out);
}

size_t test_ocsp_try_later(uint8_t **out)
{
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL);
    cr_assert_not_null(response);
    return encode(response, out);
}
