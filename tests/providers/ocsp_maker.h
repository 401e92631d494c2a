/* OCSP responses made at test time, and all that can be wrong with them. A failure to make one ends the test. */
#ifndef HANDFAST_TESTS_OCSP_MAKER_H
#define HANDFAST_TESTS_OCSP_MAKER_H

#include "certs.h"

typedef enum test_ocsp_status { TEST_OCSP_GOOD, TEST_OCSP_REVOKED, TEST_OCSP_UNKNOWN } test_ocsp_status;

/* What to make; zeros take the default in brackets. */
typedef struct test_ocsp_spec {
    const test_cert *cert;   /* about whom */
    const test_cert *issuer; /* of the certificate */
    const test_cert *signer; /* whose key signs [the issuer]; sent along when it is another */
    test_ocsp_status status;
    int64_t this_update; /* [an hour before TEST_NOW] */
    int64_t next_update; /* [a day after TEST_NOW]; -1: none */
    bool sha256;         /* the hash that names the certificate [SHA-1] */
} test_ocsp_spec;

/* DER in *out, to be freed with free; its length. */
size_t test_ocsp_new(const test_ocsp_spec *spec, uint8_t **out);
/* A response that says "try later" and holds nothing. */
size_t test_ocsp_try_later(uint8_t **out);

#endif
