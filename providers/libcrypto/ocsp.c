/* OCSP responses (RFC 6960) for one certificate: who signed, about whom, what, and until when.
 *
 * The response must be signed by the certificate's issuer or by somebody whom the issuer made a responder for it
 * (section 4.2.2.2); the issuer is looked for in the chain, then among the trust anchors. Time is the caller's.
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "x509.h"

#define AUTH_LEVEL 2
#define SKEW_S 300            /* a responder's clock may be ahead */
#define AGE_MAX_S (7 * 86400) /* without nextUpdate: this long from thisUpdate */

typedef struct subject {
    X509 *cert;
    X509 *issuer; /* NULL: unknown */
} subject;

static hf_status refuse(const char *phrase, char *why, size_t why_max)
{
    snprintf(why, why_max, "%s", phrase);
    return HF_SEND(HF_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
}

/* By its name and by its key: a peer may send whatever calls itself so. */
static bool has_issued(X509 *candidate, X509 *cert)
{
    return X509_check_issued(candidate, cert) == X509_V_OK && X509_verify(cert, X509_get0_pubkey(candidate)) == 1;
}

/* The issuer among the peer's certificates, else among the anchors. */
static X509 *find_issuer(const hf_ocsp *ocsp, X509 *cert)
{
    X509 *found = NULL;

    for (size_t i = 1; i <= ocsp->n && !found; i++) { /* last the certificate itself: self-signed */
        size_t at = i % ocsp->n;
        X509 *candidate = hf_lc_x509_parse(ocsp->certs[at], ocsp->cert_lens[at]);
        if (candidate && has_issued(candidate, cert))
            found = candidate;
        else
            X509_free(candidate);
    }
    if (found || !ocsp->trust)
        return found;
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (ctx && X509_STORE_CTX_init(ctx, ocsp->trust->store, cert, NULL) == 1 &&
        X509_STORE_CTX_get1_issuer(&found, ctx, cert) != 1)
        found = NULL;
    X509_STORE_CTX_free(ctx);
    return found;
}

/* Whether a response was signed by the issuer, or by a responder of its. */
static bool is_signed(OCSP_BASICRESP *basic, const subject *of, int64_t now)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *certs = sk_X509_new_null();
    bool good = false;

    if (store && certs && X509_STORE_add_cert(store, of->issuer) == 1 && sk_X509_push(certs, of->issuer) > 0) {
        X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
        X509_VERIFY_PARAM_set_time(param, (time_t)now);
        good = OCSP_basic_verify(basic, certs, store, 0) == 1;
    }
    sk_X509_free(certs); /* the issuer is the caller's */
    X509_STORE_free(store);
    return good;
}

/* Without the issuer's key only its name and the number can be compared. */
static bool names(const OCSP_CERTID *id, const subject *of, const EVP_MD *md)
{
    ASN1_OCTET_STRING *name_hash = NULL;
    ASN1_INTEGER *serial = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (OCSP_id_get0_info(&name_hash, NULL, NULL, &serial, (OCSP_CERTID *)(uintptr_t)id) != 1 ||
        X509_NAME_digest(X509_get_issuer_name(of->cert), md, digest, &len) != 1)
        return false;
    return ASN1_STRING_length(name_hash) == (int)len && memcmp(ASN1_STRING_get0_data(name_hash), digest, len) == 0 &&
           ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(of->cert)) == 0;
}

static bool is_about(const OCSP_SINGLERESP *single, const subject *of)
{
    const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(single);
    ASN1_OBJECT *algorithm = NULL;

    if (OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, (OCSP_CERTID *)(uintptr_t)id) != 1)
        return false;
    const EVP_MD *md = EVP_get_digestbyobj(algorithm);
    if (!md)
        return false;
    if (!of->issuer)
        return names(id, of, md);
    OCSP_CERTID *own = OCSP_cert_to_id(md, of->cert, of->issuer);
    bool same = own && OCSP_id_cmp(own, id) == 0;
    OCSP_CERTID_free(own);
    return same;
}

static bool unix_of(const ASN1_GENERALIZEDTIME *time, int64_t *out)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return false;
    *out = (int64_t)timegm(&parts);
    return true;
}

static hf_status judge(OCSP_SINGLERESP *single, int64_t now, int64_t *out_until, char *why, size_t why_max)
{
    ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
    int64_t from, until;

    int status = OCSP_single_get0_status(single, NULL, NULL, &this_update, &next_update);
    if (!this_update || !unix_of(this_update, &from))
        return refuse("the OCSP response has no time that can be read", why, why_max);
    until = from + AGE_MAX_S;
    if (next_update && !unix_of(next_update, &until))
        return refuse("the OCSP response has no time that can be read", why, why_max);
    if (from > now + SKEW_S)
        return refuse("the OCSP response is not valid yet (or the clock here is wrong)", why, why_max);
    if (until <= now)
        return refuse("the OCSP response has expired", why, why_max);
    if (status == V_OCSP_CERTSTATUS_REVOKED) {
        snprintf(why, why_max, "the OCSP response says that the certificate is revoked");
        return HF_SEND(HF_ALERT_CERTIFICATE_REVOKED);
    }
    if (status != V_OCSP_CERTSTATUS_GOOD)
        return refuse("the OCSP response does not know the certificate", why, why_max);
    *out_until = until;
    return HF_OK;
}

static hf_status check_basic(OCSP_BASICRESP *basic, const subject *of, int64_t now, int64_t *out_until, char *why,
                             size_t why_max)
{
    if (of->issuer && !is_signed(basic, of, now))
        return refuse("the OCSP response is not signed by the certificate's issuer or a responder of its", why,
                      why_max);
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        if (is_about(single, of))
            return judge(single, now, out_until, why, why_max);
    }
    return refuse("the OCSP response is about another certificate", why, why_max);
}

/* The signed part of a successful response. */
static OCSP_BASICRESP *parse(const hf_ocsp *ocsp)
{
    const unsigned char *p = ocsp->response;
    OCSP_BASICRESP *basic = NULL;

    if (ocsp->response_len == 0 || ocsp->response_len > HF_OCSP_SIZE_MAX)
        return NULL;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)ocsp->response_len);
    if (response && p == ocsp->response + ocsp->response_len &&
        OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
        basic = OCSP_response_get1_basic(response);
    OCSP_RESPONSE_free(response);
    return basic;
}

hf_status hf_lc_ocsp_check(const hf_ocsp *ocsp, int64_t *out_until, char *why, size_t why_max)
{
    subject of = {NULL, NULL};
    hf_status status;

    if (why_max > 0)
        why[0] = '\0';
    if (ocsp->n == 0 || ocsp->n > HF_CHAIN_MAX)
        return HF_ERR_INVALID;
    OCSP_BASICRESP *basic = parse(ocsp);
    of.cert = hf_lc_x509_parse(ocsp->certs[0], ocsp->cert_lens[0]);
    if (of.cert)
        of.issuer = find_issuer(ocsp, of.cert);
    if (!basic || !of.cert)
        status = refuse("it is no OCSP response (DER) that says \"successful\"", why, why_max);
    else if (!of.issuer && ocsp->trust)
        status = refuse("the issuer that should have signed the OCSP response is not known here", why, why_max);
    else
        status = check_basic(basic, &of, ocsp->unix_time, out_until, why, why_max);
    OCSP_BASICRESP_free(basic);
    X509_free(of.cert);
    X509_free(of.issuer);
    ERR_clear_error();
    return status;
}
