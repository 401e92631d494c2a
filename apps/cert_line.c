/* One certificate in one line. See cert_line.h. */
#include "cert_line.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SUBJECT_MAX 256 /* bytes of a subject that are told */

static void put_subject(const X509 *cert, char *out, size_t max)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int n = 0;
    if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0)
        n = BIO_read(bio, out, (int)max - 1);
    out[n > 0 ? n : 0] = 0;
    BIO_free(bio);
}

static X509 *parse(const uint8_t *der, size_t len)
{
    const unsigned char *at = der;
    return len <= LONG_MAX ? d2i_X509(NULL, &at, (long)len) : NULL;
}

const char *hf_cert_untimely(const uint8_t *der, size_t len, time_t now)
{
    X509 *cert = parse(der, len);
    const char *told = NULL;
    if (cert && X509_cmp_time(X509_get0_notAfter(cert), &now) < 0)
        told = "has expired";
    else if (cert && X509_cmp_time(X509_get0_notBefore(cert), &now) > 0)
        told = "is not valid yet";
    X509_free(cert);
    return told;
}

void hf_cert_line(const uint8_t *der, size_t len, char *out, size_t max)
{
    X509 *cert = parse(der, len);
    BIGNUM *serial = cert ? ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL) : NULL;
    char *hex = serial ? BN_bn2hex(serial) : NULL;
    char subject[SUBJECT_MAX], until[32] = "";
    struct tm time;
    if (hex && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &time) == 1 &&
        strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &time) > 0) {
        put_subject(cert, subject, sizeof subject);
        snprintf(out, max, "%s, serial %s, valid until %s", subject[0] ? subject : "(no subject)", hex, until);
    } else {
        snprintf(out, max, "a certificate that cannot be read");
    }
    OPENSSL_free(hex);
    BN_free(serial);
    X509_free(cert);
}
